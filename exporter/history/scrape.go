package history

import (
	"context"
	"math"
	"regexp"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
)

// scraper appends what a gatherer gives, without going over HTTP.
type scraper struct {
	from    prometheus.Gatherer
	keep    *regexp.Regexp
	vantage string
	series  map[uint64]*ownSeries // by hash of the labels
	mark    uint64
}

type ownSeries struct {
	lset labels.Labels
	ref  storage.SeriesRef
	mark uint64
}

func newScraper(from prometheus.Gatherer, keep *regexp.Regexp, vantage string) *scraper {
	return &scraper{from: from, keep: keep, vantage: vantage, series: map[uint64]*ownSeries{}}
}

// forget drops the references of a TSDB that is gone.
func (s *scraper) forget() {
	for _, x := range s.series {
		x.ref = 0
	}
}

// scrape gathers once and appends at now. What was there last time and is not
// now is ended.
func (s *scraper) scrape(ctx context.Context, store *Store, now time.Time) {
	if s.from == nil {
		return
	}
	fams, err := s.from.Gather()
	if err != nil {
		store.log.Warn("history: gathering watchpost's own metrics; what there is, is kept", "error", err)
	}
	app := store.Appender(ctx).(*appender)
	t := now.UnixMilli()
	s.mark++
	for _, f := range fams {
		if !s.keep.MatchString(f.GetName()) {
			continue
		}
		for _, m := range f.GetMetric() {
			s.metric(app, t, f, m)
		}
	}
	for h, x := range s.series {
		if x.mark != s.mark {
			_, _ = app.Append(x.ref, x.lset, t, math.Float64frombits(value.StaleNaN)) // refused only when something newer is there
			delete(s.series, h)
		}
	}
	_ = app.Commit() // the store counts, logs and keeps in memory what fails
}

// metric appends one gauge, counter or native histogram; the rest is left out
// (the series diet).
func (s *scraper) metric(app *appender, t int64, f *dto.MetricFamily, m *dto.Metric) {
	var v float64
	var native *dto.Histogram
	switch f.GetType() {
	case dto.MetricType_GAUGE:
		v = m.GetGauge().GetValue()
	case dto.MetricType_COUNTER:
		v = m.GetCounter().GetValue()
	case dto.MetricType_UNTYPED:
		v = m.GetUntyped().GetValue()
	case dto.MetricType_HISTOGRAM:
		if native = m.GetHistogram(); native.Schema == nil {
			return
		}
	default:
		return
	}
	x := s.find(f.GetName(), m)
	x.mark = s.mark
	var ref storage.SeriesRef
	var err error
	if native != nil {
		ref, err = app.AppendHistogram(x.ref, x.lset, t, nativeHistogram(native), nil)
	} else {
		ref, err = app.Append(x.ref, x.lset, t, v)
	}
	if err == nil {
		x.ref = ref
	}
}

func (s *scraper) find(name string, m *dto.Metric) *ownSeries {
	b := labels.NewScratchBuilder(len(m.GetLabel()) + 2)
	b.Add(model.MetricNameLabel, name)
	vantage := s.vantage
	for _, l := range m.GetLabel() {
		if l.GetName() == "vantage" {
			vantage = ""
		}
		if l.GetValue() != "" {
			b.Add(l.GetName(), l.GetValue())
		}
	}
	if vantage != "" {
		b.Add("vantage", vantage)
	}
	b.Sort()
	lset := b.Labels()
	h := lset.Hash()
	x := s.series[h]
	if x == nil || !labels.Equal(x.lset, lset) {
		x = &ownSeries{lset: lset}
		s.series[h] = x
	}
	return x
}

// nativeHistogram is the TSDB's form of client_golang's.
func nativeHistogram(h *dto.Histogram) *histogram.Histogram {
	spans := func(l []*dto.BucketSpan) []histogram.Span {
		out := make([]histogram.Span, len(l))
		for i, s := range l {
			out[i] = histogram.Span{Offset: s.GetOffset(), Length: s.GetLength()}
		}
		return out
	}
	return &histogram.Histogram{
		Schema: h.GetSchema(), ZeroThreshold: h.GetZeroThreshold(), ZeroCount: h.GetZeroCount(),
		Count: h.GetSampleCount(), Sum: h.GetSampleSum(),
		PositiveSpans: spans(h.GetPositiveSpan()), PositiveBuckets: h.GetPositiveDelta(),
		NegativeSpans: spans(h.GetNegativeSpan()), NegativeBuckets: h.GetNegativeDelta(),
	}
}
