package schedule

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"watchpost.example/probes"
)

// TestSlowFailureIsAskedAgainAtOnce: a look that waited for its timeout has let
// the recheck's time pass already.
func TestSlowFailureIsAskedAgainAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		s := New(Options{Sinks: []probes.Sink{b}})
		c := check("a", script(func(context.Context) probes.Observation {
			began := time.Now()
			pass(3500 * time.Millisecond) // longer than a recheck, shorter than the timeout
			return probes.Observation{At: began, Verdict: probes.Down, Reason: probes.TCPTimeout}
		}))
		c.Interval = time.Minute
		s.Update([]*probes.Check{c})
		stop := launch(t, s)
		pass(40 * time.Second)
		mustStop(t, stop)
		looks := b.of("a")
		if len(looks) < 3 {
			t.Fatalf("%d looks", len(looks))
		}
		if took := looks[2].at - looks[0].at; took != 7*time.Second || looks[2].s.Verdict != probes.Down {
			t.Errorf("the third look began %v after the first and says %v, want 7 s and down", took, looks[2].s.Verdict)
		}
		if late := s.Stats(); late.Zombies != 0 {
			t.Errorf("%+v", late)
		}
	})
}
