package wire_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/probetest"
	"watchpost.example/probes/wire"
)

var (
	v4 = netip.MustParseAddr("192.0.2.7")
	v6 = netip.MustParseAddr("2001:db8::7")
)

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestResolve(t *testing.T) {
	d := probetest.StartDNS(t)
	d.Set("both.example", v6, v4, v4)
	d.Set("four.example", v4)
	d.Set("none.example")
	d.SetServFail("broken.example")
	d.SetSilent("dead.example")
	d.SetByTCP("long.example", v4, v6)
	w := probetest.NewWire(t, d)
	for _, c := range []struct {
		host string
		want []netip.Addr
		r    probes.Reason
	}{
		{"both.example", []netip.Addr{v4, v6}, ""},
		{"BOTH.example.", []netip.Addr{v4, v6}, ""},
		{"four.example", []netip.Addr{v4}, ""},
		{"long.example", []netip.Addr{v4, v6}, ""},
		{"none.example", nil, probes.DNSNoAddress},
		{"missing.example", nil, probes.DNSNXDomain},
		{"broken.example", nil, probes.DNSServFail},
		{"dead.example", nil, probes.DNSTimeout},
		{"192.0.2.9", []netip.Addr{netip.MustParseAddr("192.0.2.9")}, ""},
		{"[2001:db8::9]", []netip.Addr{netip.MustParseAddr("2001:db8::9")}, ""},
		{"::ffff:192.0.2.9", []netip.Addr{netip.MustParseAddr("192.0.2.9")}, ""},
		{"localhost", []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()}, ""},
		{"", nil, probes.DNSNXDomain},
		{"a..example", nil, probes.DNSNXDomain},
		{strings.Repeat("a", 64) + ".example", nil, probes.DNSNXDomain},
		{"sp ace.example", nil, probes.DNSNXDomain},
	} {
		t.Run(c.host, func(t *testing.T) {
			start := time.Now()
			got, err := w.Resolve(within(t, 800*time.Millisecond), c.host)
			if !slices.Equal(got, c.want) || wire.Classify(err) != c.r {
				t.Errorf("%v, %v (%q), want %v %q", got, err, wire.Classify(err), c.want, c.r)
			}
			if took := time.Since(start); took > 900*time.Millisecond {
				t.Errorf("took %s", took)
			}
		})
	}
}

func TestASCIIName(t *testing.T) {
	for in, want := range map[string]string{
		"Bücher.example": "xn--bcher-kva.example", "BÜCHER.example.": "xn--bcher-kva.example",
		"xn--bcher-kva.example": "xn--bcher-kva.example", "_sip.Portal.example": "_sip.portal.example",
	} {
		if got, err := wire.ASCIIName(in); err != nil || got != want {
			t.Errorf("%q gives %q, %v; want %q", in, got, err, want)
		}
	}
}

// When the resolvers are dead it is our fault; when one of two is, nobody notices.
func TestResolverFailure(t *testing.T) {
	dead, good := probetest.StartDNS(t), probetest.StartDNS(t)
	dead.Die()
	good.Set("portal.example", v4)
	resolvers := func(l ...string) *wire.Wire {
		return probetest.NewWire(t, nil, func(o *wire.Options) { o.Resolvers = l })
	}
	for _, c := range []struct {
		name string
		w    *wire.Wire
		want probes.Reason
	}{
		{"silent", resolvers(dead.Addr()), probes.OursResolver},
		{"refusing", resolvers("127.0.0.1:1"), probes.OursResolver},
		{"all", resolvers("127.0.0.1:1", dead.Addr()), probes.OursResolver},
		{"fail-over", resolvers("127.0.0.1:1", dead.Addr(), good.Addr()), probes.OK},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := c.w.Resolve(within(t, time.Second), "portal.example"); wire.Classify(err) != c.want {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := resolvers(dead.Addr()).Resolve(ctx, "portal.example"); wire.Classify(err) != probes.OursCanceled {
		t.Errorf("canceled: %v", err)
	}
}

// A thousand checks of one name cost one look-up, answers and failures alike.
func TestLookUpsAreShared(t *testing.T) {
	d := probetest.StartDNS(t)
	d.Set("portal.example", v4)
	w := probetest.NewWire(t, d)
	for _, name := range []string{"portal.example", "missing.example"} {
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() { _, _ = w.Resolve(t.Context(), name) })
		}
		wg.Wait()
		if n := d.Asked(name); n != 2 {
			t.Errorf("%s: %d questions, want one for each family", name, n)
		}
	}
}

