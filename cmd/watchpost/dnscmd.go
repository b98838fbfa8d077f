package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/promslog"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/baseline"
	"watchpost.example/probes/dns/dnssec"
	"watchpost.example/probes/dns/walk"
	"watchpost.example/probes/dns/zone"
	"watchpost.example/probes/wire"
)

// dnsOptions are the flags of a look at a zone in any hierarchy.
type dnsOptions struct {
	hints, anchor, baseline string
	resolvers               []string
	port                    uint16
}

func (o *dnsOptions) flags(cmd *kingpin.CmdClause) {
	cmd.Flag("dns.root-hints", "Root hints in zone-file form; default: the Internet's, built in.").StringVar(&o.hints)
	cmd.Flag("dns.trust-anchor", "Trust anchors as DS or DNSKEY records; default: the root's, built in.").StringVar(&o.anchor)
	cmd.Flag("dns.baseline", "Approved baseline to compare with.").StringVar(&o.baseline)
	cmd.Flag("dns.resolver", "Recursive resolver to compare with; repeatable.").StringsVar(&o.resolvers)
	cmd.Flag("dns.port", "Port of every authoritative server.").Default("53").Uint16Var(&o.port)
}

// given tells whether a flag says that the target is a zone.
func (o *dnsOptions) given() bool {
	return o.hints != "" || o.anchor != "" || o.baseline != "" || len(o.resolvers) > 0
}

// isZone tells whether a target without flags is a zone's name: it has a dot,
// no slash, and is no address.
func isZone(target string) bool {
	if strings.ContainsAny(target, "/:") || !strings.Contains(target, ".") {
		return false
	}
	_, err := netip.ParseAddr(target)
	return err != nil
}

// newZoneEnv makes what zone checks share.
func newZoneEnv(o dnsOptions, e *env) (*zone.Env, error) {
	opt := zone.Options{Port: o.port, Logger: promslog.New(&e.log)}
	if o.hints != "" {
		f, err := os.Open(o.hints)
		if err != nil {
			return nil, usage("--dns.root-hints: %w", err)
		}
		defer func() { _ = f.Close() }() // only read
		if opt.Hints, err = walk.ParseHints(o.hints, f); err != nil {
			return nil, usage("--dns.root-hints: %w", err)
		}
	}
	if o.anchor != "" {
		f, err := os.Open(o.anchor)
		if err != nil {
			return nil, usage("--dns.trust-anchor: %w", err)
		}
		defer func() { _ = f.Close() }() // only read
		a, err := dnssec.ParseAnchors(f, o.anchor)
		if err != nil {
			return nil, usage("--dns.trust-anchor: %w", err)
		}
		opt.Anchors = &a
	}
	return zone.New(opt)
}

// zoneName is a zone's name in the form of the DNS: A-labels, lower case, a dot
// at the end.
func zoneName(s string) (string, error) {
	if s == "." {
		return s, nil
	}
	ascii, err := wire.ASCIIName(strings.TrimSuffix(s, "."))
	if err != nil {
		return "", usage("%q is not a zone's name such as donvi.example: %w", s, err)
	}
	return ascii + ".", nil
}

func parseResolvers(list []string) ([]netip.AddrPort, error) {
	var out []netip.AddrPort
	for _, r := range list {
		if _, err := netip.ParseAddr(r); err == nil {
			r = net.JoinHostPort(r, "53")
		}
		a, err := netip.ParseAddrPort(r)
		if err != nil {
			return nil, usage("--dns.resolver %q is not an address such as 192.0.2.53 or 192.0.2.53:5353", r)
		}
		out = append(out, a)
	}
	return out, nil
}

