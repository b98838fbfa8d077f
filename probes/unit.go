package probes

import "time"

// Unit is an organisation that owns systems: a school, an office, a centre.
type Unit struct {
	ID       string
	Name     string // as people call it, Vietnamese with accents
	Contacts []Contact
	Systems  []*System
}

// Contact is whom to call when a unit's system breaks. Values are never labels
// except Name on an info metric.
type Contact struct {
	Name  string
	Role  string // "đầu mối ứng cứu", free text
	Phone string // E.164 or national digits; "" = none
	Email string // "" = none
}

// System is one public system of a unit.
type System struct {
	Unit        *Unit
	ID          string
	Name        string
	URL         string // "" when all its checks name their own target
	Level       int    // security level 1 to 5; 0 = not given
	Owner       string // who runs it, free text; "" = the unit
	Maintenance []Window
	Checks      []*Check
	// DependsOn names systems ("unit/system") whose being down mutes this one's
	// pages. It mutes pages only, never measuring nor recovery.
	DependsOn []string
}

// Key is "unit/system".
func (s *System) Key() string { return s.Unit.ID + "/" + s.ID }

// InMaintenance tells whether t lies in one of the system's windows.
func (s *System) InMaintenance(t time.Time) bool {
	for _, w := range s.Maintenance {
		if w.Contains(t) {
			return true
		}
	}
	return false
}

// Check is one question asked again and again.
type Check struct {
	ID       ID
	System   *System
	Kind     string
	Instance string        // for the label: what is asked
	Interval time.Duration // from the start of one look to the next
	Timeout  time.Duration // hard deadline of a look, below Interval
	Confirm  Confirm
	Prober   Prober
	// Fingerprint changes when anything that matters to asking changes; a reload
	// keeps the schedule and state of a check whose fingerprint stayed.
	Fingerprint string
}

// Confirm is the hysteresis of a check.
type Confirm struct {
	Down    int           // looks in a row that must fail before it is Down; at least 1
	Up      int           // looks in a row that must succeed before it is Up again; at least 1
	Recheck time.Duration // how soon to ask again while a change is unconfirmed
}
