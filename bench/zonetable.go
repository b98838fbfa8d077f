package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// zonesHead begins the part of docs/BENCH.md that `make bench-zones` writes.
const zonesHead = "\n## Signed zones"

type zonesTable struct {
	plan  zonesPlan
	ours  []zonesResult
	peers []zonesPeer
	load  string // average over a minute before it began
}

// loadAverage is the machine's over the last minute, "unknown" without /proc.
func loadAverage() string {
	b, err := os.ReadFile("/proc/loadavg")
	first, _, ok := strings.Cut(string(b), " ")
	if err != nil || !ok {
		return "unknown"
	}
	return first
}

func (t zonesTable) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, `

Made by `+"`make bench-zones`"+`: root, vn, gov.vn and %d zones signed with P-256 and NSEC, each on two NSDs, all in a network
namespace; the servers are processes of their own. Measured is the CPU (user + system, getrusage) of the asking process, which
runs the dns_zone check as an inventory makes it, %d at a time on %d cores that the servers share. A check is all of it: walk,
parents, both servers over UDP and TCP, DNSSEC of every answer, judgement. The first round knows nothing (chain of trust, EDNS
conformance, transfer and recursion are asked once a day); the later ones (%d) are what a running watchpost does. Load average
of the machine when it began: %s.

| names | round | zones/s | CPU ms a check | queries a check | to gov.vn a check |
|---|---|---|---|---|---|
`, t.plan.Zones, t.plan.Parallel, runtime.NumCPU(), t.plan.Rounds-1, t.load)
	for _, r := range t.ours {
		for _, x := range []struct {
			word string
			zonesRound
		}{{"first", r.First}, {"later", r.Later}} {
			n := float64(x.Looks)
			fmt.Fprintf(&b, "| %d | %s | %.0f | %.1f | %.1f | %.2f |\n", r.Names, x.word, n/x.Wall.Seconds(), ms(x.CPU)/n, float64(x.Sent.All)/n, float64(x.Sent.Parent)/n)
		}
	}
	r := t.ours[0]
	fmt.Fprintf(&b, `
Most queries of one look to the servers of gov.vn: %d with nothing known (of these the DNSKEY of gov.vn, kept by TTL), %d afterwards;
to the root's and vn's servers: %d with nothing known, %d afterwards. Resident memory of the asking process after all rounds: %.0f MB
with %d names, %.0f MB with %d.

The same eight names of a zone, the same run, by programs that ask one server each and don't look at the delegation:

| program | zones | CPU ms a zone | watchpost (8 names, later) / it |
|---|---|---|---|
`, r.Alone.Parent, r.Single.Parent, r.Alone.Above, r.Single.Above, r.RSS, r.Names, t.ours[1].RSS, t.ours[1].Names)
	for _, p := range t.peers {
		fmt.Fprintf(&b, "| %s | %d | %.1f | %.2f |\n", p.What, p.Zones, ms(p.CPU), ms(r.Later.CPU)/float64(r.Later.Looks)/ms(p.CPU))
	}
	return b.String()
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// replaceSection puts text under a heading of the file in place of what stood
// there up to the next heading, before the notes when it is new.
func replaceSection(path, head, text string) error {
	b, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	return os.WriteFile(path, []byte(withSection(string(b), head, text)), 0o644)
}

func withSection(file, head, text string) string {
	before, rest, ok := strings.Cut(file, head)
	if !ok {
		before, rest = file, ""
		if i := strings.Index(file, notesHead); i >= 0 {
			before, rest = file[:i], file[i:]
		}
	} else if i := strings.Index(rest, "\n## "); i >= 0 {
		rest = rest[i:]
	} else {
		rest = ""
	}
	return before + head + text + rest
}

// section gives a heading's part of an earlier file, "" without one, so that
// measuring the other parts again does not lose it.
func section(path, head string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	_, text, ok := strings.Cut(string(b), head)
	if !ok {
		return ""
	}
	if i := strings.Index(text, "\n## "); i >= 0 {
		text = text[:i]
	}
	return head + text
}
