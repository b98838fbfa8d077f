package zone

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/dnswire"
)

// servers judges each server by itself.
func (j *judge) servers() {
	good := len(j.answering)
	for _, s := range j.l.Servers {
		if !s.Answers() {
			j.notAnswering(s, good)
			continue
		}
		j.transport(s)
		j.edns(s)
		j.manners(s)
		j.openness(s)
	}
}

func (j *judge) server(s *Server, r probes.Reason, sev probes.Severity, record, expected, found string, packets ...Exchange) {
	name, addr := at(s)
	j.add(Finding{Reason: r, Severity: sev, Server: name, Address: addr, Record: record, Expected: expected, Found: found, packets: packets})
}

// outage is how bad a lost server is: the fewer are left, the worse.
func outage(good int) probes.Severity {
	switch good {
	case 0:
		return probes.PageNow
	case 1:
		return probes.Today
	}
	return probes.Ticket
}

// notAnswering says why a server doesn't speak for the zone. Errors of our own
// making (no route, the guard) are no finding: the server was not asked.
func (j *judge) notAnswering(s *Server, good int) {
	soa := j.l.Zone + " SOA"
	x := s.first()
	if m := s.SOA.Msg(); !x.OK() && m != nil && m.Truncated {
		j.server(s, ServerTCNoTCP, outage(good), soa, "the whole answer over TCP", "truncated over UDP, and TCP: "+exchangeWord(s.SOATCP), s.SOA, s.SOATCP)
		return
	}
	if !x.OK() && s.SOA.OK() {
		x = s.SOA
	}
	if !x.OK() {
		j.silent(s, good)
		return
	}
	j.lame(s, x, outage(good))
}

// silent is a server from which no answer came.
func (j *judge) silent(s *Server, good int) {
	soa := j.l.Zone + " SOA"
	switch {
	case ours(s):
	case errors.Is(s.SOA.Err, dnswire.ErrMismatch):
		j.server(s, ServerMismatch, outage(good), soa, "a reply to our question", exchangeWord(s.SOA), s.SOA)
	case errors.Is(s.SOA.Err, dnswire.ErrGarbage):
		j.server(s, probes.DNSGarbage, outage(good), soa, "a DNS message", exchangeWord(s.SOA), s.SOA)
	default:
		j.server(s, ServerDead, outage(good), soa, "an answer over UDP and TCP", "UDP: "+exchangeWord(s.SOA)+"; TCP: "+exchangeWord(s.SOATCP), s.SOA, s.SOATCP)
	}
}

// lame is a server that answers and has no authority over the zone.
func (j *judge) lame(s *Server, x Exchange, sev probes.Severity) {
	m, soa := x.Msg(), j.l.Zone+" SOA"
	switch {
	case m.Rcode == dnswire.RcodeRefused:
		j.server(s, ServerRefused, sev, soa, "NOERROR with authority", "REFUSED", x)
	case m.Rcode == dnswire.RcodeServFail:
		j.server(s, ServerServFail, sev, soa, "NOERROR with authority", "SERVFAIL", x)
	case m.Rcode != dnswire.RcodeSuccess:
		j.server(s, ServerRcode, sev, soa, "NOERROR with authority", dnswire.RcodeName(m.Rcode), x)
	case upward(j.l.Zone, m):
		j.server(s, ServerUpward, sev, soa, "an answer with authority", "a referral upwards", x)
	case !m.Authoritative:
		j.server(s, ServerNoAA, sev, soa, "the AA flag", "an answer without authority", x)
	default:
		found := "no SOA in the answer"
		if other := dnswire.FirstSOA(m.Answer); other != nil {
			found = "the SOA of " + dnswire.Name(other.Hdr.Name)
		}
		j.server(s, ServerNoSOA, sev, soa, "the zone's SOA", found, x)
	}
}

// ours tells whether we could not even ask, or had no time to wait for the answer.
func ours(s *Server) bool { return unasked(s.SOA) && unasked(s.SOATCP) }

// unasked tells that an exchange failed on our side and says nothing of the server.
func unasked(x Exchange) bool {
	return x.Reply == nil || errors.Is(x.Err, dnswire.ErrDial) || errors.Is(x.Err, dnswire.ErrCut)
}

