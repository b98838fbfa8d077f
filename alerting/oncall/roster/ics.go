package roster

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of a calendar file; a year of three shifts a day is about 1,100 events.
const (
	maxCalendar   = 4 << 20 // bytes
	maxEvents     = 10000   // VEVENTs, and shifts after repetition
	maxLine       = 16 << 10
	maxLines      = 200000
	maxRepeatScan = 20000 // days looked at for one RRULE
)

// Event is a VEVENT of a calendar, repetitions spread out.
type Event struct {
	UID     string
	Start   time.Time
	End     time.Time
	Summary string
	// Attendees are the CNs of ATTENDEE lines, or their addresses without "mailto:".
	Attendees []string
	Line      int // where BEGIN:VEVENT stands, from 1
}

// ErrCalendar is what a text gives that is no usable calendar, wrapped.
var ErrCalendar = errors.New("not a usable iCalendar file")

// ReadICS reads the VEVENTs of an iCalendar file (RFC 5545) with DTSTART and
// DTEND or DURATION in UTC, floating (then zone), or with a TZID that the
// system knows; RRULE with FREQ DAILY or WEEKLY, INTERVAL, COUNT, UNTIL, BYDAY;
// EXDATE. An RRULE without COUNT and UNTIL stops at until. All the rest of the
// standard that changes the times is an error, not a wrong roster.
func ReadICS(r io.Reader, zone *time.Location, until time.Time) ([]Event, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxCalendar+1))
	if err != nil {
		return nil, fmt.Errorf("reading the calendar: %w", err)
	}
	if len(b) > maxCalendar {
		return nil, fmt.Errorf("%w: larger than %d bytes", ErrCalendar, maxCalendar)
	}
	text, err := decodeText(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCalendar, err)
	}
	lines, err := unfold(text)
	if err != nil {
		return nil, err
	}
	p := icsParser{zone: zone, until: until}
	for _, l := range lines {
		if err := p.line(l); err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrCalendar, l.no, err)
		}
	}
	if !p.calendar {
		return nil, fmt.Errorf("%w: BEGIN:VCALENDAR is missing", ErrCalendar)
	}
	if len(p.stack) > 0 {
		return nil, fmt.Errorf("%w: END:%s is missing; the file was cut off", ErrCalendar, p.stack[len(p.stack)-1])
	}
	slices.SortStableFunc(p.events, func(a, b Event) int { return a.Start.Compare(b.Start) })
	return p.events, nil
}

type icsLine struct {
	no   int
	text string
}

// unfold joins continuation lines (RFC 5545 3.1).
func unfold(s string) ([]icsLine, error) {
	var out []icsLine
	no := 0
	for raw := range strings.SplitSeq(s, "\n") {
		no++
		if no > maxLines {
			return nil, fmt.Errorf("%w: more than %d lines", ErrCalendar, maxLines)
		}
		raw = strings.TrimSuffix(raw, "\r")
		if raw != "" && (raw[0] == ' ' || raw[0] == '\t') && len(out) > 0 {
			last := &out[len(out)-1]
			if len(last.text)+len(raw) > maxLine {
				return nil, fmt.Errorf("%w: line %d is longer than %d bytes", ErrCalendar, last.no, maxLine)
			}
			last.text += raw[1:]
			continue
		}
		if len(raw) > maxLine {
			return nil, fmt.Errorf("%w: line %d is longer than %d bytes", ErrCalendar, no, maxLine)
		}
		if raw != "" {
			out = append(out, icsLine{no, raw})
		}
	}
	return out, nil
}

type icsParser struct {
	zone     *time.Location
	until    time.Time
	stack    []string
	calendar bool
	cur      *icsEvent
	events   []Event
}

type icsEvent struct {
	Event
	duration time.Duration
	rule     string
	except   []time.Time
	skip     bool
	allDay   bool
}

