package exporter

import (
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// desc makes the description of a metric with these variable labels.
func desc(m metric, labels []string) *prometheus.Desc {
	return prometheus.NewDesc(m.String(), table[m].help, labels, nil)
}

// descs describes every metric of a scope.
func descs(scope Scope, without ...string) [metricCount]*prometheus.Desc {
	var out [metricCount]*prometheus.Desc
	for m := mNone + 1; m < metricCount; m++ {
		if table[m].scope == scope {
			l := m.labels()
			for _, w := range without {
				l = drop(l, w)
			}
			out[m] = desc(m, l)
		}
	}
	return out
}

func drop(l []string, w string) []string {
	out := make([]string, 0, len(l))
	for _, s := range l {
		if s != w {
			out = append(out, s)
		}
	}
	return out
}

// checkCollector turns the board into series. It is unchecked (describes
// nothing), because which series there are depends on the looks.
type checkCollector struct {
	board   *Board
	vantage string
}

func (checkCollector) Describe(chan<- *prometheus.Desc) {}

func (k checkCollector) Collect(out chan<- prometheus.Metric) {
	var without []string
	if k.vantage == "" {
		without = []string{"vantage"}
	}
	ds := descs(PerCheck, without...)
	now := time.Now()
	var buf []Sample
	for _, e := range k.board.Entries() {
		buf = Samples(buf[:0], e, now)
		for _, s := range buf {
			values := make([]string, 0, 9)
			s.Labels(e.Check, k.vantage, func(_, v string) { values = append(values, v) })
			out <- prometheus.MustNewConstMetric(ds[s.metric], prometheus.GaugeValue, s.Value, values...)
		}
	}
}

// placeCollector describes units and systems.
type placeCollector struct{ board *Board }

func (placeCollector) Describe(chan<- *prometheus.Desc) {}

func (k placeCollector) Collect(out chan<- prometheus.Metric) {
	ds := descs(PerPlace)
	now := time.Now()
	send := func(m metric, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(ds[m], prometheus.GaugeValue, v, labels...)
	}
	for _, u := range k.board.Units() {
		send(mUnitInfo, 1, u.ID, Clean(u.Name))
		for _, s := range u.Systems {
			send(mSystemInfo, 1, u.ID, s.ID, Clean(s.Name), level(s.Level), Clean(s.Owner))
			send(mMaintenance, bit(s.InMaintenance(now)), u.ID, s.ID)
			for _, key := range slices.Compact(slices.Sorted(slices.Values(s.DependsOn))) {
				if unit, system, ok := strings.Cut(key, "/"); ok {
					send(mDependsOn, 1, u.ID, s.ID, Clean(unit), Clean(system))
				}
			}
		}
	}
}

// level is the security level as a label; "" = not given.
func level(n int) string {
	if n < 1 || n > 9 {
		return ""
	}
	return string(rune('0' + n))
}

// ownCollector tells about watchpost itself.
type ownCollector struct{ o Options }

func (ownCollector) Describe(chan<- *prometheus.Desc) {}

func (k ownCollector) Collect(out chan<- prometheus.Metric) {
	ds := descs(Own)
	send := func(m metric, v float64, labels ...string) {
		kind := prometheus.GaugeValue
		if table[m].kind == counter {
			kind = prometheus.CounterValue
		}
		out <- prometheus.MustNewConstMetric(ds[m], kind, v, labels...)
	}
	send(mBuildInfo, 1, k.o.Version, k.o.Revision, runtime.Version())
	if k.o.Reload != nil {
		r := k.o.Reload()
		send(mReloadOK, bit(r.OK))
		if !r.SuccessAt.IsZero() {
			send(mReloadAt, seconds(r.SuccessAt))
		}
	}
	if k.o.Uplink != nil {
		if u := k.o.Uplink(); u.Guarded {
			send(mUplinkUp, bit(u.Up), k.o.Vantage)
			for name, up := range u.Anchors {
				send(mUplinkAnchorUp, bit(up), Clean(name), k.o.Vantage)
			}
		}
	}
	for _, r := range k.o.Reasons {
		send(mReasonWords, 1, string(word(r.Reason)), cleaned(r.Words), cleaned(r.Short))
	}
	if k.o.Schedule == nil {
		return
	}
	s := k.o.Schedule()
	for m, v := range map[metric]float64{
		mScheduleChecks: float64(s.Checks), mScheduleInFlight: float64(s.InFlight),
		mScheduleQueued: float64(s.Queued), mScheduleZombies: float64(s.Zombies),
		mScheduleRuns: float64(s.Runs), mScheduleOverruns: float64(s.Overruns),
		mSchedulePanics: float64(s.Panics), mScheduleCanceled: float64(s.Canceled),
		mScheduleJumps: float64(s.Jumps), mScheduleBlinded: float64(s.Blinded),
		mScheduleSinkPanics: float64(s.SinkPanics),
		mScheduleDelay:      s.QueueDelay.Seconds(), mScheduleDelayMax: s.QueueDelayMax.Seconds(),
	} {
		send(m, v)
	}
}

// HistoryStats is the history's account of itself; counts are since the start.
type HistoryStats struct {
	Degraded                             bool
	Failures, Dropped, Rejected, Samples uint64
	MemorySamples                        int
	// DiskFree and DiskSize are in bytes; 0 and 0 = the disk does not tell.
	DiskFree, DiskSize int64
}

// HistoryCollector names the history's metrics; stats is read at each scrape.
func HistoryCollector(stats func() HistoryStats) prometheus.Collector { return historyCollector{stats} }

type historyCollector struct{ stats func() HistoryStats }

func (historyCollector) Describe(chan<- *prometheus.Desc) {}

func (k historyCollector) Collect(out chan<- prometheus.Metric) {
	s := k.stats()
	values := map[metric]float64{
		mHistoryDegraded: bit(s.Degraded), mHistoryFailures: float64(s.Failures), mHistoryDropped: float64(s.Dropped),
		mHistoryRejected: float64(s.Rejected), mHistorySamples: float64(s.Samples), mHistoryMemory: float64(s.MemorySamples),
	}
	if s.DiskSize > 0 {
		values[mStorageFree], values[mStorageSize] = float64(s.DiskFree), float64(s.DiskSize)
	}
	for m, v := range values {
		kind := prometheus.GaugeValue
		if table[m].kind == counter {
			kind = prometheus.CounterValue
		}
		out <- prometheus.MustNewConstMetric(desc(m, nil), kind, v)
	}
}

// EvidenceStats is the evidence store's account of itself.
type EvidenceStats struct {
	Dropped uint64 // pieces lost since the start
	Bytes   int64  // on the disk
}

// EvidenceCollector names the evidence store's metrics; stats is read at each scrape.
func EvidenceCollector(stats func() EvidenceStats) prometheus.Collector {
	return evidenceCollector{stats}
}

type evidenceCollector struct{ stats func() EvidenceStats }

func (evidenceCollector) Describe(chan<- *prometheus.Desc) {}

func (k evidenceCollector) Collect(out chan<- prometheus.Metric) {
	s := k.stats()
	out <- prometheus.MustNewConstMetric(desc(mEvidenceDropped, nil), prometheus.CounterValue, float64(s.Dropped))
	out <- prometheus.MustNewConstMetric(desc(mEvidenceBytes, nil), prometheus.GaugeValue, float64(s.Bytes))
}
