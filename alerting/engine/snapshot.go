package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/nflog"
	"github.com/prometheus/alertmanager/silence"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
)

// Alertmanager keeps alerts in memory only and counts on Prometheus, another
// process, to send them again. Inside one process both forget at once: an
// outage that ends while watchpost restarts would never be told as over, and a
// part might page before the larger alert that folds it is back. So alerts are
// saved, put back at the start, and left to run out if no rule confirms them.

// savedAlerts is the content of alerts.json.
type savedAlerts struct {
	Version int          `json:"version"`
	Saved   time.Time    `json:"saved"`
	Alerts  []savedAlert `json:"alerts"`
}

type savedAlert struct {
	Labels      model.LabelSet `json:"labels"`
	Annotations model.LabelSet `json:"annotations"`
	StartsAt    time.Time      `json:"starts_at"`
	EndsAt      time.Time      `json:"ends_at"` // when known as over, or when it runs out
	Resolved    bool           `json:"resolved"`
	Generator   string         `json:"generator,omitempty"`
}

const savedVersion = 1

// writeAlerts writes all alerts that Alertmanager knows, the resolved ones
// included: their recovery may not have been told yet.
func (a *alertmanager) writeAlerts(w io.Writer) (int64, error) {
	now := time.Now()
	s := savedAlerts{Version: savedVersion, Saved: now.UTC(), Alerts: []savedAlert{}}
	it := a.alerts.GetPending()
	defer it.Close()
	for x := range it.Next() {
		al := x.Data
		s.Alerts = append(s.Alerts, savedAlert{
			Labels: al.Labels, Annotations: al.Annotations, StartsAt: al.StartsAt,
			EndsAt: al.EndsAt, Resolved: al.ResolvedAt(now), Generator: al.GeneratorURL,
		})
	}
	if err := it.Err(); err != nil {
		return 0, fmt.Errorf("listing alerts: %w", err)
	}
	b, err := json.Marshal(s)
	if err != nil {
		return 0, fmt.Errorf("alerts as JSON: %w", err)
	}
	n, err := w.Write(b)
	return int64(n), err
}

// restoreAlerts puts back what writeAlerts saved. Firing alerts live on for
// restoreGrace: either a rule confirms them or they end as resolved.
func (a *alertmanager) restoreAlerts(path string) error {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("alerts of the last run: %w; correct the rights of the data directory", err)
	}
	var s savedAlerts
	if err := json.Unmarshal(b, &s); err != nil || s.Version != savedVersion {
		return setAside(path, fmt.Errorf("version %d: %w", s.Version, err), a.logger)
	}
	now := time.Now()
	var n int
	for _, x := range s.Alerts {
		al := &alert.Alert{
			Alert: model.Alert{
				Labels: x.Labels, Annotations: x.Annotations, StartsAt: x.StartsAt, EndsAt: x.EndsAt, GeneratorURL: x.Generator,
			},
			UpdatedAt: s.Saved,
		}
		if !x.Resolved {
			al.EndsAt, al.Timeout = now.Add(a.opts.restoreGrace), true
		} else if now.Sub(x.EndsAt) > alertGCInterval {
			continue
		}
		if err := al.Validate(); err != nil {
			a.logger.Warn("An alert of the last run is not valid and is left out", "labels", x.Labels, "err", err)
			continue
		}
		if err := a.alerts.Put(context.Background(), al); err != nil {
			return fmt.Errorf("restoring alerts: %w", err)
		}
		n++
	}
	a.logger.Info("Alerts of the last run restored", "alerts", n, "saved", s.Saved)
	return nil
}

// readable tries to load a state file; one that can't be parsed is set aside.
func readable(path string, load func(io.Reader) error, logger *slog.Logger) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("alerting state: %w; correct the rights of the data directory", err)
	}
	lerr := load(f)
	if err := f.Close(); err != nil {
		return fmt.Errorf("alerting state: %w", err)
	}
	if lerr != nil {
		return setAside(path, lerr, logger)
	}
	return nil
}

func checkLog(r io.Reader) error {
	_, err := nflog.New(nflog.Options{SnapshotReader: r, Retention: retention, Metrics: prometheus.NewRegistry()})
	return err
}

func checkSilences(r io.Reader) error {
	_, err := silence.New(silence.Options{SnapshotReader: r, Retention: retention, Metrics: prometheus.NewRegistry()})
	return err
}
