package exporter_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"watchpost.example/exporter"
	"watchpost.example/probes"
)

var now = time.Unix(1_800_000_000, 0)

// series renders samples as `name{extra labels}` to value, and fails on two of
// the same series, which would spoil a scrape.
func series(t *testing.T, e probes.Entry, at time.Time) map[string]float64 {
	t.Helper()
	out := map[string]float64{}
	for _, s := range exporter.Samples(nil, e, at) {
		var l []string
		s.Labels(e.Check, "", func(n, v string) {
			if !slices.Contains([]string{"unit", "system", "check", "kind", "instance"}, n) {
				l = append(l, n+"="+v)
			}
		})
		name := s.Name()
		if len(l) > 0 {
			name += "{" + strings.Join(l, ",") + "}"
		}
		if _, twice := out[name]; twice {
			t.Errorf("%s twice", name)
		}
		out[name] = s.Value
	}
	return out
}

func entry(kind string, v probes.Verdict) probes.Entry {
	c := unit("u1", kind).Systems[0].Checks[0]
	e := probes.Entry{Check: c, Observation: probes.Observation{At: now, Took: 250 * time.Millisecond, Verdict: v}}
	e.State = probes.State{Verdict: v, Since: now.Add(-time.Hour)}
	if v != probes.Up {
		e.Observation.Reason, e.State.Reason = probes.HTTPStatus, probes.HTTPStatus
	}
	return e
}

func TestSamplesByVerdict(t *testing.T) {
	for _, tc := range []struct {
		verdict probes.Verdict
		success any // nil = absent
	}{
		{probes.Unknown, nil},
		{probes.Up, 1.},
		{probes.Degraded, 1.},
		{probes.Down, 0.},
	} {
		got := series(t, entry("http", tc.verdict), now.Add(time.Second))
		v, there := got["probe_success"]
		if there != (tc.success != nil) || there && v != tc.success {
			t.Errorf("%s: probe_success %v (there: %v), want %v", tc.verdict, v, there, tc.success)
		}
		if got["watchpost_check_state"] != float64(tc.verdict) {
			t.Errorf("%s: state %v", tc.verdict, got["watchpost_check_state"])
		}
		if _, why := got["watchpost_check_reason_info{reason=http_status}"]; why == (tc.verdict == probes.Up) {
			t.Errorf("%s: reason there: %v", tc.verdict, why)
		}
		for name := range got {
			if tc.verdict == probes.Unknown && strings.HasPrefix(name, "probe_") {
				t.Errorf("Unknown and yet %s", name)
			}
		}
	}
}

func TestSamplesStale(t *testing.T) {
	e := entry("http", probes.Down)
	e.Observation.Findings = []probes.Finding{{Reason: probes.TLSExpiring}}
	e.Observation.Parts = []probes.Part{{Address: netip.MustParseAddrPort("127.0.0.1:80"), Verdict: probes.Down}}
	got := series(t, e, now.Add(2*e.Check.Interval+e.Check.Timeout+time.Second))
	want := []string{
		"watchpost_check_info{name=Cổng thông tin}", "watchpost_check_interval_seconds",
		"watchpost_check_last_observation_timestamp_seconds", "watchpost_check_pending",
		"watchpost_check_reason_info{reason=ours_overrun}", "watchpost_check_state",
	}
	if keys := slices.Sorted(maps.Keys(got)); !slices.Equal(keys, want) {
		t.Errorf("stale, and there are\n%q, want\n%q", keys, want)
	}
	if got["watchpost_check_state"] != 0 {
		t.Error("stale, and the state is not unknown")
	}
}

func TestSamplesRestored(t *testing.T) {
	for _, tc := range []struct {
		restored, shown probes.Verdict
	}{{probes.Down, probes.Down}, {probes.Degraded, probes.Degraded}, {probes.Up, probes.Unknown}} {
		e := entry("http", tc.restored)
		e.Observation = probes.Observation{}
		e.State.Restored = true
		got := series(t, e, now)
		if got["watchpost_check_state"] != float64(tc.shown) {
			t.Errorf("restored %s reads %v, want %s", tc.restored, got["watchpost_check_state"], tc.shown)
		}
		if _, there := got["probe_success"]; there {
			t.Error("a success that nobody saw")
		}
	}
}

