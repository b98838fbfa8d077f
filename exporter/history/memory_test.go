package history_test

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"watchpost.example/exporter"
	"watchpost.example/exporter/history"
	"watchpost.example/probes"
)

// BenchmarkMemory1000 measures what the board and the history of 1,000 https
// checks cost after three hours of looks every 30 s.
func BenchmarkMemory1000(b *testing.B) {
	for b.Loop() {
		before := heap()
		board := exporter.NewBoard()
		units := inventory(1000)
		board.Update(units)
		h, err := history.Open(history.Options{Dir: b.TempDir(), Reserve: -1})
		if err != nil {
			b.Fatal(err)
		}
		start := time.Now().Add(-3 * time.Hour)
		for i := range 360 {
			for _, u := range units {
				o := probes.Observation{At: start.Add(time.Duration(i) * 30 * time.Second), Took: time.Duration(i%7) * time.Millisecond, Verdict: probes.Up}
				for f := probes.FactIPProtocol; f <= probes.FactTLSLeafLifetimeFraction; f++ {
					o.Facts.Set(f, float64(200+i%3))
				}
				o.Phases = probes.Phases{1, 2, 3, time.Duration(i), 5}
				board.Observe(u.Systems[0].Checks[0], o, probes.State{Verdict: probes.Up})
				h.Observe(u.Systems[0].Checks[0], o, probes.State{Verdict: probes.Up})
			}
			if err := h.Sync(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(heap()-before)/(1<<20), "heap-MB")
		b.ReportMetric(float64(h.Stats().Samples)/360/1000, "series/check")
		b.ReportMetric(resident()/(1<<20), "resident-MB")
		if err := h.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// resident is the resident set of this process in bytes; 0 = can't be told.
func resident() float64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b))
	n, err := strconv.ParseFloat(f[1], 64)
	if err != nil {
		return 0
	}
	return n * float64(os.Getpagesize())
}
