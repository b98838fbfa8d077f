package wall

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/internal/testneed"
	"watchpost.example/probes"
)

// browser is a headless Chromium driven over the WebDriver protocol, which is
// plain HTTP.
type browser struct {
	t    *testing.T
	base string // of the session
}

var driverPort = regexp.MustCompile(`started successfully on port (\d+)`)

func newBrowser(t *testing.T) *browser {
	t.Helper()
	chromium, driver := testneed.Program(t, "chromium"), testneed.Program(t, "chromedriver")
	cmd := exec.Command(driver, "--port=0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	b := &browser{t: t}
	for s := bufio.NewScanner(out); b.base == "" && s.Scan(); {
		if m := driverPort.FindStringSubmatch(s.Text()); m != nil {
			b.base = "http://127.0.0.1:" + m[1]
		}
	}
	if b.base == "" {
		t.Fatal("chromedriver did not start")
	}
	args := []string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--user-data-dir=" + t.TempDir(),
		// Whatever is not this machine's loopback does not even resolve.
		"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
	}
	var session struct{ SessionID string }
	b.call(http.MethodPost, "/session", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"goog:chromeOptions": map[string]any{"binary": chromium, "args": args}, "goog:loggingPrefs": map[string]string{"browser": "ALL"},
	}}}, &session)
	b.base += "/session/" + session.SessionID
	t.Cleanup(func() {
		req, _ := http.NewRequest(http.MethodDelete, b.base, nil)
		if resp, err := http.DefaultClient.Do(req); err == nil { // the process is killed anyway
			_ = resp.Body.Close()
		}
	})
	b.size(1920, 1080)
	return b
}

func (b *browser) call(method, path string, body, into any) {
	b.t.Helper()
	var raw []byte
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			b.t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, bytes.NewReader(raw))
	if err != nil {
		b.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer := struct{ Value json.RawMessage }{}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		b.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		b.t.Fatalf("%s %s: %s: %s", method, path, resp.Status, answer.Value)
	}
	if into != nil {
		if err := json.Unmarshal(answer.Value, into); err != nil {
			b.t.Fatalf("%s: %v", answer.Value, err)
		}
	}
}

func (b *browser) size(w, h int) {
	b.t.Helper()
	b.call(http.MethodPost, "/goog/cdp/execute", map[string]any{"cmd": "Emulation.setDeviceMetricsOverride", "params": map[string]any{"width": w, "height": h, "deviceScaleFactor": 1, "mobile": false}}, nil)
}

func (b *browser) open(url string) {
	b.t.Helper()
	b.call(http.MethodPost, "/url", map[string]string{"url": url}, nil)
}

func (b *browser) run(script string, into any) {
	b.t.Helper()
	b.call(http.MethodPost, "/execute/sync", map[string]any{"script": script, "args": []any{}}, into)
}

// until asks the page itself to wait for a condition, looking 20 times a second.
func (b *browser) until(condition string) {
	b.t.Helper()
	var ok bool
	b.call(http.MethodPost, "/execute/async", map[string]any{"args": []any{}, "script": `
		const done = arguments[0], end = Date.now() + 15000;
		const look = () => { if (` + condition + `) done(true); else if (Date.now() > end) done(false); else setTimeout(look, 50); };
		look();`}, &ok)
	if !ok {
		b.shot("failed")
		b.t.Fatalf("the page never came to: %s", condition)
	}
}

