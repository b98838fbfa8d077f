package history

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// MaxMemorySamples bounds what is kept while the disk is out of order: about
// 100 MB, or 5 hours of 1,000 checks at 30 s with 8 series each. Beyond it the
// older half of each series goes.
const MaxMemorySamples = 5_000_000

// sample is one float in memory.
type sample struct {
	lset labels.Labels
	t    int64 // milliseconds
	v    float64
}

// memory holds the samples that the disk did not take. It is a storage that
// PromQL can read; histograms are not kept in it.
type memory struct {
	mu     sync.RWMutex
	series map[uint64][]*memorySeries // by hash of the labels
	n      int
	max    int
}

type memorySeries struct {
	lset   labels.Labels
	points []point // by time
}

func newMemory(limit int) *memory {
	return &memory{series: map[uint64][]*memorySeries{}, max: limit}
}

// Len is the number of samples held.
func (m *memory) Len() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.n
}

// add takes samples; one of the same series and time replaces the older one.
func (m *memory) add(batch []sample) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range batch {
		ms := m.get(s.lset)
		i, found := slices.BinarySearchFunc(ms.points, s.t, func(p point, t int64) int { return cmp.Compare(p.t, t) })
		if found {
			ms.points[i].v = s.v
			continue
		}
		ms.points = slices.Insert(ms.points, i, point{s.t, s.v})
		m.n++
	}
	if m.n > m.max {
		m.shed()
	}
}

func (m *memory) get(lset labels.Labels) *memorySeries {
	h := lset.Hash()
	for _, s := range m.series[h] {
		if labels.Equal(s.lset, lset) {
			return s
		}
	}
	s := &memorySeries{lset: lset}
	m.series[h] = append(m.series[h], s)
	return s
}

// shed drops the older half of every series: rules look at what is new.
func (m *memory) shed() {
	m.n = 0
	for h, l := range m.series {
		for _, s := range l {
			s.points = slices.Clone(s.points[len(s.points)/2:])
			m.n += len(s.points)
		}
		l = slices.DeleteFunc(l, func(s *memorySeries) bool { return len(s.points) == 0 })
		if len(l) == 0 {
			delete(m.series, h)
			continue
		}
		m.series[h] = l
	}
}

// take empties the memory and gives all it held in the order of time.
func (m *memory) take() []sample {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]sample, 0, m.n)
	for _, l := range m.series {
		for _, s := range l {
			for _, p := range s.points {
				out = append(out, sample{s.lset, p.t, p.v})
			}
		}
	}
	slices.SortFunc(out, func(a, b sample) int { return cmp.Compare(a.t, b.t) })
	m.series, m.n = map[uint64][]*memorySeries{}, 0
	return out
}

// Querier reads what is held between mint and maxt, milliseconds, both included.
func (m *memory) Querier(mint, maxt int64) storage.Querier { return &memoryQuerier{m, mint, maxt} }

type memoryQuerier struct {
	m          *memory
	mint, maxt int64
}

func (q *memoryQuerier) matching(ms []*labels.Matcher) []storage.Series {
	q.m.mu.RLock()
	defer q.m.mu.RUnlock()
	var out []storage.Series
	for _, l := range q.m.series {
		for _, s := range l {
			if !matches(s.lset, ms) {
				continue
			}
			var in []chunks.Sample
			for _, p := range s.points {
				if p.t >= q.mint && p.t <= q.maxt {
					in = append(in, p)
				}
			}
			if len(in) > 0 {
				out = append(out, storage.NewListSeries(s.lset, in))
			}
		}
	}
	slices.SortFunc(out, func(a, b storage.Series) int { return labels.Compare(a.Labels(), b.Labels()) })
	return out
}

func matches(l labels.Labels, ms []*labels.Matcher) bool {
	for _, m := range ms {
		if !m.Matches(l.Get(m.Name)) {
			return false
		}
	}
	return true
}

func (q *memoryQuerier) Select(_ context.Context, _ bool, _ *storage.SelectHints, ms ...*labels.Matcher) storage.SeriesSet {
	return &list{l: q.matching(ms), i: -1}
}

func (q *memoryQuerier) LabelValues(_ context.Context, name string, _ *storage.LabelHints, ms ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	var out []string
	for _, s := range q.matching(ms) {
		if v := s.Labels().Get(name); v != "" {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil, nil
}

func (q *memoryQuerier) LabelNames(_ context.Context, _ *storage.LabelHints, ms ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	var out []string
	for _, s := range q.matching(ms) {
		s.Labels().Range(func(l labels.Label) { out = append(out, l.Name) })
	}
	slices.Sort(out)
	return slices.Compact(out), nil, nil
}

func (*memoryQuerier) Close() error { return nil }

// list is a storage.SeriesSet over a slice.
type list struct {
	l []storage.Series
	i int
}

func (s *list) Next() bool                      { s.i++; return s.i < len(s.l) }
func (s *list) At() storage.Series              { return s.l[s.i] }
func (*list) Err() error                        { return nil }
func (*list) Warnings() annotations.Annotations { return nil }

// point is a chunks.Sample of a float.
type point struct {
	t int64
	v float64
}

func (p point) ST() int64                     { return 0 }
func (p point) T() int64                      { return p.t }
func (p point) F() float64                    { return p.v }
func (p point) H() *histogram.Histogram       { return nil }
func (p point) FH() *histogram.FloatHistogram { return nil }
func (p point) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (p point) Copy() chunks.Sample           { return p }
