package zone

import (
	"errors"
	"slices"
	"strings"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/baseline"
	"watchpost.example/probes/dns/dnssec"
	"watchpost.example/probes/dns/dnswire"
	"watchpost.example/probes/dns/walk"
)

// content is layer c: what every server says against what was approved.
func (j *judge) content() {
	if !j.l.NamesOnly {
		j.ownNS()
		j.soa()
	}
	for i, w := range j.l.Watched {
		rec, approved := j.b.Find(w.Name, dnswire.TypeName(w.Type))
		if approved {
			j.compare(i, w, rec)
		} else {
			j.among(i, w)
		}
	}
	j.ttls()
	j.random()
}

func (j *judge) ownNS() {
	want := canonicalNames(j.b.NS)
	if len(want) == 0 {
		return
	}
	for _, s := range j.answering {
		if m := s.NS.Msg(); m != nil {
			if got := nsNames(j.l.Zone, m); !slices.Equal(got, want) {
				j.server(s, NSChanged, probes.Today, j.l.Zone+" NS", words(want), words(got), s.NS)
			}
		}
	}
}

func (j *judge) soa() {
	for _, s := range j.answering {
		got := s.soa()
		mname, rname := dnswire.Name(got.Ns), dnswire.Name(got.Mbox)
		if want := j.b.SOA; want.MName != "" && (dnswire.Name(want.MName) != mname || dnswire.Name(want.RName) != rname) {
			j.server(s, SOAChanged, probes.Ticket, j.l.Zone+" SOA", want.MName+" "+want.RName, mname+" "+rname, s.first())
		}
	}
}

// valuesOf gives the set that an answer has for a watched name: canonical rdata,
// or "CNAME target" when an alias stands in its place.
func valuesOf(w Watch, m *dnswire.Msg) []string {
	if set := dnswire.Set(m.Answer, w.Name, w.Type); len(set) > 0 {
		return dnswire.RdataSet(set)
	}
	if alias := dnswire.Set(m.Answer, w.Name, dnswire.TypeCNAME); len(alias) > 0 {
		// The approved set of an address is what stands at the alias's end.
		for _, rr := range m.Answer {
			if rr.Header().Rrtype == w.Type {
				return dnswire.RdataSet(dnswire.Set(m.Answer, rr.Header().Name, w.Type))
			}
		}
		return []string{"CNAME " + dnswire.Target(alias[0])}
	}
	return nil
}

// told tells whether a server's answer to a watched name can be compared.
func told(s *Server, i int) *dnswire.Msg {
	if i >= len(s.Watched) || ignorable(s.Watched[i]) {
		return nil
	}
	if r := s.Watched[i].Rcode(); r != dnswire.RcodeSuccess && r != dnswire.RcodeNXDomain {
		return nil
	}
	return s.Watched[i].Msg()
}

// compare is H5: one watched record at every server against the approved set.
func (j *judge) compare(i int, w Watch, rec baseline.Record) {
	type difference struct {
		s     *Server
		found []string
	}
	var wrong []difference
	asked := 0
	for _, s := range j.answering {
		m := told(s, i)
		if m == nil {
			continue
		}
		asked++
		found := valuesOf(w, m)
		if ok, _, _ := rec.Match(found); !ok {
			wrong = append(wrong, difference{s, found})
		}
	}
	for _, d := range wrong {
		reason, sev := RecordChanged, probes.Today
		if len(d.found) == 0 {
			reason = RecordMissing
		}
		if len(wrong) == asked {
			sev = probes.PageNow
		}
		switch w.Type {
		case dnswire.TypeTXT:
			sev = probes.Ticket
			if strings.HasPrefix(w.Name, "_dmarc.") || spfOf(rec.Values) != spfOf(d.found) {
				sev = probes.Today
			}
		case dnswire.TypeCAA:
			if !widened(rec.Values, d.found) {
				sev = probes.Ticket
				break
			}
			reason, sev = CAAWeakened, probes.Today
		}
		j.server(d.s, reason, sev, w.String(), approvedWords(rec), words(d.found), d.s.Watched[i])
	}
}

