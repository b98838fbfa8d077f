package dnswire_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"watchpost.example/probes/dns/dnswire"
)

// packetServer answers each datagram with whatever reply gives, in order.
func packetServer(t *testing.T, reply func(q *dns.Msg) [][]byte) netip.AddrPort {
	t.Helper()
	pc, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 77, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	go func() {
		buf := make([]byte, 4096)
		for {
			n, from, err := pc.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			q := &dns.Msg{}
			if q.Unpack(buf[:n]) != nil {
				continue
			}
			for _, b := range reply(q) {
				_, _ = pc.WriteToUDPAddrPort(b, from)
			}
		}
	}()
	return netip.MustParseAddrPort(pc.LocalAddr().String())
}

func pack(t *testing.T, m *dns.Msg) []byte {
	t.Helper()
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func answer(q *dns.Msg, rr ...string) *dns.Msg {
	m := new(dns.Msg).SetReply(q)
	m.Authoritative = true
	for _, s := range rr {
		r, err := dns.NewRR(s)
		if err != nil {
			panic(err)
		}
		m.Answer = append(m.Answer, r)
	}
	return m
}

func ask(t *testing.T, server netip.AddrPort, q dnswire.Query) (*dnswire.Reply, error) {
	t.Helper()
	c := &dnswire.Client{Timeout: 300 * time.Millisecond, Attempts: 1}
	return c.Ask(t.Context(), server, q)
}

const good = "www.donvi.example. 60 IN A 192.0.2.1"

func TestAskTakesTheAnswerBehindStrays(t *testing.T) {
	srv := packetServer(t, func(q *dns.Msg) [][]byte {
		wrongID := answer(q, "www.donvi.example. 60 IN A 203.0.113.66")
		wrongID.Id++
		notReply := answer(q, "www.donvi.example. 60 IN A 203.0.113.66")
		notReply.Response = false
		wrongName := answer(q, "www.donvi.example. 60 IN A 203.0.113.66")
		wrongName.Question[0].Name = "evil.example."
		return [][]byte{{1, 2, 3}, pack(t, wrongID), pack(t, notReply), pack(t, wrongName), pack(t, answer(q, good))}
	})
	r, err := ask(t, srv, dnswire.Query{Name: "www.donvi.example.", Type: dnswire.TypeA})
	if err != nil {
		t.Fatal(err)
	}
	if got := dnswire.RdataSet(r.Msg.Answer); len(got) != 1 || got[0] != "192.0.2.1" {
		t.Errorf("answer %v, want the true one", got)
	}
	if want := (dnswire.Strays{Garbage: 1, ID: 2, Question: 1}); r.Strays != want {
		t.Errorf("strays %+v, want %+v", r.Strays, want)
	}
}

func TestAskTellsWhatOnlyCame(t *testing.T) {
	cases := map[string]struct {
		reply func(q *dns.Msg) [][]byte
		want  error
	}{
		"silence": {func(*dns.Msg) [][]byte { return nil }, dnswire.ErrTimeout},
		"garbage": {func(*dns.Msg) [][]byte { return [][]byte{[]byte("HTTP/1.1 400")[:11]} }, dnswire.ErrGarbage},
		"other question": {func(q *dns.Msg) [][]byte {
			m := answer(q, good)
			m.Question[0].Qtype = dns.TypeMX
			return [][]byte{pack(t, m)}
		}, dnswire.ErrMismatch},
		"no question": {func(q *dns.Msg) [][]byte {
			m := answer(q, good)
			m.Question = nil
			return [][]byte{pack(t, m)}
		}, dnswire.ErrMismatch},
		"flood": {func(q *dns.Msg) [][]byte {
			m := answer(q)
			m.Id++
			out := make([][]byte, 2*dnswire.MaxStrays)
			for i := range out {
				out[i] = pack(t, m)
			}
			return out
		}, dnswire.ErrMismatch},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r, err := ask(t, packetServer(t, c.reply), dnswire.Query{Name: "www.donvi.example.", Type: dnswire.TypeA})
			if !errors.Is(err, c.want) || r.Msg != nil {
				t.Errorf("got %v, %v; want %v", r.Msg, err, c.want)
			}
		})
	}
}

