package report

import (
	"cmp"
	"slices"
	"time"

	"watchpost.example/probes"
)

// Outage is one stretch of Down of a system.
type Outage struct {
	Unit       string `json:"unit"`
	UnitName   string `json:"unit_name"`
	System     string `json:"system"`
	SystemName string `json:"system_name"`
	// Start and End are cut to the period; Duration is what counts in it.
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	// Began is the first failed look, before Start when the outage reaches into
	// the period from before.
	Began time.Time `json:"began"`
	// Ongoing is true when the outage still ran at the end of the period.
	Ongoing bool `json:"ongoing"`
	// EndUnseen is true when the watch itself ended (Unknown follows), so that
	// the true end is not known.
	EndUnseen bool          `json:"end_unseen"`
	Reason    probes.Reason `json:"reason"`
	Checks    []string      `json:"checks"`

	unseen time.Duration // between Start and End, when nobody looked
}

// Duration is the time Down within the period; what nobody saw is not in it.
func (o Outage) Duration() time.Duration { return o.End.Sub(o.Start) - o.unseen }

// Outages lists the stretches of Down, oldest first. Their durations sum to
// the tally's Down. An outage that a maintenance cuts is two. One that Unknown
// cuts is two as well, unless the watch itself knew it again afterwards by its
// first failure: our own restart must not count against a unit.
func (t Timeline) Outages() []Outage {
	var out []Outage
	for i, s := range t {
		if s.Class != Down {
			continue
		}
		switch n := len(out); {
		case n > 0 && out[n-1].End.Equal(s.From):
			o := &out[n-1]
			o.End, o.Checks = s.To, merge(o.Checks, s.Checks)
		case n > 0 && t[i-1].Class == Unknown && t[i-1].From.Equal(out[n-1].End) && !s.Began.IsZero() && s.Began.Equal(out[n-1].Began):
			o := &out[n-1]
			o.unseen += s.From.Sub(o.End)
			o.End, o.Checks = s.To, merge(o.Checks, s.Checks)
		default:
			out = append(out, Outage{Start: s.From, End: s.To, Began: s.Began, Reason: s.Reason, Checks: merge(nil, s.Checks)})
		}
		o := &out[len(out)-1]
		o.Ongoing = i == len(t)-1
		o.EndUnseen = i+1 < len(t) && t[i+1].Class == Unknown
	}
	return out
}

// merge adds names that are not there yet, keeping the order of appearance.
func merge(to, names []string) []string {
next:
	for _, n := range names {
		for _, x := range to {
			if x == n {
				continue next
			}
		}
		to = append(to, n)
	}
	return to
}

// Spans lists the stretches of one class, such as the time without figures.
func (t Timeline) Spans(c Class) []Span {
	var out []Span
	for _, s := range t {
		if s.Class != c {
			continue
		}
		if n := len(out); n > 0 && out[n-1].To.Equal(s.From) {
			out[n-1].To = s.To
			continue
		}
		out = append(out, Span{From: s.From, To: s.To, Reason: string(s.Reason)})
	}
	return out
}

// sortOutages orders by start, then unit and system, so that two runs over the
// same history print the same file.
func sortOutages(l []Outage) {
	slices.SortFunc(l, func(a, b Outage) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Unit, b.Unit), cmp.Compare(a.System, b.System))
	})
}
