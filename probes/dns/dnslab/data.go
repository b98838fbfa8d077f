package dnslab

import (
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// Data is a zone as a server holds it: all records, signatures among them.
type Data struct {
	Name string
	RRs  []dns.RR
	Keys []*Key

	index map[string]map[uint16][]dns.RR
}

// Clone copies the zone so that one server's copy can be broken.
func (d *Data) Clone() *Data {
	c := &Data{Name: d.Name, Keys: d.Keys}
	for _, rr := range d.RRs {
		c.RRs = append(c.RRs, dns.Copy(rr))
	}
	return c.reindex()
}

func (d *Data) reindex() *Data {
	d.index = make(map[string]map[uint16][]dns.RR)
	for _, rr := range d.RRs {
		n := dns.CanonicalName(rr.Header().Name)
		if d.index[n] == nil {
			d.index[n] = make(map[uint16][]dns.RR)
		}
		t := rr.Header().Rrtype
		d.index[n][t] = append(d.index[n][t], rr)
	}
	return d
}

// Drop removes records: of a name ("" = any) and of the types (none = all).
// With dns.TypeRRSIG among the types all signatures go; DropSigs takes those of one type.
func (d *Data) Drop(name string, types ...uint16) {
	d.RRs = slices.DeleteFunc(d.RRs, func(rr dns.RR) bool {
		h := rr.Header()
		return (name == "" || dns.CanonicalName(h.Name) == name) && (len(types) == 0 || slices.Contains(types, h.Rrtype))
	})
	d.reindex()
}

// DropSigs removes the signatures over a type at a name ("" = any).
func (d *Data) DropSigs(name string, covered uint16) {
	d.RRs = slices.DeleteFunc(d.RRs, func(rr dns.RR) bool {
		s, ok := rr.(*dns.RRSIG)
		return ok && s.TypeCovered == covered && (name == "" || dns.CanonicalName(s.Hdr.Name) == name)
	})
	d.reindex()
}

// Add adds records in zone-file form; it panics when one is wrong, because
// only tests write them.
func (d *Data) Add(rrs ...string) {
	for _, s := range rrs {
		d.RRs = append(d.RRs, RR(s))
	}
	d.reindex()
}

// Each calls fn for every record and indexes anew.
func (d *Data) Each(fn func(dns.RR)) {
	for _, rr := range d.RRs {
		fn(rr)
	}
	d.reindex()
}

// RR reads one record and panics when it is wrong.
func RR(s string) dns.RR {
	rr, err := dns.NewRR(s)
	if err != nil || rr == nil {
		panic("dnslab: " + s)
	}
	return rr
}

func (d *Data) get(name string, t uint16) []dns.RR { return d.index[name][t] }

func (d *Data) sigs(name string, t uint16) []dns.RR {
	var out []dns.RR
	for _, rr := range d.index[name][dns.TypeRRSIG] {
		if rr.(*dns.RRSIG).TypeCovered == t {
			out = append(out, rr)
		}
	}
	return out
}

// exists tells whether a name or something below it has records, so that empty
// non-terminals exist (RFC 4592 2.2.2).
func (d *Data) exists(name string) bool {
	for n, types := range d.index {
		if (n == name || strings.HasSuffix(n, "."+name)) && !onlyNSEC3(types) {
			return true
		}
	}
	return false
}

func onlyNSEC3(types map[uint16][]dns.RR) bool {
	for t := range types {
		if t != dns.TypeNSEC3 && t != dns.TypeRRSIG {
			return false
		}
	}
	return true
}

// cut gives the delegation point at or above name, below the apex.
func (d *Data) cut(name string) string {
	best := ""
	for n := name; n != d.Name && n != "."; n = parent(n) {
		if len(d.get(n, dns.TypeNS)) > 0 {
			best = n
		}
	}
	return best
}

func parent(n string) string {
	i, end := dns.NextLabel(n, 0)
	if end {
		return "."
	}
	return n[i:]
}

// answer is what a right authoritative server says (RFC 1034 4.3.2, 4035 3.1).
func (d *Data) answer(m *dns.Msg, name string, t uint16, do bool) {
	if c := d.cut(name); c != "" && (c != name || t != dns.TypeDS) {
		d.refer(m, c, do)
		return
	}
	m.Authoritative = true
	name = d.redirect(m, name, do)
	if !dns.IsSubDomain(d.Name, name) {
		return
	}
	source := name
	if !d.exists(name) {
		source = d.wildcard(name)
	}
	for range 9 {
		set := d.get(source, t)
		if len(set) == 0 && t != dns.TypeCNAME {
			if alias := d.get(source, dns.TypeCNAME); len(alias) > 0 {
				d.put(&m.Answer, alias, source, name, do)
				if source != name {
					d.denyName(m, name, do)
				}
				name = dns.CanonicalName(alias[0].(*dns.CNAME).Target)
				source = name
				if !dns.IsSubDomain(d.Name, name) || d.cut(name) != "" || !d.exists(name) {
					return
				}
				continue
			}
		}
		d.finish(m, set, source, name, do)
		return
	}
}

// redirect applies the DNAME above a name, if there is one (RFC 6672 section 3.2).
func (d *Data) redirect(m *dns.Msg, name string, do bool) string {
	for n := parent(name); n != d.Name && n != "." && dns.IsSubDomain(d.Name, n); n = parent(n) {
		set := d.get(n, dns.TypeDNAME)
		if len(set) == 0 {
			continue
		}
		d.put(&m.Answer, set, n, n, do)
		target := strings.TrimSuffix(name, n) + dns.CanonicalName(set[0].(*dns.DNAME).Target)
		m.Answer = append(m.Answer, &dns.CNAME{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: 300}, Target: target})
		return target
	}
	return name
}

