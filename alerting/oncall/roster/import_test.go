package roster

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"watchpost.example/alerting"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func lines(im Imported) []string {
	var out []string
	for _, s := range im.Shifts {
		out = append(out, s.Start.In(hcm).Format(clock)+" "+s.End.In(hcm).Format(clock)+" "+strings.Join(s.Officers, "+")+"/"+s.Deputy)
	}
	return out
}

var known = []alerting.Person{{ID: "an", Name: "Nguyễn Văn An"}, {ID: "binh", Name: "Trần Bình"}}

func TestImportCSVAsExcelWritesIt(t *testing.T) {
	path := write(t, "lich.csv", "\ufeffLỊCH TRỰC DỊP LỄ;;;;;\n;;;;;\nNgày;Từ;Đến;Cán bộ trực 1;Cán bộ trực 2;Trưởng ca\n"+
		"28/8/2026;17h;7h30;nguyễn văn AN;Tran Binh;Lê Chi\n29/8/2026;7h30;17h00;binh;Phạm Dũng;Lê Chi\n30/8/2026;x;17h;an;binh;\n;;;;;\n")
	im, err := Import(path, known, hcm, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"2026-08-28 17:00 2026-08-29 07:30 an+binh/le-chi", "2026-08-29 07:30 2026-08-29 17:00 binh+pham-dung/le-chi"}
	if !slices.Equal(lines(im), want) {
		t.Errorf("got %q", lines(im))
	}
	if len(im.Problems) != 1 || !strings.Contains(im.Problems[0], "row 6") {
		t.Errorf("problems %q, want one of row 6", im.Problems)
	}
	if len(im.People) != 2 || im.People[0].Name != "Lê Chi" && im.People[1].Name != "Lê Chi" {
		t.Errorf("new people %+v", im.People)
	}
}

func TestImportXLSX(t *testing.T) {
	x := excelize.NewFile()
	sheet := x.GetSheetName(0)
	for i, row := range [][]any{
		{"Bắt đầu", "Kết thúc", "Cán bộ trực 1", "Cán bộ trực 2", "Trưởng ca"},
		{"31/12/2026 20:00", "01/01/2027 08:00", "An, Bình", "", "Chi"},
		{time.Date(2027, 1, 1, 8, 0, 0, 0, time.UTC), 46388.8333333, "an", "binh", ""},
	} {
		for j, v := range row {
			cell, err := excelize.CoordinatesToCellName(j+1, i+1)
			if err != nil {
				t.Fatal(err)
			}
			if err := x.SetCellValue(sheet, cell, v); err != nil {
				t.Fatal(err)
			}
		}
	}
	style, err := x.NewStyle(&excelize.Style{CustomNumFmt: new("dd/mm/yyyy hh:mm")})
	if err != nil {
		t.Fatal(err)
	}
	if err := x.SetCellStyle(sheet, "A3", "A3", style); err != nil {
		t.Fatal(err)
	}
	if _, err := x.NewSheet("Danh bạ"); err != nil {
		t.Fatal(err)
	}
	for cell, v := range map[string]string{"A1": "Họ và tên", "B1": "Điện thoại", "A2": "Chi", "B2": "0900 000 003", "A3": "Em", "B3": "12"} {
		if err := x.SetCellStr("Danh bạ", cell, v); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "lich.xlsx")
	if err := x.SaveAs(path); err != nil {
		t.Fatal(err)
	}
	im, err := Import(path, []alerting.Person{{ID: "an", Name: "An"}, {ID: "binh", Name: "Bình"}}, hcm, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"2026-12-31 20:00 2027-01-01 08:00 an+binh/chi", "2027-01-01 08:00 2027-01-01 20:00 an+binh/"}
	if !slices.Equal(lines(im), want) {
		t.Errorf("got %q, problems %q", lines(im), im.Problems)
	}
	if len(im.People) != 1 || !slices.Equal(im.People[0].Addresses["voice"], []string{"+84900000003"}) {
		t.Errorf("people %+v", im.People)
	}
	if len(im.Problems) != 1 || !strings.Contains(im.Problems[0], "Danh bạ row 3") {
		t.Errorf("problems %q", im.Problems)
	}
	var b bytes.Buffer
	if err := WriteYAML(&b, im, hcm); err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(b.String(), "people:\n", "people:\n  - {id: an, name: An}\n  - {id: binh, name: Bình}\n", 1)
	doc, problems := parseForTest(text)
	if problems != nil || len(doc.Shifts) != 2 {
		t.Errorf("what was written can't be read: %v\n%s", problems, text)
	}
}

