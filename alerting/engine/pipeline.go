package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/config/receiver"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/inhibit"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/template"
	"github.com/prometheus/alertmanager/timeinterval"
	"github.com/prometheus/common/model"
)

// plan is everything of a configuration that can fail, already built.
type plan struct {
	conf      *config.Config
	routes    *dispatch.Route
	receivers map[string][]notify.Integration
	intervals map[string][]timeinterval.TimeInterval
	templates *template.Template
}

// build prepares a configuration without touching what runs.
func (a *alertmanager) build(path string, c *config.Config) (*plan, error) {
	name := path
	if name == "" {
		name = "built-in alertmanager configuration"
	}
	t, err := template.FromGlobs(c.Templates)
	if err != nil {
		return nil, fmt.Errorf("%s: templates: %w; correct the template file or its path", name, err)
	}
	// A copy: the template keeps and may change the address it is given.
	u := *a.opts.ExternalURL
	t.ExternalURL = u.JoinPath(APIPrefix)
	p := &plan{
		conf: c, templates: t, routes: dispatch.NewRoute(c.Route, nil),
		receivers: map[string][]notify.Integration{},
		intervals: map[string][]timeinterval.TimeInterval{},
	}
	used := map[string]bool{}
	p.routes.Walk(func(r *dispatch.Route) { used[r.RouteOpts.Receiver] = true })
	for _, rc := range c.Receivers {
		if !used[rc.Name] {
			continue
		}
		l, err := receiver.BuildReceiverIntegrations(rc, t, a.logger)
		if err != nil {
			return nil, fmt.Errorf("%s: receiver %q: %w; correct its settings", name, rc.Name, err)
		}
		if path == "" && rc.Name == consoleReceiver {
			l = append(l, a.console.integration())
		}
		p.receivers[rc.Name] = l
	}
	for _, ti := range c.MuteTimeIntervals {
		p.intervals[ti.Name] = ti.TimeIntervals
	}
	for _, ti := range c.TimeIntervals {
		p.intervals[ti.Name] = ti.TimeIntervals
	}
	return p, nil
}

// swap replaces the running configuration. Nothing in it can fail. The new
// inhibitor is loaded before the new dispatcher starts, so that no part of a
// larger trouble slips through in between.
func (a *alertmanager) swap(p *plan) {
	a.events.ApplyConfig(p.conf.EventRecorder)
	a.inhibitor.Load().Stop() // nil is allowed
	if d := a.dispatcher.Load(); d != nil {
		d.Stop()
	}
	inh := inhibit.NewInhibitor(a.alerts, p.conf.InhibitRules, a.logger, a.events)
	noWait := func() time.Duration { return 0 }
	stages := a.builder.New(p.receivers, noWait, inh, a.silencer,
		timeinterval.NewIntervener(p.intervals), a.groups, a.log, nil)
	timeout := func(d time.Duration) time.Duration { return max(d, notify.MinTimeout) }
	disp := dispatch.NewDispatcher(a.alerts, p.routes, stages, a.groups, timeout,
		30*time.Second, nil, a.logger, a.events, a.dispatch, p.templates)

	var n int
	for _, l := range p.receivers {
		n += len(l)
	}
	a.metrics.receivers.Set(float64(len(p.receivers)))
	a.metrics.integrations.Set(float64(n))
	a.metrics.inhibitRules.Set(float64(len(p.conf.InhibitRules)))
	a.api.Update(p.conf, func(ctx context.Context, ls model.LabelSet) { a.mark(ctx, ls) })

	go inh.Run()
	inh.WaitForLoading()
	a.inhibitor.Store(inh)
	go disp.Run(time.Now()) // alerts were restored from disk: nothing to wait for
	disp.WaitForLoading()
	a.dispatcher.Store(disp)
}
