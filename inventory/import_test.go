package inventory

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
)

func xlsx(t *testing.T, rows [][]any) []byte {
	t.Helper()
	f := excelize.NewFile()
	for i, r := range rows {
		if err := f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &r); err != nil {
			t.Fatal(err)
		}
	}
	b, err := f.WriteToBuffer()
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A sheet as units send it: a title, capitals, merged unit cells, numbers that
// the spreadsheet ate the zero of, bare domains, a footnote.
func TestImportXLSX(t *testing.T) {
	t.Parallel()
	b := xlsx(t, [][]any{
		{"DANH SÁCH HỆ THỐNG THÔNG TIN CÔNG KHAI"},
		{},
		{"STT", "TÊN ĐƠN VỊ", "Tên hệ thống", "Địa chỉ/URL (*)", "Cấp độ", "Đầu mối", "Điện thoại", "Email", "Ghi chú"},
		{1, "Sở Y tế", "Cổng thông tin: tin tức #1", "portal.example", 3, "Trực ban", 900000001, "truc@donvi.example", "x"},
		{2, nil, "Thư điện tử", "smtp://mail.example", "Cấp độ II", "Trực ban", 900000001, "truc@donvi.example"},
		{3, "Sở Nội vụ", "", "https://cổng.example/vi", "", "", "0900 000 002"},
		{4, "", "Cổng thông tin", "http://b.example", nil},
		{5, "", "Cổng thông tin", "http://c.example", nil},
		{"Ghi chú: cấp độ theo phê duyệt"},
	})
	got, problems := Import(bytes.NewReader(b), "xlsx", "ds.xlsx")
	if problems != nil {
		t.Fatal(problems)
	}
	want := `# Imported from ds.xlsx. Check it with: watchpost check
units:
  - id: so-y-te
    name: Sở Y tế
    contacts:
      - name: Trực ban
        phone: "0900000001"
        email: "truc@donvi.example"
    systems:
      - id: cong-thong-tin-tin-tuc-1
        name: "Cổng thông tin: tin tức #1"
        url: https://portal.example
        level: 3
      - id: thu-dien-tu
        name: Thư điện tử
        url: smtp://mail.example
        level: 2
  - id: so-noi-vu
    name: Sở Nội vụ
    contacts:
      - name: Đầu mối
        phone: "0900000002"
    systems:
      - id: cong.example
        url: https://cổng.example/vi
      - id: cong-thong-tin
        name: Cổng thông tin
        url: http://b.example
      - id: cong-thong-tin-2
        name: Cổng thông tin
        url: http://c.example
`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	inv, problems := Parse("imported.yaml", got, fakeKinds())
	if problems != nil || len(inv.Units) != 2 || inv.System("so-y-te/thu-dien-tu").Level != 2 || inv.System("so-y-te/cong-thong-tin-tin-tuc-1").Name != "Cổng thông tin: tin tức #1" {
		t.Errorf("the output must load: %v", problems)
	}
}

func TestImportCSV(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"comma":      "unit,url\nA,https://a.example/\n",
		"BOM, CRLF":  "\xef\xbb\xbfĐơn vị;Tên miền\r\nA;https://a.example/\r\n",
		"tab":        "Cơ quan\tWebsite\nA\thttps://a.example/\n",
		"quoted":     "\"Unit Name\",\"URL\"\n\"A\",\"https://a.example/\"\n",
		"NFD accent": "Đo\u031bn vi\u0323,Đi\u0323a chi\u0309\nA,https://a.example/\n",
	} {
		got, problems := Import(strings.NewReader(in), "csv", "f.csv")
		inv, more := Parse("f.yaml", got, fakeKinds())
		if problems != nil || more != nil || inv.System("a/a.example") == nil {
			t.Errorf("%s: %v %v\n%s", name, problems, more, got)
		}
	}
}

