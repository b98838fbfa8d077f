package incident

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"watchpost.example/alerting/oncall/ladder"
)

func (Tick) apply(in *Incident, w World) []Command {
	if in.NextAt.IsZero() || w.Now.Before(in.NextAt) {
		return nil
	}
	switch in.Status {
	case Open:
		return in.climb(w)
	case Acknowledged:
		return in.expire(w)
	default:
		in.NextAt = time.Time{}
		return nil
	}
}

// expire ends an acknowledgement or a silence while the alerts still fire.
func (in *Incident) expire(w World) []Command {
	what := AckExpired
	if !in.SilencedUntil.IsZero() {
		if in.SilencedUntil.After(w.Now) {
			in.NextAt = in.SilencedUntil
			return nil
		}
		what = SilenceOver
	}
	in.SilencedUntil = time.Time{}
	in.log(w.Now, what, "", "", "")
	in.Unable = nil
	return in.begin(w)
}

// lateStep is how late a step may come without moving the ones after it.
const lateStep = 30 * time.Second

// climb takes every step that is due and sets NextAt. It is bounded: at most
// one round's steps are taken by one call.
func (in *Incident) climb(w World) []Command {
	var cmds []Command
	steps := w.Policy.Steps
	if len(steps) == 0 {
		in.NextAt = time.Time{} // its severity fell, or the ladder was changed: report only
	}
	for range len(steps) + 1 {
		if in.NextAt.IsZero() || w.Now.Before(in.NextAt) {
			break
		}
		if open := w.Policy.Hours.Next(w.Now); open.After(w.Now) {
			in.log(w.Now, Waiting, "", "", open.Format(time.RFC3339))
			in.delay(open, w)
			break
		}
		if in.Step >= len(steps) {
			in.nextRound(w)
			continue
		}
		// After a sleep (a restart, a clock that was set) the steps that were missed
		// do not all come at once: the rest of the round moves.
		if late := w.Now.Sub(in.NextAt); late > lateStep {
			in.RoundStart = in.RoundStart.Add(late)
		}
		taken := in.take(w)
		cmds = append(cmds, taken...)
		in.Step++
		in.schedule(w)
		// A step that reached nobody brings the next one at once, but the last
		// one waits for its round: an empty roster must not spin.
		if len(taken) == 0 && in.Step < len(steps) {
			in.RoundStart = w.Now.Add(-steps[in.Step].After)
			in.NextAt = w.Now
		}
	}
	return cmds
}

// delay moves the rest of the round so that its next step falls on open.
func (in *Incident) delay(open time.Time, w World) {
	if in.Step < len(w.Policy.Steps) {
		in.RoundStart = open.Add(-w.Policy.Steps[in.Step].After)
	}
	in.NextAt = open
}

func (in *Incident) schedule(w World) {
	steps := w.Policy.Steps
	switch {
	case in.Step < len(steps):
		in.NextAt = in.RoundStart.Add(steps[in.Step].After)
	default:
		in.NextAt = in.RoundStart.Add(w.Policy.Again)
	}
}

// nextRound starts the ladder again, or gives up when the rounds are used up.
func (in *Incident) nextRound(w World) {
	if w.Policy.Rounds > 0 && in.Round >= w.Policy.Rounds {
		in.log(w.Now, GaveUp, "", "", fmt.Sprintf("%d", in.Round))
		in.NextAt = time.Time{}
		if in.Kind == KindTest || in.Drill {
			in.Status, in.Ended = Closed, w.Now
		}
		return
	}
	in.Round++
	in.Step = 0
	in.Unable = nil // who could not take it then may now
	in.RoundStart = w.Now.Add(-w.Policy.Steps[0].After)
	in.NextAt = w.Now
	in.log(w.Now, NextRound, "", "", fmt.Sprintf("%d", in.Round))
}

// take asks for the pages of the current step.
func (in *Incident) take(w World) []Command {
	step := w.Policy.Steps[in.Step]
	people := in.recipients(step, w)
	roles := strings.Join(step.To, ",")
	if len(people) == 0 {
		in.log(w.Now, Nobody, "", "", roles)
		return nil
	}
	in.log(w.Now, Stepped, "", "", fmt.Sprintf("%d.%d %s", in.Round, in.Step+1, roles))
	urgent := in.FirstPaged.IsZero() || in.Step > 0
	if in.FirstPaged.IsZero() {
		in.FirstPaged = w.Now
	}
	var cmds []Command
	for _, who := range people {
		for _, by := range step.By {
			in.log(w.Now, Paged, who, by, "")
			in.Contacts = append(in.Contacts, Contact{Person: who, By: by, Round: in.Round, Step: in.Step, At: w.Now})
			cmds = append(cmds, Page{
				Kind: in.pageKind("alert"), Person: who, By: by, Round: in.Round, Step: in.Step, Urgent: urgent, About: Opened,
			})
		}
	}
	in.Contacts = trim(in.Contacts)
	return cmds
}

// trim keeps the first and the latest contacts: an incident that nobody takes
// for a week must not grow without bound.
func trim(c []Contact) []Contact {
	const most = 200
	if len(c) <= most {
		return c
	}
	return slices.Delete(c, 50, 50+len(c)-most)
}

// recipients resolves the roles of a step, without those who acknowledged
// already (where both must) or cannot take it.
func (in *Incident) recipients(step ladder.Step, w World) []string {
	var ids []string
	if len(in.Targets) > 0 {
		ids = in.Targets
	} else {
		for _, role := range step.To {
			ids = append(ids, resolve(role, w)...)
		}
	}
	var out []string
	for _, id := range ids {
		if id == "" || slices.Contains(out, id) || slices.Contains(in.Unable, id) || in.HasAcked(id) {
			continue
		}
		out = append(out, id)
	}
	return out
}

func resolve(role string, w World) []string {
	nth := func(n int) []string {
		if n < len(w.Duty.Officers) {
			return w.Duty.Officers[n : n+1]
		}
		return nil
	}
	switch role {
	case ladder.Officers:
		return w.Duty.Officers
	case ladder.First:
		return nth(0)
	case ladder.Second:
		return nth(1)
	case ladder.Deputy:
		return []string{w.Duty.Deputy}
	case ladder.Hotline:
		return []string{w.Duty.Hotline}
	}
	if id, ok := strings.CutPrefix(role, "person:"); ok {
		return []string{id}
	}
	return nil
}
