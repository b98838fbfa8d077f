package show

import (
	"os"
	"time"

	"watchpost.example/probes"
)

// Input is one look to be shown.
type Input struct {
	ID          string // unit/system/check; "" = a look at a bare URL
	Kind        string
	Instance    string // what was asked
	Observation probes.Observation
}

// Options says how to write text. The zero value is Vietnamese without colour.
type Options struct {
	Lang   Lang
	Colour bool
	// Now is the moment from which days left are counted; zero = the look's own.
	Now time.Time
	// Zone is where times are shown; nil = UTC.
	Zone *time.Location
}

// Exit statuses of `watchpost probe`.
const (
	ExitUp      = 0
	ExitBad     = 1 // down, degraded, or a finding that somebody should see
	ExitUsage   = 2
	ExitUnknown = 3 // we could not ask
)

// Exit is the exit status for looks: bad news first, then ignorance. A finding
// of severity note is none. No looks at all is ignorance.
func Exit(in ...Input) int {
	status := ExitUp
	if len(in) == 0 {
		return ExitUnknown
	}
	for _, i := range in {
		switch i.Observation.Verdict {
		case probes.Down, probes.Degraded:
			return ExitBad
		case probes.Up:
		default:
			status = ExitUnknown
		}
		for _, f := range i.Observation.Findings {
			if f.Severity > probes.Note {
				return ExitBad
			}
		}
	}
	return status
}

// WantColour tells whether f should get colours: it is a terminal that knows
// them and the user has not said NO_COLOR (no-color.org).
func WantColour(f *os.File, getenv func(string) string) bool {
	if getenv("NO_COLOR") != "" || getenv("TERM") == "dumb" || getenv("TERM") == "" {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}
