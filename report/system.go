package report

import (
	"slices"

	"watchpost.example/probes"
)

// Series is the samples of one check as one vantage saw it.
type Series struct {
	Check   string // the check's name within its system
	Vantage string // "" with a single one
	Samples []Sample
}

// speaks chooses the checks whose Down makes the system down, as its users see
// it: all of them, but
//
//   - icmp counts only in a system that has nothing else: many sites drop pings
//     and serve well;
//   - a tls check counts when no TLS session comes about. A certificate that is
//     expired or for another name is an alert and a finding; the service still
//     answers, so the time is Degraded (softens).
func speaks(s *probes.System) []*probes.Check {
	var out []*probes.Check
	for _, c := range s.Checks {
		if c.Kind != "icmp" {
			out = append(out, c)
		}
	}
	if len(out) == 0 {
		return s.Checks
	}
	return out
}

// certificateReasons are Downs of a tls check in which the handshake itself
// went through.
var certificateReasons = []probes.Reason{
	probes.TLSExpired, probes.TLSNotYet, probes.TLSExpiring, probes.TLSHost, probes.TLSSelfSigned, probes.TLSUntrusted,
	probes.TLSChain, probes.TLSChainOrder, probes.TLSWeakKey, probes.TLSWeakSig, probes.TLSProtocol, probes.TLSCertsDiffer,
}

// soften makes the Downs of a tls check that judge only the certificate Degraded.
func soften(c *probes.Check, samples []Sample) []Sample {
	if c.Kind != "tls" {
		return samples
	}
	out := slices.Clone(samples)
	for i := range out {
		if out[i].Verdict == probes.Down && slices.Contains(certificateReasons, out[i].Reason) {
			out[i].Verdict = probes.Degraded
		}
	}
	return out
}

// systemTimeline joins the checks of a system and lays its maintenance over
// them. ok is false when no check was ever looked at in the period.
func systemTimeline(s *probes.System, series []Series, p Period) (t Timeline, ok bool) {
	var lines []Timeline
	var names []string
	for _, c := range speaks(s) {
		var vantages []Timeline
		for _, x := range series {
			if x.Check == c.ID.Check && len(x.Samples) > 0 {
				vantages = append(vantages, CheckTimeline(soften(c, x.Samples), c.Interval, p))
			}
		}
		switch len(vantages) {
		case 0: // never looked at: it has no voice, the others speak
		case 1:
			lines, names = append(lines, vantages[0]), append(names, c.ID.Check)
		default:
			lines, names = append(lines, Combine(vantages, p, quorum)), append(names, c.ID.Check)
		}
	}
	measured := slices.ContainsFunc(lines, func(l Timeline) bool {
		return slices.ContainsFunc(l, func(x Slice) bool { return !x.gap })
	})
	t = Combine(lines, p, func(now []Slice) Slice { return worst(now, names, p) })
	return t.Maintain(maintenance(s, p)), measured
}

// worst is the algebra of a system's checks at one moment: Down if any is Down
// (that we know, whatever else we do not), then Unknown, Degraded, Up. A check
// that was not looked at before its first look in the period has no voice until
// then, so that adding one does not make the past Unknown.
func worst(now []Slice, names []string, p Period) Slice {
	order := [classCount]int{Up: 1, Degraded: 2, Unknown: 3, Down: 4, Maintenance: 5}
	var w Slice
	chosen := false
	for i, s := range now {
		if s.gap && s.From.Equal(p.From) && len(now) > 1 && !allLeading(now, p) {
			continue
		}
		if !chosen || order[s.Class] > order[w.Class] {
			checks := w.Checks
			w, chosen = s, true
			w.Checks = checks
		}
		if s.Class == Down {
			w.Checks = append(slices.Clone(w.Checks), names[i])
			if !s.Began.IsZero() && s.Began.Before(w.Began) {
				w.Began, w.Reason = s.Began, s.Reason
			}
		}
	}
	return w
}

func allLeading(now []Slice, p Period) bool {
	return !slices.ContainsFunc(now, func(s Slice) bool { return !s.gap || !s.From.Equal(p.From) })
}

// quorum joins vantages: more than half of those that can see anything must
// say Down. Some, but not enough, is Degraded.
func quorum(now []Slice) Slice {
	var seen, down, bad int
	var w Slice
	for _, s := range now {
		if s.Class == Unknown {
			continue
		}
		seen++
		if s.Class == Down {
			down++
		}
		if s.Class != Up {
			bad++
		}
		if w.Class == Unknown || s.Class == Down && (w.Class != Down || s.Began.Before(w.Began)) {
			w = s
		}
	}
	switch {
	case seen == 0:
		gap := !slices.ContainsFunc(now, func(s Slice) bool { return !s.gap })
		return Slice{Class: Unknown, gap: gap, Began: now[0].Began}
	case down*2 > seen:
		w.Class = Down
	case bad > 0:
		w.Class = Degraded
	default:
		w.Class = Up
	}
	return w
}
