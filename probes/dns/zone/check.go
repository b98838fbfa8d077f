package zone

import (
	"cmp"
	"context"
	"slices"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/baseline"
	"watchpost.example/probes/dns/dnssec"
	"watchpost.example/probes/wire"
)

// Plan is one check: what to ask, what is approved, and how patient to be.
type Plan struct {
	Target
	Baseline     *baseline.Zone // nil = none
	Limits       Limits
	Registration *Registration // a manual entry; nil = none
	RegisterWarn time.Duration // how long before its end; 0 = 90 d
	// ConfirmAfter is the pause before the second look that a finding needs;
	// 0 = 1 s, below zero = no second look.
	ConfirmAfter time.Duration
}

// Outcome of a check: the look that counts, what the judge made of it, and
// what is known of the registration.
type Outcome struct {
	Look         *Look
	Judgement    Judgement
	Registration *Registration
	Took         time.Duration
}

// Check looks, judges, and looks again before a finding counts: a lost packet
// or a zone in the middle of its reload is no finding. The two looks are done
// within one Probe, because a Prober keeps no state and because the command
// line has only one Probe; what was confirmed within the last hour needs no
// second look.
func (e *Env) Check(ctx context.Context, p Plan) Outcome {
	start := time.Now()
	e.memory.warm(p.Zone, start)
	l := e.look(ctx, p.Target)
	lim := e.limits(p)
	j := Judge(l, p.Baseline, lim, time.Now())
	if p.ConfirmAfter == 0 {
		p.ConfirmAfter = time.Second
	}
	if p.ConfirmAfter > 0 && e.unconfirmed(p.Zone, j, time.Now()) && wait(ctx, p.ConfirmAfter) {
		// A second look that our own time cut short confirms nothing and refutes
		// nothing: the first one stands.
		if again := e.again(ctx, p.Target, l); !again.Cut {
			l = again
			j = both(j, Judge(l, p.Baseline, lim, time.Now()))
		}
	}
	now := time.Now()
	e.remember(l, j, now)
	o := Outcome{Look: l, Judgement: j}
	if !p.NamesOnly {
		o.Registration = e.registration(ctx, p, now)
		o.Judgement.Findings = append(o.Judgement.Findings, judgeRegistration(o.Registration, p.Zone, p.RegisterWarn, now)...)
		worstFirst(o.Judgement.Findings)
	}
	o.Took = time.Since(start)
	return o
}

// limits are the plan's, and what is remembered of the zone.
func (e *Env) limits(p Plan) Limits {
	lim, m, now := p.Limits, e.memory, time.Now()
	if lim.Least == 0 {
		lim.Least = m.renewed(p.Zone, now)
	}
	lim.Lags = func(server string, lags bool) time.Time { return m.lag(p.Zone, server, lags, time.Now()) }
	lim.TTLs = func(record string, ttl uint32) []uint32 { return m.ttls(p.Zone, record, ttl, time.Now()) }
	lim.Secured = m.wasSecure(p.Zone, now)
	lim.Before = m.lastSerial(p.Zone, now)
	lim.Proven = &e.proven
	return lim
}

func (e *Env) remember(l *Look, j Judgement, now time.Time) {
	keys := make([]string, 0, len(j.Findings))
	late := false
	for _, f := range j.Findings {
		keys = append(keys, f.memoryKey())
		late = late || f.Reason == SigSoon && f.Severity >= probes.Today
	}
	e.memory.confirm(l.Zone, keys, now)
	if j.Newest != 0 {
		e.memory.setSerial(l.Zone, j.Newest, now)
	}
	if j.Zone.Status == dnssec.Secure {
		e.memory.secure(l.Zone, now)
	}
	if j.SignatureLeft > 0 && !l.NamesOnly { // a name's signatures are only some of the zone's
		e.memory.signatures(l.Zone, j.SignatureLeft, late, now)
	}
}

func (f Finding) memoryKey() string {
	return string(f.Reason) + "|" + f.Zone + "|" + f.Server + "|" + f.Address
}

// oneLook tells findings that are certain at first sight: the packets prove
// them, or two servers of the parent were asked.
func oneLook(r probes.Reason) bool {
	switch r {
	case ParentNSChanged, ParentDSChanged, ParentGlueChanged, ParentDiffers, ParentBroken, ParentUnreachable, DelegationGone,
		AnchorMismatch, RepliesDiffer, ServerMismatch, TransferOpen, RecursionOpen, EDNSVersion, EDNSEcho, DanglingTarget, DanglingDomain,
		DSStale, DSDigestWeak, DSMissing, NSInvalid, GlueMissing, NSSingle:
		return true
	}
	return false
}

