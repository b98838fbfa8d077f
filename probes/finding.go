package probes

import "fmt"

// Severity says how soon a person must see a finding.
type Severity uint8

const (
	// Note is for the report only.
	Note Severity = iota
	// Ticket is for the next working day.
	Ticket
	// Today is for this shift.
	Today
	// PageNow wakes the officer on duty.
	PageNow
)

// String gives the label value: note, ticket, today or page.
func (s Severity) String() string {
	switch s {
	case Note:
		return "note"
	case Ticket:
		return "ticket"
	case Today:
		return "today"
	case PageNow:
		return "page"
	}
	return fmt.Sprintf("severity(%d)", uint8(s))
}

// MarshalText makes Severity its word in JSON.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the word that MarshalText wrote.
func (s *Severity) UnmarshalText(b []byte) error {
	for _, w := range []Severity{Note, Ticket, Today, PageNow} {
		if w.String() == string(b) {
			*s = w
			return nil
		}
	}
	return fmt.Errorf("%q is not a severity: note, ticket, today or page", b)
}

// Finding is something wrong that need not make the system down: a serial that
// lags, a certificate that ends in 20 days. It becomes the series
// watchpost_finding{..., reason, severity, where}.
type Finding struct {
	Reason   Reason   `json:"reason"`
	Severity Severity `json:"severity"`
	// Where is the part concerned, in our own or the operator's words: an
	// address, a name server of the inventory. It is a label, so it is bounded
	// (at most 128 bytes) and never free remote text.
	Where string `json:"where,omitempty"`
	// Record, Expected and Found are for people; bounded, never labels.
	Record   string `json:"record,omitempty"`
	Expected string `json:"expected,omitempty"`
	Found    string `json:"found,omitempty"`
	// Evidence names an Evidence of the same Observation by its hash; "" = none.
	Evidence string `json:"evidence,omitempty"`
}
