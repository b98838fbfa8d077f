package schedule

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"watchpost.example/probes"
)

func TestStopNamesWhatDidNotComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		s := New(Options{})
		s.Update([]*probes.Check{check("hung", script(func(context.Context) probes.Observation {
			<-free
			return probes.Observation{}
		}))})
		stop := launch(t, s)
		pass(11 * time.Second)
		if err := stop(); err == nil {
			t.Error("stopped without a word about the probe that hangs")
		}
		close(free)
	})
}

func TestStopCancelsAndReportsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		s := New(Options{Sinks: []probes.Sink{b}})
		s.Update([]*probes.Check{check("slow", script(func(ctx context.Context) probes.Observation {
			<-ctx.Done()
			return probes.Observation{Verdict: probes.Down, Reason: probes.TCPTimeout}
		}))})
		stop := launch(t, s)
		for s.Stats().InFlight == 0 {
			pass(100 * time.Millisecond)
			synctest.Wait()
		}
		mustStop(t, stop)
		if len(b.list) != 0 {
			t.Errorf("a look that we cut short was reported: %+v", b.list[0].o)
		}
		if st := s.Stats(); st.Canceled != 1 {
			t.Errorf("stats %+v", st)
		}
	})
}

// TestStopStartsNothing: what waits for a slot at the stop is never asked.
func TestStopStartsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		s := New(Options{MaxInFlight: 1, Spread: time.Millisecond})
		slow := script(func(ctx context.Context) probes.Observation {
			asked++
			<-ctx.Done()
			return probes.Observation{}
		})
		s.Update([]*probes.Check{check("a", slow), check("b", slow), check("c", slow)})
		stop := launch(t, s)
		pass(time.Second)
		mustStop(t, stop)
		if asked != 1 {
			t.Errorf("asked %d, one of them before the stop", asked)
		}
	})
}
