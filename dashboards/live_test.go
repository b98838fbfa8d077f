package dashboards_test

import (
	"testing"
	"time"

	"watchpost.example/exporter"
	"watchpost.example/exporter/history"
	"watchpost.example/probes"
)

// TestQueriesOnTheEmbeddedHistory runs every query on the history that the
// exporter's own collectors and a few looks filled.
func TestQueriesOnTheEmbeddedHistory(t *testing.T) {
	board := exporter.NewBoard()
	x := exporter.New(exporter.Options{Board: board})
	h, err := history.Open(history.Options{Dir: t.TempDir(), Reserve: -1, Gatherer: x.Registry(), Entries: board.Entries, ScrapeInterval: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	u := &probes.Unit{ID: "unit-0001", Name: "Trường A"}
	s := &probes.System{Unit: u, ID: "portal", Name: "Cổng thông tin"}
	u.Systems = []*probes.System{s}
	now := time.Now()
	for _, kind := range []string{"http", "icmp"} {
		s.Checks = append(s.Checks, &probes.Check{ID: probes.ID{Unit: u.ID, System: s.ID, Check: kind}, System: s, Kind: kind, Instance: "https://portal.example/", Interval: 30 * time.Second, Timeout: 10 * time.Second})
	}
	board.Update([]*probes.Unit{u})
	for i, c := range s.Checks {
		o := probes.Observation{At: now.Add(-time.Second), Took: time.Millisecond, Verdict: probes.Up}
		o.Facts.Set(probes.FactHTTPStatusCode, 500)
		o.Facts.Set(probes.FactTLSEarliestExpiry, float64(now.Add(100*time.Hour).Unix()))
		o.Facts.Set(probes.FactICMPLossRatio, 0)
		o.Findings = []probes.Finding{{Reason: probes.TLSExpiring, Severity: probes.Ticket, Where: "127.0.0.1"}}
		st := probes.State{Verdict: probes.Up, Since: now.Add(-time.Hour)}
		if i == 0 {
			o.Verdict, o.Reason = probes.Down, probes.HTTPStatus
			st.Verdict, st.Reason = probes.Down, probes.HTTPStatus
		}
		board.Observe(c, o, st)
		for _, ago := range []time.Duration{6 * time.Minute, 4 * time.Minute, time.Second} { // sub-queries look at whole minutes
			o.At = now.Add(-ago)
			h.Observe(c, o, st)
		}
	}
	if err := h.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitFor(t, h, "watchpost_system_info")
	// What has no rows on this data, and rightly so.
	empty := map[string]bool{"watchpost-system/Từng địa chỉ/A": true}
	for _, q := range queries(t) {
		r, err := h.Query(t.Context(), q.expr, time.Now())
		if err != nil {
			t.Errorf("%s: %s: %v", q.where, q.expr, err)
			continue
		}
		if len(r) == 0 && !empty[q.where] {
			t.Errorf("%s: no rows: %s", q.where, q.expr)
		}
	}
	want := map[string]float64{
		"watchpost-wall/Mất kết nối/A": 1, "watchpost-wall/Đơn vị bị ảnh hưởng/A": 1, "watchpost-wall/Suy giảm/A": 0,
		"watchpost-wall/Không rõ/A": 0, "watchpost-wall/Hệ thống/A": 4,
	}
	for _, q := range queries(t) {
		v, ok := want[q.where]
		if !ok {
			continue
		}
		delete(want, q.where)
		if r, err := h.Query(t.Context(), q.expr, time.Now()); err != nil || len(r) != 1 || r[0].Value != v {
			t.Errorf("%s: got %v, %v, want %v", q.where, r, err, v)
		}
	}
	if len(want) > 0 {
		t.Errorf("not among the queries: %v", want)
	}
}

// waitFor asks until the scrape brought the metric, at most 10 s.
func waitFor(t *testing.T, h *history.History, metric string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 500 {
		if r, err := h.Query(t.Context(), metric, time.Now()); err == nil && len(r) > 0 {
			return
		}
		<-tick.C
	}
	t.Fatalf("%s never came", metric)
}
