package zone_test

import (
	"strings"
	"testing"
	"time"

	"watchpost.example/probes/dns/baseline"
	"watchpost.example/probes/dns/dnslab"
	"watchpost.example/probes/dns/dnssec"
	"watchpost.example/probes/dns/walk"
	"watchpost.example/probes/dns/zone"
	"watchpost.example/probes/wire"
)

// env makes an Env for a world in the test's own process.
func env(tb testing.TB, w *dnslab.World, change ...func(*zone.Options)) *zone.Env {
	tb.Helper()
	h, err := walk.ParseHints("hints", strings.NewReader(w.Hints()))
	if err != nil {
		tb.Fatal(err)
	}
	a, err := dnssec.ParseAnchors(strings.NewReader(w.Anchor()), "anchor")
	if err != nil {
		tb.Fatal(err)
	}
	wr, err := wire.New(wire.Options{Guard: wire.AllowAll()})
	if err != nil {
		tb.Fatal(err)
	}
	o := zone.Options{Dialer: wr, Hints: h, Anchors: &a, Port: w.Port, Timeout: 600 * time.Millisecond, Linger: 30 * time.Millisecond}
	for _, c := range change {
		c(&o)
	}
	e, err := zone.New(o)
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

const unit = "donvi.gov.vn."

func plan(b *baseline.Zone) zone.Plan {
	p := zone.Plan{Target: zone.Target{Zone: unit, Watched: zone.DefaultWatch(unit, b)}, Baseline: b, ConfirmAfter: 5 * time.Millisecond}
	p.Limits.Slow = 100 * time.Millisecond
	if b == nil {
		p.Watched = append(p.Watched, zone.Watch{Name: "mail." + unit, Type: 1}, zone.Watch{Name: "cong." + unit, Type: 5})
	}
	return p
}

func lines(fs []zone.Finding) string {
	var b strings.Builder
	for _, f := range fs {
		b.WriteString("  " + f.Severity.String() + " " + string(f.Reason) + " @" + f.Zone + " " + f.Server + " " + f.Address + " [" + f.Record + "] expected " + f.Expected + " found " + f.Found + "\n")
	}
	return b.String()
}

// healthyKeys are shared, so that a baseline learned from one healthy world
// fits the broken ones.
func healthyKeys() map[string][]*dnslab.Key {
	out := map[string][]*dnslab.Key{}
	for _, z := range []string{".", "vn.", "gov.vn.", "ncc.vn.", unit} {
		out[z] = []*dnslab.Key{dnslab.NewKey(z, 13, true), dnslab.NewKey(z, 13, false)}
	}
	return out
}

func world(keys map[string][]*dnslab.Key) *dnslab.World {
	w := dnslab.Healthy()
	for n, z := range w.Zones {
		z.Keys = append([]*dnslab.Key(nil), keys[n]...)
	}
	return w
}

func learn(tb testing.TB, w *dnslab.World) *baseline.Zone {
	tb.Helper()
	b, err := env(tb, w).Learn(tb.Context(), plan(nil), "ca trực", "")
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// announced is a change that two people announced.
func announced(from time.Time) baseline.Change {
	return baseline.Change{From: from, Until: from.Add(time.Hour), By: "an", SecondBy: "binh", Why: "chuyển máy chủ"}
}
