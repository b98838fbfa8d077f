package report

import (
	"slices"
	"time"

	"watchpost.example/probes"
)

// Sample is the confirmed state of a check as one look left it.
type Sample struct {
	At      time.Time
	Verdict probes.Verdict
	// Since is when the verdict began: the first failed look of an outage, the
	// first successful one of a recovery. Zero = not recorded.
	Since  time.Time
	Reason probes.Reason // "" when Up or not recorded
}

// Slice is a stretch of time of one class: From included, To not.
type Slice struct {
	From, To time.Time
	Class    Class
	// Began is when the state began, earlier than From when the timeline was
	// cut there; zero = From.
	Began  time.Time
	Reason probes.Reason // of the look that began it
	Checks []string      // the checks that are Down, in the timeline of a system
	gap    bool          // no look covers it
}

// Len is the slice's duration.
func (s Slice) Len() time.Duration { return s.To.Sub(s.From) }

// Timeline is slices in order, without hole or overlap, over one period.
type Timeline []Slice

// Span is a stretch of time: From included, To not.
type Span struct {
	From, To time.Time
	Reason   string // why, for a maintenance
}

// CheckTimeline lays the samples of one check over the period. They may come
// in any order, doubled, or from outside the period; a sample before the period
// still holds into it. interval is the time between two looks; without one
// (≤ 0) a sample says nothing of the time after it and all is Unknown.
func CheckTimeline(samples []Sample, interval time.Duration, p Period) Timeline {
	l := hold(ordered(samples, p.To), interval, p.To)
	return fill(l, p)
}

// ordered sorts by time, keeps the last of equal moments and drops what lies
// at or after the end, where nothing is reported.
func ordered(samples []Sample, to time.Time) []Sample {
	l := slices.Clone(samples)
	slices.SortStableFunc(l, func(a, b Sample) int { return a.At.Compare(b.At) })
	out := l[:0]
	for _, s := range l {
		if !s.At.Before(to) {
			break
		}
		if n := len(out); n > 0 && out[n-1].At.Equal(s.At) {
			out[n-1] = s
			continue
		}
		out = append(out, s)
	}
	return out
}

// hold turns samples into slices: each lasts to the next, or one interval when
// the next is further than two away; and a change is moved back to where it began.
func hold(samples []Sample, interval time.Duration, to time.Time) []Slice {
	var l []Slice
	var runBegan time.Time // of the run in progress
	var floor time.Time    // where the last run began that was not Unknown
	for i, s := range samples {
		next := to
		if i+1 < len(samples) {
			next = samples[i+1].At
		}
		class := classOf(s.Verdict)
		if i == 0 || class != classOf(samples[i-1].Verdict) || anew(samples[i-1], s, interval) {
			runBegan = began(s)
			if runBegan.Before(floor) { // a run can't begin before the one it ended
				runBegan = floor
			}
			l = backdate(l, runBegan, class, s.Reason)
			if class != Unknown {
				floor = runBegan
			}
		}
		end := next
		if next.Sub(s.At) > 2*interval {
			end = s.At.Add(max(interval, 0))
		}
		l = push(l, Slice{From: s.At, To: end, Class: class, Began: runBegan, Reason: s.Reason})
		l = push(l, Slice{From: end, To: next, Class: Unknown, Began: end, gap: true})
	}
	return l
}

// anew tells whether the state of a look after a gap began within the gap: it
// is like the one before it, but not the same one.
func anew(before, s Sample, interval time.Duration) bool {
	return s.At.Sub(before.At) > 2*interval && began(s).After(before.At)
}

func began(s Sample) time.Time {
	if s.Since.IsZero() || s.Since.After(s.At) {
		return s.At
	}
	return s.Since
}

// backdate rewrites the tail of l from the moment on, but never Unknown: what
// was not measured does not become measured by what came later.
func backdate(l []Slice, from time.Time, class Class, reason probes.Reason) []Slice {
	i := len(l)
	for i > 0 && l[i-1].To.After(from) {
		i--
	}
	tail := slices.Clone(l[i:])
	l = l[:i]
	for _, s := range tail {
		if s.Class == Unknown {
			l = push(l, s)
			continue
		}
		if s.From.Before(from) {
			head := s
			head.To = from
			l = push(l, head)
			s.From = from
		}
		s.Class, s.Reason, s.Began = class, reason, from
		l = push(l, s)
	}
	return l
}

// push appends a slice and melts it with an equal neighbour; an empty one is
// dropped.
func push(l []Slice, s Slice) []Slice {
	if !s.To.After(s.From) {
		return l
	}
	if n := len(l); n > 0 {
		if p := &l[n-1]; p.To.Equal(s.From) && p.Class == s.Class && p.gap == s.gap && slices.Equal(p.Checks, s.Checks) {
			p.To = s.To
			return l
		}
	}
	return append(l, s)
}

// fill cuts slices to the period and makes every hole Unknown.
func fill(l []Slice, p Period) Timeline {
	var out []Slice
	at := p.From
	for _, s := range l {
		if !s.To.After(at) {
			continue
		}
		if !s.From.Before(p.To) {
			break
		}
		if s.Began.IsZero() {
			s.Began = s.From
		}
		if s.From.After(at) {
			out = push(out, Slice{From: at, To: s.From, Began: at, gap: true})
		} else {
			s.From = at
		}
		if s.To.After(p.To) {
			s.To = p.To
		}
		out = push(out, s)
		at = s.To
	}
	return push(out, Slice{From: at, To: p.To, Began: at, gap: true})
}

// Maintain covers the spans with Maintenance, whatever was measured in them.
// Spans may overlap and reach beyond the timeline.
func (t Timeline) Maintain(spans []Span) Timeline {
	spans = slices.Clone(spans)
	slices.SortFunc(spans, func(a, b Span) int { return a.From.Compare(b.From) })
	var out []Slice
	for _, s := range t {
		for _, m := range spans {
			if !m.From.Before(s.To) {
				break
			}
			if !m.To.After(s.From) {
				continue
			}
			if m.From.After(s.From) {
				head := s
				head.To = m.From
				out = push(out, head)
				s.From = m.From
			}
			end := m.To
			if end.After(s.To) {
				end = s.To
			}
			out = push(out, Slice{From: s.From, To: end, Class: Maintenance, Began: m.From})
			s.From = end
			if s.Began.Before(end) && s.Class == Unknown {
				s.Began = end
			}
		}
		out = push(out, s)
	}
	return out
}

// Combine walks timelines of one period side by side. decide gets, for each
// stretch on which none changes, the slice of each (same order) and gives the
// slice's class, reason and checks; the times are filled in by Combine.
func Combine(lines []Timeline, p Period, decide func(now []Slice) Slice) Timeline {
	if len(lines) == 0 {
		return fill(nil, p)
	}
	idx := make([]int, len(lines))
	now := make([]Slice, len(lines))
	var out []Slice
	for at := p.From; at.Before(p.To); {
		end := p.To
		for i, l := range lines {
			for idx[i] < len(l) && !l[idx[i]].To.After(at) {
				idx[i]++
			}
			if idx[i] == len(l) { // a line shorter than the period says nothing there
				now[i] = Slice{From: at, To: p.To, gap: true}
				continue
			}
			now[i] = l[idx[i]]
			if now[i].To.Before(end) {
				end = now[i].To
			}
		}
		s := decide(now)
		s.From, s.To = at, end
		if s.Began.IsZero() || s.Began.After(at) {
			s.Began = at
		}
		out = push(out, s)
		at = end
	}
	return out
}
