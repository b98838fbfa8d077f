package dashboards_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"watchpost.example/dashboards"
	"watchpost.example/exporter"
)

var update = flag.Bool("update", false, "write the committed dashboards anew")

func all(t *testing.T) []dashboards.Dashboard {
	t.Helper()
	l, err := dashboards.All()
	if err != nil {
		t.Fatal(err)
	}
	if len(l) < 2 {
		t.Fatalf("%d dashboards", len(l))
	}
	return l
}

func TestCommittedFilesAreFresh(t *testing.T) {
	if *update {
		if err := dashboards.Write("json"); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob("json/*.json")
	if err != nil {
		t.Fatal(err)
	}
	l := all(t)
	if len(files) != len(l) {
		t.Errorf("json/ holds %v, %d dashboards are drawn", files, len(l))
	}
	for _, d := range l {
		got, err := os.ReadFile(filepath.Join("json", d.File))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(d.JSON) {
			t.Errorf("json/%s is old: go test ./dashboards -run Fresh -update", d.File)
		}
	}
}

// board is what the lint reads of a dashboard.
type board struct {
	UID        string
	Title      string
	Editable   bool
	Timezone   string
	Panels     []panel
	Templating struct {
		List []struct {
			Name, Type string
			Refresh    int
			Definition string
			Current    json.RawMessage
		}
	}
}

type panel struct {
	ID          int
	Type        string
	Title       string
	Description string
	GridPos     struct{ X, Y, W, H int }
	Datasource  struct{ UID string }
	FieldConfig struct {
		Defaults struct {
			Unit, NoValue string
			Mappings      []any
		}
	}
	Targets []struct {
		RefID, Expr string
		Instant     bool
		Range       bool
		Datasource  struct{ UID string }
	}
}

func read(t *testing.T, d dashboards.Dashboard) board {
	t.Helper()
	var m board
	if err := json.Unmarshal(d.JSON, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestLint(t *testing.T) {
	for _, d := range all(t) {
		t.Run(d.UID, func(t *testing.T) {
			m := read(t, d)
			if m.UID != d.UID || m.Editable || m.Timezone != "Asia/Ho_Chi_Minh" {
				t.Errorf("uid %q, editable %v, zone %q", m.UID, m.Editable, m.Timezone)
			}
			if i := slices.IndexFunc(m.Templating.List, func(v struct {
				Name, Type string
				Refresh    int
				Definition string
				Current    json.RawMessage
			},
			) bool {
				return v.Name == "datasource" && v.Type == "datasource"
			}); i < 0 {
				t.Error("no variable for the data source")
			}
			if regexp.MustCompile(`https?://`).Match(d.JSON) {
				t.Error("an address outside")
			}
			ids := map[int]bool{}
			for _, p := range m.Panels {
				lintPanel(t, p)
				if ids[p.ID] || p.ID == 0 {
					t.Errorf("%s: id %d is not its own", p.Title, p.ID)
				}
				ids[p.ID] = true
				for _, q := range m.Panels {
					if a, b := p.GridPos, q.GridPos; p.ID < q.ID && a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
						t.Errorf("%s lies over %s", p.Title, q.Title)
					}
				}
			}
		})
	}
}

func lintPanel(t *testing.T, p panel) {
	t.Helper()
	if p.Title == "" || p.Description == "" || p.FieldConfig.Defaults.Unit == "" || p.FieldConfig.Defaults.NoValue == "" {
		t.Errorf("panel %d %q: title, description, unit and words for no data must be there: %+v", p.ID, p.Title, p.FieldConfig)
	}
	if p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 {
		t.Errorf("%s: data source %q, %d queries", p.Title, p.Datasource.UID, len(p.Targets))
	}
	if p.GridPos.X+p.GridPos.W > 24 {
		t.Errorf("%s is wider than the screen", p.Title)
	}
	if p.Type == "table" && len(p.FieldConfig.Defaults.Mappings) > 0 {
		t.Errorf("%s: mappings at the panel of a table hit its text columns", p.Title)
	}
	for _, q := range p.Targets {
		if q.Instant == q.Range || q.Datasource.UID != "${datasource}" {
			t.Errorf("%s %s: instant %v, range %v, data source %q", p.Title, q.RefID, q.Instant, q.Range, q.Datasource.UID)
		}
	}
}

// query is one query of a dashboard with its variables filled in.
type query struct{ where, expr string }

func queries(t *testing.T) []query {
	t.Helper()
	fill := strings.NewReplacer("$unit", "unit-0001", "$system", "portal")
	var out []query
	for _, d := range all(t) {
		m := read(t, d)
		for _, p := range m.Panels {
			for _, q := range p.Targets {
				out = append(out, query{d.UID + "/" + p.Title + "/" + q.RefID, fill.Replace(q.Expr)})
			}
		}
		for _, v := range m.Templating.List {
			if inner, ok := strings.CutPrefix(v.Definition, "label_values("); ok {
				out = append(out, query{d.UID + "/$" + v.Name, fill.Replace(inner[:strings.LastIndex(inner, ",")])})
			}
		}
	}
	if len(out) < 15 {
		t.Fatalf("%d queries: nothing was tested", len(out))
	}
	return out
}

// TestQueriesAskForWhatExists parses every query and holds its metrics and
// labels against the exporter's catalogue.
func TestQueriesAskForWhatExists(t *testing.T) {
	known := map[string]exporter.MetricDoc{
		// Of alerting/rules/findings.rules.yml.
		"finding:watchpost_units:shared": {Name: "finding:watchpost_units:shared", Labels: []string{"reason", "where", "severity"}, History: true},
	}
	for _, m := range append(exporter.Catalogue(), oncallMetrics(t)...) {
		known[m.Name] = m
	}
	for _, q := range queries(t) {
		if err := holds(q.expr, known); err != nil {
			t.Errorf("%s: %v", q.where, err)
		}
	}
	for _, bad := range []string{"sum(", "watchpost_nonsense", `probe_success{colour="red"}`, "max by (colour) (probe_success)", "probe_dns_serial"} {
		if holds(bad, known) == nil {
			t.Errorf("the test would let %q pass", bad)
		}
	}
}

// oncallMetrics reads the names and labels of on-call's metrics where they are
// named, because dashboards may import nothing of it.
func oncallMetrics(t *testing.T) []exporter.MetricDoc {
	t.Helper()
	b, err := os.ReadFile("../alerting/oncall/metrics.go")
	if err != nil {
		t.Fatal(err)
	}
	var out []exporter.MetricDoc
	for _, m := range regexp.MustCompile(`d\("([a-z_]+)", "[^"]+"((?:, "[a-z_]+")*)\)`).FindAllStringSubmatch(string(b), -1) {
		doc := exporter.MetricDoc{Name: "watchpost_oncall_" + m[1], History: true}
		for _, l := range regexp.MustCompile(`"([a-z_]+)"`).FindAllStringSubmatch(m[2], -1) {
			doc.Labels = append(doc.Labels, l[1])
		}
		out = append(out, doc)
	}
	if len(out) < 15 {
		t.Fatalf("only %d metrics of on-call were found", len(out))
	}
	return out
}

func holds(expr string, known map[string]exporter.MetricDoc) error {
	e, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		return fmt.Errorf("%s: %w", expr, err)
	}
	labelsSeen := map[string]bool{}
	var bad error
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if s, ok := n.(*parser.VectorSelector); ok {
			m, ok := known[s.Name]
			switch {
			case !ok:
				bad = fmt.Errorf("%s: no such metric", s.Name)
			case !m.History:
				bad = fmt.Errorf("%s: the history does not keep it", s.Name)
			}
			for _, l := range m.Labels {
				labelsSeen[l] = true
			}
			for _, match := range s.LabelMatchers {
				if match.Name != model.MetricNameLabel && !slices.Contains(m.Labels, match.Name) {
					bad = fmt.Errorf("%s has no label %s", s.Name, match.Name)
				}
			}
		}
		return nil
	})
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if a, ok := n.(*parser.AggregateExpr); ok {
			for _, l := range a.Grouping {
				if !labelsSeen[l] {
					bad = fmt.Errorf("nothing in %s has a label %s", expr, l)
				}
			}
		}
		return nil
	})
	return bad
}

