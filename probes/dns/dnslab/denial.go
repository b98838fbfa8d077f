package dnslab

import (
	"slices"
	"strings"

	"github.com/miekg/dns"
)

func (d *Data) nsec3param() *dns.NSEC3PARAM {
	if p := d.get(d.Name, dns.TypeNSEC3PARAM); len(p) > 0 {
		return p[0].(*dns.NSEC3PARAM)
	}
	return nil
}

// addProof adds a record of the chain and its signatures once.
func (d *Data) addProof(m *dns.Msg, rr dns.RR) {
	if rr == nil || slices.ContainsFunc(m.Ns, func(o dns.RR) bool { return dns.IsDuplicate(o, rr) }) {
		return
	}
	n := dns.CanonicalName(rr.Header().Name)
	m.Ns = append(m.Ns, dns.Copy(rr))
	m.Ns = append(m.Ns, d.sigs(n, rr.Header().Rrtype)...)
}

// denyType proves that source has no such type; name is the name asked for.
func (d *Data) denyType(m *dns.Msg, source, name string, do bool) {
	if !do {
		return
	}
	if source != name {
		d.denyNext(m, name)
	}
	if p := d.nsec3param(); p != nil {
		if source != name { // a wildcard's: RFC 5155 section 7.2.5 wants the encloser too
			d.addProof(m, d.match3(p, parent(source)))
		}
		if rr := d.match3(p, source); rr != nil {
			d.addProof(m, rr)
			return
		}
		d.optedOut(m, p, source)
		return
	}
	if set := d.get(source, dns.TypeNSEC); len(set) > 0 {
		d.addProof(m, set[0])
		return
	}
	d.addProof(m, d.cover(source)) // an empty non-terminal has no NSEC of its own
}

// optedOut proves that a delegation has no record of its own in the chain: the
// closest encloser that has one, and the span over the next name.
func (d *Data) optedOut(m *dns.Msg, p *dns.NSEC3PARAM, name string) {
	next := name
	for n := parent(name); dns.IsSubDomain(d.Name, n); next, n = n, parent(n) {
		if rr := d.match3(p, n); rr != nil {
			d.addProof(m, rr)
			break
		}
		if n == "." {
			break
		}
	}
	d.addProof(m, d.cover3(p, next))
}

// denyName proves that name and the wildcard above it don't exist.
func (d *Data) denyName(m *dns.Msg, name string, do bool) {
	if !do {
		return
	}
	d.denyNext(m, name)
	ce := d.encloser(name)
	if p := d.nsec3param(); p != nil {
		d.addProof(m, d.match3(p, ce))
		d.addProof(m, d.cover3(p, "*."+ce))
		return
	}
	if ce == "." {
		d.addProof(m, d.cover("*."))
		return
	}
	d.addProof(m, d.cover("*."+ce))
}

// denyNext proves that the next closer name doesn't exist.
func (d *Data) denyNext(m *dns.Msg, name string) {
	if p := d.nsec3param(); p != nil {
		d.addProof(m, d.cover3(p, d.nextCloser(name)))
		return
	}
	d.addProof(m, d.cover(name))
}

func (d *Data) encloser(name string) string {
	n := name
	for !d.exists(n) && n != d.Name && n != "." {
		n = parent(n)
	}
	return n
}

func (d *Data) nextCloser(name string) string {
	ce := d.encloser(name)
	n := name
	for n != ce && parent(n) != ce {
		n = parent(n)
	}
	return n
}

func (d *Data) cover(name string) dns.RR {
	for _, rr := range d.RRs {
		n, ok := rr.(*dns.NSEC)
		if !ok {
			continue
		}
		owner, next := dns.CanonicalName(n.Hdr.Name), dns.CanonicalName(n.NextDomain)
		after := CompareNames(owner, name) < 0
		before := CompareNames(name, next) < 0
		if after && before || CompareNames(next, owner) <= 0 && (after || before) {
			return rr
		}
	}
	return nil
}

func (d *Data) match3(p *dns.NSEC3PARAM, name string) dns.RR {
	h := dns.HashName(name, p.Hash, p.Iterations, p.Salt)
	for _, rr := range d.RRs {
		if n, ok := rr.(*dns.NSEC3); ok && strings.EqualFold(dns.SplitDomainName(n.Hdr.Name)[0], h) {
			return rr
		}
	}
	return nil
}

func (d *Data) cover3(p *dns.NSEC3PARAM, name string) dns.RR {
	h := strings.ToUpper(dns.HashName(name, p.Hash, p.Iterations, p.Salt))
	for _, rr := range d.RRs {
		n, ok := rr.(*dns.NSEC3)
		if !ok {
			continue
		}
		owner, next := strings.ToUpper(dns.SplitDomainName(n.Hdr.Name)[0]), strings.ToUpper(n.NextDomain)
		if owner < h && h < next || next <= owner && (owner < h || h < next) {
			return rr
		}
	}
	return nil
}

// CompareNames is the canonical order of RFC 4034 6.1.
func CompareNames(a, b string) int {
	x, y := dns.SplitDomainName(a), dns.SplitDomainName(b)
	for i := 1; i <= len(x) && i <= len(y); i++ {
		if c := strings.Compare(x[len(x)-i], y[len(y)-i]); c != 0 {
			return c
		}
	}
	return len(x) - len(y)
}