func (p *icsParser) line(l icsLine) error {
	name, params, value, err := property(l.text)
	if err != nil {
		return err
	}
	switch name {
	case "BEGIN":
		p.stack = append(p.stack, strings.ToUpper(value))
		if len(p.stack) > 8 {
			return errors.New("components nested too deep")
		}
		if len(p.stack) == 1 && p.stack[0] == "VCALENDAR" {
			p.calendar = true
		}
		if p.at("VEVENT") {
			p.cur = &icsEvent{Event: Event{Line: l.no}}
		}
		return nil
	case "END":
		if len(p.stack) == 0 || p.stack[len(p.stack)-1] != strings.ToUpper(value) {
			return fmt.Errorf("END:%s without its BEGIN", value)
		}
		event := p.at("VEVENT")
		p.stack = p.stack[:len(p.stack)-1]
		if event {
			return p.finish()
		}
		return nil
	}
	if !p.at("VEVENT") {
		return nil // VTIMEZONE, VALARM and X- parts carry nothing of ours
	}
	return p.field(name, params, value)
}

func (p *icsParser) at(name string) bool {
	return len(p.stack) == 2 && p.stack[0] == "VCALENDAR" && p.stack[1] == name
}

func (p *icsParser) field(name string, params map[string]string, value string) error {
	var err error
	c := p.cur
	switch name {
	case "UID":
		c.UID = value
	case "SUMMARY":
		c.Summary = unescape(value)
	case "STATUS":
		c.skip = strings.EqualFold(value, "CANCELLED")
	case "DTSTART":
		c.Start, err = p.time(params, value)
		c.allDay = params["VALUE"] == "DATE" || len(strings.TrimSpace(value)) == 8
	case "DTEND":
		c.End, err = p.time(params, value)
	case "DURATION":
		c.duration, err = icsDuration(value)
	case "RRULE":
		c.rule = value
	case "EXDATE":
		err = p.except(params, value)
	case "RDATE", "RECURRENCE-ID", "EXRULE":
		return fmt.Errorf("%s is not supported; write the shift as its own event", name)
	case "ATTENDEE":
		c.attendee(params["CN"], value)
	}
	return err
}

func (p *icsParser) except(params map[string]string, value string) error {
	for v := range strings.SplitSeq(value, ",") {
		t, err := p.time(params, v)
		if err != nil {
			return err
		}
		p.cur.except = append(p.cur.except, t)
	}
	return nil
}

func (e *icsEvent) attendee(cn, address string) {
	if cn == "" {
		cn = strings.TrimPrefix(strings.TrimPrefix(address, "mailto:"), "MAILTO:")
	}
	if len(e.Attendees) < 16 {
		e.Attendees = append(e.Attendees, cn)
	}
}

func (p *icsParser) finish() error {
	c := p.cur
	p.cur = nil
	if c.skip {
		return nil
	}
	if c.Start.IsZero() {
		return errors.New("the event has no DTSTART")
	}
	if c.End.IsZero() && c.duration == 0 && c.allDay {
		c.End = c.Start.AddDate(0, 0, 1) // RFC 5545 3.6.1: one day
	}
	if c.End.IsZero() {
		c.End = c.Start.Add(c.duration)
	}
	if !c.End.After(c.Start) {
		return errors.New("the event does not end after it starts")
	}
	starts := []time.Time{c.Start}
	if c.rule != "" {
		var err error
		if starts, err = repeat(c.Start, c.rule, p.until); err != nil {
			return err
		}
	}
	// The end keeps its distance on the wall clock, so that a shift that ends at
	// 07:30 does so on the day the clocks change, too.
	wall := wallDistance(c.Start, c.End)
	for _, s := range starts {
		if slices.ContainsFunc(c.except, s.Equal) {
			continue
		}
		e := c.Event
		e.Start, e.End = s, wall(s)
		if !e.End.After(e.Start) { // a short event over the hour that comes twice
			e.End = s.Add(c.End.Sub(c.Start))
		}
		if len(p.events) >= maxEvents {
			return fmt.Errorf("more than %d events", maxEvents)
		}
		p.events = append(p.events, e)
	}
	return nil
}

