package wall

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/probes"
)

// fakeBoard is a Board that a test writes to.
type fakeBoard struct {
	mu      sync.Mutex
	units   []*probes.Unit
	entries []probes.Entry
	subs    map[chan struct{}]bool
}

func (b *fakeBoard) Entries() []probes.Entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]probes.Entry(nil), b.entries...)
}

func (b *fakeBoard) Units() []*probes.Unit { return b.units }

func (b *fakeBoard) Subscribe() (<-chan struct{}, func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := make(chan struct{}, 1)
	if b.subs == nil {
		b.subs = map[chan struct{}]bool{}
	}
	b.subs[c] = true
	return c, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.subs, c)
	}
}

func (b *fakeBoard) set(i int, v probes.Verdict, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.entries[i].Observation.At = at
	b.entries[i].State.Verdict = v
	for c := range b.subs {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// add puts a system with one check on the board.
func (b *fakeBoard) add(u *probes.Unit, id, name string, v probes.Verdict, reason probes.Reason, age, since time.Duration) *probes.Entry {
	s := &probes.System{Unit: u, ID: id, Name: name, URL: "https://" + id + ".example/"}
	u.Systems = append(u.Systems, s)
	c := &probes.Check{ID: probes.ID{Unit: u.ID, System: id, Check: "web"}, System: s, Kind: "http", Instance: s.URL, Interval: 30 * time.Second, Timeout: 10 * time.Second}
	s.Checks = append(s.Checks, c)
	now := time.Now()
	e := probes.Entry{Check: c, Observation: probes.Observation{At: now.Add(-age), Verdict: v, Reason: reason}, State: probes.State{Verdict: v, Reason: reason, Since: now.Add(-since)}}
	if age == 0 {
		e.Observation = probes.Observation{}
	}
	b.entries = append(b.entries, e)
	return &b.entries[len(b.entries)-1]
}

var words = map[string][2]string{
	"http_status": {"Máy chủ trả mã lỗi", "Gọi đầu mối, đề nghị kiểm tra máy chủ ứng dụng."},
	"tls_expired": {"Chứng thư số đã hết hạn", "Đề nghị đơn vị gia hạn và cài chứng thư mới."},
	"tcp_timeout": {"Không kết nối được tới máy chủ", "Kiểm tra máy chủ và đường truyền của đơn vị."},
	"ours_uplink": {"Mất đường truyền của điểm giám sát", "Kiểm tra đường truyền của mình."},
}

func explain(reason, _ string) (string, string) { return words[reason][0], words[reason][1] }

type people []alerting.Person

func (p people) OnDuty(time.Time) []alerting.Person { return p }

func newWall(t *testing.T, b *fakeBoard, change func(*Options)) (*Wall, *httptest.Server) {
	t.Helper()
	opt := Options{Board: b, Explain: explain, Location: time.FixedZone("ICT", 7*3600), Tick: 50 * time.Millisecond}
	if change != nil {
		change(&opt)
	}
	w, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(w)
	t.Cleanup(srv.Close)
	t.Cleanup(w.Close)
	return w, srv
}

func get(t *testing.T, url string) (string, *http.Response) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body), resp
}

