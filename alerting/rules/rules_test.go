package rules

import (
	"bytes"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"watchpost.example/internal/testneed"
	"watchpost.example/probes"
)

var (
	alertLine  = regexp.MustCompile(`(?m)^ +- alert: (\w+)$`)
	recordLine = regexp.MustCompile(`(?m)^ +- record: (\S+)$`)
)

// notARule are alerts that the engine itself makes.
var notARule = []string{"RuleEvaluationFailing"}

func ruleNames(t *testing.T) []string {
	t.Helper()
	l, err := fs.Glob(Files(), "*.rules.yml")
	if err != nil || len(l) < 5 {
		t.Fatalf("embedded rule files %v: %v", l, err)
	}
	return l
}

func alerts(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, f := range ruleNames(t) {
		b, err := fs.ReadFile(Files(), f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range alertLine.FindAllStringSubmatch(string(b), -1) {
			if !slices.Contains(out, m[1]) {
				out = append(out, m[1])
			}
		}
	}
	if len(out) < 20 {
		t.Fatalf("only %d alerts found: %v", len(out), out)
	}
	return out
}

// Debian's promtool 2.42 is the floor: what it takes, all newer ones take.
func TestPromtool(t *testing.T) {
	promtool := testneed.Program(t, "promtool")
	for _, f := range ruleNames(t) {
		t.Run(f, func(t *testing.T) {
			t.Parallel()
			if out, err := exec.CommandContext(t.Context(), promtool, "check", "rules", f).CombinedOutput(); err != nil {
				t.Errorf("check: %v\n%s", err, out)
			}
		})
	}
	tests, err := filepath.Glob("*.test.yml")
	if err != nil || len(tests) < len(ruleNames(t)) {
		t.Fatalf("unit tests %v: %v", tests, err)
	}
	for _, f := range tests {
		t.Run(f, func(t *testing.T) {
			t.Parallel()
			if out, err := exec.CommandContext(t.Context(), promtool, "test", "rules", f).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func TestExampleConfig(t *testing.T) {
	amtool := testneed.Program(t, "amtool")
	p := filepath.Join(t.TempDir(), "alertmanager.yml")
	if err := os.WriteFile(p, AlertmanagerExample(), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), amtool, "check-config", p).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	known := append(alerts(t), notARule...)
	for _, m := range regexp.MustCompile(`alertname!?=~?"([^"]+)"`).FindAllStringSubmatch(string(AlertmanagerExample()), -1) {
		for name := range strings.SplitSeq(m[1], "|") {
			if !slices.Contains(known, name) && !strings.HasSuffix(name, ".*") {
				t.Errorf("the example speaks of an alert %q that does not exist", name)
			}
		}
	}
}

// mutants each break one rule in a way that a person could. Each must turn the
// unit tests of its file red: a test that can't fail proves nothing. The file is
// the unit tests'; what stands before a hyphen names the rules.
var mutants = []struct{ file, from, to string }{
	{"availability", "watchpost_check_state == 3)\n              > 0.5", "watchpost_check_state == 9)\n              > 0.5"},
	{"availability", "> 0.5 *", "> 0.1 *"},
	{"availability", "> 0.2 *", "> 0.01 *"},
	{"availability", ">= 3\n", ">= 2\n"},
	{"availability-flapping", ") >= 6", ") >= 60"},
	{"availability", `reason="dns_answer"`, `reason="dns_timeout"`},
	{"availability", "[10m]", "[10h]"},
	{"availability", "2 * count by (unit, system) (check:watchpost_down:held)\n            >=", "0 * count by (unit, system) (check:watchpost_down:held)\n            <="},
	{"availability-known", "or\n              (watchpost_check_state and on (unit, system, check, vantage) watchpost_check_reason_info{reason=\"ours_restart\"})", ""},
	{"availability-known", `{reason=~"ours_restart|ours_uplink"}`, `{reason=~"ours_uplink"}`},
	{"availability-known", `{reason=~"ours_restart|ours_uplink"}`, `{reason=~"ours_restart"}`},
	{"availability-known", "(watchpost_check_state_since_timestamp_seconds) <= 900", "(watchpost_check_state_since_timestamp_seconds) <= 9000"},
	{"availability-known", "(check:watchpost_down:held or check:watchpost_unknown:settled)", "(check:watchpost_down:held)"},
	{"availability-known", "(system:watchpost_down:held or system:watchpost_unknown:settled)", "(system:watchpost_down:held)"},
	{"availability-known", "max by (unit, system, check) (watchpost_check_state)\n                or max by", "max by (unit, system, check) (watchpost_check_state > 0)\n                or max by"},
	{"availability-known", "max by (unit, system) (watchpost_check_state)\n                or max by", "max by (unit, system) (watchpost_check_state > 0)\n                or max by"},
	{"availability-known", "system:watchpost_down:held\n                and\n", "system:watchpost_down:held == 99\n                and\n"},
	{"availability-known", "unit:watchpost_down:held\n                and\n", "unit:watchpost_down:held == 99\n                and\n"},
	{"availability-known", `{reason=~"dns_parent_broken|dns_parent_unreachable"}`, `{reason=~"dns_parent_broken"}`},
	{"availability-known", "(watchpost_finding{severity=\"page\", where!=\"\"})) >= 2", "(watchpost_finding{severity=\"page\", where!=\"\"})) >= 1"},
	{"availability-known", "(watchpost_finding{severity=\"page\", where!=\"\"})) >= 2", "(watchpost_finding{severity=\"page\", where!=\"\"})) >= 9"},
	{"availability-known", "dns_servfail|", ""},
	{"availability-known", "|dns_timeout|dns_refused", "|dns_timeout|dns_refused|dns_answer|tcp_refused"},
	{"availability-known", "max_over_time(check:watchpost_down:shared[5m])", "check:watchpost_down:shared"},
	{"availability-known", "unless on (unit, system, check) check:watchpost_down:explained", ""},
	{"availability-known", "== count by (unit, system) (check:watchpost_down:held)\n          )", "== 99 * count by (unit, system) (check:watchpost_down:held)\n          )"},
	{"availability", "for: 1m", "for: 15s"},
	{"availability", "              unless on (unit, system) system:watchpost_muted\n              unless on (unit, system, check)", "              unless on (unit, system, check)"},
	{"availability", `ALERTS{alertname="CheckDown"`, `ALERTS{alertname="Check"`},
	{"availability", `ALERTS{alertname="DNSAnswerWrong"`, `ALERTS{alertname="DNS"`},
	{"availability-flapping", "unless on (vantage) changes(watchpost_uplink_up[1h]) > 0", ""},
	{"availability", "watchpost_depends_on == 1", "watchpost_depends_on == 2"},
	{"availability", "unless on (unit, system, check) (watchpost_check_state > 0)\n", "and on (unit, system, check) (watchpost_check_state > 0)\n"},
	{"availability", "summary: 'Mat ket noi:", "summary: 'Mat:"},
	{"certificates", "seconds <= 0", "seconds <= -3600"},
	{"certificates", "< 3 * 86400\n          )", "< 1 * 86400\n          )"},
	{"certificates", "< 21 * 86400", "< 10 * 86400"},
	{"certificates", "ratio >= 0.25", "ratio >= 0.10"},
	{"certificates", "ratio >= 0.1)", "ratio >= 0.001)"},
	{"certificates", "expiry[2h])) - time())\n            and on (unit, system, check) watchpost_check_state", "expiry[2h])) - time())"},
	{"certificates", "(last_over_time(probe_ssl_earliest_cert_expiry[2h]))", "(probe_ssl_earliest_cert_expiry)"},
	{"findings", `severity="page"`, `severity="note"`},
	{"findings", "              unless on (unit, system) (watchpost_maintenance == 1)\n              unless on (reason, where) finding:watchpost_units:shared{severity=\"page\"}", "              unless on (unit, system) (watchpost_maintenance == 1)"},
	{"findings", "unless on (reason, where) finding:watchpost_units:shared{severity=\"today\"}", ""},
	{"findings", ") >= 2", ") >= 1"},
	{"findings", ") >= 2", ") >= 4"},
	{"findings", "and finding:watchpost_units:shared\n", "and finding:watchpost_units:shared == 99\n"},
	{"findings", "dns_parent_broken|dns_parent_unreachable|dns_anchor_mismatch", "dns_parent_unreachable|dns_anchor_mismatch"},
	{"findings", `severity=~"page|today", where!=""`, `severity=~"page|today"`},
	{"findings", "        keep_firing_for: 5m\n        labels:\n          severity: critical\n          scope: finding", "        for: 1m\n        keep_firing_for: 5m\n        labels:\n          severity: critical\n          scope: finding"},
	{"findings", `ALERTS{alertname="FindingPage"`, `ALERTS{alertname="Finding"`},
	{"findings", "watchpost_reason_words_info", "watchpost_reason_info"},
	{"findings", `severity="today"`, `severity="note"`},
	{"findings", `severity="ticket"`, `severity="note"`},
	{"findings", "unless on (unit, system) (watchpost_maintenance == 1)", "unless on (unit, system) (watchpost_maintenance == 2)"},
	{"findings", ") > 0", ") >= 0"},
	{"self", "vector(1)", "vector(1) == 2"},
	{"self", "expr: max(watchpost_uplink_up) == 0", "expr: min(watchpost_uplink_up) == 0"},
	{"self", "and on () (max(watchpost_uplink_up) == 1)\n        for", "\n        for"},
	{"self", "absent(watchpost_check_last", "absent(up) and absent(watchpost_check_last"},
	{"self", "> 60 + 3 * max by (vantage)", "> 6000 + 3 * max by (vantage)"},
	{"self", "(60 + 3 * max by (unit, system, check)", "(6000 + 3 * max by (unit, system, check)"},
	{"self", "for: 10m", "for: 1m"},
	{"self", "(max(watchpost_uplink_up) == 1 or absent(watchpost_uplink_up))", "vector(1)"},
	{"self", "max by (vantage) (alertmanager_config", "max by (vantage) (xalertmanager_config"},
	{"self", "watchpost_history_append_failures_total", "watchpost_history_append_total"},
	{"self", "max by (vantage) (watchpost_history_degraded) == 1", "max by (vantage) (watchpost_history_degraded) == 2"},
	{"self", "watchpost_history_dropped_total", "watchpost_history_drop_total"},
	{"self", "and watchpost_storage_free_bytes < 2e9", "and watchpost_storage_free_bytes < 2e8"},
	{"self", "and watchpost_storage_free_bytes < 0.1 * watchpost_storage_size_bytes", ""},
	{"self", "watchpost_evidence_dropped_total[15m]", "watchpost_evidence_dropped_total[15h]"},
	{"self", "unless on (unit, system, check) watchpost_check_reason_info{reason=\"dns_anchor_mismatch\"}", ""},
	{"self", "increase(alertmanager_notifications_failed_total[5m])", "alertmanager_notifications_failed_total"},
	{"self", "watchpost_alerting_state_save_failures_total[10m]", "watchpost_alerting_state_save_failures_total[10h]"},
	{"oncall", "< 86400", "< 864000"},
	{"oncall", "officers_on_duty == 0", "officers_on_duty == 5"},
	{"oncall", "channel_up == 0", "channel_up == 5"},
	{"oncall", `name="signal_ratio"} < 0.2`, `name="signal_ratio"} < 0.02`},
	{"oncall", "> 180", "> 1800"},
	{"oncall", "< on (channel, currency)", "> on (channel, currency)"},
	{"oncall", "on (channel, currency) watchpost_oncall_channel_credit_minimum", "on (channel) watchpost_oncall_channel_credit_minimum"},
	{"oncall", "> 129600", "> 99000"},
	{"oncall", "> sum by (channel) (increase(watchpost_oncall_attempts_total{result=\"sent\"}[15m]))", ">= 0"},
	{"oncall", ">= 2\n", ">= 1\n"},
	{"oncall", "unless on (channel) watchpost_oncall_channel_up == 0", ""},
	{"oncall", "{name=\"registered\"} == 0\n        for: 2m\n        keep_firing_for: 2m\n        labels:\n          severity: critical\n          scope: self\n        annotations:\n          summary: 'Kenh goi {{ printf \"%.20s\" $labels.channel }} mat", "{name=\"registered\"} == 5\n        for: 2m\n        keep_firing_for: 2m\n        labels:\n          severity: critical\n          scope: self\n        annotations:\n          summary: 'Kenh goi {{ printf \"%.20s\" $labels.channel }} mat"},
	{"oncall", " unless on (channel) watchpost_oncall_channel_value{name=\"registered\"} == 0", ""},
	{"oncall", "oncall_saved == 0", "oncall_saved == 5"},
	{"oncall", "heartbeat_lost == 1", "heartbeat_lost == 5"},
	{"oncall", "> 60", "> 6000"},
	{"oncall", "> 900", "> 9000"},
	{"oncall", "shift_test_open == 1", "shift_test_open == 5"},
	{"budget", "ratio1h > 10.8", "ratio1h > 108"},
	{"budget", "ratio6h > 7.2", "ratio6h > 72"},
	{"budget", "and system:watchpost_unavailable:ratio30m > 7.2 * 0.005", ""},
	{"budget", "unless on (unit, system) system:watchpost_muted", ""},
	{"budget", "unless on (unit, system) system:watchpost_muted", "unless on (unit, system) (watchpost_maintenance == 1)"},
	{"budget", "watchpost_check_state > 0", "watchpost_check_state >= 0"},
}

func TestBrokenRulesTurnTheTestsRed(t *testing.T) {
	promtool := testneed.Program(t, "promtool")
	seen := map[string]bool{}
	for _, m := range mutants {
		if testing.Short() && seen[m.file] {
			continue // one a file shows that the test can fail; all take a minute
		}
		seen[m.file] = true
		t.Run(m.file+" "+m.from, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file, _, _ := strings.Cut(m.file, "-")
			for _, f := range append(ruleNames(t), m.file+".test.yml") {
				b, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				if f == file+".rules.yml" {
					broken := bytes.ReplaceAll(b, []byte(strings.ReplaceAll(m.from, "\n          ", "\n        ")), []byte(m.to))
					if bytes.Equal(b, broken) {
						broken = bytes.ReplaceAll(b, []byte(m.from), []byte(m.to))
					}
					if bytes.Equal(b, broken) {
						t.Fatalf("%q is not in %s: correct the mutant", m.from, f)
					}
					b = broken
				}
				if err := os.WriteFile(filepath.Join(dir, f), b, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.CommandContext(t.Context(), promtool, "test", "rules", m.file+".test.yml")
			cmd.Dir = dir
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Errorf("the unit tests stay green when %q becomes %q", m.from, m.to)
			}
			if bytes.Contains(out, []byte("parse error")) {
				t.Errorf("the mutant is no PromQL, so it proves nothing:\n%s", out)
			}
		})
	}
}

// Each alert is named in a unit test, by its name.
func TestEveryAlertHasAUnitTest(t *testing.T) {
	files, err := filepath.Glob("*.test.yml")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	for _, a := range alerts(t) {
		if !strings.Contains(all.String(), a) {
			t.Errorf("no unit test speaks of %s", a)
		}
	}
}

// Rule files stay within what Prometheus 2.42 to 3.x and vmalert all know.
func TestPortable(t *testing.T) {
	for _, f := range ruleNames(t) {
		b, err := fs.ReadFile(Files(), f)
		if err != nil {
			t.Fatal(err)
		}
		for _, no := range []string{"query_offset", "limit:", "smoothed", "anchored", "limitk", "info(", "\n    labels:", "rate(", "histogram_"} {
			if strings.Contains(string(b), no) {
				t.Errorf("%s uses %q, which is not portable", f, no)
			}
		}
		for _, m := range recordLine.FindAllStringSubmatch(string(b), -1) {
			if !regexp.MustCompile(`^[a-z_]+:[a-z0-9_]+(:[a-z0-9_]+)?$`).MatchString(m[1]) {
				t.Errorf("%s: recording %q is not level:metric:operation", f, m[1])
			}
		}
		if strings.Contains(string(b), "$value }}") && regexp.MustCompile(`(?s)labels:\n[^a]*\$value`).Match(b) {
			t.Errorf("%s: a value in a label starts a new alert with each change", f)
		}
	}
}

func TestRunbooksAndAlertsMatch(t *testing.T) {
	books, err := Runbooks()
	if err != nil {
		t.Fatal(err)
	}
	known := append(alerts(t), notARule...)
	for _, a := range known {
		if b, ok := Find(books, a); !ok || b.Name != a || b.Family() {
			t.Errorf("alert %s has no runbook", a)
		}
	}
	sections := []string{"## Dấu hiệu", "## Ảnh hưởng", "## Việc làm ngay\n\n1. ", "## Gọi ai", "## Khi nào báo cáo cấp trên", "## Cho kỹ thuật viên", "```"}
	for _, b := range books {
		if !b.Family() && !slices.Contains(known, b.Name) {
			t.Errorf("runbook %s belongs to no alert and to no reason", b.Name)
		}
		at := 0
		for _, s := range sections {
			i := strings.Index(b.Source[at:], s)
			if i < 0 {
				t.Errorf("runbook %s: section %q is missing or out of order", b.Name, strings.TrimSpace(s))
				break
			}
			at += i
		}
		for _, m := range regexp.MustCompile(`\]\(([^)]*)\)`).FindAllStringSubmatch(b.Source, -1) {
			if _, ok := Find(books, m[1]); !ok && m[1] != "./" {
				t.Errorf("runbook %s links to %q, which is not there", b.Name, m[1])
			}
		}
		if n := len([]rune(b.Source)); n > 2600 {
			t.Errorf("runbook %s has %d characters: too long for three in the morning", b.Name, n)
		}
	}
}

// Every shared reason has a runbook that names it or its family.
func TestEveryReasonHasARunbook(t *testing.T) {
	books, err := Runbooks()
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, r := range probes.SharedReasons() {
		b, ok := Find(books, string(r))
		if !ok {
			t.Errorf("reason %s has no runbook", r)
		}
		used[b.Name] = true
	}
	for reason, want := range map[string]string{
		"tls_expired": "chung-thu-so", "tls_anything": "bat-tay-tls", "dns_nxdomain": "ten-mien-khong-phan-giai",
		"dns_parent_ns_changed": "ten-mien-tra-loi-sai", "dns_resolver_bogus": "may-chu-phan-giai", "dns_sig_soon": "dnssec",
		"dns_future_reason": "may-chu-ten-mien", "ours_uplink": "phia-trung-tam", "http_slow": "trang-cham",
	} {
		if b, _ := Find(books, reason); b.Name != want {
			t.Errorf("reason %s leads to %q, want %s", reason, b.Name, want)
		}
	}
	if _, ok := Find(books, "nonsense"); ok {
		t.Error("a word that is no reason has a runbook")
	}
}

func TestRunbookPages(t *testing.T) {
	h, err := RunbookHandler("/")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, path string
		status       int
		want         string
	}{
		{"GET", "/runbooks/", 200, `<a href="CheckDown">Một phép kiểm tra mất kết nối</a>`},
		{"GET", "/runbooks/CheckDown", 200, "<h2>Việc làm ngay</h2>\n<ol><li>Bấm <strong>Tiếp nhận</strong>"},
		{"GET", "/runbooks/CheckDown", 200, `<a href="./">danh sách lý do</a>`},
		{"GET", "/runbooks/tls_expired", 200, "Lý do: <code>tls_expired</code>"},
		{"GET", "/runbooks/CertificateExpired", 200, "&lt;/dev/null 2&gt;/dev/null | openssl"},
		{"GET", "/runbooks/%3Cscript%3E", 404, "Không có hướng dẫn này"},
		{"GET", "/runbooks/tls_%3Cscript%3Ealert(1)", 200, "tls_&lt;script&gt;alert(1)"},
		{"GET", "/runbooks/../rules.go", 404, "Không có"},
		{"POST", "/runbooks/", 405, "use GET"},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(c.method, c.path, http.NoBody))
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s %s: %d, want %d with %q:\n%s", c.method, c.path, w.Code, c.status, c.want, w.Body)
		}
		if strings.Contains(w.Body.String(), "<script") {
			t.Errorf("%s: script in the page", c.path)
		}
	}
}

func TestRenderEscapes(t *testing.T) {
	got := render("# <b>\n\nx [y](javascript:alert(1)) **a <i> b** `<c>`\nmore\n\n- one\n- two\n\n```\n<pre> **no**\n```\n")
	want := "<h1>&lt;b&gt;</h1>\n<p>x [y](javascript:alert(1)) <strong>a &lt;i&gt; b</strong> <code>&lt;c&gt;</code>\nmore</p>\n" +
		"<ul><li>one</li>\n<li>two</li>\n</ul>\n<pre>&lt;pre&gt; **no**\n</pre>\n"
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
