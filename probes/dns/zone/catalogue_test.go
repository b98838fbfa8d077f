package zone_test

import (
	"os"
	"strings"
	"testing"
)

// Every named mode of the catalogue has its rows, so TestModes breaks it, and is
// found or is no fault, as the catalogue says.
func TestCatalogue(t *testing.T) {
	text, err := os.ReadFile("testdata/catalogue.tsv")
	if err != nil {
		t.Fatal(err)
	}
	rows := table(t)
	named, found := 0, 0
	for line := range strings.Lines(string(text)) {
		c := strings.Split(strings.TrimSpace(line), "\t")
		if strings.HasPrefix(line, "#") {
			continue
		}
		if len(c) != 3 {
			t.Fatalf("catalogue.tsv: %q has %d columns, not 3", line, len(c))
		}
		named++
		check, mode, fault := c[0], c[1], c[2] == "yes"
		r := rows[mode]
		switch {
		case r == nil:
			t.Errorf("%s: %s has no row in modes.tsv", check, mode)
		case fault && r[0].reason == "-":
			t.Errorf("%s: %s is a fault, and nothing is found", check, mode)
		case !fault && r[0].reason != "-":
			t.Errorf("%s: %s is no fault, and %s is found", check, mode, r[0].reason)
		case fault:
			found++
		}
	}
	t.Logf("%d modes named, %d of them faults that are found; %d modes tried in all", named, found, len(rows))
	if named < 70 {
		t.Errorf("%d modes are named, not 70 or more", named)
	}
}
