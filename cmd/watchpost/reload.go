package main

import (
	"reflect"
	"time"

	"watchpost.example/alerting/engine"
	"watchpost.example/exporter"
	"watchpost.example/inventory"
)

// reload reads all files again. What fails leaves everything as it was and
// says so in the log, the metric and on the wall.
func (a *application) reload() error {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	cfg, people, err := a.readAgain()
	if err == nil {
		err = a.engine.Reload(engine.Config{AlertmanagerConfig: cfg.Server.Alertmanager.ConfigFile, RuleFiles: cfg.Server.Rules})
	}
	if err == nil {
		err = a.takePeople(people)
	}
	if err != nil {
		a.mu.Lock()
		a.badness, a.reloaded.OK = err.Error(), false
		a.mu.Unlock()
		a.log.Error("reload failed, the old configuration goes on", "err", err)
		return err
	}
	a.mu.Lock()
	old := a.cfg
	a.cfg, a.badness = cfg, ""
	a.reloaded = exporter.ReloadStats{OK: true, SuccessAt: time.Now()}
	a.mu.Unlock()
	a.take(cfg)
	changes := inventory.Diff(old.Inventory, cfg.Inventory)
	a.log.Info("reloaded", "added", len(changes.Added), "removed", len(changes.Removed), "changed", len(changes.Changed), "kept", len(changes.Kept))
	if keys := needRestart(old.Server, cfg.Server); len(keys) > 0 {
		a.log.Warn("some of what changed takes effect at the next start only", "keys", keys)
	}
	return nil
}

// readAgain reads every file before anything takes any of them, so that a
// mistake in the last one does not leave half of a change in force.
func (a *application) readAgain() (*config, *oncallFiles, error) {
	cfg, err := loadConfig(a.o.config, a.log)
	if err != nil {
		return nil, nil, err
	}
	cfg.zones.Remember(a.zones)
	people, err := loadOncall(a.log, cfg.Server.Oncall)
	if err != nil {
		return nil, nil, err
	}
	return cfg, people, nil
}

// needRestart names the keys that differ and that a running program can't take.
func needRestart(old, now inventory.Server) []string {
	var out []string
	for _, x := range []struct {
		key      string
		old, now any
	}{
		{"vantage", old.Vantage, now.Vantage},
		{"external_url", old.ExternalURL, now.ExternalURL},
		{"uplink", old.Uplink, now.Uplink},
		{"storage", old.Storage, now.Storage},
		{"prometheus", old.Prometheus, now.Prometheus},
		{"alertmanager.outside", old.Alertmanager.Outside, now.Alertmanager.Outside},
		{"oncall.channels", old.Oncall.Channels, now.Oncall.Channels},
		{"oncall.peers", old.Oncall.Peers, now.Oncall.Peers},
		{"oncall.heartbeats", old.Oncall.Heartbeats, now.Oncall.Heartbeats},
		{"oncall.roster", old.Oncall.Roster == "", now.Oncall.Roster == ""},
		{"oncall.users", old.Oncall.Users == "", now.Oncall.Users == ""},
	} {
		if !reflect.DeepEqual(x.old, x.now) {
			out = append(out, x.key)
		}
	}
	return out
}

// takePeople gives on-call its new roster, ladder and users. Channels are
// opened at the start only: a modem or SIP registration is not changed in
// mid-call.
func (a *application) takePeople(f *oncallFiles) error {
	if f.users != nil && a.users != nil {
		a.users.SetUsers(f.users)
	}
	if a.oncall == nil {
		return nil
	}
	if f.users != nil {
		a.oncall.service.SetUsers(f.users)
	}
	return a.oncall.service.Reload(f.roster, f.ladder)
}
