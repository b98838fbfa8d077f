package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/exporter-toolkit/web"
	"golang.org/x/crypto/bcrypt"

	"watchpost.example/probes"
)

// asMain makes the test binary the program itself, for tests that kill it, run
// it as another user, or read its exit status.
const asMain = "WATCHPOST_TEST_AS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) == "1" {
		main()
		return
	}
	os.Exit(m.Run())
}

// program is the program with these arguments, not started.
func program(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), asMain+"=1")
	return cmd
}

// journal is a writer that many write to and a test reads.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

// house is a running watchpost.
type house struct {
	app     *application
	url     string
	log     *journal
	console *journal
	stop    func() // and waits; a second call does nothing
}

// start runs serve on a free port until the test ends.
func start(t *testing.T, config, storage string) *house {
	t.Helper()
	return startWeb(t, config, storage, "")
}

// startWeb is start with a --web.config.file.
func startWeb(t *testing.T, config, storage, webConfig string) *house {
	t.Helper()
	return startWith(t, serveOptions{config: config, storage: storage, web: &web.FlagConfig{
		WebListenAddresses: &[]string{"127.0.0.1:0"}, WebSystemdSocket: new(bool), WebConfigFile: &webConfig,
	}})
}

// startWith serves until the test ends.
func startWith(t *testing.T, o serveOptions) *house {
	t.Helper()
	h := &house{log: &journal{}, console: &journal{}}
	o.console = h.console
	ctx, cancel := context.WithCancel(context.Background()) // the test's own has ended when it cleans up
	ready, done := make(chan struct{}), make(chan error, 1)
	log := slog.New(slog.NewTextHandler(h.log, nil))
	go func() {
		done <- serve(ctx, o, log, func(a *application, _ net.Addr) {
			h.app, h.url = a, a.o.external
			close(ready)
		})
	}()
	h.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	select {
	case <-ready:
	case err := <-done:
		cancel()
		t.Fatalf("serve did not start: %v\n%s", err, h.log)
	}
	t.Cleanup(h.stop)
	return h
}

// request asks the house; more are header names and values.
func (h *house) request(t *testing.T, method, path, body string, more ...string) (status int, answer string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, h.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(more); i += 2 {
		r.Header.Set(more[i], more[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// get asks and wants 200.
func (h *house) get(t *testing.T, path string) string {
	t.Helper()
	status, body := h.request(t, http.MethodGet, path, "")
	if status != http.StatusOK {
		t.Fatalf("GET %s: %d %s", path, status, body)
	}
	return body
}

// sample is one series of an answer of the Prometheus API.
type sample struct {
	Metric map[string]string `json:"metric"`
	Value  [2]any            `json:"value"`
}

func (s sample) String() string { return fmt.Sprint(s.Value[1]) }

// query asks PromQL over the API.
func (h *house) query(t *testing.T, expr string) ([]sample, error) {
	t.Helper()
	status, body := h.request(t, http.MethodGet, "/api/v1/query?query="+url.QueryEscape(expr), "")
	var a struct {
		Data  struct{ Result json.RawMessage }
		Error string
	}
	if err := json.Unmarshal([]byte(body), &a); err != nil || status != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("%d %s", status, body), err)
	}
	var out []sample
	if err := json.Unmarshal(a.Data.Result, &out); err != nil {
		return nil, fmt.Errorf("%s: %w", a.Data.Result, err)
	}
	return out, nil
}

// metric gives one line's value of /metrics, "" when the line is not there.
func (h *house) metric(t *testing.T, name string) string {
	t.Helper()
	for line := range strings.SplitSeq(h.get(t, "/metrics"), "\n") {
		if v, ok := strings.CutPrefix(line, name+" "); ok {
			return v
		}
	}
	return ""
}

// status is what a test reads of /api/status.
type status struct {
	ConfigError string `json:"config_error"`
	Units       []struct {
		ID      string
		Systems []struct{ ID, State, Reason string }
	}
	Alerts []struct{ Name, Where, Summary string }
}

func (h *house) status(t *testing.T) status {
	t.Helper()
	var s status
	if err := json.Unmarshal([]byte(h.get(t, "/api/status")), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// state is what the board says of a check.
func (h *house) state(id string) probes.State {
	for _, e := range h.app.board.Entries() {
		if e.Check.ID.String() == id {
			return e.State
		}
	}
	return probes.State{}
}

// eventually looks ten times a second until ok is true.
func eventually(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(limit)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

// write writes a file under dir, with its folders, and gives its path.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const goodPassword = "correct horse battery"

// users writes a users file: an may administrate, binh act, chi only look.
func users(t *testing.T, dir string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(goodPassword), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, dir, "users.yaml", fmt.Sprintf("users:\n  - {name: an, role: admin, password: %q}\n  - {name: binh, role: act, password: %q}\n  - {name: chi, role: view, password: %q}\n", hash, hash, hash))
}

// run executes a command line in this process.
func run(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = execute(t.Context(), args, strings.NewReader(""), &o, &e)
	return code, o.String(), e.String()
}

// lines gives the lines of a text, without the newline at its end.
func linesOf(text string) []string { return strings.Split(strings.TrimRight(text, "\n"), "\n") }
