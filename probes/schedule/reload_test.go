package schedule

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"watchpost.example/probes"
)

func TestReloadKeepsWhatDidNotChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		s := New(Options{Sinks: []probes.Sink{b}})
		s.Update([]*probes.Check{check("same", says(probes.Down, probes.TCPRefused)), check("gone", says(probes.Up, probes.OK))})
		stop := launch(t, s)
		pass(35 * time.Second)
		synctest.Wait()
		before, _ := s.Entry(idOf("same"))
		same := check("same", says(probes.Down, probes.TCPRefused))
		same.Instance = "a new pointer"
		s.Update([]*probes.Check{same, check("new", says(probes.Up, probes.OK))})
		gone := len(b.of("gone"))
		after, _ := s.Entry(idOf("same"))
		if after.State != before.State || after.State.Verdict != probes.Down {
			t.Errorf("state %+v became %+v", before.State, after.State)
		}
		if after.Check != same {
			t.Error("the new Check was not taken over")
		}
		pass(35 * time.Second)
		mustStop(t, stop)
		if len(b.of("gone")) != gone {
			t.Error("a check that was removed was asked again")
		}
		if len(b.of("new")) == 0 {
			t.Error("a new check was not asked")
		}
		list := b.of("same")
		for i := 5; i < len(list); i++ { // past the quick re-asks of its beginning
			if d := list[i].at - list[i-1].at; d != 10*time.Second {
				t.Errorf("the reload moved the clock: looks %v apart", d)
			}
		}
		if _, ok := s.Entry(idOf("gone")); ok || len(s.Entries()) != 2 {
			t.Error("a removed check is still listed")
		}
	})
}

func TestReloadWithNewSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		s := New(Options{Sinks: []probes.Sink{b}})
		s.Update([]*probes.Check{check("a", says(probes.Down, probes.TCPRefused))})
		stop := launch(t, s)
		pass(35 * time.Second)
		c := check("a", says(probes.Up, probes.OK))
		c.Fingerprint = "other"
		s.Update([]*probes.Check{c})
		e, _ := s.Entry(c.ID)
		if e.State.Verdict != probes.Down || !e.State.Restored || e.Observation.At.IsZero() {
			t.Errorf("state after the change %+v", e.State)
		}
		pass(25 * time.Second)
		mustStop(t, stop)
		e, _ = s.Entry(c.ID)
		if e.State.Verdict != probes.Up || e.State.Restored {
			t.Errorf("state at the end %+v", e.State)
		}
	})
}

// TestReloadDuringALook: the look is cancelled, and nobody hears of it after
// Update has returned, even if its probe takes its time.
func TestReloadDuringALook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		s := New(Options{Sinks: []probes.Sink{b}})
		began := make(chan struct{}, 9)
		s.Update([]*probes.Check{check("a", script(func(ctx context.Context) probes.Observation {
			began <- struct{}{}
			<-ctx.Done()
			pass(300 * time.Millisecond)
			return probes.Observation{Verdict: probes.Down, Reason: probes.TCPTimeout}
		}))})
		stop := launch(t, s)
		<-began
		s.Update(nil)
		pass(5 * time.Second)
		if len(b.list) != 0 {
			t.Errorf("heard of a removed check: %+v", b.list[0])
		}
		if st := s.Stats(); st.Checks != 0 || st.InFlight != 0 || st.Canceled != 1 {
			t.Errorf("stats %+v", st)
		}
		mustStop(t, stop)
	})
}

func TestNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		c := check("a", says(probes.Up, probes.OK))
		c.Interval = time.Hour
		s := New(Options{Sinks: []probes.Sink{b}})
		s.Update([]*probes.Check{c})
		stop := launch(t, s)
		pass(11 * time.Second)
		if err := s.Now(c.ID); err != nil {
			t.Error(err)
		}
		pass(time.Millisecond)
		synctest.Wait()
		if n := len(b.of("a")); n != 2 {
			t.Errorf("%d looks, want the first and the one asked for", n)
		}
		if err := s.Now(idOf("nope")); !errors.Is(err, ErrUnknownCheck) {
			t.Errorf("unknown check: %v", err)
		}
		mustStop(t, stop)
	})
}

func TestRunTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		stop := launch(t, s)
		synctest.Wait()
		if err := s.Run(t.Context()); err == nil {
			t.Error("ran twice")
		}
		mustStop(t, stop)
	})
}

func TestRestartIsUnknownUntilSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Restore: func(id probes.ID) (probes.State, bool) {
			return probes.State{Verdict: probes.Down, Reason: probes.TCPTimeout, Since: time.Now().Add(-time.Hour)}, id.Check == "known"
		}})
		s.Update([]*probes.Check{check("known", says(probes.Down, probes.TCPTimeout)), check("other", says(probes.Up, probes.OK))})
		e, _ := s.Entry(idOf("other"))
		if e.State.Verdict != probes.Unknown || e.State.Reason != probes.OursRestart || !e.Stale(time.Now()) {
			t.Errorf("before the first look %+v", e)
		}
		e, _ = s.Entry(idOf("known"))
		if e.State.Verdict != probes.Down || !e.State.Restored || !e.Stale(time.Now()) {
			t.Errorf("restored %+v", e)
		}
		stop := launch(t, s)
		pass(11 * time.Second)
		synctest.Wait()
		e, _ = s.Entry(idOf("known"))
		if e.State.Verdict != probes.Down || e.State.Restored || time.Since(e.State.Since) < time.Hour {
			t.Errorf("seen again %+v", e.State)
		}
		mustStop(t, stop)
	})
}

func TestClockJump(t *testing.T) {
	for _, jump := range []time.Duration{time.Hour, -time.Hour, 2500 * time.Millisecond, 1500 * time.Millisecond} {
		t.Run(jump.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBook()
				s := New(Options{Sinks: []probes.Sink{b}})
				var set time.Duration
				began := time.Now()
				s.clock.wall = func() time.Time {
					if time.Since(began) > 20500*time.Millisecond {
						return time.Now().Add(set)
					}
					return time.Now()
				}
				set = jump
				c := check("a", script(func(context.Context) probes.Observation {
					pass(900 * time.Millisecond)
					return probes.Observation{Verdict: probes.Up, Findings: []probes.Finding{{Reason: probes.TLSExpiring}}}
				}))
				c.Interval, c.Timeout = time.Second, 950*time.Millisecond
				s.Update([]*probes.Check{c})
				stop := launch(t, s)
				pass(40 * time.Second)
				mustStop(t, stop)
				bad := 0
				for _, x := range b.of("a") {
					if x.o.Verdict == probes.Unknown {
						bad++
						if x.o.Reason != probes.OursClock || len(x.o.Findings) != 0 {
							t.Errorf("look at %v: %+v", x.at, x.o)
						}
					}
				}
				want := 1
				if jump == 1500*time.Millisecond {
					want = 0
				}
				if bad != want || s.Stats().Jumps != uint64(want) {
					t.Errorf("%d looks Unknown, %d jumps counted, want %d", bad, s.Stats().Jumps, want)
				}
			})
		})
	}
}

// TestStall: a process that stood still can't tell a slow server from itself.
func TestStall(t *testing.T) {
	began := time.Now()
	jumps := 0
	c := newClock(began, func() time.Time { return began }, func(time.Duration) { jumps++ })
	now := began
	c.wall = func() time.Time { return now }
	m := c.begin(now)
	now = now.Add(900 * time.Millisecond)
	c.beat(now)
	if c.jumped(m, now) {
		t.Error("a beat in time is no stall")
	}
	now = now.Add(5 * time.Second)
	if !c.jumped(m, now) || jumps != 1 {
		t.Error("a look must see the stall, even before the loop does")
	}
	if m = c.begin(now); c.jumped(m, now) {
		t.Error("a look after the stall is believed")
	}
	c.beat(now)
	if jumps != 1 {
		t.Errorf("one stall, told %d times", jumps)
	}
}
