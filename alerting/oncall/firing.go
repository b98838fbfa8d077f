package oncall

import (
	"context"
	"slices"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/oncall/incident"
)

// Alertmanager tells nobody that an alert ended while a silence muted it. Without
// another source the end of a silence would wake the officers about a fault
// that was mended hours ago. Options.Firing is that source: what fires at this
// moment, asked outside of the desk, because the one who is asked may be waiting
// for the desk.

const (
	firingEvery = 15 * time.Second
	firingFresh = time.Minute // an older answer says nothing
	// evaluating: the engine's word counts only while its watchdog is heard.
	evaluating = 2 * time.Minute
)

type firing struct {
	at     time.Time
	alerts map[alertKey]bool
}

type alertKey struct{ name, unit, system, check string }

func (s *Service) watchFiring(ctx context.Context) {
	t := time.NewTicker(firingEvery)
	defer t.Stop()
	for {
		f := firing{at: time.Now(), alerts: map[alertKey]bool{}}
		for _, a := range s.opt.Firing() {
			f.alerts[alertKey{a.Name, a.Unit, a.System, a.Check}] = true
		}
		s.post(ctx, func(d *desk, _ time.Time) { d.firing = f })
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// overMeanwhile ends the alerts of an incident whose silence or acknowledgement
// is about to run out, as far as it is certain that they fire no more.
func (d *desk) overMeanwhile(in incident.Incident, now time.Time) {
	i := slices.IndexFunc(d.watch.hearts, func(h heart) bool { return h.name == watchdogName })
	switch {
	case in.Status != incident.Acknowledged || in.Kind != incident.KindAlert || in.Drill:
		return
	case now.Sub(d.firing.at) > firingFresh || i < 0 || !d.watch.hearts[i].heard || now.Sub(d.watch.hearts[i].last) > evaluating:
		return // nobody knows: page
	}
	for _, g := range in.Groups {
		if ours(g.Key) || g.Cut > 0 {
			continue
		}
		g.Alerts = slices.Clone(g.Alerts)
		changed := false
		for j, a := range g.Alerts {
			if a.Firing() && !d.firing.alerts[alertKey{a.Name, a.Unit, a.System, a.Check}] {
				g.Alerts[j].Ended, changed = now, true
			}
		}
		if changed {
			d.journalGroup(in.ID, g, now)
			d.apply(in.ID, incident.Alerts{Group: g}, now)
		}
	}
}

// Firing tells what fires or is about to, silenced or not.
type Firing func() []alerting.Alert