func TestAskRefusedPort(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := netip.MustParseAddrPort(pc.LocalAddr().String())
	if err := pc.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(t, at, dnswire.Query{Name: ".", Type: dnswire.TypeSOA}); !errors.Is(err, dnswire.ErrRefused) {
		t.Errorf("got %v, want refused", err)
	}
}

func TestFoldedCaseIsAcceptedAndSaid(t *testing.T) {
	srv := packetServer(t, func(q *dns.Msg) [][]byte {
		m := answer(q, good)
		m.Question[0].Name = strings.ToLower(m.Question[0].Name)
		return [][]byte{pack(t, m)}
	})
	name := strings.Repeat("a", 40) + ".example."
	r, err := ask(t, srv, dnswire.Query{Name: name, Type: dnswire.TypeA})
	if err != nil || !r.Folded {
		t.Errorf("folded %v, %v; want it said", r.Folded, err)
	}
}

func TestDrainFindsTheSecondOpinion(t *testing.T) {
	srv := packetServer(t, func(q *dns.Msg) [][]byte {
		same := answer(q, "www.donvi.example. 59 IN A 203.0.113.66")
		return [][]byte{pack(t, answer(q, "www.donvi.example. 60 IN A 203.0.113.66")), pack(t, same), pack(t, answer(q, good))}
	})
	c := &dnswire.Client{Timeout: time.Second}
	s := c.Session()
	r, err := s.Ask(t.Context(), srv, dnswire.Query{Name: "www.donvi.example.", Type: dnswire.TypeA})
	if err != nil {
		t.Fatal(err)
	}
	s.Drain(50 * time.Millisecond)
	if len(r.Differing) != 1 || dnswire.RdataSet(r.Differing[0].Answer)[0] != "192.0.2.1" {
		t.Errorf("differing %v, want the one true answer; another TTL is the same answer", r.Differing)
	}
	if s.Queries() != 1 {
		t.Errorf("%d queries, want 1", s.Queries())
	}
}

// tcpBeside listens on TCP at the same port as a UDP server that truncates.
func tcpBeside(t *testing.T, at netip.AddrPort, serve func(c net.Conn, q []byte)) {
	t.Helper()
	l, err := net.Listen("tcp", at.String())
	if err != nil {
		t.Fatal(err) // nobody else listens on this address
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				var n [2]byte
				if _, err := io.ReadFull(c, n[:]); err != nil {
					return
				}
				q := make([]byte, binary.BigEndian.Uint16(n[:]))
				if _, err := io.ReadFull(c, q); err != nil {
					return
				}
				serve(c, q)
			}()
		}
	}()
}

func truncating(t *testing.T) netip.AddrPort {
	t.Helper()
	return packetServer(t, func(q *dns.Msg) [][]byte {
		m := answer(q)
		m.Truncated = true
		return [][]byte{pack(t, m)}
	})
}

