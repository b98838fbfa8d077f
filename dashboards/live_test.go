package dashboards_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"watchpost.example/exporter"
	"watchpost.example/exporter/history"
	"watchpost.example/probes"
)

// TestQueriesOnTheEmbeddedHistory runs every query on the history that the
// exporter's own collectors and a few looks filled.
func TestQueriesOnTheEmbeddedHistory(t *testing.T) {
	board := exporter.NewBoard()
	x := exporter.New(exporter.Options{Board: board})
	for _, m := range oncallMetrics(t) {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: m.Name, Help: "as on-call's"}, m.Labels)
		values := make([]string, len(m.Labels))
		for i, l := range m.Labels {
			values[i] = map[string]string{"status": "open", "name": "signal_ratio", "role": "officer"}[l]
			if values[i] == "" {
				values[i] = "x"
			}
		}
		g.WithLabelValues(values...).Set(1)
		x.Registry().MustRegister(g)
	}
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
	for _, kind := range []string{"http", "icmp", "dns_zone"} {
		s.Checks = append(s.Checks, &probes.Check{ID: probes.ID{Unit: u.ID, System: s.ID, Check: kind}, System: s, Kind: kind, Instance: "https://portal.example/", Interval: 30 * time.Second, Timeout: 10 * time.Second})
	}
	board.Update([]*probes.Unit{u})
	for i, c := range s.Checks {
		o := probes.Observation{At: now.Add(-time.Second), Took: time.Millisecond, Verdict: probes.Up}
		o.Facts.Set(probes.FactHTTPStatusCode, 500)
		o.Facts.Set(probes.FactTLSEarliestExpiry, float64(now.Add(100*time.Hour).Unix()))
		o.Facts.Set(probes.FactICMPLossRatio, 0)
		if c.Kind == "dns_zone" {
			zoneFacts(&o)
		}
		o.Findings = []probes.Finding{{Reason: probes.TLSExpiring, Severity: probes.PageNow, Where: "127.0.0.1"}}
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
	waitFor(t, h, "increase(watchpost_oncall_replies_total[1h])") // two scrapes
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
		"watchpost-dns/Vùng có phát hiện khẩn/A": 1, "watchpost-dns/Nguyên nhân chung/A": 0, "watchpost-dns/Vùng không có DNSSEC hợp lệ/A": 1,
		"watchpost-dns/Máy chủ trả lời sai/A": 1, "watchpost-dns/Chữ ký hết hạn sớm nhất sau/A": 86400,
		"watchpost-dns/Số sê-ri chậm hơn máy chủ mới nhất/A": 2, "watchpost-dns/DNSSEC của từng máy chủ/A": 0,
		"watchpost-oncall/Chưa ai tiếp nhận/A": 1, "watchpost-oncall/Đang xử lý/A": 0, "watchpost-oncall/Nhịp báo sống/A": 0,
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

// zoneFacts is what a look at a signed zone with one bad server of one gives.
func zoneFacts(o *probes.Observation) {
	for f, v := range map[probes.FactName]float64{
		probes.FactZoneSecure: 0, probes.FactZoneServers: 2, probes.FactZoneServersOK: 1, probes.FactZoneSignatureLeft: 86400,
		probes.FactDNSSerial: 7, probes.FactRegistrationExpiry: float64(time.Now().Add(100 * 24 * time.Hour).Unix()),
	} {
		o.Facts.Set(f, v)
	}
	p := probes.Part{Address: netip.MustParseAddrPort("192.0.2.1:53"), Server: "ns1.donvi.example", Verdict: probes.Down}
	p.Facts.Set(probes.FactZoneSecure, 0)
	p.Facts.Set(probes.FactDNSSerial, 5)
	o.Parts = []probes.Part{p}
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
