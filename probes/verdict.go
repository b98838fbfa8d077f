package probes

import "fmt"

// Verdict is what one look, or the confirmed state, says of a check. The zero
// value is Unknown: a verdict that nobody set must never read as Up.
type Verdict uint8

const (
	// Unknown means that we could not ask (our uplink, resolver, sockets,
	// restart, a stuck probe). It never counts against the unit.
	Unknown Verdict = iota
	// Up means that every address answered as expected.
	Up
	// Degraded means that the service answers, but not all of it: one of
	// several addresses fails, or an answer breaks a softer expectation.
	Degraded
	// Down means that the service, as its users see it, does not answer rightly.
	Down
)

// String gives the lower-case English word used in logs, JSON and labels.
func (v Verdict) String() string {
	switch v {
	case Unknown:
		return "unknown"
	case Up:
		return "up"
	case Degraded:
		return "degraded"
	case Down:
		return "down"
	}
	return fmt.Sprintf("verdict(%d)", uint8(v))
}

// MarshalText makes Verdict its word in JSON.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads the word that MarshalText wrote.
func (v *Verdict) UnmarshalText(b []byte) error {
	for _, w := range []Verdict{Unknown, Up, Degraded, Down} {
		if w.String() == string(b) {
			*v = w
			return nil
		}
	}
	return fmt.Errorf("%q is not a verdict: unknown, up, degraded or down", b)
}