func TestEveryStateHasSymbolAndWord(t *testing.T) {
	b := &fakeBoard{}
	u := &probes.Unit{ID: "truong-a", Name: "Trường A"}
	b.units = []*probes.Unit{u}
	b.add(u, "s-up", "Cổng", probes.Up, "", time.Second, time.Hour)
	b.add(u, "s-slow", "Thư", probes.Degraded, "http_slow", time.Second, time.Hour)
	b.add(u, "s-down", "Tuyển sinh", probes.Down, "http_status", time.Second, 42*time.Minute)
	b.add(u, "s-ours", "Học liệu", probes.Unknown, "ours_uplink", time.Second, time.Minute)
	b.add(u, "s-maint", "Thư viện", probes.Down, "tcp_timeout", time.Second, time.Minute).State.Maintenance = true
	_, srv := newWall(t, b, nil)
	page, _ := get(t, srv.URL)
	for _, want := range []string{
		`✖</i> MẤT KẾT NỐI`, `▲</i> SUY GIẢM`, `?</i> KHÔNG RÕ`, `◷</i> BẢO TRÌ`, `✔</i> HOẠT ĐỘNG`,
		"Máy chủ trả mã lỗi", "42 phút", "Mất đường truyền của điểm giám sát", "Trường A",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if down, slow, ours := strings.Index(page, `href="/s/truong-a/s-down"`), strings.Index(page, `href="/s/truong-a/s-slow"`), strings.Index(page, `href="/s/truong-a/s-ours"`); down > slow || slow > ours {
		t.Error("the worst does not stand first")
	}
	en, _ := get(t, srv.URL+"/?lang=en")
	for _, want := range []string{`✖</i> DOWN`, `lang="en"`, "42 min", `/events?lang=en`} {
		if !strings.Contains(en, want) {
			t.Errorf("the English page lacks %q", want)
		}
	}
}

func TestNothingUnseenIsGreen(t *testing.T) {
	now := time.Now()
	check := &probes.Check{Interval: 30 * time.Second, Timeout: 10 * time.Second}
	up := probes.State{Verdict: probes.Up, Since: now.Add(-time.Hour)}
	cases := []struct {
		name string
		e    probes.Entry
		want State
		why  why
	}{
		{"fresh", probes.Entry{Check: check, State: up, Observation: probes.Observation{At: now.Add(-time.Second)}}, Up, measured},
		{"old", probes.Entry{Check: check, State: up, Observation: probes.Observation{At: now.Add(-71 * time.Second)}}, Unknown, stale},
		{"never looked", probes.Entry{Check: check}, Unknown, never},
		{"up before the restart", probes.Entry{Check: check, State: probes.State{Verdict: probes.Up, Restored: true}}, Unknown, never},
		{"down before the restart", probes.Entry{Check: check, State: probes.State{Verdict: probes.Down, Restored: true}}, Down, restored},
		{"down but old", probes.Entry{Check: check, State: probes.State{Verdict: probes.Down}, Observation: probes.Observation{At: now.Add(-time.Hour)}}, Unknown, stale},
		{"a verdict that does not exist", probes.Entry{Check: check, State: probes.State{Verdict: 99}, Observation: probes.Observation{At: now}}, Unknown, measured},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got, _, because := judge(c.e, now); got != c.want || because != c.why {
				t.Errorf("got %v (%v), want %v (%v)", got.Word(), because, c.want.Word(), c.why)
			}
		})
	}
}

func TestAllStaleSaysSo(t *testing.T) {
	b := &fakeBoard{}
	u := &probes.Unit{ID: "a"}
	b.units = []*probes.Unit{u}
	b.add(u, "x", "X", probes.Up, "", 10*time.Minute, time.Hour)
	_, srv := newWall(t, b, nil)
	page, _ := get(t, srv.URL)
	if !strings.Contains(page, "KHÔNG CÓ KẾT QUẢ ĐO MỚI") || strings.Contains(page, "Tất cả hệ thống đang hoạt động") || strings.Contains(page, `class="tile up"`) {
		t.Error("a board without a fresh result looks well")
	}
}

func TestOneSilentCheckIsNotGreen(t *testing.T) {
	b := &fakeBoard{}
	u := &probes.Unit{ID: "a"}
	b.units = []*probes.Unit{u}
	b.add(u, "x", "X", probes.Up, "", time.Second, time.Hour)
	second := b.entries[0]
	c := *second.Check
	c.ID.Check = "ping"
	second.Check, second.Observation.At = &c, time.Now().Add(-time.Hour)
	b.entries = append(b.entries, second)
	w, _ := newWall(t, b, nil)
	if got := w.view("vi", time.Now()).Units[0].Systems[0].State; got != Unknown {
		t.Errorf("got %v", got.Word())
	}
}

