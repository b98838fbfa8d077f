package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const lastReload = "watchpost_config_last_reload_successful"

// site is a web server that is well, or answers 500.
func site(t *testing.T, status int) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	t.Cleanup(s.Close)
	return s
}

// unit is an inventory of one unit with these web systems: id, url, …
func unit(more ...string) string {
	var b strings.Builder
	b.WriteString("units:\n  - id: don-vi\n    name: Đơn vị thử\n    systems:\n")
	for i := 0; i+1 < len(more); i += 2 {
		fmt.Fprintf(&b, "      - {id: %s, url: %q}\n", more[i], more[i+1])
	}
	return b.String()
}

// quickly is the head of a watchpost.yaml whose checks are confirmed fast.
const quickly = "defaults: {interval: 1s, timeout: 500ms, confirm: {down: 2, up: 1, recheck: 1s}}\n"

func TestReload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	well, sick := site(t, http.StatusOK), site(t, http.StatusInternalServerError)
	config := write(t, dir, "watchpost.yaml", quickly+"oncall: {users: "+users(t, dir)+"}\n")
	one := unit("mot", well.URL)
	inventory := write(t, dir, "inventory/don-vi.yaml", one)
	h := start(t, config, filepath.Join(dir, "data"))
	if got := h.metric(t, lastReload); got != "1" {
		t.Errorf("after the start: %q", got)
	}
	eventually(t, 10*time.Second, "the system is up", func() bool { return h.state("don-vi/mot/http").Verdict.String() == "up" })
	before := h.state("don-vi/mot/http")

	reload := func(more ...string) int {
		status, _ := h.request(t, http.MethodPost, "/-/reload", "", more...)
		return status
	}
	sign := func(name, password string) string {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.SetBasicAuth(name, password)
		return r.Header.Get("Authorization")
	}
	admin := sign("an", goodPassword)
	for _, c := range []struct {
		name string
		more []string
		want int
	}{
		{"nobody", nil, http.StatusUnauthorized},
		{"a wrong password", []string{"Authorization", sign("an", "wrong")}, http.StatusUnauthorized},
		{"who may only silence", []string{"Authorization", sign("binh", goodPassword)}, http.StatusForbidden},
		{"a page of another site", []string{"Authorization", admin, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, http.StatusForbidden},
		{"an old browser on another site", []string{"Authorization", admin, "Origin", "https://evil.example"}, http.StatusForbidden},
		{"an administrator", []string{"Authorization", admin}, http.StatusOK},
	} {
		if got := reload(c.more...); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	if status, _ := h.request(t, http.MethodGet, "/-/reload", ""); status == http.StatusOK {
		t.Error("GET reloads")
	}

	// A bad file: what was in force stays so, and every face says it.
	write(t, dir, "inventory/don-vi.yaml", one+"      - {id: hai, url: \"htps://nowhere.example\"}\n")
	if got := reload("Authorization", admin); got != http.StatusBadRequest {
		t.Errorf("a bad file: %d", got)
	}
	if got := h.metric(t, lastReload); got != "0" {
		t.Errorf("the metric says %q after a bad reload", got)
	}
	if s := h.status(t); !strings.Contains(s.ConfigError, "htps") || len(s.Units) != 1 || len(s.Units[0].Systems) != 1 {
		t.Errorf("status: %+v", s)
	}
	if page := h.get(t, "/"); !strings.Contains(page, "htps") {
		t.Error("the wall does not show the mistake")
	}
	if !strings.Contains(h.log.String(), "reload failed") {
		t.Error("the log does not tell")
	}
	eventually(t, 10*time.Second, "the old configuration goes on", func() bool {
		rows, err := h.query(t, `watchpost_check_state{system="mot"}`)
		return err == nil && len(rows) == 1 && rows[0].String() == "1"
	})

	// A good one: by the way that SIGHUP takes.
	if err := os.WriteFile(inventory, []byte(unit("mot", well.URL, "hai", sick.URL)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.app.reload(); err != nil {
		t.Fatal(err)
	}
	if got := h.metric(t, lastReload); got != "1" {
		t.Errorf("the metric says %q after a good reload", got)
	}
	if s := h.status(t); s.ConfigError != "" || len(s.Units[0].Systems) != 2 {
		t.Errorf("status: %+v", s)
	}
	if got := h.state("don-vi/mot/http"); !got.Since.Equal(before.Since) || got.Verdict != before.Verdict {
		t.Errorf("the check that did not change began anew: %+v, was %+v", got, before)
	}
	if !strings.Contains(h.log.String(), "added=1 removed=0 changed=0 kept=1") {
		t.Errorf("the log does not count:\n%s", h.log)
	}
	eventually(t, 10*time.Second, "the new system is asked", func() bool { return h.state("don-vi/hai/http").Reason == "http_status" })
}

// TestReloadKeepsTheClock: reloading more often than a check is asked must not
// keep it from being asked.
// A check whose settings change by a reload is not yet known. What it was before
// the start, an outage that is over, must not come back for its sake.
func TestReloadBringsNoOldOutageBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var sick atomic.Bool
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if sick.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(page.Close)
	config := write(t, dir, "watchpost.yaml", quickly)
	inventory := unit("mot", page.URL)
	write(t, dir, "inventory/a.yaml", inventory)
	state := func(h *house, want string) {
		t.Helper()
		eventually(t, 20*time.Second, want, func() bool { return h.state("don-vi/mot/http").Verdict.String() == want })
	}
	sick.Store(true)
	h := start(t, config, filepath.Join(dir, "data"))
	state(h, "down")
	eventually(t, 10*time.Second, "the history has it", func() bool {
		rows, err := h.query(t, "watchpost_check_state == 3")
		return err == nil && len(rows) == 1
	})
	h.stop()

	sick.Store(false)
	h = start(t, config, filepath.Join(dir, "data"))
	state(h, "up")
	write(t, dir, "inventory/a.yaml", strings.Replace(inventory, "systems:", "defaults: {kinds: {http: {headers: {X-New: \"1\"}}}}\n    systems:", 1))
	if err := h.app.reload(); err != nil {
		t.Fatal(err)
	}
	if s := h.state("don-vi/mot/http"); s.Verdict.String() == "down" {
		t.Errorf("after the reload: %+v", s)
	}
	if !strings.Contains(h.log.String(), "changed=1") {
		t.Error("the check did not change, so nothing was tested")
	}
}

func TestReloadKeepsTheClock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	asked := make(chan struct{}, 100)
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked <- struct{}{} }))
	t.Cleanup(s.Close)
	config := write(t, dir, "watchpost.yaml", quickly)
	write(t, dir, "inventory/don-vi.yaml", unit("mot", s.URL))
	h := start(t, config, filepath.Join(dir, "data"))
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				if err := h.app.reload(); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	late := time.After(15 * time.Second)
	for i := range 5 {
		select {
		case <-asked:
		case <-late:
			t.Fatalf("asked %d times in 15 s while reloading", i)
		}
	}
	close(stop)
	<-done
}

