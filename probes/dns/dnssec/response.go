package dnssec

import (
	"time"

	"github.com/miekg/dns"
)

// maxChain bounds the CNAME and DNAME steps that are followed in one answer.
const maxChain = 16

// VerifyResponse validates a whole authoritative answer of zone to name and
// qtype: the record set with its wildcard proof, a chain of CNAME and DNAME as
// far as it stays inside the zone, or the proof that there is nothing. keys
// are what VerifyKeys gave for zone.
//
// The Outcome is the worst of its parts; a chain that leaves the zone is judged
// up to where it leaves.
func VerifyResponse(zone, name string, qtype uint16, m *dns.Msg, keys []*dns.DNSKEY, now time.Time, b *Budget) Outcome {
	if len(m.Answer) > MaxRecords || len(m.Ns) > MaxRecords {
		return bogus(Malformed, "an answer of %d records", len(m.Answer)+len(m.Ns))
	}
	v := view{zone: canonical(zone), msg: m, keys: keys, now: now, budget: b}
	total := secure()
	visited := map[string]bool{}
	for at := canonical(name); ; {
		if visited[at] || len(visited) >= maxChain {
			return bogus(Malformed, "the CNAME records of %s run in a circle or do not end", canonical(name))
		}
		visited[at] = true
		o, next := v.step(at, qtype)
		total = worse(total, o)
		if next == "" || o.Status == Bogus || !within(next, zone) {
			return total
		}
		at = canonical(next)
	}
}

type view struct {
	zone   string
	msg    *dns.Msg
	keys   []*dns.DNSKEY
	now    time.Time
	budget *Budget
}

// step judges what the answer says of one name; next is where it sends us on.
func (v view) step(at string, qtype uint16) (o Outcome, next string) {
	if set := rrset(v.msg.Answer, at, qtype); len(set) > 0 {
		return v.positive(at, set), ""
	}
	if d := v.dnameAbove(at); d != nil {
		target := synthesize(at, d)
		if target == "" {
			return bogus(Malformed, "the DNAME of %s makes no name of %s", d.Hdr.Name, at), ""
		}
		return v.positive(d.Hdr.Name, rrset(v.msg.Answer, d.Hdr.Name, dns.TypeDNAME)), target
	}
	if set := rrset(v.msg.Answer, at, dns.TypeCNAME); len(set) > 0 && qtype != dns.TypeCNAME {
		return v.positive(at, set), set[0].(*dns.CNAME).Target
	}
	if v.msg.Rcode == dns.RcodeNameError {
		return ProveNXDOMAIN(v.zone, at, v.msg.Ns, v.keys, v.now, v.budget), ""
	}
	return ProveNoData(v.zone, at, qtype, v.msg.Ns, v.keys, v.now, v.budget), ""
}

// positive verifies a record set and, when a wildcard made it, the proof due.
func (v view) positive(at string, set []dns.RR) Outcome {
	rrtype := set[0].Header().Rrtype
	o := VerifyRRset(v.zone, set, signatures(v.msg.Answer, at, rrtype), v.keys, v.now, v.budget)
	if o.Status != Secure || o.Labels < 0 {
		return o
	}
	return worse(o, ProveWildcard(v.zone, at, o.Labels, v.msg.Ns, v.keys, v.now, v.budget))
}

// dnameAbove finds a DNAME of the answer strictly above the name (RFC 6672).
func (v view) dnameAbove(at string) *dns.DNAME {
	for _, rr := range v.msg.Answer {
		d, ok := rr.(*dns.DNAME)
		if ok && !sameName(d.Hdr.Name, at) && within(at, d.Hdr.Name) && within(d.Hdr.Name, v.zone) {
			return d
		}
	}
	return nil
}

// synthesize applies a DNAME to a name; "" when the result would be too long
// (RFC 6672 section 2.2).
func synthesize(name string, d *dns.DNAME) string {
	owner, target := canonical(d.Hdr.Name), canonical(d.Target)
	prefix := canonical(name)[:len(canonical(name))-len(owner)]
	if target == "." {
		target = ""
	}
	out := dns.Fqdn(prefix + target)
	if _, ok := dns.IsDomainName(out); !ok {
		return ""
	}
	return out
}

// worse gives the graver of two outcomes; of equals the first, but the earlier
// expiry of both.
func worse(a, b Outcome) Outcome {
	rank := map[Status]int{Secure: 0, Insecure: 1, Indeterminate: 2, Bogus: 3}
	out, other := a, b
	if rank[b.Status] > rank[a.Status] {
		out, other = b, a
	}
	if other.Expires != 0 && (out.Expires == 0 || other.Expires < out.Expires) {
		out.Expires = other.Expires
	}
	return out
}
