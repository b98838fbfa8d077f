package outbox

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"watchpost.example/alerting/oncall/ladder"
)

const (
	backoffBase = 5 * time.Second
	backoffMost = time.Minute
	// waitMost bounds how long a next hop's wish to be left alone is heeded.
	waitMost = 2 * time.Minute
	// acceptWithin: a channel that has not taken a page by then is passed by,
	// while its attempts go on.
	acceptWithin = time.Minute
	// bundleAfter: pages that waited this long go together.
	bundleAfter = 30 * time.Second
	keepFor     = 3 * time.Hour // finished deliveries stay for late receipts and limits
)

// Config is what a Queue asks of the outside. All functions must be pure.
type Config struct {
	// Rules gives a channel's rules.
	Rules func(channel string) ladder.Channel
	// Fallback gives the next address of the delivery's person that is not among
	// the used ones; ok is false when there is none.
	Fallback func(d Delivery, used []Target) (t Target, ok bool)
	// NewID gives a fresh page ID.
	NewID func() string
	// Jitter gives a number in [0, 1).
	Jitter func() float64
}

// Target is an address on a channel.
type Target struct{ Channel, Address string }

// Queue holds the deliveries that are not finished, and the finished ones of
// the last hours. It is not safe for concurrent use.
type Queue struct {
	cfg   Config
	all   map[string]*Delivery
	order []string // by Created
	dirty map[string]bool
}

// New makes an empty queue.
func New(cfg Config) *Queue {
	return &Queue{cfg: cfg, all: map[string]*Delivery{}, dirty: map[string]bool{}}
}

// Load puts back what was saved. A delivery that was being sent when the
// program stopped is queued again and marked as a possible repeat.
func (q *Queue) Load(list []Delivery, now time.Time) []Event {
	var out []Event
	slices.SortStableFunc(list, func(a, b Delivery) int { return a.Created.Compare(b.Created) })
	for _, d := range list {
		if d.Status == Sending {
			d.Carrier, d.NotBefore = "", now
			d.Error = "the pager stopped between sending and recording"
			q.dirty[d.ID] = true
			if d.Unwanted {
				d.Status = Dropped
				out = append(out, Event{What: "dropped", Delivery: d, Detail: d.Error + "; no longer wanted"})
			} else {
				d.Status, d.Repeat = Queued, true
				out = append(out, Event{What: "retry", Delivery: d, Detail: d.Error + "; sent again as a possible repeat"})
			}
		}
		q.notAhead(&d, now)
		q.all[d.ID] = &d
		q.order = append(q.order, d.ID)
	}
	return out
}

// notAhead takes the moments of a delivery back that lie further ahead than
// they can: the clock was set back since they were written, and a page must not
// wait until it has caught up.
func (q *Queue) notAhead(d *Delivery, now time.Time) {
	receipt := max(q.cfg.Rules(d.Channel).Receipt, acceptWithin)
	for _, x := range []struct {
		t    *time.Time
		most time.Duration
	}{{&d.NotBefore, 2 * backoffMost}, {&d.FallAt, receipt}, {&d.SentAt, 0}, {&d.Created, 0}} {
		if limit := now.Add(x.most); x.t.After(limit) {
			*x.t = limit
			q.dirty[d.ID] = true
		}
	}
}

// Add queues a delivery.
func (q *Queue) Add(d Delivery) {
	d.Status = Queued
	q.all[d.ID] = &d
	q.order = append(q.order, d.ID)
	q.dirty[d.ID] = true
}

// Get gives a copy of a delivery that is still in memory.
func (q *Queue) Get(id string) (Delivery, bool) {
	if d, ok := q.all[id]; ok {
		return *d, true
	}
	return Delivery{}, false
}

// Changed gives copies of all deliveries that changed since Saved, in order.
func (q *Queue) Changed() []Delivery {
	if len(q.dirty) == 0 {
		return nil
	}
	out := make([]Delivery, 0, len(q.dirty))
	for id := range q.dirty {
		out = append(out, *q.all[id])
	}
	slices.SortFunc(out, func(a, b Delivery) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// Saved says that the changes of list are on disk.
func (q *Queue) Saved(list []Delivery) {
	for _, d := range list {
		delete(q.dirty, d.ID)
	}
}

// bundle gives a carrier and all that travel with it.
func (q *Queue) bundle(id string) []*Delivery {
	d := q.all[id]
	if d == nil {
		return nil
	}
	out := []*Delivery{d}
	for _, o := range q.order {
		if x := q.all[o]; x != nil && x.Carrier == id {
			out = append(out, x)
		}
	}
	return out
}

// Incidents gives the incidents that a page told of.
func (q *Queue) Incidents(id string) []string {
	var out []string
	for _, d := range q.bundle(id) {
		if d.Incident != "" && !slices.Contains(out, d.Incident) {
			out = append(out, d.Incident)
		}
	}
	return out
}

// Cancel drops what was not yet sent for an incident. Recoveries and notices
// stay: they tell how it ended.
func (q *Queue) Cancel(incident, why string) []Event {
	var out []Event
	for _, id := range q.order {
		d := q.all[id]
		if d == nil || d.Incident != incident || d.class() != "alert" && d.class() != "test" {
			continue
		}
		// Whatever is on its way needs no other channel and no second attempt.
		switch {
		case d.Status == Queued:
			d.Status, d.Error = Dropped, why
			out = append(out, Event{What: "dropped", Delivery: *d, Detail: why})
		case d.Status == Sending:
			d.Unwanted = true
		case d.FallAt.IsZero() || d.FellBack:
			continue
		}
		d.FellBack, d.FallAt = true, time.Time{}
		q.dirty[id] = true
	}
	return out
}

// Forget drops finished deliveries that are too old to matter from memory.
func (q *Queue) Forget(now time.Time) {
	q.order = slices.DeleteFunc(q.order, func(id string) bool {
		d := q.all[id]
		if d == nil || q.dirty[id] || d.Status.Waiting() || now.Sub(d.Created) < keepFor || now.Sub(d.SentAt) < keepFor {
			return d == nil
		}
		delete(q.all, id)
		return true
	})
}

// Stats is what the metrics tell of a channel.
type Stats struct {
	Waiting int
	Oldest  time.Time // Created of the oldest that waits; zero = none
}

// Stats gives the figures by channel.
func (q *Queue) Stats() map[string]Stats {
	out := map[string]Stats{}
	for _, d := range q.all {
		if !d.Status.Waiting() {
			continue
		}
		s := out[d.Channel]
		s.Waiting++
		earliest(&s.Oldest, d.Created)
		out[d.Channel] = s
	}
	return out
}

func (q *Queue) String() string { return fmt.Sprintf("outbox with %d deliveries", len(q.all)) }
