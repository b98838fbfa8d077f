package zone

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"watchpost.example/probes/dns/baseline"
	"watchpost.example/probes/dns/dnssec"
	"watchpost.example/probes/dns/dnswire"
	"watchpost.example/probes/dns/walk"
)

// Request is one run of the command line on a zone of any hierarchy. Empty
// parts have their defaults.
type Request struct {
	Zone       string
	HintsFile  string // root hints in zone-file form; "" = the Internet's
	AnchorFile string // DNSKEY or DS records; "" = the root's as shipped
	Baseline   string // file of the approved state; "" = none
	ASNTable   string // file of AS numbers, for baselines that judge by them; "" = none
	Resolvers  []string
	Names      []string // further names, as in the dns_zone kind
	Port       uint16   // of the authoritative servers; 0 = 53
	// Timeout is of one question, as in Options; the whole ends with the context.
	Timeout time.Duration
	// Dialer is probes/wire's, with its guard; nil = without a guard. A
	// hierarchy of one's own (HintsFile) lies where a guard forbids: use nil.
	Dialer dnswire.Dialer
}

// ErrUse is bad use of the command line: exit status 2. Its text says what and
// how to mend it.
var ErrUse = errors.New("bad use")

// Run checks a zone once. Its error is ErrUse only; whatever the network does
// is in the Result.
func Run(ctx context.Context, r Request) (Result, error) {
	o, err := run(ctx, r)
	if err != nil {
		return Result{}, err
	}
	return o.Result(), nil
}

func run(ctx context.Context, r Request) (Outcome, error) {
	e, p, err := r.prepare()
	if err != nil {
		return Outcome{}, err
	}
	o := e.Check(ctx, p)
	if err := e.plainName(ctx, p, o); err != nil {
		return Outcome{}, err
	}
	return o, nil
}

// plainName tells somebody who asked about a name such as www.donvi.example
// that it is no zone. A zone that was withdrawn looks alike, but has no records
// of its own any more, or a baseline that says what it was.
func (e *Env) plainName(ctx context.Context, p Plan, o Outcome) error {
	if p.Baseline != nil || len(o.Look.Parents) == 0 || len(o.Look.Servers) > 0 {
		return nil
	}
	for _, x := range o.Look.Parents {
		if m := x.NS.Msg(); m == nil || m.Rcode != dnswire.RcodeSuccess || !m.Authoritative {
			return nil
		}
	}
	for _, t := range []uint16{dnswire.TypeA, dnswire.TypeAAAA, dnswire.TypeMX, dnswire.TypeTXT} {
		if a, err := e.walker.Lookup(ctx, p.Zone, t); err == nil && (len(a.Records) > 0 || len(a.Aliases) > 0) {
			in := strings.TrimSuffix(up(o.Look), ".")
			return fmt.Errorf("%w: %s is no zone of its own but a name in the zone %s: probe %s, with --dns.name %s to watch the name", ErrUse, strings.TrimSuffix(p.Zone, "."), in, in, p.Zone)
		}
	}
	return nil
}

func (r Request) prepare() (*Env, Plan, error) {
	e, err := r.env()
	if err != nil {
		return nil, Plan{}, err
	}
	s := &Settings{Zone: r.Zone, Names: r.Names, Baseline: r.Baseline, Resolvers: r.Resolvers, env: e}
	// A baseline's mistakes have lines of their own.
	if _, err := loadBaseline(r.Baseline, e); err != nil {
		return nil, Plan{}, fmt.Errorf("%w: %w", ErrUse, err)
	}
	var all []string
	for _, p := range s.Problems() {
		all = append(all, p.Field+": "+p.Found+"; expected "+p.Expected)
	}
	if len(all) > 0 {
		return nil, Plan{}, fmt.Errorf("%w: %s", ErrUse, strings.Join(all, "\n"))
	}
	pr, err := s.Prober()
	if err != nil {
		return nil, Plan{}, fmt.Errorf("%w: %w", ErrUse, err)
	}
	return e, pr.(*prober).plan, nil
}

