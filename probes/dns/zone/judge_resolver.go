package zone

import (
	"cmp"
	"slices"
	"strings"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/dnssec"
	"watchpost.example/probes/dns/dnswire"
)

// resolvers is H6 and H7: what recursive resolvers make of the zone. It never
// changes the unit's verdict. Resolvers of one operator are one opinion: they
// share its caches and its mistakes.
func (j *judge) resolvers() {
	lies := map[int][]*Resolver{} // watched -> who says what nobody said
	for _, r := range j.l.Resolvers {
		if !r.Random.OK() {
			if !unasked(r.Random) {
				j.resolver(r, ResolverDead, probes.Note, "", "an answer", exchangeWord(r.Random), r.Random)
			}
			continue
		}
		if r.Random.Rcode() == dnswire.RcodeRefused {
			j.resolver(r, ResolverDead, probes.Note, "", "an answer", "REFUSED: it does not serve us, or not this zone", r.Random)
			continue
		}
		j.rewriting(r)
		j.stripping(r)
		for i, w := range j.l.Watched {
			if j.lying(r, i, w) {
				lies[i] = append(lies[i], r)
			}
		}
	}
	for i, w := range j.l.Watched {
		operators := map[string]bool{}
		for _, r := range lies[i] {
			operators[cmp.Or(r.Operator, r.Addr.String())] = true
		}
		reason, sev := ResolverDiffers, probes.Today
		if len(operators) > 1 {
			reason, sev = ResolversDiffer, probes.PageNow
		}
		for _, r := range lies[i] {
			j.resolver(r, reason, sev, w.String(), words(j.authority(i, w)), answerWords(r.Watched[i].Msg()), r.Watched[i])
		}
	}
}

// stripping notes a resolver that leaves signatures out. Many do by intent: it is
// no fault of the unit and no lie, but whoever sits behind it can't validate.
func (j *judge) stripping(r *Resolver) {
	if j.out.Zone.Status != dnssec.Secure {
		return
	}
	answers := 0
	for _, x := range r.Watched {
		m := x.Msg()
		if m == nil || m.Rcode != dnswire.RcodeSuccess || len(m.Answer) == 0 {
			continue
		}
		if slices.ContainsFunc(m.Answer, func(rr dnswire.RR) bool { return rr.Header().Rrtype == dnswire.TypeRRSIG }) {
			return
		}
		answers++
	}
	if answers > 0 {
		j.note("the resolver " + address(r.Addr) + " leaves DNSSEC signatures out: whoever asks it can't validate")
	}
}

func (j *judge) resolver(r *Resolver, reason probes.Reason, sev probes.Severity, record, expected, found string, packets ...Exchange) {
	j.add(Finding{Reason: reason, Severity: sev, Server: "resolver", Address: address(r.Addr), Record: record, Expected: expected, Found: found, packets: packets})
}

// rewriting is H7: addresses where every server of the zone says NXDOMAIN.
func (j *judge) rewriting(r *Resolver) {
	m := r.Random.Msg()
	if len(j.answering) == 0 || m.Rcode != dnswire.RcodeSuccess || len(m.Answer) == 0 {
		return
	}
	for _, s := range j.answering {
		if s.Random.Rcode() != dnswire.RcodeNXDomain {
			return
		}
	}
	j.resolver(r, ResolverNXDomain, probes.Today, "(random label)."+j.l.Zone+" A", "NXDOMAIN", answerWords(m), r.Random)
}

