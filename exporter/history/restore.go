package history

import (
	"context"
	"math"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"watchpost.example/exporter"
	"watchpost.example/probes"
)

const (
	// restoreWindow before the newest sample is read for Restore: long enough
	// to meet every check, since each is written at least once a minute.
	restoreWindow = 15 * time.Minute
	// RestoreMax is how old what is restored may be. After a longer pause
	// nobody can claim that what was down still is.
	RestoreMax = 24 * time.Hour
)

// Restore gives the state of a check as it was confirmed before this start,
// marked Restored; false when there is none. The first call reads them all.
func (h *History) Restore(id probes.ID) (probes.State, bool) {
	s, ok := h.restore()[id]
	return s, ok
}

func (h *History) lastStates() map[probes.ID]probes.State {
	out := map[probes.ID]probes.State{}
	newest := h.began
	if newest.IsZero() || time.Since(newest) > RestoreMax {
		return out
	}
	at := map[probes.ID]int64{}
	last := func(name string, f func(l labels.Labels, t int64, v float64)) {
		if err := h.store.last(name, newest.Add(-restoreWindow), newest, h.o.Vantage, f); err != nil {
			h.log.Warn("history: reading the last states; checks begin as unknown", "error", err)
		}
	}
	last(exporter.StateMetric, func(l labels.Labels, t int64, v float64) {
		id := idOf(l)
		if v < 1 || v > float64(probes.Down) || at[id] > t {
			return
		}
		at[id] = t
		out[id] = probes.State{Verdict: probes.Verdict(v), Since: time.UnixMilli(t), Restored: true}
	})
	last(exporter.SinceMetric, func(l labels.Labels, t int64, v float64) {
		if s, ok := out[idOf(l)]; ok && t == at[idOf(l)] {
			s.Since = time.UnixMilli(int64(math.Round(v * 1000)))
			out[idOf(l)] = s
		}
	})
	last(exporter.ReasonMetric, func(l labels.Labels, t int64, _ float64) {
		if s, ok := out[idOf(l)]; ok && s.Verdict != probes.Up && t == at[idOf(l)] {
			s.Reason = probes.Reason(l.Get("reason"))
			out[idOf(l)] = s
		}
	})
	return out
}

func idOf(l labels.Labels) probes.ID {
	return probes.ID{Unit: l.Get("unit"), System: l.Get("system"), Check: l.Get("check")}
}

// newest is the time of the newest sample on the disk; zero = none.
func (s *Store) newest() time.Time {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.db == nil {
		return time.Time{}
	}
	t := s.db.Head().MaxTime()
	for _, b := range s.db.Blocks() {
		t = max(t, b.MaxTime())
	}
	if t <= 0 { // an empty head has math.MinInt64
		return time.Time{}
	}
	return time.UnixMilli(t)
}

// last calls f with the last sample of each series of a metric of this vantage
// that has one between from and to and was not ended.
func (s *Store) last(name string, from, to time.Time, vantage string, f func(labels.Labels, int64, float64)) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	q, err := s.Querier(from.UnixMilli(), to.UnixMilli())
	if err != nil {
		return err
	}
	defer func() { _ = q.Close() }() // it was only read
	set := q.Select(ctx, false, &storage.SelectHints{Start: from.UnixMilli(), End: to.UnixMilli()},
		labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, name), labels.MustNewMatcher(labels.MatchEqual, "vantage", vantage))
	for set.Next() {
		l := set.At().Labels()
		it := set.At().Iterator(nil)
		var t int64
		var v float64
		n := 0
		for it.Next() == chunkenc.ValFloat {
			t, v = it.At()
			n++
		}
		if n > 0 && !value.IsStaleNaN(v) {
			f(l.Copy(), t, v)
		}
		if err := it.Err(); err != nil {
			return err
		}
	}
	return set.Err()
}