func TestTruncatedGoesToTCP(t *testing.T) {
	srv := truncating(t)
	tcpBeside(t, srv, func(c net.Conn, b []byte) {
		q := &dns.Msg{}
		if q.Unpack(b) != nil {
			return
		}
		out, err := answer(q, good).Pack()
		if err == nil {
			_, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...))
		}
	})
	r, err := ask(t, srv, dnswire.Query{Name: "www.donvi.example.", Type: dnswire.TypeA})
	if err != nil || r.TCPErr != nil || !r.Truncated || r.Transport != dnswire.TCP || len(r.Msg.Answer) != 1 {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestTruncatedWithoutTCP(t *testing.T) {
	r, err := ask(t, truncating(t), dnswire.Query{Name: "www.donvi.example.", Type: dnswire.TypeA})
	if err != nil || !errors.Is(r.TCPErr, dnswire.ErrRefused) || !r.Msg.Truncated {
		t.Errorf("got %v, TCP %v; want the short reply and a refused TCP", err, r.TCPErr)
	}
}

func TestTCPThatDripsEndsInTime(t *testing.T) {
	srv := truncating(t)
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	tcpBeside(t, srv, func(c net.Conn, _ []byte) {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for _, err := c.Write([]byte{0xff, 0xff}); err == nil; _, err = c.Write([]byte{0}) {
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	})
	start := time.Now()
	r, err := ask(t, srv, dnswire.Query{Name: "www.donvi.example.", Type: dnswire.TypeA})
	if err != nil || !errors.Is(r.TCPErr, dnswire.ErrTimeout) {
		t.Errorf("got %v, TCP %v; want a TCP timeout", err, r.TCPErr)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestAskKeepsTheContextsDeadline(t *testing.T) {
	srv := packetServer(t, func(*dns.Msg) [][]byte { return nil })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	c := &dnswire.Client{Timeout: 10 * time.Second, Attempts: 5}
	if _, err := c.Ask(ctx, srv, dnswire.Query{Name: ".", Type: dnswire.TypeNS}); !errors.Is(err, dnswire.ErrTimeout) {
		t.Errorf("got %v, want a timeout", err)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("took %v", took)
	}
}

func TestCookieStates(t *testing.T) {
	for name, c := range map[string]struct {
		echo func(sent string) string
		want dnswire.CookieState
	}{
		"ignored": {nil, dnswire.CookieNone},
		"good":    {func(s string) string { return s + "0102030405060708" }, dnswire.CookieOK},
		"bare":    {func(s string) string { return s }, dnswire.CookieBare},
		"altered": {func(string) string { return "ffffffffffffffff0102030405060708" }, dnswire.CookieAltered},
	} {
		t.Run(name, func(t *testing.T) {
			srv := packetServer(t, func(q *dns.Msg) [][]byte {
				m := answer(q, good)
				m.SetEdns0(1232, false)
				if c.echo != nil {
					sent := q.IsEdns0().Option[0].(*dns.EDNS0_COOKIE)
					m.IsEdns0().Option = append(m.IsEdns0().Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: c.echo(sent.Cookie)})
				}
				return [][]byte{pack(t, m)}
			})
			r, err := ask(t, srv, dnswire.Query{Name: "www.donvi.example.", Type: dnswire.TypeA, Cookie: true})
			if err != nil || r.EDNS.Cookie != c.want {
				t.Errorf("cookie %v, %v; want %v", r.EDNS.Cookie, err, c.want)
			}
		})
	}
}

func TestSerialArithmetic(t *testing.T) {
	for _, c := range []struct {
		a, b uint32
		want bool
	}{{2, 1, true}, {1, 2, false}, {1, 1, false}, {100, 9, true}, {0, 0xffffffff, true}, {0x80000000, 0, false}, {0, 0x80000000, false}, {0x7fffffff, 0, true}} {
		if got := dnswire.SerialNewer(c.a, c.b); got != c.want {
			t.Errorf("SerialNewer(%d, %d) = %v", c.a, c.b, got)
		}
	}
}

func TestAncestors(t *testing.T) {
	if got := strings.Join(dnswire.Ancestors("WWW.donvi.gov.vn"), " "); got != ". vn. gov.vn. donvi.gov.vn. www.donvi.gov.vn." {
		t.Error(got)
	}
}

func FuzzMessage(f *testing.F) {
	m := new(dns.Msg)
	m.SetQuestion("www.donvi.example.", dns.TypeA)
	b, err := answer(m, good, "www.donvi.example. 60 IN RRSIG A 13 3 60 20300101000000 20200101000000 1 donvi.example. AAAA").Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(_ *testing.T, b []byte) {
		m := &dnswire.Msg{}
		if m.Unpack(b) != nil {
			return
		}
		for _, rr := range m.Answer {
			_ = dnswire.Rdata(rr)
			_ = dnswire.Addr(rr)
			_ = dnswire.Target(rr)
			_ = dnswire.Set(m.Answer, rr.Header().Name, rr.Header().Rrtype)
			_ = dnswire.Sigs(m.Answer, rr.Header().Name, rr.Header().Rrtype)
		}
		_ = dnswire.Same(m, m)
	})
}
