package dnswire

import (
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

func itoa(i int) string { return strconv.Itoa(i) }

// Rdata is the record's data in canonical text: no owner, no TTL, host names
// in lower case, so that two servers' answers compare as sets (RFC 4034 6.2).
func Rdata(rr RR) string {
	c := dns.Copy(rr)
	lowerNames(c)
	h := c.Header().String()
	s := strings.TrimPrefix(c.String(), h)
	return strings.TrimSpace(s)
}

func lowerNames(rr RR) {
	switch r := rr.(type) {
	case *dns.CNAME:
		r.Target = Name(r.Target)
	case *dns.DNAME:
		r.Target = Name(r.Target)
	case *dns.NS:
		r.Ns = Name(r.Ns)
	case *dns.MX:
		r.Mx = Name(r.Mx)
	case *dns.PTR:
		r.Ptr = Name(r.Ptr)
	case *dns.SRV:
		r.Target = Name(r.Target)
	case *dns.SOA:
		r.Ns, r.Mbox = Name(r.Ns), Name(r.Mbox)
	case *dns.DS:
		r.Digest = strings.ToUpper(r.Digest)
	}
}

// RdataSet gives the sorted, distinct Rdata of the records.
func RdataSet(rrs []RR) []string {
	out := make([]string, 0, len(rrs))
	for _, rr := range rrs {
		out = append(out, Rdata(rr))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Set picks the records of an owner and type out of a section, duplicates
// (which a hostile server may send and RFC 2181 5 forbids) left out.
func Set(section []RR, owner string, t uint16) []RR {
	owner = Name(owner)
	var out []RR
	var seen map[string]bool // of a large set: comparing all with all costs its square
	for _, rr := range section {
		h := rr.Header()
		if h.Rrtype != t || h.Class != dns.ClassINET || Name(h.Name) != owner {
			continue
		}
		if len(out) == smallSet && seen == nil {
			seen = make(map[string]bool)
			for _, o := range out {
				seen[Rdata(o)] = true
			}
		}
		if seen != nil {
			if k := Rdata(rr); !seen[k] {
				seen[k] = true
				out = append(out, rr)
			}
		} else if !slices.ContainsFunc(out, func(o RR) bool { return dns.IsDuplicate(o, rr) }) {
			out = append(out, rr)
		}
	}
	return out
}

// smallSet is what an honest set hardly exceeds.
const smallSet = 16

// Sigs picks the RRSIGs that cover type t at the owner out of a section.
func Sigs(section []RR, owner string, t uint16) []*RRSIG {
	owner = Name(owner)
	var out []*RRSIG
	for _, rr := range section {
		if s, ok := rr.(*dns.RRSIG); ok && s.TypeCovered == t && Name(s.Hdr.Name) == owner {
			out = append(out, s)
		}
	}
	return out
}

// TTL is the smallest TTL of the records; ok is false when there are none.
func TTL(rrs []RR) (ttl uint32, ok bool) {
	for i, rr := range rrs {
		if t := rr.Header().Ttl; i == 0 || t < ttl {
			ttl = t
		}
	}
	return ttl, len(rrs) > 0
}

// FirstSOA is the first SOA of a section, or nil.
func FirstSOA(section []RR) *SOA {
	for _, rr := range section {
		if s, ok := rr.(*dns.SOA); ok {
			return s
		}
	}
	return nil
}

// SerialNewer is RFC 1982 3.2: a > b in serial arithmetic. Two serials exactly
// half the circle apart are not comparable and neither is newer.
func SerialNewer(a, b uint32) bool {
	d := a - b
	return d != 0 && d < 1<<31
}

// Same tells whether two replies to one question say the same: rcode and the
// answer's data as a set; TTL, order, case and signatures don't count.
func Same(a, b *Msg) bool {
	return a.Rcode == b.Rcode && a.Truncated == b.Truncated && slices.Equal(answerKeys(a), answerKeys(b))
}

func answerKeys(m *Msg) []string {
	var out []string
	for _, rr := range m.Answer {
		if t := rr.Header().Rrtype; t != TypeRRSIG && t != TypeOPT {
			out = append(out, Name(rr.Header().Name)+" "+TypeName(t)+" "+Rdata(rr))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