// shot keeps a picture where WATCHPOST_SCREENSHOTS names a folder.
func (b *browser) shot(name string) {
	b.t.Helper()
	dir := os.Getenv("WATCHPOST_SCREENSHOTS")
	if dir == "" {
		return
	}
	var s string
	b.call(http.MethodGet, "/screenshot", nil, &s)
	png, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// clean fails on anything the console complained of (a broken policy, a lost
// file) and on any request to another origin.
func (b *browser) clean(origin string) {
	b.t.Helper()
	var l []struct{ Level, Message string }
	b.call(http.MethodPost, "/se/log", map[string]string{"type": "browser"}, &l)
	for _, m := range l {
		b.t.Errorf("console: %s: %s", m.Level, m.Message)
	}
	var urls []string
	b.run(`return performance.getEntriesByType("resource").map(e => e.name)`, &urls)
	for _, u := range urls {
		if !strings.HasPrefix(u, origin+"/") {
			b.t.Errorf("the page asked %s", u)
		}
	}
	if len(urls) < 2 {
		b.t.Errorf("the page loaded only %v: nothing was tested", urls)
	}
}

// sizes gives the least computed font size, in px, of what each selector finds.
func (b *browser) sizes(selectors ...string) map[string]float64 {
	b.t.Helper()
	raw, err := json.Marshal(selectors)
	if err != nil {
		b.t.Fatal(err)
	}
	got := map[string]float64{}
	b.run(`return Object.fromEntries(`+string(raw)+`.map(s => [s, Math.min(...[...document.querySelectorAll(s)].map(e => parseFloat(getComputedStyle(e).fontSize)), 9999)]))`, &got)
	return got
}

// shift is a board as a night shift sees it: 30 systems of 6 units.
func shift(b *fakeBoard, o *Options) {
	names := []string{"Cổng thông tin điện tử", "Thư điện tử", "Hệ thống quản lý văn bản", "Tuyển sinh trực tuyến", "Máy chủ tên miền"}
	for i, unit := range []string{"Trường Cao đẳng Thử nghiệm A", "Trung tâm Dịch vụ việc làm B", "Văn phòng Thử nghiệm C", "Trung tâm Bảo trợ D", "Trường Trung cấp E", "Chi cục Thử nghiệm G"} {
		u := &probes.Unit{ID: fmt.Sprintf("don-vi-%d", i+1), Name: unit, Contacts: []probes.Contact{{Name: "Nguyễn Thử A", Role: "Đầu mối ứng cứu", Phone: "0900 000 001", Email: "a@unit.example"}}}
		b.units = append(b.units, u)
		for j, n := range names {
			v, r, since := probes.Up, probes.OK, 70*time.Hour
			switch {
			case i == 0 && j == 0:
				v, r, since = probes.Down, probes.HTTPStatus, 112*time.Minute
			case i == 1 && j == 3:
				v, r, since = probes.Down, probes.TCPTimeout, 95*time.Second
			case i == 3 && j == 0:
				v, r, since = probes.Degraded, probes.TLSExpired, 26*time.Hour
			case i == 4 && j == 4:
				v, r, since = probes.Unknown, probes.OursUplink, 8*time.Minute
			}
			e := b.add(u, fmt.Sprintf("he-thong-%d", j+1), n, v, r, 4*time.Second, since)
			e.State.Maintenance = i == 5 && j == 1
		}
	}
	now := time.Now()
	o.Title = "Giám sát hệ thống công khai · Đơn vị thử nghiệm"
	o.OnDuty = people{{Name: "Nguyễn Thử A"}, {Name: "Trần Thử B"}}
	o.Deputy = func(time.Time) string { return "Lê Thử C" }
	o.AckedBy = func(a alerting.Alert) string { return map[string]string{"SystemDown": "Trần Thử B"}[a.Name] }
	o.Alerts = func() []alerting.Alert {
		return []alerting.Alert{
			{Name: "SystemDown", State: "firing", Severity: "critical", Unit: "don-vi-1", System: "he-thong-1", Summary: "Cong thong tin dien tu (Truong A) mat ket noi: may chu tra ma loi", Since: now.Add(-111 * time.Minute), RunbookURL: "/runbooks/check-down"},
			{Name: "CheckDown", State: "firing", Severity: "critical", Unit: "don-vi-2", System: "he-thong-4", Summary: "Tuyen sinh truc tuyen (Trung tam B) mat ket noi", Since: now.Add(-70 * time.Second), RunbookURL: "/runbooks/check-down"},
			{Name: "CertExpired", State: "firing", Severity: "warning", Unit: "don-vi-4", System: "he-thong-1", Summary: "Chung thu so cua Cong thong tin dien tu da het han", Since: now.Add(-26 * time.Hour), RunbookURL: "/runbooks/cert"},
		}
	}
}

func TestInChromium(t *testing.T) {
	br := newBrowser(t)
	t.Run("a night shift with 30 systems", func(t *testing.T) {
		br.t = t
		b := &fakeBoard{}
		_, srv := newWall(t, b, func(o *Options) { shift(b, o) })
		br.open(srv.URL + "/")
		br.shot("wall-dark")
		readable(t, br)
		var text string
		br.run(`return document.body.innerText`, &text)
		for _, want := range []string{"✖ MẤT KẾT NỐI", "1 giờ 52 phút", "Máy chủ trả mã lỗi", "Trần Thử B", "▲ SUY GIẢM", "◷ BẢO TRÌ"} {
			if !strings.Contains(text, want) {
				t.Errorf("the screen lacks %q", want)
			}
		}
		br.clean(srv.URL)
		br.open(srv.URL + "/?theme=light&lang=en")
		br.shot("wall-light-en")
		br.clean(srv.URL)
		br.open(srv.URL + "/s/don-vi-1/he-thong-1")
		br.shot("system")
	})
	t.Run("300 systems still fit", func(t *testing.T) {
		br.t = t
		b := manyBoard(20, 15)
		_, srv := newWall(t, b, func(o *Options) { shift(&fakeBoard{}, o) })
		br.open(srv.URL + "/")
		br.shot("wall-300")
		readable(t, br)
		br.clean(srv.URL)
	})
	t.Run("all well", func(t *testing.T) {
		br.t = t
		b := &fakeBoard{}
		u := &probes.Unit{ID: "a", Name: "Trường A"}
		b.units = []*probes.Unit{u}
		for i := range 12 {
			b.add(u, fmt.Sprint("s", i), fmt.Sprint("Hệ thống ", i+1), probes.Up, "", time.Second, time.Hour)
		}
		_, srv := newWall(t, b, func(o *Options) { o.Alerts = func() []alerting.Alert { return nil } })
		br.open(srv.URL + "/")
		br.shot("wall-well")
		if s := br.sizes(".hero"); s[".hero"] < 72 {
			t.Errorf("%v", s)
		}
	})
	t.Run("a phone", func(t *testing.T) {
		br.t = t
		b := &fakeBoard{}
		_, srv := newWall(t, b, func(o *Options) { shift(b, o) })
		br.size(390, 844)
		br.open(srv.URL + "/")
		br.shot("wall-phone")
		var wide bool
		if br.run(`return document.documentElement.scrollWidth > innerWidth`, &wide); wide {
			t.Error("the page is wider than the phone")
		}
		br.size(1920, 1080)
	})
}

// readable holds the sizes of research/dashboards.md 2.3: 48 px is comfortable
// at 5 m on 55 inches, 32 px the least; and all of it is on the screen.
func readable(t *testing.T, br *browser) {
	t.Helper()
	for sel, px := range br.sizes(".row .name", ".row .for", ".counts b", "#clock") {
		if px < 48 || px == 9999 {
			t.Errorf("%s: %v px, want 48", sel, px)
		}
	}
	for sel, px := range br.sizes(".row .badge", ".row .why", ".row .unit", ".row .at", ".newest", ".duty p:first-of-type", ".alerts .summary") {
		if px < 32 || px == 9999 {
			t.Errorf("%s: %v px, want 32", sel, px)
		}
	}
	var height, width, hidden int
	br.run(`return document.documentElement.scrollHeight`, &height)
	br.run(`return document.documentElement.scrollWidth`, &width)
	if height > 1080 || width > 1920 {
		t.Errorf("the wall is %d×%d and would have to be scrolled", width, height)
	}
	br.run(`return [...document.querySelectorAll(".row .for, .row .badge, .counts li")].filter(e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== "inline").length`, &hidden)
	if hidden > 0 {
		t.Errorf("%d texts are cut", hidden)
	}
}

func TestLiveAndLostInChromium(t *testing.T) {
	br := newBrowser(t)
	b := &fakeBoard{}
	u := &probes.Unit{ID: "a", Name: "Trường A"}
	b.units = []*probes.Unit{u}
	b.add(u, "x", "Cổng thông tin", probes.Up, "", time.Second, time.Hour)
	w, err := New(Options{Board: b, Tick: 400 * time.Millisecond, Location: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(w)
	defer srv.Close()
	br.open(srv.URL + "/")
	br.until(`document.querySelector(".hero.up")`)
	b.set(0, probes.Down, time.Now())
	br.until(`document.querySelector(".row.down") && document.title.startsWith("(1) ")`)
	var hidden bool
	if br.run(`return document.getElementById("lost").hidden`, &hidden); !hidden {
		t.Error("a live page says that it is lost")
	}
	w.Close()
	srv.CloseClientConnections()
	srv.Close()
	br.until(`!document.getElementById("lost").hidden && document.body.classList.contains("lost")`)
	var filter string
	if br.run(`return getComputedStyle(document.getElementById("board")).filter`, &filter); !strings.Contains(filter, "grayscale(1)") {
		t.Errorf("a dead wall keeps its colours: %s", filter)
	}
	br.shot("wall-lost")
}
