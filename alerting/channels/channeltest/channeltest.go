// Package channeltest is the conformance table that every channel passes: back
// by the deadline whatever the next hop does, errors that say whether a retry
// helps, and no secret in any text.
package channeltest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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

// Case is one line of a channel's conformance table.
type Case struct {
	Name    string
	Make    func(t *testing.T) alerting.Channel // with its next hop
	Address string
	Want    Outcome
	Within  time.Duration // of Send; 0 = 10 s
	Words   string        // that the error must have
	// More looks at what else must hold.
	More func(t *testing.T, r alerting.Receipt, err error)
}

// needed are the lines that every channel has; the rest of a name may follow a
// colon.
func needed() []string {
	return []string{"accepts", "refuses for good", "refuses for now", "takes it and says nothing", "closes at once", "nobody listens", "an address that is none"}
}

// Table plays every line, wants all that every channel must have (but for what
// can't happen to it), and holds the table in the channel's README against it.
// WATCHPOST_WRITE=1 writes that table.
func Table(t *testing.T, readme string, cases []Case, cannot ...string) {
	t.Helper()
	for _, n := range needed() {
		if !slices.Contains(cannot, n) && !slices.ContainsFunc(cases, func(c Case) bool { return c.Name == n || strings.HasPrefix(c.Name, n+":") }) {
			t.Errorf("the table has no line %q", n)
		}
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) { t.Parallel(); c.play(t) })
	}
	checkReadme(t, readme, cases)
}

func (c Case) play(t *testing.T) {
	t.Helper()
	if c.Within == 0 {
		c.Within = 10 * time.Second
	}
	ch := c.Make(t)
	ctx, cancel := context.WithTimeout(t.Context(), c.Within)
	defer cancel()
	begun := time.Now()
	r, err := ch.Send(ctx, c.Address, Page())
	if took := time.Since(begun); took > c.Within+2*time.Second {
		t.Errorf("came back after %v, the deadline was %v", took, c.Within)
	}
	Check(t, r, err, c.Want)
	if err != nil && !strings.Contains(err.Error(), c.Words) {
		t.Errorf("the error is %v, want %q in it", err, c.Words)
	}
	if c.More != nil {
		c.More(t, r, err)
	}
	hctx, end := context.WithTimeout(t.Context(), 2*time.Second)
	defer end()
	begun = time.Now()
	if h := ch.Health(hctx); Leaks(h.Detail) || len(h.Detail) > 1000 || h.Detail == "" {
		t.Errorf("health: %.1100s", h.Detail)
	}
	if took := time.Since(begun); took > 4*time.Second {
		t.Errorf("Health came back after %v, the deadline was 2 s", took)
	}
}

const beginTable, endTable = "<!-- conformance: the tests hold this table -->\n", "<!-- /conformance -->"

func checkReadme(t *testing.T, path string, cases []Case) {
	t.Helper()
	var want strings.Builder
	want.WriteString("| the next hop | Send gives |\n|---|---|\n")
	for _, c := range cases {
		fmt.Fprintf(&want, "| %s | %s |\n", c.Name, c.Want)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(b), beginTable)
	got, tail, ok2 := strings.Cut(rest, endTable)
	if os.Getenv("WATCHPOST_WRITE") == "1" {
		if !ok {
			head, tail = strings.TrimRight(string(b), "\n")+"\n\n## Conformance\n\n", "\n"
		}
		if err := os.WriteFile(path, []byte(head+beginTable+want.String()+endTable+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !ok || !ok2 || got != want.String() {
		t.Errorf("%s: its conformance table is not what is tested (WATCHPOST_WRITE=1 writes it):\n%s", path, want.String())
	}
}
