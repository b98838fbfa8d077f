package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/api"
	"github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/eventrecorder"
	"github.com/prometheus/alertmanager/featurecontrol"
	"github.com/prometheus/alertmanager/inhibit"
	"github.com/prometheus/alertmanager/marker"
	"github.com/prometheus/alertmanager/nflog"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/provider/mem"
	"github.com/prometheus/alertmanager/silence"
	"github.com/prometheus/common/model"
	"github.com/prometheus/common/route"
)

// alertmanager is an Alertmanager without its program: the long-lived parts are
// here, those that change with the configuration are in a pipeline. The order
// of things follows alertmanager/app (v0.34), which can't be imported.
type alertmanager struct {
	opts    *Options
	logger  *slog.Logger
	metrics *metrics

	events   eventrecorder.Recorder
	log      *nflog.Log
	silences *silence.Silences
	silencer *silence.Silencer
	alerts   *mem.Alerts
	groups   marker.GroupMarker
	builder  *notify.PipelineBuilder
	dispatch *dispatch.DispatcherMetrics
	api      *api.API
	console  *console

	inhibitor  atomic.Pointer[inhibit.Inhibitor]
	dispatcher atomic.Pointer[dispatch.Dispatcher]

	savers []*saver
	stop   context.CancelFunc
	wg     sync.WaitGroup
}

// storeHook tells the saver of alerts about changes; the rest is the silencer's
// own bookkeeping.
type storeHook struct {
	*silence.Silencer
	changed func()
}

// PostStore is called under the store's lock, so it only rings.
func (h storeHook) PostStore(a *alert.Alert, existing bool) {
	h.Silencer.PostStore(a, existing)
	if !existing || a.Resolved() {
		h.changed()
	}
}

// newAlertmanager opens the state in DataDir. Nothing runs until start.
func newAlertmanager(o *Options, c *config.Config, m *metrics) (_ *alertmanager, err error) {
	if err := os.MkdirAll(o.DataDir, 0o750); err != nil {
		return nil, fmt.Errorf("alerting state: %w; give --storage.path a directory that watchpost may write", err)
	}
	a := &alertmanager{
		opts: o, metrics: m, logger: o.Logger.With("component", "alertmanager"),
		groups: marker.NewGroupMarker(),
	}
	a.console = &console{w: o.Console, logger: o.Logger}
	host, _ := os.Hostname() // only names the instance in recorded events
	a.events = eventrecorder.NewRecorderFromConfig(c.EventRecorder, host, a.logger, o.Registerer)
	defer func() {
		if err != nil {
			err = errors.Join(err, a.events.Close())
		}
	}()
	if err := a.open(); err != nil {
		return nil, err
	}
	a.builder = notify.NewPipelineBuilder(o.Registerer, featurecontrol.NoopFlags{}, a.events)
	a.dispatch = dispatch.NewDispatcherMetrics(false, o.Registerer, featurecontrol.NoopFlags{})
	a.api, err = api.New(api.Options{
		Alerts: a.alerts, Silences: a.silences, GroupMutedFunc: a.groups.Muted,
		Timeout: 30 * time.Second, Logger: a.logger, Registry: o.Registerer,
		RequestDuration: m.requests, GroupFunc: a.alertGroups,
	})
	if err != nil {
		return nil, fmt.Errorf("alertmanager API: %w", err)
	}
	return a, nil
}

