package history

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/grafana/regexp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/route"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/features"
	"github.com/prometheus/prometheus/util/notifications"
	v1 "github.com/prometheus/prometheus/web/api/v1"
)

// APIOptions is what the HTTP API tells beside the history.
type APIOptions struct {
	// Rules feeds /rules and /alerts (*rules.Manager is one); nil = none.
	Rules             v1.RulesRetriever
	Version, Revision string
	ExternalURL       *url.URL // where people reach this server; nil = unknown
	// Reload tells the fate of the configuration; nil = always well.
	Reload func() (ok bool, at time.Time)
	// MaxQueries at once; 0 = 20. More wait.
	MaxQueries int
}

// errOff is what everything that would change the history gives.
var errOff = errors.New("switched off in watchpost")

// API serves Prometheus' HTTP API below /api/v1/, so that Grafana, promtool and
// any client take watchpost for a Prometheus. Everything that writes (admin,
// remote write, OTLP) and remote read are off.
func (h *History) API(o APIOptions) http.Handler {
	external := cmp.Or(o.ExternalURL, &url.URL{Scheme: "http", Host: "localhost"})
	start := time.Now()
	admin := admin{h.store}
	api := v1.NewAPI(
		h.engine, h.store, nil, nil, h.store,
		func(context.Context) v1.ScrapePoolsRetriever { return noTargets{} },
		func(context.Context) v1.TargetRetriever { return noTargets{} },
		func(context.Context) v1.AlertmanagerRetriever { return noTargets{} },
		func() config.Config { return config.DefaultConfig },
		map[string]string{"storage.tsdb.retention.time": h.o.Retention.String()},
		v1.GlobalURLOptions{ListenAddress: external.Host, Host: external.Host, Scheme: external.Scheme},
		func(f http.HandlerFunc) http.HandlerFunc { return f },
		admin, h.o.Dir,
		false, false, 0,
		h.log.With("component", "api"),
		func(context.Context) v1.RulesRetriever { return orNoRules(o.Rules) },
		0, 1, 1<<20,
		false,
		regexp.MustCompile(`^$`), // no CORS: the API is same-origin or proxied by Grafana
		func() (v1.RuntimeInfo, error) { return h.runtimeInfo(o, start), nil },
		&v1.PrometheusVersion{Version: o.Version, Revision: o.Revision, GoVersion: runtime.Version()},
		func() []notifications.Notification { return nil },
		func() (<-chan notifications.Notification, func(), bool) { return nil, func() {}, false },
		prometheus.NewRegistry(), prometheus.NewRegistry(),
		nil,
		false, nil, false, false, false, false,
		DefaultLookback,
		false, false,
		nil,
		features.NewRegistry(),
		v1.OpenAPIOptions{ExternalURL: external.String(), Version: o.Version},
		h.parser,
	)
	r := route.New()
	api.Register(r.WithPrefix("/api/v1"))
	slots := make(chan struct{}, cmp.Or(o.MaxQueries, 20))
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		// The TSDB is no remote read server here: its chunks may be exchanged
		// beneath a stream.
		if p := req.URL.Path; strings.HasPrefix(p, "/api/v1/read") || strings.HasPrefix(p, "/api/v1/notifications/live") {
			http.Error(w, errOff.Error(), http.StatusNotFound)
			return
		}
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
			r.ServeHTTP(w, req)
		case <-req.Context().Done():
		}
	})
}

func (h *History) runtimeInfo(o APIOptions, start time.Time) v1.RuntimeInfo {
	i := v1.RuntimeInfo{
		StartTime: start, ServerTime: time.Now(), CWD: "", ReloadConfigSuccess: true, LastConfigTime: start,
		GoroutineCount: runtime.NumGoroutine(), GOMAXPROCS: runtime.GOMAXPROCS(0), StorageRetention: h.o.Retention.String(),
	}
	i.Hostname, _ = os.Hostname() // "" is as good as an error here
	if o.Reload != nil {
		i.ReloadConfigSuccess, i.LastConfigTime = o.Reload()
	}
	return i
}

// admin gives statistics and refuses everything else.
type admin struct{ s *Store }

func (admin) CleanTombstones() error { return errOff }

func (admin) Delete(context.Context, int64, int64, ...*labels.Matcher) error { return errOff }

func (admin) Snapshot(string, bool) error { return errOff }

func (a admin) Stats(label string, limit int) (*tsdb.Stats, error) {
	a.s.mu.RLock()
	defer a.s.mu.RUnlock()
	if a.s.db == nil {
		return nil, ErrUnreadable
	}
	return a.s.db.Head().Stats(label, limit), nil
}

func (a admin) WALReplayStatus() (tsdb.WALReplayStatus, error) { return tsdb.WALReplayStatus{}, nil }

func (a admin) BlockMetas() ([]tsdb.BlockMeta, error) {
	a.s.mu.RLock()
	defer a.s.mu.RUnlock()
	if a.s.db == nil {
		return nil, ErrUnreadable
	}
	return a.s.db.BlockMetas(), nil
}

// noTargets: watchpost asks by itself and scrapes nothing.
type noTargets struct{}

func (noTargets) ScrapePools() []string                       { return nil }
func (noTargets) TargetsActive() map[string][]*scrape.Target  { return nil }
func (noTargets) TargetsDropped() map[string][]*scrape.Target { return nil }
func (noTargets) TargetsDroppedCounts() map[string]int        { return nil }
func (noTargets) Alertmanagers() []*url.URL                   { return nil }
func (noTargets) DroppedAlertmanagers() []*url.URL            { return nil }
func (noTargets) ScrapePoolConfig(string) (*config.ScrapeConfig, error) {
	return nil, errors.New("watchpost has no scrape pools")
}

type noRules struct{}

func (noRules) RuleGroups() []*rules.Group           { return nil }
func (noRules) AlertingRules() []*rules.AlertingRule { return nil }

func orNoRules(r v1.RulesRetriever) v1.RulesRetriever {
	if r == nil {
		return noRules{}
	}
	return r
}
