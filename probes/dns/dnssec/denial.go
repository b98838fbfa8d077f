package dnssec

import (
	"slices"
	"time"

	"github.com/miekg/dns"
)

// prover is either kind of denial of existence.
type prover interface {
	nxdomain(name string) Outcome
	nodata(name string, qtype uint16) Outcome
	noCloser(name string, labels int) Outcome
	noDS(name string) Outcome
}

// ProveNXDOMAIN says whether authority, the section of an answer by zone,
// proves that name does not exist.
func ProveNXDOMAIN(zone, name string, authority []dns.RR, keys []*dns.DNSKEY, now time.Time, b *Budget) Outcome {
	p, o := proofs(zone, authority, keys, now, b)
	if p == nil {
		return o
	}
	return blame(p.nxdomain(canonical(name)), o)
}

// ProveNoData says whether authority proves that name exists (or is a wildcard's,
// or an empty non-terminal) and has no records of qtype.
func ProveNoData(zone, name string, qtype uint16, authority []dns.RR, keys []*dns.DNSKEY, now time.Time, b *Budget) Outcome {
	p, o := proofs(zone, authority, keys, now, b)
	if p == nil {
		return o
	}
	return blame(p.nodata(canonical(name), qtype), o)
}

// ProveWildcard says whether authority proves that nothing closer to name than
// the wildcard exists; labels is Outcome.Labels of the positive answer.
func ProveWildcard(zone, name string, labels int, authority []dns.RR, keys []*dns.DNSKEY, now time.Time, b *Budget) Outcome {
	p, o := proofs(zone, authority, keys, now, b)
	if p == nil {
		if o.Cause == DenialMissing {
			o = bogus(WildcardUnproof, "the answer for %s comes from a wildcard and no NSEC or NSEC3 record is with it", canonical(name))
		}
		return o
	}
	return p.noCloser(canonical(name), labels)
}

// IsCut says whether m, the answer of zone's own server to a DS query for child,
// proves that child is a zone of its own: by a DS set, or by the proof that the
// delegation has none.
func IsCut(zone, child string, m *dns.Msg, keys []*dns.DNSKEY, now time.Time, b *Budget) bool {
	if set := rrset(m.Answer, child, dns.TypeDS); len(set) > 0 {
		return VerifyRRset(zone, set, signatures(m.Answer, child, dns.TypeDS), keys, now, b).Status == Secure
	}
	o := ProveNoDS(zone, child, m.Ns, keys, now, b)
	return o.Cause == UnsignedDelegation || o.Cause == OptOut
}

// ProveNoDS says what the parent zone proves of child's missing DS: Insecure
// with UnsignedDelegation or OptOut when the delegation is rightly unsigned,
// Secure when child is no zone cut at all, Bogus when it proves neither.
func ProveNoDS(zone, child string, authority []dns.RR, keys []*dns.DNSKEY, now time.Time, b *Budget) Outcome {
	p, o := proofs(zone, authority, keys, now, b)
	if p == nil {
		return o
	}
	return blame(p.noDS(canonical(child)), o)
}

// blame names the record that does not verify as the cause of a proof that is
// not whole: it was perhaps the missing part.
func blame(o, failed Outcome) Outcome {
	if o.Status == Bogus && (o.Cause == DenialWrong || o.Cause == DenialMissing) && failed.Cause == DenialUnsigned {
		return failed
	}
	return o
}

// proofs verifies the NSEC or NSEC3 records of an answer. Without a usable one
// the Outcome says why, else it is that of a record that does not verify, if
// there is one.
func proofs(zone string, authority []dns.RR, keys []*dns.DNSKEY, now time.Time, b *Budget) (prover, Outcome) {
	if len(authority) > MaxRecords {
		return nil, bogus(WorkLimit, "an authority section of %d records; more than %d are not looked at", len(authority), MaxRecords)
	}
	var failed Outcome // of a record that does not verify
	n3 := nsec3s{zone: canonical(zone), budget: b, spent: new(bool)}
	n := nsecs{zone: canonical(zone)}
	for _, rr := range denials(zone, authority) {
		h := rr.Header()
		o := VerifyRRset(zone, rrset(authority, h.Name, h.Rrtype), signatures(authority, h.Name, h.Rrtype), keys, now, b)
		if o.Status != Secure || o.Labels >= 0 { // a denial made from a wildcard denies nothing (RFC 4035 5.4)
			failed = unsignedDenial(o, h.Name)
			continue
		}
		switch rr := rr.(type) {
		case *dns.NSEC:
			n.list = append(n.list, rr)
		case *dns.NSEC3:
			if len(n3.list) == 0 || sameParams(rr, n3.list[0]) {
				n3.list = append(n3.list, rr)
			}
		}
	}
	switch {
	case len(n3.list) > 0 && n3.list[0].Iterations > MaxNSEC3Iterations:
		return nil, insecure(NSEC3Iterations, "%s uses %d NSEC3 iterations, more than %d", canonical(zone), n3.list[0].Iterations, MaxNSEC3Iterations)
	case len(n3.list) > 0:
		return n3, failed
	case len(n.list) > 0:
		return n, failed
	case failed.Detail != "":
		return nil, failed
	}
	return nil, bogus(DenialMissing, "the answer is negative and has no NSEC or NSEC3 record of %s", canonical(zone))
}

// denials picks the NSEC and usable NSEC3 records, one of each owner.
func denials(zone string, authority []dns.RR) []dns.RR {
	var out []dns.RR
	seen := map[string]bool{}
	for _, rr := range authority {
		switch rr := rr.(type) {
		case *dns.NSEC:
		case *dns.NSEC3:
			if !goodNSEC3(rr, zone) {
				continue
			}
		default:
			continue
		}
		if owner := canonical(rr.Header().Name); !seen[owner] {
			seen[owner] = true
			out = append(out, rr)
		}
	}
	return out
}

func unsignedDenial(o Outcome, owner string) Outcome {
	if o.Status == Bogus {
		return bogus(DenialUnsigned, "the proof at %s: %s", canonical(owner), o.Detail)
	}
	if o.Status == Secure {
		return bogus(DenialWrong, "the proof at %s was made from a wildcard", canonical(owner))
	}
	return o
}

func sameParams(a, b *dns.NSEC3) bool {
	return a.Hash == b.Hash && a.Iterations == b.Iterations && a.Salt == b.Salt
}

// typeNXNAME stands in the bitmap of a name that does not exist (RFC 9824
// section 2): with it a signer answers NOERROR where others say NXDOMAIN.
const typeNXNAME = 128

// CompactDenial tells whether a NOERROR answer without records says in truth
// that name does not exist. It verifies nothing.
func CompactDenial(name string, m *dns.Msg) bool {
	return slices.ContainsFunc(m.Ns, func(rr dns.RR) bool {
		n, ok := rr.(*dns.NSEC)
		return ok && sameName(n.Hdr.Name, name) && has(n.TypeBitMap, typeNXNAME)
	})
}
