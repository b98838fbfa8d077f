package engine

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
)

// Defaults of Options.
const (
	DefaultEvaluationInterval = 10 * time.Second
	// retention of silences and of the notification log; Alertmanager's default.
	retention = 120 * time.Hour
	// maintenanceInterval is how often state goes to disk even when nothing
	// changed; Alertmanager's own 15 minutes lose too much in a crash.
	maintenanceInterval = time.Minute
	// alertGCInterval is how long a resolved alert stays known.
	alertGCInterval = 30 * time.Minute
)

// Storage is what rules read from and write to: a *tsdb.DB or a remote store.
type Storage interface {
	storage.Appendable
	storage.Queryable
}

// Webhook is an HTTP receiver of the built-in Alertmanager configuration.
type Webhook struct {
	URL       string // http or https
	TokenFile string // file with a bearer token; "" = none
}

// Options configures an Engine. The zero value of a field means its default
// unless it says "required".
type Options struct {
	Storage     Storage            // required
	QueryEngine promql.QueryEngine // required

	// Rules holds the built-in rule files, each *.rules.yml at its root; nil = none.
	Rules fs.FS
	// RuleFiles are the user's own rule files; globs as in path/filepath.Match.
	RuleFiles []string
	// DisabledAlerts are alert names to leave out of the built-in files.
	DisabledAlerts []string
	// EvaluationInterval of groups that name none: 5 to 15 s in production;
	// default DefaultEvaluationInterval.
	EvaluationInterval time.Duration

	// AlertmanagerConfig is the path of alertmanager.yml; "" = the built-in
	// configuration, which prints alerts to Console and posts them to Webhooks.
	AlertmanagerConfig string
	// Webhooks receive all alerts but severity info, and the Watchdog, under
	// the built-in configuration. Ignored when AlertmanagerConfig is set.
	Webhooks []Webhook
	// Console gets one line per alert under the built-in configuration; nil =
	// the Logger at level Warn.
	Console io.Writer
	// OutsideAlertmanagers are base URLs of an Alertmanager cluster. When set,
	// no Alertmanager runs inside: alerts are sent to all of them.
	OutsideAlertmanagers []string

	// DataDir keeps silences, the notification log and the alerts. Required
	// unless OutsideAlertmanagers is set.
	DataDir string
	// ExternalURL is where people reach watchpost; prefix of links in alerts.
	// Required.
	ExternalURL *url.URL
	Logger      *slog.Logger          // nil = discard
	Registerer  prometheus.Registerer // nil = metrics go nowhere; one Engine per registry

	// Shortened by tests only; 0 = the product's values.
	resendDelay, restoreGrace, forGrace, watchAfter time.Duration
}

// complete fills in defaults and lists everything that is missing.
func (o *Options) complete() error {
	var errs []error
	bad := func(cond bool, msg string) {
		if cond {
			errs = append(errs, errors.New(msg))
		}
	}
	bad(o.Storage == nil, "Storage is not set")
	bad(o.QueryEngine == nil, "QueryEngine is not set")
	bad(o.ExternalURL == nil, "ExternalURL is not set")
	bad(o.DataDir == "" && len(o.OutsideAlertmanagers) == 0, "DataDir is not set")
	bad(o.EvaluationInterval < 0 || o.EvaluationInterval > 5*time.Minute,
		fmt.Sprintf("EvaluationInterval is %v; use 5s to 15s", o.EvaluationInterval))
	if len(errs) > 0 {
		return fmt.Errorf("alerting engine: %w", errors.Join(errs...))
	}
	orDefault(&o.EvaluationInterval, DefaultEvaluationInterval)
	orDefault(&o.resendDelay, time.Minute)
	orDefault(&o.forGrace, o.EvaluationInterval)
	// A rule with `for` fires at the third evaluation after a start at the
	// earliest; a check needs a turn of its own before it is known again.
	orDefault(&o.restoreGrace, 5*o.EvaluationInterval+time.Minute)
	orDefault(&o.watchAfter, max(3*o.EvaluationInterval, 30*time.Second))
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Registerer == nil {
		o.Registerer = prometheus.NewRegistry()
	}
	return nil
}

func orDefault(d *time.Duration, v time.Duration) {
	if *d == 0 {
		*d = v
	}
}

// link is an address below ExternalURL.
func (o *Options) link(path string) string {
	return strings.TrimSuffix(o.ExternalURL.String(), "/") + path
}