func (e *Env) unconfirmed(zone string, j Judgement, now time.Time) bool {
	return slices.ContainsFunc(j.Findings, func(f Finding) bool {
		// The parent's servers are not asked again, so a second look tells nothing of them.
		return !oneLook(f.Reason) && f.Zone == zone && !e.memory.confirmed(zone, f.memoryKey(), now)
	})
}

func wait(ctx context.Context, d time.Duration) bool {
	if end, ok := ctx.Deadline(); ok && time.Until(end) < 2*d {
		return false // better an unconfirmed finding than none: the schedule confirms too
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// both keeps what both looks found, and what one look proves.
func both(first, second Judgement) Judgement {
	has := func(l []Finding, f Finding) bool {
		return slices.ContainsFunc(l, func(o Finding) bool { return o.memoryKey() == f.memoryKey() })
	}
	out := second
	out.Findings = nil
	for _, f := range second.Findings {
		if oneLook(f.Reason) || has(first.Findings, f) {
			out.Findings = append(out.Findings, f)
		}
	}
	for _, f := range first.Findings {
		if oneLook(f.Reason) && !has(out.Findings, f) {
			out.Findings = append(out.Findings, f)
		}
	}
	worstFirst(out.Findings)
	return out
}

// Verdict is what the look says of the zone as its users see it, and the
// reason. Findings that nobody notices outside leave the zone Up.
func (o Outcome) Verdict() (probes.Verdict, probes.Reason, string) {
	l, j := o.Look, o.Judgement
	if j.Untold != "" {
		r := cmp.Or(j.ours, wire.Classify(l.ChainErr))
		if !r.Ours() {
			r = probes.OursUplink
		}
		return probes.Unknown, r, j.Untold
	}
	good, bogus, asked := o.count()
	worst := worstOf(j.Findings)
	has := func(r probes.Reason) bool {
		return slices.ContainsFunc(j.Findings, func(f Finding) bool { return f.Reason == r })
	}
	switch {
	case has(AnchorMismatch):
		return probes.Unknown, AnchorMismatch, "the root's keys don't fit our trust anchor: is it up to date?"
	case has(DelegationGone), has(ParentBroken), has(ParentUnreachable):
		return probes.Down, worst.Reason, worst.sentence()
	case asked == 0 && len(l.Servers) > 0:
		return probes.Unknown, ourReason(l), "no server of the zone could be asked from here"
	case good == 0, bogus == good:
		return probes.Down, worst.Reason, worst.sentence()
	case good < asked, bogus > 0, has(ParentDiffers), // some see the zone, some don't
		worst.Severity == probes.PageNow && !elsewhere(worst.Reason):
		return probes.Degraded, worst.Reason, worst.sentence()
	}
	return probes.Up, probes.OK, ""
}

// count gives the servers that could be asked, those that answer so that
// resolvers get it, and of these the ones whose answers are bogus.
func (o Outcome) count() (good, bogus, asked int) {
	for i, s := range o.Look.Servers {
		if !ours(s) {
			asked++
		}
		if !s.Answers() || s.OverTCP || s.lost() { // without UDP as good as dead
			continue
		}
		good++
		if i < len(o.Judgement.Servers) && o.Judgement.Servers[i].Status == dnssec.Bogus {
			bogus++
		}
	}
	return good, bogus, asked
}

// elsewhere tells whether a finding, however grave, leaves what the zone's
// servers say today as it should be.
func elsewhere(r probes.Reason) bool {
	switch r {
	case ResolversDiffer, DanglingDomain, RegistrationSoon, RegistrationExpired, SigSoon:
		return true
	}
	return false
}

func ourReason(l *Look) probes.Reason {
	for _, s := range l.Servers {
		if r := wire.Classify(s.SOATCP.Err); r.Ours() {
			return r
		}
	}
	return probes.OursNoRoute
}

// worstOf is the first of the gravest; the zero Finding without any.
func worstOf(fs []Finding) Finding {
	var w Finding
	for i, f := range fs {
		if i == 0 || f.Severity > w.Severity {
			w = f
		}
	}
	return w
}

func (f Finding) sentence() string {
	where := f.Where()
	return probes.Clip(where+": "+f.Record+": "+f.Found+" (expected "+f.Expected+")", probes.MaxDetail)
}
