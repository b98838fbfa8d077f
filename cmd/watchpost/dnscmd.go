package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/zone"
)

// dnsOptions are the flags of a look at a zone in any hierarchy.
type dnsOptions struct {
	hints, anchor, baseline string
	table                   string
	resolvers, names        []string
	port                    uint16
}

func (o *dnsOptions) flags(cmd *kingpin.CmdClause) {
	cmd.Flag("dns.root-hints", "Root hints in zone-file form; default: the Internet's, built in.").StringVar(&o.hints)
	cmd.Flag("dns.trust-anchor", "Trust anchors as DS or DNSKEY records; default: the root's, built in.").StringVar(&o.anchor)
	cmd.Flag("dns.asn-table", "Table of AS numbers for a baseline that judges by them: first address, last address, number, such as iptoasn's.").StringVar(&o.table)
	cmd.Flag("dns.resolver", "Recursive resolver to compare with, address or address:port, and behind a space who runs it; repeatable.").StringsVar(&o.resolvers)
	cmd.Flag("dns.name", "Further name to watch, as name or \"name TYPE\"; repeatable.").StringsVar(&o.names)
	cmd.Flag("dns.port", "Port of every authoritative server.").Default("53").Uint16Var(&o.port)
}

// given tells whether a flag says that the target is a zone.
func (o *dnsOptions) given() bool {
	return o.hints != "" || o.anchor != "" || o.baseline != "" || len(o.resolvers) > 0 || len(o.names) > 0
}

func (o *dnsOptions) request(target string) zone.Request {
	return zone.Request{
		Zone: target, HintsFile: o.hints, AnchorFile: o.anchor, Baseline: o.baseline, ASNTable: o.table,
		Resolvers: o.resolvers, Names: o.names, Port: o.port,
	}
}

// isZone tells whether a target without flags is a zone's name: it has a dot,
// no slash or colon, and is no address.
func isZone(target string) bool {
	if strings.ContainsAny(target, "/:") || !strings.Contains(target, ".") {
		return false
	}
	_, err := netip.ParseAddr(target)
	return err != nil
}

// probeZone is `watchpost probe ZONE`.
func probeZone(ctx context.Context, e *env, o probeOptions) error {
	if o.timeout <= 0 {
		o.timeout = time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	r, err := zone.Run(ctx, o.dns.request(o.target))
	if err != nil {
		return &exitError{2, err}
	}
	if err := writePackets(o.evidence, r.Evidence); err != nil {
		return err
	}
	if o.json {
		enc := json.NewEncoder(e.out)
		enc.SetIndent("", "  ")
		err = enc.Encode(r)
	} else {
		err = zone.Tree(e.out, r, o.lang)
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

type baselineOptions struct {
	dns                         dnsOptions
	action, zone, file, by, why string
	timeout                     time.Duration
}

func baselineCommand(app *kingpin.Application) (*kingpin.CmdClause, func(context.Context, *env) error) {
	var o baselineOptions
	cmd := app.Command("baseline", "What a unit approved of its zone: learn it, diff what is there now, approve the difference. The file belongs under version control.")
	cmd.Arg("action", "learn, diff or approve").Required().EnumVar(&o.action, "learn", "diff", "approve")
	cmd.Arg("zone", "the zone").Required().StringVar(&o.zone)
	o.dns.flags(cmd)
	cmd.Flag("out", "The baseline file.").StringVar(&o.file)
	cmd.Flag("dns.baseline", "The same as --out.").StringVar(&o.dns.baseline)
	cmd.Flag("by", "Who learns or approves.").Default(whoAmI()).StringVar(&o.by)
	cmd.Flag("note", "Why.").StringVar(&o.why)
	cmd.Flag("timeout", "Hard end.").Default("2m").DurationVar(&o.timeout)
	return cmd, func(ctx context.Context, e *env) error { return runBaseline(ctx, e, o) }
}

func runBaseline(ctx context.Context, e *env, o baselineOptions) error {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	o.file, o.dns.baseline = cmp.Or(o.file, o.dns.baseline), ""
	if o.file == "" {
		return usage("which file? give --out FILE")
	}
	r := o.dns.request(o.zone)
	switch o.action {
	case "diff":
		lines, err := zone.DiffFile(ctx, r, o.file)
		if err != nil {
			return zoneError(err)
		}
		for _, l := range lines {
			say(e.out, "%s\n", l)
		}
		if len(lines) > 0 {
			return &exitError{code: 1}
		}
		say(e.err, "no difference: the zone says what %s says\n", o.file)
		return nil
	case "approve":
		lines, err := zone.ApproveFile(ctx, r, o.file, o.by, o.why)
		if err != nil {
			return zoneError(err)
		}
		for _, l := range lines {
			say(e.out, "%s\n", l)
		}
	default:
		// An empty file is one that the caller made to reserve the name.
		if st, err := os.Stat(o.file); err == nil && st.Size() > 0 {
			return usage("%s is there already: compare with `watchpost baseline diff`, take over with `watchpost baseline approve`", o.file)
		}
		_, wrong, err := zone.Learn(ctx, r, o.file, o.by, o.why)
		if err != nil {
			return zoneError(err)
		}
		warnLearned(e.err, wrong)
	}
	say(e.out, "%s\n", o.file)
	return nil
}

// warnLearned says what is wrong with a zone that was learned all the same.
func warnLearned(w io.Writer, wrong []zone.Finding) {
	if len(wrong) == 0 {
		return
	}
	head := "Noted:\n"
	if slices.ContainsFunc(wrong, func(f zone.Finding) bool { return f.Severity >= probes.Ticket }) {
		head = "ATTENTION: the zone is not in order, and the file now holds it as it is. Put it right and learn again, or approve it knowingly:\n"
	}
	say(w, "%s", head)
	for _, f := range wrong {
		say(w, "  %-7s %s: %s: %s\n          found %s, expected %s\n", f.Severity, f.Reason, f.Where(), f.Record, f.Found, f.Expected)
	}
}

// zoneError gives the exit status: 2 bad use, 3 could not tell.
func zoneError(err error) error {
	if errors.Is(err, zone.ErrUse) {
		return &exitError{2, err}
	}
	return &exitError{3, err}
}

// whoAmI is the name that a baseline carries when none is given.
func whoAmI() string {
	u, err := user.Current()
	if err != nil {
		return "uid " + strconv.Itoa(os.Getuid())
	}
	return u.Username
}
