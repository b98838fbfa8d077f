package dns

import (
	"regexp"
	"slices"
	"strings"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/dnswire"
	"watchpost.example/probes/wire"
)

// The ways to compare records.
const (
	matchExact  = "exact"  // these records and no others
	matchSubset = "subset" // none but these, at least one
	matchHas    = "has"    // these, and perhaps others
	matchRegexp = "regexp" // every record matches one of the expressions
)

func matches() []string { return []string{matchExact, matchSubset, matchHas, matchRegexp} }

// expectation is Expect made ready.
type expectation struct {
	rcode         int
	match         string
	values        []string // canonical rdata
	patterns      []*regexp.Regexp
	authoritative bool
}

// judge sets verdict, reason and detail from a reply.
func judge(a *wire.Answer, e expectation, r *dnswire.Reply) {
	a.Verdict, a.Reason, a.Detail = verdict(e, r)
	if a.Verdict != probes.Up {
		a.Attach("text/plain; charset=utf-8", []byte(r.Msg.String()))
	}
}

func verdict(e expectation, r *dnswire.Reply) (probes.Verdict, probes.Reason, string) {
	m := r.Msg
	if m.Rcode != e.rcode {
		reason := probes.DNSRcode
		switch m.Rcode {
		case dnswire.RcodeNXDomain:
			reason = probes.DNSNXDomain
		case dnswire.RcodeServFail:
			reason = probes.DNSServFail
		case dnswire.RcodeRefused:
			reason = probes.DNSRefused
		}
		return probes.Down, reason, "the server says " + dnswire.RcodeName(m.Rcode) + ", expected " + dnswire.RcodeName(e.rcode)
	}
	if r.TCPErr != nil || m.Truncated {
		return probes.Down, probes.DNSTruncated, "the answer is cut off and can't be had over TCP"
	}
	if e.authoritative && !m.Authoritative {
		return probes.Down, probes.DNSAnswer, "the server answers without authority (no AA flag)"
	}
	found := answered(r)
	if why := e.differs(found); why != "" {
		reason := probes.DNSAnswer
		if t := r.Query.Type; len(found) == 0 && (t == dnswire.TypeA || t == dnswire.TypeAAAA) {
			reason = probes.DNSNoAddress
		}
		return probes.Down, reason, probes.Clip(why, probes.MaxDetail)
	}
	return probes.Up, probes.OK, ""
}

// answered is the set of the type asked for, at the end of the aliases.
func answered(r *dnswire.Reply) []string {
	name := r.Query.Name
	for range 16 { // aliases in one answer; more is a loop
		if set := dnswire.Set(r.Msg.Answer, name, r.Query.Type); len(set) > 0 {
			return dnswire.RdataSet(set)
		}
		alias := dnswire.Set(r.Msg.Answer, name, dnswire.TypeCNAME)
		if len(alias) == 0 {
			return nil
		}
		name = dnswire.Target(alias[0])
	}
	return nil
}

// differs says how the found records break the expectation; "" = they don't.
func (e expectation) differs(found []string) string {
	if len(e.values) == 0 && len(e.patterns) == 0 {
		if e.rcode == dnswire.RcodeSuccess && len(found) == 0 {
			return "no record of the type asked for"
		}
		return ""
	}
	var strange, missing []string
	for _, v := range found {
		ok := slices.Contains(e.values, v) || slices.ContainsFunc(e.patterns, func(p *regexp.Regexp) bool { return p.MatchString(v) })
		if !ok && e.match != matchHas {
			strange = append(strange, v)
		}
	}
	if e.match == matchExact || e.match == matchHas {
		for _, v := range e.values {
			if !slices.Contains(found, v) {
				missing = append(missing, v)
			}
		}
	}
	switch {
	case len(found) == 0:
		return "no record of the type asked for; expected " + quoted(slices.Concat(e.values, texts(e.patterns)))
	case len(strange) > 0 && len(missing) > 0:
		return "found " + quoted(strange) + " instead of " + quoted(missing)
	case len(strange) > 0:
		return "found beside what is expected: " + quoted(strange)
	case len(missing) > 0:
		return "missing: " + quoted(missing)
	}
	return ""
}

func texts(patterns []*regexp.Regexp) []string {
	var out []string
	for _, p := range patterns {
		out = append(out, p.String())
	}
	return out
}

func quoted(l []string) string {
	var b strings.Builder
	for i, s := range l {
		switch {
		case i == 6:
			b.WriteString(", …")
		case i > 6:
		default:
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(probes.Quote(s, 80))
		}
	}
	return b.String()
}
