package alerting

import "time"

// Person is somebody who can be woken. Addresses are keyed by channel name
// ("sms", "voice", "ntfy", "email", "telegram", "webhook").
type Person struct {
	ID        string              `json:"id"`
	Name      string              `json:"name"`
	Role      string              `json:"role,omitempty"`
	Language  string              `json:"language"` // "vi" (default) or "en"
	Addresses map[string][]string `json:"-"`        // never on a page or in a log
}

// Shift is who watches from Start to End.
type Shift struct {
	Start    time.Time
	End      time.Time
	Officers []string // Person IDs, two as a rule, first is called first
	Deputy   string   // Person ID of the shift leader; "" = none
}

// OnDuty answers who watches at a moment. A nil slice means nobody.
type OnDuty interface {
	OnDuty(at time.Time) []Person
}
