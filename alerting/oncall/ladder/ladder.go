// Package ladder says who is woken, by what, and after how long: the policies
// of escalation, chosen by the severity of an alert and the level of the
// system, and the rules of each channel. It holds values only; incident walks
// the steps, outbox obeys the rules.
package ladder

import (
	"slices"
	"time"

	"watchpost.example/alerting"
)

// Roles that a step can name, besides "person:<id>".
const (
	Officers = "officers" // everybody of the pair
	First    = "first"    // the officer called first
	Second   = "second"   // the other one
	Deputy   = "deputy"   // the shift leader
	Hotline  = "hotline"  // the response centre
)

// Push is the word for "whatever push channel the person has", in the order of
// Ladder.Push.
const Push = "push"

// Names of policies that are not chosen by severity.
const (
	ShiftTest = "shift-test" // the test page at the start of each shift
	HandTest  = "test"       // a test by hand
)

// Ladder is everything that can be configured about waking people.
type Ladder struct {
	Policies []Policy
	Channels map[string]Channel // rules by channel name; others get DefaultChannel
	Push     []string           // channels that "push" stands for, best first
	Order    []string           // which channel follows which when one fails
	Storm    Storm
	// ReopenWithin: an incident whose alerts fire again so soon after recovery
	// goes on as the same incident instead of becoming a new one.
	ReopenWithin time.Duration
	NoticeBefore time.Duration // before a shift: the notice to the incoming pair; 0 = none
}

// Storm is when many incidents become one.
type Storm struct {
	Units  int           // this many units with incidents ...
	Within time.Duration // ... opened within this time; Units 0 = never fold
}

// Policy is one ladder.
type Policy struct {
	Name     string
	Severity []string // alert severities it serves; nil = only by name
	Levels   []int    // levels of systems it serves; nil = all, also "not given"
	// Both: every officer of the pair must acknowledge; otherwise any one person.
	Both bool
	// AckExpires: after this an acknowledged incident that still fires is paged
	// again from the first step; 0 = never.
	AckExpires time.Duration
	Again      time.Duration // from the start of one round to the start of the next
	Rounds     int           // 0 = for ever
	Hours      Hours         // waking hours; the zero value means always
	Steps      []Step        // by After; empty = no page, report only
}

// Step is one rung: whom, by which channels, how long after the round began.
type Step struct {
	After time.Duration
	To    []string // roles
	By    []string // channel names or Push; each is a page of its own
}

// Channel is how the outbox treats one channel.
type Channel struct {
	Timeout  time.Duration // of one Send
	Receipt  time.Duration // no delivery receipt by then: next channel; 0 = the channel gives none
	Attempts int           // sends of one page before it counts as failed
	Parallel int           // sends at once; 0 = one for each person
	Limits   []Limit       // per person
}

// Limit is at most N pages in any Per.
type Limit struct {
	N   int
	Per time.Duration
}

// DefaultChannel is what a channel without rules of its own gets. The limits of
// the telephone channels are GoAlert's, which grew from years of storms.
func DefaultChannel(name string) Channel {
	perMinute := Limit{1, time.Minute}
	switch name {
	case "voice", "sip":
		return Channel{
			Timeout: 2 * time.Minute, Attempts: 2,
			Limits: []Limit{perMinute, {3, 15 * time.Minute}, {7, time.Hour}, {15, 3 * time.Hour}},
		}
	case "sms", "smpp":
		return Channel{
			Timeout: 30 * time.Second, Receipt: time.Minute, Attempts: 4,
			Limits: []Limit{perMinute, {5, 15 * time.Minute}, {11, time.Hour}, {21, 3 * time.Hour}},
		}
	}
	return Channel{Timeout: 30 * time.Second, Attempts: 4, Limits: []Limit{perMinute, {30, 15 * time.Minute}}}
}

// Channel gives the rules of a channel.
func (l *Ladder) Channel(name string) Channel {
	if c, ok := l.Channels[name]; ok {
		return c
	}
	return DefaultChannel(name)
}

