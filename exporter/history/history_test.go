package history_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"watchpost.example/exporter"
	"watchpost.example/exporter/history"
	"watchpost.example/probes"
)

// buffer is a log that may be written from many goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// inventory makes n units of one system with one http check each.
func inventory(n int) []*probes.Unit {
	var units []*probes.Unit
	for i := range n {
		u := &probes.Unit{ID: fmt.Sprintf("unit-%04d", i), Name: "Trường"}
		s := &probes.System{Unit: u, ID: "portal", Name: "Cổng", URL: "https://portal.example/"}
		u.Systems = []*probes.System{s}
		s.Checks = []*probes.Check{{
			ID: probes.ID{Unit: u.ID, System: s.ID, Check: "web"}, System: s, Kind: "http", Instance: s.URL,
			Interval: 30 * time.Second, Timeout: 10 * time.Second, Fingerprint: "1",
		}}
		units = append(units, u)
	}
	return units
}

func open(t *testing.T, o history.Options) *history.History {
	t.Helper()
	if o.Dir == "" {
		o.Dir = filepath.Join(t.TempDir(), "history")
	}
	if o.Reserve == 0 {
		o.Reserve = 1 << 16
	}
	h, err := history.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func observe(h *history.History, c *probes.Check, at time.Time, v probes.Verdict) {
	o := probes.Observation{At: at, Took: 100 * time.Millisecond, Verdict: v}
	if v == probes.Down {
		o.Reason = probes.TCPRefused
	}
	h.Observe(c, o, probes.State{Verdict: v, Reason: o.Reason, Since: at})
}

func sync1(t *testing.T, h *history.History) {
	t.Helper()
	if err := h.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// value asks for one number; there is false when there is none.
func value(t *testing.T, q history.Querier, expr string, at time.Time) (v float64, there bool) {
	t.Helper()
	r, err := q.Query(t.Context(), expr, at)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	if len(r) == 0 {
		return 0, false
	}
	if len(r) > 1 {
		t.Fatalf("%s: %d results, want one", expr, len(r))
	}
	return r[0].Value, true
}

// eventually asks until it is so, or fails after ten seconds.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for !f() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

func TestObservationsAtTheirOwnTime(t *testing.T) {
	h := open(t, history.Options{Vantage: "hanoi"})
	c := inventory(1)[0].Systems[0].Checks[0]
	at := time.Now().Add(-time.Hour).Truncate(time.Second)
	observe(h, c, at, probes.Up)
	observe(h, c, at.Add(30*time.Second), probes.Down)
	observe(h, c, at.Add(-2*time.Hour), probes.Up) // late, after an uplink cut
	sync1(t, h)
	for _, tc := range []struct {
		at   time.Time
		want float64
	}{{at, 1}, {at.Add(30 * time.Second), 0}, {at.Add(-2 * time.Hour), 1}} {
		if v, ok := value(t, h, `probe_success{unit="unit-0000",vantage="hanoi",kind="http",instance="https://portal.example/"}`, tc.at); !ok || v != tc.want {
			t.Errorf("%s: %v %v, want %v", tc.at, v, ok, tc.want)
		}
	}
	r, err := h.QueryRange(t.Context(), "watchpost_check_state", at, at.Add(time.Minute), 30*time.Second)
	if err != nil || len(r) != 1 || len(r[0].Points) != 3 || r[0].Points[1].Value != 3 || r[0].Labels["unit"] != "unit-0000" {
		t.Errorf("%+v %v", r, err)
	}
	if _, ok := value(t, h, "probe_success", time.Now()); ok {
		t.Error("a look of an hour ago is shown as current")
	}
}

func TestUnknownEndsTheVerdict(t *testing.T) {
	h := open(t, history.Options{})
	c := inventory(1)[0].Systems[0].Checks[0]
	at := time.Now().Add(-time.Minute)
	observe(h, c, at, probes.Down)
	observe(h, c, at.Add(30*time.Second), probes.Unknown)
	sync1(t, h)
	later := at.Add(31 * time.Second)
	if _, ok := value(t, h, "probe_success", later); ok {
		t.Error("our own blindness counts against the unit")
	}
	if v, ok := value(t, h, "watchpost_check_state", later); !ok || v != 0 {
		t.Errorf("state %v %v, want 0", v, ok)
	}
	if _, ok := value(t, h, `watchpost_check_reason_info{reason="tcp_refused"}`, later); ok {
		t.Error("the old reason stays")
	}
}

// TestSweep: a slow check is repeated so that PromQL does not forget it; a
// stuck one loses its verdict within two intervals; a removed one ends.
func TestSweep(t *testing.T) {
	b := exporter.NewBoard()
	units := inventory(3)
	slow, stuck, gone := units[0].Systems[0].Checks[0], units[1].Systems[0].Checks[0], units[2].Systems[0].Checks[0]
	slow.Interval = time.Hour
	stuck.Interval, stuck.Timeout = time.Second, 100*time.Millisecond
	b.Update(units)
	h := open(t, history.Options{Entries: b.Entries})
	see := func(c *probes.Check, at time.Time) {
		o := probes.Observation{At: at, Verdict: probes.Up}
		b.Observe(c, o, probes.State{Verdict: probes.Up})
		h.Observe(c, o, probes.State{Verdict: probes.Up})
	}
	now := time.Now()
	see(slow, now.Add(-30*time.Minute))
	see(stuck, now)
	see(gone, now)
	sync1(t, h)
	one := func(c *probes.Check, metric string) string { return metric + `{unit="` + c.ID.Unit + `"}` }
	if _, ok := value(t, h, one(stuck, "probe_success"), time.Time{}); !ok {
		t.Fatal("nothing to begin with")
	}
	eventually(t, "the slow check is repeated", func() bool {
		v, ok := value(t, h, one(slow, "probe_success"), time.Time{})
		return ok && v == 1
	})
	eventually(t, "the stuck check loses its verdict", func() bool {
		_, ok := value(t, h, one(stuck, "probe_success"), time.Time{})
		return !ok
	})
	if late := time.Since(now); late > 5*time.Second {
		t.Errorf("after %s", late)
	}
	if v, ok := value(t, h, one(stuck, "watchpost_check_state"), time.Time{}); !ok || v != 0 {
		t.Errorf("state of a stuck check: %v %v", v, ok)
	}
	if _, ok := value(t, h, one(stuck, "watchpost_check_last_observation_timestamp_seconds"), time.Time{}); !ok {
		t.Error("nothing tells that the check is stuck")
	}
	b.Update(units[:2])
	eventually(t, "the removed check ends", func() bool {
		_, ok := value(t, h, `count({__name__=~"probe.*|watchpost_check.*",unit="`+gone.ID.Unit+`"})`, time.Time{})
		return !ok
	})
}

// TestUpdated: a check that nobody looked at is in the history as unknown as
// soon as the inventory has it, and not at the next sweep; rules that count the
// checks of a unit would leave it out meanwhile.
func TestUpdated(t *testing.T) {
	reg := prometheus.NewRegistry()
	info := prometheus.NewGauge(prometheus.GaugeOpts{Name: "watchpost_x", Help: "x"})
	reg.MustRegister(info)
	b := exporter.NewBoard()
	h := open(t, history.Options{Entries: b.Entries, Gatherer: reg, ScrapeInterval: time.Hour})
	eventually(t, "the first sweep, of an empty board, is over", func() bool {
		b.Update(inventory(1))
		_, ok := value(t, h, "watchpost_check_state", time.Time{})
		return ok
	})
	b.Update(inventory(3))
	h.Updated()
	began := time.Now()
	eventually(t, "all checks are there as unknown", func() bool {
		n, _ := value(t, h, "count(watchpost_check_state == 0)", time.Time{})
		why, _ := value(t, h, `count(watchpost_check_reason_info{reason="ours_restart"})`, time.Time{})
		return n == 3 && why == 3
	})
	if late := time.Since(began); late > 5*time.Second {
		t.Errorf("after %s", late)
	}
	if _, ok := value(t, h, "watchpost_x", time.Time{}); !ok {
		t.Error("what the inventory says of units was not scraped with it")
	}
}

func TestSelfScrape(t *testing.T) {
	reg := prometheus.NewRegistry()
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "watchpost_x", Help: "x"}, []string{"unit"})
	n := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "watchpost_h_seconds", Help: "h", NativeHistogramBucketFactor: 1.1})
	no := prometheus.NewGauge(prometheus.GaugeOpts{Name: "go_secret", Help: "x"})
	reg.MustRegister(g, n, no)
	g.WithLabelValues("u1").Set(7)
	n.Observe(0.3)
	h := open(t, history.Options{Gatherer: reg, ScrapeInterval: 50 * time.Millisecond, Vantage: "hue"})
	eventually(t, "the gauge is there", func() bool {
		v, ok := value(t, h, `watchpost_x{unit="u1",vantage="hue"}`, time.Time{})
		return ok && v == 7
	})
	eventually(t, "the native histogram is there", func() bool {
		v, ok := value(t, h, `histogram_quantile(0.5, watchpost_h_seconds)`, time.Time{})
		return ok && v > 0.25 && v < 0.35
	})
	if _, ok := value(t, h, "go_secret", time.Time{}); ok {
		t.Error("the diet kept what it should not")
	}
	g.Reset()
	eventually(t, "what is gone ends", func() bool {
		_, ok := value(t, h, "watchpost_x", time.Time{})
		return !ok
	})
}