// probeZone is `watchpost probe ZONE`.
func probeZone(ctx context.Context, e *env, o probeOptions) error {
	ze, err := newZoneEnv(o.dns, e)
	if err != nil {
		return err
	}
	plan := zone.Plan{}
	if o.dns.baseline != "" {
		if plan.Baseline, err = baseline.Load(o.dns.baseline); err != nil {
			return &exitError{2, err}
		}
	}
	if plan.Target.Resolvers, err = parseResolvers(o.dns.resolvers); err != nil {
		return err
	}
	if plan.Target.Zone, err = zoneName(o.target); err != nil {
		return err
	}
	plan.Target.Watched = zone.DefaultWatch(plan.Target.Zone, plan.Baseline)
	if o.timeout <= 0 {
		o.timeout = time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	outcome := ze.Check(ctx, plan)
	r := outcome.Result()
	if err := writePackets(o.evidence, r.Evidence); err != nil {
		return err
	}
	if o.json {
		enc := json.NewEncoder(e.out)
		enc.SetIndent("", "  ")
		err = enc.Encode(r)
	} else {
		err = writeTree(e.out, r, o.lang)
	}
	if err != nil {
		return err
	}
	if r.Exit != 0 {
		return &exitError{code: r.Exit}
	}
	return nil
}

// writePackets puts each exchange's text into dir under its hash.
func writePackets(dir string, packets map[string]string) error {
	var list []probes.Evidence
	for hash, text := range packets {
		list = append(list, probes.Evidence{Hash: hash, Bytes: []byte(text)})
	}
	return writeEvidence(dir, list)
}

func baselineCommand(app *kingpin.Application) (*kingpin.CmdClause, func(context.Context, *env) error) {
	var o dnsOptions
	var target, file, by, note string
	cmd := app.Command("baseline", "What a unit approved of its zone: learn it, compare with it, approve a change. The file belongs under version control.")
	action := cmd.Arg("action", "learn, diff or approve").Required().Enum("learn", "diff", "approve")
	cmd.Arg("zone", "the zone").Required().StringVar(&target)
	o.flags(cmd)
	cmd.Flag("out", "The baseline file.").Required().StringVar(&file)
	cmd.Flag("by", "Who learns or approves.").Default(whoAmI()).StringVar(&by)
	cmd.Flag("note", "Why.").StringVar(&note)
	return cmd, func(ctx context.Context, e *env) error {
		return runBaseline(ctx, e, o, *action, target, file, by, note)
	}
}

func runBaseline(ctx context.Context, e *env, o dnsOptions, action, target, file, by, note string) error {
	ze, err := newZoneEnv(o, e)
	if err != nil {
		return err
	}
	name, err := zoneName(target)
	if err != nil {
		return err
	}
	var was *baseline.Zone
	if action != "learn" {
		if was, err = baseline.Load(file); err != nil {
			return &exitError{2, err}
		}
	} else if st, err := os.Stat(file); err == nil && st.Size() > 0 {
		return usage("%s is there already: compare with `watchpost baseline diff`, take over with `watchpost baseline approve`", file)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	now, err := ze.Learn(ctx, zone.Plan{Target: zone.Target{Zone: name, Watched: zone.DefaultWatch(name, was)}}, by, note)
	if errors.Is(err, zone.ErrCannotLearn) {
		return &exitError{3, err}
	}
	if err != nil {
		return fmt.Errorf("looking at %s: %w", name, err)
	}
	switch action {
	case "diff":
		return showDiff(e, zone.Diff(was, now))
	case "approve":
		now = zone.Approve(was, now, by, note)
	}
	if err := baseline.Save(file, now); err != nil {
		return err
	}
	say(e.out, "%s\n", file)
	return nil
}

// whoAmI is the name that a baseline carries when none is given.
func whoAmI() string {
	u, err := user.Current()
	if err != nil {
		return "uid " + strconv.Itoa(os.Getuid())
	}
	return u.Username
}

func showDiff(e *env, lines []string) error {
	for _, l := range lines {
		say(e.out, "%s\n", l)
	}
	if len(lines) > 0 {
		return &exitError{code: 1}
	}
	return nil
}
