package inventory

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"

	"watchpost.example/inventory/source"
)

// Bounds of a spreadsheet. The units of a province fill a few thousand rows.
const (
	maxSheetSize  = 16 << 20 // bytes of the file
	maxSheetUnzip = 64 << 20
	maxRows       = 50_000
	maxColumns    = 256
	maxCell       = 2000 // bytes
)

// row is one line of the sheet; number is the one that the spreadsheet shows.
type row struct {
	number int
	cells  []string
}

// Import turns a units' spreadsheet into an inventory file. format is "xlsx" or
// "csv" (comma, semicolon or tab, with or without byte order mark), name stands
// in the problems: file.xlsx:row 7: column "Cấp độ": ... The YAML holds the rows
// that are right, also when there are problems; it is nil when there is none.
// Headers may be Vietnamese or English, in any case, with or without accents;
// rows above the headers and columns of other names are ignored. An empty unit
// cell means the unit of the row above.
func Import(r io.Reader, format, name string) ([]byte, source.Problems) {
	whole := func(text string) source.Problems {
		return source.Problems{{Position: source.Position{File: name}, Text: text}}
	}
	b, err := io.ReadAll(io.LimitReader(r, maxSheetSize+1))
	if err != nil {
		return nil, whole("cannot be read: " + err.Error())
	}
	if len(b) > maxSheetSize {
		return nil, whole(fmt.Sprintf("is larger than %d MB; keep only the sheet with the systems", maxSheetSize>>20))
	}
	var sheets [][]row
	switch format {
	case "xlsx":
		sheets, err = readXLSX(b)
	case "csv":
		sheets, err = readCSV(b)
	default:
		err = fmt.Errorf("%q is not a format that can be imported: xlsx or csv", format)
	}
	if err != nil {
		return nil, whole(err.Error())
	}
	best, problems := (*table)(nil), whole(noHeader)
	for _, s := range sheets {
		if t := newTable(name, s); t != nil && (best == nil || len(t.columns) > len(best.columns)) {
			best, problems = t, nil
		}
	}
	if best == nil {
		return nil, problems
	}
	return best.convert()
}

const noHeader = `has no row of headers; there must be one with at least "Tên đơn vị" (unit) and "Địa chỉ" (url)`

// readXLSX reads every visible sheet, bounded. The library is not trusted with
// hostile files: a panic of its is an unreadable file.
func readXLSX(b []byte) (sheets [][]row, err error) {
	defer func() {
		if r := recover(); r != nil {
			sheets, err = nil, errors.New("is not a readable .xlsx file")
		}
	}()
	if !bytes.HasPrefix(b, []byte("PK")) {
		return nil, errors.New("is not an .xlsx file; save it as \"Excel Workbook (.xlsx)\" or as \"CSV UTF-8\"")
	}
	f, err := excelize.OpenReader(bytes.NewReader(b), excelize.Options{UnzipSizeLimit: maxSheetUnzip, UnzipXMLSizeLimit: maxSheetUnzip})
	if err != nil {
		return nil, errors.New("is not a readable .xlsx file: " + oneLine(err.Error()))
	}
	defer func() { _ = f.Close() }() // only read from
	for _, s := range f.GetSheetList() {
		if visible, err := f.GetSheetVisible(s); err != nil || !visible {
			continue
		}
		rows, err := readSheet(f, s)
		if err != nil {
			return nil, fmt.Errorf("sheet %s: %w", quoted(s), err)
		}
		sheets = append(sheets, rows)
	}
	return sheets, nil
}

func readSheet(f *excelize.File, sheet string) ([]row, error) {
	it, err := f.Rows(sheet)
	if err != nil {
		return nil, errors.New(oneLine(err.Error()))
	}
	defer func() { _ = it.Close() }() // only read from
	var rows []row
	for n := 1; it.Next(); n++ {
		if n > maxRows {
			return nil, fmt.Errorf("has more than %d rows", maxRows)
		}
		cells, err := it.Columns()
		if err != nil {
			return nil, fmt.Errorf("row %d: %s", n, oneLine(err.Error()))
		}
		rows = append(rows, row{n, clean(cells)})
	}
	return rows, nil
}

func readCSV(b []byte) ([][]row, error) {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	switch {
	case bytes.HasPrefix(b, []byte("PK\x03\x04")):
		return nil, errors.New("is an .xlsx file with the name of a .csv; rename it")
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}), bytes.HasPrefix(b, []byte{0xfe, 0xff}), !utf8.Valid(b):
		return nil, errors.New("is not UTF-8 text; save it as \"CSV UTF-8\"")
	}
	r := csv.NewReader(bytes.NewReader(b))
	r.Comma, r.FieldsPerRecord, r.LazyQuotes = delimiter(b), -1, true
	var rows []row
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return [][]row{rows}, nil
		}
		if err != nil {
			return nil, errors.New("is not a readable .csv file: " + oneLine(err.Error()))
		}
		if len(rows) >= maxRows {
			return nil, fmt.Errorf("has more than %d rows", maxRows)
		}
		line, _ := r.FieldPos(0)
		rows = append(rows, row{line, clean(cells)})
	}
}

