package baseline

import (
	"net/netip"
	"slices"
	"strings"
)

// Match compares found values (canonical rdata) with what is approved. ok is
// true when the policy is kept; strange lists values that it doesn't allow and
// missing those that it asks for and that weren't found.
func (r Record) Match(found []string) (ok bool, strange, missing []string) {
	switch r.Policy {
	case Ignore:
		return true, nil, nil
	case Within:
		for _, v := range found {
			if !r.inside(v) {
				strange = append(strange, v)
			}
		}
		return len(strange) == 0, strange, nil
	}
	for _, v := range found {
		if !slices.Contains(r.Values, v) {
			strange = append(strange, v)
		}
	}
	if r.Policy == Subset {
		if len(found) == 0 && len(r.Values) > 0 {
			return false, strange, r.Values
		}
		return len(strange) == 0, strange, nil
	}
	for _, v := range r.Values {
		if !slices.Contains(found, v) {
			missing = append(missing, v)
		}
	}
	return len(strange) == 0 && len(missing) == 0, strange, missing
}

// inside tells whether a value is an address of the networks or AS numbers, a name below the
// suffixes (its last field, so that "10 mail.example." works) or a listed value.
func (r Record) inside(v string) bool {
	if slices.Contains(r.Values, v) {
		return true
	}
	if a, err := netip.ParseAddr(v); err == nil {
		return slices.ContainsFunc(r.Networks, func(p netip.Prefix) bool { return p.Contains(a.Unmap()) }) || len(r.ASN) > 0 && slices.Contains(r.ASN, r.table.AS(a))
	}
	f := strings.Fields(v)
	return len(f) > 0 && slices.ContainsFunc(r.Suffixes, func(s string) bool {
		s = strings.TrimPrefix(strings.ToLower(s), ".")
		return f[len(f)-1] == s || strings.HasSuffix(f[len(f)-1], "."+s)
	})
}
