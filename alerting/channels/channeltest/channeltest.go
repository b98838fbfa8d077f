// Package channeltest is the conformance table that every channel passes: back
// by the deadline whatever the next hop does, errors that say whether a retry
// helps, and no secret in any text.
package channeltest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"watchpost.example/alerting"
)

// Secret is what the tests put into secret files and look for in texts.
const Secret = "s3cr3t-t0ken-9f2c"

// SecretFile writes Secret to a file.
func SecretFile(tb testing.TB) string {
	tb.Helper()
	p := filepath.Join(tb.TempDir(), "token")
	if err := os.WriteFile(p, []byte(Secret+"\n"), 0o600); err != nil {
		tb.Fatal(err)
	}
	return p
}

// Page is a page with every field set.
func Page() alerting.Page {
	return alerting.Page{
		ID: "01J-page", Incident: "42", Kind: "alert", Severity: alerting.Critical,
		Subject: "Mat ket noi: don-vi-a/portal", Text: "Cổng thông tin mất kết nối từ 02:10.",
		Short:  "NGHIEM TRONG don-vi-a/portal mat ket noi tu 02:10. Tra loi A 7421",
		Speech: "Cảnh báo nghiêm trọng.", Language: "vi", Code: "7421",
		AckURL: "https://watchpost.example/ack/one-time", Created: time.Unix(1_700_000_000, 0),
	}
}

// Outcome is what a channel must make of a next hop's behaviour.
type Outcome string

// The outcomes of the table.
const (
	Accepted  Outcome = "accepted"
	Temporary Outcome = "temporary" // the outbox tries again
	Permanent Outcome = "permanent" // the outbox takes the next channel at once
)

// Check holds what Send gave back against the outcome wanted.
func Check(t *testing.T, r alerting.Receipt, err error, want Outcome) {
	t.Helper()
	got := Accepted
	switch {
	case err == nil:
		if r.Page != Page().ID || r.Status == "" || r.At.IsZero() {
			t.Errorf("got receipt %+v", r)
		}
	case alerting.Temporary(err):
		got = Temporary
	default:
		got = Permanent
	}
	if got != want {
		t.Errorf("got %s (%v), want %s", got, err, want)
	}
	if err == nil {
		return
	}
	if Leaks(err.Error()) {
		t.Errorf("the error shows the secret: %v", err)
	}
	if n := len(err.Error()); n > 1000 {
		t.Errorf("an error of %d bytes", n)
	}
}

// Leaks tells whether a text has the secret or a good part of it.
func Leaks(text string) bool {
	return strings.Contains(text, Secret[:8]) || strings.Contains(text, Secret[len(Secret)-8:])
}
