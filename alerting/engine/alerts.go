package engine

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/marker"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/rules"

	"watchpost.example/alerting"
)

type active alerting.Alert

func (a active) compare(b active) int {
	return cmp.Or(
		cmp.Compare(loudness(a.Severity), loudness(b.Severity)),
		cmp.Compare(a.State, b.State), // firing before pending
		a.Since.Compare(b.Since),
		strings.Compare(a.Name, b.Name), strings.Compare(a.Unit, b.Unit),
		strings.Compare(a.System, b.System), strings.Compare(a.Check, b.Check),
	)
}

func loudness(severity string) int {
	switch severity {
	case alerting.Critical:
		return 0
	case alerting.Warning:
		return 1
	}
	return 2
}

// Alerts lists what is pending or firing now, the loudest first: alerts of
// rules, those restored from before a restart until a rule confirms or ends
// them, and those sent in from outside over the API. Silenced and Inhibited are
// known only with the Alertmanager inside. The Watchdog is left out.
func (e *Engine) Alerts() []alerting.Alert {
	found := map[model.Fingerprint]active{}
	for _, r := range e.manager.AlertingRules() {
		for _, a := range r.ActiveAlerts() {
			if a.State != rules.StateFiring && a.State != rules.StatePending {
				continue
			}
			ls := toLabelSet(a.Labels)
			found[ls.Fingerprint()] = noun(ls, toLabelSet(a.Annotations), a.State.String(), a.ActiveAt)
		}
	}
	if e.am != nil {
		e.am.merge(found, time.Now())
	}
	l := make([]active, 0, len(found))
	for _, a := range found {
		if a.Name != watchdogAlert {
			l = append(l, a)
		}
	}
	sortAlerts(l)
	out := make([]alerting.Alert, len(l))
	for i, a := range l {
		out[i] = alerting.Alert(a)
	}
	return out
}

// merge adds what only Alertmanager knows: alerts of no rule, starts that are
// older than this process, and who mutes whom.
func (a *alertmanager) merge(found map[model.Fingerprint]active, now time.Time) {
	it := a.alerts.GetPending()
	defer it.Close()
	for x := range it.Next() {
		al := x.Data
		if al.ResolvedAt(now) {
			continue
		}
		fp := al.Fingerprint()
		n, ok := found[fp]
		if !ok {
			n = noun(al.Labels, al.Annotations, rules.StateFiring.String(), al.StartsAt)
		} else if al.StartsAt.Before(n.Since) {
			n.Since = al.StartsAt
		}
		found[fp] = n
	}
	marks := marker.NewAlertMarker()
	ctx := marker.WithContext(context.Background(), marks)
	for fp, n := range found {
		a.mark(ctx, labelSet(n.Labels))
		st := marks.Status(fp)
		n.Silenced, n.Inhibited = len(st.SilencedBy) > 0, len(st.InhibitedBy) > 0
		found[fp] = n
	}
}

func noun(ls, notes model.LabelSet, state string, since time.Time) active {
	m := make(map[string]string, len(ls))
	for k, v := range ls {
		m[string(k)] = string(v)
	}
	return active{
		Name: m[labelAlert], Severity: m["severity"], Unit: m["unit"], System: m["system"], Check: m["check"],
		State: state, Since: since, Labels: m,
		Summary: string(notes["summary"]), Description: string(notes["description"]), RunbookURL: string(notes["runbook_url"]),
	}
}
