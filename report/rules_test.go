package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"watchpost.example/probes"
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

// A certificate that is judged badly is no outage of the service behind it,
// whatever is wrong with it; a handshake that fails is.
func TestACertificateIsNoOutageOfItsTLSCheck(t *testing.T) {
	tls := &probes.Check{Kind: "tls"}
	for _, r := range []probes.Reason{
		probes.TLSExpired, probes.TLSNotYet, probes.TLSExpiring, probes.TLSHost, probes.TLSSelfSigned, probes.TLSUntrusted,
		probes.TLSChain, probes.TLSChainOrder, probes.TLSWeakKey, probes.TLSWeakSig, probes.TLSProtocol, probes.TLSCertsDiffer,
	} {
		down := []Sample{{Verdict: probes.Down, Reason: r}}
		if got := soften(tls, down)[0].Verdict; got != probes.Degraded {
			t.Errorf("tls, %s: %v", r, got)
		}
		if got := soften(&probes.Check{Kind: "http"}, down)[0].Verdict; got != probes.Down {
			t.Errorf("http, %s: %v", r, got)
		}
		if down[0].Verdict != probes.Down {
			t.Fatal("the samples given were changed")
		}
	}
	for _, r := range []probes.Reason{probes.TLSHandshake, probes.TCPRefused, probes.TCPTimeout} {
		if got := soften(tls, []Sample{{Verdict: probes.Down, Reason: r}})[0].Verdict; got != probes.Down {
			t.Errorf("tls, %s: %v", r, got)
		}
	}
}

func TestMaintenanceIsOutOfBothFigures(t *testing.T) {
	y := Tally{Up: 50 * time.Minute, Down: 10 * time.Minute, Maintenance: 40 * time.Minute, Unknown: 20 * time.Minute}
	if a, p := y.Availability().Percent(2), y.Pessimistic().Percent(2); a != "83.33" || p != "62.50" {
		t.Errorf("got %s and %s", a, p)
	}
}
