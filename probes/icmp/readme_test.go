package icmp_test

import (
	"strings"
	"testing"

	"watchpost.example/internal/kinddoc"
	"watchpost.example/probes/icmp"
	"watchpost.example/probes/probetest"
)

func TestREADME(t *testing.T) {
	kinddoc.Check(t, nil, icmp.Kind(probetest.NewWire(t, nil)))
}

// TestProblems: each mistake is named, all at once, with what would be right.
func TestProblems(t *testing.T) {
	kind := icmp.Kind(probetest.NewWire(t, nil))
	_, err := kinddoc.Load("kind: icmp\nhost: https://portal.example/\ncount: 0\ngap: 1h\nsize: 8\nmax_loss: 1.5\nengine: sharde\n", kind)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"README.md:8:", "host", "count", "20ms to 2s", "24 to 1400", "max_loss", `did you mean "shared"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in\n%v", want, err)
		}
	}
	if checks, err := kinddoc.Load("kind: icmp", kind); err != nil || checks[0].Instance != "portal.example" {
		t.Errorf("without a host the system's is taken: %v", err)
	}
}