func approvedWords(rec baseline.Record) string {
	var all []string
	all = append(all, rec.Values...)
	for _, p := range rec.Networks {
		all = append(all, p.String())
	}
	for _, a := range rec.ASN {
		all = append(all, a.String())
	}
	for _, s := range rec.Suffixes {
		all = append(all, "*."+strings.TrimPrefix(s, "."))
	}
	switch rec.Policy {
	case baseline.Subset:
		return "nothing beyond " + words(all)
	case baseline.Within:
		return "inside " + words(all)
	}
	return words(all)
}

// among compares the servers with each other where nothing is approved.
// Addresses that vary are rotation or GeoDNS when they validate or live
// shortly; a stale server was found by its serial.
func (j *judge) among(i int, w Watch) {
	top := j.newest()
	if top == nil || told(top, i) == nil {
		return
	}
	want := valuesOf(w, told(top, i))
	for k, s := range j.l.Servers {
		m := (*dnswire.Msg)(nil)
		if s.Answers() && s != top && serial(s) == serial(top) {
			m = told(s, i)
		}
		if m == nil || slices.Equal(valuesOf(w, m), want) || sameAlias(w, m, told(top, i)) {
			continue
		}
		if len(want) > 0 && balanced(w, m, j.out.Servers[k]) {
			continue
		}
		j.server(s, ServersDiffer, probes.Ticket, w.String(), words(want)+" as at "+top.Name, words(valuesOf(w, m)), s.Watched[i], top.Watched[i])
	}
}

// sameAlias tells whether two answers are the same alias: a server adds what
// stands at its end only if it has that zone too.
func sameAlias(w Watch, a, b *dnswire.Msg) bool {
	x, y := dnswire.Set(a.Answer, w.Name, dnswire.TypeCNAME), dnswire.Set(b.Answer, w.Name, dnswire.TypeCNAME)
	if len(x) == 0 || !slices.Equal(dnswire.RdataSet(x), dnswire.RdataSet(y)) {
		return false
	}
	return strings.HasPrefix(valuesOf(w, a)[0], "CNAME ") || strings.HasPrefix(valuesOf(w, b)[0], "CNAME ")
}

// balanced tells whether an answer may rightly differ from another server's: an
// address that lives shortly, or one that validates.
func balanced(w Watch, m *dnswire.Msg, st State) bool {
	if len(valuesOf(w, m)) == 0 || w.Type != dnswire.TypeA && w.Type != dnswire.TypeAAAA && w.Type != dnswire.TypeCNAME {
		return false
	}
	ttl, _ := dnswire.TTL(m.Answer)
	return ttl <= 300 || st.Word == dnssec.Secure.String()
}

// ttls is H10: of the authority, never of a resolver. The largest of the
// servers counts, because some balancers count down. A server's zeros are one
// finding.
func (j *judge) ttls() {
	for _, s := range j.answering {
		var zeros []string
		for i, w := range j.l.Watched {
			if t, ok := ttlOf(s, i, w); ok && t == 0 && !j.countsDown(i, w) {
				zeros = append(zeros, w.String())
			}
		}
		if len(zeros) > 0 {
			j.server(s, TTLZero, probes.Ticket, listed(zeros), "a TTL above 0", "0: every query comes to the servers", s.first())
		}
	}
	for i, w := range j.l.Watched {
		rec, _ := j.b.Find(w.Name, dnswire.TypeName(w.Type))
		top, where := j.topTTL(i, w)
		if where != nil && rec.TTL > 0 && j.dropped(w.String(), top, rec.TTL) && !j.countsDown(i, w) {
			j.server(where, TTLDropped, probes.Ticket, w.String(), "a TTL of about "+itoa(rec.TTL), itoa(top), where.Watched[i])
		}
	}
}

