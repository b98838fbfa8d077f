package report

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"watchpost.example/probes"
)

// canned is a Source with fixed answers, keyed by system.
type canned map[string][]Series

func (c canned) Samples(_ context.Context, s *probes.System, _, _ time.Time) ([]Series, error) {
	if s.ID == "broken" {
		return nil, errors.New("disk on fire")
	}
	return c[s.ID], nil
}

func system(u *probes.Unit, id, name string, kinds ...string) *probes.System {
	s := &probes.System{Unit: u, ID: id, Name: name}
	for _, k := range kinds {
		s.Checks = append(s.Checks, &probes.Check{ID: probes.ID{Unit: u.ID, System: id, Check: k}, System: s, Kind: k, Interval: 10 * time.Second, Timeout: 5 * time.Second})
	}
	u.Systems = append(u.Systems, s)
	return s
}

func fixture() ([]*probes.Unit, canned) {
	u := &probes.Unit{ID: "truong-a", Name: `Trường A <script>alert(1)</script>`}
	system(u, "portal", "Cổng thông tin", "http", "icmp", "tls")
	system(u, "mail", `=HYPERLINK("http://evil.example")`, "tcp")
	system(u, "new", "Hệ thống mới", "http")
	v := &probes.Unit{ID: "vp-b", Name: "Văn phòng B"}
	system(v, "dns", "Máy chủ tên miền", "dns")
	src := canned{
		"portal": {
			{Check: "http", Samples: append(every(0, 500, probes.Up), Sample{At: at(500), Verdict: probes.Down, Since: at(480), Reason: probes.HTTPStatus}, Sample{At: at(510), Verdict: probes.Down, Since: at(480), Reason: probes.HTTPStatus}, Sample{At: at(520), Verdict: probes.Up, Since: at(515)})},
			{Check: "icmp", Samples: every(0, 1000, probes.Down)},
			{Check: "tls", Samples: func() []Sample {
				l := every(0, 1000, probes.Down)
				for i := range l {
					l[i].Reason = probes.TLSExpired
				}
				return l
			}()},
		},
		"mail": {{Check: "tcp", Samples: every(0, 1000, probes.Up)}},
		"dns":  {{Check: "dns", Samples: every(0, 400, probes.Up)}},
	}
	src["portal"][0].Samples = append(src["portal"][0].Samples, every(530, 1000, probes.Up)...)
	return []*probes.Unit{u, v}, src
}

