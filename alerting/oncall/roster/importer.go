package roster

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"watchpost.example/alerting"
)

// Bounds of a spreadsheet.
const (
	maxSheet  = 16 << 20 // bytes of the file, and of it unpacked four times as much
	maxRows   = 20000
	maxImport = 5000 // people or shifts
)

// Imported is what was found in a spreadsheet or calendar. Problems name the
// sheet and row (or line) and do not stop the other rows.
type Imported struct {
	People   []alerting.Person // new ones only
	Shifts   []alerting.Shift
	Problems []string
}

// ErrImport is what a file gives that can't be read at all, wrapped.
var ErrImport = errors.New("can't import")

// Import reads shifts, and people where it finds a column of telephone numbers,
// from .xlsx, .csv or .ics. Names are looked up among known first, by ID or by
// name without regard to case and accents; a name that is not there becomes a
// new person. until bounds calendar events that repeat for ever.
func Import(path string, known []alerting.Person, zone *time.Location, until time.Time) (Imported, error) {
	st, err := os.Stat(path)
	if err != nil {
		return Imported{}, fmt.Errorf("%w: %w", ErrImport, err)
	}
	if st.Size() > maxSheet {
		return Imported{}, fmt.Errorf("%w %s: larger than %d bytes", ErrImport, path, maxSheet)
	}
	im := importer{known: known, zone: zone}
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".csv":
		err = im.csv(path)
	case ".xlsx":
		err = im.xlsx(path)
	case ".ics":
		err = im.ics(path, until)
	default:
		err = fmt.Errorf("%q is not .xlsx, .csv or .ics", ext)
	}
	if err != nil {
		return Imported{}, fmt.Errorf("%w %s: %w", ErrImport, path, err)
	}
	slices.SortStableFunc(im.out.Shifts, func(a, b alerting.Shift) int { return a.Start.Compare(b.Start) })
	return im.out, nil
}

type importer struct {
	known    []alerting.Person
	zone     *time.Location
	from1904 bool // how the workbook counts days
	tables   int  // that had a heading
	out      Imported
}

func (im *importer) bad(where, format string, args ...any) {
	if len(im.out.Problems) < 200 {
		im.out.Problems = append(im.out.Problems, where+": "+fmt.Sprintf(format, args...))
	}
}

func (im *importer) csv(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	b, err := io.ReadAll(io.LimitReader(f, maxSheet))
	if err != nil {
		return err
	}
	text, err := decodeText(b)
	if err != nil {
		return err
	}
	sep, text := separator(text)
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord, r.LazyQuotes, r.Comma = -1, true, sep
	r.TrimLeadingSpace = sep != '\t' // a tab is space, too: empty cells would vanish
	rows, err := r.ReadAll()
	if err != nil {
		return err
	}
	im.table(filepath.Base(path), rows)
	return nil
}

func (im *importer) ics(path string, until time.Time) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	events, err := ReadICS(f, im.zone, until)
	if err != nil {
		return err
	}
	for _, e := range events {
		where := fmt.Sprintf("line %d", e.Line)
		names := e.Attendees
		if len(names) == 0 {
			names = splitNames(e.Summary)
		}
		s := alerting.Shift{Start: e.Start, End: e.End}
		for _, n := range names {
			if id := im.person(where, n); id != "" && !slices.Contains(s.Officers, id) {
				s.Officers = append(s.Officers, id)
			}
		}
		im.shift(where, s)
	}
	return nil
}

func (im *importer) shift(where string, s alerting.Shift) {
	switch {
	case !s.End.After(s.Start):
		im.bad(where, "the shift does not end after it starts")
	case len(s.Officers) == 0:
		im.bad(where, "no officer is named")
	case len(im.out.Shifts) >= maxImport:
		im.bad(where, "more than %d shifts", maxImport)
	default:
		im.out.Shifts = append(im.out.Shifts, s)
	}
}