func (d *Data) finish(m *dns.Msg, set []dns.RR, source, name string, do bool) {
	switch {
	case source == "":
		m.Rcode = dns.RcodeNameError
		d.negative(m, do)
		d.denyName(m, name, do)
	case len(set) == 0:
		d.negative(m, do)
		d.denyType(m, source, name, do)
	default:
		d.put(&m.Answer, set, source, name, do)
		if source != name && do {
			d.denyNext(m, name)
		}
	}
}

// wildcard gives the wildcard that a missing name falls under, "" for none.
func (d *Data) wildcard(name string) string {
	for n := parent(name); dns.IsSubDomain(d.Name, n); n = parent(n) {
		if d.exists(n) {
			if w := "*." + n; d.exists(w) {
				return w
			}
			return ""
		}
		if n == "." {
			break
		}
	}
	return ""
}

func (d *Data) put(section *[]dns.RR, set []dns.RR, source, name string, do bool) {
	for _, rr := range set {
		*section = append(*section, as(rr, name))
	}
	if do && len(set) > 0 {
		for _, s := range d.sigs(source, set[0].Header().Rrtype) {
			*section = append(*section, as(s, name))
		}
	}
}

func as(rr dns.RR, name string) dns.RR {
	c := dns.Copy(rr)
	c.Header().Name = name
	return c
}

func (d *Data) negative(m *dns.Msg, do bool) {
	d.put(&m.Ns, d.get(d.Name, dns.TypeSOA), d.Name, d.Name, do)
}

func (d *Data) refer(m *dns.Msg, cut string, do bool) {
	d.put(&m.Ns, d.get(cut, dns.TypeNS), cut, cut, false)
	if do {
		if ds := d.get(cut, dns.TypeDS); len(ds) > 0 {
			d.put(&m.Ns, ds, cut, cut, true)
		} else {
			d.denyType(m, cut, cut, do)
		}
	}
	for _, rr := range d.get(cut, dns.TypeNS) {
		n := dns.CanonicalName(rr.(*dns.NS).Ns)
		for _, t := range []uint16{dns.TypeA, dns.TypeAAAA} {
			m.Extra = append(m.Extra, d.get(n, t)...)
		}
	}
}
