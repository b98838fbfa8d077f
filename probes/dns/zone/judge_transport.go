package zone

import (
	"errors"
	"slices"
	"strconv"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/dnssec"
	"watchpost.example/probes/dns/dnswire"
	"watchpost.example/probes/dns/walk"
)

// transport judges whether both transports work and say the same.
func (j *judge) transport(s *Server) {
	soa := j.l.Zone + " SOA"
	if s.OverTCP {
		j.server(s, ServerNoUDP, probes.Today, soa, "an answer over UDP", exchangeWord(s.SOA), s.SOA)
	}
	switch cut := s.truncated(); {
	case cut.OK() && !errors.Is(cut.Reply.TCPErr, dnswire.ErrDial) && !errors.Is(cut.Reply.TCPErr, dnswire.ErrCut):
		j.server(s, ServerTCNoTCP, probes.Today, cut.Reply.Query.String(), "the whole answer over TCP", "truncated over UDP, and TCP: "+errorWord(cut.Reply.TCPErr), cut)
	case cutShort(s.SOATCP):
		j.server(s, ServerTCNoTCP, probes.Today, soa, "the whole answer over TCP", "truncated over TCP too", s.SOATCP)
	case !s.SOATCP.OK() && !unasked(s.SOATCP):
		sev := probes.Ticket
		if j.signed() {
			sev = probes.Today // signed answers need TCP sooner or later
		}
		j.server(s, ServerNoTCP, sev, soa, "an answer over TCP", exchangeWord(s.SOATCP), s.SOATCP)
	case s.SOATCP.OK() && !speaks(j.l.Zone, s.SOATCP):
		j.server(s, TransportDiffers, probes.Today, soa, "the same over UDP and TCP", "ok over UDP, "+lameWord(s.SOATCP)+" over TCP", s.first(), s.SOATCP)
	}
}

// lameWord says what is wrong with a reply that is no SOA with authority.
func lameWord(x Exchange) string {
	if w := exchangeWord(x); w != "ok" {
		return w
	}
	return "no SOA"
}

// contentOverTCP compares the answers over TCP with those over UDP, once it is
// known what the zone is trusted by.
func (j *judge) contentOverTCP(s *Server) {
	if !speaks(j.l.Zone, s.SOATCP) {
		return // found as a whole
	}
	if u, t := s.NS.Msg(), s.NSTCP.Msg(); u != nil && t != nil && !slices.Equal(nsNames(j.l.Zone, u), nsNames(j.l.Zone, t)) {
		j.server(s, TransportDiffers, probes.Today, j.l.Zone+" NS", words(nsNames(j.l.Zone, u))+" as over UDP", words(nsNames(j.l.Zone, t))+" over TCP", s.NS, s.NSTCP)
	}
	for i, w := range j.l.Watched {
		if i >= len(s.TCP) {
			break
		}
		u, x := told(s, i), s.TCP[i]
		t := x.Msg()
		if u == nil || t == nil || dnswire.Same(u, t) {
			continue
		}
		udp, tcp := valuesOf(w, u), valuesOf(w, t)
		if slices.Equal(udp, tcp) && u.Rcode == t.Rcode || j.maySayBoth(s, w, udp, tcp, t) {
			continue
		}
		j.server(s, TransportDiffers, probes.Today, w.String(), valueWords(u.Rcode, udp)+" as over UDP", valueWords(t.Rcode, tcp)+" over TCP", s.Watched[i], x)
	}
}

// maySayBoth tells whether a server may rightly give one answer over UDP and
// another over TCP: both are approved, or it hands out addresses by turns.
func (j *judge) maySayBoth(s *Server, w Watch, udp, tcp []string, t *dnswire.Msg) bool {
	if rec, ok := j.b.Find(w.Name, dnswire.TypeName(w.Type)); ok {
		fits, _, _ := rec.Match(tcp)
		before, _, _ := rec.Match(udp)
		return fits && before
	}
	if len(udp) == 0 || len(tcp) == 0 {
		return false
	}
	state := State{}
	if len(j.trust.DS)+len(j.trust.Keys) > 0 {
		if !j.holds(s, w, t) {
			return false // of a signed zone nobody may say anything unsigned
		}
		state.Word = dnssec.Secure.String()
	}
	return balanced(w, t, state)
}

