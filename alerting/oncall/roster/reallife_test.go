package roster

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"
)

// sheet makes a workbook of rows; merged are ranges such as "A2:A3".
func sheet(t *testing.T, rows [][]any, change func(x *excelize.File, name string)) string {
	t.Helper()
	x := excelize.NewFile()
	name := x.GetSheetName(0)
	for i, row := range rows {
		for j, v := range row {
			c, err := excelize.CoordinatesToCellName(j+1, i+1)
			if err != nil {
				t.Fatal(err)
			}
			if v == nil {
				continue
			}
			if err := x.SetCellValue(name, c, v); err != nil {
				t.Fatal(err)
			}
		}
	}
	if change != nil {
		change(x, name)
	}
	path := filepath.Join(t.TempDir(), "lich truc.xlsx")
	if err := x.SaveAs(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// The usual table of a provincial office: titles above, the day merged over its
// two shifts, the leader merged over the day, "đ/c" before names, a number in
// brackets, empty sheets behind.
func TestImportMergedTable(t *testing.T) {
	path := sheet(t, [][]any{
		{"UBND TỈNH A"},
		{"LỊCH TRỰC GIÁM SÁT DỊP TẾT"},
		{"TT", "Thứ, ngày", "Ca trực", "Cán bộ trực chính", "Cán bộ trực phụ", "Lãnh đạo trực", "Ghi chú"},
		{1, "Thứ Năm, 31/12/2026", "Ca 1 (7h30 - 17h00)", "Đ/c Nguyễn Văn An (0900 000 001)", "đ/c Trần Bình", "Ông Lê Chi"},
		{2, nil, "Ca 2 (17h00 - 7h30)", "Phạm Dũng\nHoàng Em", nil, nil},
		{3, 46388, "7g30 đến 17g", "an", "binh", "Bà Lê Chi"},
	}, func(x *excelize.File, name string) {
		for _, m := range []string{"A1:G1", "A2:G2", "B4:B5", "F4:F5"} {
			a, b, _ := strings.Cut(m, ":")
			if err := x.MergeCell(name, a, b); err != nil {
				t.Fatal(err)
			}
		}
		for _, s := range []string{"Sheet2", "Sheet3"} {
			if _, err := x.NewSheet(s); err != nil {
				t.Fatal(err)
			}
		}
	})
	im, err := Import(path, known, hcm, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"2026-12-31 07:30 2026-12-31 17:00 an+binh/le-chi",
		"2026-12-31 17:00 2027-01-01 07:30 pham-dung+hoang-em/le-chi",
		"2027-01-01 07:30 2027-01-01 17:00 an+binh/le-chi",
	}
	if !slices.Equal(lines(im), want) || len(im.Problems) != 0 {
		t.Errorf("got %q, problems %q", lines(im), im.Problems)
	}
}

// Excel keeps dates and times as numbers and shows them in whatever order the
// machine has; the American one must not turn 8 September into 9 August.
func TestImportNumbersBehindTheFace(t *testing.T) {
	path := sheet(t, [][]any{
		{"Ngày", "Từ giờ", "Đến giờ", "Người trực"},
		{time.Date(2026, 9, 8, 0, 0, 0, 0, time.UTC), 0.916666666666667, 0.25, "Nguyễn Văn An"},
		{46274, 7, 17, "Trần Bình"},
		{"10/09/2026", "24h", "8h", "Trần Bình"},
	}, func(x *excelize.File, name string) {
		style, err := x.NewStyle(&excelize.Style{NumFmt: 14})
		if err != nil {
			t.Fatal(err)
		}
		if err := x.SetCellStyle(name, "A2", "A3", style); err != nil {
			t.Fatal(err)
		}
	})
	im, err := Import(path, known, hcm, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"2026-09-08 22:00 2026-09-09 06:00 an/", "2026-09-09 07:00 2026-09-09 17:00 binh/", "2026-09-11 00:00 2026-09-11 08:00 binh/"}
	if !slices.Equal(lines(im), want) {
		t.Errorf("got %q, problems %q", lines(im), im.Problems)
	}
}

func TestImportPhoneBookThatLostItsZero(t *testing.T) {
	path := sheet(t, [][]any{{"STT", "Họ và tên", "Chức vụ", "SĐT"}, {1, "Nguyễn Văn Giang", "cán bộ", 900000007}, {2, "Lý Hà", "", "84 900 000 008"}, {3, "Sai Số", "", 12}}, nil)
	im, err := Import(path, nil, hcm, time.Time{})
	if err != nil || len(im.People) != 2 {
		t.Fatalf("%+v, %v", im, err)
	}
	for i, want := range []string{"+84900000007", "+84900000008"} {
		if got := im.People[i].Addresses["sms"]; !slices.Equal(got, []string{want}) {
			t.Errorf("%s: %v", im.People[i].Name, got)
		}
	}
	if len(im.Problems) != 1 || !strings.Contains(im.Problems[0], "row 4") {
		t.Errorf("%q", im.Problems)
	}
}

// The same table as every program of an office saves it.
func TestImportEncodings(t *testing.T) {
	const text = "LỊCH TRỰC\r\n\r\nNgày;Từ;Đến;Cán bộ trực;Trưởng ca\r\n31/12/2026;20h;8h;\"Nguyễn Văn An; Trần Bình\";Lê Chi\r\n;8h;20h;Trần Bình;\r\n"
	cp1258, err := charmap.Windows1258.NewEncoder().String(vietnamese1258(text))
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]string{
		"UTF-8": text, "UTF-8 with a mark": "\ufeff" + text, "decomposed": norm.NFD.String(text), "Windows-1258": cp1258, "sep=": "sep=;\r\n" + text,
		"UTF-16 LE": utf16Text(text, false), "UTF-16 BE": utf16Text(text, true), "old Mac ends": strings.ReplaceAll(text, "\r\n", "\n"),
		"tabs": strings.ReplaceAll(strings.ReplaceAll(text, "An; ", "An, "), ";", "\t"),
	} {
		im, err := Import(write(t, "lich.csv", b), known, hcm, time.Time{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := []string{"2026-12-31 08:00 2026-12-31 20:00 binh/", "2026-12-31 20:00 2027-01-01 08:00 an+binh/le-chi"}
		if !slices.Equal(lines(im), want) || len(im.Problems) != 0 || len(im.People) != 1 || im.People[0].Name != "Lê Chi" {
			t.Errorf("%s: %q, problems %q, people %+v", name, lines(im), im.Problems, im.People)
		}
	}
}

// vietnamese1258 splits tone marks off, as the code page has them: circumflex,
// breve and horn belong to their letter, the tone stands behind it.
func vietnamese1258(s string) string {
	var out []rune
	for _, r := range norm.NFD.String(s) {
		if r != '\u0302' && r != '\u0306' && r != '\u031b' {
			out = append(out, r)
			continue
		}
		i := len(out) - 1
		if out[i] == '\u0323' {
			i-- // the dot below comes before the circumflex in canonical order
		}
		out[i], _ = utf8.DecodeRuneInString(norm.NFC.String(string(out[i]) + string(r)))
	}
	return string(out)
}

func utf16Text(s string, big bool) string {
	out := []byte{0xFF, 0xFE}
	if big {
		out = []byte{0xFE, 0xFF}
	}
	for _, u := range utf16.Encode([]rune(s)) {
		if big {
			out = append(out, byte(u>>8), byte(u))
		} else {
			out = append(out, byte(u), byte(u>>8))
		}
	}
	return string(out)
}

func TestImportSaysWhereAndHowToMend(t *testing.T) {
	text := "Ngày,Ca trực,Cán bộ trực\n29/8,7h-17h,An\n31/2/2026,7h-17h,An\n29/8/26,7h-17h,An\n29/8/2026,cả ngày,An\n29/8/2026,7h-25h,An\n29/8/2026,7h-17h,\nhôm nay,7h-17h,An\n"
	im, err := Import(write(t, "lich.csv", text), known, hcm, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"row 2: \"29/8\": write the year", "row 3: \"31/2/2026\" does not exist", "row 4: \"29/8/26\": write the year", "row 5: \"cả ngày\" is not a span", "row 6: \"25h\" is not a time of day", "row 7: no officer", "row 8: \"hôm nay\" is not a date"}
	if len(im.Problems) != len(want) {
		t.Fatalf("%q", im.Problems)
	}
	for i, p := range im.Problems {
		if !strings.HasPrefix(p, "lich.csv "+want[i]) {
			t.Errorf("%q, want %q", p, want[i])
		}
	}
}

// Calendars as Outlook, Google and a text editor write them.
func TestImportCalendarsOfRealPrograms(t *testing.T) {
	event := func(lines ...string) string {
		return "\ufeffBEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n" + strings.Join(lines, "\r\n") + "\r\nSUMMARY:Trực: đ/c An\\, Bình\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	}
	for name, tt := range map[string]struct{ text, want string }{
		"all day, no end":     {event("DTSTART;VALUE=DATE:20261231"), "2026-12-31 00:00 2027-01-01 00:00 an+binh/"},
		"all day, two days":   {event("DTSTART;VALUE=DATE:20261231", "DTEND;VALUE=DATE:20270102"), "2026-12-31 00:00 2027-01-02 00:00 an+binh/"},
		"Outlook's zone":      {event("DTSTART;TZID=SE Asia Standard Time:20261231T200000", "DTEND;TZID=SE Asia Standard Time:20270101T080000"), "2026-12-31 20:00 2027-01-01 08:00 an+binh/"},
		"a path of Evolution": {event("DTSTART;TZID=/freeassociation.sourceforge.net/Asia/Ho_Chi_Minh:20261231T200000", "DURATION:PT12H"), "2026-12-31 20:00 2027-01-01 08:00 an+binh/"},
		"UTC":                 {event("DTSTART:20261231T130000Z", "DTEND:20270101T010000Z"), "2026-12-31 20:00 2027-01-01 08:00 an+binh/"},
		"another's zone":      {event("DTSTART;TZID=Asia/Tokyo:20261231T220000", "DURATION:PT12H"), "2026-12-31 20:00 2027-01-01 08:00 an+binh/"},
	} {
		im, err := Import(write(t, "lich.ics", tt.text), known, hcm, at("2027-02-01 00:00"))
		if err != nil || len(lines(im)) != 1 {
			t.Errorf("%s: %q, %v, %q", name, lines(im), err, im.Problems)
			continue
		}
		if got := lines(im)[0]; got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	for _, zone := range []string{"Local", "Mars/Olympus", "../../etc/passwd", "/"} {
		if _, err := Import(write(t, "x.ics", event("DTSTART;TZID=\""+zone+"\":20261231T200000", "DURATION:PT1H")), known, hcm, at("2027-02-01 00:00")); err == nil || !strings.Contains(err.Error(), "line 3") {
			t.Errorf("TZID %q: %v", zone, err)
		}
	}
}

func FuzzCells(f *testing.F) {
	for _, s := range []string{"7h30", "Thứ Bảy, 29/8/2026", "46274.5", "Ca 1 (7h30-17h)", "đ/c An (0900 000 001), Bình"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		im := importer{zone: hcm}
		if d, err := im.day(s); err == nil && (d.Year() < 1000 || d.Year() > 9999) {
			t.Errorf("day %q is %v", s, d)
		}
		if n, err := timeOfDay(s); err == nil && (n < 0 || n > 24*60) {
			t.Errorf("time %q is %d", s, n)
		}
		if len(splitNames(s)) > len(s) {
			t.Error("more names than letters")
		}
		_, _, _ = span(s) // must not panic
		nameAndPhone(s)
	})
}
