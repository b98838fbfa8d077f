package roster

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/inventory/source"
)

// File is roster.yaml as people write it. Ladder is kept for the package that
// owns it, with its positions.
type File struct {
	Timezone  string         `yaml:"timezone"`
	People    []filePerson   `yaml:"people"`
	Hotline   string         `yaml:"hotline"`
	Shifts    []fileShift    `yaml:"shifts"`
	Overrides []fileOverride `yaml:"overrides"`
	Units     []fileUnit     `yaml:"units"`
	Ladder    source.Value   `yaml:"ladder"`
}

type filePerson struct {
	ID        string              `yaml:"id"`
	Name      string              `yaml:"name"`
	Role      string              `yaml:"role"`
	Language  string              `yaml:"language"`
	Addresses map[string][]string `yaml:"addresses"`
}

type fileShift struct {
	Start    string   `yaml:"start"`
	End      string   `yaml:"end"`
	Officers []string `yaml:"officers"`
	Deputy   string   `yaml:"deputy"`
}

type fileOverride struct {
	From    string `yaml:"from"`
	To      string `yaml:"to"`
	Replace string `yaml:"replace"`
	With    string `yaml:"with"`
	Reason  string `yaml:"reason"`
}

type fileUnit struct {
	Unit  string `yaml:"unit"`
	Name  string `yaml:"name"`
	Role  string `yaml:"role"`
	Phone string `yaml:"phone"`
}

// Decode reads a roster from a document. The Value is its `ladder` part, the
// zero Value when there is none. The Roster is nil when there are problems.
func Decode(doc *source.Document) (*Roster, source.Value, source.Problems) {
	var f File
	problems := doc.Decode(&f)
	d := decoder{doc: doc, file: f, roster: Roster{Zone: time.UTC}}
	d.zone()
	d.people()
	d.shifts()
	d.overrides()
	d.units()
	problems = append(problems, d.problems...)
	if len(problems) > 0 {
		return nil, f.Ladder, source.Join(problems)
	}
	return New(d.roster), f.Ladder, nil
}

type decoder struct {
	doc      *source.Document
	file     File
	roster   Roster
	ids      []string
	problems source.Problems
}

// bad reports a problem unless Decode already spoke about that value.
func (d *decoder) bad(who, text string, path ...any) {
	if d.doc.Bad(path...) {
		return
	}
	d.problems = append(d.problems, source.Problem{Position: d.doc.At(path...), Who: who, Text: text})
}

func (d *decoder) zone() {
	name := d.file.Timezone
	if name == "" {
		name = DefaultZone
	}
	z, err := time.LoadLocation(name)
	if err != nil {
		d.bad("", fmt.Sprintf("%q is not a time zone such as Asia/Ho_Chi_Minh", name), "timezone")
		return
	}
	d.roster.Zone = z
}

func (d *decoder) people() {
	for i, p := range d.file.People {
		at := []any{"people", i}
		who := p.ID
		switch {
		case p.ID == "":
			d.bad("", "a person needs an id, a short word such as an or binh", at...)
			continue
		case slices.Contains(d.ids, p.ID):
			d.bad(who, fmt.Sprintf("the id %q is taken by an earlier person", p.ID), append(at, "id")...)
			continue
		case !word(p.ID):
			d.bad(who, fmt.Sprintf("%q is not an id: use a-z, 0-9, '-' or '_'", p.ID), append(at, "id")...)
		}
		d.ids = append(d.ids, p.ID)
		if p.Name == "" {
			d.bad(who, "a name is missing; it is spoken and shown", at...)
		}
		if p.Language == "" {
			p.Language = "vi"
		}
		if p.Language != "vi" && p.Language != "en" {
			d.bad(who, fmt.Sprintf("language %q is neither vi nor en", p.Language), append(at, "language")...)
		}
		d.roster.People = append(d.roster.People, alerting.Person{
			ID: p.ID, Name: p.Name, Role: p.Role, Language: p.Language, Addresses: d.addresses(p, at),
		})
	}
	if h := d.file.Hotline; h != "" {
		d.known(h, "hotline")
		d.roster.Hotline = h
	}
}