func TestHostileTextIsInert(t *testing.T) {
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>`
	b := &fakeBoard{}
	u := &probes.Unit{ID: "a", Name: evil, Contacts: []probes.Contact{{Name: evil, Role: evil, Phone: "javascript:alert(1)"}}}
	b.units = []*probes.Unit{u}
	e := b.add(u, "x", evil, probes.Down, probes.Reason(evil), time.Second, time.Hour)
	e.Observation.Detail = evil + "\ndata: event: board\n\n"
	e.Observation.Findings = []probes.Finding{{Reason: probes.Reason(evil), Where: evil, Expected: evil, Found: evil, Record: evil, Evidence: "../../" + evil, Severity: probes.PageNow}}
	e.Observation.Parts = []probes.Part{{Address: netip.MustParseAddrPort("127.0.0.1:443"), Server: evil, Detail: evil, Hops: []string{evil}, Answers: []string{evil}, Certificates: []probes.Certificate{{Subject: evil, Issuer: evil, Names: []string{evil}}}}}
	_, srv := newWall(t, b, func(o *Options) {
		o.Title = evil
		o.Alerts = func() []alerting.Alert {
			return []alerting.Alert{{Name: evil, State: "firing", Severity: evil, Summary: evil, RunbookURL: "javascript:alert(1)", Unit: evil, System: "../.."}}
		}
		o.AckedBy = func(alerting.Alert) string { return evil }
		o.OnDuty = people{{Name: evil}}
		o.ConfigError = func() string { return evil }
	})
	for _, path := range []string{"/", "/s/a/x", "/u/a"} {
		page, resp := get(t, srv.URL+path)
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, resp.Status)
		}
		for _, bad := range []string{"<script>alert", "<img", `href="javascript:`, "ZgotmplZ\" src"} {
			if strings.Contains(page, bad) {
				t.Errorf("%s holds %q", path, bad)
			}
		}
	}
}

func TestHeadersAndRoutes(t *testing.T) {
	b := &fakeBoard{}
	_, srv := newWall(t, b, nil)
	page, resp := get(t, srv.URL)
	if csp := resp.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'self'") || strings.Contains(csp, "unsafe") {
		t.Errorf("policy %q", csp)
	}
	for _, bad := range []string{" style=", "onclick", "http://", "https://", "<script>"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %q, which its own policy forbids or which leaves the machine", bad)
		}
	}
	if !strings.Contains(page, `<noscript><meta http-equiv="refresh"`) {
		t.Error("without JavaScript the page would stand still")
	}
	for path, want := range map[string]int{"/nothing": 404, "/s/a/b": 404, "/u/a": 404, "/static/../wall.go": 404, "/static/wall.js": 200, "/static/wall.css": 200, "/static/icon.svg": 200, "/api/status": 200} {
		if _, resp := get(t, srv.URL+path); resp.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, resp.Status, want)
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
		req, err := http.NewRequestWithContext(t.Context(), method, srv.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s: %s", method, resp.Status)
		}
	}
}

func TestAlertsAndPeople(t *testing.T) {
	b := &fakeBoard{}
	now := time.Now()
	_, srv := newWall(t, b, func(o *Options) {
		o.Alerts = func() []alerting.Alert {
			return []alerting.Alert{
				{Name: "CertExpiring", State: "firing", Severity: "warning", Summary: "Chung thu sap het han", Since: now.Add(-time.Hour)},
				{Name: "CheckDown", State: "firing", Severity: "critical", Summary: "Cong thong tin mat ket noi", Unit: "a", System: "x", RunbookURL: "/runbooks/check-down", Since: now.Add(-5 * time.Minute)},
				{Name: "Folded", State: "firing", Severity: "critical", Summary: "folded", Inhibited: true},
				{Name: "Pending", State: "pending", Severity: "critical", Summary: "not yet"},
			}
		}
		o.AckedBy = func(a alerting.Alert) string { return map[string]string{"CheckDown": "Trần Thử B"}[a.Name] }
		o.OnDuty = people{{Name: "Nguyễn Thử A", Addresses: map[string][]string{"sms": {"0900 000 001"}}}, {Name: "Trần Thử B"}}
		o.Deputy = func(time.Time) string { return "Lê Thử C" }
	})
	page, _ := get(t, srv.URL)
	for _, want := range []string{"Nguyễn Thử A", "Lê Thử C", "đã tiếp nhận: </span>Trần Thử B", "chưa tiếp nhận", `href="/runbooks/check-down"`, "KHẨN CẤP"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, bad := range []string{"folded", "not yet", "0900"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page shows %q", bad)
		}
	}
	if strings.Index(page, "Cong thong tin mat") > strings.Index(page, "Chung thu sap") {
		t.Error("critical does not stand first")
	}
}

