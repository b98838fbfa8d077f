package zone

import (
	"errors"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/baseline"
	"watchpost.example/probes/dns/dnssec"
	"watchpost.example/probes/dns/dnswire"
	"watchpost.example/probes/dns/walk"
)

// Limits are the judge's thresholds; the zero value has the defaults.
type Limits struct {
	Slow time.Duration // median answer above which a server is slow; 0 = 800 ms
	// SigNote, SigToday and SigPage are the signature lives left below which a
	// finding is a ticket, for today, and a page; 0 = learned from the zone's
	// habit, else 7 d, 3 d and 12 h.
	SigNote, SigToday, SigPage time.Duration
	// Least is the life that the zone's signatures usually have left when they
	// are made anew; 0 = no habit known.
	Least time.Duration
	// Lags gives since when a server's serial lags; nil = since now.
	Lags func(server string, lags bool) time.Time
	// TTLs notes a record's largest TTL and gives those of the last looks, this
	// one's last; nil = only this one is known.
	TTLs func(record string, ttl uint32) []uint32
	// Secured is when the zone was last found secure; zero = not known.
	Secured time.Time
	// Before is the newest serial seen in an earlier look; nil = none.
	Before *uint32
	// Proven remembers the signatures that hold; nil = for this judgement only.
	Proven *dnssec.Proven
}

// MaxFindings bounds what one look can find: 24 servers with 10 faults each.
const MaxFindings = 240

// State is DNSSEC's word for the zone or a server, and why.
type State struct {
	Status dnssec.Status `json:"-"`
	Word   string        `json:"status"`
	Reason probes.Reason `json:"reason,omitempty"`
	Detail string        `json:"detail,omitempty"`
}

func stateOf(o dnssec.Outcome) State {
	s := State{Status: o.Status, Word: o.Status.String(), Detail: clean(o.Detail)}
	if o.Status != dnssec.Secure && o.Cause != dnssec.None && o.Cause != dnssec.UnsignedDelegation && o.Cause != dnssec.OptOut && o.Cause != dnssec.NoAnchor {
		s.Reason = CauseReason(o.Cause)
	}
	return s
}

// Judgement is what the judge makes of a Look.
type Judgement struct {
	Findings []Finding
	Zone     State
	Servers  []State // as Look.Servers
	// SignatureLeft is the shortest life left; 0 = no signature seen.
	SignatureLeft time.Duration
	Newest        uint32 // serial; 0 = none seen
	// Notes are legal states that look odd: a rollover under way.
	Notes []string
	// Untold is why the zone could not be judged at all; "" = it could.
	Untold string
	// ours is the reason of Untold, when it is known.
	ours probes.Reason
}

// judge is the work on one look; all methods are pure but for what they add here.
type judge struct {
	l   *Look
	b   *baseline.Zone // never nil; the zero value approves nothing
	lim Limits
	now time.Time
	out Judgement

	answering []*Server
	trust     dnssec.Anchor
	parentO   dnssec.Outcome // what the parent proves of the DS
}

// Judge compares a look with the baseline (nil = none) at a moment.
func Judge(l *Look, b *baseline.Zone, lim Limits, now time.Time) Judgement {
	if b == nil {
		b = &baseline.Zone{}
	}
	if lim.Slow == 0 {
		lim.Slow = 800 * time.Millisecond
	}
	if lim.Proven == nil {
		lim.Proven = &dnssec.Proven{} // servers that say the same cost once
	}
	j := &judge{l: l, b: b, lim: lim, now: now}
	for _, s := range l.Servers {
		if s.Answers() {
			j.answering = append(j.answering, s)
		}
	}
	if !j.chain() {
		return j.out
	}
	j.delegation()
	if !l.NamesOnly || len(j.answering) == 0 {
		j.servers()
	}
	if !l.NamesOnly {
		j.serials()
	}
	j.security()
	for _, s := range j.answering {
		j.contentOverTCP(s)
	}
	j.content()
	j.mail()
	j.targets()
	j.resolvers()
	j.fold()
	if j.b.Changing(now) {
		j.soften()
	}
	worstFirst(j.out.Findings)
	return j.out
}

func (j *judge) add(f Finding) {
	if f.Zone == "" {
		f.Zone = j.l.Zone
	}
	if len(j.out.Findings) == MaxFindings {
		return // a hostile server's; what it says is as wrong as wrong can be
	}
	f.Record, f.Expected, f.Found = clean(f.Record), clean(f.Expected), clean(f.Found)
	j.out.Findings = append(j.out.Findings, f)
}

func (j *judge) note(s string) { j.out.Notes = append(j.out.Notes, clean(s)) }

// chain judges the zones above; false means that there is nothing below to
// judge. A broken parent is one finding, of the parent.
func (j *judge) chain() bool {
	if err := j.l.ChainErr; err != nil {
		above := "."
		if n := len(j.l.Chain); n > 0 {
			above = j.l.Chain[n-1].Zone
		}
		if errors.Is(err, walk.ErrGone) {
			lost := below(above, j.l.Zone)
			j.add(Finding{Reason: DelegationGone, Severity: probes.PageNow, Zone: lost, Record: lost + " NS", Expected: "a delegation", Found: "the servers of " + above + " say that it does not exist"})
			j.out.Zone = State{Word: dnssec.Indeterminate.String()}
			return false
		}
		switch {
		case len(j.l.Chain) <= 1:
			j.out.Untold = "no root server answers: " + clean(err.Error())
		case j.l.Cut:
			j.out.Untold, j.out.ours = "our own time ran out on the way to the zone: "+clean(err.Error()), probes.OursOverrun
		default:
			j.add(Finding{Reason: ParentUnreachable, Severity: probes.PageNow, Zone: above, Record: j.l.Zone + " NS", Expected: "an answer of a server of " + above, Found: err.Error()})
		}
		j.out.Zone = State{Word: dnssec.Indeterminate.String(), Detail: clean(err.Error())}
		return false
	}
	for _, k := range j.l.Chain {
		if k.Outcome.Status == dnssec.Bogus {
			j.brokenLink(k)
			break
		}
	}
	return true
}

// below is the name one label below zone on the way to name.
func below(zone, name string) string {
	all := dnswire.Ancestors(name)
	return all[min(dnswire.Labels(zone)+1, len(all)-1)]
}

func (j *judge) brokenLink(k Link) {
	reason, expected := ParentBroken, "a chain of trust from the root"
	if k.Zone == "." {
		reason, expected = AnchorMismatch, "a key set that the trust anchor vouches for"
	}
	j.add(Finding{Reason: reason, Severity: probes.PageNow, Zone: k.Zone, Record: k.Zone + " DNSKEY", Expected: expected, Found: string(CauseReason(k.Outcome.Cause)) + ": " + k.Outcome.Detail})
}

// soften makes notes of the differences that an announced change explains.
func (j *judge) soften() {
	for i, f := range j.out.Findings {
		switch f.Reason {
		case ParentNSChanged, ParentDSChanged, ParentGlueChanged, RecordChanged, RecordMissing, NSChanged, SOAChanged,
			DNSKEYChanged, NoLongerSecure, Wildcard, TTLDropped, CAAWeakened, NSOnlyParent, NSOnlyChild, GlueMismatch, SerialBackwards:
			j.out.Findings[i].Severity = probes.Note
			j.out.Findings[i].Expected = clean("(announced change) " + f.Expected)
		}
	}
}
