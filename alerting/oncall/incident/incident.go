// Package incident is the state machine of one incident: pure functions from
// (incident, event, moment) to (incident, commands). Nothing here reads a
// clock, a file or a random number, so every path can be tested by a table and
// a crash can be answered by loading the last state and going on.
package incident

import (
	"maps"
	"slices"
	"time"

	"watchpost.example/alerting/oncall/ladder"
	"watchpost.example/alerting/oncall/roster"
)

// Status is where an incident stands.
type Status string

// The statuses. Open and Acknowledged are live: their alerts still fire.
const (
	Open         Status = "open"         // somebody must take it
	Acknowledged Status = "acknowledged" // somebody has
	Resolved     Status = "resolved"     // the alerts recovered
	Closed       Status = "closed"       // a person closed it, or a test was answered
	Merged       Status = "merged"       // part of a storm incident
)

// Live tells whether the ladder may still have to do with it.
func (s Status) Live() bool { return s == Open || s == Acknowledged }

// Kinds of incidents.
const (
	KindAlert = "alert" // from Alertmanager or from the pager's own watch
	KindTest  = "test"  // proves a phone; acknowledging closes it
)

// MaxLines bounds a timeline; the journal has all of it. The oldest lines after
// the first ten go first.
const MaxLines = 400

// MaxAlerts bounds the alerts kept of one group.
const MaxAlerts = 200

// Alert is one alert of a group, cut down to what people need.
type Alert struct {
	Fingerprint string    `json:"fingerprint"`
	Name        string    `json:"name"`
	Severity    string    `json:"severity"`
	Unit        string    `json:"unit,omitempty"`
	System      string    `json:"system,omitempty"`
	Check       string    `json:"check,omitempty"`
	Level       int       `json:"level,omitempty"`
	Summary     string    `json:"summary,omitempty"`
	Description string    `json:"description,omitempty"`
	RunbookURL  string    `json:"runbook_url,omitempty"`
	Since       time.Time `json:"since"`
	Ended       time.Time `json:"ended,omitzero"` // zero while firing
	Labels      Labels    `json:"labels,omitempty"`
}

// Labels are an alert's labels, for silencing it.
type Labels map[string]string

// Firing tells whether the alert has not ended.
func (a Alert) Firing() bool { return a.Ended.IsZero() }

// Group is what Alertmanager groups under one key.
type Group struct {
	Key    string  `json:"key"`
	Labels Labels  `json:"labels,omitempty"` // what the group was made by
	Alerts []Alert `json:"alerts"`
	Cut    int     `json:"cut,omitempty"` // alerts that Alertmanager or MaxAlerts left out
}

// Firing counts the alerts that have not ended.
func (g Group) Firing() int {
	n := 0
	for _, a := range g.Alerts {
		if a.Firing() {
			n++
		}
	}
	return n
}

// Ack is one person's "I take it".
type Ack struct {
	Who string    `json:"who"`
	How string    `json:"how"`
	At  time.Time `json:"at"`
}

// Contact is one page that the ladder asked for.
type Contact struct {
	Person string    `json:"person"`
	By     string    `json:"by"`
	Round  int       `json:"round"`
	Step   int       `json:"step"`
	At     time.Time `json:"at"`
}

// Line is one line of the timeline. What is from the closed list below; Who is
// a person's or user's ID, How a channel or way; Text is free.
type Line struct {
	At   time.Time `json:"at"`
	What string    `json:"what"`
	Who  string    `json:"who,omitempty"`
	How  string    `json:"how,omitempty"`
	Text string    `json:"text,omitempty"`
}

