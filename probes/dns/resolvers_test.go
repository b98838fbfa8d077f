package dns

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	mdns "github.com/miekg/dns"

	"watchpost.example/probes"
	"watchpost.example/probes/probetest"
	"watchpost.example/probes/wire"
)

// resolverProber asks these resolvers for the address of portal.example. The
// guard of its wire forbids loopback, which must not matter for resolvers.
func resolverProber(t *testing.T, servers ...string) *prober {
	t.Helper()
	w := probetest.NewWire(t, nil, func(o *wire.Options) { o.Guard = wire.PublicOnly() })
	s := Kind(w).New().(*Settings)
	s.Name = "portal.example"
	if p := s.Problems(); len(p) > 0 {
		t.Fatal(p)
	}
	made, err := s.Prober()
	if err != nil {
		t.Fatal(err)
	}
	p := made.(*prober)
	p.resolvers = nil
	for _, at := range servers {
		p.resolvers = append(p.resolvers, netip.MustParseAddrPort(at))
	}
	return p
}

// A resolver's own fault is ours and makes the verdict Unknown; what it says of
// the name is the name's.
func TestWhoseFault(t *testing.T) {
	start := func(set func(d *probetest.DNS)) string {
		d := probetest.StartDNS(t)
		set(d)
		return d.Addr()
	}
	addr := netip.MustParseAddr("192.0.2.1")
	good := start(func(d *probetest.DNS) { d.Set("portal.example", addr) })
	dead := start(func(d *probetest.DNS) { d.Die() })
	refusing := refuser(t)
	const closed = "127.0.0.1:1"
	for _, c := range []struct {
		name    string
		servers []string
		verdict probes.Verdict
		reason  probes.Reason
	}{
		{"answers", []string{good}, probes.Up, probes.OK},
		{"answers over TCP", []string{start(func(d *probetest.DNS) { d.SetByTCP("portal.example", addr) })}, probes.Up, probes.OK},
		{"no such name", []string{start(func(*probetest.DNS) {})}, probes.Down, probes.DNSNXDomain},
		{"servfail", []string{start(func(d *probetest.DNS) { d.SetServFail("portal.example") })}, probes.Down, probes.DNSServFail},
		{"silent for this name", []string{start(func(d *probetest.DNS) { d.SetSilent("portal.example") })}, probes.Down, probes.DNSTimeout},
		{"dead", []string{dead}, probes.Unknown, probes.OursResolver},
		{"port closed", []string{closed}, probes.Unknown, probes.OursResolver},
		{"refuses us", []string{refusing}, probes.Unknown, probes.OursResolver},
		{"one of two is dead", []string{dead, good}, probes.Up, probes.OK},
		{"all are at fault", []string{dead, closed, refusing}, probes.Unknown, probes.OursResolver},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := resolverProber(t, c.servers...)
			ctx, cancel := context.WithTimeout(t.Context(), 600*time.Millisecond)
			defer cancel()
			start := time.Now()
			o := p.Probe(ctx)
			if took := time.Since(start); took > 800*time.Millisecond {
				t.Errorf("back after %s", took)
			}
			if o.Verdict != c.verdict || o.Reason != c.reason || len(o.Parts) != len(c.servers) {
				t.Errorf("%s %q (%s) with %d parts, want %s %q", o.Verdict, o.Reason, o.Detail, len(o.Parts), c.verdict, c.reason)
			}
			for i, part := range o.Parts {
				if part.Address.String() != c.servers[i] || part.Server != "resolver" || part.Took <= 0 {
					t.Errorf("part %+v", part)
				}
			}
			probetest.Check(t, Kind(p.wire), o)
		})
	}
}

// refuser is a resolver that does not serve us.
func refuser(t *testing.T) string {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	up := make(chan struct{})
	s := &mdns.Server{PacketConn: pc, NotifyStartedFunc: func() { close(up) }, Handler: mdns.HandlerFunc(func(w mdns.ResponseWriter, q *mdns.Msg) {
		_ = w.WriteMsg(new(mdns.Msg).SetRcode(q, mdns.RcodeRefused)) // the client asks again
	})}
	go func() { _ = s.ActivateAndServe() }() // ends by Shutdown
	<-up
	t.Cleanup(func() { _ = s.Shutdown() }) // nothing is waiting
	return pc.LocalAddr().String()
}

// A look that is cancelled comes back at once, also from our own resolvers.
func TestCanceledAtResolver(t *testing.T) {
	d := probetest.StartDNS(t)
	d.Die()
	p := resolverProber(t, d.Addr())
	before := probetest.Resources()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	time.AfterFunc(30*time.Millisecond, cancel)
	start := time.Now()
	o := p.Probe(ctx)
	if took := time.Since(start); o.Verdict != probes.Unknown || o.Reason != probes.OursCanceled || took > time.Second {
		t.Errorf("%s %q after %s", o.Verdict, o.Reason, took)
	}
	probetest.Settle(t, before)
}

// TestConfiguredResolvers: a check without a server asks the configuration's
// resolvers, not the machine's.
func TestConfiguredResolvers(t *testing.T) {
	t.Parallel()
	w, err := wire.New(wire.Options{Resolvers: []string{"127.9.9.9:5353", "127.9.9.8:53"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := join(resolversOf(w)); got != "127.9.9.9:5353 127.9.9.8:53" {
		t.Errorf("asks %s", got)
	}
}

func join(l []netip.AddrPort) string {
	out := ""
	for i, a := range l {
		if i > 0 {
			out += " "
		}
		out += a.String()
	}
	return out
}

// FuzzExpected: whatever an inventory says, it is read or refused, and what is
// read is read the same way again.
func FuzzExpected(f *testing.F) {
	for _, s := range []string{"192.0.2.1", "10 thư.example", `"v=spf1" " -all"`, "v=spf1 -all", "; x", "$INCLUDE /etc/passwd", `\# 4 c0000201`, `"`, "( 1", `a\`} {
		f.Add(uint16(1), s)
		f.Add(uint16(15), s)
		f.Add(uint16(16), s)
	}
	f.Fuzz(func(t *testing.T, typ uint16, s string) {
		if _, err := expected(typ, s); err == nil && typ == mdns.TypeA {
			if a, perr := netip.ParseAddr(mustExpected(t, typ, s)); perr != nil || !a.Is4() {
				t.Errorf("%q was taken for an A record", s)
			}
		}
	})
}

func mustExpected(t *testing.T, typ uint16, s string) string {
	t.Helper()
	v, err := expected(typ, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