// An answer is kept for its TTL and no longer, so that a server which moved is
// followed.
func TestAnswersAreKeptForTheirTTL(t *testing.T) {
	d := probetest.StartDNS(t)
	d.SetTTL("portal.example", 0, v4) // the least that is kept is a second
	w := probetest.NewWire(t, d)
	ask := func(want netip.Addr) {
		t.Helper()
		if got, err := w.Resolve(t.Context(), "portal.example"); err != nil || !slices.Equal(got, []netip.Addr{want}) {
			t.Errorf("%v, %v; want %v", got, err, want)
		}
	}
	ask(v4)
	d.SetTTL("portal.example", 0, v6)
	ask(v4)
	if n := d.Asked("portal.example"); n != 2 {
		t.Errorf("%d questions for two look-ups within the TTL", n)
	}
	<-time.After(1050 * time.Millisecond) // real time: a socket has no other
	ask(v6)
}

// The first caller's giving up is not the others' failure.
func TestLeaderGivesUp(t *testing.T) {
	d := probetest.StartDNS(t)
	d.SetSilent("portal.example")
	w := probetest.NewWire(t, d)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = w.Resolve(ctx, "portal.example") })
	for d.Asked("portal.example") == 0 {
		if t.Context().Err() != nil {
			t.Fatal("the leader did not ask")
		}
	}
	var got []netip.Addr
	var err error
	wg.Go(func() { got, err = w.Resolve(within(t, 2*time.Second), "portal.example") })
	d.Set("portal.example", v4)
	cancel()
	wg.Wait()
	if err != nil || !slices.Equal(got, []netip.Addr{v4}) {
		t.Errorf("the one who waited got %v, %v", got, err)
	}
}

func TestTooManyAddresses(t *testing.T) {
	d := probetest.StartDNS(t)
	var l []netip.Addr
	for i := range 20 {
		l = append(l, netip.MustParseAddr(fmt.Sprintf("127.0.1.%d", i+1)))
	}
	d.Set("many.example", l...)
	w := probetest.NewWire(t, d)
	o := wire.EachAddress(t.Context(), w, "many.example", 80, false, func(_ context.Context, ap netip.AddrPort) wire.Answer {
		if ap.Addr() == l[3] {
			panic("one of them")
		}
		return wire.Answer{Part: probes.Part{Verdict: probes.Up}}
	})
	if len(o.Parts) != 16 || o.Verdict != probes.Up || len(o.Findings) != 1 {
		t.Fatalf("%d parts, %s, findings %+v", len(o.Parts), o.Verdict, o.Findings)
	}
	if !slices.IsSortedFunc(o.Parts, func(a, b probes.Part) int { return a.Address.Compare(b.Address) }) {
		t.Error("the parts are not in order")
	}
	if p := o.Parts[3]; p.Verdict != probes.Unknown || p.Reason != probes.OursPanic {
		t.Errorf("the panic gave %+v", p)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, o := range []wire.Options{
		{Resolvers: []string{"resolver.example:53"}},
		{Resolvers: []string{"192.0.2.53"}},
		{SourceIPv4: v6},
		{SourceIPv6: v4},
	} {
		if _, err := wire.New(o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}

func BenchmarkResolveCached(b *testing.B) {
	d := probetest.StartDNS(b)
	d.Set("portal.example", v4, v6)
	w := probetest.NewWire(b, d)
	for b.Loop() {
		if _, err := w.Resolve(b.Context(), "portal.example"); err != nil {
			b.Fatal(err)
		}
	}
}