// What a Line can tell.
const (
	Opened      = "opened"
	Grown       = "grown"       // more alerts fire
	Shrunk      = "shrunk"      // some recovered, others still fire
	Raised      = "raised"      // severity rose
	Recovered   = "recovered"   // all alerts ended
	Reopened    = "reopened"    // fires again soon after recovery
	Waiting     = "waiting"     // outside of waking hours
	Stepped     = "step"        // a step of the ladder was taken
	Paged       = "paged"       // a page was asked for
	Nobody      = "nobody"      // a step has nobody to page
	NextRound   = "round"       // the ladder begins again
	GaveUp      = "gave-up"     // the rounds are used up
	Acked       = "ack"         // a person takes it
	HalfAcked   = "half-ack"    // one of two officers has acknowledged
	AckExpired  = "ack-expired" // still fires, pages again
	Escalated   = "escalated"   // a person sent it up
	Unable      = "unable"      // a person cannot take it
	StepFailed  = "step-failed" // no page of the step could be sent
	Repeated    = "repeated"    // a person asked to hear it again
	Noted       = "note"        // a person's note
	Silenced    = "silenced"    // a person silenced it for a time
	SilenceOver = "silence-over"
	ClosedBy    = "closed"
	MergedInto  = "merged"
	HandedOver  = "handover" // the shift changed while it was live
)

// Incident is the whole state. It is a value: Apply never changes its argument.
type Incident struct {
	ID       string `json:"id"`
	Code     string `json:"code"` // what a person replies: "7421"
	Kind     string `json:"kind"`
	Drill    bool   `json:"drill,omitempty"`
	Storm    bool   `json:"storm,omitempty"`
	Title    string `json:"title,omitempty"` // for tests and the pager's own alarms
	Severity string `json:"severity"`
	Level    int    `json:"level,omitempty"`
	Policy   string `json:"policy"`
	Status   Status `json:"status"`
	// Targets, when not empty, are paged instead of the steps' roles: the person
	// of a test by hand.
	Targets []string `json:"targets,omitempty"`
	Groups  []Group  `json:"groups,omitempty"`

	Opened     time.Time `json:"opened"`
	Since      time.Time `json:"since"` // when the fault began
	Ended      time.Time `json:"ended,omitzero"`
	FirstPaged time.Time `json:"first_paged,omitzero"`
	FirstAcked time.Time `json:"first_acked,omitzero"`

	Round      int       `json:"round"` // from 1 once a step was taken
	Step       int       `json:"step"`  // the next step to take
	RoundStart time.Time `json:"round_start,omitzero"`
	NextAt     time.Time `json:"next_at,omitzero"` // when Tick has work; zero = never

	Acks          []Ack     `json:"acks,omitempty"` // since the last time it was open
	AckUntil      time.Time `json:"ack_until,omitzero"`
	SilencedUntil time.Time `json:"silenced_until,omitzero"`
	Silences      []string  `json:"silences,omitempty"` // Alertmanager's silence IDs
	Unable        []string  `json:"unable,omitempty"`
	Contacts      []Contact `json:"contacts,omitempty"`
	MergedInto    string    `json:"merged_into,omitempty"`
	Updated       time.Time `json:"updated,omitzero"` // last notice of growth
	Joined        time.Time `json:"joined,omitzero"`  // when the last group came in
	Logged        int       `json:"logged"`           // lines ever written to the timeline
	Timeline      []Line    `json:"timeline,omitempty"`
}

// Clone copies everything that Apply may change.
func (in Incident) Clone() Incident {
	in.Targets = slices.Clone(in.Targets)
	in.Groups = slices.Clone(in.Groups)
	for i := range in.Groups {
		in.Groups[i].Alerts = slices.Clone(in.Groups[i].Alerts)
	}
	in.Acks = slices.Clone(in.Acks)
	in.Silences = slices.Clone(in.Silences)
	in.Unable = slices.Clone(in.Unable)
	in.Contacts = slices.Clone(in.Contacts)
	in.Timeline = slices.Clone(in.Timeline)
	return in
}

// Firing counts alerts that have not ended.
func (in Incident) Firing() int {
	n := 0
	for _, g := range in.Groups {
		n += g.Firing()
	}
	return n
}

