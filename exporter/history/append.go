package history

import (
	"context"
	"errors"
	"strings"

	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/metadata"
	"github.com/prometheus/prometheus/storage"
)

// Appender takes samples for the disk, or for memory while the disk is out of
// order. Commit never fails on account of the disk: a batch that it refuses
// is in memory afterwards. The appender must be committed or rolled back.
func (s *Store) Appender(ctx context.Context) storage.Appender {
	s.mu.RLock()
	a := &appender{s: s, u: &onceUnlock{s: s}, epoch: s.epoch}
	if s.disk != nil && !s.Degraded() {
		a.disk = s.disk.Appender(ctx)
	}
	return a
}

type appender struct {
	s     *Store
	u     *onceUnlock
	disk  storage.Appender // nil = memory only
	epoch uint64
	batch []sample
}

func (a *appender) Append(ref storage.SeriesRef, l labels.Labels, t int64, v float64) (storage.SeriesRef, error) {
	if a.disk != nil {
		r, err := a.disk.Append(ref, l, t, v)
		if err != nil {
			a.s.rejected.Add(1)
			return r, err
		}
		ref = r
	} else {
		ref = 0
	}
	a.batch = append(a.batch, sample{l, t, v})
	return ref, nil
}

func (a *appender) Commit() error {
	defer a.u.unlock()
	a.s.samples.Add(uint64(len(a.batch)))
	if a.disk == nil {
		a.s.memory.add(a.batch)
		return nil
	}
	if err := a.disk.Commit(); err != nil {
		a.s.memory.add(a.batch)
		a.u.unlock() // fail takes the lock itself
		a.s.fail(err)
	}
	return nil
}

func (a *appender) Rollback() error {
	defer a.u.unlock()
	if a.disk == nil {
		return nil
	}
	return a.disk.Rollback()
}

// errUnsupported is what the parts of the interface give that nothing here uses.
var errUnsupported = errors.New("history: not kept")

func (a *appender) SetOptions(o *storage.AppendOptions) {
	if a.disk != nil {
		a.disk.SetOptions(o)
	}
}

// AppendHistogram keeps native histograms on the disk only.
func (a *appender) AppendHistogram(ref storage.SeriesRef, l labels.Labels, t int64, h *histogram.Histogram, fh *histogram.FloatHistogram) (storage.SeriesRef, error) {
	if a.disk == nil {
		return 0, nil
	}
	return a.disk.AppendHistogram(ref, l, t, h, fh)
}

func (*appender) AppendHistogramSTZeroSample(storage.SeriesRef, labels.Labels, int64, int64, *histogram.Histogram, *histogram.FloatHistogram) (storage.SeriesRef, error) {
	return 0, errUnsupported
}

func (*appender) AppendSTZeroSample(storage.SeriesRef, labels.Labels, int64, int64) (storage.SeriesRef, error) {
	return 0, errUnsupported
}

func (*appender) AppendExemplar(storage.SeriesRef, labels.Labels, exemplar.Exemplar) (storage.SeriesRef, error) {
	return 0, errUnsupported
}

func (*appender) UpdateMetadata(storage.SeriesRef, labels.Labels, metadata.Metadata) (storage.SeriesRef, error) {
	return 0, errUnsupported
}

func cloned(l []string) []string {
	out := make([]string, len(l))
	for i, s := range l {
		out[i] = strings.Clone(s)
	}
	return out
}
