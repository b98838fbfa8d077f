package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/util/strutil"
)

const (
	labelAlert    = model.AlertNameLabel
	watchdogAlert = "Watchdog"
	// EvalFailing is the one alert that no rule makes: a rule can't tell that
	// rules can't be evaluated.
	EvalFailing = "RuleEvaluationFailing"
)

// notify is the rule manager's way out.
func (e *Engine) notify(ctx context.Context, expr string, alerts ...*rules.Alert) {
	if len(alerts) == 0 {
		return
	}
	if e.outside != nil {
		e.outside.send(expr, alerts)
		return
	}
	now := time.Now()
	out := make([]*alert.Alert, 0, len(alerts))
	for _, a := range alerts {
		x := &alert.Alert{
			Alert: model.Alert{
				Labels: toLabelSet(a.Labels), Annotations: toLabelSet(a.Annotations), StartsAt: a.FiredAt, EndsAt: a.ValidUntil,
				GeneratorURL: e.opts.link(strutil.TableLinkForExpression(expr)),
			},
			UpdatedAt: now,
		}
		if !a.ResolvedAt.IsZero() {
			x.EndsAt = a.ResolvedAt
		} else {
			x.Timeout = true
		}
		if err := x.Validate(); err != nil {
			e.metrics.sendFailures.Inc()
			e.logger.Error("An alert is not valid and was not sent; correct the labels of its rule", "alert", a.Labels.String(), "err", err)
			continue
		}
		out = append(out, x)
	}
	// Not ctx: an alert that fired is handed over even while we stop.
	if err := e.am.put(context.WithoutCancel(ctx), out...); err != nil {
		e.metrics.sendFailures.Inc()
		e.logger.Error("Handing alerts to the Alertmanager inside failed", "err", err)
	}
}

// watch keeps alerts firing while their rules can't be evaluated. Alertmanager
// takes an alert that isn't repeated for an end of the trouble; when the
// history can't be read, that would be a recovery that nobody saw.
type watch struct {
	e        *Engine
	born     time.Time
	badSince time.Time // zero = evaluation is fine
	raised   bool
}

func newWatch(e *Engine) *watch { return &watch{e: e, born: time.Now()} }

func (w *watch) run(ctx context.Context) {
	t := time.NewTicker(w.e.opts.EvaluationInterval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			w.look(ctx, now)
		}
	}
}

// look re-sends what rules that fail or hang held to be firing, and raises or
// ends EvalFailing.
func (w *watch) look(ctx context.Context, now time.Time) {
	failing, why := 0, ""
	for _, g := range w.e.manager.RuleGroups() {
		late := 3*g.Interval() + w.e.opts.EvaluationInterval
		for _, r := range g.Rules() {
			last := r.GetEvaluationTimestamp()
			if last.Before(w.born) {
				last = w.born
			}
			switch {
			case r.Health() == rules.HealthBad:
				why = fmt.Sprintf("rule %s: %v", r.Name(), r.LastError())
			case now.Sub(last) > late:
				why = fmt.Sprintf("rule %s was not evaluated for %v", r.Name(), now.Sub(last).Round(time.Second))
			default:
				continue
			}
			failing++
			if ar, ok := r.(*rules.AlertingRule); ok {
				w.keep(ctx, ar, now)
			}
		}
	}
	w.judge(ctx, now, failing, why)
}

func (w *watch) keep(ctx context.Context, r *rules.AlertingRule, now time.Time) {
	var l []*rules.Alert
	for _, a := range r.ActiveAlerts() {
		if a.State != rules.StateFiring {
			continue
		}
		c := *a
		c.Labels = a.Labels.Copy()
		c.ValidUntil = now.Add(4 * max(w.e.opts.EvaluationInterval, w.e.opts.resendDelay))
		l = append(l, &c)
	}
	w.e.metrics.keptAlive.Add(float64(len(l)))
	w.e.notify(ctx, r.Query().String(), l...)
}

// judge raises EvalFailing when rules failed for watchAfter, and ends it.
func (w *watch) judge(ctx context.Context, now time.Time, failing int, why string) {
	if failing == 0 {
		if w.raised {
			w.raised = false
			a := w.alert(now, 0, "")
			a.ResolvedAt = now
			w.e.notify(ctx, "vector(1)", a)
		}
		w.badSince = time.Time{}
		return
	}
	if w.badSince.IsZero() {
		w.badSince = now
	}
	if now.Sub(w.badSince) < w.e.opts.watchAfter {
		return
	}
	if !w.raised {
		w.e.logger.Error("Alert rules can't be evaluated; firing alerts are kept, new trouble may go unseen", "rules", failing, "example", why)
	}
	w.raised = true
	w.e.notify(ctx, "vector(1)", w.alert(now, failing, why))
}

func (w *watch) alert(now time.Time, failing int, why string) *rules.Alert {
	if len(why) > 300 {
		why = why[:300]
	}
	return &rules.Alert{
		State:  rules.StateFiring,
		Labels: labels.FromStrings(labelAlert, EvalFailing, "severity", "critical", "scope", "self"),
		Annotations: labels.FromStrings(
			"summary", "Khong danh gia duoc luat canh bao: su co moi co the khong duoc bao",
			"description", fmt.Sprintf("%d luật cảnh báo không chạy được từ %s (giờ Việt Nam). Cảnh báo đang có được giữ nguyên. Việc đầu tiên: kiểm tra ổ đĩa và cơ sở dữ liệu lịch sử. Chi tiết kỹ thuật: %s",
				failing, w.badSince.UTC().Add(7*time.Hour).Format("15:04 02/01"), why),
			"runbook_url", w.e.opts.link("/runbooks/"+EvalFailing),
			"dashboard_url", w.e.opts.link("/")),
		ActiveAt: w.badSince, FiredAt: w.badSince,
		ValidUntil: now.Add(4 * max(w.e.opts.EvaluationInterval, w.e.opts.resendDelay)),
	}
}

func toLabelSet(l labels.Labels) model.LabelSet {
	out := make(model.LabelSet, l.Len())
	l.Range(func(x labels.Label) { out[model.LabelName(x.Name)] = model.LabelValue(x.Value) })
	return out
}

func labelSet(m map[string]string) model.LabelSet {
	out := make(model.LabelSet, len(m))
	for k, v := range m {
		out[model.LabelName(k)] = model.LabelValue(v)
	}
	return out
}

// sortAlerts puts the loudest first: severity, then age, then name.
func sortAlerts(l []active) {
	slices.SortFunc(l, func(a, b active) int { return a.compare(b) })
}
