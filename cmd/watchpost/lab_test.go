package main

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"watchpost.example/alerting/rules"
	"watchpost.example/dashboards"
	"watchpost.example/internal/testneed"
	"watchpost.example/lab"
	"watchpost.example/probes"
)

// TestLab is the main job, the whole way: the lab's systems are probed, and
// every face shows them in their true state.
func TestLab(t *testing.T) {
	t.Parallel()
	began := time.Now()
	dir := t.TempDir()
	l, err := lab.Start(t.Context(), lab.Options{Dir: filepath.Join(dir, "config"), BreakAfter: 15 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	letIn(t, l.Config(), users(t, dir))
	h := start(t, l.Config(), filepath.Join(dir, "data"))

	expected(t, h, l, func(e lab.Expectation) bool { return e.From == 0 }, 15*time.Second)
	t.Logf("all true before the break after %v", time.Since(began).Round(100*time.Millisecond))
	expected(t, h, l, func(e lab.Expectation) bool { return e.Until == 0 }, time.Minute)
	t.Logf("all true after the break after %v", time.Since(began).Round(100*time.Millisecond))
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("console:\n%s\nlog:\n%s", h.console, h.log)
		}
	})
	eventually(t, time.Minute-time.Since(began), "every alert reaches the console receiver", func() bool { return printed(h.console.String(), l) })
	t.Logf("alerts printed after %v", time.Since(began).Round(100*time.Millisecond))

	t.Run("alerts", func(t *testing.T) { labAlerts(t, h, l) })
	t.Run("systems", func(t *testing.T) { labSystems(t, h) })
	t.Run("promlint", func(t *testing.T) { labLint(t, h) })
	t.Run("promtool", func(t *testing.T) { labPromtool(t, h) })
	t.Run("amtool", func(t *testing.T) { labAmtool(t, h) })
	t.Run("dashboards", func(t *testing.T) { labDashboards(t, h) })
	t.Run("runbooks", func(t *testing.T) { labRunbooks(t, h) })
	t.Run("browser", func(t *testing.T) { labBrowser(t, h) })
	t.Run("probe", func(t *testing.T) { labProbe(t, l) })
}

// letIn adds a users file to a watchpost.yaml.
func letIn(t *testing.T, config, users string) {
	t.Helper()
	b, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, append(b, []byte("oncall: {users: "+users+"}\n")...), 0o600); err != nil {
		t.Fatal(err)
	}
}

// expected waits until every expectation that which chooses is shown.
func expected(t *testing.T, h *house, l *lab.Lab, which func(lab.Expectation) bool, limit time.Duration) {
	t.Helper()
	var wrong []string
	look := func() bool {
		wrong = nil
		for _, e := range l.Expectations() {
			if s := h.state(e.ID.String()); which(e) && (s.Verdict != e.Verdict || s.Reason != e.Reason) {
				wrong = append(wrong, e.ID.String()+" is "+s.Verdict.String()+" "+string(s.Reason)+", want "+e.Verdict.String()+" "+string(e.Reason))
			}
		}
		return len(wrong) == 0
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(strings.Join(wrong, "\n"))
		}
	})
	eventually(t, limit, "the lab's states", look)
}

// printed tells whether the console names everything that is down: by itself,
// or by its system or unit, into which it is folded.
func printed(console string, l *lab.Lab) bool {
	for _, e := range l.Expectations() {
		if e.Verdict != probes.Down {
			continue
		}
		if !strings.Contains(console, " "+e.ID.Unit+"/"+e.ID.System) && !strings.Contains(console, "UnitDown: Ca don vi mat ket noi: "+e.ID.Unit) {
			return false
		}
	}
	return strings.Contains(console, "CertificateExpired: ") && strings.Contains(console, "DNSAnswerWrong: ") && strings.Contains(console, "SystemDown: ")
}

