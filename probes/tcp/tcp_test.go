package tcp_test

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/probetest"
	"watchpost.example/probes/tcp"
	"watchpost.example/probes/wire"
)

func prober(tb testing.TB, w *wire.Wire, set func(*tcp.Settings)) probes.Prober {
	tb.Helper()
	return probetest.Prober(tb, tcp.Kind(w), set)
}

func look(t *testing.T, p probes.Prober) probes.Observation {
	t.Helper()
	return probetest.Look(t, p, 600*time.Millisecond)
}

func TestContract(t *testing.T) {
	probetest.Contract(t, probetest.Subject{Kind: tcp.Kind, Prober: func(tb testing.TB, w *wire.Wire, addr string) probes.Prober {
		tb.Helper()
		return prober(tb, w, func(s *tcp.Settings) { s.Address, s.Expect = addr, "^SSH-2" })
	}})
}

func TestVerdicts(t *testing.T) {
	w := probetest.NewWire(t, nil)
	hello := probetest.Start(t, func(c net.Conn, _ <-chan struct{}) { _, _ = c.Write([]byte("220 mail.portal.example ESMTP\r\n")) })
	silent := probetest.Start(t, func(_ net.Conn, stop <-chan struct{}) { <-stop })
	closes := probetest.Start(t, func(net.Conn, <-chan struct{}) {})
	gone := probetest.Start(t, func(net.Conn, <-chan struct{}) {})
	for _, c := range []struct {
		name, addr, expect string
		verdict            probes.Verdict
		reason             probes.Reason
	}{
		{"connects", silent.Addr(), "", probes.Up, probes.OK},
		{"banner", hello.Addr(), "^220 .*ESMTP", probes.Up, probes.OK},
		{"other banner", hello.Addr(), "^SSH-", probes.Down, probes.TCPBanner},
		{"silent", silent.Addr(), "^220", probes.Down, probes.TCPTimeout},
		{"closes", closes.Addr(), "^220", probes.Down, probes.TCPClosed},
		{"refused", "127.0.0.1:1", "", probes.Down, probes.TCPRefused},
		{"unused", gone.Addr(), "", probes.Up, probes.OK},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := look(t, prober(t, w, func(s *tcp.Settings) { s.Address, s.Expect = c.addr, c.expect }))
			if o.Verdict != c.verdict || o.Reason != c.reason {
				t.Errorf("%s %q (%s), want %s %q", o.Verdict, o.Reason, o.Detail, c.verdict, c.reason)
			}
			probetest.Check(t, tcp.Kind(w), o)
		})
	}
}

// One bad server behind a good one is degraded, not down; a hung one does not
// keep the good one from being asked.
func TestEachAddress(t *testing.T) {
	d := probetest.StartDNS(t)
	w := probetest.NewWire(t, d)
	good := probetest.Start(t, func(c net.Conn, _ <-chan struct{}) { _, _ = c.Write([]byte("hello")) })
	port := int(good.AddrPort().Port())
	hung, err := probetest.Serve(net.JoinHostPort("127.0.0.2", strconv.Itoa(port)), func(_ net.Conn, stop <-chan struct{}) { <-stop })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = hung.Close() }()
	probetest.TwoAddresses(d, "portal.example")

	for _, all := range []bool{false, true} {
		o := look(t, prober(t, w, func(s *tcp.Settings) {
			s.Address, s.Expect, s.RequireAll = "portal.example:"+strconv.Itoa(port), "hello", all
		}))
		wantV, wantR := probes.Degraded, probes.PartlyDown
		if all {
			wantV, wantR = probes.Down, probes.TCPTimeout
		}
		if o.Verdict != wantV || o.Reason != wantR || len(o.Parts) != 2 {
			t.Fatalf("require_all %v: %s %q with %d parts (%s)", all, o.Verdict, o.Reason, len(o.Parts), o.Detail)
		}
		if o.Parts[0].Verdict != probes.Up || o.Parts[0].Took > 300*time.Millisecond {
			t.Errorf("the good address: %s after %s", o.Parts[0].Verdict, o.Parts[0].Took)
		}
		if o.Parts[1].Reason != probes.TCPTimeout || o.Parts[1].Address.Addr() != netip.MustParseAddr("127.0.0.2") {
			t.Errorf("the hung address: %+v", o.Parts[1])
		}
		if v, ok := o.Parts[1].Facts.Get(probes.FactIPProtocol); !ok || v != 4 {
			t.Errorf("IP protocol %v %v", v, ok)
		}
	}
}

func TestProblemsAreAllTold(t *testing.T) {
	s := tcp.Kind(probetest.NewWire(t, nil)).New().(*tcp.Settings)
	s.Address, s.Expect = "portal.example", "("
	got := s.Problems()
	if len(got) != 2 || got[0].Field != "address" || got[1].Field != "expect" {
		t.Errorf("got %+v", got)
	}
}

func BenchmarkProbe(b *testing.B) {
	srv := echo(b)
	p := prober(b, probetest.NewWire(b, nil), func(s *tcp.Settings) { s.Address = srv.Addr() })
	for b.Loop() {
		ctx, cancel := context.WithTimeout(b.Context(), time.Second)
		if o := p.Probe(ctx); o.Verdict != probes.Up {
			b.Fatal(o.Detail)
		}
		cancel()
	}
}

// BenchmarkBare is the protocol alone: connect and close.
func BenchmarkBare(b *testing.B) {
	srv := echo(b)
	for b.Loop() {
		c, err := net.DialTimeout("tcp", srv.Addr(), time.Second)
		if err != nil {
			b.Fatal(err)
		}
		_ = c.Close()
	}
}

func echo(b *testing.B) *probetest.Server {
	b.Helper()
	return probetest.Start(b, func(c net.Conn, _ <-chan struct{}) {
		var buf [1]byte
		_, _ = c.Read(buf[:]) // until the prober closes
	})
}
