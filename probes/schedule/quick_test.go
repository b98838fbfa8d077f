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

// TestConfirmingASilence: the looks that confirm a silence need not wait as long
// as the first, unless the check usually takes long or was never up.
func TestConfirmingASilence(t *testing.T) {
	for name, row := range map[string]struct {
		usual   time.Duration // of the looks before; 0 = there were none
		reason  probes.Reason
		verdict probes.Verdict
		want    [3]time.Duration // how long each of the three looks waited
	}{
		"usually quick":      {200 * time.Millisecond, probes.HTTPTimeout, probes.Down, [3]time.Duration{10 * time.Second, 4 * time.Second, 4 * time.Second}},
		"usually slow":       {2 * time.Second, probes.HTTPTimeout, probes.Down, [3]time.Duration{10 * time.Second, 6 * time.Second, 6 * time.Second}},
		"usually very slow":  {7 * time.Second, probes.TLSTimeout, probes.Down, [3]time.Duration{10 * time.Second, 10 * time.Second, 10 * time.Second}},
		"never up":           {0, probes.HTTPTimeout, probes.Down, [3]time.Duration{10 * time.Second, 10 * time.Second, 10 * time.Second}},
		"not a silence":      {200 * time.Millisecond, probes.HTTPStatus, probes.Down, [3]time.Duration{10 * time.Second, 10 * time.Second, 10 * time.Second}},
		"a zone's own pace":  {200 * time.Millisecond, probes.DNSTimeout, probes.Down, [3]time.Duration{10 * time.Second, 10 * time.Second, 10 * time.Second}},
		"part of it answers": {200 * time.Millisecond, probes.HTTPTimeout, probes.Degraded, [3]time.Duration{10 * time.Second, 10 * time.Second, 10 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBook()
				s := New(Options{Sinks: []probes.Sink{b}})
				var waited []time.Duration
				n := 0
				c := check("a", script(func(ctx context.Context) probes.Observation {
					began := time.Now()
					if n++; n <= 2 && row.usual > 0 {
						pass(row.usual)
						return probes.Observation{At: began, Verdict: probes.Up, Took: row.usual}
					}
					<-ctx.Done()
					waited = append(waited, time.Since(began))
					return probes.Observation{At: began, Verdict: row.verdict, Reason: row.reason}
				}))
				c.Interval, c.Timeout = time.Minute, 10*time.Second
				s.Update([]*probes.Check{c})
				stop := launch(t, s)
				pass(4 * time.Minute)
				mustStop(t, stop)
				if len(waited) < 4 {
					t.Fatalf("%d silent looks", len(waited))
				}
				for i, want := range row.want {
					if waited[i] != want {
						t.Errorf("look %d waited %v, want %v", i+1, waited[i], want)
					}
				}
				// Once it is confirmed, every look has its whole time again: a recovery
				// is not to be missed.
				if waited[3] != 10*time.Second {
					t.Errorf("the look after waited %v", waited[3])
				}
				looks := b.of("a")
				if last := looks[len(looks)-1].s.Verdict; last != row.verdict {
					t.Errorf("ends as %v", last)
				}
			})
		})
	}
}
