package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
)

// APIPrefix is where APIHandler expects to be mounted:
// amtool --alertmanager.url=http://HOST/alertmanager.
const APIPrefix = "/alertmanager"

// Engine evaluates rules and notifies. Make it with New, run it with Run.
type Engine struct {
	opts    Options
	logger  *slog.Logger
	metrics *metrics
	source  *ruleSource
	manager *rules.Manager
	cancel  context.CancelFunc // of the manager's queries

	am      *alertmanager // nil with outside Alertmanagers
	outside *outside      // nil with the Alertmanager inside
	watch   *watch

	mu      sync.Mutex // serialises Run's start, Reload and Close
	first   *plan      // until Run swaps it in
	files   []string   // rule files in use
	amPath  string     // alertmanager.yml in use; "" = built-in
	started bool
	closed  bool
	running atomic.Bool
}

// Config is what Reload can change.
type Config struct {
	AlertmanagerConfig string
	RuleFiles          []string
}

// New reads all configuration and state and checks it; every mistake is in the
// error, each as "file: what; cure". Nothing is evaluated or sent before Run.
// An Engine that was made must be closed, by Run or by Close.
func New(o Options) (*Engine, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	e := &Engine{opts: o, logger: o.Logger, amPath: o.AlertmanagerConfig}
	e.source = &ruleSource{embedded: o.Rules, disabled: o.DisabledAlerts, parser: parser.NewParser(parser.Options{}), logger: o.Logger}
	files, err := e.checkRules(o.RuleFiles)
	if err != nil {
		return nil, err
	}
	e.files = files
	if len(o.OutsideAlertmanagers) > 0 {
		if e.outside, err = newOutside(&e.opts); err != nil {
			return nil, err
		}
		e.metrics = newMetrics(o.Registerer)
	} else if err := e.openInside(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	e.cancel = cancel
	e.manager = rules.NewManager(&rules.ManagerOptions{
		ExternalURL: o.ExternalURL,
		QueryFunc:   rules.EngineQueryFunc(o.QueryEngine, o.Storage),
		NotifyFunc:  e.notify,
		Context:     ctx,
		Appendable:  o.Storage, Queryable: o.Storage,
		Logger: o.Logger.With("component", "rules"), Registerer: o.Registerer,
		OutageTolerance: time.Hour, ForGracePeriod: o.forGrace, ResendDelay: o.resendDelay,
		GroupLoader: e.source, Parser: e.source.parser,
	})
	e.watch = newWatch(e)
	e.reloaded(nil)
	return e, nil
}

func (e *Engine) openInside() error {
	c, err := loadConfig(e.amPath, e.opts.Webhooks)
	if err != nil {
		return err
	}
	e.metrics = newMetrics(e.opts.Registerer)
	am, err := newAlertmanager(&e.opts, c, e.metrics)
	if err != nil {
		return err
	}
	if e.first, err = am.build(e.amPath, c); err != nil {
		return errors.Join(err, am.close())
	}
	logWarnings(e.logger, configWarnings(e.amPath, c))
	e.am = am
	return nil
}

func (e *Engine) checkRules(patterns []string) ([]string, error) {
	files, err := e.source.names(patterns)
	return files, errors.Join(err, e.source.check(files))
}

// Run evaluates and notifies until ctx ends, then stops in reverse order: rules,
// notifications, state. It returns after the last state is on disk.
func (e *Engine) Run(ctx context.Context) error {
	if err := e.start(); err != nil {
		return errors.Join(err, e.Close())
	}
	var wg sync.WaitGroup
	wg.Go(e.manager.Run)
	wctx, stop := context.WithCancel(ctx)
	wg.Go(func() { e.watch.run(wctx) })
	<-ctx.Done()
	stop()
	err := e.Close()
	wg.Wait()
	return err
}

func (e *Engine) start() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.started || e.closed {
		return errors.New("alerting engine: Run may be called once, before Close")
	}
	if e.am != nil {
		e.am.start(e.first)
		e.first = nil
	} else {
		e.outside.start()
	}
	e.started = true
	if err := e.updateRules(); err != nil {
		return err
	}
	e.running.Store(true)
	return nil
}

// updateRules hands the checked files to the manager.
func (e *Engine) updateRules() error {
	if err := e.manager.Update(e.opts.EvaluationInterval, e.files, labels.EmptyLabels(), e.opts.ExternalURL.String(), nil); err != nil {
		return fmt.Errorf("rule files: %w; a file changed while it was read, reload again", err)
	}
	return nil
}

// Reload takes new rule files and a new alertmanager.yml. All that can fail is
// done before anything that runs is touched: on an error the old configuration
// goes on, and the error says what to correct. Silences, sent notifications and
// the state of unchanged rules stay.
func (e *Engine) Reload(c Config) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	err := e.reload(c)
	e.reloaded(err)
	if err != nil {
		return fmt.Errorf("alerting configuration not changed, the old one goes on: %w", err)
	}
	return nil
}

func (e *Engine) reload(c Config) error {
	if e.closed {
		return errors.New("the engine is stopped")
	}
	files, err := e.checkRules(c.RuleFiles)
	var p *plan
	if e.am != nil {
		conf, cerr := loadConfig(c.AlertmanagerConfig, e.opts.Webhooks)
		if cerr == nil {
			p, cerr = e.am.build(c.AlertmanagerConfig, conf)
		}
		err = errors.Join(err, cerr)
	}
	if err != nil {
		return err
	}
	old := e.files
	e.files = files
	if !e.started {
		e.first, e.amPath = p, c.AlertmanagerConfig
		return nil
	}
	if err := e.updateRules(); err != nil {
		e.files = old
		return err
	}
	if p != nil {
		e.amPath = c.AlertmanagerConfig
		e.am.swap(p)
		logWarnings(e.logger, configWarnings(e.amPath, p.conf))
	}
	return nil
}

func (e *Engine) reloaded(err error) {
	if err != nil {
		e.metrics.reloadOK.Set(0)
		return
	}
	e.metrics.reloadOK.Set(1)
	e.metrics.reloadAt.SetToCurrentTime()
}

// Close stops what runs and frees what New opened. Only needed when Run was not
// called; more calls do nothing.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil
	}
	e.closed = true
	e.running.Store(false)
	if e.started {
		// Cancelling first ends a query that hangs; the manager waits for its groups.
		e.cancel()
		e.manager.Stop()
	}
	e.cancel()
	if e.outside != nil {
		e.outside.close()
		return nil
	}
	if err := e.am.close(); err != nil {
		return fmt.Errorf("stopping the alertmanager inside: %w", err)
	}
	return nil
}

// Ready tells whether rules are being evaluated and alerts sent.
func (e *Engine) Ready() bool { return e.running.Load() }

// RulesRetriever gives rule groups and alerts to the Prometheus API
// (/api/v1/rules, /api/v1/alerts).
func (e *Engine) RulesRetriever() *rules.Manager { return e.manager }

// APIHandler serves Alertmanager's v2 API; mount it at APIPrefix + "/" without
// stripping the prefix. With outside Alertmanagers it says where they are.
func (e *Engine) APIHandler() http.Handler {
	if e.am != nil {
		return e.am.handler(APIPrefix)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "alerts go to an Alertmanager outside of watchpost: ask it directly", http.StatusNotFound)
	})
}
