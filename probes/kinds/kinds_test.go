package kinds_test

import (
	"slices"
	"testing"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/zone"
	"watchpost.example/probes/kinds"
	"watchpost.example/probes/probetest"
)

// Every kind has what the inventory and its documents rest on, and empty
// settings are refused by each.
func TestAll(t *testing.T) {
	var names []string
	for _, k := range everyKind(t) {
		names = append(names, k.Name)
		if !probes.ValidName(k.Name) || k.Doc == "" || k.New == nil {
			t.Errorf("kind %+v is not whole", k)
			continue
		}
		s := k.New()
		if len(s.Problems()) == 0 {
			t.Errorf("%s: empty settings have no problem", k.Name)
		}
		if target, ok := s.(probes.Targeted); ok {
			target.SetTarget("https://portal.example/")
			if p := s.Problems(); len(p) > 0 || s.Instance() == "" {
				t.Errorf("%s: from a system's URL: %+v, instance %q", k.Name, p, s.Instance())
			}
		}
	}
	if len(slices.Compact(slices.Sorted(slices.Values(names)))) != len(names) {
		t.Errorf("names twice: %q", names)
	}
}

// everyKind is the list on a wire of the test's own.
func everyKind(t *testing.T) []probes.Kind {
	t.Helper()
	w := probetest.NewWire(t, nil)
	e, err := zone.New(zone.Options{Dialer: w})
	if err != nil {
		t.Fatal(err)
	}
	return kinds.All(w, e)
}
