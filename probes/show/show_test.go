package show

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"watchpost.example/probes"
)

var update = flag.Bool("update", false, "write the golden files of testdata")

var at = time.Date(2026, 2, 14, 1, 0, 3, 0, time.UTC)

// sample is a look with everything in it.
func sample() Input {
	leaf := probes.Certificate{
		Subject: "CN=portal.so-y-te.example", Issuer: "CN=Lab Issuing CA", Names: []string{"portal.so-y-te.example", "so-y-te.example"},
		Serial: "0a", SHA256: strings.Repeat("ab", 32), NotBefore: at.AddDate(0, -3, 0), NotAfter: at.AddDate(0, 0, 12), KeyType: "ECDSA P-256",
	}
	old := probes.Certificate{Subject: "CN=Lab Issuing CA", Issuer: "CN=Lab Root", NotBefore: at.AddDate(-2, 0, 0), NotAfter: at.AddDate(0, 0, -2).Add(-time.Hour), KeyType: "RSA 2048", SHA256: "cd", IsCA: true}
	var ok, bad probes.Phases
	ok[probes.Resolve], ok[probes.Connect], ok[probes.TLS], ok[probes.Processing], ok[probes.Transfer] = 2*time.Millisecond, 10*time.Millisecond, 31*time.Millisecond, 250*time.Millisecond, 4*time.Millisecond
	bad[probes.Resolve], bad[probes.Connect] = 2*time.Millisecond, 1200*time.Millisecond
	o := probes.Observation{
		At: at, Took: 1202 * time.Millisecond, Verdict: probes.Degraded, Reason: probes.PartlyDown,
		Detail:   "1 of 2 addresses: 192.0.2.11: no answer within the time allowed",
		Facts:    probes.Facts{{Name: probes.FactHTTPStatusCode, Value: 200}},
		Phases:   bad,
		Findings: []probes.Finding{{Reason: probes.TLSExpiring, Severity: probes.Today, Where: "192.0.2.10:443", Expected: "at least 21 days", Found: "12 days"}},
		Parts: []probes.Part{
			{
				Address: netip.MustParseAddrPort("192.0.2.10:443"), Took: 297 * time.Millisecond, Verdict: probes.Up, Phases: ok,
				Facts:        probes.Facts{{Name: probes.FactHTTPStatusCode, Value: 200}, {Name: probes.FactTLSVersion, Value: 0x304}},
				Certificates: []probes.Certificate{leaf, old}, Hops: []string{"https://portal.so-y-te.example/vi/"},
			},
			{
				Address: netip.MustParseAddrPort("192.0.2.11:443"), Took: 1202 * time.Millisecond, Verdict: probes.Down, Reason: probes.TCPTimeout,
				Detail: "no answer within the time allowed", Phases: bad, Answers: []string{"portal.so-y-te.example. 300 IN A 192.0.2.11"},
			},
		},
	}
	return Input{ID: "so-y-te/cong/trang-chu", Kind: "http", Instance: "https://portal.so-y-te.example/", Observation: o}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

func render(t *testing.T, in Input, o Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Text(&b, in, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestTextGolden(t *testing.T) {
	vn := time.FixedZone("", 7*3600)
	golden(t, "vi.txt", render(t, sample(), Options{Zone: vn}))
	golden(t, "en.txt", render(t, sample(), Options{Lang: English}))
	up := Input{Kind: "icmp", Instance: "192.0.2.1", Observation: probes.Observation{At: at, Took: time.Millisecond, Verdict: probes.Up}}
	golden(t, "up.txt", render(t, up, Options{Lang: English}))
}

func TestJSONGolden(t *testing.T) {
	var b bytes.Buffer
	if err := JSON(&b, sample()); err != nil {
		t.Fatal(err)
	}
	golden(t, "look.json", b.Bytes())
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b.Bytes(), &m); err != nil {
		t.Fatal(err)
	}
	documented(t, string(readme), m)
}

// documented checks that every key of the JSON stands in the README.
func documented(t *testing.T, readme string, v any) {
	t.Helper()
	switch x := v.(type) {
	case map[string]any:
		for k, inner := range x {
			if !strings.Contains(readme, "`"+k+"`") {
				t.Errorf("README.md does not say what %q is", k)
			}
			documented(t, readme, inner)
		}
	case []any:
		for _, inner := range x {
			documented(t, readme, inner)
		}
	}
}

// TestHostileText: a server that puts escape sequences and bidi overrides into
// every text it controls can't reach the terminal.
func TestHostileText(t *testing.T) {
	evil := "\x1b]0;pwned\x07\x1b[2J\r\nUP\u202e\u200b\u2066\x9b31m\xff\u0085\u2028z"
	in := sample()
	o := &in.Observation
	o.Detail, in.Instance, in.ID, o.Reason = evil, evil, evil, probes.Reason(evil)
	o.Findings = []probes.Finding{{Reason: probes.Reason(evil), Severity: 99, Where: evil, Record: evil, Expected: evil, Found: evil}}
	p := &o.Parts[0]
	p.Server, p.Detail, p.Answers, p.Hops = evil, evil, []string{evil}, []string{evil}
	c := &p.Certificates[0]
	c.Subject, c.Issuer, c.Names, c.KeyType, c.SHA256, c.Serial = evil, evil, []string{evil}, evil, evil, evil
	var js bytes.Buffer
	if err := JSON(&js, in); err != nil {
		t.Fatal(err)
	}
	for name, out := range map[string][]byte{"text": render(t, in, Options{}), "json": js.Bytes()} {
		for _, r := range string(out) {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Errorf("%s lets %U through", name, r)
			}
		}
		if strings.Count(string(out), "\nUP") > 0 {
			t.Errorf("%s: remote text begins a line", name)
		}
	}
}

func TestSafe(t *testing.T) {
	for in, want := range map[string]string{
		"Sở Y tế":                          "Sở Y tế",
		"So\u031b\u0309":                   "So\u031b\u0309",
		"a\tb\x00":                         `a\x09b\x00`,
		"\u202eabc":                        `\u{202e}abc`,
		"\xff\xfe":                         `\xff\xfe`,
		"\ufffd":                           "\ufffd",
		"12345678901":                      "1234567890…",
		"e" + strings.Repeat("\u0301", 50): "e" + strings.Repeat("\u0301", 3),
	} {
		if got := Safe(in, 10); got != want {
			t.Errorf("Safe(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestEveryReasonIsExplained: the dictionary is complete, both ways, in plain
// words that fit a wall.
func TestEveryReasonIsExplained(t *testing.T) {
	titles := map[string]probes.Reason{}
	for _, r := range append(probes.SharedReasons(), probes.OK) {
		if !Explained(r) {
			t.Errorf("%s has no entry", r)
			continue
		}
		for _, lang := range []Lang{Vietnamese, English} {
			title, do := Explain(r, lang)
			for _, s := range []string{title, do} {
				if s == "" || len([]rune(s)) > 120 || strings.HasSuffix(s, ".") || strings.TrimSpace(s) != s {
					t.Errorf("%s in %s: %q", r, lang, s)
				}
			}
			if other, twice := titles[title]; twice && !strings.HasPrefix(string(r), "icmp") {
				t.Errorf("%s and %s read the same: %q", r, other, title)
			}
			titles[title] = r
			if lang == English && strings.ContainsFunc(title+do, func(c rune) bool { return c > 127 }) {
				t.Errorf("%s: English that is not: %q", r, title)
			}
		}
	}
	if title, do := Explain("dns_ns_changed", Vietnamese); Explained("dns_ns_changed") || !strings.Contains(title, "dns ns changed") || do == "" {
		t.Errorf("a kind's own reason: %q", title)
	}
}

func TestEveryFactHasAName(t *testing.T) {
	seen := map[string]bool{}
	for n := probes.FactIPProtocol; n <= probes.FactRegistrationExpiry; n++ {
		name := factName(n)
		if strings.HasPrefix(name, "fact_") || seen[name] {
			t.Errorf("fact %d is called %q", n, name)
		}
		seen[name] = true
	}
}

func TestExit(t *testing.T) {
	look := func(v probes.Verdict, f ...probes.Severity) Input {
		in := Input{Observation: probes.Observation{Verdict: v}}
		for _, s := range f {
			in.Observation.Findings = append(in.Observation.Findings, probes.Finding{Severity: s})
		}
		return in
	}
	for _, tc := range []struct {
		in   []Input
		want int
	}{
		{nil, ExitUnknown},
		{[]Input{look(probes.Up)}, ExitUp},
		{[]Input{look(probes.Up, probes.Note)}, ExitUp},
		{[]Input{look(probes.Up, probes.Ticket)}, ExitBad},
		{[]Input{look(probes.Degraded)}, ExitBad},
		{[]Input{look(probes.Unknown), look(probes.Down)}, ExitBad},
		{[]Input{look(probes.Up), look(probes.Unknown)}, ExitUnknown},
		{[]Input{look(probes.Verdict(9))}, ExitUnknown},
	} {
		if got := Exit(tc.in...); got != tc.want {
			t.Errorf("%+v: exit %d, want %d", tc.in, got, tc.want)
		}
	}
}

func TestColour(t *testing.T) {
	env := func(kv map[string]string) func(string) string { return func(k string) string { return kv[k] } }
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0) // a character device, as a terminal is
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = null.Close() }()
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for _, tc := range []struct {
		f    *os.File
		env  map[string]string
		want bool
	}{
		{null, map[string]string{"TERM": "xterm"}, true},
		{null, map[string]string{"TERM": "xterm", "NO_COLOR": "1"}, false},
		{null, map[string]string{"TERM": "dumb"}, false},
		{null, nil, false},
		{file, map[string]string{"TERM": "xterm"}, false},
	} {
		if got := WantColour(tc.f, env(tc.env)); got != tc.want {
			t.Errorf("%s %v: %v", tc.f.Name(), tc.env, got)
		}
	}
	if b := render(t, sample(), Options{}); bytes.ContainsRune(b, 0x1b) {
		t.Error("colours without being asked")
	}
	if b := render(t, sample(), Options{Colour: true}); !bytes.Contains(b, []byte("\x1b[1;31m✖ MẤT KẾT NỐI\x1b[0m")) {
		t.Error("no colours")
	}
}

func FuzzSafe(f *testing.F) {
	f.Add("\x1b[2J", 5)
	f.Add("Sở\u202e\xff", 100)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = max(limit%1000, 0)
		out := Safe(s, limit)
		for _, r := range out {
			if !unicode.IsPrint(r) && r != '…' {
				t.Fatalf("%q gives %q", s, out)
			}
		}
	})
}
