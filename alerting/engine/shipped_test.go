package engine

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	ptemplate "github.com/prometheus/prometheus/template"

	"watchpost.example/alerting/rules"
)

// expand fills an annotation as the rule manager does, with the longest names
// that are legal in every label and an answer to every query.
func expand(t *testing.T, text string) string {
	t.Helper()
	long := strings.Repeat("x", 63)
	m := map[string]string{"where": strings.Repeat("ữ", 42), "instance": "https://" + strings.Repeat("h", 120), "integration": long, "state": "silences"}
	for _, k := range []string{"unit", "system", "check", "kind", "vantage", "reason"} {
		m[k] = long
	}
	query := func(_ context.Context, q string, _ time.Time) (promql.Vector, error) {
		if _, err := parser.NewParser(parser.Options{}).ParseExpr(q); err != nil {
			t.Errorf("query in an annotation: %v\n%s", err, q)
		}
		return promql.Vector{{Metric: labels.FromMap(m), F: 1.789e9}}, nil
	}
	defs := "{{$labels := .Labels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}"
	u := &url.URL{Scheme: "https", Host: "watchpost.example"}
	s, err := ptemplate.NewTemplateExpander(t.Context(), defs+text, "test",
		ptemplate.AlertTemplateData(m, nil, u.String(), promql.Sample{F: 1814399.123456}), model.Now(), query, u, nil).Expand()
	if err != nil {
		t.Errorf("annotation %q: %v", text, err)
	}
	return s
}

// A summary goes into an SMS: one line of at most 120 unaccented characters,
// whatever the names. The rest of the annotations is complete in every alert.
func TestAnnotationsOfTheShippedRules(t *testing.T) {
	src := &ruleSource{embedded: rules.Files(), parser: parser.NewParser(parser.Options{})}
	files, err := src.names(nil)
	if err != nil {
		t.Fatal(err)
	}
	ascii := regexp.MustCompile(`^[ -~]+$`)
	books, err := rules.Runbooks()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range files {
		groups, errs := src.load(f, model.UTF8Validation)
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		for _, g := range groups.Groups {
			for _, r := range g.Rules {
				if r.Alert == "" {
					continue
				}
				n++
				if s := expand(t, r.Annotations["summary"]); len(s) > 120 || !ascii.MatchString(s) {
					t.Errorf("%s: summary of %d characters: %q", r.Alert, len(s), s)
				}
				d := expand(t, r.Annotations["description"])
				if !utf8.ValidString(d) || utf8.RuneCountInString(d) > 1500 || !strings.Contains(d, "Việc đầu tiên") || !strings.Contains(d, "điểm đo") && !strings.Contains(d, "Điểm đo") && r.Labels["scope"] != "self" {
					t.Errorf("%s: description lacks what to do first or from where, or is too long: %q", r.Alert, d)
				}
				if !slices.Contains([]string{"critical", "warning", "info"}, r.Labels["severity"]) || r.Labels["scope"] == "" {
					t.Errorf("%s: labels %v", r.Alert, r.Labels)
				}
				link := strings.ReplaceAll(expand(t, r.Annotations["runbook_url"]), strings.Repeat("x", 63), "tls_expired")
				name, ok := strings.CutPrefix(link, "https://watchpost.example"+rules.RunbookPrefix)
				if _, there := rules.Find(books, name); !ok || !there {
					t.Errorf("%s: runbook_url %q leads nowhere", r.Alert, link)
				}
				if !strings.HasPrefix(expand(t, r.Annotations["dashboard_url"]), "https://watchpost.example/") {
					t.Errorf("%s: no dashboard_url", r.Alert)
				}
			}
		}
	}
	if n < 25 {
		t.Errorf("only %d alerts were looked at", n)
	}
}

func (s *store) state(t *testing.T, unit, system, check string, v float64) {
	t.Helper()
	a := s.DB.Appender(t.Context())
	l := labels.FromStrings(model.MetricNameLabel, "watchpost_check_state", "unit", unit, "system", system, "check", check, "kind", "http", "instance", "i", "vantage", "hn")
	if _, err := a.Append(0, l, time.Now().UnixMilli(), v); err != nil {
		t.Fatal(err)
	}
	if err := a.Commit(); err != nil {
		t.Fatal(err)
	}
}

// The shipped rules with the shipped example, only its clocks shortened: a unit
// of two systems dies and wakes people once, with the largest name that fits.
func TestShippedRulesAndExampleFold(t *testing.T) {
	h := newHook(t)
	conf := string(rules.AlertmanagerExample())
	for from, to := range map[string]string{
		"http://127.0.0.1:9115/oncall/webhook": h.URL, "group_wait: 5s": "group_wait: 2500ms", "group_interval: 1m": "group_interval: 200ms", "repeat_interval: 50s": "repeat_interval: 100ms",
	} {
		if !strings.Contains(conf, from) {
			t.Fatalf("the example no longer says %q", from)
		}
		conf = strings.ReplaceAll(conf, from, to)
	}
	r := start(t, t.TempDir(), conf, func(o *Options) {
		o.Rules = rules.Files()
		// One round of all rules under the race detector outlasts the 400 ms
		// after which an alert of the other tests runs out.
		o.EvaluationInterval, o.resendDelay = 5*step, 20*step
	})
	set := func(v float64) {
		for i := range 4 {
			r.db.state(t, "so-a", []string{"portal", "mail"}[i/2], fmt.Sprint("c", i%2), v)
			r.db.state(t, "so-b", "portal", fmt.Sprint("c", i), 1)
		}
	}
	set(3)
	eventually(t, "UnitDown is sent", func() bool { return h.count("UnitDown firing") == 1 })
	eventually(t, "the heartbeat comes again and again", func() bool { return h.count("Watchdog firing") >= 3 })
	for _, part := range []string{"SystemDown", "CheckDown", "ManyUnitsDown"} {
		if n := h.count(part + " firing"); n > 0 {
			t.Errorf("%s was sent %d times beside UnitDown", part, n)
		}
	}
	folded := 0
	for _, a := range r.Alerts() {
		if a.Inhibited && (a.Name == "SystemDown" || a.Name == "CheckDown") {
			folded++
		}
		if a.Name == "UnitDown" && (a.Unit != "so-a" || a.Summary == "" || !strings.HasPrefix(a.RunbookURL, "https://watchpost.example/runbooks/")) {
			t.Errorf("UnitDown on the wall: %+v", a)
		}
	}
	if folded != 6 {
		t.Errorf("%d alerts are folded on the wall, want 2 systems and 4 checks", folded)
	}
}

// The YAML of the READMEs is what the program takes.
func TestReadmes(t *testing.T) {
	for _, f := range []string{"README.md", "../rules/README.md"} {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(b), -1)
		if len(blocks) == 0 {
			t.Errorf("%s has no YAML", f)
		}
		for _, m := range blocks {
			dir := t.TempDir()
			p := writeFile(t, dir, "x.yml", m[1])
			if strings.HasPrefix(m[1], "groups:") {
				src := &ruleSource{parser: parser.NewParser(parser.Options{})}
				err = src.check([]string{p})
			} else {
				_, err = loadConfig(p, nil)
			}
			if err != nil {
				t.Errorf("%s: %v\n%s", f, err, m[1])
			}
		}
	}
}
