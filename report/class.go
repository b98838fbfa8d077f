package report

import (
	"fmt"

	"watchpost.example/probes"
)

// Class is what a stretch of time counts as. Unlike probes.Verdict it knows
// maintenance. The zero value is Unknown: time nobody classified is not up.
type Class uint8

// The classes.
const (
	Unknown Class = iota
	Up
	Degraded
	Down
	Maintenance

	classCount
)

// Classes is every Class in the order the tables print them.
func Classes() []Class { return []Class{Up, Degraded, Down, Unknown, Maintenance} }

// String gives the English word used in JSON and CSV.
func (c Class) String() string {
	switch c {
	case Unknown:
		return "unknown"
	case Up:
		return "up"
	case Degraded:
		return "degraded"
	case Down:
		return "down"
	case Maintenance:
		return "maintenance"
	case classCount:
	}
	return fmt.Sprintf("class(%d)", uint8(c))
}

// MarshalText makes Class its word in JSON.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// classOf maps a verdict; a value out of range is Unknown, never Up.
func classOf(v probes.Verdict) Class {
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
