package history

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"watchpost.example/exporter"
	"watchpost.example/probes"
)

// Defaults of Options.
const (
	DefaultRetention        = 400 * 24 * time.Hour // a year on year report needs more than 365 days
	DefaultOutOfOrderWindow = 6 * time.Hour        // as long as an uplink cut may hold looks back
	DefaultScrapeInterval   = 15 * time.Second
	DefaultReserve          = 32 << 20
	DefaultQueryTimeout     = time.Minute
	DefaultLookback         = 5 * time.Minute
	DefaultMaxQuerySamples  = 20_000_000
)

// DefaultKeep matches the metrics that are kept of what Options.Gatherer
// gives: all of watchpost's own, and of the engines and the process those that
// a rule or a dashboard asks for. Classic histograms and summaries never are.
const DefaultKeep = `watchpost_.*|alertmanager_(alerts|silences|notifications_total|notifications_failed_total|config_last_reload_.*)|` +
	`prometheus_rule_(evaluation_failures_total|group_iterations_missed_total|group_last_duration_seconds)|` +
	`prometheus_tsdb_(head_series|compactions_failed_total|wal_corruptions_total|storage_blocks_bytes|out_of_order_samples_total)|` +
	`prometheus_remote_storage_(samples_pending|samples_failed_total|samples_dropped_total|highest_timestamp_in_seconds)|` +
	`process_(cpu_seconds_total|resident_memory_bytes|open_fds|max_fds|start_time_seconds)|go_goroutines`

// Options says where and how to keep the history. Only Dir is required.
type Options struct {
	Dir              string
	Retention        time.Duration // 0 = DefaultRetention
	RetentionSize    int64         // bytes of blocks; 0 = no limit
	OutOfOrderWindow time.Duration // 0 = DefaultOutOfOrderWindow

	// Entries is the Board's: it tells which checks there are, so that slow
	// checks are repeated within PromQL's look-back, stale ones end and removed
	// ones are closed. nil = each look is only written once.
	Entries func() []probes.Entry
	Vantage string // the vantage label; "" = none
	// Without names metrics of the exporter that are not to be kept, to feed a
	// small machine: probe_http_duration_seconds saves 4 to 5 series a check.
	Without []string

	// Gatherer is scraped every ScrapeInterval into the history, so that rules
	// on watchpost's own metrics work; nil = nothing is. Keep (anchored, "" =
	// DefaultKeep) says which names.
	Gatherer       prometheus.Gatherer
	ScrapeInterval time.Duration // 0 = DefaultScrapeInterval
	Keep           string

	// RemoteWrite is a remote_write: document in Prometheus' own YAML; nil = none.
	RemoteWrite []byte

	// Reserve is a file of so many bytes that is given up when the disk is
	// full, so that the store can put its memory in order. 0 = DefaultReserve,
	// negative = none.
	Reserve int64
	// GoOnWithoutDisk makes Open succeed when Dir can't be used: the cure is
	// logged, samples stay in memory, and the disk is tried again.
	GoOnWithoutDisk bool

	QueryTimeout time.Duration         // 0 = DefaultQueryTimeout
	Logger       *slog.Logger          // nil = silent
	Registerer   prometheus.Registerer // nil = none
}