// TestNobodyMayReload: without a users file nothing changes state.
func TestNobodyMayReload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config := write(t, dir, "watchpost.yaml", quickly)
	write(t, dir, "inventory/don-vi.yaml", unit("mot", site(t, http.StatusOK).URL))
	h := start(t, config, filepath.Join(dir, "data"))
	for _, path := range []string{"/-/reload", "/alertmanager/api/v2/silences", "/alertmanager/api/v2/alerts"} {
		status, body := h.request(t, http.MethodPost, path, "{}", "Content-Type", "application/json")
		if status != http.StatusForbidden || !strings.Contains(body, "oncall.users") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	for _, path := range []string{"/-/healthy", "/-/ready"} {
		h.get(t, path)
	}
	host, _, err := net.SplitHostPort(strings.TrimPrefix(h.url, "http://"))
	if err != nil || host != "127.0.0.1" {
		t.Errorf("listens on %s", h.url)
	}
}

// TestReloadOfUsersAlone: a users file without a roster is read anew, too.
func TestReloadOfUsersAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := users(t, dir)
	config := write(t, dir, "watchpost.yaml", quickly+"oncall: {users: "+file+"}\n")
	write(t, dir, "inventory/don-vi.yaml", unit("mot", site(t, http.StatusOK).URL))
	h := start(t, config, filepath.Join(dir, "data"))
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "users.yaml", strings.ReplaceAll(string(b), "name: an,", "name: dung,"))
	if err := h.app.reload(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"an": http.StatusUnauthorized, "dung": http.StatusOK} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.SetBasicAuth(name, goodPassword)
		if status, body := h.request(t, http.MethodPost, "/-/reload", "", "Authorization", r.Header.Get("Authorization")); status != want {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
}
