package incident

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"watchpost.example/alerting/oncall/ladder"
)

// Event is something that happened to an incident.
type Event interface {
	apply(in *Incident, w World) []Command
}

// Tick says that time passed. It does nothing before NextAt.
type Tick struct{}

// Alerts says what Alertmanager told: the state of a group.
type Alerts struct{ Group Group }

// Take says that a person acknowledges.
type Take struct{ Who, How string }

// Escalate says that a person sends it to the next step at once.
type Escalate struct{ Who, How string }

// Decline says that a person cannot take it; the next step comes at once and the person
// is left out from then on.
type Decline struct{ Who, How string }

// Again says that a person wants the page once more, by the same channel.
type Again struct{ Who, How string }

// Note says that a person writes something down.
type Note struct{ Who, Text string }

// Silence says that a person mutes the incident until a moment, with a reason.
type Silence struct {
	Who, Reason string
	Until       time.Time
	IDs         []string // Alertmanager's silences
}

// Close says that a person ends it, or the outside does with a reason.
type Close struct{ Who, Reason string }

// Merge says that the incident is folded into a storm.
type Merge struct{ Into string }

// Undelivered says that no page of a step could be sent to anybody.
type Undelivered struct {
	Round, Step int
	Why         string
}

// Handover says that the shift changed.
type Handover struct{ From, To []string }

// Apply gives the incident after ev and what must be done. in stays as it was.
func Apply(in Incident, ev Event, w World) (Incident, []Command) {
	out := in.Clone()
	cmds := ev.apply(&out, w)
	return out, cmds
}

// Start makes a new incident. The first step is taken at once unless waking
// hours forbid it, so its pages are among the commands.
func Start(in Incident, w World) (Incident, []Command) {
	out := in.Clone()
	out.Status, out.Opened, out.Joined, out.Policy = Open, w.Now, w.Now, w.Policy.Name
	if out.Kind == "" {
		out.Kind = KindAlert
	}
	out.recount()
	if out.Since.IsZero() || out.Since.After(w.Now) {
		out.Since = w.Now
	}
	out.log(w.Now, Opened, "", "", out.Title)
	return out, out.begin(w)
}

// begin puts the ladder at its foot and takes what is due.
func (in *Incident) begin(w World) []Command {
	in.Status, in.Acks, in.AckUntil, in.SilencedUntil = Open, nil, time.Time{}, time.Time{}
	in.Step, in.NextAt = 0, time.Time{}
	if len(w.Policy.Steps) == 0 {
		return nil // report only
	}
	at := w.Policy.Hours.Next(w.Now)
	if at.After(w.Now) {
		in.log(w.Now, Waiting, "", "", at.Format(time.RFC3339))
	}
	in.RoundStart = at
	in.Round++
	in.NextAt = in.RoundStart.Add(w.Policy.Steps[0].After)
	return Tick{}.apply(in, w)
}

func (e Alerts) apply(in *Incident, w World) []Command {
	if in.Status == Merged || in.Status == Closed && in.Kind == KindTest {
		return nil
	}
	before, severity := in.Firing(), in.Severity
	in.put(e.Group, w.Now)
	in.recount()
	after := in.Firing()
	switch {
	case after == 0 && in.Status.Live():
		return in.recover(w)
	case after == 0:
		return nil
	case !in.Status.Live():
		in.Ended = time.Time{}
		in.log(w.Now, Reopened, "", "", "")
		if in.SilencedUntil.After(w.Now) {
			// What a person muted until a moment stays so, also when it flaps.
			in.Status, in.NextAt = Acknowledged, in.SilencedUntil
			return nil
		}
		return in.begin(w)
	case Rank(in.Severity) > Rank(severity):
		in.log(w.Now, Raised, "", "", severity+" → "+in.Severity)
		in.Policy = w.Policy.Name
		return in.begin(w)
	case after > before:
		in.log(w.Now, Grown, "", "", fmt.Sprintf("%d → %d", before, after))
		return in.tellGrowth(w)
	case after < before:
		in.log(w.Now, Shrunk, "", "", fmt.Sprintf("%d → %d", before, after))
	}
	return nil
}