func TestSamplesPendingReason(t *testing.T) {
	e := entry("http", probes.Down)
	e.State = probes.State{Verdict: probes.Up, Pending: true, Since: now}
	got := series(t, e, now)
	if got["watchpost_check_reason_info{reason=http_status}"] != 1 || got["watchpost_check_pending"] != 1 {
		t.Errorf("a failing look does not tell why while it is unconfirmed: %v", got)
	}
}

func TestSamplesHostile(t *testing.T) {
	e := entry("http", probes.Down)
	evil := "\x00\xff\n\"}" + strings.Repeat("ẫ", 200)
	e.State.Reason = probes.Reason("503 " + evil)
	e.Check.Instance, e.Check.System.Name = evil, evil
	for i := range 1000 {
		e.Observation.Findings = append(e.Observation.Findings,
			probes.Finding{Reason: probes.Reason(evil), Where: evil + string(rune('a'+i%26)), Severity: 77},
			probes.Finding{Reason: probes.TLSExpiring, Where: string(rune(i))}, probes.Finding{Reason: probes.OK})
		a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, byte(i >> 8), byte(i)}), 80)
		e.Observation.Parts = append(e.Observation.Parts, probes.Part{Address: a}, probes.Part{Address: a, Verdict: probes.Down})
	}
	for f := range probes.FactName(200) {
		e.Observation.Facts = append(e.Observation.Facts, probes.Fact{Name: f, Value: 1e300}, probes.Fact{Name: f})
	}
	e.Observation.Parts = append(e.Observation.Parts, probes.Part{})
	var addresses, findings int
	for _, s := range exporter.Samples(nil, e, now) {
		s.Labels(e.Check, "", func(n, v string) {
			if !utf8.ValidString(v) || len(v) > exporter.MaxLabel || strings.ContainsAny(v, "\x00\n") {
				t.Errorf("%s: label %s=%q", s.Name(), n, v)
			}
			if n == "reason" && strings.Contains(v, "503") {
				t.Errorf("remote text in %s: %q", s.Name(), v)
			}
		})
		switch s.Name() {
		case "watchpost_address_success":
			addresses++
		case "watchpost_finding":
			findings++
		}
	}
	if addresses != exporter.MaxAddresses || findings > exporter.MaxFindings || findings == 0 {
		t.Errorf("%d addresses, %d findings", addresses, findings)
	}
	series(t, e, now) // no series twice
}

// TestEveryFactIsMapped reads the constants of probes/fact.go, so that a fact
// that is added there and forgotten here fails.
func TestEveryFactIsMapped(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "../probes/fact.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.ValueSpec); ok {
			for _, id := range s.Names {
				names = append(names, id.Name)
			}
		}
		return true
	})
	if len(names) < 30 || names[0] != "FactNone" {
		t.Fatalf("read %q", names)
	}
	// Left out on purpose: nothing so far.
	var without []string
	for i, name := range names[1:] {
		e := entry("tcp", probes.Up)
		before := len(series(t, e, now))
		e.Observation.Facts.Set(probes.FactName(i+1), 1)
		if mapped := len(series(t, e, now)) > before; mapped == slices.Contains(without, name) {
			t.Errorf("%s: mapped %v", name, mapped)
		}
	}
}

