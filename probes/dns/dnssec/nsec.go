package dnssec

import (
	"slices"

	"github.com/miekg/dns"
)

// The NSEC arithmetic of RFC 4034 section 6.1 and RFC 4035 section 5.4. The
// records given have been verified.

// nsecCovers tells whether name falls strictly between owner and next. Only the
// last record of a zone may point backwards, and only to the apex (RFC 4034
// section 4.1.1): another one that does would deny names that exist.
func nsecCovers(n *dns.NSEC, zone, name string) bool {
	owner, next := n.Hdr.Name, n.NextDomain
	if !within(name, zone) || !within(next, zone) || compareNames(owner, name) >= 0 {
		return false
	}
	return sameName(next, zone) || compareNames(name, next) < 0
}

// nsecFromAbove tells whether n is the parent side's at a zone cut or a DNAME
// owner above name, so that it says nothing of what is below (RFC 6840 4.1).
func nsecFromAbove(n *dns.NSEC, name string) bool {
	if sameName(n.Hdr.Name, name) || !within(name, n.Hdr.Name) {
		return false
	}
	return has(n.TypeBitMap, dns.TypeDNAME) || has(n.TypeBitMap, dns.TypeNS) && !has(n.TypeBitMap, dns.TypeSOA)
}

func has(bitmap []uint16, t uint16) bool { return slices.Contains(bitmap, t) }

// typesDeny tells whether a bitmap of exactly the asked name denies qtype, and
// may: a cut's parent side speaks for DS only, its child side not for DS.
func typesDeny(bitmap []uint16, qtype uint16, root bool) bool {
	if has(bitmap, qtype) || has(bitmap, dns.TypeCNAME) && qtype != dns.TypeCNAME {
		return false
	}
	cut := has(bitmap, dns.TypeNS) && !has(bitmap, dns.TypeSOA)
	if qtype == dns.TypeDS {
		return root || !has(bitmap, dns.TypeSOA)
	}
	return !cut
}

// nsecs is the NSEC proofs of one answer.
type nsecs struct {
	zone string
	list []*dns.NSEC
}

func (p nsecs) match(name string) *dns.NSEC {
	for _, n := range p.list {
		if sameName(n.Hdr.Name, name) {
			return n
		}
	}
	return nil
}

func (p nsecs) cover(name string) *dns.NSEC {
	for _, n := range p.list {
		if nsecCovers(n, p.zone, name) && !nsecFromAbove(n, name) {
			return n
		}
	}
	return nil
}

// encloser is the closest encloser that a covering record shows: the longest
// name that name shares with either end of the span.
func (p nsecs) encloser(n *dns.NSEC, name string) string {
	a, b := commonAncestor(name, n.Hdr.Name), commonAncestor(name, n.NextDomain)
	if dns.CountLabel(a) >= dns.CountLabel(b) {
		return a
	}
	return b
}

func (p nsecs) nxdomain(name string) Outcome {
	if p.match(name) != nil {
		return bogus(DenialWrong, "the NSEC records show that %s exists", name)
	}
	n := p.cover(name)
	if n == nil {
		return bogus(DenialWrong, "no NSEC record covers %s", name)
	}
	if within(n.NextDomain, name) {
		return bogus(DenialWrong, "the NSEC records show names below %s, so it exists", name)
	}
	if w := wildcardOf(p.encloser(n, name)); p.cover(w) == nil {
		return bogus(DenialWrong, "no NSEC record denies the wildcard %s", w)
	}
	return secure()
}

func (p nsecs) nodata(name string, qtype uint16) Outcome {
	if n := p.match(name); n != nil {
		if typesDeny(n.TypeBitMap, qtype, canonical(name) == ".") {
			return secure()
		}
		return bogus(DenialWrong, "the NSEC record of %s does not deny %s", name, dns.TypeToString[qtype])
	}
	n := p.cover(name)
	if n == nil {
		return bogus(DenialWrong, "no NSEC record matches or covers %s", name)
	}
	if within(n.NextDomain, name) { // an empty non-terminal (RFC 4592 section 2.2.2)
		return secure()
	}
	w := wildcardOf(p.encloser(n, name))
	if m := p.match(w); m != nil && typesDeny(m.TypeBitMap, qtype, false) {
		return secure()
	}
	return bogus(DenialWrong, "the NSEC records cover %s and say nothing of %s", name, w)
}

// noCloser proves that a wildcard's answer for name was right: name itself is
// not there, nor anything between it and the wildcard's parent, which has
// labels labels (RFC 4035 section 5.3.4).
func (p nsecs) noCloser(name string, labels int) Outcome {
	n := p.cover(name)
	if n == nil {
		return bogus(WildcardUnproof, "the answer for %s comes from a wildcard and nothing proves that %s does not exist", name, name)
	}
	if ce := p.encloser(n, name); dns.CountLabel(ce) != labels {
		return bogus(WildcardUnproof, "the answer for %s comes from a wildcard %d labels deep, and %s exists", name, labels, ce)
	}
	return secure()
}

func (p nsecs) noDS(name string) Outcome {
	n := p.match(name)
	if n == nil {
		return p.nodata(name, dns.TypeDS)
	}
	return delegation(name, n.TypeBitMap, "NSEC")
}

// delegation reads the bitmap of a cut for the proof that it has no DS.
func delegation(name string, bitmap []uint16, kind string) Outcome {
	if !typesDeny(bitmap, dns.TypeDS, false) {
		return bogus(DenialWrong, "the %s record of %s does not deny a DS", kind, name)
	}
	if !has(bitmap, dns.TypeNS) {
		return secure() // no DS and no cut either: still inside the signed zone
	}
	return insecure(UnsignedDelegation, "the parent proves that %s has no DS", name)
}

func wildcardOf(encloser string) string {
	if encloser == "." {
		return "*."
	}
	return "*." + encloser
}
