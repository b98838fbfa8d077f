package oncall

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/oncall/incident"
	"watchpost.example/alerting/oncall/journal"
)

// takeGroup takes the state of one of Alertmanager's groups.
func (d *desk) takeGroup(g incident.Group, now time.Time) {
	d.levels(&g)
	id := d.byKey[g.Key]
	in := d.incidents[id]
	switch {
	case in != nil && in.Status.Live():
		if tellsMore(*in, g) {
			d.journalGroup(id, g, now)
		}
		d.apply(id, incident.Alerts{Group: g}, now)
		return
	case g.Firing() == 0:
		return // the end of something that is over here, or was never told
	case in != nil && in.Status == incident.Resolved && now.Sub(in.Ended) < d.ladder.ReopenWithin:
		d.journalGroup(id, g, now)
		d.apply(id, incident.Alerts{Group: g}, now)
		return
	}
	fresh := incident.Incident{Groups: []incident.Group{g}, Severity: worst(g)}
	policy := d.ladder.Choose(fresh.Severity, level(g))
	if d.fold(g, now) {
		return
	}
	fresh.ID, fresh.Code = d.newCode(now)
	d.journalGroup(fresh.ID, g, now) // the cause stands before what follows from it
	d.open(fresh, policy, now)
}

// tellsMore tells whether a webhook says something that the incident does not
// know: Alertmanager repeats itself, and the journal need not.
func tellsMore(in incident.Incident, g incident.Group) bool {
	old, ok := in.Group(g.Key)
	return !ok || !slices.EqualFunc(old.Alerts, g.Alerts, func(a, b incident.Alert) bool {
		return a.Fingerprint == b.Fingerprint && a.Firing() == b.Firing() && a.Severity == b.Severity
	})
}

func (d *desk) journalGroup(id string, g incident.Group, now time.Time) {
	d.journal(journal.Entry{
		At: now, Kind: journal.Alert, Incident: id, What: fmt.Sprintf("%d firing", g.Firing()), Severity: worst(g), Detail: g.Key,
	})
}

// levels fills in the levels of systems from the directory.
func (d *desk) levels(g *incident.Group) {
	if d.opt.Directory == nil {
		return
	}
	for i, a := range g.Alerts {
		if a.Level == 0 && a.System != "" {
			_, g.Alerts[i].Level = d.opt.Directory.System(a.Unit, a.System)
		}
	}
}

func worst(g incident.Group) string {
	out := ""
	for _, a := range g.Alerts {
		if a.Firing() && (out == "" || incident.Rank(a.Severity) > incident.Rank(out)) {
			out = a.Severity
		}
	}
	if out == "" {
		return alerting.Critical
	}
	return out
}

func level(g incident.Group) int {
	n := 0
	for _, a := range g.Alerts {
		if a.Firing() {
			n = max(n, a.Level)
		}
	}
	return n
}

// fold puts a new group into a storm: into the one that is going on, or into a
// new one together with the incidents that opened just before, when so many
// units are down at once that one cause is likely. A person then gets one page
// about 23 units, not 23 pages.
func (d *desk) fold(g incident.Group, now time.Time) bool {
	rule := d.ladder.Storm
	if rule.Units <= 0 || incident.Rank(worst(g)) < 2 || ours(g.Key) {
		return false
	}
	parts, storm := d.burst(now)
	if storm != "" {
		d.journalGroup(storm, g, now)
		d.apply(storm, incident.Alerts{Group: g}, now)
		return true
	}
	units := map[string]bool{}
	for _, in := range parts {
		for _, u := range in.Units() {
			units[u] = true
		}
	}
	for _, a := range g.Alerts {
		if a.Firing() && a.Unit != "" {
			units[a.Unit] = true
		}
	}
	if len(units) < rule.Units || len(parts) == 0 {
		return false
	}
	whole := incident.Incident{Storm: true, Severity: alerting.Critical}
	whole.ID, whole.Code = d.newCode(now)
	for _, in := range parts {
		whole.Groups = append(whole.Groups, in.Groups...)
	}
	whole.Groups = append(whole.Groups, g)
	d.journalGroup(whole.ID, g, now)
	// The parts go first, so that their pages are out of the queue when the
	// storm's go in.
	for _, in := range parts {
		d.apply(in.ID, incident.Merge{Into: whole.ID}, now)
	}
	d.open(whole, d.ladder.Choose(alerting.Critical, level(g)), now)
	return true
}

// stormMost bounds a storm: after so many times the window what comes is no
// longer the same cause, even when something joined all the while, and a person
// who took the storm has not taken that.
const stormMost = 6

// burst gives the critical incidents that opened just now and that nobody has
// taken, and the storm that is going on; "" = none.
func (d *desk) burst(now time.Time) (parts []*incident.Incident, storm string) {
	within := d.ladder.Storm.Within
	for _, in := range d.live() {
		if in.Kind != incident.KindAlert || in.Drill || len(in.Groups) == 0 || ours(in.Groups[0].Key) {
			continue
		}
		if in.Storm && now.Sub(in.Joined) < within && now.Sub(in.Opened) < stormMost*within && !in.SilencedUntil.After(now) {
			return nil, in.ID
		}
		if in.Status == incident.Open && incident.Rank(in.Severity) >= 2 && now.Sub(in.Opened) < within {
			parts = append(parts, in)
		}
	}
	return parts, ""
}

// ours tells whether a group is the pager's own alarm; those never fold.
func ours(key string) bool { return strings.HasPrefix(key, watchKey) }
