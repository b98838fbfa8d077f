package oncall

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"watchpost.example/alerting/oncall/incident"
)

// MaxWebhook bounds a webhook's body, in bytes. Alertmanager's max_alerts keeps
// real ones far below.
const MaxWebhook = 8 << 20

// message is Alertmanager's webhook, version 4. Fields that newer versions add
// are passed over.
type message struct {
	Version     string            `json:"version"`
	GroupKey    string            `json:"groupKey"`
	GroupLabels map[string]string `json:"groupLabels"`
	Truncated   int               `json:"truncatedAlerts"`
	Alerts      []messageAlert    `json:"alerts"`
}

type messageAlert struct {
	Status      string            `json:"status"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
	Fingerprint string            `json:"fingerprint"`
}

// ErrWebhook is what a body gives that is no webhook of version 4, wrapped.
var ErrWebhook = errors.New("not an Alertmanager webhook of version 4")

const (
	maxAnnotation = 1000
	maxLabel      = 200
)

// parseWebhook reads a webhook into a group. Texts are bounded; a severity that
// is missing counts as critical, for it must not be lost.
func parseWebhook(b []byte, now time.Time) (incident.Group, error) {
	var m message
	if err := json.Unmarshal(b, &m); err != nil {
		return incident.Group{}, fmt.Errorf("%w: %w", ErrWebhook, err)
	}
	if m.Version != "4" {
		return incident.Group{}, fmt.Errorf("%w: version %q", ErrWebhook, clip(m.Version, 20))
	}
	if m.GroupKey == "" || len(m.GroupKey) > 4096 {
		return incident.Group{}, fmt.Errorf("%w: no usable groupKey", ErrWebhook)
	}
	g := incident.Group{Key: m.GroupKey, Labels: labels(m.GroupLabels), Cut: max(m.Truncated, 0)}
	for _, a := range m.Alerts {
		if len(g.Alerts) == incident.MaxAlerts {
			g.Cut++
			continue
		}
		g.Alerts = append(g.Alerts, a.alert(now))
	}
	return g, nil
}

func (a messageAlert) alert(now time.Time) incident.Alert {
	x := incident.Alert{
		Fingerprint: clip(a.Fingerprint, 64), Name: clip(a.Labels["alertname"], maxLabel), Severity: clip(a.Labels["severity"], 20),
		Unit: clip(a.Labels["unit"], 63), System: clip(a.Labels["system"], 63), Check: clip(a.Labels["check"], 63),
		Summary: clip(a.Annotations["summary"], maxAnnotation), Description: clip(a.Annotations["description"], maxAnnotation),
		RunbookURL: clip(a.Annotations["runbook_url"], 500), Since: a.StartsAt, Labels: labels(a.Labels),
	}
	if x.Severity == "" {
		x.Severity = "critical"
	}
	if n, err := strconv.Atoi(a.Labels["level"]); err == nil && n >= 1 && n <= 5 {
		x.Level = n
	}
	if x.Since.IsZero() || x.Since.After(now) {
		x.Since = now
	}
	if a.Status == "resolved" {
		x.Ended = a.EndsAt
		if x.Ended.IsZero() || x.Ended.After(now) {
			x.Ended = now
		}
	}
	return x
}

func labels(m map[string]string) incident.Labels {
	if len(m) > 64 {
		return nil
	}
	out := maps.Clone(m)
	for k, v := range out {
		if len(k) > maxLabel || len(v) > 1024 {
			delete(out, k)
		}
	}
	return out
}

// clip cuts at n bytes without leaving half a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}

// only tells whether every alert of the group has this name.
func only(g incident.Group, name string) bool {
	for _, a := range g.Alerts {
		if a.Name != name {
			return false
		}
	}
	return len(g.Alerts) > 0
}
