package report

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"watchpost.example/probes"
)

// RawQuerier reads raw samples. The embedded history and a remote Prometheus
// both answer it with an instant query for a range selector.
type RawQuerier interface {
	// Raw gives the samples, as stored, of every series that matches the
	// selector (`watchpost_check_state{unit="a"}`) in [from, to).
	Raw(ctx context.Context, selector string, from, to time.Time) ([]RawSeries, error)
}

// RawSeries is one series' samples in order of time.
type RawSeries struct {
	Labels map[string]string
	Points []Point
}

// Point is one stored sample.
type Point struct {
	At    time.Time
	Value float64
}

// HistorySource is a Source over the metrics that exporter writes. A chunk of
// history is read at a time, so that neither side holds more than it must.
type HistorySource struct {
	Raw RawQuerier
	// State is the metric with the confirmed verdict, 0 unknown, 1 up, 2
	// degraded, 3 down; "" = watchpost_check_state.
	State string
	// Since is the metric with the Unix second the verdict began; "" =
	// watchpost_check_state_since_timestamp_seconds. Without it an outage counts from its
	// confirmation.
	Since string
	// Reason is an info metric with a label `reason`; "" =
	// watchpost_check_reason_info. Without it no reason is printed.
	Reason string
	// Success is the metric with the raw result of each look; "" = probe_success.
	// It finds the first success of a recovery, because Since is kept only while
	// a check is not up. Without it a recovery counts from its confirmation.
	Success string
	// Chunk bounds one read; 0 = 24 h.
	Chunk time.Duration
}

var _ Source = HistorySource{}

// Samples implements Source.
func (h HistorySource) Samples(ctx context.Context, s *probes.System, from, to time.Time) ([]Series, error) {
	chunk := h.Chunk
	if chunk <= 0 {
		chunk = 24 * time.Hour
	}
	got := map[seriesKey]*Series{}
	var order []seriesKey
	for at := from; at.Before(to); at = at.Add(chunk) {
		end := at.Add(chunk)
		if end.After(to) {
			end = to
		}
		c, err := h.chunk(ctx, s, at, end)
		if err != nil {
			return nil, err
		}
		for _, x := range c {
			k := seriesKey{x.Check, x.Vantage}
			if got[k] == nil {
				got[k] = &Series{Check: x.Check, Vantage: x.Vantage}
				order = append(order, k)
			}
			got[k].Samples = append(got[k].Samples, x.Samples...)
		}
	}
	out := make([]Series, 0, len(order))
	for _, k := range order {
		if err := h.recoveries(ctx, s, got[k]); err != nil {
			return nil, err
		}
		out = append(out, *got[k])
	}
	return out, nil
}

// recoveryLooks bounds how many looks before its confirmation a recovery's
// first success is sought.
const recoveryLooks = 64

// recoveries gives each first sample after a Down the time of its first
// success: the oldest of the unbroken successes that end at the sample.
func (h HistorySource) recoveries(ctx context.Context, s *probes.System, x *Series) error {
	for i := 1; i < len(x.Samples); i++ {
		now := &x.Samples[i]
		if x.Samples[i-1].Verdict != probes.Down || now.Verdict == probes.Down || now.Verdict == probes.Unknown || !now.Since.IsZero() {
			continue
		}
		from := x.Samples[max(0, i-recoveryLooks)].At
		l, err := h.read(ctx, or(h.Success, "probe_success"), s, from, now.At.Add(time.Millisecond))
		if err != nil {
			return err
		}
		for _, raw := range l {
			if keyOf(raw) == (seriesKey{x.Check, x.Vantage}) {
				now.Since = firstSuccess(raw.Points, now.At)
			}
		}
	}
	return nil
}

// firstSuccess walks back from the last point over successes; zero when the
// last is none.
func firstSuccess(l []Point, until time.Time) time.Time {
	var first time.Time
	for _, p := range slices.Backward(l) {
		if p.At.After(until) {
			continue
		}
		if p.Value != 1 {
			break
		}
		first = p.At
	}
	return first
}

type seriesKey struct{ check, vantage string }

func (h HistorySource) chunk(ctx context.Context, s *probes.System, from, to time.Time) ([]Series, error) {
	states, err := h.read(ctx, or(h.State, "watchpost_check_state"), s, from, to)
	if err != nil {
		return nil, err
	}
	sinces, err := h.read(ctx, or(h.Since, "watchpost_check_state_since_timestamp_seconds"), s, from, to)
	if err != nil {
		return nil, err
	}
	reasons, err := h.read(ctx, or(h.Reason, "watchpost_check_reason_info"), s, from, to)
	if err != nil {
		return nil, err
	}
	since, reason := map[seriesKey]map[int64]float64{}, map[seriesKey]map[int64]string{}
	for _, x := range sinces {
		m := mapAt(since, keyOf(x))
		for _, p := range x.Points {
			m[p.At.UnixMilli()] = p.Value
		}
	}
	for _, x := range reasons {
		m := mapAt(reason, keyOf(x))
		for _, p := range x.Points {
			if p.Value == 1 {
				m[p.At.UnixMilli()] = x.Labels["reason"]
			}
		}
	}
	out := make([]Series, 0, len(states))
	for _, x := range states {
		k := keyOf(x)
		series := Series{Check: k.check, Vantage: k.vantage, Samples: make([]Sample, 0, len(x.Points))}
		for _, p := range x.Points {
			at := p.At.UnixMilli()
			sample := Sample{At: p.At, Verdict: verdict(p.Value), Reason: probes.Reason(reason[k][at])}
			if v, ok := since[k][at]; ok && v > 0 && !math.IsNaN(v) && v < 1e11 {
				sample.Since = time.UnixMilli(int64(math.Round(v * 1000)))
			}
			series.Samples = append(series.Samples, sample)
		}
		out = append(out, series)
	}
	return out, nil
}

func (h HistorySource) read(ctx context.Context, metric string, s *probes.System, from, to time.Time) ([]RawSeries, error) {
	selector := metric + "{unit=" + strconv.Quote(s.Unit.ID) + ",system=" + strconv.Quote(s.ID) + "}"
	l, err := h.Raw.Raw(ctx, selector, from, to)
	if err != nil {
		return nil, fmt.Errorf("%s from %s to %s: %w", selector, from.Format(time.RFC3339), to.Format(time.RFC3339), err)
	}
	return l, nil
}

func keyOf(x RawSeries) seriesKey { return seriesKey{x.Labels["check"], x.Labels["vantage"]} }

func mapAt[V any](m map[seriesKey]map[int64]V, k seriesKey) map[int64]V {
	if m[k] == nil {
		m[k] = map[int64]V{}
	}
	return m[k]
}

// verdict reads the metric's value. NaN (a stale marker) and whatever is not
// one of the four is Unknown.
func verdict(v float64) probes.Verdict {
	if v == math.Trunc(v) && v >= 0 && v <= float64(probes.Down) {
		return probes.Verdict(v)
	}
	return probes.Unknown
}

func or(s, fallback string) string {
	if strings.TrimSpace(s) == "" {
		return fallback
	}
	return s
}
