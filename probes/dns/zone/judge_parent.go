package zone

import (
	"slices"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/baseline"
	"watchpost.example/probes/dns/dnswire"
)

// delegation judges what the parent's servers say, and whether the zone agrees.
func (j *judge) delegation() {
	if j.l.NoParent {
		return
	}
	said := j.parentsThatDelegate()
	if len(said) == 0 {
		j.noDelegation()
		return
	}
	if j.l.NamesOnly {
		return
	}
	ref := j.parentsAgree(said)
	j.otherParents()
	j.parentGlue(*ref)
	j.parentAndChild()
	j.hosts()
	j.glue(*ref)
	j.privateServers()
}

func (j *judge) parentsThatDelegate() []*Parent {
	var out []*Parent
	for i := range j.l.Parents {
		if m := j.l.Parents[i].NS.Msg(); m != nil && len(delegated(j.l, m)) > 0 {
			out = append(out, &j.l.Parents[i])
		}
	}
	return out
}

// noDelegation is a parent of which no server delegates the zone.
func (j *judge) noDelegation() {
	if j.goneAtParent() {
		return
	}
	var packets []Exchange
	for _, p := range j.l.Parents {
		packets = append(packets, p.NS)
	}
	if !slices.ContainsFunc(packets, func(x Exchange) bool { return !unasked(x) }) {
		j.out.Untold = "no server of the parent " + up(j.l) + " could be asked"
		if j.l.Cut {
			j.out.ours = probes.OursOverrun
		}
		return
	}
	j.add(Finding{Reason: ParentUnreachable, Severity: probes.PageNow, Zone: up(j.l), Record: j.l.Zone + " NS", Expected: "a referral", Found: "no server of the parent gave one", packets: packets})
}

// goneAtParent finds the parent's word that there is no such zone.
func (j *judge) goneAtParent() bool {
	for _, p := range j.l.Parents {
		if found := deniedBy(p); found != "" {
			j.add(Finding{
				Reason: DelegationGone, Severity: probes.PageNow, Server: p.Name, Address: address(p.Addr), Record: j.l.Zone + " NS",
				Expected: "a delegation", Found: found, packets: []Exchange{p.NS},
			})
			return true
		}
	}
	return false
}

// deniedBy is a parent's server saying with authority that the zone is not
// delegated; "" = it doesn't.
func deniedBy(p Parent) string {
	switch m := p.NS.Msg(); {
	case m == nil || !m.Authoritative:
		return ""
	case m.Rcode == dnswire.RcodeNXDomain:
		return "NXDOMAIN: the name does not exist"
	case m.Rcode == dnswire.RcodeSuccess:
		return "no delegation"
	}
	return ""
}

// parentsAgree is H1: the NS sets of the parent's servers against the approved
// one and against each other. It gives the server that counts: one that says
// what is approved, else one that says what most do. When all say something
// else it is a change at the registry; when one does, that one is wrong, and
// as bad as a change if it leads to a server that answers for the zone.
func (j *judge) parentsAgree(said []*Parent) (ref *Parent) {
	want := canonicalNames(j.b.Parent.NS)
	ref = most(j.l, said)
	for _, p := range said {
		if len(want) > 0 && slices.Equal(setOf(j.l, p), want) {
			ref = p
		}
	}
	known := setOf(j.l, ref)
	if len(want) > 0 && !slices.Equal(known, want) {
		j.add(Finding{
			Reason: ParentNSChanged, Severity: probes.PageNow, Server: ref.Name, Address: address(ref.Addr), Record: j.l.Zone + " NS",
			Expected: words(want), Found: words(known), packets: []Exchange{ref.NS},
		})
	}
	for _, p := range j.l.Parents {
		set, found := []string(nil), deniedBy(p)
		if m := p.NS.Msg(); m != nil && len(delegated(j.l, m)) > 0 {
			set = setOf(j.l, &p)
			found = words(set)
		}
		if found == "" || slices.Equal(set, known) {
			continue
		}
		sev := probes.Today
		if j.leadsAstray(set, known) {
			sev = probes.PageNow
		}
		j.add(Finding{
			Reason: ParentDiffers, Severity: sev, Zone: up(j.l), Server: p.Name, Address: address(p.Addr), Record: j.l.Zone + " NS",
			Expected: words(known), Found: found, packets: []Exchange{p.NS, ref.NS},
		})
	}
	return ref
}

// most gives the first server whose set most of them give.
func most(l *Look, said []*Parent) *Parent {
	votes := map[string]int{}
	for _, p := range said {
		votes[words(setOf(l, p))]++
	}
	best := said[0]
	for _, p := range said {
		if votes[words(setOf(l, p))] > votes[words(setOf(l, best))] {
			best = p
		}
	}
	return best
}

func setOf(l *Look, p *Parent) []string {
	return dnswire.RdataSet(delegated(l, p.NS.Msg()))
}

// leadsAstray tells whether a set names a server beyond the known ones that
// answers for the zone.
func (j *judge) leadsAstray(set, known []string) bool {
	return slices.ContainsFunc(j.answering, func(s *Server) bool {
		return slices.Contains(set, s.Name) && !slices.Contains(known, s.Name) && !slices.Contains(canonicalNames(j.b.NS), s.Name)
	})
}

// otherParents notes the parent's servers that are of no use while others are:
// the parent's affair, and slow for everybody below it.
func (j *judge) otherParents() {
	for _, p := range j.l.Parents {
		m := p.NS.Msg()
		f := Finding{Severity: probes.Note, Zone: up(j.l), Server: p.Name, Address: address(p.Addr), Record: j.l.Zone + " NS", Expected: "a referral", packets: []Exchange{p.NS}}
		switch {
		case unasked(p.NS) || m != nil && (len(delegated(j.l, m)) > 0 || deniedBy(p) != ""):
			continue
		case m == nil:
			f.Reason, f.Found = ServerDead, exchangeWord(p.NS)
		case m.Rcode == dnswire.RcodeRefused:
			f.Reason, f.Found = ServerRefused, "REFUSED"
		case m.Rcode == dnswire.RcodeServFail:
			f.Reason, f.Found = ServerServFail, "SERVFAIL"
		case m.Rcode != dnswire.RcodeSuccess:
			f.Reason, f.Found = ServerRcode, dnswire.RcodeName(m.Rcode)
		case upward(up(j.l), m):
			f.Reason, f.Found = ServerUpward, "a referral upwards"
		default:
			f.Reason, f.Found = ServerNoAA, "an answer without authority"
		}
		j.add(f)
	}
}

// parentGlue is H4: the delegation's addresses against what was approved.
func (j *judge) parentGlue(p Parent) {
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
