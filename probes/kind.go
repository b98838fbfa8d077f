package probes

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Prober asks once.
type Prober interface {
	// Probe asks and returns before ctx's deadline, whatever the server does.
	// It keeps no state between calls, is safe for concurrent use, has no error
	// result (a failure is an Observation; one of ours is Unknown) and leaves
	// no goroutine or socket behind.
	Probe(ctx context.Context) Observation
}

// Kind is a way of asking. The list of kinds is written out in probes/kinds.
type Kind struct {
	Name string // as in the inventory: "http"
	Doc  string // one sentence
	// New gives settings with their defaults, ready to be decoded into.
	New func() Settings
	// Reasons is every Reason that the kind may give beyond SharedReasons.
	Reasons []Reason
}

// Settings is untrusted text that was decoded; only a Settings without Problems
// makes a Prober, so an invalid prober cannot exist. Implementations are
// structs with `yaml` tags; durations are of type Duration.
type Settings interface {
	// Problems lists all that is wrong, not only the first.
	Problems() []Problem
	// Prober is called only after Problems returned none.
	Prober() (Prober, error)
	// Instance names what is asked, for the `instance` label: a URL, host:port
	// or "zone at server". Stable for the same settings.
	Instance() string
}

// Targeted is a Settings that can take its target from the system's URL when
// the check names none. Kinds that implement it work by profile.
type Targeted interface {
	// SetTarget fills an empty target from the system's URL, which was parsed
	// and has a scheme and a host; it leaves an explicit one alone.
	SetTarget(rawURL string)
}

// Problem is one mistake in a Settings. The inventory adds file:line:col and
// the check's ID; the kind says what and how to mend it.
type Problem struct {
	Field    string   // the yaml key, dotted for nested ones: "expect.status"; "" = the whole
	Found    string   // what was found, quoted if remote or free text
	Expected string   // what would be right: "a full address such as https://portal.example/"
	Similar  []string // the legal words, when a word was mistyped: feeds "did you mean"
}

// Duration is a time.Duration that reads "5s", "1m30s", "2h", "30d" (a day is
// 24 h) and refuses bare numbers, because nobody remembers their unit.
type Duration time.Duration

// ErrDuration is what a text that is no duration gives, wrapped.
var ErrDuration = errors.New("not a duration such as 5s, 1m30s or 2h")

// D is the time.Duration.
func (d Duration) D() time.Duration { return time.Duration(d) }

// String writes it as time.Duration does.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes the form that UnmarshalText reads.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the forms above.
func (d *Duration) UnmarshalText(b []byte) error {
	s := string(b)
	if n := len(s); n > 1 && s[n-1] == 'd' {
		var days int
		if _, err := fmt.Sscanf(s, "%dd", &days); err != nil || days < 0 || days > 36500 || fmt.Sprintf("%dd", days) != s {
			return fmt.Errorf("%q: %w", s, ErrDuration)
		}
		*d = Duration(time.Duration(days) * 24 * time.Hour)
		return nil
	}
	v, err := time.ParseDuration(s)
	if err != nil || s == "0" {
		return fmt.Errorf("%q: %w", s, ErrDuration)
	}
	*d = Duration(v)
	return nil
}
