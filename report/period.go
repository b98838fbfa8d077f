package report

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Period is the time reported on: From included, To not. Both carry the zone
// in which the report prints.
type Period struct {
	From, To time.Time
}

// ErrPeriod is a period that nothing can be said of.
var ErrPeriod = errors.New("the period must end after it begins")

// Validate refuses an empty or backward period, and one beyond 400 days, which
// is what history keeps by default.
func (p Period) Validate() error {
	switch d := p.To.Sub(p.From); {
	case d <= 0:
		return fmt.Errorf("from %s to %s: %w", p.From.Format(time.RFC3339), p.To.Format(time.RFC3339), ErrPeriod)
	case d > 400*24*time.Hour:
		return fmt.Errorf("from %s to %s is %d days: at most 400 can be reported", p.From.Format(time.RFC3339), p.To.Format(time.RFC3339), int(d.Hours()/24))
	}
	return nil
}

// Length is the real time between the ends; a day with a change to summer
// time has 23 hours.
func (p Period) Length() time.Duration { return p.To.Sub(p.From) }

// ParsePeriod reads the ends as a person types them: 2026-08-28T17:00,
// "2026-08-28 17:00", RFC 3339 with its own zone, or a date alone. A date alone
// means the whole day, so as `to` it is inclusive ("đến hết ngày 02/9").
// Times without a zone are in loc.
func ParsePeriod(from, to string, loc *time.Location) (Period, error) {
	f, _, err := parseMoment(from, loc)
	if err != nil {
		return Period{}, fmt.Errorf("--from: %w", err)
	}
	t, day, err := parseMoment(to, loc)
	if err != nil {
		return Period{}, fmt.Errorf("--to: %w", err)
	}
	if day {
		t = t.AddDate(0, 0, 1)
	}
	p := Period{From: f, To: t}
	return p, p.Validate()
}

func parseMoment(s string, loc *time.Location) (t time.Time, wholeDay bool, err error) {
	s = strings.TrimSpace(s)
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.In(loc), false, nil
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, s, loc); err == nil {
			return t, false, nil
		}
	}
	if t, err := time.ParseInLocation("2006-01-02", s, loc); err == nil {
		return t, true, nil
	}
	return time.Time{}, false, fmt.Errorf("%q is not a moment such as 2026-08-28T17:00, nor a date such as 2026-08-28", s)
}
