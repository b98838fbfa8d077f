package dnssec

import (
	"slices"
	"time"

	"github.com/miekg/dns"
)

// maxChain bounds the CNAME and DNAME steps that are followed in one answer.
const maxChain = 16

// VerifyResponse validates a whole authoritative answer of zone to name and
// qtype: the record set with its wildcard proof, a chain of CNAME and DNAME as
// far as it stays inside the zone, or the proof that there is nothing. keys
// are what VerifyKeys gave for zone. cuts are names below zone that are proven
// to be delegated (IsCut): what lies at or below one is of another zone, though
// a server of both may give it in one answer.
//
// The Outcome is the worst of its parts; a chain that leaves the zone is judged
// up to where it leaves, and a name outside is OtherZone.
func VerifyResponse(zone, name string, qtype uint16, m *dns.Msg, keys []*dns.DNSKEY, now time.Time, b *Budget, cuts ...string) Outcome {
	if len(m.Answer) > MaxRecords || len(m.Ns) > MaxRecords {
		return bogus(WorkLimit, "an answer of %d records; more than %d in a section are not looked at", len(m.Answer)+len(m.Ns), MaxRecords)
	}
	v := view{zone: canonical(zone), msg: m, keys: keys, now: now, budget: b}
	leaves := func(at string) bool {
		return !within(at, zone) || slices.ContainsFunc(cuts, func(c string) bool { return within(at, c) })
	}
	total, at := secure(), canonical(name)
	if leaves(at) {
		return indeterminate(OtherZone, "%s is of another zone", at)
	}
	visited := map[string]bool{}
	for {
		if visited[at] || len(visited) >= maxChain {
			return bogus(Malformed, "the CNAME records of %s run in a circle or do not end", canonical(name))
		}
		visited[at] = true
		o, next := v.step(at, qtype)
		total = worse(total, o)
		if next == "" || o.Status == Bogus || leaves(next) || v.silent(next) {
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
	set := rrset(v.msg.Answer, at, qtype)
	// Below a DNAME there is nothing but what is made from it, unsigned.
	if d := v.dnameAbove(at); d != nil && (len(set) == 0 || len(signatures(v.msg.Answer, at, qtype)) == 0) {
		return v.redirected(at, qtype, d)
	}
	if len(set) > 0 {
		return v.positive(at, set), ""
	}
	if set := rrset(v.msg.Answer, at, dns.TypeCNAME); len(set) > 0 {
		return v.positive(at, set), set[0].(*dns.CNAME).Target
	}
	if v.msg.Rcode == dns.RcodeNameError {
		o = ProveNXDOMAIN(v.zone, at, v.msg.Ns, v.keys, v.now, v.budget)
	} else {
		o = ProveNoData(v.zone, at, qtype, v.msg.Ns, v.keys, v.now, v.budget)
	}
	if o.Status != Secure && o.Cause != OptOut {
		return o, ""
	}
	return worse(o, v.soa()), ""
}

// soa verifies the SOA of a negative answer: its TTL is how long resolvers keep
// the answer, and they refuse one that is not signed.
func (v view) soa() Outcome {
	set := rrset(v.msg.Ns, v.zone, dns.TypeSOA)
	if len(set) == 0 {
		return secure()
	}
	return VerifyRRset(v.zone, set, signatures(v.msg.Ns, v.zone, dns.TypeSOA), v.keys, v.now, v.budget)
}

// redirected judges a name below a DNAME (RFC 6672): the DNAME is signed, the
// CNAME that a server makes of it is not and must say the same.
func (v view) redirected(at string, qtype uint16, d *dns.DNAME) (o Outcome, next string) {
	target := synthesize(at, d)
	if target == "" {
		return bogus(Malformed, "the DNAME of %s makes no name of %s", d.Hdr.Name, at), ""
	}
	o = v.positive(canonical(d.Hdr.Name), rrset(v.msg.Answer, d.Hdr.Name, dns.TypeDNAME))
	if o.Status == Secure && o.Labels >= 0 { // RFC 6672 section 3.3: validators don't take it
		return bogus(Malformed, "the DNAME of %s was made from a wildcard", canonical(d.Hdr.Name)), ""
	}
	for _, rr := range rrset(v.msg.Answer, at, dns.TypeCNAME) {
		if c := rr.(*dns.CNAME).Target; !sameName(c, target) {
			return bogus(SigInvalid, "%s is an alias for %s, but the signed DNAME of %s makes it %s", at, canonical(c), canonical(d.Hdr.Name), target), ""
		}
	}
	if qtype == dns.TypeCNAME {
		return o, ""
	}
	return o, target
}

// silent tells whether the answer ends with an alias: it says nothing at all of
// the target, which a resolver then asks for by itself.
func (v view) silent(next string) bool {
	if v.msg.Rcode != dns.RcodeSuccess {
		return false
	}
	for _, rr := range v.msg.Answer {
		// A DNAME says something of what is below it.
		if h := rr.Header(); sameName(h.Name, next) || h.Rrtype == dns.TypeDNAME && within(next, h.Name) {
			return false
		}
	}
	// A negative answer has a SOA; NSEC alone may prove a wildcard on the way.
	return !slices.ContainsFunc(v.msg.Ns, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeSOA })
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
