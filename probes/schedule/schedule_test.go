package schedule

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"watchpost.example/probes"
)

// script is a Prober that does as it is told.
type script func(ctx context.Context) probes.Observation

func (f script) Probe(ctx context.Context) probes.Observation { return f(ctx) }

func says(v probes.Verdict, why probes.Reason) script {
	return func(context.Context) probes.Observation { return probes.Observation{Verdict: v, Reason: why} }
}

// pass lets the bubble's time pass; no test here spends real time.
func pass(d time.Duration) { <-time.After(d) }

// seen is one thing a sink was told.
type seen struct {
	id probes.ID
	at time.Duration // since the test began
	o  probes.Observation
	s  probes.State
}

// book is a Sink that writes down what it is told.
type book struct {
	mu    sync.Mutex
	began time.Time
	list  []seen
}

func newBook() *book { return &book{began: time.Now()} }

func (b *book) Observe(c *probes.Check, o probes.Observation, s probes.State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.list = append(b.list, seen{c.ID, o.At.Sub(b.began), o, s})
}

func (b *book) of(name string) []seen {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []seen
	for _, s := range b.list {
		if s.id.Check == name {
			out = append(out, s)
		}
	}
	return out
}

func idOf(name string) probes.ID { return probes.ID{Unit: "so-y-te", System: "cong", Check: name} }

// check makes one that is asked every ten seconds.
func check(name string, p probes.Prober) *probes.Check {
	return &probes.Check{
		ID: idOf(name), Kind: "test", Interval: 10 * time.Second, Timeout: 4 * time.Second,
		Confirm: probes.Confirm{Down: 3, Up: 2, Recheck: 2 * time.Second}, Prober: p, Fingerprint: name,
	}
}

// launch starts s in the bubble; the function returned stops it and gives
// Run's error.
func launch(t *testing.T, s *Scheduler) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	end := make(chan error, 1)
	go func() { end <- s.Run(ctx) }()
	return func() error { cancel(); return <-end }
}

func mustStop(t *testing.T, stop func() error) {
	t.Helper()
	if err := stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}
}

func TestFirstLooksAreSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		s := New(Options{Sinks: []probes.Sink{b}})
		var checks []*probes.Check
		for i := range 1000 {
			c := check(fmt.Sprintf("c%d", i), says(probes.Up, probes.OK))
			c.Interval = time.Hour
			checks = append(checks, c)
		}
		s.Update(checks)
		stop := launch(t, s)
		pass(11 * time.Second)
		synctest.Wait()
		mustStop(t, stop)
		if len(b.list) != len(checks) {
			t.Fatalf("%d first looks of %d checks within the spread", len(b.list), len(checks))
		}
		perSecond := map[time.Duration]int{}
		for _, x := range b.list {
			perSecond[x.at.Truncate(time.Second)]++
		}
		for sec, n := range perSecond {
			if n > 150 {
				t.Errorf("%d of 1000 first looks in second %v", n, sec)
			}
		}
	})
}

// TestOwnClock: the same phase at every start, and the interval kept exactly.
func TestOwnClock(t *testing.T) {
	times := func() (out []time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			b := newBook()
			s := New(Options{Sinks: []probes.Sink{b}})
			s.Update([]*probes.Check{check("a", script(func(context.Context) probes.Observation {
				pass(time.Second) // the look's own length does not push its clock
				return probes.Observation{Verdict: probes.Up}
			}))})
			stop := launch(t, s)
			pass(time.Minute)
			mustStop(t, stop)
			for _, x := range b.of("a") {
				out = append(out, x.at)
			}
		})
		return out
	}
	first, second := times(), times()
	if len(first) < 6 {
		t.Fatalf("asked at %v: too seldom", first)
	}
	for i := range first {
		if first[i] != second[i] {
			t.Errorf("look %d at %v, at another start at %v", i, first[i], second[i])
		}
		if i > 0 && first[i]-first[i-1] != 10*time.Second {
			t.Errorf("look %d came %v after the one before", i, first[i]-first[i-1])
		}
	}
}

