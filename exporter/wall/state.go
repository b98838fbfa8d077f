package wall

import (
	"time"

	"watchpost.example/probes"
)

// State is what the wall says of a check, a system or a unit: a verdict, or
// maintenance. The zero value is Unknown, so that nothing forgotten looks well.
type State uint8

// The states.
const (
	Unknown State = iota
	Up
	Degraded
	Down
	Maintenance
)

// States is every state, the worst first: the order of the tiles.
func States() []State { return []State{Down, Degraded, Unknown, Maintenance, Up} }

// Word is the class name and the word in JSON.
func (s State) Word() string {
	switch s {
	case Up:
		return "up"
	case Degraded:
		return "degraded"
	case Down:
		return "down"
	case Maintenance:
		return "maintenance"
	case Unknown:
	}
	return "unknown"
}

// MarshalText makes State its word in JSON.
func (s State) MarshalText() ([]byte, error) { return []byte(s.Word()), nil }

// Symbol is the sign that stands beside colour and word, always.
func (s State) Symbol() string {
	switch s {
	case Up:
		return "✔"
	case Degraded:
		return "▲"
	case Down:
		return "✖"
	case Maintenance:
		return "◷"
	case Unknown:
	}
	return "?"
}

// rank orders for "worst": a known problem stands above what is not known, and
// that above what is well. A system with one silent check is not green.
func (s State) rank() int {
	switch s {
	case Down:
		return 4
	case Degraded:
		return 3
	case Unknown:
		return 2
	case Up:
		return 1
	case Maintenance:
	}
	return 0
}

// why tells what a state rests on beside its reason.
type why uint8

const (
	measured why = iota
	never        // no look yet
	stale        // the newest look is too old
	restored     // read from history after a restart and not yet seen again
)

// judge gives what may be said of an entry at now. The same rules as
// exporter.Samples: a stale entry is Unknown, except that a bad state restored
// after a restart stands until the first look.
func judge(e probes.Entry, now time.Time) (State, time.Time, why) {
	if !e.Stale(now) {
		return stateOf(e.State.Verdict), e.State.Since, measured
	}
	if e.Observation.At.IsZero() {
		bad := e.State.Verdict == probes.Down || e.State.Verdict == probes.Degraded
		if e.State.Restored && bad {
			return stateOf(e.State.Verdict), e.State.Since, restored
		}
		return Unknown, time.Time{}, never
	}
	return Unknown, e.Observation.At, stale
}

func stateOf(v probes.Verdict) State {
	switch v {
	case probes.Up:
		return Up
	case probes.Degraded:
		return Degraded
	case probes.Down:
		return Down
	case probes.Unknown:
	}
	return Unknown
}
