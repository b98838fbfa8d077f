package outbox

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/oncall/ladder"
)

var t0 = time.Date(2026, 8, 29, 10, 0, 0, 0, time.UTC)

func queue(rules map[string]ladder.Channel) *Queue {
	n := 0
	return New(Config{
		Rules: func(ch string) ladder.Channel {
			if r, ok := rules[ch]; ok {
				return r
			}
			return ladder.DefaultChannel(ch)
		},
		Fallback: func(_ Delivery, used []Target) (Target, bool) {
			for _, ch := range []string{"sms", "voice"} {
				if !slices.Contains(used, Target{ch, "1"}) {
					return Target{ch, "1"}, true
				}
			}
			return Target{}, false
		},
		NewID:  func() string { n++; return fmt.Sprintf("n%d", n) },
		Jitter: func() float64 { return 0.5 },
	})
}

func delivery(id, person string) Delivery {
	return Delivery{ID: id, Incident: "i-" + id, Person: person, Kind: "alert", Channel: "sms", Address: "1", Round: 1, Urgent: true, Created: t0}
}

func sent(q *Queue, id string, at time.Time) {
	q.Result(id, alerting.Receipt{Page: id, Status: alerting.Delivered}, nil, at)
}

// A storm of pages to one person: the first alone, the rest together, then the
// limits of the hour.
func TestLimitsAreGoAlerts(t *testing.T) {
	q := queue(nil)
	var at []time.Duration
	bundled := 0
	for now := t0; now.Before(t0.Add(3 * time.Hour)); now = now.Add(10 * time.Second) {
		q.Add(Delivery{ID: now.String(), Incident: now.String(), Person: "an", Kind: "alert", Channel: "sms", Address: "1", Created: now})
		out, _, _ := q.Due(now)
		for _, d := range out {
			at = append(at, now.Sub(t0))
			bundled += len(d.With)
			sent(q, d.Carrier.ID, now)
		}
	}
	within := func(from, d time.Duration) int {
		n := 0
		for _, x := range at {
			if x >= from && x < from+d {
				n++
			}
		}
		return n
	}
	for _, x := range at {
		if within(x, time.Minute) > 1 || within(x, 15*time.Minute) > 5 || within(x, time.Hour) > 11 || within(x, 3*time.Hour) > 21 {
			t.Fatalf("the limits were broken after %s: %v", x, at)
		}
	}
	if len(at) != 21 {
		t.Errorf("%d SMS in three hours, want 21", len(at))
	}
	if at[0] != 0 {
		t.Errorf("the first page waited %s", at[0])
	}
	if waiting := q.Stats()["sms"].Waiting; bundled+waiting+len(at) != 3*60*6 || bundled < 400 {
		t.Errorf("%d sent, %d bundled, %d waiting: some are lost", len(at), bundled, waiting)
	}
}

func TestUrgentGoesBeforeNotices(t *testing.T) {
	q := queue(map[string]ladder.Channel{"sms": {Attempts: 1, Timeout: time.Second, Parallel: 1}})
	for i := range 5 {
		n := delivery(fmt.Sprint("notice", i), fmt.Sprint("p", i))
		n.Kind, n.Urgent, n.Step = "notice", false, -1
		q.Add(n)
	}
	q.Add(delivery("first", "an"))
	out, _, _ := q.Due(t0)
	if len(out) != 1 || out[0].Carrier.ID != "first" {
		t.Errorf("got %+v, want the urgent one alone: one line", out)
	}
}

func TestRetryBacksOffThenFallsThenTheStepFails(t *testing.T) {
	q := queue(map[string]ladder.Channel{"sms": {Attempts: 3, Timeout: time.Second}, "voice": {Attempts: 1, Timeout: time.Second}})
	q.Add(delivery("p", "an"))
	now := t0
	var waits []time.Duration
	for range 3 {
		out, _, _ := q.Due(now)
		if len(out) != 1 {
			t.Fatalf("at %s: %v", now.Sub(t0), out)
		}
		q.Result("p", alerting.Receipt{}, errors.New("busy"), now)
		if d, _ := q.Get("p"); d.Status == Queued {
			waits = append(waits, d.NotBefore.Sub(now))
			if early, _, _ := q.Due(d.NotBefore.Add(-time.Millisecond)); len(early) != 0 {
				t.Error("sent before its time")
			}
			now = d.NotBefore
		}
	}
	if !slices.Equal(waits, []time.Duration{5 * time.Second, 10 * time.Second}) {
		t.Errorf("waits %v", waits)
	}
	out, _, _ := q.Due(now)
	if len(out) != 1 || out[0].Carrier.Channel != "voice" || out[0].Carrier.For != "p" {
		t.Fatalf("no other channel: %+v", out)
	}
	events := q.Result(out[0].Carrier.ID, alerting.Receipt{}, alerting.Permanent(errors.New("no such number")), now)
	if !slices.ContainsFunc(events, func(e Event) bool { return e.What == "step-failed" }) {
		t.Errorf("nobody is told that the step failed: %+v", events)
	}
}

