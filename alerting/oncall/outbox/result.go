package outbox

import (
	"slices"
	"time"

	"watchpost.example/alerting"
)

// Result takes what a Send gave back, for the carrier and all bundled with it.
func (q *Queue) Result(id string, r alerting.Receipt, err error, now time.Time) []Event {
	var out []Event
	for _, d := range q.bundle(id) {
		if d.Status != Sending {
			continue
		}
		q.dirty[d.ID] = true
		if err == nil && r.Status == alerting.Failed {
			err = errNotTaken
		}
		if err != nil {
			out = append(out, q.failed(d, r, err, now)...)
			continue
		}
		d.Provider, d.Error, d.SentAt = r.Provider, "", now
		d.Status = status(r.Status)
		if !q.wantsReceipt(d) || d.Status.rank() >= Delivered.rank() {
			d.FallAt = time.Time{}
		}
		out = append(out, Event{What: "attempt", Delivery: *d, Detail: r.Detail, Digits: r.Digits, Status: r.Status})
	}
	return out
}

type sendError string

func (e sendError) Error() string { return string(e) }

const errNotTaken sendError = "the next hop refused it"

func (q *Queue) wantsReceipt(d *Delivery) bool { return q.cfg.Rules(d.Channel).Receipt > 0 }

func status(s alerting.Status) Status {
	switch s {
	case alerting.Delivered:
		return Delivered
	case alerting.Answered:
		return Answered
	case alerting.Acknowledged:
		return Done
	}
	return Sent
}

// failed decides between another attempt and giving up.
func (q *Queue) failed(d *Delivery, r alerting.Receipt, err error, now time.Time) []Event {
	d.Error = err.Error()
	d.Carrier = ""
	out := []Event{{What: "attempt", Delivery: *d, Detail: d.Error, Digits: r.Digits, Status: alerting.Failed}}
	if d.Unwanted {
		d.Status, d.FallAt = Dropped, time.Time{}
		return append(out, Event{What: "dropped", Delivery: *d, Detail: "no longer wanted"})
	}
	if alerting.Temporary(err) && d.Attempts < q.cfg.Rules(d.Channel).Attempts {
		d.Status = Queued
		d.NotBefore = now.Add(max(q.backoff(d.Attempts), min(alerting.RetryAfter(err), waitMost)))
		return append(out, Event{What: "retry", Delivery: *d, Detail: "again at " + d.NotBefore.Format(time.RFC3339)})
	}
	d.Status, d.FallAt = Failed, time.Time{}
	out = append(out, Event{What: "failed", Delivery: *d, Detail: d.Error})
	out = append(out, q.fall(d, now, "every attempt failed")...)
	return append(out, q.stepFailed(d)...)
}

// backoff doubles from five seconds to a minute, give or take a fifth.
func (q *Queue) backoff(attempt int) time.Duration {
	b := backoffBase << min(attempt-1, 10)
	b = min(b, backoffMost)
	return time.Duration(float64(b) * (0.8 + 0.4*q.cfg.Jitter()))
}

// fall queues the page on the person's next channel, once.
func (q *Queue) fall(d *Delivery, now time.Time, why string) []Event {
	if d.FellBack || d.class() == "notice" {
		return nil // a notice is not worth ringing for
	}
	d.FellBack = true
	q.dirty[d.ID] = true
	t, ok := q.cfg.Fallback(*d, q.used(d))
	if !ok {
		return nil
	}
	n := Delivery{
		ID: q.cfg.NewID(), Incident: d.Incident, Person: d.Person, Kind: d.Kind, About: d.About, Channel: t.Channel, Address: t.Address,
		Round: d.Round, Step: d.Step, Urgent: d.Urgent, Text: d.Text, For: d.ID, Created: now,
	}
	q.Add(n)
	return []Event{{What: "fallback", Delivery: n, Detail: d.Channel + ": " + why}}
}

// used gives the addresses that the same step has for the same person.
func (q *Queue) used(d *Delivery) []Target {
	var out []Target
	for _, id := range q.order {
		x := q.all[id]
		if x != nil && x.Incident == d.Incident && x.Person == d.Person && x.Round == d.Round && x.Step == d.Step {
			if t := (Target{x.Channel, x.Address}); !slices.Contains(out, t) {
				out = append(out, t)
			}
		}
	}
	return out
}

// stepFailed tells when every delivery of a step has failed, those that took
// another's place included.
func (q *Queue) stepFailed(d *Delivery) []Event {
	if d.Incident == "" || d.Step < 0 {
		return nil
	}
	for _, x := range q.all {
		if x.Incident == d.Incident && x.Round == d.Round && x.Step == d.Step && x.Status != Failed {
			return nil
		}
	}
	return []Event{{What: "step-failed", Delivery: *d, Detail: d.Error}}
}

// Receipt takes what came later: delivered, answered, failed after all.
func (q *Queue) Receipt(r alerting.Receipt, now time.Time) []Event {
	var out []Event
	list := q.bundle(r.Page)
	if len(list) == 0 {
		list = q.byProvider(r.Provider)
	}
	for _, d := range list {
		q.dirty[d.ID] = true
		if r.Status == alerting.Failed {
			if d.Status != Sent && d.Status != Sending {
				continue // known to be delivered, or given up already
			}
			out = append(out, Event{What: "receipt", Delivery: *d, Detail: r.Detail, Status: r.Status})
			d.Status, d.Error, d.FallAt = Failed, "not delivered: "+r.Detail, time.Time{}
			out = append(out, q.fall(d, now, d.Error)...)
			out = append(out, q.stepFailed(d)...)
			continue
		}
		if s := status(r.Status); s.rank() > d.Status.rank() && d.Status != Failed && d.Status != Dropped {
			d.Status = s
		}
		if d.Status.rank() >= Delivered.rank() || !q.wantsReceipt(d) {
			d.FallAt = time.Time{}
		}
		if d.SentAt.IsZero() {
			d.SentAt = now
		}
		out = append(out, Event{What: "receipt", Delivery: *d, Detail: r.Detail, Digits: r.Digits, Status: r.Status})
	}
	return out
}

func (q *Queue) byProvider(provider string) []*Delivery {
	if provider == "" {
		return nil
	}
	for _, id := range q.order {
		if d := q.all[id]; d != nil && d.Provider == provider {
			return q.bundle(d.ID)
		}
	}
	return nil
}

// Overdue starts the next channel for what is not certain in time, and gives
// the next moment at which something could be overdue.
func (q *Queue) Overdue(now time.Time) ([]Event, time.Time) {
	var (
		out  []Event
		next time.Time
	)
	for _, id := range slices.Clone(q.order) {
		d := q.all[id]
		if d == nil || d.FallAt.IsZero() || d.FellBack {
			continue
		}
		if d.FallAt.After(now) {
			earliest(&next, d.FallAt)
			continue
		}
		why := "no delivery receipt in time"
		if d.Status.Waiting() {
			why = "not taken in time: " + d.Error
		}
		d.FallAt = time.Time{}
		q.dirty[id] = true
		out = append(out, q.fall(d, now, why)...)
	}
	return out, next
}

// Used gives the addresses that the step of a new delivery has for its person.
func (q *Queue) Used(d Delivery) []Target { return q.used(&d) }