func TestImportTellsEachRow(t *testing.T) {
	t.Parallel()
	in := `Mã đơn vị,Tên đơn vị,Mã hệ thống,Tên hệ thống,URL,Websit,Cap do,Điện thoại,Email
,,,Mồ côi,https://o.example,,1,,
Sở Y,Sở Y tế,,Cổng,https://y.example,,,,
so-y-te,Sở Y tế,,Cổng,,,3,,
so-y-te,Sở Nội vụ,,Cổng,https://n.example,,3,,
so-y-te,Sở Y tế,Hệ 1,Cổng,htp://y.example,,7,12345,truc@
so-y-te,,,,a.example; b.example,,3,,
so-y-te,,,,https://u:hunter2@c.example,,3,,
so-y-te,,ok,Đúng,https://ok.example,,cấp 4,,
so-y-te,,ok,Trùng,https://ok2.example,,4,,
so-y-te,,,Trùng,https://ok.example,,4,,
`
	got, problems := Import(strings.NewReader(in), "csv", "ds.csv")
	want := strings.TrimSpace(`
ds.csv:row 1: column "Websit" is unknown; did you mean "Địa chỉ"?
ds.csv:row 2: column "Tên đơn vị": is empty, and no unit stands above
ds.csv:row 3: column "Mã đơn vị": "Sở Y" is not a short name: use a-z, 0-9, "-", "_" and "."; did you mean "so-y"?
ds.csv:row 4: column "URL": is empty; every system needs an address
ds.csv:row 5: column "Tên đơn vị": "Sở Nội vụ" has the id so-y-te, which is "Sở Y tế" in row 4
ds.csv:row 6: column "Điện thoại": "12345" is not a telephone number: it has fewer than 8 digits
ds.csv:row 6: column "Email": "truc@" is not an e-mail address such as truc@donvi.example
ds.csv:row 6: column "URL": "htp://y.example" has the unknown scheme "htp"; did you mean "http"?
ds.csv:row 6: column "Mã hệ thống": "Hệ 1" is not a short name: use a-z, 0-9, "-", "_" and "."; did you mean "he-1"?
ds.csv:row 6: column "Cap do": "7" is not a security level; levels are 1 to 5
ds.csv:row 7: column "URL": "a.example; b.example" is more than one address; give each a row of its own
ds.csv:row 8: column "URL": "https://…@c.example" must not hold a user or password: it would stand on the wall and in labels
ds.csv:row 10: column "Mã hệ thống": "ok" is used already in this unit
ds.csv:row 11: column "URL": "https://ok.example" stands in this unit already, as "ok"
`)
	if problems.Error() != want {
		t.Errorf("got\n%s\nwant\n%s", problems.Error(), want)
	}
	inv, more := Parse("f.yaml", got, fakeKinds())
	if more != nil || len(inv.Checks) != 2 || inv.System("so-y-te/ok").Level != 4 {
		t.Errorf("the good rows must load: %v\n%s", more, got)
	}
}

// What people write into a column of addresses, and what is made of it: never a
// guess that would watch another host.
func TestImportAddresses(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
		"portal.example":              "https://portal.example",
		"portal.example:8443/x":       "https://portal.example:8443/x",
		"www.portal.example/a//b":     "https://www.portal.example/a//b",
		"192.0.2.10":                  "https://192.0.2.10",
		"portal.example;":             "https://portal.example",
		"https://intranet/":           "https://intranet/",
		"HTTPS://Portal.example":      "HTTPS://Portal.example",
		"smtp//thu":                   `"smtp//thu" is not a full address; did you mean "smtp://thu"?`,
		"smtp:/mail.example":          `"smtp:/mail.example" is not a full address; did you mean "smtp://mail.example"?`,
		"http//portal.example/vi":     `"http//portal.example/vi" is not a full address; did you mean "http://portal.example/vi"?`,
		"https:portal.example":        `"https:portal.example" is not a full address; did you mean "https://portal.example"?`,
		"https//:portal.example":      `"https//:portal.example" is not a full address; did you mean "https://portal.example"?`,
		`http:\\portal.example`:       `did you mean "http://portal.example"?`,
		"htps:/portal.example":        `did you mean "https://portal.example"?`,
		"https;//portal.example":      `did you mean "https://portal.example"?`,
		"//portal.example":            `did you mean "https://portal.example"?`,
		"thu":                         `"thu" is not an address: a bare name needs a dot`,
		"localhost:8080":              "a bare name needs a dot",
		"1.2.3":                       "neither a host name nor a whole IP address",
		"42":                          "neither a host name nor a whole IP address",
		"#N/A":                        "has no host",
		"đang xây dựng":               "has a space in it",
		"-":                           "begins or ends with a hyphen",
		"http://http://portal":        `holds the scheme "http" as its host; write it once`,
		"https://smtp//thu":           `holds the scheme "smtp" as its host`,
		"https://smtp/thu":            "https://smtp/thu",
		"https://":                    "has no host",
		"https://portal..example":     "two dots",
		"https://portal.example:0":    "has the port",
		"mailto:truc@donvi.example":   "must not hold a user",
		"truc:hunter2@portal.example": "must not hold a user",
		"ftp://files.example":         `has the unknown scheme "ftp"`,
		"javascript://x.example":      "unknown scheme",
		"a.example b.example":         "is more than one address",
		"https://a.example/\u202egro": "https://a.example/gro",
	} {
		got, problems := Import(strings.NewReader("unit,url\nA,\""+cell+"\"\n"), "csv", "f.csv")
		if strings.Contains(problems.Error(), "hunter2") {
			t.Errorf("%s: the password is told", cell)
		}
		if strings.Contains(want, "://") && !strings.Contains(want, " ") {
			if problems != nil || !strings.Contains(string(got), "url: "+want+"\n") && !strings.Contains(string(got), `url: "`+want+`"`) {
				t.Errorf("%s: %v\n%s", cell, problems, got)
			}
			continue
		}
		if len(problems) != 1 || !strings.HasPrefix(problems.Error(), "f.csv:row 2: column \"url\": ") || !strings.Contains(problems.Error(), want) {
			t.Errorf("%s: got %v, want %s\n%s", cell, problems, want, got)
		}
	}
}