// Alerts gives the alerts, firing ones first, the worst and oldest before others.
func (in Incident) Alerts() []Alert {
	var out []Alert
	for _, g := range in.Groups {
		out = append(out, g.Alerts...)
	}
	slices.SortStableFunc(out, func(a, b Alert) int {
		switch {
		case a.Firing() != b.Firing():
			return order(a.Firing(), b.Firing())
		case Rank(a.Severity) != Rank(b.Severity):
			return Rank(b.Severity) - Rank(a.Severity)
		}
		return a.Since.Compare(b.Since)
	})
	return out
}

// order sorts true before false.
func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// Units gives the IDs of units with firing alerts, sorted; those of all alerts
// when none fires.
func (in Incident) Units() []string {
	firing, all := map[string]bool{}, map[string]bool{}
	for _, g := range in.Groups {
		for _, a := range g.Alerts {
			if a.Unit == "" {
				continue
			}
			all[a.Unit] = true
			if a.Firing() {
				firing[a.Unit] = true
			}
		}
	}
	if len(firing) == 0 {
		firing = all
	}
	return slices.Sorted(maps.Keys(firing))
}

// HasAcked tells whether a person acknowledged since the incident was last open.
func (in Incident) HasAcked(who string) bool {
	return slices.ContainsFunc(in.Acks, func(a Ack) bool { return a.Who == who })
}

// Silent gives the people who were paged in this round and have not answered.
func (in Incident) Silent() []string {
	var out []string
	for _, c := range in.Contacts {
		if c.Round == in.Round && !in.HasAcked(c.Person) && !slices.Contains(out, c.Person) {
			out = append(out, c.Person)
		}
	}
	return out
}

// Reached gives everybody who was ever paged for it, in order.
func (in Incident) Reached() []string {
	var out []string
	for _, c := range in.Contacts {
		if !slices.Contains(out, c.Person) {
			out = append(out, c.Person)
		}
	}
	return out
}

// Group gives the group with a key.
func (in Incident) Group(key string) (Group, bool) {
	for _, g := range in.Groups {
		if g.Key == key {
			return g, true
		}
	}
	return Group{}, false
}

// Rank orders severities; an unknown one counts as critical.
func Rank(severity string) int {
	switch severity {
	case "info":
		return 0
	case "warning":
		return 1
	}
	return 2
}

// NotAhead moves what the incident waits for when its last line lies after now:
// the clock was set back since, and the next page must not wait until it has
// caught up. It gives by how much.
func (in *Incident) NotAhead(now time.Time) time.Duration {
	if len(in.Timeline) == 0 {
		return 0
	}
	back := in.Timeline[len(in.Timeline)-1].At.Sub(now)
	if back < time.Second {
		return 0
	}
	for _, t := range []*time.Time{&in.RoundStart, &in.NextAt, &in.AckUntil, &in.Updated, &in.Joined} {
		if !t.IsZero() {
			*t = t.Add(-back)
		}
	}
	return back
}

func (in *Incident) log(at time.Time, what, who, how, text string) {
	in.Logged++
	in.Timeline = append(in.Timeline, Line{At: at, What: what, Who: who, How: how, Text: text})
	if n := len(in.Timeline); n > MaxLines {
		in.Timeline = slices.Delete(in.Timeline, 10, 10+n-MaxLines)
	}
}

// World is what the machine may know of the outside at one moment.
type World struct {
	Now    time.Time // in the roster's zone: waking hours are local
	Policy ladder.Policy
	Duty   roster.Duty
}

// Command is what the outside must do after a transition.
type Command interface{ command() }

// Page asks for one page to one person.
type Page struct {
	Kind   string // alert, recovery, test, drill, notice
	Person string
	By     string // channel name or ladder.Push; "" = the person's best text channel
	Round  int
	Step   int // -1 when no step asked for it
	Urgent bool
	About  string // a What: why the page goes out, for its text
}

// Cancel asks that pages not yet sent be dropped.
type Cancel struct {
	Why string
}

func (Page) command()   {}
func (Cancel) command() {}
