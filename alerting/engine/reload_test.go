package engine

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/alertmanager/config"
	amcommon "github.com/prometheus/alertmanager/config/common"
	"github.com/prometheus/client_golang/prometheus"
)

func metric(t *testing.T, r *rig, name string) float64 {
	t.Helper()
	l, err := r.opts.Registerer.(*prometheus.Registry).Gather()
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for _, f := range l {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

func TestReload(t *testing.T) {
	old, young, dir := newHook(t), newHook(t), t.TempDir()
	r := start(t, dir, quick(old.URL))
	r.db.set(t, "sick", 1)
	eventually(t, "Small fires at the old receiver", func() bool { return old.count("Small firing") == 1 })

	for name, c := range map[string]struct{ am, rules, want string }{
		"yaml":      {"route: [", "", "not YAML"},
		"receiver":  {"route: {receiver: nobody}\nreceivers: []", "", "add a receiver of that name"},
		"template":  {quick(young.URL) + "templates: ['" + dir + "/bad.tmpl']\n", "", "templates"},
		"rules":     {quick(young.URL), "groups: [{name: g, rules: [{alert: A, expr: 'sum('}]}]", "try the expression"},
		"unknown":   {quick(young.URL), "groups: [{name: g, rulez: []}]", "mind the indentation"},
		"no file":   {quick(young.URL), "-", "no such file; correct the path"},
		"both ways": {"route: [", "groups: [{name: g, rulez: []}]", "mind the indentation"},
	} {
		writeFile(t, dir, "bad.tmpl", "{{ if }}")
		files := []string{}
		switch c.rules {
		case "":
		case "-":
			files = []string{filepath.Join(dir, "none.yml")}
		default:
			files = []string{writeFile(t, dir, "own.yml", c.rules)}
		}
		err := r.Reload(Config{writeFile(t, dir, "new.yml", c.am), files})
		if err == nil || !has(err.Error(), c.want) || !has(err.Error(), "the old one goes on") {
			t.Errorf("%s: Reload says %v, want …%s…", name, err, c.want)
		}
		if name == "both ways" && !has(err.Error(), "new.yml") {
			t.Errorf("only one of two mistakes is told: %v", err)
		}
	}
	if metric(t, r, "alertmanager_config_last_reload_successful") != 0 {
		t.Error("the failed reload does not show in the metric")
	}
	never(t, "a failed reload disturbed what runs", 500*time.Millisecond, func() bool {
		return old.count("Small firing") != 1 || old.count("Small resolved") != 0
	})

	own := writeFile(t, dir, "own.yml", "groups: [{name: g, rules: [{alert: Own, expr: vector(1), labels: {severity: info}}]}]")
	if err := r.Reload(Config{writeFile(t, dir, "new.yml", quick(young.URL)), []string{own}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the user's own rule fires at the new receiver", func() bool { return young.count("Own firing") == 1 })
	r.db.set(t, "sick", 0)
	eventually(t, "the end of Small is told to the new receiver", func() bool { return young.count("Small resolved") == 1 })
	if young.count("Small firing") != 0 {
		t.Error("the reload sent Small again: the notification log was lost")
	}
	if metric(t, r, "alertmanager_config_last_reload_successful") != 1 {
		t.Error("the good reload does not show in the metric")
	}
}

func TestNewTellsEveryMistake(t *testing.T) {
	_, err := New(Options{})
	for _, want := range []string{"Storage", "QueryEngine", "ExternalURL", "DataDir"} {
		if err == nil || !has(err.Error(), want) {
			t.Errorf("New says %v, %s is missing", err, want)
		}
	}
	dir := t.TempDir()
	db := openStore(t, dir+"/tsdb")
	t.Cleanup(func() { _ = db.Close() })
	for want, f := range map[string]rigOption{
		"correct the path or remove it":                   func(o *Options) { o.RuleFiles = []string{"/nonexistent/*.yml"} },
		"no built-in rule has this":                       func(o *Options) { o.DisabledAlerts = []string{"Smal"} },
		"give it as http":                                 func(o *Options) { o.Webhooks = []Webhook{{URL: "localhost:1"}} },
		"use 5s to 15s":                                   func(o *Options) { o.EvaluationInterval = time.Hour },
		"correct the path or the rights, or leave it out": func(o *Options) { o.AlertmanagerConfig = "/nonexistent.yml" },
		`"…@:bad" is not an address`:                      func(o *Options) { o.OutsideAlertmanagers = []string{"http://user:secret@:bad"} },
	} {
		o := testOptions(t, db, dir, "")
		f(&o)
		if _, err := New(o); err == nil || !has(err.Error(), want) || has(err.Error(), "secret") {
			t.Errorf("New says %v, want …%s", err, want)
		}
	}
}

func TestDisabledAlert(t *testing.T) {
	h := newHook(t)
	r := start(t, t.TempDir(), quick(h.URL), func(o *Options) { o.DisabledAlerts = []string{"Small"} })
	r.db.set(t, "sick", 1)
	r.db.set(t, "large", 1)
	eventually(t, "Large fires", func() bool { return h.count("Large firing") == 1 })
	if _, ok := find(r.Alerts(), "Small"); ok {
		t.Error("a disabled alert fires")
	}
}

// lines is a writer that a test may read while others write.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestBuiltinConfigPrintsAndPosts(t *testing.T) {
	h, out := newHook(t), &lines{}
	token := writeFile(t, t.TempDir(), "token", "s3cret")
	r := start(t, t.TempDir(), "", func(o *Options) {
		o.Console, o.Webhooks = out, []Webhook{{URL: h.URL, TokenFile: token}}
		o.Rules = fstest.MapFS{"a.rules.yml": {Data: []byte(testRules + `
      - {alert: Watchdog, expr: vector(1), labels: {severity: info}}
      - {alert: Quiet, expr: vector(1), labels: {severity: info}}
      - {alert: Evil, expr: large == 1, labels: {severity: critical}, annotations: {summary: "two\x1b[2Jlines\nhere"}}
`)}}
	})
	r.db.set(t, "sick", 1)
	r.db.set(t, "large", 1)
	eventually(t, "alerts are printed", func() bool { return has(out.String(), "Small: small") && has(out.String(), "Evil") })
	eventually(t, "alerts are posted", func() bool { return h.count("Small firing") == 1 && h.count("Watchdog firing") == 1 })
	for l := range strings.SplitSeq(strings.TrimSpace(out.String()), "\n") {
		if !has(l, " FIRING ") || strings.ContainsRune(l, 0x1b) {
			t.Errorf("console line %q", l)
		}
	}
	if has(out.String(), "Watchdog") || has(out.String(), "Quiet") || h.count("Quiet firing") > 0 {
		t.Errorf("the heartbeat or an info alert was printed:\n%s", out)
	}
	if a := r.Alerts(); len(a) == 0 || a[0].Severity != "critical" {
		t.Errorf("the loudest alert is not first: %+v", a)
	}
	if _, ok := find(r.Alerts(), "Watchdog"); ok {
		t.Error("the Watchdog is on the wall")
	}
}

func TestConfigWarnings(t *testing.T) {
	load := func(s string) *config.Config {
		c, err := config.Load(s)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	heartbeat := func(group, repeat string) string {
		return `
route:
  receiver: hook
  routes: [{matchers: ['alertname="Watchdog"'], receiver: hook, group_interval: ` + group + `, repeat_interval: ` + repeat + `}]
receivers: [{name: hook, webhook_configs: [{url: "http://127.0.0.1:1/"}]}]`
	}
	for name, c := range map[string]struct{ conf, want string }{
		"good":          {heartbeat("1m", "50s"), ""},
		"equal":         {heartbeat("20s", "20s"), "set repeat_interval below group_interval"},
		"longer":        {heartbeat("1m", "5m"), "set repeat_interval below group_interval"},
		"default route": {"route: {receiver: hook}\nreceivers: [{name: hook, webhook_configs: [{url: 'http://127.0.0.1:1/'}]}]", "set repeat_interval below"},
		"nobody":        {strings.Replace(heartbeat("1m", "50s"), "receiver: hook\n", "receiver: none\n", 1) + "\n  \n", ""},
	} {
		if name == "nobody" {
			c = struct{ conf, want string }{strings.Replace(strings.Replace(heartbeat("1m", "50s"), "receiver: hook\n", "receiver: none\n", 1), "receivers: [", "receivers: [{name: none}, ", 1), "sends to nobody"}
		}
		got := strings.Join(configWarnings("alertmanager.yml", load(c.conf)), "\n")
		if c.want == "" && got != "" || !has(got, c.want) {
			t.Errorf("%s: warnings %q, want …%s…", name, got, c.want)
		}
	}
	c, err := builtinConfig([]Webhook{{URL: "http://127.0.0.1:1/", TokenFile: "/t"}})
	if err != nil {
		t.Fatal(err)
	}
	if w := configWarnings("", c); len(w) > 0 {
		t.Errorf("the built-in configuration has warnings: %q", w)
	}
}

// The example for users and the built-in configuration fold in the same way.
func TestBuiltinInhibitsAsTheExample(t *testing.T) {
	b, err := os.ReadFile("../rules/alertmanager.example.yml")
	if err != nil {
		t.Fatal(err)
	}
	ex, err := config.Load(string(b))
	if err != nil {
		t.Fatal(err)
	}
	own, err := builtinConfig(nil)
	if err != nil {
		t.Fatal(err)
	}
	if w := configWarnings("example", ex); len(w) > 0 {
		t.Errorf("the example has warnings: %q", w)
	}
	if len(ex.InhibitRules) < 8 || len(ex.InhibitRules) != len(own.InhibitRules) {
		t.Fatalf("%d inhibit rules in the example, %d built in", len(ex.InhibitRules), len(own.InhibitRules))
	}
	for i := range ex.InhibitRules {
		a, b := ex.InhibitRules[i], own.InhibitRules[i]
		for _, m := range [][2]string{
			{matchers(a.SourceMatchers), matchers(b.SourceMatchers)},
			{matchers(a.TargetMatchers), matchers(b.TargetMatchers)},
			{strings.Join(a.Equal, ","), strings.Join(b.Equal, ",")},
		} {
			if m[0] != m[1] {
				t.Errorf("inhibit rule %d: example %s, built in %s", i, m[0], m[1])
			}
		}
	}
}

func matchers(m amcommon.Matchers) string {
	var l []string
	for _, x := range m {
		l = append(l, x.String())
	}
	return strings.Join(l, ",")
}

func TestCloseWithoutRun(t *testing.T) {
	dir := t.TempDir()
	db := openStore(t, dir+"/tsdb")
	t.Cleanup(func() { _ = db.Close() })
	o := testOptions(t, db, dir, "")
	o.Logger = slog.New(slog.DiscardHandler)
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Reload(Config{}); err != nil {
		t.Errorf("Reload before Run: %v", err)
	}
	for range 2 {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := e.Run(t.Context()); err == nil {
		t.Error("Run after Close must refuse")
	}
}