func (o Options) withDefaults() Options {
	o.Retention = cmp.Or(o.Retention, DefaultRetention)
	o.OutOfOrderWindow = cmp.Or(o.OutOfOrderWindow, DefaultOutOfOrderWindow)
	o.ScrapeInterval = cmp.Or(o.ScrapeInterval, DefaultScrapeInterval)
	o.Keep = cmp.Or(o.Keep, DefaultKeep)
	o.Reserve = cmp.Or(o.Reserve, DefaultReserve)
	o.QueryTimeout = cmp.Or(o.QueryTimeout, DefaultQueryTimeout)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// History is the embedded store. It is a probes.Sink.
type History struct {
	o      Options
	log    *slog.Logger
	store  *Store
	engine *promql.Engine
	parser parser.Parser

	queue   chan *look // pointers: the room for QueueLength looks would be a tenth of the memory of 1,000 checks
	syncs   chan chan struct{}
	updated chan struct{} // of capacity 1: the writer should look at the board
	dropped atomic.Uint64
	stop    context.CancelFunc
	done    chan struct{}
	close   sync.Once
	closed  error

	began   time.Time // of the newest sample when it was opened
	restore func() map[probes.ID]probes.State
}

var _ probes.Sink = (*History)(nil)

// QueueLength is how many looks may wait for the disk before Observe drops.
const QueueLength = 16384

// Open opens or makes the history in o.Dir. An error is one line that says the
// cure. Close it at the end.
func Open(o Options) (*History, error) {
	o = o.withDefaults()
	keep, err := regexp.Compile("^(?:" + o.Keep + ")$")
	if err != nil {
		return nil, fmt.Errorf("history: the names to keep: %w", err)
	}
	store, err := openStore(o)
	if err != nil {
		return nil, err
	}
	h := &History{
		o: o, log: o.Logger, store: store,
		queue: make(chan *look, QueueLength), syncs: make(chan chan struct{}), updated: make(chan struct{}, 1), done: make(chan struct{}),
		parser: parser.NewParser(parser.Options{}),
	}
	h.began = store.newest()
	h.restore = sync.OnceValue(h.lastStates)
	h.engine = promql.NewEngine(promql.EngineOpts{
		Logger: o.Logger, Reg: o.Registerer, Parser: h.parser,
		MaxSamples: DefaultMaxQuerySamples, Timeout: o.QueryTimeout, LookbackDelta: DefaultLookback,
		EnableAtModifier: true, EnableNegativeOffset: true,
		NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() },
	})
	if o.Registerer != nil {
		for _, c := range []prometheus.Collector{exporter.HistoryCollector(h.Stats), store} {
			if err := o.Registerer.Register(c); err != nil {
				_ = store.Close() // the registering failed first
				return nil, fmt.Errorf("history: registering metrics: %w", err)
			}
		}
	}
	var ctx context.Context
	ctx, h.stop = context.WithCancel(context.Background())
	w := newWriter(h, keep)
	go w.run(ctx)
	return h, nil
}

// Observe queues the look. When the queue is full the look is dropped and
// counted: a slow disk must not slow the probing.
func (h *History) Observe(c *probes.Check, o probes.Observation, s probes.State) {
	o.Evidence = nil
	select {
	case h.queue <- &look{c, o, s}:
	default:
		h.dropped.Add(1)
	}
}

// Updated tells that the inventory is another one, after Board.Update: new
// checks are then in the history, as unknown, before their first look, and
// removed ones end. Without it a rule that counts the checks of a system would
// for some seconds leave out those that were not yet asked. It does not block.
func (h *History) Updated() {
	select {
	case h.updated <- struct{}{}:
	default: // it will look anyway
	}
}

// Sync waits until all looks observed before it are in the store, or ctx ends.
func (h *History) Sync(ctx context.Context) error {
	ch := make(chan struct{})
	select {
	case h.syncs <- ch:
	case <-h.done:
		return ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("history: waiting for the writer: %w", context.Cause(ctx))
	}
	<-ch
	return nil
}

// Close writes what is queued and closes the store. Restart keeps everything.
func (h *History) Close() error {
	h.close.Do(func() {
		h.stop()
		<-h.done
		h.closed = h.store.Close()
	})
	return h.closed
}

// Storage is the store for the rule manager: queryable and appendable. What it
// takes while the disk is out of order is kept in memory.
func (h *History) Storage() *Store { return h.store }

// Engine is the PromQL engine, for the rule manager.
func (h *History) Engine() *promql.Engine { return h.engine }

// Parser is the parser of the engine's dialect, for the rule manager.
func (h *History) Parser() parser.Parser { return h.parser }

// Stats is the account that the exporter names.
func (h *History) Stats() exporter.HistoryStats {
	s := h.store
	out := exporter.HistoryStats{
		Degraded: s.Degraded(), Failures: s.failures.Load(), Dropped: h.dropped.Load(),
		Rejected: s.rejected.Load(), Samples: s.samples.Load(), MemorySamples: s.memory.Len(),
	}
	if free, size, err := s.space.room(); err == nil {
		out.DiskFree, out.DiskSize = free, size
	}
	return out
}
