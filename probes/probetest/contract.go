package probetest

import (
	"context"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/wire"
)

// Subject is the kind that a contract is held with.
type Subject struct {
	Kind func(w *wire.Wire) probes.Kind
	// Prober makes a prober that asks addr, "host:port", on w.
	Prober func(tb testing.TB, w *wire.Wire, addr string) probes.Prober
}

// lookTime is the deadline of a look at a bad server, and margin how much
// later the test may find it back on a busy machine.
const (
	lookTime = 300 * time.Millisecond
	margin   = 200 * time.Millisecond
)

// Contract holds a stream kind to what every kind promises: back by the
// deadline whatever the server does, Unknown when the fault is ours, no remote
// text in a Reason, safe under concurrent use, nothing left behind.
func Contract(t *testing.T, s Subject) {
	t.Helper()
	before := Resources()
	t.Run("hostile servers", func(t *testing.T) { hostile(t, s) })
	t.Run("ours", func(t *testing.T) { ours(t, s) })
	t.Run("concurrent", func(t *testing.T) { concurrent(t, s) })
	t.Run("nothing left", func(t *testing.T) { Settle(t, before) })
}

// NewWire is a Wire that asks loopback, by the resolver d; nil = none that answers.
func NewWire(tb testing.TB, d *DNS, change ...func(*wire.Options)) *wire.Wire {
	tb.Helper()
	o := wire.Options{Guard: wire.AllowAll(), Resolvers: []string{"127.0.0.1:1"}}
	if d != nil {
		o.Resolvers = []string{d.Addr()}
	}
	for _, c := range change {
		c(&o)
	}
	w, err := wire.New(o)
	if err != nil {
		tb.Fatal(err)
	}
	return w
}

// Start starts a server for the test.
func Start(tb testing.TB, handle func(c net.Conn, stop <-chan struct{})) *Server {
	tb.Helper()
	s, err := Serve("127.0.0.1:0", handle)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// StartDNS starts a resolver for the test.
func StartDNS(tb testing.TB) *DNS {
	tb.Helper()
	d, err := NewDNS()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := d.Close(); err != nil {
			tb.Error(err)
		}
	})
	return d
}

func hostile(t *testing.T, s Subject) {
	t.Helper()
	w := NewWire(t, nil)
	bad := Misbehaviours()
	type result struct {
		o    probes.Observation
		took time.Duration
	}
	results := make([]result, len(bad))
	probers := make([]probes.Prober, len(bad))
	for i, m := range bad {
		probers[i] = s.Prober(t, w, Start(t, m.Handle).Addr())
	}
	// A few at a time: one after the other a suite would take minutes, and all
	// at once the servers that send for ever would starve the clock.
	var wg sync.WaitGroup
	slots := make(chan struct{}, 8)
	for i := range bad {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			ctx, cancel := context.WithTimeout(t.Context(), lookTime)
			defer cancel()
			start := time.Now()
			results[i].o = probers[i].Probe(ctx)
			results[i].took = time.Since(start)
		})
	}
	wg.Wait()
	for i, m := range bad {
		t.Run(m.Name, func(t *testing.T) {
			r := results[i]
			if r.took > lookTime+margin {
				t.Errorf("back after %s, deadline %s", r.took, lookTime)
			}
			Check(t, s.Kind(w), r.o)
			if r.o.Verdict == probes.Unknown {
				t.Errorf("a bad server is not our fault: %s %q", r.o.Reason, r.o.Detail)
			}
		})
	}
}