func TestImportRefusesWhatIsNoSheet(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	z := zip.NewWriter(&bomb)
	for _, n := range []string{"[Content_Types].xml", "xl/workbook.xml", "xl/worksheets/sheet1.xml"} {
		w, err := z.Create(n)
		if err != nil {
			t.Fatal(err)
		}
		zero := make([]byte, 1<<20)
		for range 25 {
			if _, err := w.Write(zero); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		in     []byte
		format string
		want   string
	}{
		"empty":             {nil, "csv", noHeader},
		"empty xlsx":        {nil, "xlsx", "is not an .xlsx file"},
		"no headers":        {[]byte("a,b\nc,d\n"), "csv", noHeader},
		"headers only":      {[]byte("unit,url\n"), "csv", "has headers, but no row with a system"},
		"unit alone":        {[]byte("unit,url\nSở A,\n"), "csv", `f:row 2: column "url": the unit "Sở A" has no system in any row`},
		"latin-1":           {[]byte("unit,url\nS\xf4,x\n"), "csv", "is not UTF-8 text; save it as \"CSV UTF-8\""},
		"xlsx called csv":   {[]byte("PK\x03\x04"), "csv", "is an .xlsx file with the name of a .csv; rename it"},
		"old xls":           {[]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "xlsx", "is not an .xlsx file"},
		"broken zip":        {[]byte("PK\x03\x04 and then nothing"), "xlsx", "is not a readable .xlsx file"},
		"bomb":              {bomb.Bytes(), "xlsx", "is not a readable .xlsx file"},
		"unknown format":    {nil, "ods", `"ods" is not a format that can be imported: xlsx or csv`},
		"larger than bound": {bytes.Repeat([]byte("x,"), maxSheetSize/2+1), "csv", "is larger than 16 MB; keep only the sheet with the systems"},
	} {
		begin := time.Now()
		got, problems := Import(bytes.NewReader(c.in), c.format, "f")
		if got != nil || len(problems) != 1 || !strings.Contains(problems.Error(), c.want) {
			t.Errorf("%s: got %v", name, problems)
		}
		if d := time.Since(begin); d > 10*time.Second {
			t.Errorf("%s: took %v", name, d)
		}
	}
}

func TestInit(t *testing.T) {
	t.Parallel()
	got, err := Init([]string{"https://portal.example/", "portal.example/vi", "cổng.example", "smtp://mail.example", "dns://donvi.example", "tcp://ldap.example:389", "icmp://192.0.2.1", "https://portal.example/"})
	if err != nil {
		t.Fatal(err)
	}
	inv, problems := Parse("inventory.yaml", got, fakeKinds())
	if problems != nil {
		t.Fatalf("%v\n%s", problems, got)
	}
	if len(inv.Units[0].Systems) != 7 || len(inv.Checks) != 12 || inv.System("my-unit/portal.example-2") == nil {
		t.Errorf("got %s", lines(inv))
	}
	// The commented part must be right too: take the comment signs off.
	_, tail, _ := strings.Cut(initTail, "#\n")
	example := "units:\n  - id: my-unit\n    systems:\n      - {id: gateway, url: 'icmp://gw.example'}\n" + strings.TrimPrefix(strings.ReplaceAll(tail, "\n#", "\n"), "#")
	if _, problems := Parse("tail.yaml", []byte(example), fakeKinds()); problems != nil {
		t.Errorf("%v\n%s", problems, example)
	}
	_, err = Init([]string{"htps://x.example", "https://a b", "https://u:hunter2@x.example"})
	want := `"htps://x.example" has the unknown scheme "htps"; did you mean "https"?
"https://a b" has a space in it
"https://…@x.example" must not hold a user or password: it would stand on the wall and in labels`
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	if _, err := Init(nil); err == nil {
		t.Error("nothing given")
	}
}

func TestTextIsAlwaysOneYAMLScalar(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"a", "Sở Y tế", "a: b", "- x", "#x", "yes", "1", "0x1", "~", "null", "'", `"`, `\`, "@a", "a #b", "a:", "", " a ", "{a}", "[", "&x", "*x", "!x", "%", "https://x.example/?a=b&c", "a\tb", "é\u2028", "<<", "=", "2026-01-01", "https://x.example/#y", ".inf", "a, b"} {
		inv, problems := Parse("f.yaml", []byte("units: [{id: a, name: "+text(s)+", systems: [{url: 'icmp://a.example'}]}]\n"), fakeKinds())
		flow := strings.ContainsAny(s, ",[]{}") && !strings.HasPrefix(text(s), `"`)
		if problems != nil || s != "" && inv.Units[0].Name != s || flow {
			t.Errorf("%q written %s: %v", s, text(s), problems)
		}
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()
	s := Summarize(parse(t, "units: [{id: a, systems: [{id: p, url: 'https://portal.example/', defaults: {interval: 10s}}, {id: g, url: 'icmp://gw.example', defaults: {interval: 1s}}]}]"))
	want := `CHECK     KIND  ASKS                     EVERY  WITHIN  CONFIRMED BY
a/g/icmp  icmp  gw.example               1s     660ms   3 down, 2 up, again after 1s
a/p/http  http  https://portal.example/  10s    6.66s   3 down, 2 up, again after 3s
a/p/tls   tls   portal.example:443       10s    6.66s   3 down, 2 up, again after 3s

KIND  CHECKS  LOOKS/s  PACKETS/s  kB/s  SERIES
http  1       0.10     2.0        1.2   16
icmp  1       1.00     2.0        0.2   9
tls   1       0.10     1.4        0.7   14
all   3       1.20     5.4        2.0   39

1 unit, 2 systems, 3 checks. Estimated for one address a name, confirmation and redirects not counted.
`
	if got := s.Text(); got != want {
		t.Errorf("got\n%s", got)
	}
}

func FuzzImportCSV(f *testing.F) {
	f.Add("unit,url\nA,https://a.example/\n")
	f.Add("Mã đơn vị;Tên đơn vị;URL;Cấp độ\nx;Y;z.example;3\n;;w.example;\n")
	f.Fuzz(func(t *testing.T, in string) {
		got, _ := Import(strings.NewReader(in), "csv", "f.csv")
		if got == nil {
			return
		}
		if _, problems := Parse("f.yaml", got, fakeKinds()); problems != nil {
			t.Errorf("the output does not load: %v\n%s", problems, got)
		}
	})
}

func FuzzInventory(f *testing.F) {
	f.Add([]byte(oneSystem))
	f.Add([]byte("defaults: {interval: 5s, kinds: {http: {slow: 1s}}}\nunits:\n- id: a\n  systems:\n  - {id: x, url: 'tcp://x:1', depends_on: [x], maintenance: [{weekly: CN 01:00, duration: 1h}]}\n"))
	f.Add([]byte("units: [{id: a, contacts: [{phone: 1}], systems: [{profile: web, with: [icmp], checks: [{id: tls, kind: tls}]}]}]"))
	f.Fuzz(func(t *testing.T, in []byte) {
		inv, problems := Parse("f.yaml", in, fakeKinds())
		if (inv == nil) == (len(problems) == 0) {
			t.Fatalf("neither or both: %v %v", inv, problems)
		}
		for _, p := range problems {
			if strings.ContainsAny(p.Text, "\n\r") || p.Text == "" {
				t.Errorf("not one line: %q", p.Text)
			}
		}
		if inv != nil {
			for _, c := range inv.Checks {
				if c.Prober == nil || c.Timeout >= c.Interval || c.Fingerprint == "" || c.Confirm.Down < 1 || c.Confirm.Up < 1 || c.Confirm.Recheck <= 0 {
					t.Errorf("a check that cannot be: %+v", c)
				}
			}
		}
	})
}