// Default is the ladder of a duty service that configured none.
func Default() *Ladder {
	both, push := []string{"sms", Push}, []string{Push}
	return &Ladder{
		Push:         []string{"ntfy", "telegram", "webhook"},
		Order:        []string{"sms", "smpp", "voice", "sip", "ntfy", "telegram", "email", "webhook"},
		Storm:        Storm{Units: 5, Within: 5 * time.Minute},
		ReopenWithin: 15 * time.Minute,
		NoticeBefore: 15 * time.Minute,
		Policies: []Policy{
			{
				Name: alerting.Critical, Severity: []string{alerting.Critical},
				AckExpires: time.Hour, Again: 20 * time.Minute,
				Steps: []Step{
					{0, []string{Officers}, both},
					{3 * time.Minute, []string{First}, []string{"voice"}},
					{5 * time.Minute, []string{Second}, []string{"voice"}},
					{10 * time.Minute, []string{Deputy}, []string{"voice", "sms"}},
					{15 * time.Minute, []string{Hotline}, []string{"voice", "sms"}},
				},
			},
			{
				Name: alerting.Warning, Severity: []string{alerting.Warning},
				AckExpires: 8 * time.Hour, Again: 2 * time.Hour, Rounds: 2,
				Hours: Hours{From: 7 * 60, To: 22 * 60},
				Steps: []Step{{0, []string{Officers}, both}},
			},
			{Name: alerting.Info, Severity: []string{alerting.Info}},
			{
				Name: ShiftTest, Both: true, Again: 30 * time.Minute, Rounds: 1,
				Steps: []Step{
					{0, []string{Officers}, both},
					{5 * time.Minute, []string{Officers}, []string{"voice"}},
					{10 * time.Minute, []string{Deputy}, []string{"voice", "sms"}},
					{15 * time.Minute, []string{Hotline}, []string{"voice", "sms"}},
				},
			},
			{Name: HandTest, Again: time.Hour, Rounds: 1, Steps: []Step{{0, nil, append([]string{"sms", "voice"}, push...)}}},
		},
	}
}

// Choose gives the policy for an alert: the first that names the severity and
// the level, then the first that names the severity, then Critical's: an alert
// of unknown severity must not be lost.
func (l *Ladder) Choose(severity string, level int) Policy {
	for _, p := range l.Policies {
		if slices.Contains(p.Severity, severity) && slices.Contains(p.Levels, level) {
			return p
		}
	}
	for _, p := range l.Policies {
		if slices.Contains(p.Severity, severity) && len(p.Levels) == 0 {
			return p
		}
	}
	if severity == alerting.Critical {
		return Policy{Name: severity}
	}
	return l.Choose(alerting.Critical, level)
}

// Named finds a policy by name; the one for critical alerts when there is none.
func (l *Ladder) Named(name string) Policy {
	for _, p := range l.Policies {
		if p.Name == name {
			return p
		}
	}
	return l.Choose(alerting.Critical, 0)
}

// Hours is a daily time of waking, in minutes after midnight of the roster's
// zone. From == To means always; From > To crosses midnight.
type Hours struct{ From, To int }

// Always tells whether there is no limit.
func (h Hours) Always() bool { return h.From == h.To }

// Open tells whether t, in its own location, lies within the hours.
func (h Hours) Open(t time.Time) bool {
	if h.Always() {
		return true
	}
	m := t.Hour()*60 + t.Minute()
	if h.From < h.To {
		return m >= h.From && m < h.To
	}
	return m >= h.From || m < h.To
}

// Next is t when the hours are open, else the moment they open next. The date
// is counted, not 24 hours, so a change to summer time does not shift it.
func (h Hours) Next(t time.Time) time.Time {
	if h.Open(t) {
		return t
	}
	y, m, d := t.Date()
	n := time.Date(y, m, d, 0, h.From, 0, 0, t.Location())
	if n.Before(t) {
		n = time.Date(y, m, d+1, 0, h.From, 0, 0, t.Location())
	}
	return n
}
