package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"watchpost.example/alerting/engine"
	"watchpost.example/alerting/oncall/auth"
	"watchpost.example/alerting/rules"
	"watchpost.example/exporter"
	"watchpost.example/exporter/history"
	"watchpost.example/exporter/wall"
	"watchpost.example/inventory"
	"watchpost.example/probes"
	"watchpost.example/probes/dns/zone"
	"watchpost.example/probes/schedule"
)

// application is the house with every room built and wired.
type application struct {
	o     serveOptions
	log   *slog.Logger
	rooms *stack

	board     *exporter.Board
	exporter  *exporter.Exporter
	history   *history.History
	evidence  *history.Evidence
	zones     *zone.Memory // of DNS zones, between looks
	engine    *engine.Engine
	scheduler *schedule.Scheduler
	uplink    *schedule.Uplink
	wall      *wall.Wall
	runbooks  http.Handler
	oncall    *oncallRoom     // nil = no roster is configured
	remote    history.Querier // a Prometheus outside to read from; nil = our own history
	users     *auth.Guard     // nil = no users file: nothing may change state

	ready  atomic.Bool
	inside net.Listener                 // for the embedded Alertmanager's word to on-call
	probe  atomic.Pointer[http.Handler] // GET /probe of the configuration in force

	reloading sync.Mutex // one reload at a time; mu is not held meanwhile, because rooms ask for names
	mu        sync.Mutex // guards what a reload changes
	cfg       *config
	reloaded  exporter.ReloadStats
	badness   string // of the last reload; "" = it was good
}

// build makes every room. What fails here fails before anything is asked,
// written or sent; rooms that were opened are closed again.
func build(o serveOptions, cfg *config, log *slog.Logger) (a *application, err error) {
	a = &application{o: o, log: log, rooms: newStack(log), cfg: cfg, board: exporter.NewBoard()}
	a.reloaded = exporter.ReloadStats{OK: true, SuccessAt: time.Now()}
	started := a // "return nil, err" clears a
	defer func() {
		if err != nil {
			if started.oncall != nil {
				err = joinStop(err, started.oncall.service.Close()) // once it runs it closes itself
			}
			err = joinStop(err, started.rooms.stopAll())
		}
	}()
	if a.uplink, err = newUplink(cfg, log); err != nil {
		return nil, err
	}
	a.exporter = exporter.New(exporter.Options{
		Board: a.board, Vantage: cfg.Server.Vantage, Version: version, Revision: revision(), Logger: log,
		Schedule: func() exporter.ScheduleStats { return exporter.ScheduleStats(a.scheduler.Stats()) },
		Uplink:   a.uplinkStats, Reload: a.reloadStats, Reasons: reasonWords(cfg.kinds()),
	})
	if err = a.openHistory(); err != nil {
		return nil, err
	}
	a.zones = zone.OpenMemory(filepath.Join(o.storage, "dns"), log)
	cfg.zones.Remember(a.zones)
	if err = a.openOncall(); err != nil {
		return nil, err
	}
	if err = a.openInside(); err != nil {
		return nil, err
	}
	if err = a.openEngine(); err != nil {
		return nil, err
	}
	if q := cfg.Server.Prometheus.Query; q.URL != "" {
		if a.remote, err = endpointQuerier(q); err != nil {
			return nil, err
		}
	}
	a.scheduler = schedule.New(schedule.Options{
		Sinks:  []probes.Sink{a.board, a.exporter, a.evidence, a.history},
		Uplink: a.uplink, Logger: log, Restore: a.before,
	})
	if a.wall, err = a.newWall(); err != nil {
		return nil, err
	}
	if a.runbooks, err = rules.RunbookHandler("/"); err != nil {
		return nil, err
	}
	a.take(cfg)
	return a, nil
}

// joinStop keeps the first error the one that people read.
func joinStop(err, stop error) error {
	if stop != nil {
		return fmt.Errorf("%w (and while stopping: %w)", err, stop)
	}
	return err
}

// take gives a configuration to the rooms that follow it.
func (a *application) take(cfg *config) {
	h := probeHandler(cfg, a.board, a.log)
	a.probe.Store(&h)
	inv := cfg.Inventory
	a.board.Update(inv.Units)
	for _, c := range inv.Checks {
		if s, ok := a.before(c.ID); ok {
			a.board.Restore(c.ID, s)
		}
	}
	a.history.Updated()
	a.scheduler.Update(inv.Checks)
}

// before is the state of a check as it was before this start. A reload asks for
// none: by then it is old, and would bring back an outage that is long over.
func (a *application) before(id probes.ID) (probes.State, bool) {
	if a.ready.Load() {
		return probes.State{}, false
	}
	return a.history.Restore(id)
}

