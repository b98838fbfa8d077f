package inventory

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"watchpost.example/inventory/source"
	"watchpost.example/probes"
)

// DefaultTimeZone is where maintenance windows are meant when nobody says.
const DefaultTimeZone = "Asia/Ho_Chi_Minh"

const maxOnce = 90 * 24 * time.Hour // longer is a mistyped year

// weekdays are the words that officers write, T2 being Monday.
var weekdays = map[string]time.Weekday{
	"mon": time.Monday, "tue": time.Tuesday, "wed": time.Wednesday, "thu": time.Thursday, "fri": time.Friday, "sat": time.Saturday, "sun": time.Sunday,
	"monday": time.Monday, "tuesday": time.Tuesday, "wednesday": time.Wednesday, "thursday": time.Thursday, "friday": time.Friday, "saturday": time.Saturday, "sunday": time.Sunday,
	"t2": time.Monday, "t3": time.Tuesday, "t4": time.Wednesday, "t5": time.Thursday, "t6": time.Friday, "t7": time.Saturday, "cn": time.Sunday,
}

// zone loads a time zone by its IANA name; the error is the end of a sentence.
func zone(name string) (*time.Location, error) {
	if name == "" || strings.EqualFold(name, "local") {
		return nil, errors.New("is not a time zone such as " + DefaultTimeZone + " or UTC")
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		near := source.DidYouMean(name, []string{DefaultTimeZone, "Asia/Bangkok", "Asia/Jakarta", "Asia/Singapore", "UTC"})
		return nil, errors.New("is not a time zone such as " + DefaultTimeZone + " or UTC" + near)
	}
	return loc, nil
}

// moment reads a date and time in loc, or an RFC 3339 moment.
func moment(s string, loc *time.Location) (time.Time, error) {
	for _, f := range []string{"2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02T15:04:05"} {
		if t, err := time.ParseInLocation(f, s, loc); err == nil {
			return t, nil
		}
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	return time.Time{}, errors.New("is not a moment such as 2026-11-22 01:00")
}

func day(s string, loc *time.Location) (time.Time, error) {
	t, err := time.ParseInLocation("2006-01-02", s, loc)
	if err != nil {
		return t, errors.New("is not a day such as 2026-11-22")
	}
	return t, nil
}

// clock reads "01:00".
func clock(s string) (h, m int, err error) {
	t, err := time.Parse("15:04", s)
	if err != nil {
		return 0, 0, errors.New("is not a time of day such as 01:00")
	}
	return t.Hour(), t.Minute(), nil
}

// windows turns the maintenance of a system into probes.Windows.
func (b *builder) windows(who string, files []windowFile, loc *time.Location) []probes.Window {
	var out []probes.Window
	for i := range files {
		f := &files[i]
		if f.Self.IsZero() || f.Self.Tainted() || f.Self.Mistyped() {
			continue
		}
		w, field, err := f.window(loc)
		if err != nil {
			at := f.Self.At()
			text := "maintenance " + err.Error()
			if field != "" {
				at, text = f.Self.At(field), field+" "+quoted(f.Self.Get(field).Text())+" "+err.Error()
			}
			b.report(at, who, text)
			continue
		}
		out = append(out, w)
	}
	return out
}

// window gives the field that is wrong with the error; "" means the whole.
func (f *windowFile) window(loc *time.Location) (w probes.Window, field string, err error) {
	given := 0
	for _, s := range []string{f.Start, f.Daily, f.Weekly} {
		if s != "" {
			given++
		}
	}
	if given != 1 {
		return w, "", errors.New("needs exactly one of start, daily and weekly")
	}
	w.Reason = f.Reason
	if f.Duration != nil {
		w.Duration = f.Duration.D()
		if w.Duration <= 0 {
			return w, "duration", errors.New("must be more than 0s")
		}
	}
	if f.Start != "" {
		return f.once(w, loc)
	}
	return f.repeated(w, loc)
}

func (f *windowFile) once(w probes.Window, loc *time.Location) (probes.Window, string, error) {
	var err error
	if w.Start, err = moment(f.Start, loc); err != nil {
		return w, "start", err
	}
	if f.From != "" || f.Until != "" {
		return w, "", errors.New("with start comes once: from and until belong to daily and weekly")
	}
	if (f.End == "") == (f.Duration == nil) {
		return w, "", errors.New("needs either duration or end")
	}
	if f.End != "" {
		end, err := moment(f.End, loc)
		if err != nil {
			return w, "end", err
		}
		if !end.After(w.Start) {
			return w, "end", errors.New("is not after start " + quoted(f.Start))
		}
		w.Duration = end.Sub(w.Start)
	}
	if w.Duration > maxOnce {
		field := "duration"
		if f.End != "" {
			field = "end"
		}
		return w, field, errors.New("makes it longer than 90 days; is the year right?")
	}
	return w, "", nil
}

func (f *windowFile) repeated(w probes.Window, loc *time.Location) (probes.Window, string, error) {
	field, text, longest := "daily", f.Daily, 24*time.Hour
	w.Repeat = probes.Daily
	weekday := time.Saturday
	if f.Weekly != "" {
		field, longest, w.Repeat = "weekly", 7*24*time.Hour, probes.Weekly
		name, rest, _ := strings.Cut(f.Weekly, " ")
		d, ok := weekdays[strings.ToLower(name)]
		if !ok {
			return w, field, errors.New("is not a weekday and time such as Sun 01:00 or CN 01:00")
		}
		weekday, text = d, strings.TrimSpace(rest)
	}
	h, m, err := clock(text)
	if err != nil {
		if field == "weekly" {
			err = errors.New("is not a weekday and time such as Sun 01:00 or CN 01:00")
		}
		return w, field, err
	}
	if f.End != "" {
		return w, "end", errors.New("belongs to a single window; write duration with " + field)
	}
	if f.Duration == nil {
		return w, "", errors.New("needs duration, such as 2h")
	}
	if w.Duration > longest {
		return w, "duration", fmt.Errorf("is longer than %s; such a window would never end", map[string]string{"daily": "a day", "weekly": "a week"}[field])
	}
	first := time.Date(2000, 1, 1, 0, 0, 0, 0, loc) // a Saturday, before any watch began
	if f.From != "" {
		if first, err = day(f.From, loc); err != nil {
			return w, "from", err
		}
	}
	if f.Weekly != "" {
		first = first.AddDate(0, 0, (int(weekday)-int(first.Weekday())+7)%7)
	}
	w.Start = time.Date(first.Year(), first.Month(), first.Day(), h, m, 0, 0, loc)
	return f.last(w, loc)
}

func (f *windowFile) last(w probes.Window, loc *time.Location) (probes.Window, string, error) {
	if f.Until == "" {
		return w, "", nil
	}
	until, err := day(f.Until, loc)
	if err != nil {
		return w, "until", err
	}
	w.Until = time.Date(until.Year(), until.Month(), until.Day(), 23, 59, 59, 0, loc)
	if w.Until.Before(w.Start) {
		return w, "until", errors.New("is before the first window")
	}
	return w, "", nil
}