// holds tells whether an answer validates by the keys that the server gave and
// the parent vouches for.
func (j *judge) holds(s *Server, w Watch, m *dnswire.Msg) bool {
	if len(j.trust.DS)+len(j.trust.Keys) == 0 || s.DNSKEY.Msg() == nil {
		return false
	}
	keys, o := verifyKeys(j.l.Zone, j.trust, s.DNSKEY.Msg(), j.now, j.budget())
	return o.Status == dnssec.Secure && dnssec.VerifyResponse(j.l.Zone, w.Name, w.Type, m, keys, j.now, j.budget()).Status == dnssec.Secure
}

func valueWords(rcode int, values []string) string {
	if len(values) == 0 {
		return dnswire.RcodeName(rcode)
	}
	return words(values)
}

// tcpInstead says what TCP gave for a question that UDP left unanswered.
func (s *Server) tcpInstead(x Exchange) string {
	if s.SOATCP.OK() && !x.OK() {
		return "; over TCP it answers"
	}
	return ""
}

// strangers finds records that no answer to our question has: of other owners,
// or a zone of somebody else in the authority section. Resolvers drop them; who
// sends them is broken or poisons.
func (j *judge) strangers(s *Server) {
	for _, x := range slices.Concat([]Exchange{s.first(), s.NS, s.DNSKEY}, s.Watched) {
		m := x.Msg()
		if m == nil || ignorable(x) || !m.Authoritative {
			continue
		}
		if n := len(dnswire.Set(m.Answer, j.l.Zone, dnswire.TypeSOA)); n > 1 {
			j.server(s, CauseReason(dnssec.Malformed), probes.Today, x.Reply.Query.String(), "one SOA", strconv.Itoa(n)+" SOA records", x)
			return
		}
		if rr := stranger(j.l.Zone, x.Reply.Query.Name, m); rr != nil {
			found := dnswire.Name(rr.Header().Name) + " " + dnswire.TypeName(rr.Header().Rrtype) + " " + dnswire.Rdata(rr)
			j.server(s, CauseReason(dnssec.Malformed), probes.Today, x.Reply.Query.String(), "records that answer the question", "beside the answer: "+found, x)
			return
		}
	}
}

// stranger is the first record that has no place in an answer to name.
func stranger(zone, name string, m *dnswire.Msg) dnswire.RR {
	owners := map[string]bool{name: true}
	for range 2 * walk.MaxAliases { // aliases in any order
		before := len(owners)
		for _, rr := range m.Answer {
			o := dnswire.Name(rr.Header().Name)
			switch rr.Header().Rrtype {
			case dnswire.TypeCNAME:
				if owners[o] {
					owners[dnswire.Target(rr)] = true
				}
			case dnswire.TypeDNAME:
				if below := underAny(o, owners); below {
					owners[o] = true
				}
			}
		}
		if len(owners) == before {
			break
		}
	}
	for _, rr := range m.Answer {
		if !owners[dnswire.Name(rr.Header().Name)] {
			return rr
		}
	}
	for _, rr := range m.Ns {
		if o := dnswire.Name(rr.Header().Name); rr.Header().Rrtype == dnswire.TypeNS && !dnswire.Under(zone, o) && !inZones(o, owners) {
			return rr
		}
	}
	return nil
}

func underAny(o string, owners map[string]bool) bool {
	for n := range owners {
		if dnswire.Under(o, n) {
			return true
		}
	}
	return false
}

// inZones tells whether a zone may hold the end of an alias; the root and the
// top-level zones are nobody's to speak of.
func inZones(o string, owners map[string]bool) bool {
	return dnswire.Labels(o) > 1 && underAny(o, owners)
}

// denials finds a server that denies a name for one type and gives it for
// another (RFC 4074 4.2): resolvers keep the denial for all types.
func (j *judge) denials(s *Server) {
	for i, w := range j.l.Watched {
		m := told(s, i)
		if m == nil || m.Rcode != dnswire.RcodeNXDomain || len(m.Answer) > 0 {
			continue
		}
		for k, other := range j.l.Watched {
			n := told(s, k)
			if other.Name != w.Name || n == nil || n.Rcode != dnswire.RcodeSuccess || len(valuesOf(other, n)) == 0 {
				continue
			}
			j.server(s, ServerRcode, probes.Today, w.String(), "NOERROR without an answer, because "+other.String()+" exists", "NXDOMAIN: resolvers take the whole name for missing", s.Watched[i], s.Watched[k])
			break
		}
	}
}
