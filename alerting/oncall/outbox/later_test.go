package outbox

import (
	"errors"
	"testing"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/oncall/ladder"
)

// TestLeftAlone: a next hop that asks to be left alone is, within bounds, and
// never sooner than the back-off.
func TestLeftAlone(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for asked, want := range map[time.Duration]time.Duration{0: backoffBase, time.Second: backoffBase, 90 * time.Second: 90 * time.Second, time.Hour: waitMost} {
		q := New(Config{
			Rules:    func(string) ladder.Channel { return ladder.Channel{Attempts: 3} },
			Fallback: func(Delivery, []Target) (Target, bool) { return Target{}, false },
			NewID:    func() string { return "n" }, Jitter: func() float64 { return 0.5 },
		})
		q.Add(Delivery{ID: "p", Person: "an", Kind: "alert", Channel: "sms", Created: now})
		if out, _, _ := q.Due(now); len(out) != 1 {
			t.Fatalf("%d pages are due", len(out))
		}
		q.Result("p", alerting.Receipt{}, alerting.Later(errors.New("busy"), asked), now)
		d, _ := q.Get("p")
		if got := d.NotBefore.Sub(now); got != want {
			t.Errorf("asked for %v: again after %v, want %v", asked, got, want)
		}
	}
}
