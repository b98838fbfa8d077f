package history_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"watchpost.example/exporter/history"
	"watchpost.example/internal/testneed"
	"watchpost.example/probes"
)

// filled is a history with two checks over ten minutes, and the time of its
// newest look.
func filled(t *testing.T, o history.Options) (*history.History, time.Time) {
	t.Helper()
	h := open(t, o)
	at := time.Now().Add(-10 * time.Minute).Truncate(time.Minute)
	for _, u := range inventory(2) {
		for i := range 10 {
			v := probes.Up
			if u.ID == "unit-0001" && i >= 5 {
				v = probes.Down
			}
			observe(h, u.Systems[0].Checks[0], at.Add(time.Duration(i)*time.Minute), v)
		}
	}
	sync1(t, h)
	return h, at.Add(9 * time.Minute)
}

// TestQuerierConformance runs the same questions through the embedded engine
// and over HTTP, and wants the same answers.
func TestQuerierConformance(t *testing.T) {
	h, newest := filled(t, history.Options{})
	srv := httptest.NewServer(h.API(history.APIOptions{}))
	defer srv.Close()
	remote, err := history.Remote(srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, q := range map[string]history.Querier{"embedded": h, "remote": remote} {
		t.Run(name, func(t *testing.T) {
			r, err := q.Query(t.Context(), `sort(watchpost_check_state{kind="http"})`, newest)
			if err != nil || len(r) != 2 || r[0].Value != 1 || r[1].Value != 3 || r[1].Labels["unit"] != "unit-0001" || r[1].Labels["__name__"] != "watchpost_check_state" {
				t.Errorf("%+v %v", r, err)
			}
			if len(r) > 0 && !r[0].At.Equal(newest) {
				t.Errorf("at %s, want %s", r[0].At, newest)
			}
			if r, err = q.Query(t.Context(), "1/0", newest); err != nil || len(r) != 1 || !math.IsInf(r[0].Value, 1) || len(r[0].Labels) != 0 {
				t.Errorf("a scalar: %+v %v", r, err)
			}
			if r, err = q.Query(t.Context(), "0/0 * watchpost_check_state", newest); err != nil || len(r) != 2 || !math.IsNaN(r[0].Value) {
				t.Errorf("not a number: %+v %v", r, err)
			}
			if r, err = q.Query(t.Context(), "no_such", newest); err != nil || len(r) != 0 {
				t.Errorf("nothing: %+v %v", r, err)
			}
			s, err := q.QueryRange(t.Context(), `watchpost_check_state{unit="unit-0001"}`, newest.Add(-9*time.Minute), newest, time.Minute)
			if err != nil || len(s) != 1 || len(s[0].Points) != 10 || s[0].Points[9].Value != 3 || !s[0].Points[9].At.Equal(newest) {
				t.Errorf("%+v %v", s, err)
			}
			if s, err = q.QueryRange(t.Context(), "watchpost_check_state == 3", newest.Add(-9*time.Minute), newest, time.Minute); err != nil || len(s) != 1 || len(s[0].Points) != 5 {
				t.Errorf("gaps: %+v %v", s, err)
			}
			for _, bad := range []string{"sum(", "watchpost_check_state[5m]", `"text"`, ""} {
				if _, err := q.Query(t.Context(), bad, newest); !errors.Is(err, history.ErrQuery) {
					t.Errorf("%q: %v", bad, err)
				}
			}
			for _, bad := range []struct {
				to   time.Time
				step time.Duration
			}{{newest.Add(-time.Hour), time.Minute}, {newest.Add(time.Hour), 0}, {newest.Add(100 * time.Hour), time.Second}} {
				if _, err := q.QueryRange(t.Context(), "up", newest, bad.to, bad.step); !errors.Is(err, history.ErrQuery) {
					t.Errorf("%+v: %v", bad, err)
				}
			}
		})
	}
}

func TestRemoteHostile(t *testing.T) {
	for _, answer := range []string{
		"", "<html>", "{}", `{"status":"error","error":"` + strings.Repeat("x", 100) + `"}`,
		`{"status":"success","data":{"resultType":"vector","result":{}}}`,
		`{"status":"success","data":{"resultType":"vector","result":[{"value":[1,"x"]}]}}`,
		`{"status":"success","data":{"resultType":"vector","result":[{"value":["x"]}]}}`,
		`{"status":"success","data":{"resultType":"scalar","result":[]}}`,
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) }))
		q, err := history.Remote(srv.URL+"/prefix/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := q.Query(t.Context(), "up", time.Time{}); err == nil && len(r) > 0 && r[0].At.Unix() != 0 {
			t.Errorf("%s: %v", answer, r)
		} else if err == nil && !strings.Contains(answer, "scalar") {
			t.Errorf("%s: no error", answer)
		}
		srv.Close()
	}
	for _, bad := range []string{"", "prom.example", "ftp://x", "http://"} {
		if _, err := history.Remote(bad, nil); err == nil {
			t.Errorf("%q is taken for an address", bad)
		}
	}
}

