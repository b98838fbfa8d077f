// Command bench measures what a probe costs: CPU of the whole watchpost process
// per look, beside blackbox_exporter + Prometheus doing the same and beside the
// bare protocol in Go, all in one run on loopback. It writes docs/BENCH.md.
//
//	make bench
//	make bench-zones	1,000 signed zones, see zones.go
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"
	"time"
)

// plan is what one run measures.
type plan struct {
	kinds    []string
	checks   int
	interval time.Duration
	warmup   time.Duration
	window   time.Duration
	dir      string
	binary   string
}

func main() {
	if role := os.Getenv("BENCH_ROLE"); role != "" {
		if err := runRole(role); err != nil {
			log.Fatal(err)
		}
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "zones" {
		if err := runZones(os.Args[2:]); err != nil {
			log.Fatal(err)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	kinds := flag.String("kinds", "http,https,tcp,dns,icmp", "what to measure")
	checks := flag.Int("checks", 300, "checks a kind")
	interval := flag.Duration("interval", 5*time.Second, "of each check")
	warmup := flag.Duration("warmup", 12*time.Second, "before measuring")
	window := flag.Duration("window", 30*time.Second, "measured time a run")
	memory := flag.Int("memory-checks", 1000, "checks for the figure of memory; 0 = leave out")
	binary := flag.String("binary", "", "watchpost binary; empty = build one")
	out := flag.String("out", "docs/BENCH.md", "where the table goes")
	flag.Parse()

	dir, err := os.MkdirTemp("", "watchpost-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a left-over directory harms nobody
	p := plan{strings.Split(*kinds, ","), *checks, *interval, *warmup, *window, dir, *binary}
	if p.binary == "" {
		if p.binary, err = build(ctx, dir); err != nil {
			return err
		}
	}
	targets, stopTargets, err := startTargets(ctx, max(p.checks, *memory))
	if err != nil {
		return err
	}
	defer stopTargets()

	var rows []row
	for _, kind := range p.kinds {
		r := row{kind: kind}
		for _, c := range []contender{bare{}, watchpost{}, blackbox{}} {
			fmt.Printf("%-6s %-22s ", kind, c.name())
			us, err := p.measure(ctx, c, kind, targets)
			if err != nil {
				return fmt.Errorf("%s on %s: %w", c.name(), kind, err)
			}
			fmt.Printf("%7.0f us CPU a probe\n", us)
			r.set(c, us)
		}
		rows = append(rows, r)
	}
	rss := 0.0
	if *memory > 0 {
		if rss, err = p.memory(ctx, *memory, targets); err != nil {
			return fmt.Errorf("memory: %w", err)
		}
		fmt.Printf("resident memory at %d checks: %.0f MB\n", *memory, rss)
	}
	return os.WriteFile(*out, []byte(table(p, rows, *memory, rss)+section(*out, zonesHead)+notes(*out)), 0o644)
}
