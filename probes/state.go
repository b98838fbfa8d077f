package probes

import "time"

// State is what is held to be true of a check after confirmation, as opposed
// to the Observation, which is one look.
type State struct {
	Verdict Verdict
	Reason  Reason // of the look that confirmed it
	Detail  string
	// Since is when the verdict began: for Down the first failed look of the
	// run that confirmed it, not the moment of confirmation.
	Since time.Time
	// Pending is true while the last looks contradict Verdict and are not yet
	// enough to change it.
	Pending bool
	// Maintenance is true while a planned window of the system covers the look.
	Maintenance bool
	// Restored is true until the first confirmation after a start: the verdict
	// was read from history and not yet seen again.
	Restored bool
}

// Entry is the newest knowledge of one check: what the wall and the metrics show.
type Entry struct {
	Check       *Check
	Observation Observation // the newest; At is zero when never looked
	State       State
}

// Stale tells whether the newest look is older than two intervals (and the
// timeout) at now, so that nothing of it may be shown as current.
func (e Entry) Stale(now time.Time) bool {
	return e.Observation.At.IsZero() || now.Sub(e.Observation.At) > 2*e.Check.Interval+e.Check.Timeout
}

// Sink takes each look as it is judged. Observe must not block: a sink that
// does slow work (history) queues it and counts what it drops.
type Sink interface {
	Observe(c *Check, o Observation, s State)
}
