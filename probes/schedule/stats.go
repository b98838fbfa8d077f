package schedule

import (
	"sync/atomic"
	"time"
)

// counters are what Stats is read from; each counts from the start.
type counters struct {
	runs, overruns, panics, canceled, jumps, blinded, sinkPanics atomic.Uint64

	delaySum, delayMax atomic.Int64
}

// delayed counts how late a look began.
func (c *counters) delayed(d time.Duration) {
	c.delaySum.Add(int64(d))
	for {
		old := c.delayMax.Load()
		if int64(d) <= old || c.delayMax.CompareAndSwap(old, int64(d)) {
			return
		}
	}
}

// Stats is the scheduler's account of itself. Counts are since the start, the
// rest is as of now.
type Stats struct {
	Checks   int
	InFlight int // looks that hold a slot
	Queued   int // looks whose turn has come and that have no slot
	Zombies  int // probes that lost their slot and have not come back

	Runs       uint64 // looks begun
	Overruns   uint64 // looks whose probe missed deadline and grace
	Panics     uint64 // looks whose probe panicked
	Canceled   uint64 // looks thrown away by a stop or a reload
	Jumps      uint64 // jumps of the clock, stalls of the machine
	Blinded    uint64 // looks turned Unknown because the uplink was lost
	SinkPanics uint64 // sinks that panicked on an observation: a defect of ours

	// QueueDelay is the sum, QueueDelayMax the longest, of the times between a
	// look's turn and its beginning.
	QueueDelay    time.Duration
	QueueDelayMax time.Duration
}

// Stats reads the account.
func (s *Scheduler) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.count
	return Stats{
		Checks: len(s.entries), InFlight: s.inFlight, Queued: len(s.queue), Zombies: s.zombies,
		Runs: c.runs.Load(), Overruns: c.overruns.Load(), Panics: c.panics.Load(),
		Canceled: c.canceled.Load(), Jumps: c.jumps.Load(), Blinded: c.blinded.Load(), SinkPanics: c.sinkPanics.Load(),
		QueueDelay: time.Duration(c.delaySum.Load()), QueueDelayMax: time.Duration(c.delayMax.Load()),
	}
}
