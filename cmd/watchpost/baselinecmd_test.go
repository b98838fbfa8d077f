package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"watchpost.example/probes/dns/dnslab"
)

// A baseline's life through the command line: learned, found to fit, compared,
// approved; then the zone changes, and then the file has mistakes.
func TestBaselineCommands(t *testing.T) {
	t.Parallel()
	w := dnslab.Healthy()
	w.Start(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "b.yaml")
	at := []string{"--dns.root-hints", write(t, dir, "hints", w.Hints()), "--dns.trust-anchor", write(t, dir, "anchor", w.Anchor()), "--dns.port", fmt.Sprint(w.Port)}
	step := func(code int, args []string, wants ...string) {
		t.Helper()
		got, out, errOut := run(t, append(args, at...)...)
		if got != code {
			t.Errorf("%q: exit %d, want %d\n%s%s", args, got, code, out, errOut)
		}
		for _, want := range wants {
			if !strings.Contains(out+errOut, want) {
				t.Errorf("%q: no word of %q:\n%s%s", args, want, out, errOut)
			}
		}
	}
	zone := "donvi.gov.vn"
	step(2, []string{"baseline", "learn", zone}, "--out")
	step(0, []string{"baseline", "learn", zone, "--out", file, "--by", "an"}, file)
	step(2, []string{"baseline", "learn", zone, "--out", file}, "baseline diff")
	step(0, []string{"probe", zone, "--dns.baseline", file})
	step(0, []string{"baseline", "diff", zone, "--dns.baseline", file}, "no difference")
	step(0, []string{"baseline", "approve", zone, "--out", file, "--by", "binh"})
	b, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(b), "by: \"an\"") || !strings.Contains(string(b), "by: \"binh\"") {
		t.Fatalf("%v\n%s", err, b)
	}
	edit := func(old, now string) {
		t.Helper()
		text := strings.ReplaceAll(string(b), old, now)
		if text == string(b) {
			t.Fatalf("no %q in\n%s", old, b)
		}
		write(t, dir, "b.yaml", text)
	}
	edit("10 mail.donvi", "10 thu.donvi") // as if the zone had moved its mail
	step(1, []string{"probe", zone, "--dns.baseline", file, "--lang", "en"}, "dns_record_changed", "mail.donvi.gov.vn")
	step(1, []string{"baseline", "diff", zone, "--out", file}, "- donvi.gov.vn. MX 10 thu.donvi.gov.vn.", "+ donvi.gov.vn. MX 10 mail.donvi.gov.vn.")
	edit("policy: \"exact\"", "policy: \"exakt\"")
	step(2, []string{"probe", zone, "--dns.baseline", file}, "b.yaml:", "did you mean \"exact\"")
	edit("127.99.0.1", "may-chu")
	step(2, []string{"baseline", "diff", zone, "--out", file}, "\"may-chu\" is no A record's value")
}

// A signed zone that does not validate is not learned; one that is not in order
// is, with a warning that can't be overlooked.
func TestLearnWarns(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		life  [2]time.Duration
		code  int
		wants string
	}{
		"bogus": {[2]time.Duration{-40 * day, -2 * day}, 3, "does not validate"},
		"soon":  {[2]time.Duration{-29 * day, 2 * day}, 0, "ATTENTION"},
	} {
		w := dnslab.Healthy()
		w.Unit().Life = w.Life(c.life[0], c.life[1])
		w.Start(t)
		dir := t.TempDir()
		file := filepath.Join(dir, "b.yaml")
		code, out, errOut := run(t, "baseline", "learn", "donvi.gov.vn", "--out", file, "--dns.root-hints", write(t, dir, "hints", w.Hints()),
			"--dns.trust-anchor", write(t, dir, "anchor", w.Anchor()), "--dns.port", fmt.Sprint(w.Port))
		_, err := os.Stat(file)
		if code != c.code || !strings.Contains(errOut, c.wants) || (err == nil) != (code == 0) {
			t.Errorf("%s: exit %d, file %v\n%s%s", name, code, err, out, errOut)
		}
	}
}

// The files that people keep for DNS are read at the check, all their mistakes at once.
func TestTablesOfDNS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config := write(t, dir, "watchpost.yaml", "vantage: v\ninventory: [u.yaml]\ndns: {asn_table: as.tsv, registrations: reg.csv, rdap_bootstrap: dns.json}\n")
	write(t, dir, "u.yaml", "units:\n- {id: a, name: A, systems: [{id: s, checks: [{id: c, kind: dns_zone, zone: donvi.example, baseline_file: b.yaml}]}]}\n")
	write(t, dir, "b.yaml", "zone: donvi.example\nrecords: [{name: www, type: A, policy: within, asn: [64500]}]\n")
	for _, c := range []struct {
		code               int
		table, list, names string
	}{
		{2, "192.0.2.x/24 64500\n", "donvi.example,hôm qua,an,2026-11-20\n", "{"},
		{0, "192.0.2.0/24 64500\n", "donvi.example,2027-09-02,an,2026-11-20\n", `{"services":[[["example"],["https://rdap.example/"]]]}`},
	} {
		write(t, dir, "as.tsv", c.table)
		write(t, dir, "reg.csv", c.list)
		write(t, dir, "dns.json", c.names)
		code, out, errOut := run(t, "check", "--config", config)
		for _, want := range []string{"as.tsv:1:", "reg.csv:1:", "dns.json"} {
			if code != c.code || strings.Contains(errOut, want) != (c.code == 2) {
				t.Errorf("exit %d, want %d, and %q\n%s%s", code, c.code, want, out, errOut)
			}
		}
	}
	write(t, dir, "watchpost.yaml", "vantage: v\ninventory: [u.yaml]\n")
	if code, _, errOut := run(t, "check", "--config", config); code != 2 || !strings.Contains(errOut, "asn_table") || !strings.Contains(errOut, "u.yaml:") {
		t.Errorf("without the table: exit %d\n%s", code, errOut)
	}
}
