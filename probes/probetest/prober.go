package probetest

import (
	"context"
	"testing"
	"time"

	"watchpost.example/probes"
)

// Prober makes a prober of the kind with the settings that set changes; S is
// the kind's own *Settings.
func Prober[S probes.Settings](tb testing.TB, k probes.Kind, set func(S)) probes.Prober {
	tb.Helper()
	s, ok := k.New().(S)
	if !ok {
		tb.Fatalf("the settings of %s are %T", k.Name, k.New())
	}
	set(s)
	if p := s.Problems(); len(p) > 0 {
		tb.Fatalf("problems: %+v", p)
	}
	p, err := s.Prober()
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// Look asks once, within d.
func Look(tb testing.TB, p probes.Prober, d time.Duration) probes.Observation {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), d)
	defer cancel()
	return p.Probe(ctx)
}