func TestRestore(t *testing.T) {
	dir := t.TempDir()
	cs := inventory(3)
	down, up, unknown := cs[0].Systems[0].Checks[0], cs[1].Systems[0].Checks[0], cs[2].Systems[0].Checks[0]
	h, err := history.Open(history.Options{Dir: dir, Reserve: -1, Vantage: "v"})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-3 * time.Minute).Truncate(time.Millisecond)
	observe(h, down, at, probes.Up)
	observe(h, down, at.Add(time.Minute), probes.Down)
	observe(h, up, at, probes.Down)
	observe(h, up, at.Add(time.Minute), probes.Up)
	observe(h, unknown, at, probes.Unknown)
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	h = open(t, history.Options{Dir: dir, Reserve: -1, Vantage: "v"})
	s, ok := h.Restore(down.ID)
	if !ok || s.Verdict != probes.Down || s.Reason != probes.TCPRefused || !s.Since.Equal(at.Add(time.Minute)) || !s.Restored {
		t.Errorf("down: %+v %v", s, ok)
	}
	if s, ok = h.Restore(up.ID); !ok || s.Verdict != probes.Up || s.Reason != probes.OK {
		t.Errorf("up: %+v %v", s, ok)
	}
	if s, ok = h.Restore(unknown.ID); ok {
		t.Errorf("unknown: %+v", s)
	}
}

