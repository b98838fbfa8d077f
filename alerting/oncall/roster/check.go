package roster

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"watchpost.example/alerting"
)

// MaxDuty is the longest that one person may watch without a break.
const MaxDuty = 24 * time.Hour

// rest is the break that ends a stretch of duty.
const rest = time.Hour

// Problem is one thing that is wrong with a roster.
type Problem struct {
	Kind   string    // gap, overlap, alone, long, number, channel, hotline, deputy, twice
	Fatal  bool      // nobody would be woken, or a wrong number would be
	From   time.Time // zero when it concerns no time
	To     time.Time
	Person string // Person ID; "" = none
	Text   string // one sentence that says how to mend it
}

// String gives the problem with its time in the roster's zone.
func (p Problem) String() string { return p.Text }

const clock = "2006-01-02 15:04"

// Check finds what is wrong with r between from and to. The list is ordered by
// kind and time; nil means nothing.
func Check(r *Roster, from, to time.Time) []Problem {
	segments := r.Segments(from, to)
	var out []Problem
	out = append(out, r.checkCover(segments)...)
	out = append(out, r.checkOverlap(from, to)...)
	out = append(out, r.checkLong(segments)...)
	out = append(out, r.checkPeople(segments)...)
	out = append(out, r.checkHotline(segments)...)
	return out
}

func (r *Roster) span(from, to time.Time) string {
	return from.In(r.Zone).Format(clock) + " to " + to.In(r.Zone).Format(clock)
}

func (r *Roster) checkCover(segments []Duty) []Problem {
	var gaps, alone []Problem
	for _, d := range segments {
		switch len(d.Officers) {
		case 0:
			gaps = append(gaps, Problem{
				Kind: "gap", Fatal: true, From: d.From, To: d.To,
				Text: fmt.Sprintf("gap: nobody watches from %s (%s); add a shift", r.span(d.From, d.To), d.To.Sub(d.From)),
			})
		case 1:
			alone = append(alone, Problem{
				Kind: "alone", From: d.From, To: d.To, Person: d.Officers[0],
				Text: fmt.Sprintf("alone: %s watches alone from %s; name a second officer", r.Name(d.Officers[0]), r.span(d.From, d.To)),
			})
		}
	}
	return append(gaps, alone...)
}

func (r *Roster) checkOverlap(from, to time.Time) []Problem {
	var out []Problem
	for i, a := range r.Shifts {
		for _, b := range r.Shifts[i+1:] {
			if !b.Start.Before(a.End) {
				break // sorted by Start: no later one overlaps a
			}
			end := a.End
			if b.End.Before(end) {
				end = b.End
			}
			if !b.Start.Before(to) || !end.After(from) {
				continue
			}
			out = append(out, Problem{
				Kind: "overlap", From: b.Start, To: end,
				Text: fmt.Sprintf("overlap: the shifts that start %s and %s both cover %s; the later one counts there",
					a.Start.In(r.Zone).Format(clock), b.Start.In(r.Zone).Format(clock), r.span(b.Start, end)),
			})
		}
	}
	return out
}

// checkLong follows each person over the segments and reports stretches over
// MaxDuty without a break of an hour.
func (r *Roster) checkLong(segments []Duty) []Problem {
	var out []Problem
	for _, p := range r.People {
		var start, end time.Time
		flush := func() {
			if !start.IsZero() && end.Sub(start) > MaxDuty {
				out = append(out, Problem{
					Kind: "long", From: start, To: end, Person: p.ID,
					Text: fmt.Sprintf("long: %s watches %s without a break, from %s; at most %s", p.Name, end.Sub(start), r.span(start, end), MaxDuty),
				})
			}
			start, end = time.Time{}, time.Time{}
		}
		for _, d := range segments {
			if !slices.Contains(d.Officers, p.ID) {
				continue
			}
			if !start.IsZero() && d.From.Sub(end) >= rest {
				flush()
			}
			if start.IsZero() {
				start = d.From
			}
			end = d.To
		}
		flush()
	}
	return out
}

// checkPeople looks at everybody who is on duty in the segments, and the hotline.
func (r *Roster) checkPeople(segments []Duty) []Problem {
	needed := map[string]bool{r.Hotline: true}
	var out []Problem
	for _, d := range segments {
		for _, id := range d.Officers {
			needed[id] = true
		}
		needed[d.Deputy] = true
		if len(d.Officers) == 0 {
			continue
		}
		switch {
		case d.Deputy == "":
			out = append(out, Problem{
				Kind: "deputy", From: d.From, To: d.To,
				Text: fmt.Sprintf("deputy: no deputy from %s; the ladder goes from the officers to the hotline", r.span(d.From, d.To)),
			})
		case slices.Contains(d.Officers, d.Deputy):
			out = append(out, Problem{
				Kind: "twice", From: d.From, To: d.To, Person: d.Deputy,
				Text: fmt.Sprintf("twice: %s is officer and deputy from %s; nobody is left to escalate to", r.Name(d.Deputy), r.span(d.From, d.To)),
			})
		}
	}
	for _, p := range r.People {
		if !needed[p.ID] {
			continue
		}
		out = append(out, badNumbers(p)...)
		if n := channels(p); n < 2 && p.ID != r.Hotline {
			out = append(out, Problem{
				Kind: "channel", Fatal: n == 0, Person: p.ID,
				Text: fmt.Sprintf("channel: %s can be reached by %d channel only; give at least two (sms and voice)", p.Name, n),
			})
		}
	}
	return out
}

func channels(p alerting.Person) int {
	n := 0
	for _, a := range p.Addresses {
		if len(a) > 0 {
			n++
		}
	}
	return n
}

func badNumbers(p alerting.Person) []Problem {
	var out []Problem
	for _, ch := range slices.Sorted(maps.Keys(p.Addresses)) {
		for _, a := range p.Addresses[ch] {
			if strings.TrimSpace(a) == "" {
				out = append(out, Problem{Kind: "number", Fatal: true, Person: p.ID, Text: fmt.Sprintf("number: %s has an empty address for %s", p.Name, ch)})
				continue
			}
			if !Telephone(ch) {
				continue
			}
			if _, err := Phone(a); err != nil {
				out = append(out, Problem{Kind: "number", Fatal: true, Person: p.ID, Text: fmt.Sprintf("number: %s, %s: %v", p.Name, ch, err)})
			}
		}
	}
	return out
}

func (r *Roster) checkHotline(segments []Duty) []Problem {
	p, ok := r.Person(r.Hotline)
	if ok && (len(p.Addresses["voice"]) > 0 || len(p.Addresses["sms"]) > 0) {
		return nil
	}
	for _, d := range segments {
		if len(d.Officers) > 0 {
			text := "hotline: no hotline of the response centre; the ladder has no last step (roster key `hotline`)"
			if ok {
				text = "hotline: " + p.Name + " has neither voice nor sms"
			}
			return []Problem{{Kind: "hotline", From: d.From, To: d.To, Text: text}}
		}
	}
	return nil
}
