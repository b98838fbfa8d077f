package dnssec

import (
	"encoding/hex"
	"strings"

	"github.com/miekg/dns"
)

// nsec3s is the NSEC3 proofs of one answer, verified, all with the parameters
// of the first (RFC 5155 section 8.2).
type nsec3s struct {
	zone   string
	list   []*dns.NSEC3
	budget *Budget
	// spent is set when the Budget ended a search: then nothing is proven either way.
	spent *bool
}

// goodNSEC3 tells whether a record may be used at all: hash SHA-1, no unknown
// flag, owner just below the zone (RFC 5155 sections 8.1 and 8.2). The
// library's Cover and Match do not look, and say "covered" to an unknown hash.
func goodNSEC3(n *dns.NSEC3, zone string) bool {
	if n.Hash != dns.SHA1 || n.Flags > 1 || len(n.NextDomain) != 32 || !sameName(parent(n.Hdr.Name), zone) {
		return false
	}
	_, err := hex.DecodeString(n.Salt)
	return err == nil && len(ownerHash(n)) == 32
}

func ownerHash(n *dns.NSEC3) string {
	i := strings.IndexByte(n.Hdr.Name, '.')
	if i < 0 {
		return ""
	}
	return strings.ToUpper(n.Hdr.Name[:i])
}

// hash gives the name's hash, "" when the Budget is used up.
func (p nsec3s) hash(name string) string {
	if !p.budget.hash() {
		*p.spent = true
		return ""
	}
	n := p.list[0]
	return dns.HashName(canonical(name), n.Hash, n.Iterations, n.Salt)
}

func (p nsec3s) match(name string) *dns.NSEC3 {
	h := p.hash(name)
	for _, n := range p.list {
		if h != "" && ownerHash(n) == h {
			return n
		}
	}
	return nil
}

func (p nsec3s) cover(name string) *dns.NSEC3 {
	h := p.hash(name)
	if h == "" {
		return nil
	}
	for _, n := range p.list {
		owner, next := ownerHash(n), strings.ToUpper(n.NextDomain)
		after, before := owner < h, h < next
		if owner >= next && (after || before) || after && before {
			return n
		}
	}
	return nil
}

// closest is the closest encloser proof of RFC 5155 section 8.3: the longest
// existing ancestor, and the record that covers the name next closer to name.
// ce is "" when there is none.
func (p nsec3s) closest(name string) (ce string, next *dns.NSEC3) {
	chain := ancestors(name, p.zone)
	for i, n := range chain {
		m := p.match(n)
		if m == nil {
			continue
		}
		if i == 0 {
			return n, nil
		}
		// An ancestor at a zone cut or with a DNAME says nothing of what is below.
		if has(m.TypeBitMap, dns.TypeDNAME) || has(m.TypeBitMap, dns.TypeNS) && !has(m.TypeBitMap, dns.TypeSOA) {
			return "", nil
		}
		return n, p.cover(chain[i-1])
	}
	return "", nil
}

func (p nsec3s) fail(o Outcome) Outcome {
	if *p.spent {
		return indeterminate(WorkLimit, "too many NSEC3 hashes had to be computed")
	}
	return o
}

func optOut(n *dns.NSEC3) bool { return n.Flags&1 != 0 }

func (p nsec3s) nxdomain(name string) Outcome {
	ce, next := p.closest(name)
	if ce == canonical(name) {
		return p.fail(bogus(DenialWrong, "the NSEC3 records show that %s exists", name))
	}
	if ce == "" || next == nil {
		return p.fail(bogus(DenialWrong, "the NSEC3 records do not prove that %s does not exist", name))
	}
	if w := wildcardOf(ce); p.cover(w) == nil {
		return p.fail(bogus(DenialWrong, "no NSEC3 record denies the wildcard %s", w))
	}
	if optOut(next) {
		return insecure(OptOut, "%s lies in a span that leaves unsigned delegations out", name)
	}
	return secure()
}

func (p nsec3s) nodata(name string, qtype uint16) Outcome {
	if n := p.match(name); n != nil {
		if typesDeny(n.TypeBitMap, qtype, canonical(name) == ".") {
			return secure()
		}
		return bogus(DenialWrong, "the NSEC3 record of %s does not deny %s", name, dns.TypeToString[qtype])
	}
	ce, next := p.closest(name)
	if ce == "" || next == nil {
		return p.fail(bogus(DenialWrong, "the NSEC3 records do not prove that %s has no %s", name, dns.TypeToString[qtype]))
	}
	// RFC 5155 section 9.2: what rests on such a span is never secure. Section
	// 8.6, and an empty non-terminal above unsigned delegations, have no more.
	if optOut(next) {
		return insecure(OptOut, "%s lies in a span that leaves unsigned delegations out", name)
	}
	if m := p.match(wildcardOf(ce)); m != nil && typesDeny(m.TypeBitMap, qtype, false) {
		return secure()
	}
	return p.fail(bogus(DenialWrong, "the NSEC3 records cover %s and say nothing of %s", name, wildcardOf(ce)))
}

// noCloser proves that the name next closer than the wildcard's parent is not
// there (RFC 5155 section 8.8); labels is the RRSIG's count.
func (p nsec3s) noCloser(name string, labels int) Outcome {
	chain := ancestors(name, ".")
	// chain[i] has CountLabel(name)-i labels; the next closer one has labels+1.
	i := dns.CountLabel(canonical(name)) - labels - 1
	if i >= 0 && i < len(chain) {
		switch n := p.cover(chain[i]); {
		case n != nil && optOut(n): // RFC 5155 section 9.2: the name may be an unsigned delegation
			return insecure(OptOut, "%s lies in a span that leaves unsigned delegations out", name)
		case n != nil:
			return secure()
		}
	}
	return p.fail(bogus(WildcardUnproof, "the answer for %s comes from a wildcard and nothing proves that no closer name exists", name))
}

func (p nsec3s) noDS(name string) Outcome {
	if n := p.match(name); n != nil {
		return delegation(name, n.TypeBitMap, "NSEC3")
	}
	ce, next := p.closest(name)
	if ce != "" && next != nil && optOut(next) {
		return insecure(OptOut, "the parent's NSEC3 span around %s leaves unsigned delegations out", name)
	}
	return p.fail(bogus(DenialWrong, "the NSEC3 records do not prove that %s has no DS", name))
}
