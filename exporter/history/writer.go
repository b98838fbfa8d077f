package history

import (
	"context"
	"math"
	"regexp"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"

	"watchpost.example/exporter"
	"watchpost.example/probes"
)

const (
	// flushEvery is how long a look may wait to be written with others.
	flushEvery = 500 * time.Millisecond
	// maxBatch bounds one commit.
	maxBatch = 2000
	// repeatAfter is how old the newest samples of a check may grow before they
	// are repeated: PromQL forgets a series after DefaultLookback.
	repeatAfter = time.Minute
)

// look is what Observe queues.
type look struct {
	check *probes.Check
	o     probes.Observation
	s     probes.State
}

// writer is the one goroutine that appends looks; its fields are its own.
type writer struct {
	h       *History
	store   *Store
	keep    *regexp.Regexp
	without map[string]bool

	checks  map[probes.ID]*checkSeries
	own     *scraper
	samples []exporter.Sample // reused
	batch   []*look           // reused
	epoch   uint64
	mark    uint64
}

// checkSeries is what the writer knows of the series of one check.
type checkSeries struct {
	check *probes.Check
	at    int64 // of the newest samples, milliseconds
	mark  uint64
	redo  bool // a look came that is older than the newest repetition
	live  []liveSeries
}

// liveSeries is a series that was written and not ended.
type liveSeries struct {
	key  exporter.Key
	lset labels.Labels
	ref  storage.SeriesRef
	mark uint64
}

func newWriter(h *History, keep *regexp.Regexp) *writer {
	w := &writer{h: h, store: h.store, keep: keep, without: map[string]bool{}, checks: map[probes.ID]*checkSeries{}}
	for _, n := range h.o.Without {
		w.without[n] = true
	}
	w.own = newScraper(h.o.Gatherer, keep, h.o.Vantage)
	return w
}

func (w *writer) run(ctx context.Context) {
	defer close(w.h.done)
	flush := time.NewTicker(flushEvery)
	defer flush.Stop()
	tend := time.NewTicker(time.Second)
	defer tend.Stop()
	scrape := time.NewTicker(w.h.o.ScrapeInterval)
	defer scrape.Stop()
	sweep := time.NewTimer(time.Second)
	defer sweep.Stop()
	for {
		select {
		case <-flush.C:
			w.flush(ctx)
		case ch := <-w.h.syncs:
			w.flush(ctx)
			close(ch)
		case <-tend.C:
			w.store.tend()
		case now := <-scrape.C:
			w.own.scrape(ctx, w.store, now)
		case now := <-sweep.C:
			w.flush(ctx)
			sweep.Reset(w.sweep(ctx, now))
		case <-w.h.updated:
			now := time.Now()
			w.flush(ctx)
			sweep.Reset(w.sweep(ctx, now))
			w.own.scrape(ctx, w.store, now)
		case <-ctx.Done():
			w.flush(context.WithoutCancel(ctx))
			return
		}
	}
}

// flush writes all that is queued.
func (w *writer) flush(ctx context.Context) {
	for {
		w.batch = w.batch[:0]
		for len(w.batch) < maxBatch {
			select {
			case l := <-w.h.queue:
				w.batch = append(w.batch, l)
				continue
			default:
			}
			break
		}
		if len(w.batch) == 0 {
			return
		}
		app := w.begin(ctx)
		for _, l := range w.batch {
			e := probes.Entry{Check: l.check, Observation: l.o, State: l.s}
			// At the look's own time it is never stale, however late it comes.
			w.record(app, e, l.o.At)
		}
		_ = app.Commit() // the store counts, logs and keeps in memory what fails
		clear(w.batch)
	}
}

// begin opens an appender and forgets references of a TSDB that is gone.
func (w *writer) begin(ctx context.Context) *appender {
	app := w.store.Appender(ctx).(*appender)
	if app.epoch != w.epoch {
		w.epoch = app.epoch
		for _, cs := range w.checks {
			for i := range cs.live {
				cs.live[i].ref = 0
			}
		}
		w.own.forget()
	}
	return app
}

