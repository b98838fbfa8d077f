package schedule

import (
	"context"
	"errors"
	"fmt"
	"time"

	"watchpost.example/probes"
)

// look is one asking of one check. Two parties may end it: the probe that comes
// back and the watchdog; the first to say so, under Scheduler.mu, reports.
type look struct {
	e     *entry
	c     *probes.Check // as it was when the look began
	start time.Time
	mark  mark
	quit  <-chan struct{} // closed when the scheduler stops
	over  bool            // Scheduler.mu: it has been reported, or will be
}

// stopped tells whether the scheduler has been told to stop.
func (l *look) stopped() bool {
	select {
	case <-l.quit:
		return true
	default:
		return false
	}
}

// start begins a look of e, which has a slot now. s.mu is held.
func (s *Scheduler) start(e *entry) {
	now := time.Now()
	c := e.check()
	ctx, cancel := context.WithTimeout(s.ctx, e.patience())
	l := &look{e: e, c: c, start: now, mark: s.clock.begin(now), quit: s.ctx.Done()}
	e.phase, e.cancel = running, cancel
	s.inFlight++
	s.count.runs.Add(1)
	s.count.delayed(max(now.Sub(e.due), 0))
	s.looks.Add(1)
	go s.run(ctx, cancel, l)
}

// run asks, under the watchdog, and reports.
func (s *Scheduler) run(ctx context.Context, cancel context.CancelFunc, l *look) {
	watchdog := time.AfterFunc(l.c.Timeout+s.o.Grace, func() { s.overran(l) })
	o, panicked := ask(ctx, l.c.Prober)
	took := time.Since(l.start)
	// A look that was removed or stopped ended by our own hand and says nothing.
	canceled := errors.Is(ctx.Err(), context.Canceled)
	cancel()
	if !s.cameBack(l) {
		return
	}
	watchdog.Stop()
	defer s.looks.Done()
	if panicked {
		s.count.panics.Add(1)
		s.log.Error("a probe panicked", "check", l.c.ID, "kind", l.c.Kind, "detail", o.Detail)
	}
	if !canceled {
		if o.Took <= 0 || o.Took > took {
			o.Took = took
		}
		o.At = l.start
		o = s.believe(l, o) // may wait for the uplink, until the stop
	}
	if canceled || l.stopped() {
		s.count.canceled.Add(1)
		return
	}
	s.settle(l, o)
}

// ask calls the Prober; a panic is an observation too.
func ask(ctx context.Context, p probes.Prober) (o probes.Observation, panicked bool) {
	defer func() {
		if r := recover(); r != nil {
			o, panicked = probes.Observation{
				Reason: probes.OursPanic,
				Detail: "the probe panicked: " + probes.Quote(fmt.Sprint(r), 200),
			}, true
		}
	}()
	return p.Probe(ctx), false
}

// cameBack ends a look whose probe has come back, and frees its slot before the
// answer is judged. It is false when the watchdog has ended the look already;
// the answer is then too old to be used.
func (s *Scheduler) cameBack(l *look) bool {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	e := l.e
	e.cancel = nil
	if !l.over {
		l.over = true
		s.inFlight--
		s.startQueued()
		return true
	}
	s.zombies--
	s.log.Warn("a probe that overran came back", "check", l.c.ID, "after", now.Sub(l.start))
	e.phase = idle
	if !e.removed {
		e.due = now.Add(e.firstDelay(s.o.Spread))
		s.due.fix()
		s.poke()
	}
	return false
}

// overran is the watchdog: the probe did not come back by deadline and grace.
// Its slot goes to others and it becomes a zombie.
func (s *Scheduler) overran(l *look) {
	now := time.Now()
	s.mu.Lock()
	if l.over {
		s.mu.Unlock()
		return
	}
	defer s.looks.Done()
	l.over = true
	l.e.phase = zombie
	s.inFlight--
	s.zombies++
	s.startQueued()
	if !l.e.removed { // its turns go on, to say that it still is stuck
		l.e.due = l.e.nextTurn(s.origin, now)
		s.due.push(l.e)
	}
	s.mu.Unlock()
	s.poke()
	s.count.overruns.Add(1)
	s.log.Error("a probe overran its deadline; the check is not asked again until it comes back",
		"check", l.c.ID, "kind", l.c.Kind, "timeout", l.c.Timeout)
	if !l.stopped() {
		s.report(l.e, l.c, overrun(l.c, l.start, now))
	}
}