func TestNoHeading(t *testing.T) {
	im, err := Import(write(t, "x.csv", "a,b\n1,2\n"), nil, hcm, time.Time{})
	if err != nil || len(im.Problems) != 1 || !strings.Contains(im.Problems[0], "bắt đầu") {
		t.Errorf("%v %v", im.Problems, err)
	}
	if _, err := Import(write(t, "x.pdf", ""), nil, hcm, time.Time{}); err == nil {
		t.Error("a PDF was read")
	}
	if _, err := Import(write(t, "x.xlsx", "no zip"), nil, hcm, time.Time{}); err == nil {
		t.Error("garbage was read as xlsx")
	}
}

const calendar = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VTIMEZONE\r\nTZID:x\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n" +
	"BEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Trực: An\\, B\r\n ình\r\nDTSTART;TZID=Asia/Ho_Chi_Minh:20261230T200000\r\nDTEND;TZID=\"Asia/Ho_Chi_Minh\":20261231T080000\r\n" +
	"RRULE:FREQ=DAILY;COUNT=3\r\nEXDATE;TZID=Asia/Ho_Chi_Minh:20261231T200000\r\nBEGIN:VALARM\r\nTRIGGER:-PT15M\r\nEND:VALARM\r\nEND:VEVENT\r\n" +
	"BEGIN:VEVENT\r\nDTSTART:20270103T010000Z\r\nDURATION:PT12H\r\nATTENDEE;CN=\"Lê; Chi\":mailto:chi@a.example\r\nEND:VEVENT\r\n" +
	"BEGIN:VEVENT\r\nSTATUS:CANCELLED\r\nDTSTART:20270104T010000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"

