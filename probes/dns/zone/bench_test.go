package zone_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"watchpost.example/probes/dns/dnslab"
	"watchpost.example/probes/dns/zone"
)

// BenchmarkZone is one full check of a signed zone with two servers and eight
// names, all servers in the same process. cpu-ms/op counts both; the servers'
// share is measured by asking them the same number of questions without
// looking at the answers.
func BenchmarkZone(b *testing.B) {
	w := dnslab.Healthy().Start(b)
	e := env(b, w)
	p := plan(nil)
	p.Watched = p.Watched[:8]
	e.Check(b.Context(), p) // the zones above are cached from now on
	var queries, parent int
	cpu := cpuTime(b)
	b.ResetTimer()
	for range b.N {
		o := e.Check(b.Context(), p)
		queries, parent = o.Look.Queries, o.Look.ToParent
		if len(o.Judgement.Findings) > 0 {
			b.Fatal(lines(o.Judgement.Findings))
		}
	}
	b.ReportMetric((cpuTime(b)-cpu).Seconds()*1000/float64(b.N), "cpu-ms/op")
	b.ReportMetric(float64(queries), "queries/op")
	b.ReportMetric(float64(parent), "parent-queries/op")
}

// BenchmarkJudge is the judge alone: validation and comparison.
func BenchmarkJudge(b *testing.B) {
	w := dnslab.Healthy().Start(b)
	p := plan(nil)
	p.Watched = p.Watched[:8]
	o := env(b, w).Check(b.Context(), p)
	cpu := cpuTime(b)
	b.ResetTimer()
	for range b.N {
		zone.Judge(o.Look, nil, zone.Limits{}, o.Look.At)
	}
	b.ReportMetric((cpuTime(b)-cpu).Seconds()*1000/float64(b.N), "cpu-ms/op")
}

func cpuTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// A full check has a price and a limit of politeness; this fails when either
// is broken by far, on a busy machine too.
func TestCostOfACheck(t *testing.T) {
	w := dnslab.Healthy()
	for i := range 5 {
		w.Zones["gov.vn."].NS = append(w.Zones["gov.vn."].NS, dnslab.NS{Name: fmt.Sprintf("ns%d.gov.vn.", i+3), Addr: fmt.Sprintf("127.53.2.%d", i+3)})
	}
	w.Start(t)
	e := env(t, w)
	p := plan(nil)
	p.Watched = p.Watched[:8]
	count := func() (o zone.Outcome, parent, above int64) {
		before := map[string]int64{}
		for a, s := range w.Servers {
			before[a] = s.Queries.Load()
		}
		o = e.Check(t.Context(), p)
		for a, s := range w.Servers {
			n := s.Queries.Load() - before[a]
			switch a[:9] {
			case "127.53.2.":
				parent += n
			case "127.53.0.", "127.53.1.":
				above += n
			}
		}
		return o, parent, above
	}
	if o, parent, _ := count(); parent > zone.MaxParentQueries || int(parent) != o.Look.ToParent { // its DNSKEY among them
		t.Errorf("%d queries to the parent with nothing known, %d by its own count", parent, o.Look.ToParent)
	}
	o, parent, above := count()
	if parent > zone.MaxParentQueries || above > 0 || int(parent) != o.Look.ToParent {
		t.Errorf("%d queries to the parent, %d to those above it", parent, above)
	}
	if o.Look.Queries > 60 {
		t.Errorf("%d queries for two servers and eight names", o.Look.Queries)
	}
}