func overrun(c *probes.Check, start, now time.Time) probes.Observation {
	return probes.Observation{
		At: start, Took: now.Sub(start), Reason: probes.OursOverrun,
		Detail: fmt.Sprintf("the probe did not come back within %v; a fault of watchpost, not of the system", c.Timeout),
	}
}

// stillStuck takes a turn of a check whose probe has not come back: nothing is
// asked, but the sinks hear that we do not know. s.mu is held.
func (s *Scheduler) stillStuck(e *entry, now time.Time) {
	e.due = e.nextTurn(s.origin, now)
	s.due.push(e)
	c := e.check()
	s.looks.Go(func() { s.report(e, c, overrun(c, now, now)) })
}

// believe turns what can't be believed into Unknown.
func (s *Scheduler) believe(l *look, o probes.Observation) probes.Observation {
	if s.clock.jumped(l.mark, time.Now()) {
		return blind(o, probes.OursClock, "the clock jumped or this machine stood still during the look")
	}
	bad := o.Verdict == probes.Down || o.Verdict == probes.Degraded
	if bad && s.o.Uplink.lostDuring(l.start, l.start.Add(o.Took), l.quit) {
		s.count.blinded.Add(1)
		return blind(o, probes.OursUplink, "our uplink was lost: most anchors did not answer")
	}
	return o
}

// blind makes an observation Unknown for a cause of ours. Its parts are, too,
// unless they are Up, which a lost uplink does not produce; its findings are
// dropped, because they may be made of what we could not see.
func blind(o probes.Observation, why probes.Reason, words string) probes.Observation {
	if o.Verdict != probes.Unknown && o.Verdict != probes.Up {
		words += "; the look itself said " + o.Verdict.String() + " (" + string(o.Reason) + ")"
	}
	o.Verdict, o.Reason, o.Detail, o.Findings = probes.Unknown, why, words, nil
	parts := make([]probes.Part, len(o.Parts))
	for i, p := range o.Parts {
		if p.Verdict != probes.Up || why == probes.OursClock {
			p.Verdict, p.Reason, p.Detail = probes.Unknown, why, ""
		}
		parts[i] = p
	}
	if len(parts) > 0 {
		o.Parts = parts
	}
	return o
}

// settle confirms, reports and sets the next turn.
func (s *Scheduler) settle(l *look, o probes.Observation) {
	recheck := s.report(l.e, l.c, o)
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	e, c := l.e, l.e.check()
	if e.removed {
		return
	}
	e.phase = idle
	e.learn(&o, recheck)
	e.due = e.nextTurn(s.origin, l.start)
	// A check that flutters between three levels could contradict itself for
	// ever; it may not be asked out of turn for ever.
	if recheck && c.Confirm.Recheck > 0 && e.quick < max(c.Confirm.Down, 1)+max(c.Confirm.Up, 1) {
		e.quick++
		// From the beginning of the look, as turns are: a look that waited for its
		// timeout has already let that time pass, and confirming is to be quick.
		t := e.quickTurn(l.start)
		if t.Before(now) {
			t = now
		}
		if t.Before(e.due) {
			e.due = t
		}
	} else {
		e.quick = 0
	}
	s.due.push(e)
	if s.due[0] == e {
		s.poke()
	}
}

// report moves the check's Track and tells the sinks, unless the check is
// retired. It tells whether to ask again soon.
func (s *Scheduler) report(e *entry, c *probes.Check, o probes.Observation) (recheck bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.retired {
		return false
	}
	e.track = e.track.Next(&o, c.Confirm)
	e.track.State.Maintenance = c.System != nil && c.System.InMaintenance(s.clock.wall())
	e.last = o
	for _, sink := range s.o.Sinks {
		s.tell(sink, c, o, e.track.State)
	}
	return e.track.Recheck(&o)
}

// tell hands over to one sink. Its panic is kept from the other sinks and from
// the looks.
func (s *Scheduler) tell(sink probes.Sink, c *probes.Check, o probes.Observation, st probes.State) {
	defer func() {
		if r := recover(); r != nil {
			s.count.sinkPanics.Add(1)
			s.log.Error("a sink panicked", "check", c.ID, "sink", fmt.Sprintf("%T", sink), "panic", r)
		}
	}()
	sink.Observe(c, o, st)
}
