package engine

import (
	"fmt"
	"io/fs"
	"math"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"

	"watchpost.example/alerting/rules"
)

// quickRules are the shipped rules with their waits shortened, so that a
// recovery can be waited for.
func quickRules(t *testing.T) fs.FS {
	t.Helper()
	names, err := fs.Glob(rules.Files(), "*.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	out := fstest.MapFS{}
	waits := regexp.MustCompile(`(?m)^( +(?:for|keep_firing_for): )\S+$`)
	for _, n := range names {
		b, err := fs.ReadFile(rules.Files(), n)
		if err != nil {
			t.Fatal(err)
		}
		out[n] = &fstest.MapFile{Data: waits.ReplaceAll(b, []byte("${1}1s"))}
	}
	return out
}

// stale ends series, as the history does.
func (s *store) stale(t *testing.T, series ...[]string) {
	t.Helper()
	s.put(t, math.Float64frombits(value.StaleNaN), series...)
}

// put writes one sample of each series at the same moment.
func (s *store) put(t *testing.T, v float64, series ...[]string) {
	t.Helper()
	a := s.DB.Appender(t.Context())
	now := time.Now().UnixMilli()
	for _, x := range series {
		if _, err := a.Append(0, labels.FromStrings(append([]string{model.MetricNameLabel}, x...)...), now, v); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Commit(); err != nil {
		t.Fatal(err)
	}
}

// Fifty units behind a broken gov.vn, each with its zone and its portal down:
// one notification of one group, whatever Alertmanager is told by the rules.
// When gov.vn is mended one unit is left with a trouble of its own, and that is
// told as its own.
func TestABrokenParentIsOneIncident(t *testing.T) {
	h := newHook(t)
	conf := string(rules.AlertmanagerExample())
	for from, to := range map[string]string{
		"http://127.0.0.1:9115/oncall/webhook": h.URL, "group_wait: 5s": "group_wait: 1s", "group_interval: 1m": "group_interval: 200ms", "repeat_interval: 50s": "repeat_interval: 100ms",
	} {
		conf = strings.ReplaceAll(conf, from, to)
	}
	r := start(t, t.TempDir(), conf, func(o *Options) {
		o.Rules = quickRules(t)
		o.EvaluationInterval, o.resendDelay = 10*step, 30*step
	})
	state := func(unit, system, kind string) []string {
		return []string{"watchpost_check_state", "unit", unit, "system", system, "check", "c", "kind", kind, "vantage", "hn"}
	}
	why := func(unit, system, kind, reason string) []string {
		return []string{"watchpost_check_reason_info", "unit", unit, "system", system, "check", "c", "kind", kind, "vantage", "hn", "reason", reason}
	}
	finding := func(unit, reason, where string) []string {
		return []string{"watchpost_finding", "unit", unit, "system", "zone", "check", "c", "kind", "dns_zone", "vantage", "hn", "reason", reason, "severity", "page", "where", where}
	}
	var broken, down [][]string
	for i := range 50 {
		u := fmt.Sprintf("u%02d", i)
		broken = append(broken, finding(u, "dns_parent_broken", "gov.vn."), why(u, "zone", "dns_zone", "dns_parent_broken"), why(u, "portal", "http", "dns_servfail"))
		down = append(down, state(u, "zone", "dns_zone"), state(u, "portal", "http"))
	}
	r.db.put(t, 3, down...)
	r.db.put(t, 1, broken...)
	eventually(t, "gov.vn is told", func() bool { return h.count("CommonCausePage firing") == 1 })
	never(t, "a unit was rung for what is gov.vn's", 2*time.Second, func() bool {
		for _, a := range []string{"FindingPage", "CheckDown", "SystemDown", "UnitDown", "ManyUnitsDown"} {
			if h.count(a+" firing") > 0 {
				return true
			}
		}
		return h.count("CommonCausePage firing") > 1
	})
	for _, a := range r.Alerts() {
		if a.Name == "CommonCausePage" && (!strings.HasPrefix(a.Summary, "50 don vi") || a.Labels["where"] != "gov.vn." || a.RunbookURL != "https://watchpost.example/runbooks/CommonCausePage") {
			t.Errorf("on the wall: %+v", a)
		}
	}

	// Mended: the findings end; u07 keeps one of its own and stays down for it.
	r.db.stale(t, broken...)
	r.db.put(t, 1, append(down[:2*7:2*7], down[2*7+1:]...)...)
	r.db.put(t, 3, down[2*7])
	r.db.put(t, 1, finding("u07", "dns_sig_expired", "u07.gov.vn."), why("u07", "zone", "dns_zone", "dns_sig_expired"))
	eventually(t, "gov.vn's end is told", func() bool { return h.count("CommonCausePage resolved") >= 1 })
	eventually(t, "u07's own finding is told", func() bool { return h.count("FindingPage firing") == 1 })
	eventually(t, "u07's zone is down by itself", func() bool { return h.count("SystemDown firing") == 1 })
	if n := h.count("UnitDown firing"); n > 0 {
		t.Errorf("UnitDown was sent %d times; u07's portal is up", n)
	}
}