// upward is a referral to the root or to a zone above.
func upward(zone string, m *dnswire.Msg) bool {
	return len(m.Answer) == 0 && slices.ContainsFunc(m.Ns, func(rr dnswire.RR) bool {
		return rr.Header().Rrtype == dnswire.TypeNS && dnswire.Under(dnswire.Name(rr.Header().Name), zone) && dnswire.Name(rr.Header().Name) != zone
	})
}

// all is every exchange with the server, the daily ones left out.
func (s *Server) all() []Exchange {
	return slices.Concat([]Exchange{s.SOA, s.SOATCP, s.Bare, s.Eased, s.NS, s.DNSKEY, s.CDS, s.CDNSKEY, s.Random, s.NoData}, s.Watched, s.Hosts)
}

func (s *Server) truncated() Exchange {
	for _, x := range s.all() {
		if x.OK() && x.Reply.TCPErr != nil {
			return x
		}
	}
	return Exchange{}
}

// signed tells whether anybody signs: keys at a server or a DS at the parent.
func (j *judge) signed() bool {
	for _, s := range j.answering {
		if len(keyRecords(j.l.Zone, s.DNSKEY.Msg())) > 0 {
			return true
		}
	}
	return false
}

func (j *judge) edns(s *Server) {
	soa := j.l.Zone + " SOA"
	sev := probes.Ticket
	if j.signed() {
		sev = probes.Today
	}
	switch {
	case s.Plain && !s.SOA.OK():
		j.server(s, EDNSDropped, sev, soa, "an answer to a query with EDNS", "silence; it answers without EDNS", s.SOA, s.Bare)
	case s.Plain:
		j.server(s, EDNSFormErr, sev, soa, "an answer to a query with EDNS", dnswire.RcodeName(s.SOA.Rcode())+"; it answers without EDNS", s.SOA, s.Bare)
	case s.first().OK() && !s.first().Reply.EDNS.Present:
		j.server(s, EDNSMissing, sev, soa, "an OPT record in the reply", "none", s.first())
	case s.KeepCase:
		j.server(s, ServerFoldsCase, probes.Note, soa, "the same answer whatever the case of the letters", exchangeWord(s.SOA)+" to a name in mixed case; it answers in lower case", s.SOA, s.Eased)
	case s.NoOptions && !s.SOA.OK():
		j.server(s, EDNSDropped, probes.Ticket, soa, "an answer to a query with a cookie (RFC 7873) and NSID", exchangeWord(s.SOA)+"; it answers without these options", s.SOA, s.Eased)
	case s.NoOptions:
		j.server(s, EDNSFormErr, probes.Ticket, soa, "unknown EDNS options are ignored (RFC 6891 6.1.2)", exchangeWord(s.SOA)+" to a query with a cookie and NSID; it answers without them", s.SOA, s.Eased)
	}
	if x := s.SOA; x.OK() && x.Reply.EDNS.Cookie == dnswire.CookieAltered {
		j.server(s, CookieAltered, probes.Ticket, soa, "our cookie, or none", "a changed one", x)
	}
	j.ednsDaily(s)
}

// ednsDaily is the conformance that is asked once a day.
func (j *judge) ednsDaily(s *Server) {
	soa := j.l.Zone + " SOA"
	h := s.Hygiene
	if h == nil || s.Plain || !s.first().OK() || !s.first().Reply.EDNS.Present {
		return
	}
	if h.Version.OK() && h.Version.Rcode() != dnswire.RcodeBadVers {
		j.server(s, EDNSVersion, probes.Note, soa, "BADVERS for EDNS version 1", dnswire.RcodeName(h.Version.Rcode()), h.Version)
	}
	if h.Option.OK() && h.Option.Reply.EDNS.Echoed {
		j.server(s, EDNSEcho, probes.Note, soa, "an unknown option is ignored", "it is echoed", h.Option)
	}
}

