package zone

import (
	"errors"
	"fmt"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/dnswire"
)

// openness is what the server does for strangers.
func (j *judge) openness(s *Server) {
	h := s.Hygiene
	if h == nil {
		return
	}
	if h.Transfer > 0 {
		j.server(s, TransferOpen, probes.Today, j.l.Zone+" AXFR", "REFUSED", fmt.Sprintf("a transfer began (%d records in its first message; it was not read on)", h.Transfer))
	}
	j.recursion(s, h.Recursion)
}

// recursion is A10. The RA flag alone may be meant for listed clients; who looks
// for the answer, and fails or takes long, would have given it to us.
func (j *judge) recursion(s *Server, x Exchange) {
	m := x.Msg()
	offers := s.first().Msg().RecursionAvailable
	switch {
	case m == nil && offers && errors.Is(x.Err, dnswire.ErrTimeout) && !unasked(x):
		j.server(s, RecursionOpen, probes.Ticket, x.Reply.Query.String(), "REFUSED at once", "the RA flag, and no answer in time: it seems to look for one", x, s.first())
	case m == nil || !m.RecursionAvailable || m.Authoritative:
	case len(m.Answer) > 0 && m.Rcode == dnswire.RcodeSuccess:
		j.server(s, RecursionOpen, probes.Today, x.Reply.Query.String(), "no answer for a stranger's name", answerWords(m), x)
	case m.Rcode == dnswire.RcodeServFail:
		j.server(s, RecursionOpen, probes.Ticket, x.Reply.Query.String(), "REFUSED", "the RA flag and SERVFAIL: it looked for an answer and found none", x)
	default:
		j.server(s, RecursionOpen, probes.Note, x.Reply.Query.String(), "no RA flag", "the RA flag, and "+dnswire.RcodeName(m.Rcode), x)
	}
}