// fakeGrafana holds folders and dashboards and answers as Grafana 13 does:
// folderId is ignored.
type fakeGrafana struct {
	mu      sync.Mutex
	folders map[string]bool
	saved   map[string]map[string]any
	folder  map[string]string
	fail    int
	ignore  bool // puts everything into the general folder
}

func (g *fakeGrafana) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	say := func(code int, v any) {
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(v)
	}
	var body map[string]any
	_ = json.NewDecoder(r.Body).Decode(&body)
	uid := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	switch {
	case g.fail != 0:
		say(g.fail, map[string]any{"message": "no"})
	case r.Header.Get("Authorization") != "Bearer geheim":
		say(http.StatusUnauthorized, map[string]any{"message": "Invalid API key"})
	case r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/g/api/folders/"):
		if !g.folders[uid] {
			say(http.StatusNotFound, map[string]any{"message": "folder not found"})
			return
		}
		say(http.StatusOK, map[string]any{"uid": uid})
	case r.Method == http.MethodPost && r.URL.Path == "/g/api/folders":
		g.folders[body["uid"].(string)] = true
		say(http.StatusOK, body)
	case r.Method == http.MethodPost && r.URL.Path == "/g/api/dashboards/db":
		d := body["dashboard"].(map[string]any)
		id := d["uid"].(string)
		g.saved[id] = d
		g.folder[id], _ = body["folderUid"].(string)
		if g.ignore {
			g.folder[id] = ""
		}
		if d["id"] != float64(0) || body["overwrite"] != true {
			say(http.StatusPreconditionFailed, map[string]any{"message": "would address a foreign dashboard"})
			return
		}
		say(http.StatusOK, map[string]any{"uid": id, "url": "/d/" + id, "version": 1})
	case r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/g/api/dashboards/uid/"):
		say(http.StatusOK, map[string]any{"dashboard": g.saved[uid], "meta": map[string]any{"folderUid": g.folder[uid]}})
	default:
		say(http.StatusNotFound, map[string]any{"message": r.URL.Path})
	}
}