func word(s string) bool {
	for _, c := range s {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= 63
}

// addresses brings telephone numbers to E.164 and reports those that are none.
func (d *decoder) addresses(p filePerson, at []any) map[string][]string {
	out := map[string][]string{}
	for _, ch := range slices.Sorted(maps.Keys(p.Addresses)) {
		for j, a := range p.Addresses[ch] {
			where := append(slices.Clone(at), "addresses", ch, j)
			a = strings.TrimSpace(a)
			if a == "" {
				d.bad(p.ID, "an empty address", where...)
				continue
			}
			if Telephone(ch) {
				n, err := Phone(a)
				if err != nil {
					d.bad(p.ID, err.Error(), where...)
					continue
				}
				a = n
			}
			out[ch] = append(out[ch], a)
		}
	}
	return out
}

func (d *decoder) known(id string, path ...any) {
	if id == "" || slices.Contains(d.ids, id) {
		return
	}
	d.bad("", fmt.Sprintf("%q is nobody's id in people%s", id, source.DidYouMean(id, d.ids)), path...)
}

func (d *decoder) shifts() {
	for i, s := range d.file.Shifts {
		at := func(key ...any) []any { return append([]any{"shifts", i}, key...) }
		start := d.moment(s.Start, at("start"))
		end := d.moment(s.End, at("end"))
		if !start.IsZero() && !end.IsZero() && !end.After(start) {
			d.bad("", "a shift must end after it starts", at("end")...)
		}
		if len(s.Officers) == 0 {
			d.bad("", "a shift needs officers, two as a rule", at()...)
		}
		for j, id := range s.Officers {
			if id == "" {
				d.bad("", "an empty id", at("officers", j)...)
			}
			d.known(id, at("officers", j)...)
			if slices.Contains(s.Officers[:j], id) {
				d.bad("", fmt.Sprintf("%q stands twice in this shift", id), at("officers", j)...)
			}
		}
		d.known(s.Deputy, at("deputy")...)
		d.roster.Shifts = append(d.roster.Shifts, alerting.Shift{Start: start, End: end, Officers: s.Officers, Deputy: s.Deputy})
	}
}

func (d *decoder) overrides() {
	for i, o := range d.file.Overrides {
		at := func(key ...any) []any { return append([]any{"overrides", i}, key...) }
		from := d.moment(o.From, at("from"))
		to := d.moment(o.To, at("to"))
		if !from.IsZero() && !to.IsZero() && !to.After(from) {
			d.bad("", "an override must end after it starts", at("to")...)
		}
		if o.Replace == "" || o.With == "" {
			d.bad("", "an override needs replace and with, two people's ids", at()...)
		}
		d.known(o.Replace, at("replace")...)
		d.known(o.With, at("with")...)
		if strings.TrimSpace(o.Reason) == "" {
			d.bad("", "an override needs a reason; it is kept in the journal", at()...)
		}
		d.roster.Overrides = append(d.roster.Overrides, Override{From: from, To: to, Replace: o.Replace, With: o.With, Reason: o.Reason})
	}
}

func (d *decoder) units() {
	for i, u := range d.file.Units {
		if u.Unit == "" {
			d.bad("", "a unit contact needs the unit's id", "units", i)
		}
		phone := u.Phone
		if phone != "" {
			n, err := Phone(phone)
			if err != nil {
				d.bad(u.Unit, err.Error(), "units", i, "phone")
			}
			phone = n
		}
		d.roster.Units = append(d.roster.Units, UnitContact{Unit: u.Unit, Name: u.Name, Role: u.Role, Phone: phone})
	}
}

func (d *decoder) moment(s string, path []any) time.Time {
	t, err := Moment(s, d.roster.Zone)
	if err != nil {
		d.bad("", err.Error(), path...)
	}
	return t
}

// layouts of a moment, local ones first. Vietnamese officials write the day first.
var layouts = []string{
	"2006-01-02 15:04", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02T15:04:05",
	"02/01/2006 15:04", "2/1/2006 15:04", "02/01/2006 15:04:05", "2/1/2006 15h04", "15:04 2/1/2006", "15h04 2/1/2006",
}

// Moment reads a local time of zone, "2006-01-02 15:04" or "02/01/2006 15:04",
// or RFC 3339 with its own offset. A local time that a change to summer time
// skips is an error; of one that comes twice, the first is meant.
func Moment(s string, zone *time.Location) (time.Time, error) {
	s = strings.Join(strings.Fields(s), " ")
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	for _, l := range layouts {
		t, err := time.ParseInLocation(l, s, zone)
		if err != nil {
			continue
		}
		utc, err := time.Parse(l, s)
		if err == nil && (t.Hour() != utc.Hour() || t.Minute() != utc.Minute()) {
			return time.Time{}, fmt.Errorf("%q does not exist in %s: the clocks are put forward over it", s, zone)
		}
		// Of a time that comes twice, Go may give either; take the first.
		if first := t.Add(-time.Hour); first.Format(l) == t.Format(l) {
			t = first
		}
		return t, nil
	}
	return time.Time{}, fmt.Errorf("%q is not a time such as 2026-08-28 17:00 or 28/8/2026 17:00", s)
}