// manners is what shows over all answers: spoofing, folded case, slowness.
func (j *judge) manners(s *Server) {
	var took []time.Duration
	var folded, mismatch Exchange
	for _, x := range s.all() {
		if x.Reply == nil {
			continue
		}
		if x.OK() && x.Reply.Transport == dnswire.UDP {
			took = append(took, x.Reply.Took)
		}
		if folded.Reply == nil && x.OK() && x.Reply.Folded {
			folded = x
		}
		if mismatch.Reply == nil && (x.Reply.Strays.Question > 0 || errors.Is(x.Err, dnswire.ErrMismatch)) {
			mismatch = x
		}
		if len(x.Reply.Differing) > 0 {
			other := Exchange{Reply: &dnswire.Reply{Query: x.Reply.Query, Server: x.Reply.Server, Msg: x.Reply.Differing[0]}}
			j.server(s, RepliesDiffer, probes.Today, x.Reply.Query.String(), "one reply to one query", "another reply to the same query: "+answerWords(other.Msg())+"; beside: "+answerWords(x.Msg()), x, other)
		}
	}
	if folded.Reply != nil {
		j.server(s, ServerFoldsCase, probes.Note, folded.Reply.Query.String(), "the name as it was asked", "the case of its letters was changed", folded)
	}
	if mismatch.Reply != nil {
		j.server(s, ServerMismatch, probes.Today, mismatch.Reply.Query.String(), "a reply to our question", "a reply to another question", mismatch)
	}
	j.slowness(s, took)
	j.lostAnswers(s)
	j.strangers(s)
	j.denials(s)
}

func (j *judge) slowness(s *Server, took []time.Duration) {
	if len(took) < 3 {
		return
	}
	slices.Sort(took)
	if mid := took[len(took)/2]; mid > j.lim.Slow {
		j.server(s, ServerSlow, probes.Ticket, j.l.Zone+" SOA", "an answer within "+j.lim.Slow.String(), mid.Round(time.Millisecond).String()+" (median of "+strconv.Itoa(len(took))+")", s.SOA)
	}
}

// lostAnswers finds queries that the server left unanswered or failed while it
// answers others; what failed in one way is one finding that names the records.
func (j *judge) lostAnswers(s *Server) {
	type failed struct {
		reason          probes.Reason
		expected, found string
		records         []string
		x               Exchange
	}
	var all []failed
	asked := slices.Concat([]Exchange{s.NS, s.DNSKEY, s.Random, s.NoData}, s.Watched)
	if s.lost() { // whatever it was that it did not answer
		asked = slices.Concat(asked, []Exchange{s.CDS, s.CDNSKEY}, s.Hosts)
	}
	for _, x := range asked {
		if x.Reply == nil || ignorable(x) {
			continue
		}
		reason, expected, found := j.failure(s, x)
		if reason == "" || reason == probes.DNSTimeout && j.answeredBefore(s, x.Reply.Query) {
			continue
		}
		i := slices.IndexFunc(all, func(f failed) bool { return f.reason == reason && f.found == found })
		if i < 0 {
			all = append(all, failed{reason, expected, found, nil, x})
			i = len(all) - 1
		}
		all[i].records = append(all[i].records, j.recordOf(x))
	}
	for _, f := range all {
		j.server(s, f.reason, probes.Today, listed(f.records), f.expected, f.found, f.x)
	}
}

// answeredBefore tells whether the first look got an answer to the question that
// this look lost: a limit on the rate of answers hits now this one, now that one.
func (j *judge) answeredBefore(s *Server, q dnswire.Query) bool {
	if j.l.First == nil {
		return false
	}
	for _, o := range j.l.First.Servers {
		if o.Name != s.Name || o.Addr != s.Addr {
			continue
		}
		for _, x := range o.all() {
			if x.OK() && x.Reply.Transport == dnswire.UDP && x.Reply.Query.Name == q.Name && x.Reply.Query.Type == q.Type {
				return true
			}
		}
	}
	return false
}

// recordOf is what was asked; the random label by what it is, for it is another
// one in every look.
func (j *judge) recordOf(x Exchange) string {
	return strings.Replace(x.Reply.Query.String(), j.l.Random, "(random label)."+j.l.Zone, 1)
}

