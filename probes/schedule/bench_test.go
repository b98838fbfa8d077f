package schedule

import (
	"context"
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"watchpost.example/probes"
)

// cpu is the processor time that this process has used.
func cpu(tb testing.TB) time.Duration {
	tb.Helper()
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

// BenchmarkLook is the scheduler's own cost of one look with 10,000 checks on
// the heap: clock, slot, deadline, watchdog, confirmation, one sink. The probe
// itself costs nothing. 10,000 checks at 30 s are 333 looks a second.
func BenchmarkLook(b *testing.B) {
	const checks = 10_000
	told := make(chan struct{}, 1<<16)
	s := New(Options{Sinks: []probes.Sink{sinkFunc(func() { told <- struct{}{} })}})
	list := make([]*probes.Check, checks)
	for i := range list {
		list[i] = check(fmt.Sprintf("c%d", i), says(probes.Up, probes.OK))
		list[i].Interval, list[i].Timeout = 200*time.Millisecond, 100*time.Millisecond
	}
	s.Update(list)
	ctx, cancel := context.WithCancel(b.Context())
	end := make(chan error, 1)
	go func() { end <- s.Run(ctx) }()
	for range 2 * checks {
		<-told
	}
	b.ReportAllocs()
	b.ResetTimer()
	before := cpu(b)
	for range b.N {
		<-told
	}
	used := cpu(b) - before
	b.StopTimer()
	b.ReportMetric(float64(used.Nanoseconds())/float64(b.N), "cpu-ns/look")
	cancel()
	for len(end) == 0 { // let what still reports finish
		select {
		case <-told:
		default:
			runtime.Gosched()
		}
	}
	if err := <-end; err != nil {
		b.Error(err)
	}
}

type sinkFunc func()

func (f sinkFunc) Observe(*probes.Check, probes.Observation, probes.State) { f() }

func BenchmarkConfirm(b *testing.B) {
	t, c := NewTrack(t0), probes.Confirm{Down: 3, Up: 2, Recheck: 3 * time.Second}
	o := &probes.Observation{At: t0, Verdict: probes.Up}
	b.ReportAllocs()
	for b.Loop() {
		t = t.Next(o, c)
	}
}