// tellGrowth tells those who took the incident that it grew, at most every three
// minutes (GoAlert's rate for status updates).
func (in *Incident) tellGrowth(w World) []Command {
	if in.Status != Acknowledged || w.Now.Sub(in.Updated) < 3*time.Minute {
		return nil
	}
	in.Updated = w.Now
	var cmds []Command
	for _, a := range in.Acks {
		cmds = append(cmds, Page{Kind: in.pageKind("notice"), Person: a.Who, Step: -1, Round: in.Round, About: Grown})
	}
	return cmds
}

func (in *Incident) recover(w World) []Command {
	in.Status, in.Ended, in.NextAt = Resolved, w.Now, time.Time{}
	in.log(w.Now, Recovered, "", "", "")
	cmds := []Command{Cancel{Why: Recovered}}
	for _, who := range in.Reached() {
		cmds = append(cmds, Page{Kind: in.pageKind("recovery"), Person: who, Step: -1, Round: in.Round, About: Recovered})
	}
	return cmds
}

func (in *Incident) pageKind(kind string) string {
	if in.Drill {
		return "drill"
	}
	if kind == "alert" && in.Kind == KindTest {
		return "test"
	}
	return kind
}

func (e Take) apply(in *Incident, w World) []Command {
	if !in.Status.Live() {
		return nil
	}
	if in.FirstAcked.IsZero() {
		in.FirstAcked = w.Now
	}
	if !in.HasAcked(e.Who) {
		in.Acks = append(in.Acks, Ack{Who: e.Who, How: e.How, At: w.Now})
	}
	if missing := in.missing(e.Who, w); len(missing) > 0 {
		in.log(w.Now, HalfAcked, e.Who, e.How, "")
		return nil
	}
	in.log(w.Now, Acked, e.Who, e.How, "")
	if in.Kind == KindTest {
		in.Status, in.Ended, in.NextAt = Closed, w.Now, time.Time{}
		return []Command{Cancel{Why: Acked}}
	}
	already := in.Status == Acknowledged
	in.Status, in.NextAt, in.AckUntil = Acknowledged, time.Time{}, time.Time{}
	if w.Policy.AckExpires > 0 {
		in.AckUntil = w.Now.Add(w.Policy.AckExpires)
		in.NextAt = in.AckUntil
	}
	if in.SilencedUntil.After(in.NextAt) {
		in.NextAt = in.SilencedUntil
	}
	cmds := []Command{Cancel{Why: Acked}}
	if already {
		return cmds
	}
	for _, who := range in.Reached() {
		if who != e.Who {
			cmds = append(cmds, Page{Kind: in.pageKind("notice"), Person: who, Step: -1, Round: in.Round, About: Acked})
		}
	}
	return cmds
}

// missing gives the officers whose acknowledgement the policy still wants. One
// from above (deputy, hotline, a user at the desk) is enough by itself.
func (in *Incident) missing(who string, w World) []string {
	if !w.Policy.Both {
		return nil
	}
	officers := w.Duty.Officers
	if len(in.Targets) > 0 {
		officers = in.Targets
	}
	if !slices.Contains(officers, who) {
		return nil
	}
	var out []string
	for _, o := range officers {
		if !in.HasAcked(o) && !slices.Contains(in.Unable, o) {
			out = append(out, o)
		}
	}
	return out
}

func (e Escalate) apply(in *Incident, w World) []Command {
	if !in.Status.Live() {
		return nil
	}
	in.log(w.Now, Escalated, e.Who, e.How, "")
	w.Policy.Hours = ladder.Hours{} // a person asked for it now
	return in.up(w)
}