func TestAPI(t *testing.T) {
	h, newest := filled(t, history.Options{})
	srv := httptest.NewServer(h.API(history.APIOptions{Version: "1.2.3"}))
	defer srv.Close()
	at := fmt.Sprint(newest.Unix())
	for _, tc := range []struct {
		method, path string
		status       int
		contains     string
	}{
		{"GET", "/api/v1/query?query=watchpost_check_state&time=" + at, 200, "unit-0001"},
		{"GET", "/api/v1/query_range?query=watchpost_check_state&step=60&start=" + at + "&end=" + at, 200, "matrix"},
		{"GET", "/api/v1/labels", 200, `"instance"`},
		{"GET", "/api/v1/label/unit/values", 200, "unit-0000"},
		{"GET", "/api/v1/series?match[]=probe_success", 200, "portal"},
		{"GET", "/api/v1/rules", 200, `"groups":[]`},
		{"GET", "/api/v1/alerts", 200, "alerts"},
		{"GET", "/api/v1/targets", 200, ""},
		{"GET", "/api/v1/alertmanagers", 200, ""},
		{"GET", "/api/v1/metadata", 200, ""},
		{"GET", "/api/v1/query_exemplars?query=up&start=1&end=2", 200, ""},
		{"GET", "/api/v1/status/buildinfo", 200, "1.2.3"},
		{"GET", "/api/v1/status/runtimeinfo", 200, "9600h"},
		{"GET", "/api/v1/status/tsdb", 200, "watchpost_check_state"},
		{"GET", "/api/v1/status/config", 200, ""},
		{"GET", "/api/v1/status/flags", 200, ""},
		{"GET", "/api/v1/scrape_pools", 200, ""},
		{"GET", "/api/v1/query?query=sum(", 400, "parse error"},
		{"POST", "/api/v1/write", 404, ""},
		{"POST", "/api/v1/read", 404, "switched off"},
		{"POST", "/api/v1/otlp/v1/metrics", 404, ""},
		{"POST", "/api/v1/admin/tsdb/delete_series?match[]=up", 500, "admin APIs disabled"},
		{"POST", "/api/v1/admin/tsdb/snapshot", 500, "admin APIs disabled"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), tc.method, srv.URL+tc.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != tc.status && (tc.status < 400 || resp.StatusCode < 400) || !strings.Contains(string(b), tc.contains) {
			t.Errorf("%s %s: %s %.200s", tc.method, tc.path, resp.Status, b)
		}
		if resp.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: another site may read it", tc.path)
		}
	}
}