// labAlerts asks that everything that is down has an alert.
func labAlerts(t *testing.T, h *house, l *lab.Lab) {
	t.Helper()
	var silent []string
	var rows []sample
	eventually(t, 15*time.Second, "everything that is down has an alert", func() bool {
		silent = nil
		var err error
		if rows, err = h.query(t, `ALERTS{alertstate="firing",scope="check",severity="critical"}`); err != nil {
			t.Fatal(err)
		}
		for _, e := range l.Expectations() {
			if e.Verdict == probes.Down && !slices.ContainsFunc(rows, func(s sample) bool {
				return s.Metric["unit"]+"/"+s.Metric["system"]+"/"+s.Metric["check"] == e.ID.String()
			}) {
				silent = append(silent, e.ID.String())
			}
		}
		if len(silent) > 0 {
			t.Log(silent, rows)
		}
		return len(silent) == 0
	})
}

// labSystems holds /api/status against the board of checks: a system whose
// only check is down is down.
func labSystems(t *testing.T, h *house) {
	t.Helper()
	got := map[string]string{}
	for _, u := range h.status(t).Units {
		for _, s := range u.Systems {
			got[u.ID+"/"+s.ID] = s.State + " " + s.Reason
		}
	}
	for system, want := range map[string]string{
		"ubnd-huyen-lab/van-ban":       "down tcp_refused",
		"ubnd-huyen-lab/camera":        "down tcp_timeout",
		"trung-tam-lab/hop-truc-tuyen": "down http_timeout",
		"trung-tam-lab/thu":            "up ",
	} {
		if got[system] != want {
			t.Errorf("%s: %q, want %q", system, got[system], want)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}

func labLint(t *testing.T, h *house) {
	t.Helper()
	problems, err := promlint.New(strings.NewReader(h.get(t, "/metrics"))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		// Names of the engines and of blackbox_exporter are theirs.
		if strings.HasPrefix(p.Metric, "watchpost_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		} else {
			t.Logf("not ours: %s: %s", p.Metric, p.Text)
		}
	}
}

func tool(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), testneed.Program(t, name), args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir()) // no configuration of the developer's own
	b, err := cmd.CombinedOutput()
	return string(b), err
}

func labPromtool(t *testing.T, h *house) {
	t.Helper()
	out, err := tool(t, "promtool", "query", "instant", h.url, `watchpost_check_state{system="van-ban"}`)
	if err != nil || !strings.Contains(out, `check="tcp"`) || !strings.Contains(out, "=> 3 @") {
		t.Errorf("%v: %s", err, out)
	}
	out, err = tool(t, "promtool", "query", "labels", h.url, "unit")
	if err != nil || !strings.Contains(out, "ubnd-huyen-lab") {
		t.Errorf("%v: %s", err, out)
	}
}

func labAmtool(t *testing.T, h *house) {
	t.Helper()
	am := h.url + "/alertmanager"
	out, err := tool(t, "amtool", "--alertmanager.url="+am, "alert", "query")
	if err != nil || !strings.Contains(out, "SystemDown") {
		t.Errorf("%v: %s", err, out)
	}
	add := []string{"silence", "add", "--author=an", "--comment=thử", "--duration=1h", "system=hop-truc-tuyen"}
	if out, err := tool(t, "amtool", append([]string{"--alertmanager.url=" + am}, add...)...); err == nil {
		t.Errorf("anybody may silence: %s", out)
	}
	for name, may := range map[string]bool{"an": true, "binh": true, "chi": false} {
		signed := strings.Replace(am, "://", "://"+name+":"+strings.ReplaceAll(goodPassword, " ", "%20")+"@", 1)
		if out, err := tool(t, "amtool", append([]string{"--alertmanager.url=" + signed}, add...)...); (err == nil) != may {
			t.Errorf("%s silences: %v, want %v: %s", name, err, may, out)
		}
	}
	out, err = tool(t, "amtool", "--alertmanager.url="+am, "silence", "query")
	if err != nil || !strings.Contains(out, `system="hop-truc-tuyen"`) {
		t.Errorf("%v: %s", err, out)
	}
	eventually(t, 20*time.Second, "the silence shows on the wall's data", func() bool {
		return strings.Contains(h.get(t, "/api/status"), `"silenced": true`)
	})
}

// model is as much of a dashboard as names its queries.
type model struct {
	Panels []struct {
		Title   string
		Targets []struct{ Expr string }
	}
	Templating struct {
		List []struct{ Name, Definition string }
	}
}