// topTTL is the largest TTL of a record and the server that gave it, nil when
// none did.
func (j *judge) topTTL(i int, w Watch) (top uint32, where *Server) {
	for _, s := range j.answering {
		if t, ok := ttlOf(s, i, w); ok && (where == nil || t > top) {
			top, where = t, s
		}
	}
	return top, where
}

// dropped tells whether a TTL is below a tenth of the approved one: this and
// the one before being the same, or all of the last looks. A balancer that
// counts its TTL down gives a small one now and then.
func (j *judge) dropped(record string, ttl, approved uint32) bool {
	last := []uint32{ttl}
	if j.lim.TTLs != nil {
		last = j.lim.TTLs(record, ttl)
	}
	if n := len(last); n > 1 && last[n-1] == last[n-2] {
		last = last[n-1:]
	}
	return ttl > 0 && slices.Max(last) < approved/10
}

// countsDown tells whether a server lets a TTL run down as a cache does: it fell
// between the two looks. What it was set to can't be seen then.
func (j *judge) countsDown(i int, w Watch) bool {
	if j.l.First == nil {
		return false
	}
	for k, s := range j.l.Servers {
		now, ok := ttlOf(s, i, w)
		if k < len(j.l.First.Servers) && ok {
			if before, had := ttlOf(j.l.First.Servers[k], i, w); had && now < before {
				return true
			}
		}
	}
	return false
}

func ttlOf(s *Server, i int, w Watch) (uint32, bool) {
	m := told(s, i)
	if m == nil {
		return 0, false
	}
	return dnswire.TTL(dnswire.Set(m.Answer, w.Name, w.Type))
}

// random is H8: the label that nobody made.
func (j *judge) random() {
	var approved []string
	if j.b.Random != nil {
		approved = j.b.Random.Values
	}
	for _, s := range j.answering {
		m := s.Random.Msg()
		if m == nil || m.Rcode != dnswire.RcodeSuccess {
			continue
		}
		w := Watch{j.l.Random, dnswire.TypeA}
		found := valuesOf(w, m)
		if len(found) == 0 {
			// NODATA: a wildcard of another type, or compact denial, which says so
			// (NXNAME, RFC 9824) or the baseline knows.
			if !dnssec.CompactDenial(j.l.Random, m) && j.b.Random != nil && j.b.Random.Rcode == dnswire.RcodeName(dnswire.RcodeNXDomain) {
				j.server(s, Wildcard, probes.Today, "*."+j.l.Zone, "NXDOMAIN", "the name exists, without an address: a wildcard of another type?", s.Random)
			}
			continue
		}
		ok := len(approved) > 0
		for _, v := range found {
			ok = ok && slices.Contains(approved, v)
		}
		if ok {
			continue
		}
		sev := probes.Note
		if j.b.Random != nil {
			sev = probes.PageNow
		}
		want := words(approved)
		if len(approved) == 0 {
			want = "NXDOMAIN"
		}
		j.server(s, Wildcard, sev, "*."+j.l.Zone+" A", want, words(found), s.Random)
	}
}

// targets is H13: what the zone points at must exist, and belong to somebody.
func (j *judge) targets() {
	for _, t := range j.l.Targets {
		if errors.Is(t.Err, walk.ErrLoop) {
			j.add(Finding{Reason: DanglingTarget, Severity: probes.Ticket, Record: t.From, Expected: "a target that exists", Found: t.Name + " leads in a ring of aliases"})
			continue
		}
		if !gone(t.Err) {
			continue
		}
		f := Finding{Reason: DanglingTarget, Severity: probes.Ticket, Record: t.From, Expected: "a target that exists", Found: t.Name + " does not exist"}
		if t.Free {
			f.Reason, f.Severity = DanglingDomain, probes.PageNow
			f.Expected, f.Found = "a target in a registered domain", t.Domain+" is free: whoever registers it gets what is sent to "+t.Name
		}
		j.add(f)
	}
}
