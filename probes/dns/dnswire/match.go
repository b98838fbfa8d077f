package dnswire

import (
	"encoding/binary"
	"errors"
	"strings"

	"github.com/miekg/dns"
)

// lost tells silence from strays: a server that answers wrongly isn't silent.
func lost(err error, s Strays) error {
	switch {
	case !errors.Is(err, ErrTimeout):
		return err
	case s.Question > 0 || s.ID > 0:
		return ErrMismatch
	case s.Garbage > 0:
		return ErrGarbage
	}
	return err
}

// match parses a datagram and tells whether it answers what was sent: id, QR,
// opcode and question. Case is compared apart: a server may fold it.
func match(sent *dns.Msg, b []byte, s *Strays, folded *bool) (*dns.Msg, bool) {
	if len(b) < 12 {
		s.Garbage++
		return nil, false
	}
	m := &dns.Msg{}
	if binary.BigEndian.Uint16(b) != sent.Id || b[2]&0x80 == 0 || b[2]>>3&0x0f != 0 {
		if m.Unpack(append([]byte(nil), b...)) != nil {
			s.Garbage++
		} else {
			s.ID++
		}
		return nil, false
	}
	if err := m.Unpack(append([]byte(nil), b...)); err != nil && !m.Truncated {
		s.Garbage++
		return nil, false
	}
	// FORMERR and the like may come without the question (RFC 1035 4.1.1 is
	// silent), any other reply must repeat it.
	if len(m.Question) == 0 && (m.Rcode == RcodeFormErr || m.Rcode == RcodeNotImp) {
		return m, true
	}
	q := sent.Question[0]
	if len(m.Question) != 1 || !sameQuestion(m.Question[0], q) {
		s.Question++
		return nil, false
	}
	if m.Question[0].Name != q.Name {
		*folded = true
	}
	return m, true
}

func sameQuestion(a, b dns.Question) bool {
	return a.Qtype == b.Qtype && a.Qclass == b.Qclass && strings.EqualFold(a.Name, b.Name)
}
