package zone

import (
	"context"
	"slices"
	"strings"
	"time"

	"watchpost.example/probes"
)

// Registration is what is known of a domain's registration.
type Registration struct {
	Domain  string    `json:"domain"`
	Expires time.Time `json:"expires,omitzero"` // zero = not known
	// Source, By and At say where the date comes from: "manual", a file's name,
	// "rdap" or the name of a contracted API; who entered it; and when it was
	// entered or asked.
	Source string    `json:"source"`
	By     string    `json:"by,omitempty"`
	At     time.Time `json:"at"`
	Status []string  `json:"status,omitempty"` // EPP states; nil = not known
	// Locks are the states that the unit expects, such as "serverTransferProhibited".
	Locks []string `json:"locks,omitempty"`
}

// RegistrationSource tells about registrations: an imported list, RDAP, or a
// contracted API of a registrar. The registry of .vn has no open one, and its
// pages are never read. It must be safe for concurrent use.
type RegistrationSource interface {
	// Registration gives nil and no error when the source doesn't cover the
	// domain, such as "so-y-te.example".
	Registration(ctx context.Context, domain string) (*Registration, error)
}

// How long an entry is believed; an older one is Unknown, never green.
const (
	// RegistrationLife is that of what a person entered.
	RegistrationLife = 400 * 24 * time.Hour
	// registryLife is that of a registry's own answer: asked daily, it is old
	// when nobody has answered for a month.
	registryLife = 30 * 24 * time.Hour
)

// Registries are asked once a day, and an hour after a failure.
const (
	registryEvery = 24 * time.Hour
	registryRetry = time.Hour
)

// registration asks the registries, then takes the newest of what people
// entered: the imported lists and the check's own settings.
func (e *Env) registration(ctx context.Context, p Plan, now time.Time) *Registration {
	domain := strings.TrimSuffix(registrable(p.Zone), ".")
	if domain == "" {
		return p.Registration // nobody registers a public suffix
	}
	best := p.Registration
	for _, s := range e.lists {
		r, err := s.Registration(ctx, domain)
		if err != nil {
			e.log.WarnContext(ctx, "a list of registrations failed", "domain", domain, "err", err)
		}
		if r != nil && (best == nil || r.At.After(best.At)) {
			best = r
		}
	}
	r := e.registry(ctx, domain, now)
	if r == nil {
		return best
	}
	if best != nil && len(r.Locks) == 0 {
		c := *r // the memory's own stays as it is
		c.Locks = best.Locks
		r = &c
	}
	return r
}

// registry gives what the registries said, at most a day ago.
func (e *Env) registry(ctx context.Context, domain string, now time.Time) *Registration {
	if len(e.registries) == 0 {
		return nil
	}
	e.memory.warm(domain+".", now)
	known, due := e.memory.registration(domain, now)
	if !due {
		return known
	}
	for _, s := range e.registries {
		r, err := s.Registration(ctx, domain)
		if err != nil {
			e.log.WarnContext(ctx, "a registry could not be asked", "domain", domain, "err", err)
			e.memory.keepRegistration(domain, known, now.Add(registryRetry))
			return known
		}
		if r != nil {
			e.memory.keepRegistration(domain, r, now.Add(registryEvery))
			return r
		}
	}
	return nil
}

// registrationSteps are the days before the end at which it grows graver.
var registrationSteps = [...]struct {
	days     int
	severity probes.Severity
}{{1, probes.PageNow}, {7, probes.Today}, {14, probes.Today}, {30, probes.Ticket}, {60, probes.Ticket}, {90, probes.Note}}

func judgeRegistration(r *Registration, zone string, warn time.Duration, now time.Time) []Finding {
	if r == nil {
		return nil
	}
	const day = 24 * time.Hour
	f := Finding{Zone: zone, Record: "registration of " + r.Domain}
	life := RegistrationLife
	if r.By == "" {
		life = registryLife
	}
	left := r.Expires.Sub(now)
	switch {
	case !r.Expires.IsZero() && left <= 0:
		f.Reason, f.Severity = RegistrationExpired, probes.PageNow
		f.Expected, f.Found = "registered", "ended "+vietnamDate(r.Expires)+" ("+r.from()+")"
	case dying(r.Status) != "":
		f.Reason, f.Severity = RegistrationExpired, probes.PageNow
		f.Expected, f.Found = "registered", "the registry says: "+dying(r.Status)
	case now.Sub(r.At) > life || r.Expires.IsZero():
		f.Reason, f.Severity = RegistrationUnknown, probes.Ticket
		f.Expected, f.Found = "an end of the registration that is not older than "+days(life), r.from()
	case warn > 0 && left >= warn:
	default:
		for _, step := range registrationSteps {
			if left < time.Duration(step.days)*day {
				f.Reason, f.Severity = RegistrationSoon, step.severity
				f.Expected, f.Found = "at least "+itoa(uint32(step.days))+" days left", "ends "+vietnamDate(r.Expires)+" ("+r.from()+")"
				break
			}
		}
	}
	out := r.missingLocks(zone)
	if f.Reason != "" {
		out = append(out, f)
	}
	return out
}

// missingLocks is a finding for each expected lock that the registry doesn't
// name; none when it doesn't tell its states.
func (r *Registration) missingLocks(zone string) (out []Finding) {
	if r.Status == nil {
		return nil
	}
	for _, lock := range r.Locks {
		if !slices.ContainsFunc(r.Status, func(s string) bool { return strings.EqualFold(epp(s), epp(lock)) }) {
			out = append(out, Finding{Reason: RegistrationLock, Severity: probes.Today, Zone: zone, Record: "registration of " + r.Domain, Expected: lock, Found: words(r.Status)})
		}
	}
	return out
}

// from says who told it, and when.
func (r *Registration) from() string {
	if r.By != "" {
		return r.Source + " by " + r.By + ", entered " + r.At.Format(time.DateOnly)
	}
	return r.Source + ", asked " + r.At.Format(time.DateOnly)
}

// epp writes a state as EPP does, without the spaces of RFC 8056.
func epp(s string) string { return strings.ReplaceAll(s, " ", "") }

// dying gives a state that takes the domain out of the DNS, "" without one.
func dying(status []string) string {
	for _, s := range status {
		switch strings.ToLower(epp(s)) {
		case "redemptionperiod", "pendingdelete", "serverhold", "clienthold":
			return s
		}
	}
	return ""
}

// vietnamDate is the day in UTC+7, where the registry counts.
func vietnamDate(t time.Time) string {
	return t.In(hanoi()).Format(time.DateOnly) + " (UTC+7)"
}

func hanoi() *time.Location { return time.FixedZone("UTC+7", 7*3600) }

// lastMoment is the end of a day in Vietnam: a registration holds through its
// last day.
func lastMoment(day string) (time.Time, error) {
	t, err := time.ParseInLocation(time.DateOnly, day, hanoi())
	if err != nil {
		return t, err
	}
	return t.AddDate(0, 0, 1).Add(-time.Second), nil
}
