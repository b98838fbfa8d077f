package baseline_test

import (
	"os"
	"regexp"
	"testing"
	"time"

	"watchpost.example/probes/dns/baseline"
)

// TestREADME loads the file that the documentation shows.
func TestREADME(t *testing.T) {
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(b)
	if m == nil {
		t.Fatal("no example")
	}
	z, err := baseline.Parse("README.md", m[1])
	if err != nil {
		t.Fatal(err)
	}
	if len(z.Records) != 6 || !z.WantsTable() || !z.Changing(time.Date(2026, 12, 1, 16, 0, 0, 0, time.UTC)) || z.Records[4].Suffixes[0] != "cdn.example." {
		t.Errorf("%+v", z)
	}
	if again, err := baseline.Parse("again.yaml", baseline.Encode(z)); err != nil || len(again.Records) != 6 {
		t.Errorf("what is written can't be read: %v", err)
	}
}