// delimiter is the one of comma, semicolon and tab that the first lines have most of.
func delimiter(b []byte) rune {
	if len(b) > 4096 {
		b = b[:4096]
	}
	best := ','
	for _, d := range ";\t" {
		if bytes.Count(b, []byte(string(d))) > bytes.Count(b, []byte(string(best))) {
			best = d
		}
	}
	return best
}

// clean makes each cell one line without control and invisible characters.
func clean(cells []string) []string {
	if len(cells) > maxColumns {
		cells = cells[:maxColumns]
	}
	out := make([]string, len(cells))
	for i, c := range cells {
		if len(c) > maxCell {
			c = strings.ToValidUTF8(c[:maxCell], "")
		}
		c = strings.Map(func(r rune) rune {
			switch {
			case unicode.IsSpace(r):
				return ' '
			case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == utf8.RuneError:
				return -1
			}
			return r
		}, c)
		out[i] = strings.Join(strings.Fields(c), " ")
	}
	return out
}

// column is a meaning that a spreadsheet's column can have.
type column string

const (
	colUnitID   column = "Mã đơn vị"
	colUnit     column = "Tên đơn vị"
	colSystemID column = "Mã hệ thống"
	colSystem   column = "Tên hệ thống"
	colURL      column = "Địa chỉ"
	colLevel    column = "Cấp độ"
	colOwner    column = "Đơn vị vận hành"
	colContact  column = "Đầu mối"
	colRole     column = "Chức vụ"
	colPhone    column = "Điện thoại"
	colEmail    column = "Email"
)

// headers are the words for each column, as fold leaves them.
func headers() map[string]column {
	m := map[string]column{}
	for c, words := range map[column]string{
		colUnitID:   "ma don vi|ma dv|unit id|unit code",
		colUnit:     "ten don vi|don vi|co quan|ten co quan|co quan don vi|unit|unit name|organisation|organization",
		colSystemID: "ma he thong|ma ht|system id|system code",
		colSystem:   "ten he thong|he thong|ten he thong thong tin|he thong thong tin|ten website|website name|system|system name|name|ten",
		colURL:      "dia chi|url|dia chi url|dia chi truy cap|duong dan|ten mien|ten mien url|website|link|address|domain|dia chi website|dia chi trang web",
		colLevel:    "cap do|cap|cap do httt|cap do an toan|level|security level",
		colOwner:    "don vi van hanh|van hanh|don vi quan ly van hanh|operator|owner",
		colContact:  "dau moi|can bo dau moi|dau moi lien he|nguoi lien he|can bo phu trach|ho ten dau moi|ho va ten|contact|contact name|contact person",
		colRole:     "chuc vu|vai tro|role|position",
		colPhone:    "dien thoai|so dien thoai|sdt|dt|di dong|so di dong|phone|telephone|mobile|phone number",
		colEmail:    "email|thu dien tu|e mail|dia chi email|hop thu|mail",
	} {
		for w := range strings.SplitSeq(words, "|") {
			m[w] = c
		}
	}
	return m
}

// foldHeader makes "Địa chỉ/URL (*)" "dia chi url".
func foldHeader(s string) string {
	return strings.Join(strings.FieldsFunc(unaccent(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }), " ")
}

// table is a sheet whose headers were found.
type table struct {
	name     string
	rows     []row
	columns  map[column]int
	titles   map[column]string // as the spreadsheet writes them
	problems source.Problems
}

// newTable finds the row of headers among the first 30; nil without one.
func newTable(name string, rows []row) *table {
	words := headers()
	for i, r := range rows[:min(30, len(rows))] {
		t := &table{name: name, rows: rows[i+1:], columns: map[column]int{}, titles: map[column]string{}}
		for n, cell := range r.cells {
			h := foldHeader(cell)
			c, ok := words[h]
			if !ok && h != "" {
				t.mistyped(r.number, cell, h, words)
			}
			if _, twice := t.columns[c]; ok && !twice {
				t.columns[c], t.titles[c] = n, cell
			}
		}
		_, unit := t.columns[colUnit]
		_, id := t.columns[colUnitID]
		if _, url := t.columns[colURL]; url && (unit || id) {
			return t
		}
	}
	return nil
}

// mistyped reports a header that is nearly a known one; others are somebody's own.
func (t *table) mistyped(n int, cell, folded string, words map[string]column) {
	var long []string
	for w := range words {
		if len(w) >= 5 {
			long = append(long, w)
		}
	}
	slices.Sort(long)
	if near, ok := source.Nearest(folded, long); ok && len(folded) >= 5 && !strings.HasPrefix(near, folded+" ") {
		t.report(n, "", "column "+quoted(cell)+" is unknown; did you mean "+quoted(string(words[near]))+"?")
	}
}

func (t *table) report(n int, c column, text string) {
	if c != "" {
		title := t.titles[c]
		if title == "" {
			title = string(c)
		}
		text = "column " + quoted(title) + ": " + text
	}
	t.problems = append(t.problems, source.Problem{Position: source.Position{File: fmt.Sprintf("%s:row %d", t.name, n)}, Text: text})
}

func (t *table) cell(r row, c column) string {
	if i, ok := t.columns[c]; ok && i < len(r.cells) {
		return r.cells[i]
	}
	return ""
}
