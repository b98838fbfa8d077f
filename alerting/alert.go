package alerting

import "time"

// Alert severities, the values of the `severity` label in every rule.
const (
	Critical = "critical" // rings a phone
	Warning  = "warning"  // message in waking hours
	Info     = "info"     // report only
)

// Alert is a firing or pending alert as the wall and the on-call pages show it.
type Alert struct {
	Name        string            `json:"name"`     // alertname
	Severity    string            `json:"severity"` // Critical, Warning or Info
	Unit        string            `json:"unit,omitempty"`
	System      string            `json:"system,omitempty"`
	Check       string            `json:"check,omitempty"`
	State       string            `json:"state"` // pending, firing
	Summary     string            `json:"summary"`
	Description string            `json:"description"`
	RunbookURL  string            `json:"runbook_url,omitempty"`
	Since       time.Time         `json:"since"`
	Labels      map[string]string `json:"labels"`
	Silenced    bool              `json:"silenced"`  // muted by a silence
	Inhibited   bool              `json:"inhibited"` // folded into a larger one
}
