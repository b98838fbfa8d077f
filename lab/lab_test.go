package lab

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"watchpost.example/inventory"
	"watchpost.example/probes"
	dnszone "watchpost.example/probes/dns/zone"
	"watchpost.example/probes/kinds"
	"watchpost.example/probes/schedule"
	"watchpost.example/probes/wire"
)

// watch is a Sink that keeps the newest state of each check and tells that
// something is new.
type watch struct {
	mu     sync.Mutex
	states map[probes.ID]probes.State
	news   chan struct{}
}

func (w *watch) Observe(c *probes.Check, _ probes.Observation, s probes.State) {
	w.mu.Lock()
	w.states[c.ID] = s
	w.mu.Unlock()
	select {
	case w.news <- struct{}{}:
	default: // somebody will look already
	}
}

// wrong lists the expectations of that time that are not met.
func (w *watch) wrong(list []Expectation) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, e := range list {
		if s := w.states[e.ID]; s.Verdict != e.Verdict || s.Reason != e.Reason {
			out = append(out, e.ID.String()+": is "+s.Verdict.String()+" "+string(s.Reason)+" "+s.Detail+", want "+e.Verdict.String()+" "+string(e.Reason)+": "+e.Why)
		}
	}
	return out
}

// until waits for all expectations of the list.
func (w *watch) until(t *testing.T, list []Expectation, limit time.Duration) {
	t.Helper()
	late := time.After(limit)
	for {
		bad := w.wrong(list)
		if len(bad) == 0 {
			return
		}
		select {
		case <-w.news:
		case <-late:
			t.Fatalf("after %v:\n%s", limit, strings.Join(bad, "\n"))
		}
	}
}

// TestExpectations starts the lab, loads what it wrote as serve does, asks with
// the real kinds, and finds every check in its true state: before the portal
// breaks and after.
func TestExpectations(t *testing.T) {
	t.Parallel()
	l, err := Start(t.Context(), Options{Dir: t.TempDir(), BreakAfter: 12 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	cfg := load(t, l)
	list := l.Expectations()
	for _, c := range cfg.Inventory.Checks {
		if !slices.ContainsFunc(list, func(e Expectation) bool { return e.ID == c.ID }) {
			t.Errorf("%s is asked, and nothing is expected of it", c.ID)
		}
	}
	early, lasting := split(list)
	w := &watch{states: map[probes.ID]probes.State{}, news: make(chan struct{}, 1)}
	s := schedule.New(schedule.Options{Sinks: []probes.Sink{w}})
	s.Update(cfg.Inventory.Checks)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	w.until(t, early, 12*time.Second)
	w.until(t, lasting, time.Minute)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// split parts what holds at first only from what holds for good.
func split(list []Expectation) (early, lasting []Expectation) {
	for _, e := range list {
		if e.Until > 0 {
			early = append(early, e)
		} else {
			lasting = append(lasting, e)
		}
	}
	return early, lasting
}

func load(t *testing.T, l *Lab) *inventory.Config {
	t.Helper()
	w, err := wire.New(wire.Options{Resolvers: []string{l.zone.server}, Guard: wire.AllowAll()})
	if err != nil {
		t.Fatal(err)
	}
	zones, err := dnszone.New(dnszone.Options{Dialer: w})
	if err != nil {
		t.Fatal(err)
	}
	cfg, problems := inventory.Load(l.Config(), kinds.All(w, zones))
	if problems != nil {
		t.Fatal(problems)
	}
	if got := cfg.Server.Resolver.Servers; len(got) != 1 || got[0] != l.zone.server {
		t.Errorf("resolvers %v", got)
	}
	if n := len(cfg.Server.Uplink.Anchors); n != 3 {
		t.Errorf("%d anchors", n)
	}
	return cfg
}

// TestTwoLabs live side by side, and the second start in a folder replaces the
// files of the first, but nobody else's.
func TestTwoLabs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, err := Start(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	b, err := Start(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []*Lab{a, b, a} { // closing twice is allowed
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	own := filepath.Join(dir, "inventory", "cua-toi.yaml")
	if err := os.WriteFile(own, []byte("units: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "cua-toi.yaml") {
		t.Errorf("in a folder with an inventory of somebody's own: %v", err)
	}
	config := filepath.Join(t.TempDir(), "watchpost.yaml")
	if err := os.WriteFile(config, []byte("vantage: main\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), Options{Dir: filepath.Dir(config)}); err == nil || !strings.Contains(err.Error(), "was not written by the lab") {
		t.Errorf("over a configuration of somebody's own: %v", err)
	}
	if b, err := os.ReadFile(config); err != nil || string(b) != "vantage: main\n" {
		t.Errorf("somebody's own file became %q %v", b, err)
	}
	if _, err := Start(t.Context(), Options{}); err == nil {
		t.Error("started without a folder")
	}
}

// TestREADME: the table names every system and every reason.
func TestREADME(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	l, err := Start(t.Context(), Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range l.Expectations() {
		row := ""
		for line := range strings.SplitSeq(string(b), "\n") {
			if strings.HasPrefix(line, "| `"+e.ID.Unit+"/"+e.ID.System+"` |") {
				row = line
			}
		}
		if !strings.Contains(row, e.Verdict.String()) || !strings.Contains(row, string(e.Reason)) {
			t.Errorf("README.md does not say %s: %s %s", e.ID, e.Verdict, e.Reason)
		}
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// TestNothingIsLeft: the end of the context ends every server.
func TestNothingIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(t.Context())
	l, err := Start(ctx, Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	for range 1000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		<-time.After(5 * time.Millisecond)
	}
	_ = l.Close() // ctx has done it
	t.Errorf("%d goroutines before, %d after", before, runtime.NumGoroutine())
}
