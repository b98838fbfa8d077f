package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"
)

// zonesPlan is the measurement of dns_zone: n signed zones below gov.vn, each
// with two servers and eight names, served by NSD in processes of its own.
type zonesPlan struct {
	Zones    int
	Parallel int
	Rounds   int
	Dir      string
	Out      string
}

// inNetns is set in the process that runs in a network namespace of its own,
// where port 53 of every address is free.
const inNetns = "BENCH_NETNS"

// runZones is `bench zones`: it begins anew in a namespace and measures there.
func runZones(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	fs := flag.NewFlagSet("zones", flag.ExitOnError)
	var p zonesPlan
	fs.IntVar(&p.Zones, "zones", 1000, "signed zones")
	fs.IntVar(&p.Parallel, "parallel", 32, "checks under way at a time")
	fs.IntVar(&p.Rounds, "rounds", 5, "times that every zone is looked at; the first with nothing known")
	fs.StringVar(&p.Out, "out", "docs/BENCH.md", "where the table goes")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if os.Getenv(inNetns) == "" {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		c := exec.CommandContext(ctx, "unshare", append([]string{"-rn", "sh", "-c", `ip link set lo up && exec "$0" "$@"`, self, "zones"}, args...)...)
		c.Env = append(os.Environ(), inNetns+"=1")
		c.Stdout, c.Stderr = os.Stdout, os.Stderr
		return c.Run()
	}
	dir, err := os.MkdirTemp("", "watchpost-bench-zones-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a left-over directory harms nobody
	p.Dir = dir
	return p.run(ctx)
}

func (p zonesPlan) run(ctx context.Context) error {
	load := loadAverage()
	fmt.Printf("signing %d zones\n", p.Zones)
	h, err := buildHierarchy(p.Zones, p.Dir)
	if err != nil {
		return err
	}
	servers, err := h.serve(ctx)
	defer stopAll(servers)
	if err != nil {
		return err
	}
	t := zonesTable{plan: p, load: load}
	for _, names := range []int{0, 8} {
		fmt.Printf("watchpost, %d names\n", 8+names)
		r, err := p.ask(ctx, h, names)
		if err != nil {
			return err
		}
		if r.Findings > 0 {
			return fmt.Errorf("%d findings on healthy zones, such as %s", r.Findings, r.Example)
		}
		t.ours = append(t.ours, r)
	}
	if t.peers, err = h.peers(ctx, p); err != nil {
		return err
	}
	return replaceSection(p.Out, zonesHead, t.String())
}

// ask runs the asking process and reads what it measured of itself.
func (p zonesPlan) ask(ctx context.Context, h *hierarchy, names int) (zonesResult, error) {
	self, err := os.Executable()
	if err != nil {
		return zonesResult{}, err
	}
	in, err := json.Marshal(zonesTask{Hints: h.hints, Anchor: h.anchor, Zones: h.units, Names: names, Parallel: p.Parallel, Rounds: p.Rounds, Profile: os.Getenv("BENCH_PROFILE")})
	if err != nil {
		return zonesResult{}, err
	}
	path := filepath.Join(p.Dir, "task.json")
	if err := os.WriteFile(path, in, 0o600); err != nil {
		return zonesResult{}, err
	}
	c := exec.CommandContext(ctx, self)
	c.Env = append(os.Environ(), "BENCH_ROLE=zones", "BENCH_TASK="+path)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return zonesResult{}, fmt.Errorf("the asking process: %w", err)
	}
	var r zonesResult
	return r, json.Unmarshal(out, &r)
}

// waitFor tries until ok, at most 30 s.
func waitFor(ctx context.Context, what string, ok func() bool) error {
	for end := time.Now().Add(30 * time.Second); !ok(); {
		if time.Now().After(end) {
			return errors.New(what + " did not answer in 30 s")
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}
