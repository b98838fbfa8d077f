package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/notifier"
	"github.com/prometheus/prometheus/rules"
)

// outside sends alerts to Alertmanagers that run elsewhere, each of which gets
// all of them; they agree among themselves who notifies.
type outside struct {
	manager *notifier.Manager
	targets map[string][]*targetgroup.Group
	link    string
	updates chan map[string][]*targetgroup.Group
	wg      sync.WaitGroup
}

func newOutside(o *Options) (*outside, error) {
	x := &outside{
		link: o.link(""), updates: make(chan map[string][]*targetgroup.Group),
		targets: map[string][]*targetgroup.Group{},
	}
	var yaml strings.Builder
	yaml.WriteString("alerting:\n  alertmanagers:\n")
	var errs []error
	for i, raw := range o.OutsideAlertmanagers {
		u, err := url.Parse(raw)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			errs = append(errs, fmt.Errorf("outside alertmanager %q is not an address; give it as http://host:9093", redact(raw)))
			continue
		}
		fmt.Fprintf(&yaml, "  - scheme: %q\n    path_prefix: %q\n    api_version: v2\n", u.Scheme, "/"+strings.Trim(u.Path, "/"))
		if u.User != nil {
			pw, _ := u.User.Password()
			fmt.Fprintf(&yaml, "    basic_auth: {username: %q, password: %q}\n", u.User.Username(), pw)
		}
		key := fmt.Sprintf("config-%d", i)
		x.targets[key] = []*targetgroup.Group{{
			Source: key, Targets: []model.LabelSet{{model.AddressLabel: model.LabelValue(u.Host)}},
		}}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	c, err := config.Load(yaml.String(), slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, fmt.Errorf("outside alertmanagers: %w", err)
	}
	x.manager = notifier.NewManager(&notifier.Options{
		QueueCapacity: 10000, DrainOnShutdown: true, Registerer: o.Registerer,
	}, model.UTF8Validation, o.Logger.With("component", "notifier"))
	if err := x.manager.ApplyConfig(c); err != nil {
		return nil, fmt.Errorf("outside alertmanagers: %w", err)
	}
	return x, nil
}

// redact hides a password before the address is told.
func redact(raw string) string {
	if i := strings.LastIndex(raw, "@"); i >= 0 {
		return "…" + raw[i:]
	}
	return raw
}

func (x *outside) start() {
	x.wg.Go(func() { x.manager.Run(x.updates) })
	x.updates <- x.targets
}

func (x *outside) send(expr string, alerts []*rules.Alert) {
	rules.SendAlerts(x.manager, x.link)(context.Background(), expr, alerts...) // it ignores its context
}

// close waits until the queue is empty or each send ran into its deadline.
func (x *outside) close() {
	x.manager.Stop()
	x.wg.Wait()
}
