package report

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// One report speaks of one zone: a table with two of them is misread by hours.
func TestOutagesStandInThePeriodsZone(t *testing.T) {
	zone := time.FixedZone("ICT", 7*3600)
	from := time.Date(2026, 9, 2, 0, 0, 0, 0, zone)
	r := &Report{From: from, To: from.Add(24 * time.Hour), Outages: []Outage{
		{SystemName: "trong kỳ", Began: from.Add(time.Hour).UTC(), Start: from.Add(time.Hour + 2*time.Second).UTC(), End: from.Add(2 * time.Hour).UTC()},
		{SystemName: "trước kỳ", Began: from.Add(-time.Hour).UTC(), Start: from.UTC(), End: from.Add(time.Hour).UTC()},
	}}
	var csv, page bytes.Buffer
	if err := OutagesCSV(&csv, r); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(csv.String(), "Z,") || strings.Count(csv.String(), "+07:00") != 6 {
		t.Errorf("moments of another zone:\n%s", csv.String())
	}
	if err := HTML(&page, r); err != nil {
		t.Fatal(err)
	}
	// Only what began before the period is said to be from before it.
	if n := strings.Count(page.String(), "(từ trước kỳ)"); n != 1 {
		t.Errorf("%d outages are from before the period, want 1", n)
	}
	for _, want := range []string{"01:00:00 02/9/2026", "23:00:00 01/9/2026"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}
