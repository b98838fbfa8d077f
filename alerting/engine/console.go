package engine

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/common/model"
)

// console prints each alert of a notification as one line. It exists only under
// the built-in configuration: an alertmanager.yml must mean the same on an
// outside Alertmanager, so it has no receiver of our own.
type console struct {
	mu     sync.Mutex
	w      io.Writer // nil = logger
	logger *slog.Logger
}

// SendResolved says that recoveries are printed too.
func (*console) SendResolved() bool { return true }

// Notify prints; a line that can't be written is not tried again.
func (c *console) Notify(_ context.Context, alerts ...*alert.Alert) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range alerts {
		state, at := "FIRING", a.StartsAt
		if a.Resolved() {
			state, at = "RESOLVED", a.EndsAt
		}
		get := func(k string) string { return oneLine(string(a.Labels[model.LabelName(k)])) }
		note := func(k string) string { return oneLine(string(a.Annotations[model.LabelName(k)])) }
		if c.w == nil {
			c.logger.Warn("ALERT", "state", state, "alert", get(labelAlert), "severity", get("severity"),
				"summary", note("summary"), "since", at, "runbook", note("runbook_url"))
			continue
		}
		if _, err := fmt.Fprintf(c.w, "%s %-8s %-8s %s: %s  %s\n", at.Format("2006-01-02 15:04:05"), state,
			get("severity"), get(labelAlert), note("summary"), note("runbook_url")); err != nil {
			return false, fmt.Errorf("printing an alert: %w", err)
		}
	}
	return false, nil
}

// oneLine keeps a terminal safe from control characters in labels.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
}

func (c *console) integration() notify.Integration {
	return notify.NewIntegration(c, c, consoleReceiver, 0, consoleReceiver)
}
