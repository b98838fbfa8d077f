package zone_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/baseline"
	"watchpost.example/probes/dns/dnslab"
	"watchpost.example/probes/dns/zone"
)

// memoryIn is a Memory on disk, and what it says in the log.
func memoryIn(t *testing.T, dir string) (*zone.Memory, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	return zone.OpenMemory(dir, slog.New(slog.NewTextHandler(&log, nil))), &log
}

// written ends the memory as a stop does.
func written(t *testing.T, m *zone.Memory) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Run(ctx); err != nil {
		t.Fatal(err)
	}
}

// A zone that was secure and no longer is pages without any baseline, across a
// restart; a baseline that says insecure ends it.
func TestSecureIsRemembered(t *testing.T) {
	dir := t.TempDir()
	keys := healthyKeys()
	m, _ := memoryIn(t, dir)
	t.Run("before", func(t *testing.T) {
		w := world(keys).Start(t)
		if o := env(t, w, remembering(m)).Check(t.Context(), plan(nil)); len(o.Judgement.Findings) > 0 {
			t.Fatal(lines(o.Judgement.Findings))
		}
	})
	written(t, m)
	m, _ = memoryIn(t, dir)
	w := world(keys)
	w.Unit().DS = func([]dns.RR) []dns.RR { return nil }
	w.Start(t)
	for name, c := range map[string]struct {
		b    *baseline.Zone
		m    *zone.Memory
		want bool
	}{
		"remembered":       {nil, m, true},
		"nothing known":    {nil, zone.NewMemory(), false},
		"meant to be so":   {&baseline.Zone{Zone: unit, Security: "insecure"}, m, false},
		"baseline, secure": {&baseline.Zone{Zone: unit, Security: "secure"}, zone.NewMemory(), true},
	} {
		o := env(t, w, remembering(c.m)).Check(t.Context(), plan(c.b))
		got := false
		for _, f := range o.Judgement.Findings {
			got = got || f.Reason == zone.NoLongerSecure && f.Severity == probes.PageNow && f.Zone == unit
		}
		if got != c.want {
			t.Errorf("%s: %v\n%s", name, got, lines(o.Judgement.Findings))
		}
	}
}

// When a zone above loses its DS, that zone is named, by all units alike.
func TestParentNoLongerSecure(t *testing.T) {
	w := dnslab.Healthy()
	w.Zones["gov.vn."].DS = func([]dns.RR) []dns.RR { return nil }
	w.Start(t)
	o := env(t, w).Check(t.Context(), plan(&baseline.Zone{Zone: unit, Security: "secure"}))
	if f := o.Judgement.Findings; len(f) != 1 || f[0].Reason != zone.NoLongerSecure || f[0].Zone != "gov.vn." {
		t.Error(lines(f))
	}
}

func remembering(m *zone.Memory) func(*zone.Options) {
	return func(o *zone.Options) { o.Memory = m }
}

// A lag keeps its age over restarts, and grows to a ticket.
func TestLagIsRemembered(t *testing.T) {
	dir := t.TempDir()
	w := world(healthyKeys())
	l := &lab{World: w}
	l.on(ns2N, func(d *dnslab.Data) { older(l, d) })
	w.Start(t)
	m, _ := memoryIn(t, dir)
	o := env(t, w, remembering(m)).Check(t.Context(), plan(nil))
	if f := o.Judgement.Findings; len(f) != 1 || f[0].Severity != probes.Note {
		t.Fatal(lines(f))
	}
	written(t, m)
	path, text := onlyFile(t, dir)
	// The lag began five hours ago; refresh and retry are three.
	was := o.Look.At.Add(-5 * time.Hour).UTC().Format("2006-01-02T15")
	now := o.Look.At.Format("2006-01-02T15")
	i := strings.Index(text, `"lags"`)
	text = text[:i] + strings.Replace(text[i:], now, was, 1)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	m, log := memoryIn(t, dir)
	o = env(t, w, remembering(m)).Check(t.Context(), plan(nil))
	if f := o.Judgement.Findings; len(f) != 1 || f[0].Severity != probes.Ticket {
		t.Errorf("%s\n%s\n%s", lines(f), text, log)
	}
}

func onlyFile(t *testing.T, dir string) (path, text string) {
	t.Helper()
	l, err := os.ReadDir(dir)
	if err != nil || len(l) != 1 {
		t.Fatal(l, err)
	}
	path = filepath.Join(dir, l[0].Name())
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, string(b)
}