func TestPromtool(t *testing.T) {
	promtool := testneed.Program(t, "promtool")
	h, newest := filled(t, history.Options{})
	srv := httptest.NewServer(h.API(history.APIOptions{}))
	defer srv.Close()
	for _, args := range [][]string{
		{"query", "instant", "--time=" + fmt.Sprint(newest.Unix()), srv.URL, `watchpost_check_state{unit="unit-0001"}`},
		{"query", "range", "--start=" + fmt.Sprint(newest.Add(-5*time.Minute).Unix()), "--end=" + fmt.Sprint(newest.Unix()), "--step=1m", srv.URL, "probe_success"},
		{"query", "labels", srv.URL, "unit"},
		{"query", "series", "--match=probe_success", srv.URL},
	} {
		out, err := exec.CommandContext(t.Context(), promtool, args...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "unit-0001") {
			t.Errorf("promtool %q: %v\n%s", args, err, out)
		}
	}
}

// TestRemoteWrite sends from one history to a receiver that counts requests in
// Prometheus' remote write 1.0 form.
func TestRemoteWrite(t *testing.T) {
	got := make(chan string, 64)
	recv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err == nil && len(b) > 0 {
			select {
			case got <- r.Header.Get("Content-Type") + " " + r.Header.Get("Content-Encoding") + " " + r.Header.Get("Authorization"):
			default: // one is enough
			}
		}
	}))
	t.Cleanup(recv.Close) // after the history, which sends what is left
	u, err := url.Parse(recv.URL)
	if err != nil {
		t.Fatal(err)
	}
	doc := "remote_write:\n  - url: http://" + u.Host + "/api/v1/write\n    basic_auth: {username: watchpost, password: lab}\n    queue_config: {batch_send_deadline: 100ms}\n"
	h := open(t, history.Options{RemoteWrite: []byte(doc)})
	c := inventory(1)[0].Systems[0].Checks[0]
	var what string
	eventually(t, "something arrives", func() bool {
		observe(h, c, time.Now(), probes.Up) // only what comes after the start is sent
		select {
		case what = <-got:
			return true
		default:
			return false
		}
	})
	if !strings.HasPrefix(what, "application/x-protobuf") || !strings.Contains(what, "snappy Basic") {
		t.Errorf("sent %s", what)
	}
	for _, bad := range []string{"", "x", "remote_write: []", "scrape_configs: []", "remote_write: [{url: 7, nonsense: 1}]", "remote_write: [{url: http://x.example}]\nrule_files: [x]"} {
		if err := history.CheckRemoteWrite([]byte(bad)); !errors.Is(err, history.ErrRemoteWrite) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestAPIWhileDegraded asks everything of a history that has no disk.
func TestAPIWhileDegraded(t *testing.T) {
	h, newest := filled(t, history.Options{Dir: "/proc/self/nowhere", GoOnWithoutDisk: true})
	srv := httptest.NewServer(h.API(history.APIOptions{}))
	defer srv.Close()
	for _, path := range []string{"query?query=watchpost_check_state&time=" + fmt.Sprint(newest.Unix()), "label/unit/values", "labels", "status/tsdb", "query_exemplars?query=up&start=1&end=2", "series?match[]=probe_success"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/api/v1/"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := srv.Client().Do(req)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		var a struct{ Status string }
		if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		_ = resp.Body.Close()
		off := slices.ContainsFunc([]string{"status/tsdb", "query_exemplars"}, func(p string) bool { return strings.HasPrefix(path, p) })
		if (a.Status == "success") == off {
			t.Errorf("%s: %s", path, a.Status)
		}
	}
}

// TestREADMEExample loads what the README offers to copy.
func TestREADMEExample(t *testing.T) {
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for part := range strings.SplitSeq(string(b), "```yaml\n") {
		doc, _, ok := strings.Cut(part, "```")
		if !ok || !strings.HasPrefix(doc, "remote_write:") {
			continue
		}
		n++
		if err := history.CheckRemoteWrite([]byte(doc)); err != nil {
			t.Error(err)
		}
	}
	if n != 1 {
		t.Errorf("%d examples, want 1", n)
	}
}
