package inventory

import (
	"fmt"
	"testing"
	"time"
)

// A maintenance on the wrong day mutes the pages of a day that nobody chose.
func TestEveryWordForAWeekday(t *testing.T) {
	t.Parallel()
	sunday := time.Date(2026, 11, 22, 1, 30, 0, 0, time.UTC)
	for day, words := range [][]string{
		{"Sun", "sunday", "CN"},
		{"Mon", "Monday", "T2"},
		{"tue", "Tuesday", "t3"},
		{"Wed", "wednesday", "T4"},
		{"Thu", "thursday", "T5"},
		{"Fri", "friday", "T6"},
		{"Sat", "SATURDAY", "T7"},
	} {
		for _, word := range words {
			inv := parse(t, fmt.Sprintf("units:\n- id: a\n  systems:\n  - {id: s, url: 'https://s.example/', time_zone: UTC, maintenance: [{weekly: %s 01:00, duration: 1h}]}\n", word))
			for d := range 7 {
				if got := inv.System("a/s").InMaintenance(sunday.AddDate(0, 0, d)); got != (d == day) {
					t.Errorf("%s: in maintenance on %s: %v", word, sunday.AddDate(0, 0, d).Weekday(), got)
				}
			}
		}
	}
}