// columns of a table, by their headings in either language.
type columns struct {
	start, end, date, from, to, span int
	officers                         []int
	deputy                           int
	name, phone, id, role            int
}

// headings are the words of each column, folded, in both languages.
func headings() map[string][]string {
	return map[string][]string{
		"start":  {"start", "bat dau", "thoi gian bat dau", "tu ngay gio"},
		"end":    {"end", "ket thuc", "thoi gian ket thuc", "den ngay gio"},
		"date":   {"date", "day", "ngay", "ngay truc", "ngay thang", "thu ngay", "ngay thang nam"},
		"from":   {"from", "tu", "tu gio", "gio bat dau", "gio vao"},
		"to":     {"to", "den", "den gio", "gio ket thuc", "gio ra"},
		"span":   {"shift", "time", "ca", "ca truc", "gio", "gio truc", "thoi gian", "thoi gian truc", "khung gio"},
		"deputy": {"deputy", "truong ca", "lanh dao truc", "lanh dao", "truc lanh dao", "lanh dao phu trach", "chi huy", "chi huy ca", "phu trach ca", "truc chi huy"},
		"name":   {"name", "ho ten", "ho va ten", "ten", "ho ten can bo"},
		"phone":  {"phone", "mobile", "dien thoai", "so dien thoai", "sdt", "so dt", "dt", "di dong", "so di dong", "so dien thoai di dong", "dien thoai di dong", "sdt lien he"},
		"id":     {"id", "ma"},
		"role":   {"role", "chuc vu", "chuc danh"},
		"officer": {
			"officer", "officers", "can bo truc", "can bo", "nguoi truc", "truc ban", "truc chinh", "truc phu", "can bo truc chinh", "can bo truc phu",
			"ho ten can bo truc", "ho va ten can bo truc", "nguoi truc chinh", "nguoi truc phu",
		},
	}
}

// heading gives the purpose of a column; a number after it is left out.
func heading(s string) string {
	k := strings.TrimRight(key(s), " 0123456789")
	for purpose, words := range headings() {
		if slices.Contains(words, k) {
			return purpose
		}
	}
	return ""
}

func find(row []string) (c columns, ok bool) {
	c = columns{start: -1, end: -1, date: -1, from: -1, to: -1, span: -1, deputy: -1, name: -1, phone: -1, id: -1, role: -1}
	places := map[string]*int{
		"start": &c.start, "end": &c.end, "date": &c.date, "from": &c.from, "to": &c.to, "span": &c.span, "deputy": &c.deputy,
		"name": &c.name, "phone": &c.phone, "id": &c.id, "role": &c.role,
	}
	for i, cell := range row {
		h := heading(cell)
		if h == "officer" {
			c.officers = append(c.officers, i)
		} else if p := places[h]; p != nil && *p < 0 {
			*p = i
		}
	}
	return c, c.shifts() || c.people()
}

func (c columns) shifts() bool {
	return len(c.officers) > 0 && (c.start >= 0 && c.end >= 0 || c.date >= 0 && (c.from >= 0 && c.to >= 0 || c.span >= 0))
}

func (c columns) people() bool { return c.name >= 0 && c.phone >= 0 }

func cell(row []string, i int) string {
	if i < 0 || i >= len(row) {
		return ""
	}
	return strings.TrimSpace(row[i])
}

// table reads rows; the heading may stand in any of the first ten, below titles.
func (im *importer) table(name string, rows [][]string) {
	if len(rows) > maxRows {
		im.bad(name, "more than %d rows; the rest is left out", maxRows)
		rows = rows[:maxRows]
	}
	for i, row := range rows[:min(10, len(rows))] {
		c, ok := find(row)
		if !ok {
			continue
		}
		im.tables++
		day := ""
		for j, r := range rows[i+1:] {
			where := fmt.Sprintf("%s row %d", name, i+j+2)
			if strings.TrimSpace(strings.Join(r, "")) == "" {
				continue
			}
			if c.people() && !c.shifts() {
				im.personRow(where, r, c)
				continue
			}
			// A day that is written once stands for the shifts below it, too.
			day = first(cell(r, c.date), day)
			im.shiftRow(where, r, c, day)
		}
		return
	}
	im.bad(name, "no heading was found: bắt đầu, kết thúc, cán bộ trực 1, cán bộ trực 2, trưởng ca (start, end, officer 1, officer 2, deputy), or họ tên, điện thoại (name, phone)")
}

