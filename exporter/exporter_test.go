package exporter_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"

	"watchpost.example/exporter"
	"watchpost.example/probes"
)

// full makes an exporter with everything there is to tell.
func full(t *testing.T, vantage string) (*exporter.Exporter, *exporter.Board) {
	t.Helper()
	b := exporter.NewBoard()
	x := exporter.New(exporter.Options{
		Board: b, Vantage: vantage, Version: "1.2.3", Revision: "abc",
		Schedule: func() exporter.ScheduleStats { return exporter.ScheduleStats{Checks: 3, Runs: 7} },
		Uplink: func() exporter.UplinkStats {
			return exporter.UplinkStats{Guarded: true, Up: true, Anchors: map[string]bool{"gateway": true}}
		},
		Reload:  func() exporter.ReloadStats { return exporter.ReloadStats{OK: true, SuccessAt: now} },
		Reasons: []exporter.ReasonWords{{Reason: probes.TCPRefused, Words: "máy chủ từ chối kết nối", Short: "may chu tu choi ket noi"}},
	})
	units := []*probes.Unit{unit("u1", "http", "tls", "tcp", "dns", "icmp", "zone")}
	units[0].Systems[0].DependsOn = []string{"u2/core", "u2/core"}
	x.Registry().MustRegister(exporter.HistoryCollector(func() exporter.HistoryStats { return exporter.HistoryStats{Degraded: true, DiskFree: 1, DiskSize: 2} }))
	x.Registry().MustRegister(exporter.EvidenceCollector(func() exporter.EvidenceStats { return exporter.EvidenceStats{Dropped: 1, Bytes: 2} }))
	b.Update(units)
	for c := range exporter.Checks(units) {
		o := probes.Observation{At: time.Now(), Took: time.Second, Verdict: probes.Degraded, Reason: probes.PartlyDown}
		for f := probes.FactIPProtocol; f <= probes.FactRegistrationExpiry; f++ {
			o.Facts.Set(f, 1)
		}
		o.Findings = []probes.Finding{{Reason: probes.TLSExpiring, Severity: probes.Today, Where: "127.0.0.2"}}
		o.Parts = []probes.Part{{Address: netip.MustParseAddrPort("127.0.0.1:80"), Verdict: probes.Up, Server: "ns1.donvi.example"}}
		o.Parts[0].Facts.Set(probes.FactZoneSecure, 1)
		o.Parts[0].Facts.Set(probes.FactDNSSerial, 1)
		s := probes.State{Verdict: probes.Degraded, Reason: probes.PartlyDown, Since: o.At}
		b.Observe(c, o, s)
		x.Observe(c, o, s)
	}
	return x, b
}

func TestGatheredIsLintClean(t *testing.T) {
	x, _ := full(t, "hanoi")
	problems, err := testutil.GatherAndLint(x.All())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "go_") || strings.HasPrefix(p.Metric, "process_") {
			continue
		}
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// TestCatalogueIsTheTruth compares name, type and labels of what is gathered
// with the catalogue, both ways.
func TestCatalogueIsTheTruth(t *testing.T) {
	x, _ := full(t, "hanoi")
	fams, err := x.All().Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]*dto.MetricFamily{}
	for _, f := range fams {
		got[f.GetName()] = f
	}
	docs := exporter.Catalogue()
	if !slices.IsSortedFunc(docs, func(a, b exporter.MetricDoc) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("not sorted")
	}
	for _, d := range docs {
		f := got[d.Name]
		delete(got, d.Name)
		if d.Scope == exporter.OnProbe {
			continue
		}
		if f == nil {
			t.Errorf("%s is in the catalogue and not gathered", d.Name)
			continue
		}
		if typ := strings.ToLower(f.GetType().String()); typ != d.Type {
			t.Errorf("%s is a %s, the catalogue says %s", d.Name, typ, d.Type)
		}
		if f.GetHelp() != d.Help || d.Help == "" {
			t.Errorf("%s: help %q, the catalogue says %q", d.Name, f.GetHelp(), d.Help)
		}
		for _, m := range f.GetMetric() {
			var names []string
			for _, l := range m.GetLabel() {
				names = append(names, l.GetName())
			}
			if want := slices.Sorted(slices.Values(d.Labels)); !slices.Equal(names, want) {
				t.Errorf("%s has labels %q, the catalogue says %q", d.Name, names, want)
				break
			}
		}
	}
	for name := range got {
		if !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_") {
			t.Errorf("%s is gathered and not in the catalogue", name)
		}
	}
}

func TestMetricsPage(t *testing.T) {
	x, b := full(t, "")
	srv := httptest.NewServer(x.Handler())
	defer srv.Close()
	get := func(accept string) (string, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", accept)
		resp, err := srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		var buf strings.Builder
		if err := resp.Write(&buf); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s %v", resp.Status, err)
		}
		return buf.String(), resp.Header.Get("Content-Type")
	}
	body, typ := get("application/openmetrics-text; version=1.0.0")
	if !strings.HasPrefix(typ, "application/openmetrics-text; version=1.0.0") || !strings.Contains(body, "# EOF\n") {
		t.Errorf("asked for OpenMetrics, got %s", typ)
	}
	want := `probe_success{check="http",instance="https://portal.example/",kind="http",system="portal",unit="u1"} 1`
	if !strings.Contains(body, want) {
		t.Errorf("no %s", want)
	}
	if strings.Contains(body, `unit="u1",vantage=`) {
		t.Error("a vantage without a name became a label")
	}
	if body, typ = get("text/plain"); !strings.HasPrefix(typ, "text/plain; version=0.0.4") || strings.Contains(body, "# EOF") {
		t.Errorf("asked for text, got %s", typ)
	}
	if _, typ = get("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"); !strings.Contains(typ, "protobuf") {
		t.Errorf("asked for protobuf, got %s", typ)
	}
	b.Update(nil)
	if body, _ = get("text/plain"); strings.Contains(body, "probe_success{") || strings.Contains(body, "watchpost_system_info{") {
		t.Error("a removed check is still there")
	}
}

func BenchmarkGather1000(b *testing.B) {
	board := exporter.NewBoard()
	x := exporter.New(exporter.Options{Board: board})
	units := inventory(1000)
	board.Update(units)
	for c := range exporter.Checks(units) {
		e := entry("http", probes.Up)
		e.Observation.At = time.Now()
		for f := probes.FactIPProtocol; f <= probes.FactTLSLeafLifetimeFraction; f++ {
			e.Observation.Facts.Set(f, 1)
		}
		board.Observe(c, e.Observation, e.State)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x.All().Gather(); err != nil {
			b.Fatal(err)
		}
	}
}