// failure says how a server that answers others failed one question; "" = it didn't.
func (j *judge) failure(s *Server, x Exchange) (reason probes.Reason, expected, found string) {
	switch {
	case errors.Is(x.Err, dnswire.ErrGarbage):
		return probes.DNSGarbage, "a DNS message", "garbage"
	case x.Err != nil && !errors.Is(x.Err, dnswire.ErrMismatch):
		return probes.DNSTimeout, "an answer over UDP", exchangeWord(x) + s.tcpInstead(x)
	case x.Err != nil: // found as a mismatch
	case x.Rcode() == dnswire.RcodeServFail:
		return ServerServFail, "an answer", "SERVFAIL"
	case x.Rcode() == dnswire.RcodeRefused:
		return ServerRefused, "an answer", "REFUSED"
	case x.Rcode() != dnswire.RcodeSuccess && x.Rcode() != dnswire.RcodeNXDomain:
		return ServerRcode, "an answer", dnswire.RcodeName(x.Rcode())
	case !x.Msg().Authoritative && !referralBelow(j.l.Zone, x):
		return ServerNoAA, "the AA flag", "an answer without authority"
	}
	return "", "", ""
}

// lost tells that a server speaks for the zone and leaves most else unanswered:
// to those who ask it, it is as good as dead. Which questions were asked before
// MaxLost ended it is chance, so all of them count.
func (s *Server) lost() bool {
	lost, answered := 0, 0
	for _, x := range slices.Concat([]Exchange{s.NS, s.DNSKEY, s.CDS, s.CDNSKEY, s.Random, s.NoData}, s.Watched, s.Hosts) {
		switch {
		case x.OK():
			answered++
		case x.Err != nil && !unasked(x):
			lost++
		}
	}
	return lost >= MaxLost && 2*answered < lost
}

func ignorable(x Exchange) bool {
	return unasked(x) || x.OK() && x.Reply.TCPErr != nil
}

// referralBelow is a right answer for a watched name in a zone further down.
func referralBelow(zone string, x Exchange) bool {
	return slices.ContainsFunc(x.Msg().Ns, func(rr dnswire.RR) bool {
		o := dnswire.Name(rr.Header().Name)
		return rr.Header().Rrtype == dnswire.TypeNS && o != zone && dnswire.Under(zone, o)
	})
}

// newest is the answering server with the newest serial, nil without any.
func (j *judge) newest() *Server {
	var best *Server
	for _, s := range j.answering {
		if best == nil || dnswire.SerialNewer(serial(s), serial(best)) {
			best = s
		}
	}
	return best
}

func serial(s *Server) uint32 { return s.soa().Serial }

// serials is A5 and H14: what lags, by how long it has lagged.
func (j *judge) serials() {
	top := j.newest()
	if top == nil {
		return
	}
	soa := top.soa()
	j.out.Newest = soa.Serial
	for _, s := range j.answering {
		lags := serial(s) != soa.Serial
		since := j.now
		if j.lim.Lags != nil {
			since = j.lim.Lags(s.Addr.String(), lags)
		}
		if !lags {
			continue
		}
		age := j.now.Sub(since)
		sev := probes.Note
		switch {
		case age >= time.Duration(soa.Expire)*time.Second*3/4:
			sev = probes.Today
		case age >= time.Duration(soa.Refresh+soa.Retry)*time.Second:
			sev = probes.Ticket
		}
		record := j.l.Zone + " SOA"
		if d := j.differing(s, top); d != "" {
			sev, record = max(sev, probes.Today), d // it tells people something old
		}
		j.server(s, probes.DNSSerialLag, sev, record, fmt.Sprintf("serial %d as at %s", soa.Serial, top.Name), fmt.Sprintf("serial %d, for %s", serial(s), age.Round(time.Minute)), s.first(), top.first())
	}
	want, from := j.b.Serial, "the approved one"
	if j.lim.Before != nil {
		want, from = *j.lim.Before, "the last look's"
	}
	if want != 0 && dnswire.SerialNewer(want, soa.Serial) {
		j.server(top, SerialBackwards, probes.Ticket, j.l.Zone+" SOA", fmt.Sprintf("serial %d or newer (%s)", want, from), fmt.Sprintf("serial %d", soa.Serial), top.first())
	}
}

// differing names the first watched record that a lagging server answers
// otherwise than the newest one; "" when only the serial lags.
func (j *judge) differing(s, top *Server) string {
	for i, w := range j.l.Watched {
		a, b := s.Watched[i].Msg(), top.Watched[i].Msg()
		if a != nil && b != nil && !dnswire.Same(a, b) {
			return w.String()
		}
	}
	return ""
}
