package icmp_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"watchpost.example/inventory"
	"watchpost.example/probes"
	"watchpost.example/probes/icmp"
	"watchpost.example/probes/probetest"
)

// parse loads one check as it stands in an inventory.
func parse(t *testing.T, text string) (*inventory.Inventory, error) {
	t.Helper()
	lines := strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n            ")
	inv, problems := inventory.Parse("README.md",
		[]byte("units:\n  - id: a\n    systems:\n      - id: s\n        url: https://portal.example/\n        checks:\n          - "+lines+"\n"),
		[]probes.Kind{icmp.Kind(probetest.NewWire(t, nil))})
	if problems != nil {
		return nil, problems
	}
	return inv, nil
}

// TestREADME loads every example as the inventory does.
func TestREADME(t *testing.T) {
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(b), -1)
	if len(blocks) < 3 {
		t.Fatalf("%d examples", len(blocks))
	}
	for _, m := range blocks {
		inv, err := parse(t, m[1])
		if err != nil {
			t.Errorf("%s\n%v", m[1], err)
			continue
		}
		if len(inv.Checks) != 1 || inv.Checks[0].Instance == "" {
			t.Errorf("%s\ngives %+v", m[1], inv.Checks)
		}
	}
	for _, key := range []string{"host", "count", "gap", "size", "max_loss", "require_all", "engine"} {
		if !strings.Contains(string(b), "| `"+key+"` |") {
			t.Errorf("the table of settings has no %s", key)
		}
	}
}

// TestProblems: each mistake is named, all at once, with what would be right.
func TestProblems(t *testing.T) {
	_, err := parse(t, "kind: icmp\nhost: https://portal.example/\ncount: 0\ngap: 1h\nsize: 8\nmax_loss: 1.5\nengine: sharde\n")
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"README.md:8:", "host", "count", "20ms to 2s", "24 to 1400", "max_loss", `did you mean "shared"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in\n%v", want, err)
		}
	}
	if inv, err := parse(t, "kind: icmp"); err != nil || inv.Checks[0].Instance != "portal.example" {
		t.Errorf("without a host the system's is taken: %v", err)
	}
}
