package probes

import "time"

// Window is a planned maintenance: once, or daily or weekly repeated. Measuring
// goes on in it; pages are muted and the report has a column for it.
type Window struct {
	Start    time.Time // of the first occurrence; its Location decides what "the same hour" means
	Duration time.Duration
	Repeat   Repeat
	Until    time.Time // no occurrence starts after it; zero = for ever
	Reason   string
}

// Repeat is how a Window comes again (the part of RFC 5545 3.3.10 that
// operators use: FREQ=DAILY and FREQ=WEEKLY).
type Repeat uint8

const (
	// Once does not come again.
	Once Repeat = iota
	// Daily comes at the same wall-clock time each day.
	Daily
	// Weekly comes at the same weekday and wall-clock time.
	Weekly
)

// Contains tells whether t lies within an occurrence: start included, end not.
// Occurrences keep their wall-clock start over a change to or from summer time,
// and last Duration of real time.
func (w Window) Contains(t time.Time) bool {
	for _, s := range w.starts(t) {
		if !t.Before(s) && t.Before(s.Add(w.Duration)) {
			return true
		}
	}
	return false
}

// starts gives the occurrences that could reach t: those of the days that
// Duration can bridge, so cost is bounded by the window's own length.
func (w Window) starts(t time.Time) []time.Time {
	if w.Repeat == Once {
		return []time.Time{w.Start}
	}
	step := 1
	if w.Repeat == Weekly {
		step = 7
	}
	loc := w.Start.Location()
	first := w.Start
	y, m, d := first.Date()
	// Days between the two dates, counted in UTC dates so that a 23-hour day is a day.
	ty, tm, td := t.In(loc).Date()
	days := int(time.Date(ty, tm, td, 0, 0, 0, 0, time.UTC).Sub(time.Date(y, m, d, 0, 0, 0, 0, time.UTC)) / (24 * time.Hour))
	back := int(w.Duration/(24*time.Hour)) + step + 1
	var out []time.Time
	for k := days - back; k <= days+1; k++ {
		if k < 0 || k%step != 0 {
			continue
		}
		s := time.Date(y, m, d+k, first.Hour(), first.Minute(), first.Second(), 0, loc)
		if !w.Until.IsZero() && s.After(w.Until) {
			continue
		}
		out = append(out, s)
	}
	return out
}
