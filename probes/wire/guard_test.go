package wire_test

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/probetest"
	"watchpost.example/probes/wire"
)

func TestGuard(t *testing.T) {
	office := wire.PublicOnly(netip.MustParsePrefix("10.20.0.0/16"), netip.MustParsePrefix("fd00:20::/32"))
	for _, c := range []struct {
		addr           string
		public, office bool
	}{
		{"8.8.8.8", true, true},
		{"2606:4700::1111", true, true},
		{"127.0.0.1", false, false},
		{"::1", false, false},
		{"0.0.0.0", false, false},
		{"::", false, false},
		{"10.20.3.4", false, true},
		{"10.21.3.4", false, false},
		{"172.16.0.1", false, false},
		{"172.32.0.1", true, true},
		{"192.168.1.1", false, false},
		{"100.64.0.1", false, false},
		{"100.100.100.200", false, false},
		{"169.254.169.254", false, false},
		{"168.63.129.16", false, false},
		{"192.0.0.192", false, false},
		{"224.0.0.1", false, false},
		{"255.255.255.255", false, false},
		{"fd00:20::1", false, true},
		{"fd00:ec2::254", false, false},
		{"fe80::1%eth0", false, false},
		{"ff02::1", false, false},
		{"::ffff:127.0.0.1", false, false},
		{"::ffff:10.20.3.4", false, true},
		{"::7f00:1", false, false},
		{"64:ff9b::7f00:1", false, false},
		{"64:ff9b::808:808", true, true},
		{"64:ff9b:1::808:808", false, false},
		{"2002:7f00:1::", false, false},
		{"2002:808:808::", true, true},
		{"2001::f7f7:f7f7", true, true},       // Teredo of 8.8.8.8
		{"2001:0:1::80ff:fffe", false, false}, // Teredo of 127.0.0.1
		{"2001:db8::1", false, false},
		{"3fff::1", false, false},
	} {
		a := netip.MustParseAddr(c.addr)
		for name, g := range map[string]struct {
			guard wire.Guard
			ok    bool
		}{"public": {wire.Guard{}, c.public}, "office": {office, c.office}, "all": {wire.AllowAll(), true}} {
			err := g.guard.Check(a)
			if (err == nil) != g.ok {
				t.Errorf("%s, %s: %v", name, c.addr, err)
			}
			if err != nil && wire.Classify(err) != probes.OursBlocked {
				t.Errorf("%s, %s: reason %q", name, c.addr, wire.Classify(err))
			}
		}
	}
	if err := (wire.Guard{}).Check(netip.Addr{}); err == nil {
		t.Error("no address at all passed")
	}
}

// The guard stands at the dial itself, whoever dials.
func TestDialAsksTheGuard(t *testing.T) {
	srv := probetest.Start(t, func(net.Conn, <-chan struct{}) {})
	w := probetest.NewWire(t, nil, func(o *wire.Options) { o.Guard = wire.Guard{} })
	for _, network := range []string{"tcp", "udp"} {
		c, err := w.Dial(t.Context(), network, srv.AddrPort())
		if err == nil {
			_ = c.Close()
		}
		if wire.Classify(err) != probes.OursBlocked {
			t.Errorf("%s: %v", network, err)
		}
	}
}

// What a look does ends before the caller's deadline, so that the look and not
// the watchdog judges a silent server.
func TestLookEndsBeforeItsDeadline(t *testing.T) {
	w := probetest.NewWire(t, nil)
	for _, d := range []time.Duration{100 * time.Millisecond, 10 * time.Second} {
		ctx, cancel := context.WithTimeout(t.Context(), d)
		outer, _ := ctx.Deadline()
		wire.EachAddress(ctx, w, "127.0.0.1", 1, false, func(ctx context.Context, _ netip.AddrPort) (a wire.Answer) {
			inner, ok := ctx.Deadline()
			if left := outer.Sub(inner); !ok || left < 5*time.Millisecond || left > 60*time.Millisecond {
				t.Errorf("timeout %s: ends %s before the deadline", d, left)
			}
			return a
		})
		cancel()
	}
}

// TestGuardDenyAndHop: deny wins over everything, and a public server may not
// send the prober into the inner network unless that is allowed.
func TestGuardDenyAndHop(t *testing.T) {
	t.Parallel()
	addr := netip.MustParseAddr
	denied := wire.AllowAll().Deny(netip.MustParsePrefix("10.9.0.0/16"))
	if denied.Check(addr("10.9.1.1")) == nil || denied.Check(addr("::ffff:10.9.1.1")) == nil {
		t.Error("a denied address may be asked")
	}
	if err := denied.Check(addr("10.8.1.1")); err != nil {
		t.Error(err)
	}
	hops := []struct {
		g        wire.Guard
		from, to string
		ok       bool
	}{
		{wire.AllowAll(), "8.8.4.4", "9.9.9.9", true},
		{wire.AllowAll(), "8.8.4.4", "10.0.0.1", false},
		{wire.AllowAll(), "8.8.4.4", "169.254.169.254", false},
		{wire.AllowAll(), "8.8.4.4", "::1", false},
		{wire.AllowAll(), "10.0.0.2", "10.0.0.1", true},
		{wire.AllowAll().AllowInward(), "8.8.4.4", "10.0.0.1", true},
		{denied.AllowInward(), "8.8.4.4", "10.9.0.1", false},
		{wire.PublicOnly(), "8.8.4.4", "10.0.0.1", false},
	}
	for _, h := range hops {
		if err := h.g.Hop(addr(h.from), addr(h.to)); (err == nil) != h.ok {
			t.Errorf("%s to %s: %v, want ok %v", h.from, h.to, err, h.ok)
		}
	}
}
