package roster

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// rule is the part of RFC 5545 3.3.10 that duty rosters use.
type rule struct {
	weekly   bool
	interval int
	count    int // 0 = not given
	until    time.Time
	days     map[time.Weekday]bool
}

func parseRule(s string, zone *time.Location) (rule, error) {
	r := rule{interval: 1, days: map[time.Weekday]bool{}}
	freq := ""
	for part := range strings.SplitSeq(strings.ToUpper(s), ";") {
		k, v, _ := strings.Cut(part, "=")
		var err error
		switch k {
		case "FREQ":
			freq = v
		case "INTERVAL":
			r.interval, err = atoi(v, 366)
		case "COUNT":
			r.count, err = atoi(v, maxEvents)
		case "UNTIL":
			r.until, err = until(v, zone)
		case "BYDAY":
			err = r.byDay(v)
		case "WKST":
			if v != "MO" && r.interval > 1 {
				err = errors.New("WKST other than MO is not supported")
			}
		case "":
		default:
			err = fmt.Errorf("RRULE part %s is not supported", k)
		}
		if err != nil {
			return r, err
		}
	}
	r.weekly = freq == "WEEKLY"
	if freq != "DAILY" && freq != "WEEKLY" {
		return r, fmt.Errorf("RRULE FREQ=%s is not supported; DAILY and WEEKLY are", freq)
	}
	return r, nil
}

func until(v string, zone *time.Location) (time.Time, error) {
	t, err := (&icsParser{zone: zone}).time(nil, v)
	if err == nil && len(v) == 8 {
		t = t.AddDate(0, 0, 1).Add(-time.Second) // the whole day is meant
	}
	return t, err
}

func (r *rule) byDay(v string) error {
	names := map[string]time.Weekday{"SU": 0, "MO": 1, "TU": 2, "WE": 3, "TH": 4, "FR": 5, "SA": 6}
	for d := range strings.SplitSeq(v, ",") {
		w, ok := names[d]
		if !ok {
			return fmt.Errorf("BYDAY %q is not a weekday such as MO", d)
		}
		r.days[w] = true
	}
	return nil
}

// repeat gives the starts of a repeated event, at the same wall-clock time each
// day. Days are walked by date, so summer time and year's end do no harm.
func repeat(first time.Time, text string, horizon time.Time) ([]time.Time, error) {
	r, err := parseRule(text, first.Location())
	if err != nil {
		return nil, err
	}
	end := r.until
	if end.IsZero() && r.count == 0 {
		end = horizon
	}
	if r.weekly && len(r.days) == 0 {
		r.days[first.Weekday()] = true
	}
	y, m, d := first.Date()
	monday := (int(first.Weekday()) + 6) % 7 // days since Monday, where weeks begin
	var out []time.Time
	for k := range maxRepeatScan {
		t := time.Date(y, m, d+k, first.Hour(), first.Minute(), first.Second(), 0, first.Location())
		if !end.IsZero() && t.After(end) {
			return out, nil
		}
		period := k // days since the first, or weeks since the first's
		if r.weekly {
			period = (monday + k) / 7
		}
		if len(r.days) > 0 && !r.days[t.Weekday()] || period%r.interval != 0 {
			continue
		}
		out = append(out, t)
		if len(out) == r.count {
			return out, nil
		}
		if len(out) > maxEvents {
			return nil, fmt.Errorf("RRULE gives more than %d events", maxEvents)
		}
	}
	return out, nil
}

// wallDistance gives a function that adds to a start the same number of days
// and the same wall-clock end as from a to b have.
func wallDistance(a, b time.Time) func(time.Time) time.Time {
	b = b.In(a.Location())
	ay, am, ad := a.Date()
	by, bm, bd := b.Date()
	days := int(time.Date(by, bm, bd, 0, 0, 0, 0, time.UTC).Sub(time.Date(ay, am, ad, 0, 0, 0, 0, time.UTC)) / (24 * time.Hour))
	return func(s time.Time) time.Time {
		y, m, d := s.Date()
		return time.Date(y, m, d+days, b.Hour(), b.Minute(), b.Second(), 0, s.Location())
	}
}
