package roster

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

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
	known []alerting.Person
	zone  *time.Location
	out   Imported
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
	text := strings.TrimPrefix(string(b), "\ufeff")
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord, r.LazyQuotes, r.TrimLeadingSpace = -1, true, true
	// Excel writes semicolons where the comma is the decimal sign, as in Việt Nam.
	head, _, _ := strings.Cut(text, "\n")
	if strings.Count(head, ";") > strings.Count(head, ",") {
		r.Comma = ';'
	} else if strings.Count(head, "\t") > strings.Count(head, ",") {
		r.Comma = '\t'
	}
	rows, err := r.ReadAll()
	if err != nil {
		return err
	}
	im.table(filepath.Base(path), rows)
	return nil
}

func (im *importer) xlsx(path string) error {
	x, err := excelize.OpenFile(path, excelize.Options{UnzipSizeLimit: 4 * maxSheet, UnzipXMLSizeLimit: maxSheet})
	if err != nil {
		return err
	}
	defer func() { _ = x.Close() }() // only read
	for _, sheet := range x.GetSheetList() {
		rows, err := x.GetRows(sheet)
		if err != nil {
			return fmt.Errorf("sheet %q: %w", sheet, err)
		}
		im.table(sheet, rows)
	}
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

// splitNames takes "Trực: An, Bình" apart.
func splitNames(s string) []string {
	if _, after, ok := strings.Cut(s, ":"); ok {
		s = after
	}
	return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(",;/&+\n", r) })
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
	start, end, date, from, to int
	officers                   []int
	deputy                     int
	name, phone, id, role      int
}

// headings are the words of each column, folded, in both languages.
func headings() map[string][]string {
	return map[string][]string{
		"start":   {"start", "bat dau", "thoi gian bat dau", "tu ngay gio"},
		"end":     {"end", "ket thuc", "thoi gian ket thuc", "den ngay gio"},
		"date":    {"date", "ngay", "ngay truc"},
		"from":    {"from", "tu", "tu gio", "gio bat dau"},
		"to":      {"to", "den", "den gio", "gio ket thuc"},
		"deputy":  {"deputy", "truong ca", "lanh dao truc", "lanh dao", "truc lanh dao"},
		"name":    {"name", "ho ten", "ho va ten"},
		"phone":   {"phone", "dien thoai", "so dien thoai", "sdt", "di dong"},
		"id":      {"id", "ma"},
		"role":    {"role", "chuc vu", "chuc danh"},
		"officer": {"officer", "officers", "can bo truc", "can bo", "nguoi truc"},
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
	c = columns{start: -1, end: -1, date: -1, from: -1, to: -1, deputy: -1, name: -1, phone: -1, id: -1, role: -1}
	places := map[string]*int{
		"start": &c.start, "end": &c.end, "date": &c.date, "from": &c.from, "to": &c.to, "deputy": &c.deputy,
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
	return len(c.officers) > 0 && (c.start >= 0 && c.end >= 0 || c.date >= 0 && c.from >= 0 && c.to >= 0)
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
		for j, r := range rows[i+1:] {
			where := fmt.Sprintf("%s row %d", name, i+j+2)
			if strings.TrimSpace(strings.Join(r, "")) == "" {
				continue
			}
			if c.people() {
				im.personRow(where, r, c)
			} else {
				im.shiftRow(where, r, c)
			}
		}
		return
	}
	im.bad(name, "no heading was found: bắt đầu, kết thúc, cán bộ trực 1, cán bộ trực 2, trưởng ca (start, end, officer 1, officer 2, deputy), or họ tên, điện thoại (name, phone)")
}

func (im *importer) personRow(where string, row []string, c columns) {
	name := cell(row, c.name)
	phone, err := Phone(cell(row, c.phone))
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

func (im *importer) shiftRow(where string, row []string, c columns) {
	var s alerting.Shift
	var err1, err2 error
	if c.start >= 0 && c.end >= 0 {
		s.Start, err1 = im.moment(cell(row, c.start))
		s.End, err2 = im.moment(cell(row, c.end))
	} else {
		s.Start, err1 = im.moment(cell(row, c.date) + " " + hours(cell(row, c.from)))
		s.End, err2 = im.moment(cell(row, c.date) + " " + hours(cell(row, c.to)))
		if err1 == nil && err2 == nil && !s.End.After(s.Start) {
			// A night shift ends on the next day, at that day's wall clock.
			y, m, d := s.End.Date()
			s.End = time.Date(y, m, d+1, s.End.Hour(), s.End.Minute(), 0, 0, s.End.Location())
		}
	}
	if err := errors.Join(err1, err2); err != nil {
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
	s.Deputy = im.person(where, cell(row, c.deputy))
	im.shift(where, s)
}

// hours makes "7h30", "7h" and "07:30:00" into "07:30".
func hours(s string) string {
	h, m, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(strings.ReplaceAll(s, " ", "")), "h", ":"), ":")
	m, _, _ = strings.Cut(m, ":")
	if len(h) == 1 {
		h = "0" + h
	}
	if m == "" {
		m = "00"
	}
	return h + ":" + m
}

// moment also takes Excel's serial day number, which a cell without a date
// format shows.
func (im *importer) moment(s string) (time.Time, error) {
	if n, err := strconv.ParseFloat(s, 64); err == nil && n > 20000 && n < 100000 {
		t, err := excelize.ExcelDateToTime(n, false)
		if err != nil {
			return time.Time{}, fmt.Errorf("%q is no date", s)
		}
		t = t.Round(time.Minute)
		return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), 0, 0, im.zone), nil
	}
	return Moment(s, im.zone)
}

// person finds somebody by ID or name, or makes a new person.
func (im *importer) person(where, name string) string {
	name = strings.Join(strings.Fields(name), " ")
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
	im.out.People = append(im.out.People, alerting.Person{ID: id, Name: name, Language: "vi"})
	return id
}