// up takes the next step at once; the steps after it keep their distances. An
// acknowledged incident is open again: somebody thinks that more is needed.
func (in *Incident) up(w World) []Command {
	in.Status, in.AckUntil, in.SilencedUntil, in.NextAt = Open, time.Time{}, time.Time{}, time.Time{}
	if len(w.Policy.Steps) == 0 {
		return nil
	}
	if in.Round == 0 {
		in.Round = 1
	}
	if in.Step >= len(w.Policy.Steps) {
		in.log(w.Now, NextRound, "", "", "")
		in.Round++
		in.Step = 0
	}
	in.RoundStart = w.Now.Add(-w.Policy.Steps[in.Step].After)
	in.NextAt = w.Now
	return in.climb(w)
}

func (e Decline) apply(in *Incident, w World) []Command {
	if !in.Status.Live() {
		return nil
	}
	in.log(w.Now, Unable, e.Who, e.How, "")
	if !slices.Contains(in.Unable, e.Who) {
		in.Unable = append(in.Unable, e.Who)
	}
	in.Acks = slices.DeleteFunc(in.Acks, func(a Ack) bool { return a.Who == e.Who })
	if in.Status == Acknowledged && len(in.Acks) > 0 {
		return nil // another one still has it
	}
	w.Policy.Hours = ladder.Hours{} // somebody is awake and says that he can't
	return in.up(w)
}

func (e Again) apply(in *Incident, w World) []Command {
	if !in.Status.Live() {
		return nil
	}
	in.log(w.Now, Repeated, e.Who, e.How, "")
	return []Command{Page{Kind: in.pageKind("alert"), Person: e.Who, By: e.How, Round: in.Round, Step: -1, Urgent: true, About: Repeated}}
}

func (e Note) apply(in *Incident, w World) []Command {
	in.log(w.Now, Noted, e.Who, "", e.Text)
	return nil
}

func (e Silence) apply(in *Incident, w World) []Command {
	if !in.Status.Live() || !e.Until.After(w.Now) {
		return nil
	}
	in.log(w.Now, Silenced, e.Who, "", e.Until.Format(time.RFC3339)+" "+e.Reason)
	in.Silences = append(in.Silences, e.IDs...)
	in.Status, in.SilencedUntil, in.AckUntil = Acknowledged, e.Until, time.Time{}
	in.NextAt = e.Until
	if in.FirstAcked.IsZero() {
		in.FirstAcked = w.Now
	}
	if !in.HasAcked(e.Who) {
		in.Acks = append(in.Acks, Ack{Who: e.Who, How: "silence", At: w.Now})
	}
	return []Command{Cancel{Why: Silenced}}
}

func (e Close) apply(in *Incident, w World) []Command {
	if !in.Status.Live() {
		return nil
	}
	in.log(w.Now, ClosedBy, e.Who, "", e.Reason)
	in.Status, in.Ended, in.NextAt = Closed, w.Now, time.Time{}
	return []Command{Cancel{Why: ClosedBy}}
}

func (e Merge) apply(in *Incident, w World) []Command {
	in.log(w.Now, MergedInto, "", "", e.Into)
	in.Status, in.MergedInto, in.Ended, in.NextAt = Merged, e.Into, w.Now, time.Time{}
	return []Command{Cancel{Why: MergedInto}}
}

func (e Undelivered) apply(in *Incident, w World) []Command {
	if in.Status != Open {
		return nil
	}
	in.log(w.Now, StepFailed, "", "", e.Why)
	if e.Round != in.Round || e.Step != in.Step-1 {
		return nil // the ladder went on meanwhile
	}
	if in.Step >= len(w.Policy.Steps) {
		return nil // the next round comes by the clock: no hammering of dead channels
	}
	return in.up(w)
}

func (e Handover) apply(in *Incident, w World) []Command {
	if in.Status.Live() && in.Kind == KindAlert {
		in.log(w.Now, HandedOver, "", "", strings.Join(e.From, ",")+" → "+strings.Join(e.To, ","))
	}
	return nil
}
