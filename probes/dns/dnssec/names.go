package dnssec

import (
	"bytes"
	"strings"

	"github.com/miekg/dns"
)

// labels gives a name's labels in wire form, lower-cased, the leftmost first;
// none for a name that has no wire form.
func labels(name string) (out [][]byte) {
	buf, _ := wireName(name)
	for i := 0; i < len(buf) && buf[i] != 0; i += 1 + int(buf[i]) {
		out = append(out, buf[i+1:i+1+int(buf[i])])
	}
	return out
}

// wireName is a name in uncompressed wire form and lower case; ok is false for
// one that has none.
func wireName(name string) (wire []byte, ok bool) {
	buf := make([]byte, 255)
	n, err := dns.PackDomainName(dns.Fqdn(name), buf, 0, nil, false)
	if err != nil {
		return nil, false
	}
	for i, c := range buf[:n] { // ASCII only: octets above are no letters here
		if 'A' <= c && c <= 'Z' {
			buf[i] = c + 'a' - 'A'
		}
	}
	return buf[:n], true
}

// compareNames orders two names as RFC 4034 section 6.1 does: label by label
// from the right, as lower-case octets. Names without a wire form sort first.
func compareNames(a, b string) int {
	la, lb := labels(a), labels(b)
	for i, j := len(la)-1, len(lb)-1; i >= 0 && j >= 0; i, j = i-1, j-1 {
		if c := bytes.Compare(la[i], lb[j]); c != 0 {
			return c
		}
	}
	return len(la) - len(lb)
}

func sameName(a, b string) bool { return canonical(a) == canonical(b) }

func canonical(name string) string { return strings.ToLower(dns.Fqdn(name)) }

// within tells whether name is zone or below it, label by label, so that
// "ov.vn." holds nothing of "gov.vn.".
func within(name, zone string) bool { return dns.IsSubDomain(canonical(zone), canonical(name)) }

// parent is the name without its leftmost label; "." for the root itself.
func parent(name string) string {
	i, end := dns.NextLabel(name, 0)
	if end {
		return "."
	}
	return name[i:]
}

// ancestors gives name, its parent, and so on up to and with zone.
func ancestors(name, zone string) []string {
	var out []string
	zone = canonical(zone)
	for n := canonical(name); ; n = parent(n) {
		out = append(out, n)
		if n == zone || n == "." {
			return out
		}
	}
}

// commonAncestor is the longest name that both names lie under.
func commonAncestor(a, b string) string {
	n := dns.CompareDomainName(canonical(a), canonical(b))
	l := dns.SplitDomainName(canonical(a))
	return dns.Fqdn(strings.Join(l[len(l)-n:], "."))
}

// rrset picks the records of one owner and type, with the owner in lower case,
// because the library refuses a set of mixed case. It drops duplicates itself.
func rrset(rrs []dns.RR, owner string, rrtype uint16) []dns.RR {
	var out []dns.RR
	for _, rr := range rrs {
		if h := rr.Header(); h.Rrtype != rrtype || h.Class != dns.ClassINET || !sameName(h.Name, owner) {
			continue
		}
		if len(out) >= MaxRecords {
			break
		}
		c := dns.Copy(rr)
		c.Header().Name = canonical(owner)
		out = append(out, c)
	}
	return out
}

// signatures picks the RRSIGs over one owner and type.
func signatures(rrs []dns.RR, owner string, rrtype uint16) []*dns.RRSIG {
	var out []*dns.RRSIG
	for _, rr := range rrs {
		if s, ok := rr.(*dns.RRSIG); ok && s.TypeCovered == rrtype && s.Hdr.Class == dns.ClassINET && sameName(s.Hdr.Name, owner) {
			out = append(out, s)
		}
	}
	return out
}