func TestPublish(t *testing.T) {
	g := &fakeGrafana{folders: map[string]bool{}, saved: map[string]map[string]any{}, folder: map[string]string{}}
	srv := httptest.NewServer(g)
	defer srv.Close()
	target := dashboards.Target{URL: srv.URL + "/g/", Token: "geheim", FolderUID: "truc", Client: &http.Client{Timeout: 5 * time.Second}}
	for range 2 { // the second time nothing is new
		done, err := dashboards.Publish(t.Context(), target)
		if err != nil || len(done) != len(g.saved) || len(done) < 2 || done[0].URL == "" {
			t.Fatalf("got %+v, %v", done, err)
		}
	}
	if !g.folders["truc"] || g.folder["watchpost-wall"] != "truc" {
		t.Errorf("folders %v, dashboards in %v", g.folders, g.folder)
	}
	wrong := target
	wrong.Token = "falsch"
	if _, err := dashboards.Publish(t.Context(), wrong); err == nil || !strings.Contains(err.Error(), "401") || strings.Contains(err.Error(), "falsch") {
		t.Errorf("got %v", err)
	}
	g.ignore = true
	if _, err := dashboards.Publish(t.Context(), target); err == nil || !strings.Contains(err.Error(), "folder") {
		t.Errorf("a dashboard in the wrong folder: %v", err)
	}
	g.fail = http.StatusInternalServerError
	if _, err := dashboards.Publish(t.Context(), target); err == nil || !strings.Contains(err.Error(), "500") {
		t.Errorf("got %v", err)
	}
	for _, bad := range []string{"", "grafana.example", "ftp://grafana.example", "https://a:b@grafana.example"} {
		if _, err := dashboards.Publish(t.Context(), dashboards.Target{URL: bad}); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
