package report

import (
	"slices"
	"time"

	"watchpost.example/probes"
)

// maintenance lists the system's planned windows that touch the period.
func maintenance(s *probes.System, p Period) []Span {
	var out []Span
	for _, w := range s.Maintenance {
		for _, start := range occurrences(w, p) {
			out = append(out, Span{From: start, To: start.Add(w.Duration), Reason: w.Reason})
		}
	}
	slices.SortFunc(out, func(a, b Span) int { return a.From.Compare(b.From) })
	return out
}

// occurrences lists the starts of w whose time touches the period. It counts
// calendar days in the window's own zone, so the wall-clock hour stays over a
// change to or from summer time, as probes.Window.Contains has it.
func occurrences(w probes.Window, p Period) []time.Time {
	var out []time.Time
	add := func(s time.Time) {
		if s.Before(p.To) && s.Add(w.Duration).After(p.From) && (w.Until.IsZero() || !s.After(w.Until)) {
			out = append(out, s)
		}
	}
	if w.Repeat == probes.Once {
		if w.Duration > 0 && w.Start.Before(p.To) && w.Start.Add(w.Duration).After(p.From) {
			out = append(out, w.Start)
		}
		return out
	}
	step := 1
	if w.Repeat == probes.Weekly {
		step = 7
	}
	loc := w.Start.Location()
	y, m, d := w.Start.Date()
	fy, fm, fd := p.From.Add(-w.Duration).In(loc).Date()
	k := daysBetween(y, m, d, fy, fm, fd) - 1
	k = max(k-k%step, 0)
	for ; ; k += step {
		s := dateAt(w.Start, y, m, d+k, loc)
		if !s.Before(p.To) {
			return out
		}
		add(s)
	}
}

// daysBetween counts calendar days, in UTC dates, so that a 23-hour day is a day.
func daysBetween(y int, m time.Month, d, y2 int, m2 time.Month, d2 int) int {
	a := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	b := time.Date(y2, m2, d2, 0, 0, 0, 0, time.UTC)
	return int(b.Sub(a) / (24 * time.Hour))
}

// dateAt is the wall-clock time of day of clock on another date.
func dateAt(clock time.Time, y int, m time.Month, d int, loc *time.Location) time.Time {
	return time.Date(y, m, d, clock.Hour(), clock.Minute(), clock.Second(), 0, loc)
}
