package exporter_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"watchpost.example/exporter"
	"watchpost.example/probes"
)

// inventory makes n units of one system with one http check each.
func inventory(n int) []*probes.Unit {
	var units []*probes.Unit
	for i := range n {
		units = append(units, unit(fmt.Sprintf("unit-%04d", i), "http"))
	}
	return units
}

// unit makes a unit with one system "portal" with a check of each kind.
func unit(id string, kinds ...string) *probes.Unit {
	u := &probes.Unit{ID: id, Name: "Trường " + id}
	s := &probes.System{Unit: u, ID: "portal", Name: "Cổng thông tin", URL: "https://portal.example/", Level: 3, Owner: "Phòng CNTT"}
	u.Systems = []*probes.System{s}
	for _, k := range kinds {
		s.Checks = append(s.Checks, &probes.Check{
			ID:     probes.ID{Unit: id, System: s.ID, Check: k},
			System: s, Kind: k, Instance: "https://portal.example/",
			Interval: 30 * time.Second, Timeout: 10 * time.Second, Fingerprint: "1",
		})
	}
	return u
}

func TestBoardKeepsTheNewest(t *testing.T) {
	b := exporter.NewBoard()
	units := inventory(2)
	b.Update(units)
	c := units[1].Systems[0].Checks[0]
	at := time.Unix(1_800_000_000, 0)
	b.Observe(c, probes.Observation{At: at, Verdict: probes.Down}, probes.State{Verdict: probes.Up, Pending: true})
	b.Observe(c, probes.Observation{At: at.Add(-time.Second), Verdict: probes.Up}, probes.State{})
	e, ok := b.Entry(c.ID)
	if !ok || e.Observation.Verdict != probes.Down || !e.State.Pending {
		t.Errorf("an older look replaced the newest: %+v", e)
	}
	if l := b.Entries(); len(l) != 2 || l[0].Check.ID.Unit != "unit-0000" || !l[0].Observation.At.IsZero() {
		t.Errorf("entries are not the sorted inventory: %+v", l)
	}
	if _, ok := b.Entry(probes.ID{Unit: "no"}); ok {
		t.Error("an entry of nothing")
	}
}

func TestBoardUpdate(t *testing.T) {
	b := exporter.NewBoard()
	units := inventory(3)
	b.Update(units)
	at := time.Unix(1_800_000_000, 0)
	for c := range exporter.Checks(units) {
		b.Observe(c, probes.Observation{At: at, Verdict: probes.Up}, probes.State{Verdict: probes.Up})
	}
	next := inventory(2)
	next[0].Systems[0].Checks[0].Fingerprint = "2"
	b.Update(next)
	l := b.Entries()
	if len(l) != 2 {
		t.Fatalf("%d entries, want the 2 that are left", len(l))
	}
	if !l[0].Observation.At.IsZero() || l[0].State.Verdict != probes.Unknown {
		t.Error("a check that asks another thing kept its old answer")
	}
	if l[1].State.Verdict != probes.Up || l[1].Check != next[1].Systems[0].Checks[0] {
		t.Error("an unchanged check lost its answer, or points to the old inventory")
	}
	// The last look of a removed check arrives late and changes nothing.
	b.Observe(units[2].Systems[0].Checks[0], probes.Observation{At: at.Add(time.Hour)}, probes.State{})
	if len(b.Entries()) != 2 {
		t.Error("a removed check came back")
	}
}

func TestBoardRestore(t *testing.T) {
	b := exporter.NewBoard()
	units := inventory(1)
	b.Update(units)
	c := units[0].Systems[0].Checks[0]
	b.Restore(c.ID, probes.State{Verdict: probes.Down, Restored: true})
	if e, _ := b.Entry(c.ID); e.State.Verdict != probes.Down {
		t.Error("not restored")
	}
	b.Observe(c, probes.Observation{At: time.Unix(1, 0)}, probes.State{Verdict: probes.Up})
	b.Restore(c.ID, probes.State{Verdict: probes.Down, Restored: true})
	if e, _ := b.Entry(c.ID); e.State.Verdict != probes.Up {
		t.Error("a restored state replaced a look")
	}
}

func TestBoardSubscribe(t *testing.T) {
	b := exporter.NewBoard()
	units := inventory(1)
	b.Update(units)
	changed, cancel := b.Subscribe()
	c := units[0].Systems[0].Checks[0]
	for i := range 3 {
		b.Observe(c, probes.Observation{At: time.Unix(int64(i+1), 0)}, probes.State{})
	}
	<-changed
	select {
	case <-changed:
		t.Error("three changes gave two signals")
	default:
	}
	cancel()
	cancel()
	b.Update(units)
	select {
	case <-changed:
		t.Error("a signal after cancel")
	default:
	}
}

func TestBoardConcurrently(t *testing.T) {
	b := exporter.NewBoard()
	units := inventory(50)
	b.Update(units)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			changed, cancel := b.Subscribe()
			defer cancel()
			for k := range 200 {
				for c := range exporter.Checks(units[i*10 : i*10+10]) {
					b.Observe(c, probes.Observation{At: time.Unix(int64(k+1), 0)}, probes.State{})
				}
				<-changed
				if len(b.Entries()) != 50 {
					t.Error("entries lost")
				}
			}
		})
	}
	for range 20 {
		b.Update(units)
	}
	wg.Wait()
}

func BenchmarkBoardObserve10000(b *testing.B) {
	board := exporter.NewBoard()
	units := inventory(10_000)
	board.Update(units)
	c := units[5000].Systems[0].Checks[0]
	o := probes.Observation{At: time.Unix(1, 0)}
	b.ReportAllocs()
	for b.Loop() {
		board.Observe(c, o, probes.State{})
	}
}

func BenchmarkBoardEntries10000(b *testing.B) {
	board := exporter.NewBoard()
	board.Update(inventory(10_000))
	b.ReportAllocs()
	for b.Loop() {
		_ = board.Entries()
	}
}
