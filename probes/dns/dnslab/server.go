package dnslab

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Exchange is one query as a Fault sees it.
type Exchange struct {
	Query *dns.Msg
	Name  string // canonical
	Type  uint16
	TCP   bool
	Reply *dns.Msg // what a right server would say; a Fault may change it
	// Raw, when not nil, is sent instead of Reply, as one or more messages;
	// empty and not nil is silence.
	Raw [][]byte
	// Delay is waited before sending.
	Delay time.Duration
}

// Fault breaks an exchange.
type Fault func(x *Exchange)

// Server is an authoritative server at one address, over UDP and TCP.
type Server struct {
	Addr    netip.AddrPort
	Zones   map[string]*Data
	Faults  []Fault
	NoTCP   bool             // nothing listens on TCP
	NoUDP   bool             // datagrams are not answered
	Recurse func(m *dns.Msg) // answers what is not in Zones
	XFR     bool             // lets anybody transfer its zones
	Queries atomic.Int64

	mu  sync.Mutex
	udp *net.UDPConn
	tcp net.Listener
}

// start listens; it gives false when a port is taken.
func (s *Server) start() bool {
	udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(s.Addr))
	if err != nil {
		return false
	}
	tcp, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(s.Addr))
	if err != nil {
		_ = udp.Close()
		return false
	}
	s.udp, s.tcp = udp, tcp
	return true
}

func (s *Server) serve(tb testing.TB) {
	tb.Helper()
	var wg sync.WaitGroup
	wg.Go(s.serveUDP)
	if s.NoTCP {
		_ = s.tcp.Close()
	} else {
		wg.Go(func() { s.serveTCP(&wg) })
	}
	tb.Cleanup(func() {
		_ = s.udp.Close()
		_ = s.tcp.Close()
		wg.Wait()
	})
}

func (s *Server) serveUDP() {
	buf := make([]byte, 64<<10)
	for {
		n, from, err := s.udp.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		x := s.handle(buf[:n], false)
		if x == nil || s.NoUDP {
			continue
		}
		send := func() {
			for _, b := range x.Raw {
				_, _ = s.udp.WriteToUDPAddrPort(b, from) // a lost reply is a lost reply
			}
		}
		if x.Delay > 0 {
			time.AfterFunc(x.Delay, send)
		} else {
			send()
		}
	}
}

func (s *Server) serveTCP(wg *sync.WaitGroup) {
	for {
		c, err := s.tcp.Accept()
		if err != nil {
			return
		}
		wg.Go(func() {
			defer func() { _ = c.Close() }()
			_ = c.SetDeadline(time.Now().Add(5 * time.Second)) // ends what a test leaves open
			for {
				var n [2]byte
				if _, err := io.ReadFull(c, n[:]); err != nil {
					return
				}
				b := make([]byte, binary.BigEndian.Uint16(n[:]))
				if _, err := io.ReadFull(c, b); err != nil {
					return
				}
				x := s.handle(b, true)
				if x == nil || len(x.Raw) == 0 {
					return
				}
				for _, r := range x.Raw {
					if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(r))), r...)); err != nil {
						return
					}
				}
			}
		})
	}
}

func (s *Server) handle(b []byte, tcp bool) *Exchange {
	q := &dns.Msg{}
	if q.Unpack(b) != nil || len(q.Question) != 1 {
		return nil
	}
	s.Queries.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	x := &Exchange{Query: q, Name: dns.CanonicalName(q.Question[0].Name), Type: q.Question[0].Qtype, TCP: tcp}
	x.Reply = s.reply(q, x)
	for _, f := range s.Faults {
		f(x)
	}
	if x.Raw == nil {
		x.Raw = x.pack(s, tcp)
	}
	return x
}

func (x *Exchange) pack(s *Server, tcp bool) [][]byte {
	if x.Type == dns.TypeAXFR && s.XFR && tcp {
		return x.transfer(s)
	}
	size := dns.MinMsgSize
	if o := x.Query.IsEdns0(); o != nil {
		size = max(size, int(o.UDPSize()))
	}
	x.Reply.Compress = true
	if b, err := x.Reply.Pack(); err == nil && (tcp || len(b) <= size) {
		return [][]byte{b}
	}
	short := *x.Reply
	short.Truncated, short.Answer, short.Ns = true, nil, nil
	short.Extra = nil
	if o := x.Reply.IsEdns0(); o != nil {
		short.Extra = []dns.RR{o}
	}
	b, err := short.Pack()
	if err != nil {
		panic(err)
	}
	return [][]byte{b}
}

// transfer sends the zone in messages of one record, so that a client that
// stops after the first is seen to.
func (x *Exchange) transfer(s *Server) [][]byte {
	z := s.Zones[x.Name]
	if z == nil {
		return nil
	}
	soa := z.get(z.Name, dns.TypeSOA)[0]
	all := append([]dns.RR{soa}, z.RRs...)
	var out [][]byte
	for _, rr := range append(all, soa) {
		m := new(dns.Msg).SetReply(x.Query)
		m.Authoritative, m.Answer = true, []dns.RR{rr}
		if b, err := m.Pack(); err == nil {
			out = append(out, b)
		}
	}
	return out
}

// reply is what a right server says.
func (s *Server) reply(q *dns.Msg, x *Exchange) *dns.Msg {
	m := new(dns.Msg).SetReply(q)
	m.RecursionDesired = q.RecursionDesired
	do := false
	if o := q.IsEdns0(); o != nil {
		do = o.Do()
		m.SetEdns0(1232, do)
		if o.Version() > 0 {
			m.Rcode = dns.RcodeBadVers
			return m
		}
		for _, opt := range o.Option {
			if opt.Option() == dns.EDNS0NSID {
				m.IsEdns0().Option = append(m.IsEdns0().Option, &dns.EDNS0_NSID{Code: dns.EDNS0NSID, Nsid: "6c6162"})
			}
		}
	}
	z := s.zone(x.Name, x.Type)
	switch {
	case z == nil && s.Recurse != nil:
		s.Recurse(m)
	case z == nil || x.Type == dns.TypeAXFR && !s.XFR:
		m.Rcode = dns.RcodeRefused
	default:
		z.answer(m, x.Name, x.Type, do)
	}
	return m
}

// zone finds the deepest zone for the name; a DS is its parent's affair.
func (s *Server) zone(name string, t uint16) *Data {
	n := name
	if t == dns.TypeDS && s.Zones[n] != nil && n != "." {
		if z := s.zone(parent(n), dns.TypeNS); z != nil {
			return z
		}
	}
	for {
		if z := s.Zones[n]; z != nil {
			return z
		}
		if n == "." {
			return nil
		}
		n = parent(n)
	}
}

// Answer is what the server, unbroken, says to a query.
func (s *Server) Answer(q *dns.Msg) *dns.Msg {
	return s.reply(q, &Exchange{Query: q, Name: dns.CanonicalName(q.Question[0].Name), Type: q.Question[0].Qtype})
}
