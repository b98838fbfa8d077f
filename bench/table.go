package main

import (
	"fmt"
	"os"
	"strings"
)

// row is a kind's figures, microseconds of CPU a probe.
type row struct {
	kind                 string
	bare, ours, blackbox float64
}

func (r *row) set(c contender, us float64) {
	switch c.(type) {
	case bare:
		r.bare = us
	case watchpost:
		r.ours = us
	case blackbox:
		r.blackbox = us
	}
}

// notesHead begins what a person wrote below the table.
const notesHead = "\n## What it reaches"

// notes is that part of an earlier file, "" without one, so that measuring
// again does not lose it.
func notes(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	_, text, ok := strings.Cut(string(b), notesHead)
	if !ok {
		return ""
	}
	return notesHead + text
}

// table renders docs/BENCH.md. Ratios are what counts: digits change with the machine.
func table(p plan, rows []row, checks int, rss float64) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Bench

Made by `+"`make bench`"+`: %d checks every %s on loopback, CPU (user + system) of the whole process a probe, measured over %s
after %s of warm-up; the servers run in a process of their own. One run on a 2-core machine: read the ratios, not the digits.

| kind | bare protocol µs | watchpost µs | blackbox + Prometheus µs | watchpost / bare | watchpost / blackbox |
|---|---|---|---|---|---|
`, p.checks, p.interval, p.window, p.warmup)
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %.0f | %.0f | %.0f | %.2f | %.2f |\n", r.kind, r.bare, r.ours, r.blackbox, r.ours/r.bare, r.ours/r.blackbox)
	}
	if checks > 0 {
		fmt.Fprintf(&b, "\nResident memory of watchpost at %d checks of the five kinds every 30 s, after 90 s: %.0f MB.\n", checks, rss)
	}
	return b.String()
}
