package schedule

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"watchpost.example/probes"
)

// line is a make-believe uplink: anchors and systems answer while it is up.
type line struct {
	cut   atomic.Bool
	asked atomic.Int64
}

func (l *line) anchor() probes.Prober {
	return script(func(ctx context.Context) probes.Observation {
		l.asked.Add(1)
		return l.system().Probe(ctx)
	})
}

func (l *line) system() script {
	return func(ctx context.Context) probes.Observation {
		if l.cut.Load() {
			<-ctx.Done()
			return probes.Observation{
				Verdict: probes.Down, Reason: probes.TCPTimeout, Findings: []probes.Finding{{Reason: probes.DNSSerialLag}},
				Parts: []probes.Part{{Verdict: probes.Down, Reason: probes.TCPTimeout}},
			}
		}
		return probes.Observation{Verdict: probes.Up}
	}
}

func (l *line) anchors(n int) []Anchor {
	out := make([]Anchor, n)
	for i := range out {
		out[i] = Anchor{string('a' + rune(i)), l.anchor()}
	}
	return out
}

func TestUplinkLossBlamesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l line
		b := newBook()
		u := NewUplink(UplinkOptions{Anchors: l.anchors(3)})
		s := New(Options{Sinks: []probes.Sink{b}, Uplink: u})
		s.Update([]*probes.Check{check("a", l.system()), check("b", l.system()), check("broken", says(probes.Down, probes.HTTPStatus))})
		stop := launch(t, s)
		pass(35 * time.Second)
		synctest.Wait()
		if st := u.State(); st.Lost || !st.Guarded || st.Asks == 0 || !st.Anchors[0].Up || st.Quorum != 2 {
			t.Errorf("while all is well: %+v", st)
		}
		l.cut.Store(true)
		cut := time.Now()
		pass(2 * time.Minute)
		if st := u.State(); !st.Lost || len(st.Spells) != 1 || !st.Spells[0].End.IsZero() || cut.Sub(st.Spells[0].Begin) > 10*time.Second || st.Spells[0].Begin.After(cut) {
			t.Errorf("while lost: %+v", st)
		}
		e, _ := s.Entry(idOf("a"))
		if e.State.Verdict != probes.Unknown || e.State.Reason != probes.OursUplink {
			t.Errorf("state while lost %+v", e.State)
		}
		l.cut.Store(false)
		pass(time.Minute)
		mustStop(t, stop)
		for _, name := range []string{"a", "b"} {
			for _, x := range b.of(name) {
				if x.o.Verdict == probes.Down || x.s.Verdict == probes.Down || len(x.o.Findings) > 0 {
					t.Errorf("%s at %v: blamed on the unit: %+v", name, x.at, x.o)
				}
				if x.o.Reason == probes.OursUplink && x.o.Parts[0].Verdict != probes.Unknown {
					t.Errorf("%s at %v: its address is blamed", name, x.at)
				}
			}
		}
		e, _ = s.Entry(idOf("a"))
		if e.State.Verdict != probes.Up {
			t.Errorf("state after all %+v", e.State)
		}
		if e, _ = s.Entry(idOf("broken")); e.State.Verdict != probes.Down {
			t.Errorf("a system that is really down %+v", e.State)
		}
		if st := u.State(); st.Lost || len(st.Spells) != 1 || st.Spells[0].End.IsZero() {
			t.Errorf("after it came back: %+v", st)
		}
		if s.Stats().Blinded == 0 {
			t.Error("not counted")
		}
	})
}

// TestReloadWhileTheUplinkIsAsked: a look waits for the anchors when its check
// is taken away; no sink hears of it.
func TestReloadWhileTheUplinkIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		slow := script(func(ctx context.Context) probes.Observation {
			<-ctx.Done()
			return probes.Observation{Verdict: probes.Down, Reason: probes.TCPTimeout}
		})
		u := NewUplink(UplinkOptions{Anchors: []Anchor{{"slow", slow}}})
		s := New(Options{Sinks: []probes.Sink{b}, Uplink: u, Spread: time.Millisecond})
		s.Update([]*probes.Check{check("a", says(probes.Down, probes.TCPRefused))})
		stop := launch(t, s)
		pass(time.Second)
		s.Update(nil)
		pass(10 * time.Second)
		if len(b.list) != 0 {
			t.Errorf("heard of a removed check: %+v", b.list[0].o)
		}
		mustStop(t, stop)
	})
}

// TestStopIsNoLoss: anchors that our own stop cut short are not lost.
func TestStopIsNoLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cut := script(func(ctx context.Context) probes.Observation {
			<-ctx.Done()
			return probes.Observation{Verdict: probes.Down, Reason: probes.TCPTimeout}
		})
		u := NewUplink(UplinkOptions{Anchors: []Anchor{{"slow", cut}}})
		stop := launch(t, New(Options{Uplink: u}))
		pass(time.Second)
		mustStop(t, stop)
		if st := u.State(); st.Lost || len(st.Spells) > 0 {
			t.Errorf("%+v", st)
		}
	})
}

// TestUplinkQuorum: one anchor that fails is the anchor's own trouble.
func TestUplinkQuorum(t *testing.T) {
	for _, tc := range []struct {
		up, down, quorum int
		lost             bool
	}{{3, 0, 0, false}, {2, 1, 0, false}, {1, 2, 0, true}, {0, 3, 0, true}, {1, 1, 0, false}, {1, 0, 0, false}, {0, 1, 0, true}, {2, 1, 3, true}, {1, 2, 1, false}} {
		synctest.Test(t, func(t *testing.T) {
			var anchors []Anchor
			for range tc.up {
				anchors = append(anchors, Anchor{"good", says(probes.Up, probes.OK)})
			}
			for range tc.down {
				anchors = append(anchors, Anchor{"bad", says(probes.Down, probes.TCPTimeout)})
			}
			u := NewUplink(UplinkOptions{Anchors: anchors, Quorum: tc.quorum})
			if got := u.lostDuring(time.Now(), time.Now().Add(time.Millisecond), nil); got != tc.lost {
				t.Errorf("%d of %d answer, quorum %d: lost %v", tc.up, tc.up+tc.down, tc.quorum, got)
			}
		})
	}
}

// TestUplinkIsAskedOnce: a thousand failures together ask the anchors once.
func TestUplinkIsAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l line
		u := NewUplink(UplinkOptions{Anchors: l.anchors(2)})
		now := time.Now()
		for range 1000 {
			go u.lostDuring(now.Add(-time.Second), now, nil)
		}
		synctest.Wait()
		if n := l.asked.Load(); n != 2 {
			t.Errorf("asked anchors %d times", n)
		}
	})
}

// TestUplinkHungAnchor: an anchor that ignores its deadline is a lost one.
func TestUplinkHungAnchor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		hung := script(func(context.Context) probes.Observation { <-free; return probes.Observation{} })
		u := NewUplink(UplinkOptions{Anchors: []Anchor{
			{"hung", hung}, {"panics", script(func(context.Context) probes.Observation { panic("x") })}, {"good", says(probes.Up, probes.OK)},
		}})
		began := time.Now()
		if !u.lostDuring(began, began, nil) {
			t.Error("one of three answers: lost")
		}
		if d := time.Since(began); d > DefaultUplinkTimeout+DefaultGrace {
			t.Errorf("waited %v", d)
		}
		close(free)
	})
}

func TestUplinkOff(t *testing.T) {
	u := NewUplink(UplinkOptions{})
	if u != nil || u.State().Guarded || u.lostDuring(t0, t0, nil) {
		t.Error("no anchors: the guard is off")
	}
}
