package zone

import (
	"net/netip"
	"slices"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/baseline"
	"watchpost.example/probes/dns/dnswire"
	"watchpost.example/probes/dns/walk"
)

// delegation judges what the parent's servers say, and whether the zone agrees.
func (j *judge) delegation() {
	if j.l.NoParent {
		return
	}
	first, silent := j.parentSets()
	if first == nil {
		if !j.goneAtParent() && silent {
			j.add(Finding{Reason: ParentUnreachable, Severity: probes.PageNow, Zone: up(j.l), Record: j.l.Zone + " NS", Expected: "a referral", Found: "no server of the parent gave one"})
		}
		return
	}
	if j.l.NamesOnly {
		return
	}
	j.parentBaseline(*first)
	j.parentAndChild()
	j.hosts()
	j.glue(*first)
}

// parentSets finds the first parent server with a delegation and says where
// the others differ from it.
func (j *judge) parentSets() (first *Parent, silent bool) {
	silent = true
	for i := range j.l.Parents {
		p := &j.l.Parents[i]
		m := p.NS.Msg()
		if m == nil {
			continue
		}
		set := delegated(j.l, m)
		if m.Rcode == dnswire.RcodeNXDomain && m.Authoritative {
			silent = false
		}
		switch {
		case len(set) == 0:
		case first == nil:
			first = p
		case !slices.Equal(dnswire.RdataSet(set), dnswire.RdataSet(delegated(j.l, first.NS.Msg()))):
			j.add(Finding{
				Reason: ParentDiffers, Severity: probes.Today, Zone: up(j.l), Server: p.Name, Address: address(p.Addr), Record: j.l.Zone + " NS",
				Expected: words(dnswire.RdataSet(delegated(j.l, first.NS.Msg()))), Found: words(dnswire.RdataSet(set)), packets: []Exchange{p.NS, first.NS},
			})
		}
	}
	return first, silent
}

func (j *judge) goneAtParent() bool {
	for _, p := range j.l.Parents {
		m := p.NS.Msg()
		if m == nil || !m.Authoritative {
			continue
		}
		found := "no delegation"
		if m.Rcode == dnswire.RcodeNXDomain {
			found = "NXDOMAIN"
		} else if m.Rcode != dnswire.RcodeSuccess {
			continue
		}
		j.add(Finding{
			Reason: DelegationGone, Severity: probes.PageNow, Server: p.Name, Address: address(p.Addr), Record: j.l.Zone + " NS",
			Expected: "a delegation", Found: found, packets: []Exchange{p.NS},
		})
		return true
	}
	return false
}

// parentBaseline is H1 and H4: the delegation against what was approved.
func (j *judge) parentBaseline(p Parent) {
	m := p.NS.Msg()
	if want := j.b.Parent.NS; len(want) > 0 {
		got := dnswire.RdataSet(delegated(j.l, m))
		if !slices.Equal(got, canonicalNames(want)) {
			j.add(Finding{
				Reason: ParentNSChanged, Severity: probes.PageNow, Server: p.Name, Address: address(p.Addr), Record: j.l.Zone + " NS",
				Expected: words(canonicalNames(want)), Found: words(got), packets: []Exchange{p.NS},
			})
		}
	}
	for _, h := range j.l.Hosts {
		i := slices.IndexFunc(j.b.Parent.Glue, func(g baseline.Glue) bool { return dnswire.Name(g.Name) == h.Name })
		if i < 0 || len(h.Glue) == 0 || slices.Equal(addrSet(h.Glue), addrSet(j.b.Parent.Glue[i].Addresses)) {
			continue
		}
		sev := probes.Today
		for _, s := range j.answering {
			if s.Name == h.Name && slices.Contains(h.Glue, s.Addr.Addr()) && !slices.Contains(j.b.Parent.Glue[i].Addresses, s.Addr.Addr()) {
				sev = probes.PageNow // a new address, and it answers for the zone
			}
		}
		j.add(Finding{
			Reason: ParentGlueChanged, Severity: sev, Server: h.Name, Address: words(addrSet(h.Glue)), Record: h.Name + " glue",
			Expected: words(addrSet(j.b.Parent.Glue[i].Addresses)), Found: words(addrSet(h.Glue)), packets: []Exchange{p.NS},
		})
	}
}

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
		alias := h.Alias
		for _, s := range j.answering {
			for _, m := range hostAnswers(s, i) {
				if c := dnswire.Set(m.Answer, h.Name, dnswire.TypeCNAME); len(c) > 0 {
					alias = dnswire.Target(c[0])
				}
			}
		}
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
		default:
			continue
		}
		j.add(f)
	}
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
			j.add(Finding{Reason: GlueMissing, Severity: probes.Today, Zone: j.l.Zone, Server: h.Name, Record: h.Name + " glue", Expected: "an address in the parent's referral", Found: "none", packets: []Exchange{p.NS}})
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
				out = append(out, dnswire.Addr(rr))
			}
		}
	}
	return addrSet(out)
}
