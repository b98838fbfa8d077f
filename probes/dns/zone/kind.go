// Package zone is the two kinds of DNS integrity: dns_zone watches a zone's
// delegation, every address of its name servers, its DNSSEC and its approved
// content; dns_name watches one name at all servers of its zone. See README.md.
//
// Asking (ask*.go) collects packets into a Look; judging (judge*.go) is pure
// over the Look, the baseline and a clock; fold.go takes out what only follows
// from something else.
package zone

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/baseline"
	"watchpost.example/probes/dns/dnssec"
	"watchpost.example/probes/dns/dnswire"
)

// Kinds are the kinds "dns_zone" and "dns_name" on one Env.
func Kinds(e *Env) []probes.Kind {
	return []probes.Kind{
		{
			Name: "dns_zone", Doc: "watches a zone: delegation, every name server, DNSSEC, approved content, resolvers, registration",
			New:     func() probes.Settings { return &Settings{env: e} },
			Reasons: Reasons(),
		},
		{
			Name: "dns_name", Doc: "watches one name at every server of its zone, validated and compared with the approved set",
			New:     func() probes.Settings { return &NameSettings{Types: []string{"A", "AAAA"}, env: e} },
			Reasons: Reasons(),
		},
	}
}

// prober looks at one zone; made by Settings only. It keeps no state: what has
// to be remembered is the Env's.
type prober struct {
	env  *Env
	plan Plan
	// name is the watched name of dns_name, whose zone is found by walking.
	name string
}

// Probe looks once (twice, when something is found).
func (p *prober) Probe(ctx context.Context) probes.Observation {
	start := time.Now()
	// Time to judge and to drain must be left before the caller's deadline.
	if d, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, d.Add(-min(max(d.Sub(start)/10, 5*time.Millisecond), 300*time.Millisecond)))
		defer cancel()
	}
	plan := p.plan
	if p.name != "" {
		cuts, err := p.env.walker.Chain(ctx, p.name)
		plan.Zone = cuts[len(cuts)-1].Zone
		if err != nil { // the look walks again and says why
			plan.Zone = dnswire.Parent(p.name)
		}
	}
	o := p.env.Check(ctx, plan)
	obs := o.Observation()
	obs.At, obs.Took = start, time.Since(start)
	if ctx.Err() != nil && context.Cause(ctx) == context.Canceled { //nolint:errorlint // the sentinel itself is meant
		obs.Verdict, obs.Reason, obs.Findings = probes.Unknown, probes.OursCanceled, nil
	}
	return obs
}

// Observation is the outcome as the schedule, the metrics and the wall take it.
func (o Outcome) Observation() probes.Observation {
	out := probes.Observation{At: o.Look.At, Took: o.Took}
	out.Verdict, out.Reason, out.Detail = o.Verdict()
	for _, f := range o.Judgement.Findings {
		pf := probes.Finding{Reason: f.Reason, Severity: f.Severity, Where: f.Where(), Record: f.Record, Expected: f.Expected, Found: f.Found}
		if text := packetText(f.packets); text != "" {
			pf.Evidence = out.Attach("text/plain; charset=utf-8", []byte(text))
		}
		out.Findings = append(out.Findings, pf)
	}
	good := 0
	for i, s := range o.Look.Servers {
		line := serverLine(o, i, s)
		part := probes.Part{Address: s.Addr, Server: plainName(s.Name, 100), Verdict: line.Verdict}
		if s.first().Reply != nil {
			part.Took = s.first().Reply.Took
			part.Phases[probes.Processing] = part.Took
		}
		if line.Verdict == probes.Up {
			good++
		} else if len(line.Reasons) > 0 {
			part.Reason = line.Reasons[0]
		} else {
			part.Reason = probes.OursNoRoute
			if line.Verdict != probes.Unknown {
				part.Reason = out.Reason
			}
		}
		if i < len(o.Judgement.Servers) {
			secure(&part.Facts, o.Judgement.Servers[i].Status)
		}
		part.Detail = probes.Clip("UDP "+line.UDP+", TCP "+line.TCP+", DNSSEC "+line.DNSSEC.Word, probes.MaxDetail)
		if s.Answers() {
			part.Facts.Set(probes.FactDNSSerial, float64(serial(s)))
			for _, rr := range s.first().Msg().Answer {
				part.Answers = append(part.Answers, clean(strings.ReplaceAll(rr.String(), "\t", " ")))
			}
		}
		out.Parts = append(out.Parts, part)
	}
	o.facts(&out.Facts, good)
	return out
}

// secure sets the fact, unless that could not be told.
func secure(f *probes.Facts, s dnssec.Status) {
	switch s {
	case dnssec.Secure:
		f.Set(probes.FactZoneSecure, 1)
	case dnssec.Insecure, dnssec.Bogus:
		f.Set(probes.FactZoneSecure, 0)
	case dnssec.Indeterminate:
	}
}

func (o Outcome) facts(f *probes.Facts, good int) {
	secure(f, o.Judgement.Zone.Status)
	f.Set(probes.FactZoneServers, float64(len(o.Look.Servers)))
	f.Set(probes.FactZoneServersOK, float64(good))
	f.Set(probes.FactZoneQueries, float64(o.Look.Queries+o.Look.ToParent))
	if l := o.Judgement.SignatureLeft; l > 0 {
		f.Set(probes.FactZoneSignatureLeft, l.Seconds())
	}
	if n := o.Judgement.Newest; n != 0 {
		f.Set(probes.FactDNSSerial, float64(n))
	}
	if r := o.Registration; r != nil && !r.Expires.IsZero() {
		f.Set(probes.FactRegistrationExpiry, float64(r.Expires.Unix()))
	}
}

// resolverAddr reads "192.0.2.53" or "192.0.2.53:5353".
func resolverAddr(s string) (netip.AddrPort, bool) {
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return netip.AddrPortFrom(a, 53), true
	}
	ap, err := netip.ParseAddrPort(s)
	return ap, err == nil && ap.Port() != 0
}

var errNoTable = errors.New("the baseline judges by AS numbers and there is no table of them: " + noTable)

// loadBaseline reads a baseline file and gives it the Env's table; "" gives none.
func loadBaseline(path string, e *Env) (*baseline.Zone, error) {
	if path == "" {
		return nil, nil // no file is no baseline
	}
	b, err := baseline.Load(path)
	if err != nil {
		return nil, err
	}
	if e != nil && b.WantsTable() {
		if e.table == nil {
			return nil, errNoTable
		}
		b.Attach(e.table)
	}
	return b, nil
}
