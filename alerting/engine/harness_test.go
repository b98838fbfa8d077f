package engine

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
)

// step is the evaluation interval of the tests: long against the time one
// evaluation takes, short against a test's patience.
const step = 100 * time.Millisecond

// quick is an alertmanager.yml that posts to url within milliseconds.
func quick(url string) string {
	return `
route:
  receiver: hook
  group_by: [alertname]
  group_wait: 50ms
  group_interval: 100ms
  repeat_interval: 1h
receivers:
  - name: hook
    webhook_configs: [{url: "` + url + `", send_resolved: true}]
inhibit_rules:
  - source_matchers: ['alertname="Large"']
    target_matchers: ['alertname="Small"']
`
}

const testRules = `
groups:
  - name: test
    rules:
      - {alert: Small, expr: sick == 1, labels: {severity: warning, unit: u}, annotations: {summary: small, description: d}}
      - {alert: Slow, expr: slow == 1, for: 2s, labels: {severity: critical, unit: u}, annotations: {summary: slow}}
      - {alert: Large, expr: large == 1, labels: {severity: critical}}
`

// hook is a receiver that remembers.
type hook struct {
	*httptest.Server
	mu   sync.Mutex
	got  []string // "alertname status"
	fail atomic.Bool
}

func newHook(t *testing.T) *hook {
	t.Helper()
	h := &hook{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h.fail.Load() {
			http.Error(w, "down", http.StatusInternalServerError)
			return
		}
		var m struct {
			Alerts []struct {
				Status string
				Labels map[string]string
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Errorf("webhook body: %v", err)
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, a := range m.Alerts {
			h.got = append(h.got, a.Labels["alertname"]+" "+a.Status)
		}
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *hook) count(what string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, g := range h.got {
		if g == what {
			n++
		}
	}
	return n
}

// store is a real TSDB that can be told to fail, as a full disk does.
type store struct {
	*tsdb.DB
	failRead, failWrite atomic.Bool
}

var errBroken = errors.New("input/output error")

func openStore(t *testing.T, dir string) *store {
	t.Helper()
	o := tsdb.DefaultOptions()
	o.OutOfOrderTimeWindow = int64(time.Hour / time.Millisecond)
	db, err := tsdb.Open(dir, slog.New(slog.DiscardHandler), nil, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &store{DB: db}
}

func (s *store) Querier(mint, maxt int64) (storage.Querier, error) {
	if s.failRead.Load() {
		return nil, errBroken
	}
	return s.DB.Querier(mint, maxt)
}

func (s *store) Appender(ctx context.Context) storage.Appender {
	return failingAppender{s.DB.Appender(ctx), s}
}

type failingAppender struct {
	storage.Appender
	s *store
}

func (a failingAppender) Commit() error {
	if a.s.failWrite.Load() {
		return errors.Join(errBroken, a.Rollback())
	}
	return a.Appender.Commit()
}

// set writes one sample now.
func (s *store) set(t *testing.T, name string, v float64) {
	t.Helper()
	a := s.DB.Appender(t.Context())
	if _, err := a.Append(0, labels.FromStrings(model.MetricNameLabel, name), time.Now().UnixMilli(), v); err != nil {
		t.Fatal(err)
	}
	if err := a.Commit(); err != nil {
		t.Fatal(err)
	}
}

// rig is an engine with all it needs, over a directory that outlives it.
type rig struct {
	*Engine
	db   *store
	dir  string
	stop func()
}

type rigOption func(*Options)

func start(t *testing.T, dir, config string, opts ...rigOption) *rig {
	t.Helper()
	db := openStore(t, filepath.Join(dir, "tsdb"))
	o := testOptions(t, db, dir, config)
	for _, f := range opts {
		f(&o)
	}
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Engine: e, db: db, dir: dir}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if err := db.Close(); err != nil {
			t.Errorf("closing the TSDB: %v", err)
		}
	})
	t.Cleanup(r.stop)
	eventually(t, "the engine is ready", e.Ready)
	return r
}

func testOptions(t *testing.T, s Storage, dir, config string) Options {
	t.Helper()
	o := Options{
		Storage:     s,
		QueryEngine: promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: 5 * time.Second, LookbackDelta: time.Minute}),
		Rules:       fstest.MapFS{"test.rules.yml": {Data: []byte(testRules)}},
		DataDir:     filepath.Join(dir, "alerting"), ExternalURL: &url.URL{Scheme: "https", Host: "watchpost.example"},
		EvaluationInterval: step, Registerer: prometheus.NewRegistry(),
		resendDelay: step, restoreGrace: 2 * time.Second, forGrace: step, watchAfter: 5 * step,
	}
	if config != "" {
		o.AlertmanagerConfig = writeFile(t, dir, "alertmanager.yml", config)
	}
	return o
}

func writeFile(t *testing.T, dir, name, content string) string {
	t.Helper()
	p := filepath.Join(dir, name)
	if err := os.WriteFile(p, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// eventually waits for a condition, looking often.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("gave up waiting: %s", what)
		}
	}
}

// never looks for d and fails when the condition comes true.
func never(t *testing.T, what string, d time.Duration, bad func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(d)
	for {
		if bad() {
			t.Fatal(what)
		}
		select {
		case <-tick.C:
		case <-deadline:
			return
		}
	}
}

func has(s, sub string) bool { return strings.Contains(s, sub) }