// Whatever stands in a file, or can't be read or written, a look goes on.
func TestMemoryOutOfOrder(t *testing.T) {
	dir := t.TempDir()
	w := world(healthyKeys()).Start(t)
	m, _ := memoryIn(t, dir)
	env(t, w, remembering(m)).Check(t.Context(), plan(nil))
	written(t, m)
	path, good := onlyFile(t, dir)
	for name, text := range map[string]string{
		"empty": "", "cut": good[:len(good)/2], "zeros": strings.Repeat("\x00", 4096), "another zone": strings.ReplaceAll(good, unit, "khac.gov.vn."),
		"another format": strings.ReplaceAll(good, "memory/1", "memory/2"), "huge": `{"zone":"` + strings.Repeat("x", 2<<20), "another type": `{"lags": 7}`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		m, log := memoryIn(t, dir)
		o := env(t, w, remembering(m)).Check(t.Context(), plan(nil))
		if len(o.Judgement.Findings) > 0 || !strings.Contains(log.String(), "begins anew") || len(log.String()) > 2000 {
			t.Errorf("%s: %s\n%.500s", name, lines(o.Judgement.Findings), log)
		}
		written(t, m)
		if _, again := onlyFile(t, dir); !strings.Contains(again, `"serial": 1`) {
			t.Errorf("%s: not written anew: %s", name, again)
		}
	}
	t.Run("a folder that is a file", func(t *testing.T) {
		m, log := memoryIn(t, path)
		o := env(t, w, remembering(m)).Check(t.Context(), plan(nil))
		written(t, m)
		if len(o.Judgement.Findings) > 0 || !strings.Contains(log.String(), "can't be kept") {
			t.Errorf("%s\n%s", lines(o.Judgement.Findings), log)
		}
	})
	t.Run("left behind by a kill", func(t *testing.T) {
		if err := os.WriteFile(filepath.Join(dir, ".new-123"), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		memoryIn(t, dir)
		onlyFile(t, dir)
	})
}

// The habit is what is left when signatures are made anew, not the least ever
// seen: that would sink with a signer that stopped.
func TestHabitOfTheSigner(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		m, _ := memoryIn(t, dir)
		begin := time.Now()
		signed := func(day, until float64) { // at a day, signatures that hold until another
			time.Sleep(time.Until(begin.Add(time.Duration(day * 24 * float64(time.Hour)))))
			zone.NoteSignatures(m, unit, time.Until(begin.Add(time.Duration(until*24*float64(time.Hour)))))
		}
		for cycle := range 3 { // held for 4 days, made anew every 2
			for look := range 8 {
				at := float64(cycle)*2 + float64(look)/4
				signed(at, float64(cycle)*2+4)
			}
		}
		before := zone.Habit(m, unit)
		if before < 40*time.Hour || before > 49*time.Hour {
			t.Errorf("habit %v, want about 2 days", before)
		}
		for look := range 12 { // the signer stopped
			signed(6+float64(look)/4, 8)
		}
		if now := zone.Habit(m, unit); now != before {
			t.Errorf("the habit sank from %v to %v", before, now)
		}
		written(t, m)
		m, _ = memoryIn(t, dir)
		if now := zone.Habit(m, unit); now != before {
			t.Errorf("after a restart %v, before %v", now, before)
		}
	})
}

// A balancer that counts its TTL down gives a small one now and then; a TTL
// that stays small was cut.
func TestCountedDownTTL(t *testing.T) {
	b := &baseline.Zone{Zone: unit, Records: []baseline.Record{{Name: www, Type: "A", Policy: baseline.Ignore, TTL: 3000}}}
	w := dnslab.Healthy().Start(t) // 300 s, as good as a tenth
	look := env(t, w).Check(t.Context(), plan(b)).Look
	for name, c := range map[string]struct {
		last []uint32
		want bool
	}{
		"first look":         {[]uint32{20}, true},
		"cut and stays":      {[]uint32{3000, 3000, 20, 20}, true},
		"cut a moment ago":   {[]uint32{3000, 3000, 20}, false},
		"counted down":       {[]uint32{2900, 21, 20}, false},
		"all small":          {[]uint32{23, 22, 21, 20}, true},
		"small enough to be": {[]uint32{300, 300}, false},
	} {
		asked := 0
		lim := zone.Limits{TTLs: func(record string, _ uint32) []uint32 {
			asked++
			if record != www+" A" {
				t.Errorf("asked for %s", record)
			}
			return c.last
		}}
		got := false
		for _, f := range zone.Judge(look, b, lim, look.At).Findings {
			got = got || f.Reason == zone.TTLDropped
		}
		if got != c.want || asked != 1 {
			t.Errorf("%s: %v (asked %d times)", name, got, asked)
		}
	}
}