func TestAlertsSpeakThePagesLanguage(t *testing.T) {
	b := &fakeBoard{}
	u := &probes.Unit{ID: "a", Name: "Trường A"}
	b.units = []*probes.Unit{u}
	b.add(u, "x", "Cổng thông tin", probes.Down, "http_status", time.Second, time.Hour)
	_, srv := newWall(t, b, func(o *Options) {
		o.AlertTitle = func(name, lang string) string {
			return map[string]string{"SystemDown/vi": "Một hệ thống mất kết nối", "SystemDown/en": "SystemDown"}[name+"/"+lang]
		}
		o.Alerts = func() []alerting.Alert {
			return []alerting.Alert{
				{Name: "SystemDown", State: "firing", Severity: "critical", Unit: "a", System: "x", Summary: "He thong mat ket noi"},
				{Name: "FindingPage", State: "firing", Severity: "critical", Unit: "a", Summary: "Phat hien", Labels: map[string]string{"reason": "tls_expired"}},
				{Name: "ChannelDown", State: "firing", Severity: "warning", Summary: "Kenh goi hong", Labels: map[string]string{"channel": "sms-1"}},
			}
		}
	})
	page, _ := get(t, srv.URL)
	for _, want := range []string{"Một hệ thống mất kết nối<", "Cổng thông tin · Trường A<", "Chứng thư số đã hết hạn<", "<span>Trường A<", "Kenh goi hong<", "<span>sms-1<"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "He thong mat") || strings.Contains(page, "Phat hien") {
		t.Error("an SMS's text stands on the wall though there is a title")
	}
	if page, _ := get(t, srv.URL+"/?lang=en"); !strings.Contains(page, ">SystemDown<") {
		t.Error("the English wall does not name the alert")
	}
}

func TestStatusJSON(t *testing.T) {
	b := &fakeBoard{}
	u := &probes.Unit{ID: "a", Name: "A", Contacts: []probes.Contact{{Phone: "0900 000 001"}}}
	b.units = []*probes.Unit{u}
	b.add(u, "x", "X", probes.Down, "http_status", time.Second, time.Hour)
	_, srv := newWall(t, b, nil)
	body, _ := get(t, srv.URL+"/api/status")
	var v struct {
		Counts map[string]int
		Units  []struct {
			Systems []struct{ ID, State, Reason, Why string }
		}
	}
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatal(err)
	}
	if s := v.Units[0].Systems[0]; v.Counts["down"] != 1 || s.State != "down" || s.Reason != "http_status" || s.Why != "Máy chủ trả mã lỗi" {
		t.Errorf("got %s", body)
	}
	if strings.Contains(body, "0900") {
		t.Error("the API holds a phone number")
	}
}

func TestManySystemsBecomeUnitTiles(t *testing.T) {
	b := manyBoard(20, 15)
	_, srv := newWall(t, b, nil)
	page, _ := get(t, srv.URL)
	if n := strings.Count(page, `href="/u/`); n != 20 {
		t.Errorf("%d unit tiles", n)
	}
	if n := strings.Count(page, `class="row `); n != 3 {
		t.Errorf("%d large rows", n)
	}
	if !strings.Contains(page, "hệ thống khác có vấn đề") {
		t.Error("the rest is not counted")
	}
}

// manyBoard makes units × systems of which every seventh is down and every
// eleventh degraded.
func manyBoard(units, systems int) *fakeBoard {
	b := &fakeBoard{}
	for i := range units {
		u := &probes.Unit{ID: fmt.Sprintf("don-vi-%02d", i), Name: fmt.Sprintf("Trung tâm Thử nghiệm số %d", i+1)}
		b.units = append(b.units, u)
		for j := range systems {
			v, r := probes.Up, probes.OK
			switch n := i*systems + j; {
			case n%7 == 3:
				v, r = probes.Down, probes.TCPTimeout
			case n%11 == 5:
				v, r = probes.Degraded, probes.HTTPSlow
			}
			b.add(u, fmt.Sprintf("he-thong-%d", j), fmt.Sprintf("Hệ thống %d", j+1), v, r, time.Second, time.Duration(i*j+1)*time.Minute)
		}
	}
	return b
}