// record appends what is known of a check at the moment at, and ends the
// series that are no more.
func (w *writer) record(app *appender, e probes.Entry, at time.Time) {
	t := at.UnixMilli()
	cs := w.checks[e.Check.ID]
	if cs != nil && (cs.check.Kind != e.Check.Kind || cs.check.Instance != e.Check.Instance) {
		w.end(app, cs, t) // the labels change: other series
		cs = nil
	}
	if cs == nil {
		cs = &checkSeries{}
		w.checks[e.Check.ID] = cs
	}
	cs.check = e.Check
	cs.redo = t < cs.at
	cs.at = max(cs.at, t)
	w.mark++
	w.samples = exporter.Samples(w.samples[:0], e, at)
	next := 0 // series come in the same order as last time, mostly
	for _, s := range w.samples {
		if !s.Keep || w.without[s.Name()] {
			continue
		}
		i := cs.find(s.Key, next)
		if i < 0 {
			cs.live = append(cs.live, liveSeries{key: s.Key, lset: w.labels(s.Key, e.Check)})
			i = len(cs.live) - 1
		}
		l := &cs.live[i]
		l.mark, next = w.mark, i+1
		if ref, err := app.Append(l.ref, l.lset, t, s.Value); err == nil {
			l.ref = ref
		}
	}
	cs.live = slices.DeleteFunc(cs.live, func(l liveSeries) bool {
		if l.mark == w.mark {
			return false
		}
		w.stale(app, l, t)
		return true
	})
}

func (cs *checkSeries) find(k exporter.Key, hint int) int {
	if hint < len(cs.live) && cs.live[hint].key == k {
		return hint
	}
	for i := range cs.live {
		if cs.live[i].key == k {
			return i
		}
	}
	return -1
}

// stale ends a series at t, so that it vanishes at once and not after
// PromQL's look-back.
func (w *writer) stale(app *appender, l liveSeries, t int64) {
	_, _ = app.Append(l.ref, l.lset, t, math.Float64frombits(value.StaleNaN)) // one that is refused is older than what is there
}

// end ends all series of a check.
func (w *writer) end(app *appender, cs *checkSeries, t int64) {
	for _, l := range cs.live {
		w.stale(app, l, t)
	}
	cs.live = nil
}

func (w *writer) labels(k exporter.Key, c *probes.Check) labels.Labels {
	b := labels.NewScratchBuilder(9)
	b.Add(model.MetricNameLabel, k.Name())
	k.Labels(c, w.h.o.Vantage, func(name, v string) {
		if v != "" {
			b.Add(name, v)
		}
	})
	b.Sort()
	return b.Labels()
}

// sweep looks at all checks of the board: slow ones are repeated, stale ones
// lose their verdict, removed ones end. It gives the time until the next sweep.
func (w *writer) sweep(ctx context.Context, now time.Time) time.Duration {
	if w.h.o.Entries == nil {
		return time.Hour
	}
	entries := w.h.o.Entries()
	next := 15 * time.Second
	var app *appender
	open := func() *appender {
		if app == nil {
			app = w.begin(ctx)
		}
		return app
	}
	w.mark++
	sweepMark := w.mark
	for _, e := range entries {
		next = min(next, e.Check.Interval)
		cs := w.checks[e.Check.ID]
		late := cs == nil || cs.redo || now.UnixMilli()-cs.at >= repeatAfter.Milliseconds()
		if late || e.Stale(now) && now.UnixMilli()-cs.at >= (15*time.Second).Milliseconds() || cs.hasVerdict() && e.Stale(now) {
			w.record(open(), e, now)
			cs = w.checks[e.Check.ID]
		}
		cs.mark = sweepMark
	}
	for id, cs := range w.checks {
		if cs.mark != sweepMark {
			w.end(open(), cs, max(now.UnixMilli(), cs.at+1))
			delete(w.checks, id)
		}
	}
	if app != nil {
		_ = app.Commit() // as in flush
	}
	return max(next, time.Second)
}

// hasVerdict tells whether a verdict stands that may have to be taken back.
func (cs *checkSeries) hasVerdict() bool {
	return cs != nil && slices.ContainsFunc(cs.live, func(l liveSeries) bool { return l.key.Verdict() })
}
