package ladder

import (
	"testing"
	"time"
)

func TestHours(t *testing.T) {
	zone := time.FixedZone("ICT", 7*3600)
	day := func(h, m int) time.Time { return time.Date(2026, 12, 31, h, m, 0, 0, zone) }
	for _, tt := range []struct {
		hours string
		at    time.Time
		next  time.Time
	}{
		{"", day(3, 0), day(3, 0)},
		{"07:00-22:00", day(7, 0), day(7, 0)},
		{"07:00-22:00", day(21, 59), day(21, 59)},
		{"07:00-22:00", day(22, 0), day(31, 0)}, // over the year's end
		{"07:00-22:00", day(6, 59), day(7, 0)},
		{"22:00-06:00", day(3, 0), day(3, 0)},
		{"22:00-06:00", day(12, 0), day(22, 0)},
	} {
		h, err := ParseHours(tt.hours)
		if err != nil {
			t.Fatal(err)
		}
		if got := h.Next(tt.at); !got.Equal(tt.next) {
			t.Errorf("%s at %v: %v, want %v", tt.hours, tt.at, got, tt.next)
		}
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	h := Hours{From: 7 * 60, To: 22 * 60}
	night := time.Date(2026, 3, 28, 23, 0, 0, 0, berlin) // the clocks change at 02:00
	if got := h.Next(night); got.Hour() != 7 || got.Sub(night) != 7*time.Hour {
		t.Errorf("over the change to summer time: %v", got)
	}
	for _, s := range []string{"7-22", "25:00-26:00", "07:00", "a-b"} {
		if _, err := ParseHours(s); err == nil {
			t.Errorf("%q was taken", s)
		}
	}
}

func TestChoose(t *testing.T) {
	l := Default()
	for severity, want := range map[string]string{"critical": "critical", "warning": "warning", "info": "info", "": "critical", "disaster": "critical"} {
		if got := l.Choose(severity, 3); got.Name != want {
			t.Errorf("%q gets %q, want %q: an unknown severity must not be lost", severity, got.Name, want)
		}
	}
	if got := (&Ladder{}).Choose("warning", 0); len(got.Steps) != 0 {
		t.Errorf("%+v", got)
	}
}
