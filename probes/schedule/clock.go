package schedule

import (
	"sync"
	"time"
)

const (
	// beatEvery is how often the clock loop wakes at least.
	beatEvery = time.Second
	// jumpLimit is how far wall and monotonic time may part, or a beat may be
	// late, before looks that span the moment can't be believed.
	jumpLimit = 2 * time.Second
)

// clock notices that time did not pass as it should: the wall clock was set, or
// the machine slept or stood still. Linux's monotonic clock stops in suspend, so
// that a suspend parts the two clocks; a stopped process or a starved virtual
// machine is seen by a beat that comes late.
type clock struct {
	wall   func() time.Time // time.Now; a test sets the wall clock of its own
	onJump func(time.Duration)

	mu    sync.Mutex
	skew  time.Duration // wall minus monotonic time since start, as last seen
	start time.Time
	first time.Time // wall time at start
	last  time.Time // of the last beat
	epoch uint64    // number of jumps seen
}

// mark is the state of the clock when a look began.
type mark struct {
	epoch uint64
	skew  time.Duration
}

func newClock(now time.Time, wall func() time.Time, onJump func(by time.Duration)) *clock {
	return &clock{wall: wall, onJump: onJump, start: now, first: wall().Round(0), last: now}
}

// beat is called by the loop, at least every beatEvery.
func (c *clock) beat(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.check(now, true)
}

// begin marks the start of a look.
func (c *clock) begin(now time.Time) mark {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.check(now, false)
	return mark{c.epoch, c.skew}
}

// jumped tells whether time jumped since m.
func (c *clock) jumped(m mark, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.check(now, false)
	return c.epoch != m.epoch || beyond(c.skewAt(now)-m.skew)
}

// check compares the clocks and the beat. A look's own check sees a jump before
// the loop has. c.mu is held.
func (c *clock) check(now time.Time, isBeat bool) {
	late := now.Sub(c.last) - beatEvery
	if isBeat || late > jumpLimit {
		c.last = now
	}
	skew := c.skewAt(now)
	moved := skew - c.skew
	switch {
	case beyond(moved):
		c.epoch++
		c.skew = skew
		c.onJump(moved)
	case late > jumpLimit:
		c.epoch++
		c.skew = skew
		c.onJump(late)
	case isBeat:
		c.skew = skew // slewing by NTP is no jump, however long it goes on
	}
}

func (c *clock) skewAt(now time.Time) time.Duration {
	return c.wall().Round(0).Sub(c.first) - now.Sub(c.start)
}

func beyond(d time.Duration) bool { return d > jumpLimit || d < -jumpLimit }