// TestDiet holds the history to 8 series a check on the mix of kinds that a
// web profile makes.
func TestDiet(t *testing.T) {
	tlsFacts := probes.Facts{}
	for _, f := range []probes.FactName{
		probes.FactTLSVersion, probes.FactTLSCipher, probes.FactTLSEarliestExpiry, probes.FactTLSLeafNotBefore,
		probes.FactTLSLeafNotAfter, probes.FactTLSLastChainExpiry, probes.FactTLSLeafLifetimeFraction,
	} {
		tlsFacts.Set(f, 1)
	}
	httpFacts := slices.Clone(tlsFacts)
	for f := probes.FactIPProtocol; f <= probes.FactHTTPFailedRegexp; f++ {
		httpFacts.Set(f, 1)
	}
	var total int
	kinds := map[string]probes.Facts{
		"http": httpFacts, "tls": tlsFacts, "tcp": nil,
		"dns":  {{Name: probes.FactDNSRcode}, {Name: probes.FactDNSAnswerRRs}, {Name: probes.FactDNSQuerySuccess}, {Name: probes.FactDNSSerial}},
		"icmp": {{Name: probes.FactICMPRTT}, {Name: probes.FactICMPLossRatio}, {Name: probes.FactICMPReplyHopLimit}},
	}
	for kind, facts := range kinds {
		e := entry(kind, probes.Up)
		e.Observation.Facts = facts
		e.Observation.Phases = probes.Phases{1, 1, 1, 1, 1}
		e.Observation.Parts = []probes.Part{{Address: netip.MustParseAddrPort("127.0.0.1:80"), Verdict: probes.Up}}
		n := 0
		for _, s := range exporter.Samples(nil, e, now) {
			if s.Keep {
				n++
			}
		}
		t.Logf("%s: %d series kept", kind, n)
		total += n
	}
	if avg := float64(total) / float64(len(kinds)); avg > 8 {
		t.Errorf("the history keeps %.1f series a check, want at most 8", avg)
	}
}

func BenchmarkSamples(b *testing.B) {
	e := entry("http", probes.Up)
	for f := probes.FactIPProtocol; f <= probes.FactTLSLeafLifetimeFraction; f++ {
		e.Observation.Facts.Set(f, 1)
	}
	e.Observation.Parts = []probes.Part{{Address: netip.MustParseAddrPort("127.0.0.1:80"), Verdict: probes.Up}}
	var buf []exporter.Sample
	b.ReportAllocs()
	for b.Loop() {
		buf = exporter.Samples(buf[:0], e, now)
	}
}

// Each name server of a zone has its own series: validated or not, and how far
// behind; serials wrap (RFC 1982).
func TestSamplesOfNameServers(t *testing.T) {
	o := probes.Observation{At: now, Verdict: probes.Degraded, Reason: probes.PartlyDown}
	o.Facts.Set(probes.FactZoneServers, 3)
	o.Facts.Set(probes.FactDNSSerial, 1)
	for i, serial := range []float64{1, 4294967295, -1} {
		p := probes.Part{Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), 53), Server: "ns.donvi.example", Verdict: probes.Up}
		if serial >= 0 {
			p.Facts.Set(probes.FactDNSSerial, serial)
			p.Facts.Set(probes.FactZoneSecure, float64(1-i))
		}
		o.Parts = append(o.Parts, p)
	}
	c := unit("u1", "dns_zone").Systems[0].Checks[0]
	got := map[string]float64{}
	for _, s := range exporter.Samples(nil, probes.Entry{Check: c, Observation: o, State: probes.State{Verdict: probes.Degraded, Since: now}}, now) {
		if !strings.HasPrefix(s.Name(), "watchpost_zone_server_") {
			continue
		}
		key := strings.TrimPrefix(s.Name(), "watchpost_zone_server_")
		s.Labels(c, "", func(name, v string) {
			if name == "address" || name == "server" {
				key += " " + v
			}
		})
		if !s.Keep {
			t.Errorf("%s is not kept", key)
		}
		got[key] = s.Value
	}
	want := map[string]float64{
		"secure ns.donvi.example 192.0.2.0": 1, "serial_lag ns.donvi.example 192.0.2.0": 0,
		"secure ns.donvi.example 192.0.2.1": 0, "serial_lag ns.donvi.example 192.0.2.1": 2,
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