// authority is the union of what the zone's servers say and what is approved.
func (j *judge) authority(i int, w Watch) []string {
	var out []string
	for _, s := range j.answering {
		if m := told(s, i); m != nil {
			out = append(out, valuesOf(w, m)...)
		}
	}
	if rec, ok := j.b.Find(w.Name, dnswire.TypeName(w.Type)); ok {
		out = append(out, rec.Values...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// lying judges one answer of a resolver; true means that it differs from all
// that the zone's servers say and from the approved set.
func (j *judge) lying(r *Resolver, i int, w Watch) bool {
	x := r.Watched[i]
	m := x.Msg()
	if m == nil || len(j.answering) == 0 {
		return false
	}
	if policy(x) {
		j.resolver(r, ResolverBlocked, probes.Note, w.String(), "the zone's answer", "filtered, as the resolver says itself ("+strings.TrimSpace(ede(x))+")", x)
		return false
	}
	if m.Rcode == dnswire.RcodeServFail {
		if len(r.Check) > i && r.Check[i].Rcode() == dnswire.RcodeSuccess && j.out.Zone.Status != dnssec.Bogus && !j.broken() {
			j.resolver(r, ResolverBogus, probes.Ticket, w.String(), "an answer that validates", "SERVFAIL, and an answer when it doesn't validate"+ede(x), x)
		}
		return false
	}
	if !j.departs(i, w, m) {
		return false
	}
	if j.signedOnce(w, m) {
		return false // an older answer, still within its signatures: not forged
	}
	if stale(x) {
		j.resolver(r, ResolverDiffers, probes.Note, w.String(), words(j.authority(i, w)), answerWords(m)+", stale as the resolver says itself ("+strings.TrimSpace(ede(x))+")", x)
		return false
	}
	return true
}

// departs tells whether an answer differs from all that the zone's servers say
// and from the approved set.
func (j *judge) departs(i int, w Watch, m *dnswire.Msg) bool {
	known := j.authority(i, w)
	found := valuesOf(w, m)
	if len(found) == 0 {
		return len(known) > 0 && (m.Rcode == dnswire.RcodeSuccess || m.Rcode == dnswire.RcodeNXDomain) && j.allHave(i, w)
	}
	rec, approved := j.b.Find(w.Name, dnswire.TypeName(w.Type))
	if ok, _, _ := rec.Match(found); approved && ok {
		return false
	}
	return slices.ContainsFunc(found, func(v string) bool { return !slices.Contains(known, v) })
}

// signedOnce tells whether an answer that the zone no longer gives carries its
// signature: a cache that has not run out, after a change.
func (j *judge) signedOnce(w Watch, m *dnswire.Msg) bool {
	return len(valuesOf(w, m)) > 0 && slices.ContainsFunc(j.answering, func(s *Server) bool { return j.holds(s, w, m) })
}

// allHave tells whether every server gives the record, so that an empty answer
// of a resolver isn't merely an old one.
func (j *judge) allHave(i int, w Watch) bool {
	for _, s := range j.answering {
		if m := told(s, i); m == nil || len(valuesOf(w, m)) == 0 {
			return false
		}
	}
	return true
}

func (j *judge) broken() bool {
	return slices.ContainsFunc(j.out.Findings, func(f Finding) bool {
		return validates(f.Reason) || f.Reason == ParentBroken || f.Reason == AnchorMismatch
	})
}

// policy tells whether the resolver says that it filters (RFC 8914 4.5, 4.16 to 4.19).
func policy(x Exchange) bool {
	return slices.ContainsFunc(x.Reply.EDNS.EDE, func(e dnswire.EDE) bool {
		return e.Code == 4 || e.Code >= 15 && e.Code <= 18
	})
}

// stale tells whether the resolver says that its answer is an old one, because
// it can't reach the zone's servers (RFC 8914 4.4, 4.20).
func stale(x Exchange) bool {
	return slices.ContainsFunc(x.Reply.EDNS.EDE, func(e dnswire.EDE) bool { return e.Code == 3 || e.Code == 19 })
}

func ede(x Exchange) string {
	var b strings.Builder
	for _, e := range x.Reply.EDNS.EDE {
		b.WriteString(" EDE " + itoa(uint32(e.Code)))
		if e.Text != "" {
			b.WriteString(" " + probes.Quote(e.Text, 80))
		}
	}
	return b.String()
}
