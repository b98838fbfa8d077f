// Package summary tells from the journal how on-call did over a time: for the
// report and for those who plan the roster.
package summary

import (
	"cmp"
	"iter"
	"slices"
	"time"

	"watchpost.example/alerting/oncall/incident"
	"watchpost.example/alerting/oncall/journal"
	"watchpost.example/alerting/oncall/roster"
)

// Summary is the figures of [From, To). Incidents count by when they opened;
// tests and drills are apart. Durations are nanoseconds in JSON.
type Summary struct {
	From, To time.Time
	// Incidents that asked for a page; parts of a storm are counted with the storm.
	Incidents int
	// Acknowledged by a person, and how long that took from opening: the mean, the
	// median and the worst.
	Acknowledged int
	MTTA         time.Duration
	MedianTTA    time.Duration
	WorstTTA     time.Duration
	// Recovered, and how long from opening to the end on average.
	Recovered  int
	MTTR       time.Duration
	Unanswered int // ended, or the time ended, without anybody having acknowledged
	Pages      int // handed to a channel, also again
	Failed     int // attempts that failed
	// Missed are pages that never reached anybody: every attempt failed.
	Missed     int
	Repeats    int // pages that may have been sent twice because of a crash
	Uncovered  time.Duration
	Tests      int
	TestsTaken int
	Drills     int
	People     []Person
	Broken     int // lines of the journal that could not be read
}

// Person is one person's part.
type Person struct {
	ID           string
	Pages        int // pages sent to him
	Acknowledged int
	Declined     int
}

type story struct {
	opened, acked, ended time.Time
	paged                bool
	test, drill, merged  bool
}

// Make reads the entries and gives the figures. A nil roster leaves Uncovered 0.
func Make(entries iter.Seq2[journal.Entry, error], r *roster.Roster, from, to time.Time) Summary {
	m := maker{s: Summary{From: from, To: to}, stories: map[string]*story{}, people: map[string]*Person{}}
	for e, err := range entries {
		if err != nil {
			m.s.Broken++
			continue
		}
		m.entry(e)
	}
	m.finish()
	if r != nil {
		m.s.Uncovered = r.Uncovered(from, to)
	}
	return m.s
}

type maker struct {
	s       Summary
	stories map[string]*story
	people  map[string]*Person
}

func (m *maker) person(id string) *Person {
	if m.people[id] == nil {
		m.people[id] = &Person{ID: id}
	}
	return m.people[id]
}

func (m *maker) entry(e journal.Entry) {
	within := !e.At.Before(m.s.From) && e.At.Before(m.s.To)
	switch e.Kind {
	case journal.Incident:
		m.line(e, within)
	case journal.Attempt:
		if !within {
			return
		}
		m.s.Pages++
		if e.Status == "failed" {
			m.s.Failed++
		} else if e.Who != "" {
			m.person(e.Who).Pages++
		}
		if e.Repeat {
			m.s.Repeats++
		}
	case journal.Outbox:
		if within && e.What == "failed" {
			m.s.Missed++
		}
	}
}

func (m *maker) line(e journal.Entry, within bool) {
	if e.What == incident.Opened && within {
		m.stories[e.Incident] = &story{opened: e.At, test: e.Test, drill: e.Drill}
	}
	s := m.stories[e.Incident]
	if s == nil || !e.At.Before(m.s.To) {
		return
	}
	switch e.What {
	case incident.Paged:
		s.paged = true
	case incident.Acked, incident.HalfAcked, incident.Silenced:
		m.acked(s, e)
	case incident.Unable:
		m.person(e.Who).Declined++
	case incident.Recovered, incident.ClosedBy:
		s.ended = e.At
	case incident.Reopened:
		s.ended = time.Time{}
	case incident.MergedInto:
		s.merged = true
	}
}

func (m *maker) acked(s *story, e journal.Entry) {
	if s.acked.IsZero() {
		s.acked = e.At
	}
	if !s.test && !s.drill && e.Who != "" {
		m.person(e.Who).Acknowledged++
	}
}

func (m *maker) finish() {
	var toAck []time.Duration
	var toEnd time.Duration
	for _, s := range m.stories {
		switch {
		case s.drill:
			m.s.Drills++
			continue
		case s.test:
			m.s.Tests++
			if !s.acked.IsZero() {
				m.s.TestsTaken++
			}
			continue
		case s.merged || !s.paged:
			continue
		}
		m.s.Incidents++
		if s.acked.IsZero() {
			m.s.Unanswered++
		} else {
			toAck = append(toAck, s.acked.Sub(s.opened))
		}
		if !s.ended.IsZero() {
			m.s.Recovered++
			toEnd += s.ended.Sub(s.opened)
		}
	}
	m.s.Acknowledged = len(toAck)
	if n := len(toAck); n > 0 {
		slices.Sort(toAck)
		var sum time.Duration
		for _, d := range toAck {
			sum += d
		}
		m.s.MTTA, m.s.MedianTTA, m.s.WorstTTA = sum/time.Duration(n), toAck[n/2], toAck[n-1]
	}
	if m.s.Recovered > 0 {
		m.s.MTTR = toEnd / time.Duration(m.s.Recovered)
	}
	for _, p := range m.people {
		m.s.People = append(m.s.People, *p)
	}
	slices.SortFunc(m.s.People, func(a, b Person) int { return cmp.Compare(a.ID, b.ID) })
}