func TestImportICS(t *testing.T) {
	im, err := Import(write(t, "lich.ics", calendar), []alerting.Person{{ID: "an", Name: "An"}, {ID: "binh", Name: "Bình"}}, hcm, at("2027-02-01 00:00"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"2026-12-30 20:00 2026-12-31 08:00 an+binh/", "2027-01-01 20:00 2027-01-02 08:00 an+binh/", "2027-01-03 08:00 2027-01-03 20:00 le-chi/",
	}
	if !slices.Equal(lines(im), want) {
		t.Errorf("got %q", lines(im))
	}
}

func TestICSKeepsTheWallClockOverSummerTime(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	text := "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261023T220000\nDTEND:20261024T060000\nRRULE:FREQ=DAILY;UNTIL=20261026\nEND:VEVENT\nEND:VCALENDAR\n"
	events, err := ReadICS(strings.NewReader(text), berlin, time.Time{})
	if err != nil || len(events) != 4 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	for _, e := range events {
		if e.Start.In(berlin).Hour() != 22 || e.End.In(berlin).Hour() != 6 {
			t.Errorf("%v to %v", e.Start.In(berlin), e.End.In(berlin))
		}
	}
	if d := events[1].End.Sub(events[1].Start); d != 9*time.Hour {
		t.Errorf("the night of the change lasts %s, want 9h", d)
	}
}

func TestICSRules(t *testing.T) {
	for rule, want := range map[string]int{
		"FREQ=DAILY;COUNT=5": 5, "FREQ=WEEKLY;COUNT=3;BYDAY=MO,WE": 3, "FREQ=DAILY;INTERVAL=2;UNTIL=20270110T000000": 4,
		"FREQ=WEEKLY;INTERVAL=2;UNTIL=20270201": 3, "FREQ=DAILY": 30,
		"FREQ=MONTHLY": -1, "FREQ=DAILY;BYHOUR=3": -1, "FREQ=DAILY;COUNT=0": -1, "FREQ=DAILY;INTERVAL=-1": -1, "BYDAY=XX;FREQ=WEEKLY": -1, "": 1,
	} {
		text := "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20270102T080000\nDURATION:PT1H\n"
		if rule != "" {
			text += "RRULE:" + rule + "\n"
		}
		events, err := ReadICS(strings.NewReader(text+"END:VEVENT\nEND:VCALENDAR\n"), hcm, at("2027-01-31 12:00"))
		if want < 0 && err == nil || want >= 0 && (err != nil || len(events) != want) {
			t.Errorf("%q: %d events, %v; want %d", rule, len(events), err, want)
		}
	}
}

func TestWhatIsWrittenAsICSComesBack(t *testing.T) {
	r := sample(shift("2026-12-31 20:00", "2027-01-01 08:00", "an", "binh"), shift("2027-01-01 09:00", "2027-01-01 20:00", "binh", "an"))
	r.People[0].Name = strings.Repeat("Nguyễn Thị Ánh; ", 8)
	var b bytes.Buffer
	if err := WriteICS(&b, r, at("2026-12-31 00:00"), at("2027-01-02 00:00"), at("2026-12-01 00:00")); err != nil {
		t.Fatal(err)
	}
	for l := range strings.SplitSeq(b.String(), "\r\n") {
		if len(l) > 75 {
			t.Errorf("a line of %d bytes: %q", len(l), l)
		}
	}
	events, err := ReadICS(&b, hcm, time.Time{})
	if err != nil || len(events) != 2 || !events[0].Start.Equal(r.Shifts[0].Start) || !events[1].End.Equal(r.Shifts[1].End) {
		t.Errorf("%v, %v", events, err)
	}
	if !strings.Contains(events[0].Summary, "Nguyễn Thị Ánh; ") {
		t.Errorf("summary %q", events[0].Summary)
	}
}

func TestBombsAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"not a calendar": "hello",
		"cut off":        calendar[:300],
		"endless line":   "BEGIN:VCALENDAR\n" + strings.Repeat("X", maxLine+1),
		"endless fold":   "BEGIN:VCALENDAR\nX:1\n" + strings.Repeat(" "+strings.Repeat("y", 1000)+"\n", 100),
		"deep":           strings.Repeat("BEGIN:X\n", 50),
		"many events":    "BEGIN:VCALENDAR\n" + strings.Repeat("BEGIN:VEVENT\nDTSTART:20270101T000000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=9999\nEND:VEVENT\n", 3) + "END:VCALENDAR\n",
	} {
		if _, err := ReadICS(strings.NewReader(text), hcm, at("2027-02-01 00:00")); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func FuzzReadICS(f *testing.F) {
	f.Add(calendar)
	f.Add("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20270102\nDURATION:P1W\nRRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20280101\nEND:VEVENT\nEND:VCALENDAR")
	f.Fuzz(func(t *testing.T, s string) {
		events, err := ReadICS(strings.NewReader(s), hcm, at("2027-06-01 00:00"))
		if err != nil {
			return
		}
		for _, e := range events {
			if !e.End.After(e.Start) {
				t.Errorf("an event from %v to %v", e.Start, e.End)
			}
		}
		if len(events) > maxEvents {
			t.Errorf("%d events", len(events))
		}
	})
}

func FuzzPhone(f *testing.F) {
	f.Add("0900 000 001")
	f.Fuzz(func(t *testing.T, s string) {
		n, err := Phone(s)
		if err != nil {
			return
		}
		if again, err := Phone(n); err != nil || again != n {
			t.Errorf("%q gives %q, which gives %q, %v", s, n, again, err)
		}
	})
}
