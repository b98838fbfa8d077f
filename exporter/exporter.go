package exporter

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"watchpost.example/probes"
)

// Options is what New needs. Every func may be nil: its metrics are then absent.
type Options struct {
	Board   *Board // required
	Vantage string // name of this vantage point; "" = no such label

	Version, Revision string // of the program

	// Schedule, Uplink and Reload are read at each scrape and must be quick.
	Schedule func() ScheduleStats
	Uplink   func() UplinkStats
	Reload   func() ReloadStats
	// Reasons are put into words for the texts of alerts; nil = alerts name the
	// bare reason.
	Reasons []ReasonWords

	Logger *slog.Logger // nil = silent
}

// ScheduleStats is the schedule's account of itself: counts since the start and
// the state as of now. Its fields are those of schedule.Stats in the same
// order, so that one converts to the other.
type ScheduleStats struct {
	Checks   int
	InFlight int
	Queued   int
	Zombies  int

	Runs       uint64
	Overruns   uint64
	Panics     uint64
	Canceled   uint64
	Jumps      uint64
	Blinded    uint64
	SinkPanics uint64

	QueueDelay    time.Duration
	QueueDelayMax time.Duration
}

// UplinkStats is what the uplink guard knows. Without anchors (Guarded false)
// it says nothing and becomes no series.
type UplinkStats struct {
	Guarded bool
	Up      bool
	Anchors map[string]bool // by name: whether it answers
}

// ReasonWords is a reason in the language of who is woken.
type ReasonWords struct {
	Reason probes.Reason
	Words  string // for people
	Short  string // the same for an SMS: unaccented
}

// ReloadStats is the fate of the configuration.
type ReloadStats struct {
	OK        bool      // the last reload (or the start) succeeded
	SuccessAt time.Time // of the last one that did
}

// Exporter assembles the collectors. It is also a probes.Sink, for the counters
// and histograms that need every look and not only the newest.
type Exporter struct {
	o      Options
	log    *slog.Logger
	checks *prometheus.Registry
	own    *prometheus.Registry

	looks    *prometheus.CounterVec
	took     *prometheus.HistogramVec
	findings prometheus.Counter
}

var _ probes.Sink = (*Exporter)(nil)

// New assembles the exporter.
func New(o Options) *Exporter {
	x := &Exporter{o: o, log: o.Logger, checks: prometheus.NewRegistry(), own: prometheus.NewRegistry()}
	if x.log == nil {
		x.log = slog.New(slog.DiscardHandler)
	}
	x.looks = prometheus.NewCounterVec(prometheus.CounterOpts{Name: mObservations.String(), Help: table[mObservations].help}, table[mObservations].extra)
	x.findings = prometheus.NewCounter(prometheus.CounterOpts{Name: mFindingsDropped.String(), Help: table[mFindingsDropped].help})
	x.took = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: mLookDuration.String(), Help: table[mLookDuration].help,
		Buckets:                         []float64{.005, .025, .1, .25, 1, 2.5, 10, 30},
		NativeHistogramBucketFactor:     1.1,
		NativeHistogramMaxBucketNumber:  100,
		NativeHistogramMinResetDuration: time.Hour,
	}, table[mLookDuration].extra)
	x.checks.MustRegister(checkCollector{x.o.Board, o.Vantage})
	x.own.MustRegister(x.looks, x.took, x.findings, placeCollector{x.o.Board}, ownCollector{o},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return x
}

// Observe counts the look. It does not block.
func (x *Exporter) Observe(c *probes.Check, o probes.Observation, _ probes.State) {
	x.looks.WithLabelValues(c.Kind, o.Verdict.String()).Inc()
	x.took.WithLabelValues(c.Kind).Observe(o.Took.Seconds())
	if n := len(o.Findings) - MaxFindings; n > 0 {
		x.findings.Add(float64(n))
	}
}

// Registry takes the collectors of other rooms (history, alerting engine,
// on-call). What is registered there is on /metrics, and in the history if its
// diet keeps the name.
func (x *Exporter) Registry() *prometheus.Registry { return x.own }

// Checks gathers the series of the checks, made from the Board at the moment
// of the call, so that a stale verdict is gone at once.
func (x *Exporter) Checks() prometheus.Gatherer { return x.checks }

// All gathers everything: what /metrics serves.
func (x *Exporter) All() prometheus.Gatherer { return prometheus.Gatherers{x.checks, x.own} }

// Handler serves /metrics: OpenMetrics, the classic text or protobuf (with
// native histograms), whichever the client asks for. An outside Prometheus
// needs `honor_labels: true`, because instance names what was asked.
func (x *Exporter) Handler() http.Handler {
	return promhttp.HandlerFor(x.All(), promhttp.HandlerOpts{
		EnableOpenMetrics:   true,
		ErrorHandling:       promhttp.ContinueOnError, // half a page beats none at 3 a.m.
		ErrorLog:            slog.NewLogLogger(x.log.Handler(), slog.LevelError),
		MaxRequestsInFlight: 8,
		Timeout:             time.Minute,
	})
}
