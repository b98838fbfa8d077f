package engine

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics are those that Alertmanager's program would register itself, under
// the same names so that public dashboards and rules fit, and a few of ours.
type metrics struct {
	requests                              *prometheus.HistogramVec
	receivers, integrations, inhibitRules prometheus.Gauge
	reloadOK, reloadAt                    prometheus.Gauge
	saveFailures                          *prometheus.CounterVec
	keptAlive                             prometheus.Counter
	sendFailures                          prometheus.Counter
}

func newMetrics(r prometheus.Registerer) *metrics {
	f := promauto.With(r)
	gauge := func(name, help string) prometheus.Gauge {
		return f.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	m := &metrics{
		requests: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "alertmanager_http_request_duration_seconds", Help: "Histogram of latencies for HTTP requests.",
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
			Buckets: []float64{.01, .1, 1, 10},
		}, []string{"handler", "method", "code"}),
		receivers:    gauge("alertmanager_receivers", "Number of configured receivers."),
		integrations: gauge("alertmanager_integrations", "Number of configured integrations."),
		inhibitRules: gauge("alertmanager_inhibition_rules", "Number of configured inhibition rules."),
		reloadOK:     gauge("alertmanager_config_last_reload_successful", "Whether the last configuration reload attempt was successful."),
		reloadAt:     gauge("alertmanager_config_last_reload_success_timestamp_seconds", "Timestamp of the last successful configuration reload."),
		saveFailures: f.NewCounterVec(prometheus.CounterOpts{
			Name: "watchpost_alerting_state_save_failures_total",
			Help: "Writes of alerting state (nflog, silences, alerts) that failed.",
		}, []string{"state"}),
		keptAlive: f.NewCounter(prometheus.CounterOpts{
			Name: "watchpost_alerting_kept_firing_total",
			Help: "Alerts sent again because their rule could not be evaluated.",
		}),
		sendFailures: f.NewCounter(prometheus.CounterOpts{
			Name: "watchpost_alerting_handover_failures_total",
			Help: "Batches of alerts that the Alertmanager inside refused.",
		}),
	}
	for _, s := range []string{"nflog", "silences", "alerts"} {
		m.saveFailures.WithLabelValues(s)
	}
	return m
}