func TestOutageIsConfirmedQuickly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		broken := time.Now().Add(45 * time.Second)
		s := New(Options{Sinks: []probes.Sink{b}})
		c := check("a", script(func(context.Context) probes.Observation {
			if time.Now().After(broken) {
				return probes.Observation{Verdict: probes.Down, Reason: probes.TCPRefused}
			}
			return probes.Observation{Verdict: probes.Up}
		}))
		c.Interval = 30 * time.Second
		s.Update([]*probes.Check{c})
		stop := launch(t, s)
		pass(100 * time.Second)
		mustStop(t, stop)
		var firstBad time.Time
		for _, x := range b.of("a") {
			if x.o.Verdict == probes.Down && firstBad.IsZero() {
				firstBad = x.o.At
			}
			if x.s.Verdict != probes.Down {
				continue
			}
			if !x.s.Since.Equal(firstBad) {
				t.Errorf("down since %v, first failed look %v", x.s.Since, firstBad)
			}
			if took := x.o.At.Sub(firstBad); took < 2*1500*time.Millisecond || took > 2*2500*time.Millisecond {
				t.Errorf("confirmed %v after the first failure, want two re-asks of 2 s give or take a quarter", took)
			}
			return
		}
		t.Error("never confirmed down")
	})
}

// TestHungProbeHarmsNobody: a probe that ignores its deadline costs its own
// check only, is reported as ours, keeps being reported, and is not asked again
// before it has come back.
func TestHungProbeHarmsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		free := make(chan struct{})
		var asked int
		s := New(Options{Sinks: []probes.Sink{b}, MaxInFlight: 1})
		s.Update([]*probes.Check{
			check("hung", script(func(context.Context) probes.Observation {
				asked++
				<-free
				return probes.Observation{Verdict: probes.Down, Reason: probes.TCPTimeout}
			})),
			check("good", says(probes.Up, probes.OK)),
		})
		stop := launch(t, s)
		pass(61 * time.Second)
		synctest.Wait()
		if asked != 1 {
			t.Errorf("asked a stuck probe %d times", asked)
		}
		if n := len(b.of("good")); n < 6 {
			t.Errorf("the healthy neighbour was asked %d times in a minute", n)
		}
		stuck := b.of("hung")
		if len(stuck) < 4 {
			t.Fatalf("the stuck check was reported %d times", len(stuck))
		}
		for _, x := range stuck {
			if x.o.Verdict != probes.Unknown || x.o.Reason != probes.OursOverrun {
				t.Errorf("a stuck look is %v %s", x.o.Verdict, x.o.Reason)
			}
		}
		if st := s.Stats(); st.Zombies != 1 || st.Overruns != 1 || st.InFlight != 0 {
			t.Errorf("stats %+v", st)
		}
		if err := s.Now(idOf("hung")); !errors.Is(err, ErrBusy) {
			t.Errorf("Now on a stuck check: %v", err)
		}
		close(free)
		pass(11 * time.Second)
		synctest.Wait()
		if asked < 2 {
			t.Error("not asked again after it came back")
		}
		if st := s.Stats(); st.Zombies != 0 {
			t.Errorf("zombies after all came back: %d", st.Zombies)
		}
		mustStop(t, stop)
	})
}

// TestQuickTurnsAreSpread: re-asks lie within a quarter of Recheck, on both
// sides of it.
func TestQuickTurnsAreSpread(t *testing.T) {
	now := time.Now()
	var early, late int
	for i := range 1000 {
		e := newEntry(check(fmt.Sprintf("c%d", i), nil), NewTrack(now))
		d := e.quickTurn(now).Sub(now)
		if d < 1500*time.Millisecond || d > 2500*time.Millisecond {
			t.Fatalf("re-ask after %v", d)
		}
		if d < 2*time.Second {
			early++
		} else {
			late++
		}
	}
	if early < 400 || late < 400 {
		t.Errorf("%d early, %d late", early, late)
	}
}

func TestPanicIsAResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		s := New(Options{Sinks: []probes.Sink{b}})
		s.Update([]*probes.Check{check("a", script(func(context.Context) probes.Observation { panic("nil map\x1b[2J") }))})
		stop := launch(t, s)
		pass(11 * time.Second)
		mustStop(t, stop)
		x := b.of("a")
		if len(x) == 0 || x[0].o.Verdict != probes.Unknown || x[0].o.Reason != probes.OursPanic {
			t.Fatalf("got %+v", x)
		}
		if s.Stats().Panics == 0 {
			t.Error("not counted")
		}
	})
}

type badSink struct{}

func (badSink) Observe(*probes.Check, probes.Observation, probes.State) { panic("defect") }

func TestSinkPanicStaysItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		s := New(Options{Sinks: []probes.Sink{badSink{}, b}})
		s.Update([]*probes.Check{check("a", says(probes.Up, probes.OK))})
		stop := launch(t, s)
		pass(25 * time.Second)
		mustStop(t, stop)
		if len(b.of("a")) < 2 || s.Stats().SinkPanics < 2 {
			t.Errorf("%d observations, %+v", len(b.of("a")), s.Stats())
		}
	})
}

func TestQueueWhenSlotsAreScarce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		s := New(Options{Sinks: []probes.Sink{b}, MaxInFlight: 2, Spread: time.Millisecond})
		var checks []*probes.Check
		for i := range 6 {
			checks = append(checks, check(fmt.Sprintf("c%d", i), script(func(context.Context) probes.Observation {
				pass(time.Second)
				return probes.Observation{Verdict: probes.Up}
			})))
		}
		s.Update(checks)
		stop := launch(t, s)
		pass(500 * time.Millisecond)
		synctest.Wait()
		if st := s.Stats(); st.InFlight != 2 || st.Queued != 4 {
			t.Errorf("stats %+v", st)
		}
		pass(3 * time.Second)
		mustStop(t, stop)
		if len(b.list) != 6 || s.Stats().QueueDelayMax < 1900*time.Millisecond {
			t.Errorf("%d looks, %+v", len(b.list), s.Stats())
		}
	})
}

func TestMaintenanceIsMarked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		c := check("a", says(probes.Down, probes.TCPRefused))
		c.System = &probes.System{Maintenance: []probes.Window{{Start: time.Now().Add(20 * time.Second), Duration: 20 * time.Second}}}
		s := New(Options{Sinks: []probes.Sink{b}})
		s.Update([]*probes.Check{c})
		stop := launch(t, s)
		pass(time.Minute)
		mustStop(t, stop)
		for _, x := range b.of("a") {
			if in := x.at >= 20*time.Second && x.at < 40*time.Second; in != x.s.Maintenance {
				t.Errorf("at %v maintenance %v", x.at, x.s.Maintenance)
			}
		}
	})
}

// TestFlutterIsNotHammered: three levels can contradict each other for ever;
// the unit's server is not asked out of turn for ever.
func TestFlutterIsNotHammered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, k := newBook(), 0
		c := check("a", script(func(context.Context) probes.Observation {
			k++
			return probes.Observation{Verdict: []probes.Verdict{probes.Down, probes.Up}[k%2]}
		}))
		c.Interval = 5 * time.Minute
		s := New(Options{Sinks: []probes.Sink{b}, Restore: func(probes.ID) (probes.State, bool) {
			return probes.State{Verdict: probes.Degraded, Reason: probes.PartlyDown}, true
		}})
		s.Update([]*probes.Check{c})
		stop := launch(t, s)
		pass(time.Hour)
		mustStop(t, stop)
		if n := len(b.of("a")); n > 12*6+6 {
			t.Errorf("asked %d times in an hour at an interval of 5 minutes", n)
		}
	})
}
