package schedule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"watchpost.example/probes"
)

// Defaults of Options.
const (
	// DefaultMaxInFlight is enough that nothing ever queues with up to 4,096
	// checks, and with 10,000 at 30 s all of which hang for 10 s.
	DefaultMaxInFlight = 4096
	// DefaultSpread is the time over which first looks are spread.
	DefaultSpread = 10 * time.Second
	// DefaultGrace is how long past its deadline a probe may come back before
	// its slot is taken away.
	DefaultGrace = time.Second
	// DefaultSlack is a tenth of the shortest interval there is.
	DefaultSlack = 100 * time.Millisecond
)

// together is how many looks begin at one turn of the clock, on average and at
// the most: more would wait for each other's processor time and measure that.
const together = 8

// Options says how to run. The zero value works and shows its results to nobody.
type Options struct {
	Sinks  []probes.Sink
	Uplink *Uplink // nil = the guard is off
	// MaxInFlight bounds the looks made at the same time; 0 = DefaultMaxInFlight.
	// With no fewer slots than checks, no check can delay another.
	MaxInFlight int
	Spread      time.Duration // 0 = DefaultSpread
	Grace       time.Duration // 0 = DefaultGrace
	// Slack is how late a look may begin so that those due at about the same time
	// begin together: waking the process up costs more than half of a look that
	// wakes it alone. It shrinks where looks are many (see together) and delays
	// nothing where they are few. 0 = DefaultSlack, negative = none.
	Slack time.Duration
	// Restore reads a check's last state from history; nil or false = none.
	Restore func(probes.ID) (probes.State, bool)
	Logger  *slog.Logger // nil = silent
}

// Scheduler asks checks. Make it with New, give it checks with Update, start it
// with Run; all methods are safe for concurrent use.
type Scheduler struct {
	o     Options
	log   *slog.Logger
	clock *clock
	wake  chan struct{} // capacity 1: the clock loop should look at the heap again
	count counters
	looks sync.WaitGroup // looks that hold a slot or report

	updating sync.Mutex // one Update at a time; taken before mu

	mu       sync.Mutex
	ctx      context.Context // of Run; nil before and after it
	origin   time.Time       // phase 0 of every check, with its monotonic reading
	gap      time.Duration   // least time between two turns of the clock
	entries  map[probes.ID]*entry
	due      dueHeap  // idle entries by next look
	queue    []*entry // due, waiting for a slot, oldest first
	inFlight int
	zombies  int
}

// ErrUnknownCheck is Now's answer to an ID that is not scheduled.
var ErrUnknownCheck = errors.New("no such check")

// ErrBusy is Now's answer while the check is being asked, or while an earlier
// look of it has not come back.
var ErrBusy = errors.New("the check is being asked already")

// New makes a Scheduler that does nothing until Run.
func New(o Options) *Scheduler {
	if o.MaxInFlight <= 0 {
		o.MaxInFlight = DefaultMaxInFlight
	}
	if o.Spread <= 0 {
		o.Spread = DefaultSpread
	}
	if o.Grace <= 0 {
		o.Grace = DefaultGrace
	}
	if o.Slack == 0 {
		o.Slack = DefaultSlack
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Scheduler{
		o: o, log: o.Logger,
		wake: make(chan struct{}, 1), entries: map[probes.ID]*entry{}, origin: time.Now(),
	}
	s.clock = newClock(s.origin, time.Now, s.jumped)
	return s
}

// Run asks until ctx ends, then cancels the looks under way, waits for them (at
// most Grace past their deadlines) and returns nil. A look that does not come
// back even then is an error that says how many. It runs once.
func (s *Scheduler) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := s.begin(ctx); err != nil {
		return err
	}
	if s.o.Uplink != nil {
		s.looks.Go(func() { s.o.Uplink.run(ctx) })
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(s.turn(time.Now()))
		select {
		case <-timer.C:
		case <-s.wake:
		case <-ctx.Done():
			s.looks.Wait()
			s.mu.Lock()
			defer s.mu.Unlock()
			s.queue = nil
			if s.zombies > 0 {
				return fmt.Errorf("stopping the schedule: %d probes have not come back", s.zombies)
			}
			return nil
		}
	}
}

// begin gives every check that Update brought before Run its first due time
// from now on.
func (s *Scheduler) begin(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx != nil {
		return errors.New("the schedule runs already")
	}
	s.ctx, s.origin = ctx, time.Now()
	s.clock.beat(s.origin)
	for _, e := range s.due {
		e.due = s.origin.Add(e.firstDelay(s.o.Spread))
	}
	s.due.fix()
	return nil
}

// turn starts what is due and gives the time until it is needed again: at most
// the beat of the clock, which notices a machine that slept or stalled.
func (s *Scheduler) turn(now time.Time) time.Duration {
	s.clock.beat(now)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx == nil || s.ctx.Err() != nil {
		return beatEvery
	}
	for len(s.due) > 0 && !s.due[0].due.After(now) {
		e := s.due.pop()
		if e.phase == zombie {
			s.stillStuck(e, now)
			continue
		}
		e.phase = queued
		s.queue = append(s.queue, e)
	}
	s.startQueued()
	if len(s.due) == 0 {
		return beatEvery
	}
	return min(max(s.due[0].due.Sub(now), s.gap), beatEvery)
}

