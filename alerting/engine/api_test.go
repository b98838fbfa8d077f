package engine

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"watchpost.example/internal/testneed"
)

// Debian's amtool, years older than the engine inside, works on it.
func TestAmtool(t *testing.T) {
	amtool := testneed.Program(t, "amtool")
	h, dir := newHook(t), t.TempDir()
	r := start(t, dir, quick(h.URL))
	srv := httptest.NewServer(r.APIHandler())
	t.Cleanup(srv.Close)
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), amtool, append([]string{"--alertmanager.url=" + srv.URL + APIPrefix}, args...)...)
		var warnings strings.Builder // of its version's age
		cmd.Stderr = &warnings
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("amtool %v: %v\n%s%s", args, err, out, warnings.String())
		}
		return strings.TrimSpace(string(out))
	}
	r.db.set(t, "sick", 1)
	eventually(t, "amtool sees the alert", func() bool { return has(run("alert", "query", "Small"), "Small") })
	id := run("silence", "add", "--author=duty", "--comment=known", "--duration=1h", "alertname=Small")
	eventually(t, "the wall shows it as silenced", func() bool { a, _ := find(r.Alerts(), "Small"); return a.Silenced })
	if out := run("silence", "query"); !has(out, "known") {
		t.Errorf("silence query: %s", out)
	}
	if out := run("alert", "query", "--silenced", "Small"); !has(out, "suppressed") && !has(out, "Small") {
		t.Errorf("alert query --silenced: %s", out)
	}
	if out := run("config", "show"); !has(out, "hook") || !has(out, "<secret>") {
		t.Errorf("config show: %s", out)
	}
	r.stop()
	r = start(t, dir, quick(h.URL))
	eventually(t, "the silence outlives a restart", func() bool { a, _ := find(r.Alerts(), "Small"); return a.Silenced })
	srv2 := httptest.NewServer(r.APIHandler())
	t.Cleanup(srv2.Close)
	srv = srv2
	run("silence", "expire", id)
	eventually(t, "the silence is over", func() bool { a, ok := find(r.Alerts(), "Small"); return ok && !a.Silenced })
	run("alert", "add", "alertname=ByHand", "severity=warning")
	eventually(t, "an alert by hand is sent and on the wall", func() bool {
		_, ok := find(r.Alerts(), "ByHand")
		return ok && h.count("ByHand firing") == 1
	})
}

func TestAPIBounds(t *testing.T) {
	h := newHook(t)
	r := start(t, t.TempDir(), quick(h.URL))
	for _, c := range []struct {
		method, path, body string
		want               int
	}{
		{"GET", "/alertmanager/api/v2/status", "", 200},
		{"GET", "/alertmanager/-/ready", "", 200},
		{"GET", "/alertmanager/api/v1/alerts", "", 410},
		{"POST", "/alertmanager/api/v2/silences", "{", 400},
		{"POST", "/alertmanager/api/v2/alerts", "[" + strings.Repeat(" ", 5<<20) + "]", 400},
		{"GET", "/api/v2/status", "", 404},
	} {
		req := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
		req.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		r.APIHandler().ServeHTTP(w, req)
		if w.Code != c.want {
			t.Errorf("%s %s: %d, want %d: %.200s", c.method, c.path, w.Code, c.want, w.Body)
		}
	}
}

// Before Run the API says so instead of crashing.
func TestAPIBeforeRun(t *testing.T) {
	dir := t.TempDir()
	db := openStore(t, dir+"/tsdb")
	t.Cleanup(func() { _ = db.Close() })
	e, err := New(testOptions(t, db, dir, ""))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	w := httptest.NewRecorder()
	e.APIHandler().ServeHTTP(w, httptest.NewRequest("GET", "/alertmanager/api/v2/alerts", http.NoBody))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", w.Code)
	}
	if l := e.Alerts(); len(l) != 0 {
		t.Errorf("alerts before the start: %v", l)
	}
}

// Two Alertmanagers outside both get every alert; one of them being down
// changes nothing.
func TestOutsideAlertmanagers(t *testing.T) {
	var mu sync.Mutex
	got := map[string]int{}
	var auth string
	am := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var l []struct {
			Labels       map[string]string
			GeneratorURL string
			EndsAt       time.Time
		}
		if err := json.NewDecoder(r.Body).Decode(&l); err != nil {
			t.Errorf("body: %v", err)
		}
		mu.Lock()
		defer mu.Unlock()
		u, p, _ := r.BasicAuth()
		auth = r.URL.Path + " " + u + ":" + p
		for _, a := range l {
			state := "firing"
			if a.EndsAt.Before(time.Now()) {
				state = "resolved"
			}
			got[a.Labels["alertname"]+" "+state]++
		}
	}))
	t.Cleanup(am.Close)
	u, err := url.Parse(am.URL)
	if err != nil {
		t.Fatal(err)
	}
	r := start(t, t.TempDir(), "", func(o *Options) {
		o.OutsideAlertmanagers = []string{"http://who:pass@" + u.Host + "/am/", "http://127.0.0.9:1"}
		o.DataDir = ""
	})
	seen := func(k string) bool { mu.Lock(); defer mu.Unlock(); return got[k] > 0 }
	r.db.set(t, "sick", 1)
	eventually(t, "the Alertmanager outside gets the alert", func() bool { return seen("Small firing") })
	if a, ok := find(r.Alerts(), "Small"); !ok || a.State != "firing" {
		t.Errorf("the wall shows %+v", a)
	}
	r.db.set(t, "sick", 0)
	eventually(t, "and its end", func() bool { return seen("Small resolved") })
	mu.Lock()
	defer mu.Unlock()
	if auth != "/am/api/v2/alerts who:pass" {
		t.Errorf("request %q", auth)
	}
}
