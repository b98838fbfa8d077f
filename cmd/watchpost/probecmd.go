package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/promslog"

	"watchpost.example/inventory"
	"watchpost.example/probes"
	"watchpost.example/probes/kinds"
	"watchpost.example/probes/show"
	"watchpost.example/probes/wire"
)

// probeOptions are the flags of `watchpost probe`.
type probeOptions struct {
	target   string
	config   string
	json     bool
	lang     string
	timeout  time.Duration
	resolver []string
	evidence string
	dns      dnsOptions
}

func probeCommand(app *kingpin.Application) (*kingpin.CmdClause, func(context.Context, *env) error) {
	var o probeOptions
	cmd := app.Command("probe", "Look once, now: a URL (https://portal.example, tcp://mail.example:25, dns://zone.example, icmp://host), a zone name with --dns flags, or unit/system/check of the inventory. Exit status 0 up, 1 down or findings, 2 bad use, 3 could not tell.")
	cmd.Arg("target", "URL, zone or unit/system/check").Required().StringVar(&o.target)
	configFlag(cmd, &o.config)
	cmd.Flag("json", "One JSON object a look (schema in probes/show/README.md).").BoolVar(&o.json)
	cmd.Flag("lang", "vi or en.").Default(defaultLang()).EnumVar(&o.lang, "vi", "en")
	cmd.Flag("timeout", "Hard end of each look; 0s = the check's own, 10s for a URL, 1m for a zone.").Default("0s").DurationVar(&o.timeout)
	cmd.Flag("resolver", "Recursive resolver, host:port; repeatable.").StringsVar(&o.resolver)
	cmd.Flag("evidence.dir", "Write the evidence (packets, chains, pages) into this folder.").StringVar(&o.evidence)
	o.dns.flags(cmd)
	cmd.Flag("dns.baseline", "Approved baseline of the zone to compare with.").StringVar(&o.dns.baseline)
	return cmd, func(ctx context.Context, e *env) error { return runProbe(ctx, e, o) }
}

// configFlag adds --config to a command.
func configFlag(cmd *kingpin.CmdClause, into *string) {
	cmd.Flag("config", "watchpost.yaml, a folder of inventory files or one inventory file; default: watchpost.yaml here, else the folder inventory.").Envar("WATCHPOST_CONFIG").StringVar(into)
}

// defaultLang is Vietnamese unless the terminal's language is another one.
func defaultLang() string {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := os.Getenv(name); v != "" {
			if strings.HasPrefix(v, "en") {
				return "en"
			}
			return "vi"
		}
	}
	return "vi"
}

func runProbe(ctx context.Context, e *env, o probeOptions) error {
	if o.dns.given() || isZone(o.target) {
		return probeZone(ctx, e, o)
	}
	checks, err := probeChecks(o, e)
	if err != nil {
		return err
	}
	inputs := make([]show.Input, 0, len(checks))
	for i, c := range checks {
		in := show.Input{ID: c.ID.String(), Kind: c.Kind, Instance: c.Instance, Observation: look(ctx, c, o.timeout)}
		if err := writeEvidence(o.evidence, in.Observation.Evidence); err != nil {
			return err
		}
		inputs = append(inputs, in)
		if o.json {
			err = show.JSON(e.out, in)
		} else {
			if i > 0 {
				say(e.out, "\n")
			}
			err = show.Text(e.out, in, textOptions(e, o.lang))
		}
		if err != nil {
			return err
		}
	}
	if code := show.Exit(inputs...); code != 0 {
		return &exitError{code: code}
	}
	return nil
}

func textOptions(e *env, lang string) show.Options {
	out := show.Options{Lang: show.Lang(lang), Now: time.Now(), Zone: time.Local}
	if f, ok := e.out.(*os.File); ok {
		out.Colour = show.WantColour(f, os.Getenv)
	}
	return out
}

// look asks once, with the check's own deadline unless another is given.
func look(ctx context.Context, c *probes.Check, timeout time.Duration) probes.Observation {
	if timeout <= 0 {
		timeout = c.Timeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return c.Prober.Probe(ctx)
}

// probeChecks finds what to ask: a check, a system's or unit's checks of the
// inventory, or what the profile of a bare URL makes.
func probeChecks(o probeOptions, e *env) ([]*probes.Check, error) {
	if !strings.Contains(o.target, "://") {
		return inventoryChecks(o, e)
	}
	if _, err := url.Parse(o.target); err != nil {
		return nil, usage("%q is not a URL: %w", o.target, err)
	}
	w, err := wire.New(wire.Options{Resolvers: o.resolver, Guard: wire.AllowAll(), Logger: promslog.New(&e.log)})
	if err != nil {
		return nil, &exitError{2, err}
	}
	text, err := inventory.Init([]string{o.target})
	if err != nil {
		return nil, &exitError{2, err}
	}
	zones, err := newZones(inventory.DNS{}, w, promslog.New(&e.log))
	if err != nil {
		return nil, err
	}
	inv, problems := inventory.Parse(o.target, text, kinds.All(w, zones))
	if len(problems) > 0 {
		return nil, badConfig(problems)
	}
	for _, c := range inv.Checks {
		c.ID.Unit, c.ID.System = "cli", "cli" // ids of the passing inventory mean nothing
	}
	return inv.Checks, nil
}

// inventoryChecks reads "unit", "unit/system" or "unit/system/check".
func inventoryChecks(o probeOptions, e *env) ([]*probes.Check, error) {
	cfg, err := loadConfig(o.config, promslog.New(&e.log))
	if err != nil {
		return nil, err
	}
	if id, err := probes.ParseID(o.target); err == nil {
		c, err := findCheck(cfg.Inventory, id)
		if err != nil {
			return nil, err
		}
		return []*probes.Check{c}, nil
	}
	var out []*probes.Check
	for _, c := range cfg.Inventory.Checks {
		if c.ID.Unit == o.target || c.System.Key() == o.target {
			out = append(out, c)
		}
	}
	if len(out) == 0 {
		return nil, usage("%q is no URL (https://…), no zone, and no unit, unit/system or unit/system/check of the inventory", o.target)
	}
	return out, nil
}

// writeEvidence puts each piece into dir under its hash.
func writeEvidence(dir string, pieces []probes.Evidence) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	for _, p := range pieces {
		if err := os.WriteFile(dir+"/"+p.Hash, p.Bytes, 0o644); err != nil {
			return fmt.Errorf("evidence: %w", err)
		}
	}
	return nil
}