// labDashboards runs every query of every dashboard; what is empty on the
// lab's data is told by name.
func labDashboards(t *testing.T, h *house) {
	t.Helper()
	all, err := dashboards.All()
	if err != nil {
		t.Fatal(err)
	}
	// What has no rows on this data, and rightly so.
	empty := map[string]bool{"ICMP: tỷ lệ mất gói": true, "Phát hiện": true, "Khả dụng 24 giờ": true, "Khả dụng 1 giờ": true} // whole minutes and five minutes have not passed
	fill := strings.NewReplacer("$unit", "so-y-te-lab", "$system", "cong")
	n := 0
	for _, d := range all {
		// This lab has no roster and no zone of its own: the queries of those two
		// are asked, and that they give rows is tested in dashboards.
		rowless := d.UID == "watchpost-dns" || d.UID == "watchpost-oncall"
		var m model
		if err := json.Unmarshal(d.JSON, &m); err != nil {
			t.Fatal(err)
		}
		for _, p := range m.Panels {
			for _, q := range p.Targets {
				n++
				rows, err := h.query(t, fill.Replace(q.Expr))
				if err != nil {
					t.Errorf("%s/%s: %s: %v", d.Title, p.Title, q.Expr, err)
				}
				if len(rows) == 0 && !empty[p.Title] && !rowless {
					t.Errorf("%s/%s has no rows: %s", d.Title, p.Title, q.Expr)
				}
			}
		}
	}
	if n < 10 {
		t.Errorf("%d queries: nothing was tested", n)
	}
}

func labRunbooks(t *testing.T, h *house) {
	t.Helper()
	books, err := rules.Runbooks()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range books {
		if status, body := h.request(t, http.MethodGet, rules.RunbookPrefix+b.Name, ""); status != http.StatusOK || !strings.Contains(body, "<h1") {
			t.Errorf("%s: %d %s", b.Name, status, body)
		}
	}
	var known struct {
		Data struct {
			Groups []struct {
				Rules []struct {
					Name, Type  string
					Health      string
					LastError   string
					Annotations map[string]string
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(h.get(t, "/api/v1/rules")), &known); err != nil {
		t.Fatal(err)
	}
	alerts := 0
	for _, g := range known.Data.Groups {
		for _, r := range g.Rules {
			if r.Health == "err" {
				t.Errorf("rule %s fails on the lab's data: %s", r.Name, r.LastError)
			}
			if r.Type != "alerting" {
				continue
			}
			alerts++
			if !slices.ContainsFunc(books, func(b rules.Runbook) bool { return b.Name == r.Name }) {
				t.Errorf("the alert %s has no runbook", r.Name)
			}
		}
	}
	if alerts < 10 {
		t.Errorf("%d alerts: nothing was tested", alerts)
	}
}

func labBrowser(t *testing.T, h *house) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), testneed.Program(t, "chromium"),
		"--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
		"--disable-sync", "--disable-dev-shm-usage", "--user-data-dir="+t.TempDir(), "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
		"--timeout=4000", "--dump-dom", h.url+"/")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Quản lý văn bản", "Camera giám sát công cộng", "Họp trực tuyến", "✖"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the wall does not show %s", want)
		}
	}
}

// labProbe is `watchpost probe` with its four exit statuses.
func labProbe(t *testing.T, l *lab.Lab) {
	t.Helper()
	for _, c := range []struct {
		target  string
		code    int
		verdict string
	}{
		{"trung-tam-lab/thu/smtp", 0, "up"},
		{"ubnd-huyen-lab/van-ban/tcp", 1, "down"},
		{"ubnd-huyen-lab/van-bam/tcp", 2, ""},
	} {
		code, out, errOut := run(t, "probe", "--json", "--config", l.Config(), c.target)
		if code != c.code {
			t.Errorf("%s: exit %d, want %d: %s%s", c.target, code, c.code, out, errOut)
		}
		if c.verdict == "" {
			if len(linesOf(errOut)) != 1 || !strings.Contains(errOut, "van-ban") {
				t.Errorf("%s: %q, want one line with the name that was meant", c.target, errOut)
			}
			continue
		}
		var got struct{ Schema, Verdict string }
		if err := json.Unmarshal([]byte(out), &got); err != nil || got.Verdict != c.verdict || got.Schema != "watchpost.probe/1" {
			t.Errorf("%s: %v %+v: %s", c.target, err, got, out)
		}
	}
}