func build(t *testing.T, opt Options) *Report {
	t.Helper()
	units, src := fixture()
	opt.Now = at(5000)
	r, err := Build(t.Context(), src, units, period(0, 1000), opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestBuild(t *testing.T) {
	r := build(t, Options{})
	portal, mail, fresh, dns := r.Units[0].Systems[0], r.Units[0].Systems[1], r.Units[0].Systems[2], r.Units[1].Systems[0]
	if got := portal.Tally; got[Down] != sec(35) || got[Degraded] != sec(965) {
		t.Errorf("portal: the http outage of 35 s counts, the expired certificate is Degraded, pings do not count: %v", got)
	}
	if o := portal.Outages; len(o) != 1 || o[0].Reason != probes.HTTPStatus || strings.Join(o[0].Checks, " ") != "http" || !o[0].Start.Equal(at(480)) {
		t.Errorf("portal's outage: %+v", o)
	}
	if mail.Availability.Percent(2) != "100.00" || len(mail.Outages) != 0 {
		t.Errorf("mail: %+v", mail)
	}
	if fresh.Measured || fresh.Availability.Known() || fresh.Pessimistic.Percent(2) != "0.00" {
		t.Errorf("a system that was never looked at has no availability: %+v", fresh)
	}
	if dns.Availability.Percent(2) != "100.00" || dns.Pessimistic.Percent(2) != "40.00" || len(dns.NoData) != 1 || dns.NoData[0].To.Sub(dns.NoData[0].From) != sec(600) {
		t.Errorf("dns: %+v", dns)
	}
	if r.Units[0].AnyDown != sec(35) {
		t.Errorf("union of downtime: %v", r.Units[0].AnyDown)
	}
	if got := r.Units[0].Mean.Percent(2); got != "98.25" { // (96.5 + 100) / 2
		t.Errorf("mean of the unit: %s", got)
	}
}

func TestCheckAddedLaterDoesNotMakeThePastUnknown(t *testing.T) {
	u := &probes.Unit{ID: "a"}
	s := system(u, "x", "X", "http", "tcp")
	line, _ := systemTimeline(s, []Series{{Check: "http", Samples: every(0, 100, probes.Up)}, {Check: "tcp", Samples: every(50, 100, probes.Up)}}, period(0, 100))
	if y := line.Tally(); y[Up] != sec(100) {
		t.Errorf("got %v", y)
	}
	// But a check that fell silent later is something we do not know.
	line, _ = systemTimeline(s, []Series{{Check: "http", Samples: every(0, 100, probes.Up)}, {Check: "tcp", Samples: every(0, 50, probes.Up)}}, period(0, 100))
	if y := line.Tally(); y[Unknown] != sec(50) {
		t.Errorf("got %v", y)
	}
	// What is known to be down is down, whatever else is not known.
	line, _ = systemTimeline(s, []Series{{Check: "http", Samples: every(0, 100, probes.Unknown)}, {Check: "tcp", Samples: every(0, 100, probes.Down)}}, period(0, 100))
	if y := line.Tally(); y[Down] != sec(100) {
		t.Errorf("got %v", y)
	}
}

func TestVantagesVote(t *testing.T) {
	u := &probes.Unit{ID: "a"}
	s := system(u, "x", "X", "http")
	three := func(a, b, c probes.Verdict) Tally {
		line, _ := systemTimeline(s, []Series{
			{Check: "http", Vantage: "a", Samples: every(0, 100, a)},
			{Check: "http", Vantage: "b", Samples: every(0, 100, b)},
			{Check: "http", Vantage: "c", Samples: every(0, 100, c)},
		}, period(0, 100))
		return line.Tally()
	}
	for _, c := range []struct {
		a, b, c probes.Verdict
		want    Class
	}{
		{probes.Down, probes.Up, probes.Up, Degraded},
		{probes.Down, probes.Down, probes.Up, Down},
		{probes.Down, probes.Unknown, probes.Unknown, Down},
		{probes.Down, probes.Up, probes.Unknown, Degraded},
		{probes.Unknown, probes.Unknown, probes.Unknown, Unknown},
		{probes.Up, probes.Up, probes.Unknown, Up},
	} {
		if y := three(c.a, c.b, c.c); y[c.want] != sec(100) {
			t.Errorf("%v %v %v: want %v, got %v", c.a, c.b, c.c, c.want, y)
		}
	}
}

func TestMaintenanceWindows(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	u := &probes.Unit{ID: "a"}
	s := system(u, "x", "X", "http")
	daily := probes.Window{Start: time.Date(2026, 10, 20, 1, 30, 0, 0, berlin), Duration: 2 * time.Hour, Repeat: probes.Daily}
	s.Maintenance = []probes.Window{daily}
	// The week in which summer time ends: each night has its two real hours.
	p := Period{From: time.Date(2026, 10, 22, 0, 0, 0, 0, berlin), To: time.Date(2026, 10, 29, 0, 0, 0, 0, berlin)}
	if p.Length() != 169*time.Hour {
		t.Fatalf("the week has %v", p.Length())
	}
	line, _ := systemTimeline(s, nil, p)
	if y := line.Tally(); y[Maintenance] != 14*time.Hour || y.Total() != p.Length() {
		t.Errorf("got %v", y)
	}
	// Every occurrence agrees with probes.Window.Contains, minute by minute.
	weekly := probes.Window{Start: time.Date(2026, 3, 1, 23, 0, 0, 0, berlin), Duration: 50 * time.Hour, Repeat: probes.Weekly, Until: time.Date(2026, 4, 20, 0, 0, 0, 0, berlin)}
	for _, w := range []probes.Window{daily, weekly, {Start: time.Date(2026, 3, 29, 1, 0, 0, 0, berlin), Duration: 3 * time.Hour}} {
		for _, p := range []Period{p, {From: time.Date(2026, 3, 20, 5, 0, 0, 0, berlin), To: time.Date(2026, 5, 4, 1, 0, 0, 0, berlin)}} {
			spans := occurrences(w, p)
			for m := p.From; m.Before(p.To); m = m.Add(7 * time.Minute) {
				in := false
				for _, o := range spans {
					in = in || !m.Before(o) && m.Before(o.Add(w.Duration))
				}
				if in != w.Contains(m) {
					t.Fatalf("%v at %v: listed %v, Contains says %v", w, m, in, w.Contains(m))
				}
			}
		}
	}
}

func TestFutureEndIsCutAndSaid(t *testing.T) {
	units, src := fixture()
	r, err := Build(t.Context(), src, units, period(0, 1000), Options{Now: at(600)})
	if err != nil {
		t.Fatal(err)
	}
	if !r.To.Equal(at(600)) || !r.Asked.Equal(at(1000)) {
		t.Errorf("to %v, asked %v", r.To, r.Asked)
	}
	if _, err := Build(t.Context(), src, units, period(0, 1000), Options{Now: at(-5)}); !errors.Is(err, ErrPeriod) {
		t.Errorf("a period wholly in the future: %v", err)
	}
}

func TestSourceErrorEndsTheReport(t *testing.T) {
	u := &probes.Unit{ID: "a"}
	system(u, "broken", "X", "http")
	_, err := Build(t.Context(), canned{}, []*probes.Unit{u}, period(0, 10), Options{Now: at(99)})
	if err == nil || !strings.Contains(err.Error(), "a/broken") {
		t.Errorf("got %v", err)
	}
}

func TestHTML(t *testing.T) {
	var b bytes.Buffer
	r := build(t, Options{Organisation: "Trung tâm B", Objective: 99.5, Incidents: &Incidents{Opened: 3}, Explain: func(reason, _ string) (string, string) {
		return map[string]string{"http_status": "Máy chủ trả mã lỗi"}[reason], ""
	}})
	if err := HTML(&b, r); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	for _, want := range []string{
		"CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Trung tâm B", "96,50%", "100,00%", "không có số liệu", "40,00%",
		"Máy chủ trả mã lỗi", "35 giây", "12:08:00 02/9/2026", "Chưa đạt", "giờ UTC", "16 phút 40 giây", "10 phút",
		"&lt;script&gt;",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	for _, bad := range []string{"<script", "href=", "url(", "@import", "src=", "ZgotmplZ", "%!"} {
		if strings.Contains(got, bad) {
			t.Errorf("the report holds %q", bad)
		}
	}
}

func TestCSVIsInertAndReadable(t *testing.T) {
	r := build(t, Options{})
	for name, write := range map[string]func(*bytes.Buffer) error{
		"systems": func(b *bytes.Buffer) error { return CSV(b, r) },
		"outages": func(b *bytes.Buffer) error { return OutagesCSV(b, r) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(b.Bytes(), []byte(bom)) {
			t.Errorf("%s: no byte order mark", name)
		}
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(b.String(), bom))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			for _, cell := range row {
				if strings.HasPrefix(cell, "=") {
					t.Errorf("%s: a formula: %s", name, cell)
				}
			}
		}
		if name == "systems" && len(rows) != 5 || name == "outages" && len(rows) != 2 {
			t.Errorf("%s: %d rows", name, len(rows))
		}
	}
}

func TestInert(t *testing.T) {
	for in, want := range map[string]string{
		"=1+1": "'=1+1", "+1+2": "'+1+2", "-2+3": "'-2+3", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", " =1": "' =1",
		"＝1": "'＝1", "-12.5": "-12.5", "Cổng": "Cổng", "": "", "a=b": "a=b",
	} {
		if got := inert(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestJSONHasNullForUnknown(t *testing.T) {
	var b bytes.Buffer
	if err := JSON(&b, build(t, Options{})); err != nil {
		t.Fatal(err)
	}
	var v struct {
		Units []struct {
			Systems []struct {
				ID           string
				Availability *struct{ Percent string }
				Time         map[string]float64
			}
		}
	}
	if err := json.Unmarshal(b.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	s := v.Units[0].Systems
	if s[0].Availability.Percent != "96.500" || s[0].Time["down_seconds"] != 35 || s[2].Availability != nil {
		t.Errorf("got %+v", s)
	}
}

func TestParsePeriod(t *testing.T) {
	hcm, err := time.LoadLocation("Asia/Ho_Chi_Minh")
	if err != nil {
		t.Fatal(err)
	}
	p, err := ParsePeriod("2026-08-28T17:00", "2026-09-02", hcm)
	if err != nil || p.From.UTC().Format(time.RFC3339) != "2026-08-28T10:00:00Z" || p.To.UTC().Format(time.RFC3339) != "2026-09-02T17:00:00Z" {
		t.Errorf("a date alone as the end is the whole day: %v %v", p, err)
	}
	for _, bad := range [][2]string{{"yesterday", "2026-09-02"}, {"2026-09-02", "2026-08-01"}, {"2026-02-30", "2026-03-01"}, {"2020-01-01", "2026-01-01"}} {
		if _, err := ParsePeriod(bad[0], bad[1], hcm); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
}

func TestVietnameseForms(t *testing.T) {
	for _, c := range [][2]string{
		{dateVI(time.Date(2026, 9, 2, 0, 0, 0, 0, time.UTC)), "02/9/2026"},
		{dateVI(time.Date(2026, 2, 14, 0, 0, 0, 0, time.UTC)), "14/02/2026"},
		{headDate(time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)), "ngày 05 tháng 01 năm 2026"},
		{durationVI(time.Hour + 52*time.Minute), "1 giờ 52 phút"},
		{durationVI(time.Nanosecond), "1 giây"},
		{durationVI(48*time.Hour - time.Second), "47 giờ 59 phút 59 giây"},
		{durationVI(48 * time.Hour), "2 ngày"},
		{durationVI(49*time.Hour + 5*time.Second), "2 ngày 01 giờ 05 giây"},
		{durationVI(0), "0 giây"},
		{numberVI(1234567), "1.234.567"},
		{numberVI(-123), "-123"},
		{countVI(3), "03"},
		{percentVI(Ratio{}, 2), "không có số liệu"},
		{percentVI(Ratio{9999, 10000}, 2), "99,99%"},
		{zoneVI(time.Date(2026, 1, 1, 0, 0, 0, 0, time.FixedZone("X", 5*3600+1800))), "giờ X (UTC+5:30)"},
	} {
		if c[0] != c[1] {
			t.Errorf("got %q, want %q", c[0], c[1])
		}
	}
}

// rawFake answers from a map of metric to series and checks the chunks.
type rawFake struct {
	t    *testing.T
	data map[string][]RawSeries
	max  time.Duration
}

func (f rawFake) Raw(_ context.Context, selector string, from, to time.Time) ([]RawSeries, error) {
	if to.Sub(from) > f.max {
		f.t.Errorf("a read of %v", to.Sub(from))
	}
	name, rest, _ := strings.Cut(selector, "{")
	if rest != `unit="a",system="x"}` {
		f.t.Errorf("selector %q", selector)
	}
	var out []RawSeries
	for _, s := range f.data[name] {
		c := RawSeries{Labels: s.Labels}
		for _, p := range s.Points {
			if !p.At.Before(from) && p.At.Before(to) {
				c.Points = append(c.Points, p)
			}
		}
		out = append(out, c)
	}
	return out, nil
}

func TestHistorySource(t *testing.T) {
	l := map[string]string{"check": "http", "vantage": "hn"}
	f := rawFake{t: t, max: 10 * time.Second, data: map[string][]RawSeries{
		"watchpost_check_state":                         {{l, []Point{{at(0), 1}, {at(10), 3}, {at(20), math.NaN()}, {at(30), 9}}}},
		"watchpost_check_state_since_timestamp_seconds": {{l, []Point{{at(10), float64(at(5).Unix())}}}},
		"watchpost_check_reason_info":                   {{map[string]string{"check": "http", "vantage": "hn", "reason": "tcp_refused"}, []Point{{at(10), 1}}}},
	}}
	u := &probes.Unit{ID: "a"}
	got, err := HistorySource{Raw: f, Chunk: 10 * time.Second}.Samples(t.Context(), system(u, "x", "", "http"), at(0), at(35))
	if err != nil || len(got) != 1 || len(got[0].Samples) != 4 || got[0].Vantage != "hn" {
		t.Fatalf("got %+v, %v", got, err)
	}
	s := got[0].Samples
	if s[1].Verdict != probes.Down || !s[1].Since.Equal(at(5)) || s[1].Reason != probes.TCPRefused || s[2].Verdict != probes.Unknown || s[3].Verdict != probes.Unknown {
		t.Errorf("got %+v", s)
	}
}

func TestRecoveryCountsFromItsFirstSuccess(t *testing.T) {
	l := map[string]string{"check": "http"}
	f := rawFake{t: t, max: 24 * time.Hour, data: map[string][]RawSeries{
		"watchpost_check_state": {{l, []Point{{at(0), 3}, {at(10), 3}, {at(20), 3}, {at(23), 3}, {at(26), 1}, {at(36), 1}}}},
		"probe_success":         {{l, []Point{{at(0), 0}, {at(10), 1}, {at(14), 0}, {at(20), 1}, {at(23), 1}, {at(26), 1}}}},
	}}
	u := &probes.Unit{ID: "a"}
	got, err := HistorySource{Raw: f}.Samples(t.Context(), system(u, "x", "", "http"), at(0), at(40))
	if err != nil {
		t.Fatal(err)
	}
	if y := CheckTimeline(got[0].Samples, 10*time.Second, period(0, 40)).Tally(); y[Down] != sec(20) || y[Up] != sec(20) {
		t.Errorf("got %v, %+v", y, got)
	}
}