func TestLateFailureReceiptFalls(t *testing.T) {
	q := queue(nil)
	q.Add(delivery("p", "an"))
	q.Due(t0)
	q.Result("p", alerting.Receipt{Status: alerting.Accepted, Provider: "smsc-1"}, nil, t0)
	q.Receipt(alerting.Receipt{Provider: "smsc-1", Status: alerting.Failed, Detail: "absent subscriber"}, t0.Add(5*time.Second))
	out, _, _ := q.Due(t0.Add(5 * time.Second))
	if len(out) != 1 || out[0].Carrier.Channel != "voice" {
		t.Errorf("%+v", out)
	}
	// Delivered after all, or told twice, changes nothing.
	if e := q.Receipt(alerting.Receipt{Page: "p", Status: alerting.Failed}, t0.Add(6*time.Second)); len(e) != 0 {
		t.Errorf("%+v", e)
	}
	if e := q.Receipt(alerting.Receipt{Page: "unknown", Status: alerting.Delivered}, t0); len(e) != 0 {
		t.Errorf("%+v", e)
	}
}

func TestDeliveredInTimeDoesNotFall(t *testing.T) {
	q := queue(nil)
	q.Add(delivery("p", "an"))
	q.Due(t0)
	q.Result("p", alerting.Receipt{Status: alerting.Accepted}, nil, t0)
	_, next := q.Overdue(t0)
	if !next.Equal(t0.Add(time.Minute)) {
		t.Errorf("next %v", next)
	}
	q.Receipt(alerting.Receipt{Page: "p", Status: alerting.Delivered}, t0.Add(30*time.Second))
	if e, next := q.Overdue(t0.Add(time.Hour)); len(e) != 0 || !next.IsZero() {
		t.Errorf("%v %v", e, next)
	}
}

func TestCancelDropsAlertsAndKeepsRecovery(t *testing.T) {
	q := queue(nil)
	a, b := delivery("p", "an"), delivery("r", "an")
	b.Incident, b.Kind, b.Step = a.Incident, "recovery", -1
	q.Add(a)
	q.Add(b)
	if e := q.Cancel(a.Incident, "ack"); len(e) != 1 || e[0].Delivery.ID != "p" {
		t.Errorf("%+v", e)
	}
	out, _, _ := q.Due(t0)
	if len(out) != 1 || out[0].Carrier.ID != "r" {
		t.Errorf("%+v", out)
	}
}

func TestLoadMarksWhatWasBeingSent(t *testing.T) {
	q := queue(nil)
	a, b := delivery("a", "an"), delivery("b", "binh")
	a.Status, b.Status = Sending, Queued
	q.Load([]Delivery{a, b}, t0)
	x, _ := q.Get("a")
	y, _ := q.Get("b")
	if !x.Repeat || y.Repeat {
		t.Errorf("repeat %v %v, want the one being sent only", x.Repeat, y.Repeat)
	}
	if len(q.Changed()) != 1 {
		t.Error("the mark would not be saved")
	}
}

func TestForgetKeepsWhatIsNotSavedOrWaits(t *testing.T) {
	q := queue(nil)
	q.Add(delivery("a", "an"))
	q.Add(delivery("b", "binh"))
	q.Due(t0)
	sent(q, "a", t0)
	q.Forget(t0.Add(4 * time.Hour))
	if _, ok := q.Get("a"); !ok {
		t.Error("forgotten before it was saved")
	}
	q.Saved(q.Changed())
	q.Forget(t0.Add(4 * time.Hour))
	if _, ok := q.Get("a"); ok {
		t.Error("kept for ever")
	}
	if _, ok := q.Get("b"); !ok {
		t.Error("a delivery under way was forgotten")
	}
}