func (a *application) openHistory() (err error) {
	s := a.cfg.Server
	write, err := remoteWrite(s.Prometheus.RemoteWrite)
	if err != nil {
		return err
	}
	o := history.Options{
		Dir: filepath.Join(a.o.storage, "history"), Retention: s.Storage.Retention.D(), RetentionSize: int64(s.Storage.RetentionSize),
		OutOfOrderWindow: s.Storage.OutOfOrderWindow.D(), Entries: a.board.Entries, Vantage: s.Vantage,
		Gatherer: a.exporter.Registry(), RemoteWrite: write, Logger: a.log, Registerer: a.exporter.Registry(),
	}
	// A disk fills up or decays at night by itself, and a start after that must
	// still probe and page. A folder that is not ours to write, or that another
	// watchpost has, is a mistake of whoever starts us: he is told, at once.
	a.history, err = history.Open(o)
	if errors.Is(err, history.ErrDiskFull) || errors.Is(err, history.ErrDamaged) {
		o.GoOnWithoutDisk = true
		a.history, err = history.Open(o)
	}
	if err != nil {
		return err
	}
	a.rooms.onStop("history", a.history.Close)
	a.evidence, err = history.OpenEvidence(history.EvidenceOptions{
		Dir: filepath.Join(a.o.storage, "evidence"), Size: int64(s.Storage.EvidenceSize), Referenced: a.referenced, Logger: a.log,
	})
	if err != nil {
		return err
	}
	a.rooms.onStop("evidence", a.evidence.Close)
	a.exporter.Registry().MustRegister(exporter.EvidenceCollector(a.evidence.Stats))
	return nil
}

// referenced tells whether a piece of evidence belongs to what is shown now.
func (a *application) referenced(hash string) bool {
	for _, e := range a.board.Entries() {
		for _, x := range e.Observation.Evidence {
			if x.Hash == hash {
				return true
			}
		}
	}
	return false
}

func (a *application) openEngine() error {
	ext, err := url.Parse(a.o.external)
	if err != nil {
		return usage("external_url: %w", err)
	}
	o := engine.Options{
		Storage: a.history.Storage(), QueryEngine: a.history.Engine(), Rules: rules.Files(), RuleFiles: a.cfg.Server.Rules,
		AlertmanagerConfig: a.cfg.Server.Alertmanager.ConfigFile, Console: a.o.console, DataDir: filepath.Join(a.o.storage, "alerting"),
		ExternalURL: ext, Logger: a.log, Registerer: a.exporter.Registry(),
	}
	for _, e := range a.cfg.Server.Alertmanager.Outside {
		o.OutsideAlertmanagers = append(o.OutsideAlertmanagers, e.URL)
	}
	if a.oncall != nil {
		o.Webhooks = append(o.Webhooks, engine.Webhook{URL: "http://" + a.inside.Addr().String() + webhookPath, TokenFile: a.oncall.tokenFile})
	}
	if a.o.tune != nil {
		a.o.tune(&o)
	}
	if a.engine, err = engine.New(o); err != nil {
		return err
	}
	a.rooms.onStop("alerting engine", a.engine.Close)
	return nil
}

// start runs the rooms: those who take first, those who give last.
func (a *application) start(listeners []net.Listener) {
	a.startInside()
	a.startWeb(listeners)
	if a.oncall != nil {
		a.rooms.run("on-call", a.oncall.service.Run)
	}
	a.rooms.run("alerting engine", a.engine.Run)
	a.rooms.run("memory of DNS zones", a.zones.Run)
	a.rooms.run("schedule", a.scheduler.Run)
	a.ready.Store(true)
}

func (a *application) reloadStats() exporter.ReloadStats {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.reloaded
}

func (a *application) configError() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.badness
}

// inventory is the one in force.
func (a *application) inventory() *inventory.Inventory {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.cfg.Inventory
}

// server is the server's part of the configuration in force.
func (a *application) server() inventory.Server {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.cfg.Server
}

func (a *application) uplinkStats() exporter.UplinkStats {
	s := a.uplink.State()
	out := exporter.UplinkStats{Guarded: s.Guarded, Up: !s.Lost, Anchors: map[string]bool{}}
	for _, x := range s.Anchors {
		out.Anchors[x.Name] = x.Up
	}
	return out
}

func (a *application) newWall() (*wall.Wall, error) {
	books, err := rules.Runbooks()
	if err != nil {
		return nil, err
	}
	o := wall.Options{
		Board: a.board, Alerts: a.engine.Alerts, Explain: explain, ConfigError: a.configError,
		AlertTitle: func(name, lang string) string {
			b, ok := rules.Find(books, name)
			switch {
			case !ok: // an alert of the operator's own rules: its summary says it
				return ""
			case lang == "vi":
				return b.Title
			}
			return name
		},
		Uplink: func() (up, known bool) { s := a.uplink.State(); return !s.Lost, s.Guarded },
		Past:   a.past, Location: localZone(), Log: a.log,
	}
	if a.oncall != nil {
		a.oncall.onWall(&o)
	}
	return wall.New(o)
}

// localZone is the clock of every page.
func localZone() *time.Location {
	loc, err := time.LoadLocation(inventory.DefaultTimeZone)
	if err != nil { // time/tzdata is linked in, so this can't be
		return time.Local
	}
	return loc
}

// webServer gives the server with the limits that every face of ours has.
func webServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 60 * time.Second, IdleTimeout: 120 * time.Second,
		MaxHeaderBytes: 64 << 10,
		// No WriteTimeout: the wall's live stream is meant to last; handlers bound their own work.
	}
}

// bounded gives f at most d to end.
func bounded(d time.Duration, f func(context.Context) error) func() error {
	return func() error {
		ctx, cancel := context.WithTimeout(context.Background(), d)
		defer cancel()
		return f(ctx)
	}
}