// Check holds an observation to what every observation promises.
func Check(tb testing.TB, k probes.Kind, o probes.Observation) {
	tb.Helper()
	legal := append(probes.SharedReasons(), k.Reasons...)
	reason := func(where string, v probes.Verdict, r probes.Reason) {
		tb.Helper()
		if r != probes.OK && !slices.Contains(legal, r) {
			tb.Errorf("%s: reason %q is not in the closed list", where, r)
		}
		if (v == probes.Up) != (r == probes.OK) {
			tb.Errorf("%s: verdict %s with reason %q", where, v, r)
		}
		if (v == probes.Unknown) != r.Ours() {
			tb.Errorf("%s: verdict %s with reason %q: Unknown is for what is ours, and only for that", where, v, r)
		}
	}
	reason("look", o.Verdict, o.Reason)
	text(tb, "detail", o.Detail, probes.MaxDetail)
	for _, p := range o.Parts {
		reason(p.Address.String(), p.Verdict, p.Reason)
		text(tb, "part's detail", p.Detail, probes.MaxDetail)
	}
	for _, f := range o.Findings {
		if !slices.Contains(legal, f.Reason) {
			tb.Errorf("finding's reason %q is not in the closed list", f.Reason)
		}
		text(tb, "where", f.Where, 128)
		text(tb, "found", f.Found, probes.MaxDetail)
	}
	if o.At.IsZero() || o.Took <= 0 {
		tb.Errorf("At %v, Took %v: both must be set", o.At, o.Took)
	}
}

func text(tb testing.TB, what, s string, limit int) {
	tb.Helper()
	if len(s) > limit {
		tb.Errorf("%s has %d bytes, at most %d", what, len(s), limit)
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == '\u007f' }) {
		tb.Errorf("%s holds control characters: %q", what, s)
	}
}

func ours(t *testing.T, s Subject) {
	t.Helper()
	look := func(ctx context.Context, w *wire.Wire, addr string) probes.Observation {
		t.Helper()
		o := s.Prober(t, w, addr).Probe(ctx)
		Check(t, s.Kind(w), o)
		return o
	}
	want := func(what string, o probes.Observation, r probes.Reason) {
		t.Helper()
		if o.Verdict != probes.Unknown || o.Reason != r {
			t.Errorf("%s: %s %q (%s), want unknown %s", what, o.Verdict, o.Reason, o.Detail, r)
		}
	}
	dead := StartDNS(t)
	dead.Die()
	w := NewWire(t, dead)
	ctx, cancel := context.WithTimeout(t.Context(), lookTime)
	defer cancel()
	want("silent resolver", look(ctx, w, "portal.example:80"), probes.OursResolver)
	want("refusing resolver", look(t.Context(), NewWire(t, nil), "portal.example:80"), probes.OursResolver)

	srv := Start(t, silent)
	guarded := NewWire(t, nil, func(o *wire.Options) { o.Guard = wire.PublicOnly() })
	want("guard", look(t.Context(), guarded, srv.Addr()), probes.OursBlocked)

	w = NewWire(t, nil)
	stopped, stop := context.WithCancel(t.Context())
	time.AfterFunc(30*time.Millisecond, stop)
	want("canceled while waiting", look(stopped, w, srv.Addr()), probes.OursCanceled)
	stop()
	want("canceled before", look(stopped, w, srv.Addr()), probes.OursCanceled)
}

func concurrent(t *testing.T, s Subject) {
	t.Helper()
	w := NewWire(t, nil)
	srv := Start(t, Answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
	p := s.Prober(t, w, srv.Addr())
	ctx, cancel := context.WithTimeout(t.Context(), 2*lookTime)
	defer cancel()
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() { Check(t, s.Kind(w), p.Probe(ctx)) })
	}
	wg.Wait()
}

// Held is what a process holds.
type Held struct{ Goroutines, Files int }

// Resources counts what this process holds now.
func Resources() Held {
	h := Held{Goroutines: runtime.NumGoroutine()}
	if l, err := os.ReadDir("/proc/self/fd"); err == nil {
		h.Files = len(l)
	}
	return h
}

// Settle waits, at most two seconds, until the process holds no more than it
// did before, and fails with the stacks of what is left.
func Settle(tb testing.TB, before Held) {
	tb.Helper()
	deadline := time.Now().Add(2 * time.Second)
	for {
		now := Resources()
		if now.Goroutines <= before.Goroutines+1 && now.Files <= before.Files { // +1: the subtest's own
			return
		}
		if time.Now().After(deadline) {
			buf := make([]byte, 64<<10)
			tb.Fatalf("left behind: %+v, before %+v\n%s", now, before, buf[:runtime.Stack(buf, true)])
		}
		runtime.Gosched()
	}
}

// TwoAddresses is a name with two addresses at d, both loopback.
func TwoAddresses(d *DNS, name string) (first, second netip.Addr) {
	first, second = netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")
	d.Set(name, first, second)
	return first, second
}