// property splits NAME;PARAM=VALUE;...:VALUE (RFC 5545 3.1); a quoted parameter
// may hold ; : and ,.
func property(s string) (name string, params map[string]string, value string, err error) {
	quoted := false
	colon := -1
	var cuts []int
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ';':
			cuts = append(cuts, i)
		case c == ':':
			colon = i
		}
		if colon >= 0 {
			break
		}
	}
	if colon < 0 {
		return "", nil, "", errors.New("no ':' between name and value")
	}
	cuts = append(cuts, colon)
	name = strings.ToUpper(s[:cuts[0]])
	params = map[string]string{}
	for i := range len(cuts) - 1 {
		k, v, _ := strings.Cut(s[cuts[i]+1:cuts[i+1]], "=")
		params[strings.ToUpper(k)] = strings.Trim(v, `"`)
	}
	return name, params, s[colon+1:], nil
}

func unescape(s string) string {
	return strings.NewReplacer(`\\`, `\`, `\;`, `;`, `\,`, `,`, `\n`, " ", `\N`, " ").Replace(s)
}

func (p *icsParser) time(params map[string]string, v string) (time.Time, error) {
	zone := p.zone
	if id := params["TZID"]; id != "" {
		z, err := zoneOf(id)
		if err != nil {
			return time.Time{}, err
		}
		zone = z
	}
	v = strings.TrimSpace(v)
	if params["VALUE"] == "DATE" || len(v) == 8 {
		t, err := time.ParseInLocation("20060102", v, zone)
		if err != nil {
			return t, fmt.Errorf("%q is not a date such as 20260828", v)
		}
		return t, nil
	}
	if strings.HasSuffix(v, "Z") {
		zone = time.UTC
	}
	t, err := time.ParseInLocation("20060102T150405", strings.TrimSuffix(v, "Z"), zone)
	if err != nil {
		return t, fmt.Errorf("%q is not a time such as 20260828T170000", v)
	}
	return t, nil
}

// zoneOf finds a time zone by its name, by the end of a path that some programs
// put before it, or by the name that Outlook gives to the zone of Việt Nam.
func zoneOf(id string) (*time.Location, error) {
	name := id
	if id == "SE Asia Standard Time" || strings.HasPrefix(id, "(UTC+07:00) Bangkok, Hanoi") {
		name = DefaultZone
	}
	for range 8 {
		if z, err := time.LoadLocation(name); err == nil && name != "Local" && name != "" {
			return z, nil
		}
		_, rest, ok := strings.Cut(name, "/")
		if !ok {
			break
		}
		name = rest
	}
	return nil, fmt.Errorf("TZID %q is not a time zone such as Asia/Ho_Chi_Minh", id)
}

// icsDuration reads RFC 5545 3.3.6, positive ones up to a year.
func icsDuration(s string) (time.Duration, error) {
	bad := fmt.Errorf("%q is not a duration such as PT12H", s)
	rest, ok := strings.CutPrefix(s, "P")
	if !ok || rest == "" {
		return 0, bad
	}
	units := map[byte]time.Duration{'W': 7 * 24 * time.Hour, 'D': 24 * time.Hour, 'H': time.Hour, 'M': time.Minute, 'S': time.Second}
	var sum time.Duration
	n := 0
	for i := range len(rest) {
		c := rest[i]
		switch {
		case c == 'T':
		case c >= '0' && c <= '9' && n < 100000:
			n = n*10 + int(c-'0')
		case units[c] > 0:
			sum += time.Duration(n) * units[c]
			n = 0
		default:
			return 0, bad
		}
		if sum < 0 || sum > 366*24*time.Hour {
			return 0, bad
		}
	}
	if n != 0 {
		return 0, bad
	}
	return sum, nil
}

func atoi(s string, most int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("%q is not a number from 1 to %d", s, most)
	}
	return n, nil
}