// open reads the notification log, the silences and the alerts of the last run.
// A file that can't be read is set aside: starting with a possibly repeated
// page beats not starting.
func (a *alertmanager) open() error {
	o := a.opts
	path := func(name string) string { return filepath.Join(o.DataDir, name) }
	for _, f := range []struct {
		name string
		load func(io.Reader) error
	}{{"nflog", checkLog}, {"silences", checkSilences}} {
		if err := readable(path(f.name), f.load, a.logger); err != nil {
			return err
		}
	}
	var err error
	if a.log, err = nflog.New(nflog.Options{
		SnapshotFile: path("nflog"), Retention: retention, Logger: a.logger, Metrics: o.Registerer,
	}); err != nil {
		return fmt.Errorf("notification log: %w", err)
	}
	if a.silences, err = silence.New(silence.Options{
		SnapshotFile: path("silences"), Retention: retention, Logger: a.logger,
		Metrics: o.Registerer, EventRecorder: a.events, Logging: true,
		Limits: silence.Limits{MaxSilences: func() int { return 0 }, MaxSilenceSizeBytes: func() int { return 0 }},
	}); err != nil {
		return fmt.Errorf("silences: %w", err)
	}
	a.silencer = silence.NewSilencer(a.silences, a.logger, a.events)

	logSaver := newSaver(path("nflog"), a.log.Snapshot, a.metrics.saveFailures.WithLabelValues("nflog"), a.logger)
	silSaver := newSaver(path("silences"), a.silences.Snapshot, a.metrics.saveFailures.WithLabelValues("silences"), a.logger)
	alertSaver := newSaver(path("alerts.json"), a.writeAlerts, a.metrics.saveFailures.WithLabelValues("alerts"), a.logger)
	a.savers = []*saver{logSaver, silSaver, alertSaver}
	a.log.SetBroadcast(func([]byte) { logSaver.changed() })
	a.silences.SetBroadcast(func([]byte) { silSaver.changed() })

	a.alerts, err = mem.NewAlerts(context.Background(), alertGCInterval, 0,
		storeHook{a.silencer, alertSaver.changed}, a.logger, a.events, o.Registerer, featurecontrol.NoopFlags{})
	if err != nil {
		return fmt.Errorf("alert store: %w", err)
	}
	return a.restoreAlerts(path("alerts.json"))
}

// start brings the first pipeline to life.
func (a *alertmanager) start(p *plan) {
	ctx, cancel := context.WithCancel(context.Background())
	a.stop = cancel
	for _, s := range a.savers {
		a.wg.Go(func() { s.run(ctx) })
	}
	a.wg.Go(func() {
		a.log.Maintenance(maintenanceInterval, a.savers[0].path, ctx.Done(), a.collect(a.log.GC, a.savers[0]))
	})
	a.wg.Go(func() {
		a.silences.Maintenance(maintenanceInterval, a.savers[1].path, ctx.Done(), a.collect(a.silences.GC, a.savers[1]))
	})
	a.swap(p)
}

// collect is one round of maintenance: forget what is over, save the rest.
func (a *alertmanager) collect(gc func() (int, error), s *saver) func() (int64, error) {
	return func() (int64, error) {
		if _, err := gc(); err != nil {
			a.logger.Error("Clearing out old alerting state failed", "file", s.path, "err", err)
		}
		return s.save()
	}
}

// close stops notifying, then saves everything once more. Notifications that
// are on their way are cancelled; not being in the log, they are sent again at
// the next start.
func (a *alertmanager) close() error {
	if i := a.inhibitor.Load(); i != nil {
		i.Stop()
	}
	if d := a.dispatcher.Load(); d != nil {
		d.Stop()
	}
	if a.stop != nil { // it was started; else nothing changed and nothing is to save
		a.stop()
		a.wg.Wait()
		for _, s := range a.savers {
			_, _ = s.save() // it logs; there is nobody left to tell
		}
	}
	a.alerts.Close()
	return a.events.Close()
}

// put hands alerts to the dispatcher and the inhibitor.
func (a *alertmanager) put(ctx context.Context, alerts ...*alert.Alert) error {
	return a.alerts.Put(eventrecorder.WithEventRecording(ctx), alerts...)
}

// alertGroups answers the API; before start there are none.
func (a *alertmanager) alertGroups(ctx context.Context, rf func(*dispatch.Route) bool, af func(*alert.Alert, time.Time) bool) (dispatch.AlertGroups, map[model.Fingerprint][]string, error) {
	d := a.dispatcher.Load()
	if d == nil {
		return nil, nil, errors.New("alerting has not started yet; try again in a moment")
	}
	return d.Groups(ctx, rf, af)
}

// mark finds out whether an alert with these labels is muted and by what.
func (a *alertmanager) mark(ctx context.Context, ls model.LabelSet) {
	if i := a.inhibitor.Load(); i != nil {
		i.Mutes(ctx, ls)
	}
	a.silencer.Mutes(ctx, ls)
}

// handler serves Alertmanager's API below prefix.
func (a *alertmanager) handler(prefix string) http.Handler {
	r := route.New().WithPrefix(prefix)
	ok := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, "OK\n") // a client that went away needs no answer
	}
	r.Get("/-/healthy", ok)
	r.Get("/-/ready", ok)
	mux := a.api.Register(r, prefix)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if a.dispatcher.Load() == nil {
			http.Error(w, "alerting has not started yet; try again in a moment", http.StatusServiceUnavailable)
			return
		}
		req.Body = http.MaxBytesReader(w, req.Body, 4<<20)
		mux.ServeHTTP(w, req)
	})
}
