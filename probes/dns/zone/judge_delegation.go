package zone

import (
	"net/netip"
	"slices"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/dnswire"
	"watchpost.example/probes/dns/walk"
)

func canonicalNames(l []string) []string {
	out := make([]string, 0, len(l))
	for _, n := range l {
		out = append(out, dnswire.Name(n))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func addrSet(l []netip.Addr) []string {
	out := make([]string, 0, len(l))
	for _, a := range l {
		out = append(out, a.Unmap().String())
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// parentAndChild is A3: whom the parent names and whom the zone does.
func (j *judge) parentAndChild() {
	child := map[string]bool{}
	for _, s := range j.answering {
		for _, n := range nsNames(j.l.Zone, s.NS.Msg()) {
			child[n] = true
		}
	}
	if len(child) == 0 {
		return
	}
	common := 0
	for _, h := range j.l.Hosts {
		if h.InParent && child[h.Name] {
			common++
		}
	}
	if common == 0 {
		j.add(Finding{Reason: DelegationDisjoint, Severity: probes.Today, Record: j.l.Zone + " NS", Expected: "one set at the parent and in the zone", Found: "no server in common"})
	}
	for _, h := range j.l.Hosts {
		f := Finding{Severity: probes.Ticket, Server: h.Name, Address: words(addrSet(slices.Concat(h.Glue, h.Own))), Record: j.l.Zone + " NS"}
		switch {
		case h.InParent && !child[h.Name]:
			f.Reason, f.Expected, f.Found = NSOnlyParent, "named by the parent and the zone", "only the parent names "+h.Name
		case !h.InParent && child[h.Name]:
			f.Reason, f.Expected, f.Found = NSOnlyChild, "named by the parent and the zone", "only the zone names "+h.Name
		default:
			continue
		}
		j.add(f)
	}
	j.nsSets()
}

// nsSets finds the servers whose own NS set is not the first one's.
func (j *judge) nsSets() {
	first := j.newest()
	if first == nil || first.NS.Msg() == nil {
		return
	}
	want := nsNames(j.l.Zone, first.NS.Msg())
	for _, s := range j.answering {
		if m := s.NS.Msg(); m != nil && m.Rcode == dnswire.RcodeSuccess && !slices.Equal(nsNames(j.l.Zone, m), want) {
			name, addr := at(s)
			j.add(Finding{Reason: NSSetsDiffer, Severity: probes.Ticket, Server: name, Address: addr, Record: j.l.Zone + " NS", Expected: words(want), Found: words(nsNames(j.l.Zone, m)), packets: []Exchange{s.NS}})
		}
	}
}

func nsNames(zone string, m *dnswire.Msg) []string {
	if m == nil {
		return nil
	}
	return dnswire.RdataSet(dnswire.Set(m.Answer, zone, dnswire.TypeNS))
}

// hosts is A4: the names of the name servers.
func (j *judge) hosts() {
	addrs := map[netip.Addr]bool{}
	for _, s := range j.l.Servers {
		addrs[s.Addr.Addr()] = true
	}
	if len(j.l.Hosts) == 1 || len(addrs) == 1 {
		j.add(Finding{Reason: NSSingle, Severity: probes.Today, Record: j.l.Zone + " NS", Expected: "two servers at two addresses", Found: "one"})
	}
	for i, h := range j.l.Hosts {
		f := Finding{Severity: probes.Ticket, Server: h.Name, Record: h.Name + " A/AAAA"}
		alias := j.hostAlias(i, h)
		switch {
		case !hostName(h.Name):
			f.Reason, f.Expected, f.Found = NSInvalid, "a host name", h.Name
		case alias != "":
			f.Reason, f.Expected, f.Found = NSAlias, "addresses, no CNAME (RFC 2181 10.3)", "an alias for "+alias
		case len(h.Glue) == 0 && len(h.Own) == 0 && !j.childAddress(h.Name):
			f.Reason, f.Expected, f.Found = NSUnresolvable, "an address", "none"
			if h.Err != nil {
				f.Found = h.Err.Error()
			}
			if len(j.answering) == 0 {
				f.Severity = probes.PageNow // nobody finds the zone
			}
		default:
			continue
		}
		j.add(f)
	}
}

// hostAlias is what a name server's name is an alias for, by the zone's own
// servers before the world; "" = it is none.
func (j *judge) hostAlias(i int, h Host) string {
	alias := h.Alias
	for _, s := range j.answering {
		for _, m := range hostAnswers(s, i) {
			if c := dnswire.Set(m.Answer, h.Name, dnswire.TypeCNAME); len(c) > 0 {
				alias = dnswire.Target(c[0])
			}
		}
	}
	return alias
}

func (j *judge) childAddress(name string) bool {
	return slices.ContainsFunc(j.l.Servers, func(s *Server) bool { return s.Name == name })
}

// glue is the parent's addresses against the zone's own.
func (j *judge) glue(p Parent) {
	m := p.NS.Msg()
	_, referral := walk.Referral(up(j.l), j.l.Zone, m)
	for i, h := range j.l.Hosts {
		if !dnswire.Under(j.l.Zone, h.Name) {
			continue
		}
		if h.InParent && referral != nil && len(h.Glue) == 0 {
			if len(j.answering) > 0 && !j.childAddress(h.Name) {
				continue // it has no address in the zone either: the name is the fault
			}
			j.add(Finding{Reason: GlueMissing, Severity: max(probes.Today, outage(len(j.answering))), Zone: j.l.Zone, Server: h.Name, Record: h.Name + " glue", Expected: "an address in the parent's referral", Found: "none", packets: []Exchange{p.NS}})
			continue
		}
		own := j.ownAddresses(i, h.Name)
		if len(own) == 0 || len(h.Glue) == 0 {
			continue
		}
		for _, g := range h.Glue {
			if !slices.Contains(own, g.String()) {
				j.add(Finding{Reason: GlueMismatch, Severity: probes.Today, Server: h.Name, Address: g.String(), Record: h.Name + " glue", Expected: words(own), Found: g.String(), packets: []Exchange{p.NS}})
			}
		}
		for _, a := range own {
			if !slices.Contains(addrSet(h.Glue), a) {
				j.add(Finding{Reason: GlueMismatch, Severity: probes.Note, Server: h.Name, Address: a, Record: h.Name + " glue", Expected: words(own), Found: words(addrSet(h.Glue)), packets: []Exchange{p.NS}})
			}
		}
	}
}

// ownAddresses is what the servers of the zone say of a server inside it; the
// newest server counts, because a stale one is another finding.
func (j *judge) ownAddresses(host int, name string) []string {
	var out []netip.Addr
	s := j.newest()
	if s == nil {
		return nil
	}
	for _, m := range hostAnswers(s, host) {
		for _, t := range []uint16{dnswire.TypeA, dnswire.TypeAAAA} {
			for _, rr := range dnswire.Set(m.Answer, name, t) {
				if len(out) < walk.MaxServers {
					out = append(out, dnswire.Addr(rr))
				}
			}
		}
	}
	return addrSet(out)
}

// privateServers finds name servers at addresses that the Internet does not
// route (DNSViz: GLUE_PRIVATE_IP). In a hierarchy that is itself private, such as
// a laboratory's, all addresses are.
func (j *judge) privateServers() {
	if !slices.ContainsFunc(j.l.Parents, func(p Parent) bool { return public(p.Addr.Addr()) }) {
		return
	}
	for _, s := range j.l.Servers {
		if ip := s.Addr.Addr(); !public(ip) && !j.approvedAddress(s.Name, ip) {
			j.server(s, AddressPrivate, probes.Ticket, s.Name+" A/AAAA", "an address that the Internet routes", ip.String())
		}
	}
	for i, w := range j.l.Watched {
		if w.Type != dnswire.TypeA && w.Type != dnswire.TypeAAAA {
			continue
		}
		if _, ok := j.b.Find(w.Name, dnswire.TypeName(w.Type)); ok {
			continue // approved, or found as changed
		}
		for _, s := range j.answering {
			m := told(s, i)
			if m == nil {
				continue
			}
			for _, rr := range dnswire.Set(m.Answer, w.Name, w.Type) {
				if ip := dnswire.Addr(rr); ip.IsValid() && !public(ip) {
					j.server(s, AddressPrivate, probes.Ticket, w.String(), "an address that the Internet routes", ip.String(), s.Watched[i])
					break
				}
			}
		}
	}
}

// approvedAddress tells whether the baseline has the address for the server.
func (j *judge) approvedAddress(name string, ip netip.Addr) bool {
	for _, g := range j.b.Parent.Glue {
		if dnswire.Name(g.Name) == name && slices.Contains(g.Addresses, ip) {
			return true
		}
	}
	t := "A"
	if ip.Is6() {
		t = "AAAA"
	}
	rec, ok := j.b.Find(name, t)
	fits, _, _ := rec.Match([]string{ip.String()})
	return ok && fits
}

// public tells whether the Internet routes an address (the special-purpose
// registries of IANA, the blocks for documentation among them).
func public(ip netip.Addr) bool {
	ip = ip.Unmap()
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return false
	}
	for _, p := range []string{"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "2001:db8::/32", "3fff::/20", "100::/64", "64:ff9b:1::/48"} {
		if netip.MustParsePrefix(p).Contains(ip) {
			return false
		}
	}
	return true
}