func TestOpenErrorsSayTheCure(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	used := t.TempDir()
	open(t, history.Options{Dir: used})
	damaged := t.TempDir()
	if err := os.WriteFile(filepath.Join(damaged, "wal"), []byte("not a directory"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		dir  string
		want error
		cure string
	}{
		{file, history.ErrUnreadable, "move that file away"},
		{filepath.Join(file, "below"), history.ErrUnreadable, "--storage.path"},
		{"/proc/1/history", history.ErrUnreadable, "--storage.path"},
		{used, history.ErrLocked, "stop the other watchpost"},
		{damaged, history.ErrUnreadable, "move"},
	} {
		h, err := history.Open(history.Options{Dir: tc.dir, Reserve: 4096})
		if err == nil {
			_ = h.Close()
			t.Errorf("%s: opened", tc.dir)
			continue
		}
		t.Log(err)
		if tc.want != nil && !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.cure) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", tc.dir, err)
		}
	}
}

// TestGoOnWithoutDisk: nothing on the disk works, and yet rules see the looks;
// when the disk is mended, all of them are written down.
func TestGoOnWithoutDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var log buffer
	o := history.Options{Dir: dir, Reserve: 4096, GoOnWithoutDisk: true, Logger: slog.New(slog.NewTextHandler(&log, nil))}
	h := open(t, o)
	if !h.Stats().Degraded || !strings.Contains(log.String(), "move that file away") {
		t.Errorf("degraded %v, log %s", h.Stats().Degraded, &log)
	}
	c := inventory(1)[0].Systems[0].Checks[0]
	at := time.Now()
	observe(h, c, at, probes.Down)
	sync1(t, h)
	if v, ok := value(t, h, "watchpost_check_state", time.Time{}); !ok || v != 3 {
		t.Fatalf("state %v %v: rules are blind without a disk", v, ok)
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the disk is used again", func() bool { return !h.Stats().Degraded })
	observe(h, c, at.Add(time.Second), probes.Down)
	sync1(t, h)
	if n := h.Stats().MemorySamples; n != 0 {
		t.Errorf("%d samples still in memory", n)
	}
	if v, ok := value(t, h, "count_over_time(watchpost_check_state[1m])", at.Add(2*time.Second)); !ok || v != 2 {
		t.Errorf("%v %v samples, want both", v, ok)
	}
}

func BenchmarkObserve(b *testing.B) {
	for _, n := range []int{300, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h, err := history.Open(history.Options{Dir: b.TempDir(), Reserve: -1})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = h.Close() }()
			units := inventory(n)
			at := time.Now().Add(-time.Hour)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				observe(h, units[i%n].Systems[0].Checks[0], at.Add(time.Duration(i/n)*5*time.Second), probes.Up)
				if i++; i%500 == 0 {
					if err := h.Sync(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
