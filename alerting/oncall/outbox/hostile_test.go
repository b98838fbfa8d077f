package outbox

import (
	"errors"
	"slices"
	"testing"
	"time"

	"watchpost.example/alerting"
)

func whats(events []Event) []string {
	var out []string
	for _, e := range events {
		out = append(out, e.What)
	}
	return out
}

// The power fails while a page is on its way that was called off meanwhile.
func TestCalledOffWhileBeingSentIsNotSentAgain(t *testing.T) {
	q := queue(nil)
	q.Add(delivery("p", "an"))
	q.Due(t0)
	q.Cancel("i-p", "ack")
	saved := q.Changed()
	if len(saved) != 1 || !saved[0].Unwanted {
		t.Fatalf("the mark would not be saved: %+v", saved)
	}
	again := queue(nil)
	if e := again.Load(saved, t0.Add(time.Minute)); !slices.Equal(whats(e), []string{"dropped"}) {
		t.Errorf("%v", whats(e))
	}
	if out, _, _ := again.Due(t0.Add(time.Hour)); len(out) != 0 {
		t.Errorf("sent again: %+v", out)
	}
}

// What was sent and waits for its receipt needs no other channel once it was
// called off, over a restart, too.
func TestCalledOffNeedsNoOtherChannel(t *testing.T) {
	q := queue(nil)
	q.Add(delivery("p", "an"))
	q.Due(t0)
	q.Result("p", alerting.Receipt{Status: alerting.Accepted}, nil, t0)
	q.Saved(q.Changed())
	q.Cancel("i-p", "ack")
	saved := q.Changed()
	if len(saved) != 1 {
		t.Fatalf("the change would not be saved: %+v", saved)
	}
	again := queue(nil)
	again.Load(saved, t0)
	for _, x := range []*Queue{q, again} {
		if e, _ := x.Overdue(t0.Add(time.Hour)); len(e) != 0 {
			t.Errorf("%v", whats(e))
		}
	}
}

// One telephone, one call or message at a time, whatever it is about.
func TestOneAtATimeToAPerson(t *testing.T) {
	q := queue(nil)
	a, b := delivery("a", "an"), delivery("b", "an")
	b.Kind, b.Step = "notice", -1
	q.Add(a)
	q.Add(b)
	if out, _, _ := q.Due(t0); len(out) != 1 || out[0].Carrier.ID != "a" {
		t.Fatalf("%+v", out)
	}
	if out, _, _ := q.Due(t0.Add(10 * time.Minute)); len(out) != 0 {
		t.Errorf("a second one while the first is on its way: %+v", out)
	}
	sent(q, "a", t0)
	if out, _, _ := q.Due(t0.Add(10 * time.Minute)); len(out) != 1 {
		t.Errorf("%+v", out)
	}
}

// A test must go out now: it asks whether the telephone works now.
func TestTestsAreNotHeldBack(t *testing.T) {
	q := queue(nil)
	for _, id := range []string{"a", "b"} {
		d := delivery(id, "an")
		d.Kind = "test"
		q.Add(d)
		if out, _, _ := q.Due(t0.Add(time.Second)); len(out) != 1 {
			t.Fatalf("%s is held back", id)
		}
		sent(q, id, t0)
	}
}

func TestNoticeThatFailsRingsNobody(t *testing.T) {
	q := queue(nil)
	d := delivery("n", "an")
	d.Kind, d.Step = "notice", -1
	q.Add(d)
	q.Due(t0)
	if e := q.Result("n", alerting.Receipt{}, alerting.Permanent(errors.New("x")), t0); slices.Contains(whats(e), "fallback") {
		t.Errorf("%v", whats(e))
	}
}

// As long as one page of a step is on its way to somebody, the step has not failed.
func TestStepFailsOnlyWhenAllOfItDid(t *testing.T) {
	q := queue(nil)
	for _, who := range []string{"an", "binh"} {
		d := delivery(who, who)
		d.Incident, d.FellBack = "i", true
		q.Add(d)
	}
	q.Due(t0)
	q.Result("an", alerting.Receipt{Status: alerting.Accepted}, nil, t0)
	dead := alerting.Permanent(errors.New("wrong number"))
	if e := q.Result("binh", alerting.Receipt{}, dead, t0); slices.Contains(whats(e), "step-failed") {
		t.Errorf("an's was accepted: %v", whats(e))
	}
	if e := q.Receipt(alerting.Receipt{Page: "an", Status: alerting.Failed, Detail: "expired"}, t0); !slices.Contains(whats(e), "step-failed") {
		t.Errorf("now both have failed: %v", whats(e))
	}
	// A gateway that changes its mind does not bring a page back to life.
	q.Receipt(alerting.Receipt{Page: "an", Status: alerting.Delivered}, t0)
	if d, _ := q.Get("an"); d.Status != Failed {
		t.Errorf("%s", d.Status)
	}
}

// A clock that was an hour ahead when it was saved must not hold anything back.
func TestMomentsAheadAreTakenBack(t *testing.T) {
	q := queue(nil)
	d := delivery("p", "an")
	ahead := t0.Add(time.Hour)
	d.Status, d.NotBefore, d.Created = Queued, ahead, ahead
	old := delivery("old", "an")
	old.Status, old.SentAt, old.Created = Delivered, ahead, ahead
	q.Load([]Delivery{d, old}, t0)
	var out []Dispatch
	now := t0
	for ; now.Before(t0.Add(5*time.Minute)) && len(out) == 0; now = now.Add(10 * time.Second) {
		out, _, _ = q.Due(now)
	}
	if len(out) != 1 {
		t.Fatal("nothing was sent within five minutes")
	}
}