// slack is the time in which as many of checks fall due as may begin together.
func slack(most time.Duration, checks map[probes.ID]*entry) time.Duration {
	var rate float64 // looks a second
	for _, e := range checks {
		rate += 1 / e.interval().Seconds()
	}
	if rate == 0 {
		return 0
	}
	return max(min(most, time.Duration(together/rate*float64(time.Second))), 0)
}

// jumped is told by the clock.
func (s *Scheduler) jumped(by time.Duration) {
	s.count.jumps.Add(1)
	s.log.Warn("the clock jumped or this machine stood still; looks under way are Unknown", "by", by)
}

// startQueued gives free slots to the oldest waiting entries. s.mu is held.
func (s *Scheduler) startQueued() {
	if s.ctx.Err() != nil {
		return // stopping: nothing new begins
	}
	n := 0
	for n < len(s.queue) && s.inFlight < s.o.MaxInFlight {
		e := s.queue[n]
		s.queue[n] = nil
		n++
		if e.phase == queued { // not removed while it waited
			s.start(e)
		}
	}
	if s.queue = s.queue[n:]; len(s.queue) == 0 {
		s.queue = nil
	}
}

// Update makes checks the whole list. A check whose ID and Fingerprint stayed
// keeps its phase, its state and a look under way; one whose Fingerprint changed
// keeps its state, marked Restored, and is asked afresh within the spread; one
// that is gone is cancelled, and no sink hears of it after Update returned.
func (s *Scheduler) Update(checks []*probes.Check) {
	s.updating.Lock()
	defer s.updating.Unlock()
	fresh, gone := s.compare(checks)
	// Outside s.mu, so that neither a slow history nor a sink in the middle of an
	// observation holds up the looks of the others.
	for _, e := range gone {
		e.retire()
	}
	now := time.Now()
	entries := make([]*entry, len(fresh))
	for i, c := range fresh {
		entries[i] = newEntry(c, s.initial(c.ID, gone[c.ID], now))
		if old := gone[c.ID]; old != nil {
			entries[i].last = old.last
		}
	}
	s.mu.Lock()
	for _, e := range entries {
		e.due = now.Add(e.firstDelay(s.o.Spread))
		s.entries[e.check().ID] = e
		s.due.push(e)
	}
	s.gap = slack(s.o.Slack, s.entries)
	s.mu.Unlock()
	s.poke()
}

// compare takes the checks that are gone or changed off the clock and gives
// them, by ID, with those of the new list that need an entry.
func (s *Scheduler) compare(checks []*probes.Check) (fresh []*probes.Check, gone map[probes.ID]*entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	gone = maps.Clone(s.entries)
	seen := make(map[probes.ID]bool, len(checks))
	for _, c := range checks {
		if seen[c.ID] {
			continue // the inventory refuses a second check of the same ID
		}
		seen[c.ID] = true
		if old := s.entries[c.ID]; old != nil && old.check().Fingerprint == c.Fingerprint {
			old.current.Store(c)
			delete(gone, c.ID)
			continue
		}
		fresh = append(fresh, c)
	}
	for id, e := range gone {
		delete(s.entries, id)
		s.remove(e)
	}
	return fresh, gone
}

// initial is the Track that an entry begins with: its predecessor's, history's,
// or none. A retired predecessor changes no more.
func (s *Scheduler) initial(id probes.ID, old *entry, now time.Time) Track {
	if old != nil {
		return Restored(old.track.State, now)
	}
	if s.o.Restore != nil {
		if st, ok := s.o.Restore(id); ok {
			return Restored(st, now)
		}
	}
	return NewTrack(now)
}

// remove takes an entry off the clock and cancels its look. s.mu is held.
func (s *Scheduler) remove(e *entry) {
	if e.at >= 0 {
		s.due.remove(e)
	}
	if e.phase == queued {
		e.phase = idle // startQueued skips it
	}
	e.removed = true
	if e.cancel != nil {
		e.cancel()
	}
}

// Now has a check asked at once instead of at its next turn.
func (s *Scheduler) Now(id probes.ID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[id]
	if e == nil {
		return fmt.Errorf("%s: %w", id, ErrUnknownCheck)
	}
	if e.phase != idle {
		return fmt.Errorf("%s: %w", id, ErrBusy)
	}
	e.due = time.Now()
	s.due.fix()
	s.poke()
	return nil
}

// Entry is the newest knowledge of one check; ok is false when it is not scheduled.
func (s *Scheduler) Entry(id probes.ID) (entry probes.Entry, ok bool) {
	s.mu.Lock()
	e := s.entries[id]
	s.mu.Unlock()
	if e == nil {
		return probes.Entry{}, false
	}
	return e.snapshot(), true
}

// Entries is the newest knowledge of every check, in no order.
func (s *Scheduler) Entries() []probes.Entry {
	s.mu.Lock()
	list := make([]*entry, 0, len(s.entries))
	for _, e := range s.entries {
		list = append(list, e)
	}
	s.mu.Unlock()
	out := make([]probes.Entry, len(list))
	for i, e := range list {
		out[i] = e.snapshot()
	}
	return out
}

// poke wakes the clock loop.
func (s *Scheduler) poke() {
	select {
	case s.wake <- struct{}{}:
	default: // it is awake already
	}
}
