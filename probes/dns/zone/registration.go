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
	// Source, By and At say where the date comes from: "manual", "rdap" or the
	// name of a contracted API; who entered it; and when it was entered or asked.
	Source string    `json:"source"`
	By     string    `json:"by,omitempty"`
	At     time.Time `json:"at"`
	Status []string  `json:"status,omitempty"` // EPP states; nil = not known
	// Locks are the states that the unit expects, such as "serverTransferProhibited".
	Locks []string `json:"locks,omitempty"`
}

// RegistrationSource tells about registrations: RDAP, or a contracted API of a
// registrar. The registry of .vn has no open one, and its pages are never read.
type RegistrationSource interface {
	// Registration gives nil and no error when the source doesn't cover the domain.
	Registration(ctx context.Context, domain string) (*Registration, error)
}

// RegistrationLife is how long a dated entry is believed; an older one is
// Unknown, never green.
const RegistrationLife = 400 * 24 * time.Hour

// registration asks the sources, and falls back to the manual entry.
func (e *Env) registration(ctx context.Context, p Plan) *Registration {
	for _, s := range e.sources {
		r, err := s.Registration(ctx, registrable(p.Zone))
		if err != nil {
			e.log.InfoContext(ctx, "a registration source failed", "zone", p.Zone, "error", err)
			continue
		}
		if r != nil {
			if p.Registration != nil && len(r.Locks) == 0 {
				r.Locks = p.Registration.Locks
			}
			return r
		}
	}
	return p.Registration
}

func judgeRegistration(r *Registration, zone string, warn time.Duration, now time.Time) []Finding {
	if r == nil {
		return nil
	}
	if warn == 0 {
		warn = 90 * 24 * time.Hour
	}
	from := r.Source
	if r.By != "" {
		from += " by " + r.By
	}
	f := Finding{Zone: zone, Record: "registration of " + r.Domain, Expected: "registered for longer than " + days(warn)}
	left := r.Expires.Sub(now)
	const day = 24 * time.Hour
	switch {
	case now.Sub(r.At) > RegistrationLife || r.Expires.IsZero():
		f.Reason, f.Severity = RegistrationUnknown, probes.Ticket
		f.Expected, f.Found = "an entry that is not older than "+days(RegistrationLife), "entered "+r.At.Format(time.DateOnly)+" ("+from+")"
	case left <= 0:
		f.Reason, f.Severity, f.Found = RegistrationExpired, probes.PageNow, "ended "+vietnamDate(r.Expires)
	case left < warn:
		f.Reason, f.Severity, f.Found = RegistrationSoon, probes.Note, "ends "+vietnamDate(r.Expires)+" ("+from+", entered "+r.At.Format(time.DateOnly)+")"
		for _, step := range []struct {
			left time.Duration
			sev  probes.Severity
		}{{60 * day, probes.Ticket}, {14 * day, probes.Today}, {day, probes.PageNow}} {
			if left < step.left {
				f.Severity = step.sev
			}
		}
	}
	out := []Finding{}
	if f.Reason != "" {
		out = append(out, f)
	}
	if r.Status != nil {
		for _, lock := range r.Locks {
			if !slices.ContainsFunc(r.Status, func(s string) bool { return strings.EqualFold(strings.ReplaceAll(s, " ", ""), lock) }) {
				out = append(out, Finding{Reason: RegistrationLock, Severity: probes.Today, Zone: zone, Record: "registration of " + r.Domain, Expected: lock, Found: words(r.Status)})
			}
		}
	}
	return out
}

// vietnamDate is the day in UTC+7, where the registry counts.
func vietnamDate(t time.Time) string {
	return t.In(time.FixedZone("UTC+7", 7*3600)).Format(time.DateOnly) + " (UTC+7)"
}