// env is what the files of the request make of the world.
func (r Request) env() (*Env, error) {
	o := Options{Dialer: r.Dialer, Port: r.Port, Timeout: r.Timeout}
	if r.HintsFile != "" {
		h, err := readFile(r.HintsFile, func(f *os.File) (walk.Hints, error) { return walk.ParseHints(filepath.Base(r.HintsFile), f) })
		if err != nil {
			return nil, err
		}
		o.Hints = h
	}
	if r.AnchorFile != "" {
		a, err := readFile(r.AnchorFile, func(f *os.File) (dnssec.Anchors, error) {
			return dnssec.ParseAnchors(f, filepath.Base(r.AnchorFile))
		})
		if err != nil {
			return nil, err
		}
		o.Anchors = &a
	}
	if r.ASNTable != "" {
		t, err := baseline.ReadTable(r.ASNTable)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUse, err)
		}
		o.Table = t
	}
	e, err := New(o)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUse, err)
	}
	return e, nil
}

func readFile[T any](path string, parse func(*os.File) (T, error)) (v T, err error) {
	f, err := os.Open(path)
	if err != nil {
		return v, fmt.Errorf("%w: %w", ErrUse, err)
	}
	defer func() { _ = f.Close() }() // only read
	if v, err = parse(f); err != nil {
		return v, fmt.Errorf("%w: %w", ErrUse, err)
	}
	return v, nil
}

// Learn is `watchpost baseline learn`: it looks at the zone and writes what it
// says to a file, and gives what is wrong with the zone meanwhile: whoever
// approves has to know. It refuses to overwrite an approved one.
func Learn(ctx context.Context, r Request, file, by, note string) (*baseline.Zone, []Finding, error) {
	e, p, err := r.prepare()
	if err != nil {
		return nil, nil, err
	}
	if was, err := baseline.Load(file); err == nil && was.Approved.By != "" {
		return nil, nil, fmt.Errorf("%w: %s was approved by %s: use baseline diff and approve", ErrUse, file, was.Approved.By)
	}
	z, wrong, err := e.learn(ctx, p, by, note)
	if err != nil {
		if plain := e.plainName(ctx, p, Outcome{Look: e.look(ctx, p.Target)}); plain != nil {
			return nil, nil, plain
		}
		return nil, nil, err
	}
	return z, wrong, baseline.Save(file, z)
}

// DiffFile is `watchpost baseline diff`: what the zone says now against the file.
func DiffFile(ctx context.Context, r Request, file string) ([]string, error) {
	was, now, err := r.both(ctx, file, "")
	if err != nil {
		return nil, err
	}
	return Diff(was, now), nil
}

// ApproveFile is `watchpost baseline approve`: the zone's present state becomes
// the approved one, with who and why. It gives what changed.
func ApproveFile(ctx context.Context, r Request, file, by, note string) ([]string, error) {
	if by == "" {
		return nil, fmt.Errorf("%w: who approves? give a name", ErrUse)
	}
	was, now, err := r.both(ctx, file, by)
	if err != nil {
		return nil, err
	}
	return Diff(was, now), baseline.Save(file, Approve(was, now, by, note))
}

func (r Request) both(ctx context.Context, file, by string) (was, now *baseline.Zone, err error) {
	r.Baseline = "" // judged by nothing but the look
	e, err := r.env()
	if err != nil {
		return nil, nil, err
	}
	if was, err = loadBaseline(file, e); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrUse, err)
	}
	if r.Zone == "" {
		r.Zone = was.Zone
	}
	e, p, err := r.prepare()
	if err != nil {
		return nil, nil, err
	}
	if was.Zone != p.Zone {
		return nil, nil, fmt.Errorf("%w: %s is a baseline of %s, not of %s", ErrUse, file, was.Zone, p.Zone)
	}
	// All approved names are asked again, and those that the caller names.
	more := p.Watched
	p.Watched = DefaultWatch(p.Zone, was)
	for _, w := range more {
		if !slices.Contains(p.Watched, w) && len(p.Watched) < MaxWatched {
			p.Watched = append(p.Watched, w)
		}
	}
	now, err = e.Learn(ctx, p, by, "")
	return was, now, err
}
