package incident

import (
	"slices"
	"time"
)

// put replaces a group's alerts. An alert that the new list lacks has ended,
// because a webhook carries the whole group; of a list that was cut nothing can
// be concluded about what it lacks.
func (in *Incident) put(g Group, now time.Time) {
	g.bound()
	for i, old := range in.Groups {
		if old.Key == g.Key {
			in.Groups[i] = g.after(old)
			return
		}
	}
	in.Groups = append(in.Groups, g)
	in.Joined = now
}

// bound keeps MaxAlerts alerts, those that fire first. The ended ones that are
// left out need not be counted: they are over.
func (g *Group) bound() {
	if len(g.Alerts) <= MaxAlerts {
		return
	}
	g.Alerts = slices.Clone(g.Alerts)
	slices.SortStableFunc(g.Alerts, func(a, b Alert) int { return order(a.Firing(), b.Firing()) })
	g.Cut += Group{Alerts: g.Alerts[MaxAlerts:]}.Firing()
	g.Alerts = g.Alerts[:MaxAlerts]
}

// skew is how far the clocks of those who tell an alert's beginning and its end may
// lie apart.
const skew = time.Minute

// after is g as the successor of old: what a late or cut webhook can't know
// stays as it was.
func (g Group) after(old Group) Group {
	g.Alerts = slices.Clone(g.Alerts)
	for _, o := range old.Alerts {
		if !o.Firing() || o.Fingerprint == "" {
			continue
		}
		i := slices.IndexFunc(g.Alerts, func(a Alert) bool { return a.Fingerprint == o.Fingerprint })
		switch {
		case i < 0 && g.Cut > 0 && len(g.Alerts) < MaxAlerts:
			g.Alerts = append(g.Alerts, o) // it may be among those that were cut off
		case i >= 0 && !g.Alerts[i].Firing() && g.Alerts[i].Ended.Before(o.Since.Add(-skew)):
			g.Alerts[i] = o // the end of an earlier time, told late
		}
	}
	return g
}

// recount derives severity, level and since from the firing alerts; it leaves
// them alone when none fires.
func (in *Incident) recount() {
	severity, level, since := "", 0, time.Time{}
	for _, g := range in.Groups {
		for _, a := range g.Alerts {
			if !a.Firing() {
				continue
			}
			if severity == "" || Rank(a.Severity) > Rank(severity) {
				severity = a.Severity
			}
			level = max(level, a.Level)
			if !a.Since.IsZero() && (since.IsZero() || a.Since.Before(since)) {
				since = a.Since
			}
		}
	}
	if severity == "" {
		return
	}
	in.Severity, in.Level = severity, level
	if !since.IsZero() {
		in.Since = since
	}
}
