package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/dnssec"
	"watchpost.example/probes/dns/walk"
	"watchpost.example/probes/dns/zone"
	"watchpost.example/probes/wire"
)

// zonesTask is what the asking process is told, zonesResult what it says.
type zonesTask struct {
	Hints, Anchor    string // in zone-file form
	Zones            []string
	Names            int // beside the eight that are always watched
	Parallel, Rounds int
	Profile          string // file for a CPU profile of the rounds after the first; "" = none
}

type zonesResult struct {
	Names         int
	First, Later  zonesRound // the round that knows nothing, and all after it
	Alone, Single politeness // one look at a time: with nothing known, and with what the round before left
	RSS           float64    // MB, at the end
	Findings      int
	Example       string
}

type zonesRound struct {
	Looks     int
	Wall, CPU time.Duration
	Sent      sent
}

// sent counts sockets opened, and so questions: one each.
type sent struct{ Parent, Above, All int64 }

// politeness is the most that one look sent.
type politeness struct{ Parent, Above int64 }

// counter is a Dialer that counts by the level of the hierarchy: 127.53.0 and
// .1 are the root and vn, 127.53.2 is gov.vn.
type counter struct {
	wire               *wire.Wire
	parent, above, all atomic.Int64
}

func (c *counter) Dial(ctx context.Context, network string, addr netip.AddrPort) (net.Conn, error) {
	switch c.all.Add(1); addr.Addr().As4()[2] {
	case 0, 1:
		c.above.Add(1)
	case 2:
		c.parent.Add(1)
	}
	return c.wire.Dial(ctx, network, addr)
}

func (c *counter) take() sent { return sent{c.parent.Swap(0), c.above.Swap(0), c.all.Swap(0)} }

// askZones is the asking process.
func askZones() error {
	b, err := os.ReadFile(os.Getenv("BENCH_TASK"))
	if err != nil {
		return err
	}
	var t zonesTask
	if err := json.Unmarshal(b, &t); err != nil {
		return err
	}
	r, err := t.measure()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

func (t zonesTask) measure() (zonesResult, error) {
	r := zonesResult{Names: 8 + t.Names}
	w, err := wire.New(wire.Options{Guard: wire.AllowAll(), Resolvers: []string{"127.0.0.1:53"}})
	if err != nil {
		return r, err
	}
	c := &counter{wire: w}
	few := t.Zones[:min(20, len(t.Zones))]
	for _, z := range few {
		e, err := t.env(c)
		if err != nil {
			return r, err
		}
		if err := t.politely(e, z, c, &r, &r.Alone); err != nil {
			return r, err
		}
	}
	e, err := t.env(c)
	if err != nil {
		return r, err
	}
	if err := t.round(e, c, &r, &r.First); err != nil {
		return r, err
	}
	for _, z := range few {
		if err := t.politely(e, z, c, &r, &r.Single); err != nil {
			return r, err
		}
	}
	stop, err := profile(t.Profile)
	if err != nil {
		return r, err
	}
	defer stop()
	for range t.Rounds - 1 {
		if err := t.round(e, c, &r, &r.Later); err != nil {
			return r, err
		}
	}
	r.RSS, err = resident(os.Getpid())
	return r, err
}

// env is what all zone checks of one watchpost share.
func (t zonesTask) env(c *counter) (*zone.Env, error) {
	hints, err := walk.ParseHints("hints", strings.NewReader(t.Hints))
	if err != nil {
		return nil, err
	}
	anchors, err := dnssec.ParseAnchors(strings.NewReader(t.Anchor), "anchor")
	if err != nil {
		return nil, err
	}
	return zone.New(zone.Options{Dialer: c, Hints: hints, Anchors: &anchors})
}

// prober is a dns_zone check as an inventory makes it.
func (t zonesTask) prober(e *zone.Env, name string) (probes.Prober, error) {
	s := zone.Kinds(e)[0].New().(*zone.Settings)
	s.Zone = name
	for i := range t.Names {
		s.Names = append(s.Names, fmt.Sprintf("cong%d A", i))
	}
	if p := s.Problems(); len(p) > 0 {
		return nil, fmt.Errorf("settings of %s: %v", name, p)
	}
	return s.Prober()
}

func (t zonesTask) politely(e *zone.Env, name string, c *counter, r *zonesResult, most *politeness) error {
	p, err := t.prober(e, name)
	if err != nil {
		return err
	}
	c.take()
	r.see(look(p))
	s := c.take()
	most.Parent, most.Above = max(most.Parent, s.Parent), max(most.Above, s.Above)
	return nil
}

// round looks at every zone once, Parallel of them at a time.
func (t zonesTask) round(e *zone.Env, c *counter, r *zonesResult, sum *zonesRound) error {
	var all []probes.Prober
	for _, z := range t.Zones {
		p, err := t.prober(e, z)
		if err != nil {
			return err
		}
		all = append(all, p)
	}
	c.take()
	begin, before := time.Now(), ownCPU()
	next := make(chan probes.Prober)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range t.Parallel {
		wg.Go(func() {
			for p := range next {
				o := look(p)
				mu.Lock()
				r.see(o)
				mu.Unlock()
			}
		})
	}
	for _, p := range all {
		next <- p
	}
	close(next)
	wg.Wait()
	sum.CPU += ownCPU() - before
	sum.Wall += time.Since(begin)
	sum.Looks += len(all)
	s := c.take()
	sum.Sent.Parent += s.Parent
	sum.Sent.Above += s.Above
	sum.Sent.All += s.All
	return nil
}

func look(p probes.Prober) probes.Observation {
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	return p.Probe(ctx)
}

// see counts findings: a healthy zone has none, so one spoils the measurement.
func (r *zonesResult) see(o probes.Observation) {
	if o.Verdict != probes.Up || len(o.Findings) > 0 {
		r.Findings++
		r.Example = fmt.Sprintf("%v %s %s %+v", o.Verdict, o.Reason, o.Detail, o.Findings)
	}
}

// ownCPU is this process's, user and system.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func profile(path string) (stop func(), err error) {
	if path == "" {
		return func() {}, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() { pprof.StopCPUProfile(); _ = f.Close() }, nil // a diagnosis, not the result
}
