package schedule

import (
	"time"

	"watchpost.example/probes"
)

// Track is the confirmation of one check: its State and what is needed to move
// it. It is a value; Next gives the one after a look. The zero Track has never
// been looked at.
//
// The algebra is two switches, one for "at least Degraded" (impaired) and one
// for "Down" (down). Each is thrown by Confirm.Down looks in a row on its far
// side and thrown back by Confirm.Up looks in a row on its near side; the held
// verdict is Down, Degraded or Up by which of them are on. A Down look is on the
// far side of both, so down never is on without impaired, and a check that
// wavers between Degraded and Down is at least Degraded after Confirm.Down looks.
//
// An Unknown look is evidence of nothing: it moves no switch and breaks no run.
// Confirm.Down Unknown looks in a row make the State Unknown from the first of
// them; the switches stay where they were, unfinished runs are forgotten because
// their looks are too old to be joined with later ones. The first look
// afterwards that agrees with the switches brings their verdict back at once
// (since that look); one that contradicts must be confirmed as ever. A check
// never looked at has both switches off, so that the first good look makes it Up
// and bad news needs confirmation.
//
// State.Since never goes backwards and so cuts time into stretches without
// overlap: a bad verdict begins at the first look of the run that confirmed it,
// and so does the recovery.
type Track struct {
	State probes.State

	impaired, down toggle
	blind          run           // Unknown looks in a row
	other          run           // looks in a row that agree on the verdict with another reason
	otherWhy       probes.Reason // that reason
}

// toggle is one switch with the run of looks that speak against its position.
type toggle struct {
	on      bool
	against run
}

// run counts looks in a row.
type run struct {
	n     int
	since time.Time // of the first look
}

func (r *run) add(at time.Time) int {
	if r.n == 0 {
		r.since = at
	}
	r.n++
	return r.n
}

// NewTrack is the Track of a check that nobody looked at since the start.
func NewTrack(now time.Time) Track {
	return Track{State: probes.State{
		Verdict: probes.Unknown, Reason: probes.OursRestart,
		Detail: "not looked at since the start", Since: now,
	}}
}

// Restored is the Track of a check whose state was read from history: it holds
// the verdict, marked Restored, until looks agree with it or confirm another.
// A history that says Unknown is no history.
func Restored(s probes.State, now time.Time) Track {
	if s.Verdict != probes.Up && s.Verdict != probes.Degraded && s.Verdict != probes.Down {
		return NewTrack(now)
	}
	s.Pending, s.Restored, s.Maintenance = false, true, false
	if s.Since.After(now) { // the clock went back between the two lives
		s.Since = now
	}
	t := Track{State: s}
	t.impaired.on = s.Verdict >= probes.Degraded
	t.down.on = s.Verdict == probes.Down
	return t
}

// Next is the Track after the look o. It is pure: the same Track, look and
// Confirm give the same result, and t is not changed.
func (t Track) Next(o *probes.Observation, c probes.Confirm) Track {
	c.Down, c.Up = max(c.Down, 1), max(c.Up, 1)
	if o.Verdict < probes.Up || o.Verdict > probes.Down {
		t.unknown(o, c)
		t.State.Pending = t.State.Verdict != probes.Unknown
		return t
	}
	t.blind = run{}
	impairedSince, impairedMoved := t.impaired.feed(o.Verdict >= probes.Degraded, o.At, c)
	downSince, downMoved := t.down.feed(o.Verdict == probes.Down, o.At, c)
	held := t.held()
	switch {
	case impairedMoved || downMoved:
		since := downSince
		// The switch that decides the new verdict dates it: from Up straight to
		// Down it is down's run, from Down straight to Up impaired's.
		if !downMoved || held == probes.Up {
			since = impairedSince
		}
		t.become(held, since, o)
	case held == o.Verdict && held != t.State.Verdict: // known again
		t.become(held, o.At, o)
	case held == o.Verdict:
		t.agree(o, c)
	default:
		t.other = run{}
	}
	t.State.Pending = o.Verdict != t.State.Verdict
	return t
}

// Recheck tells whether the newest look, o, contradicts the State in a way that
// asking again soon can settle. An Unknown look can't be: our own trouble is not
// mended by asking the unit's server more often.
func (t Track) Recheck(o *probes.Observation) bool {
	return t.State.Pending && o.Verdict != probes.Unknown
}

// held is the verdict that the switches show.
func (t *Track) held() probes.Verdict {
	switch {
	case t.down.on:
		return probes.Down
	case t.impaired.on:
		return probes.Degraded
	}
	return probes.Up
}

// unknown takes a look that tells nothing of the check.
func (t *Track) unknown(o *probes.Observation, c probes.Confirm) {
	if t.State.Verdict == probes.Unknown {
		// Still blind: the newest cause is the one to mend.
		t.State.Reason, t.State.Detail = o.Reason, o.Detail
	}
	if t.blind.add(o.At) < c.Down {
		return
	}
	since := t.blind.since
	t.forget()
	if t.State.Verdict != probes.Unknown {
		t.become(probes.Unknown, since, o)
	}
}

// forget drops unfinished runs.
func (t *Track) forget() {
	t.impaired.against, t.down.against, t.blind, t.other = run{}, run{}, run{}, run{}
}

// become sets a new verdict.
func (t *Track) become(v probes.Verdict, since time.Time, o *probes.Observation) {
	s := &t.State
	if since.Before(s.Since) {
		since = s.Since
	}
	s.Verdict, s.Since, s.Restored = v, since, false
	// The look that throws the last switch may be worse or better than the
	// verdict (Down, Down, Degraded: confirmed Degraded); its words still tell
	// best what is the matter, except that Up has nothing to say.
	s.Reason, s.Detail = o.Reason, o.Detail
	if v == probes.Up {
		s.Reason, s.Detail = probes.OK, ""
	}
	t.other = run{}
}

// agree takes a look that says what is held. Its reason replaces the held one
// after Confirm.Down looks in a row, so that a label does not flutter; its
// detail does at once when the reason is the same.
func (t *Track) agree(o *probes.Observation, c probes.Confirm) {
	s := &t.State
	first := s.Restored
	s.Restored = false
	if s.Verdict == probes.Up {
		return
	}
	if o.Reason == s.Reason || first {
		s.Reason, s.Detail, t.other = o.Reason, o.Detail, run{}
		return
	}
	if o.Reason != t.otherWhy {
		t.other, t.otherWhy = run{}, o.Reason
	}
	if t.other.add(o.At) >= c.Down {
		s.Reason, s.Detail, t.other = o.Reason, o.Detail, run{}
	}
}

// feed gives the switch one look, far telling on which side it is. moved is
// true when it was thrown, since the first look of the run that threw it.
func (g *toggle) feed(far bool, at time.Time, c probes.Confirm) (since time.Time, moved bool) {
	if far == g.on {
		g.against = run{}
		return time.Time{}, false
	}
	need := c.Down
	if g.on {
		need = c.Up
	}
	if g.against.add(at) < need {
		return time.Time{}, false
	}
	since = g.against.since
	g.on, g.against = far, run{}
	return since, true
}