func (im *importer) personRow(where string, row []string, c columns) {
	name := cell(row, c.name)
	phone, err := telephone(cell(row, c.phone))
	if err != nil {
		im.bad(where, "%v", err)
		return
	}
	if name == "" {
		im.bad(where, "no name")
		return
	}
	id := im.person(where, first(cell(row, c.id), name))
	for i, p := range im.out.People {
		if p.ID == id {
			im.out.People[i].Name, im.out.People[i].Role = name, cell(row, c.role)
			im.out.People[i].Addresses = map[string][]string{"sms": {phone}, "voice": {phone}}
		}
	}
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (im *importer) shiftRow(where string, row []string, c columns, day string) {
	s, err := im.hours(row, c, day)
	if err != nil {
		im.bad(where, "%s", strings.ReplaceAll(err.Error(), "\n", "; "))
		return
	}
	for _, i := range c.officers {
		for _, n := range splitNames(cell(row, i)) {
			if id := im.person(where, n); id != "" && !slices.Contains(s.Officers, id) {
				s.Officers = append(s.Officers, id)
			}
		}
	}
	for _, n := range splitNames(cell(row, c.deputy)) {
		s.Deputy = im.person(where, n)
		break // one leads
	}
	im.shift(where, s)
}

// hours finds when a row's shift begins and ends.
func (im *importer) hours(row []string, c columns, day string) (s alerting.Shift, err error) {
	if c.start >= 0 && c.end >= 0 {
		var err1, err2 error
		s.Start, err1 = im.moment(cell(row, c.start))
		s.End, err2 = im.moment(cell(row, c.end))
		return s, errors.Join(err1, err2)
	}
	date, err := im.day(day)
	if err != nil {
		return s, err
	}
	from, to := cell(row, c.from), cell(row, c.to)
	if c.from < 0 || c.to < 0 {
		if from, to, err = span(cell(row, c.span)); err != nil {
			return s, err
		}
	}
	a, err1 := timeOfDay(from)
	b, err2 := timeOfDay(to)
	if err := errors.Join(err1, err2); err != nil {
		return s, err
	}
	if b <= a {
		b += 24 * 60 // a night shift ends on the next day, at that day's wall clock
	}
	at := func(minutes int) time.Time {
		y, m, d := date.Date()
		return time.Date(y, m, d, 0, minutes, 0, 0, im.zone)
	}
	return alerting.Shift{Start: at(a), End: at(b)}, nil
}

// moment also takes a spreadsheet's number of a day and its time.
func (im *importer) moment(s string) (time.Time, error) {
	if n, ok := serial(s); ok && n > 20000 {
		return im.excel(n)
	}
	return Moment(s, im.zone)
}

// person finds somebody by ID or name, or makes a new person.
func (im *importer) person(where, name string) string {
	name, phone := nameAndPhone(strings.Join(strings.Fields(name), " "))
	if name == "" || len(name) > 100 {
		return ""
	}
	for _, p := range append(slices.Clone(im.known), im.out.People...) {
		if p.ID == name || key(p.Name) == key(name) || p.ID == slug(name) {
			return p.ID
		}
	}
	id := slug(name)
	if id == "" || len(im.out.People) >= maxImport {
		im.bad(where, "%q is no name", name)
		return ""
	}
	p := alerting.Person{ID: id, Name: name, Language: "vi"}
	if phone != "" {
		p.Addresses = map[string][]string{"sms": {phone}, "voice": {phone}}
	}
	im.out.People = append(im.out.People, p)
	return id
}
