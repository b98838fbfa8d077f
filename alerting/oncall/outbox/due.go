package outbox

import (
	"slices"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/oncall/ladder"
)

// Dispatch is a page to be sent now: the delivery that carries it and those
// bundled with it, the carrier first.
type Dispatch struct {
	Carrier Delivery
	With    []Delivery
}

// Due picks what may be sent at now and marks it Sending. The second result is
// when to ask again; zero when only new events can bring work. The caller
// renders the page (SetPage), saves, and then sends.
func (q *Queue) Due(now time.Time) ([]Dispatch, time.Time, []Event) {
	var (
		out    []Dispatch
		next   time.Time
		events []Event
	)
	busy, flying := q.inFlight()
	for _, key := range q.lanes(now, &next) {
		rules := q.cfg.Rules(key.channel)
		if busy[key.lane()] || rules.Parallel > 0 && flying[key.channel] >= rules.Parallel {
			continue // the end of a send asks again
		}
		waiting := q.waiting(key, now)
		if key.class != "test" {
			if free := q.freeAt(key, rules.Limits, now); free.After(now) {
				events = append(events, q.hold(waiting, free)...)
				earliest(&next, free)
				continue
			}
		}
		d := q.dispatch(waiting, len(rules.Limits) > 0, now)
		busy[key.lane()] = true
		flying[key.channel]++
		out = append(out, d)
	}
	return out, next, events
}

// key is a queue of its own: one class of pages for one person on one channel.
type key struct{ channel, person, class string }

func (k key) lane() string { return k.channel + "\x00" + k.person }

func (q *Queue) inFlight() (busy map[string]bool, flying map[string]int) {
	busy, flying = map[string]bool{}, map[string]int{}
	seen := map[string]bool{}
	for _, d := range q.all {
		if d.Status != Sending {
			continue
		}
		lane := key{d.Channel, d.Person, ""}.lane()
		busy[lane] = true
		if !seen[lane] {
			seen[lane] = true
			flying[d.Channel]++
		}
	}
	return busy, flying
}

// lanes gives the keys with something due, the most urgent first, and the
// earliest moment at which another one will have something.
func (q *Queue) lanes(now time.Time, next *time.Time) []key {
	var keys []key
	best := map[key]int{}
	for _, id := range q.order {
		d := q.all[id]
		if d == nil || d.Status != Queued {
			continue
		}
		if d.NotBefore.After(now) {
			earliest(next, d.NotBefore)
			continue
		}
		k := key{d.Channel, d.Person, d.class()}
		p := priority(d)
		if old, ok := best[k]; !ok {
			keys = append(keys, k)
			best[k] = p
		} else if p > old {
			best[k] = p
		}
	}
	slices.SortStableFunc(keys, func(a, b key) int { return best[b] - best[a] })
	return keys
}

func priority(d *Delivery) int {
	switch {
	case d.class() == "alert" && d.Urgent:
		return 3
	case d.class() == "alert", d.class() == "test":
		return 2
	}
	return 1
}

func (q *Queue) waiting(k key, now time.Time) []*Delivery {
	var out []*Delivery
	for _, id := range q.order {
		d := q.all[id]
		if d != nil && d.Status == Queued && !d.NotBefore.After(now) && d.Channel == k.channel && d.Person == k.person && d.class() == k.class {
			out = append(out, d)
		}
	}
	slices.SortStableFunc(out, func(a, b *Delivery) int { return priority(b) - priority(a) })
	return out
}

// dispatch takes the first page alone; where pages have been held back for a
// while, all of them together in one.
func (q *Queue) dispatch(waiting []*Delivery, limited bool, now time.Time) Dispatch {
	take := waiting[:1]
	if limited && len(waiting) > 1 && waiting[0].class() != "test" && waiting[0].class() != "handover" &&
		slices.ContainsFunc(waiting, func(d *Delivery) bool { return now.Sub(d.Created) >= bundleAfter }) {
		take = waiting
	}
	carrier := take[0]
	var out Dispatch
	for _, d := range take {
		d.Status, d.Carrier, d.Attempts = Sending, "", d.Attempts+1
		if d != carrier {
			d.Carrier = carrier.ID
			d.Address = carrier.Address
		}
		if d.FallAt.IsZero() && !d.FellBack {
			within := q.cfg.Rules(d.Channel).Receipt
			if within == 0 {
				within = acceptWithin
			}
			d.FallAt = now.Add(within)
		}
		q.dirty[d.ID] = true
		if d != carrier {
			out.With = append(out.With, *d)
		}
	}
	out.Carrier = *carrier
	return out
}

// SetPage keeps the page as it is handed to the channel.
func (q *Queue) SetPage(id string, p alerting.Page) {
	if d := q.all[id]; d != nil {
		d.Page = p
		q.dirty[id] = true
	}
}

// freeAt is the first moment at which every limit has room.
func (q *Queue) freeAt(k key, limits []ladder.Limit, now time.Time) time.Time {
	if len(limits) == 0 {
		return now
	}
	var sent []time.Time
	for _, d := range q.all {
		if d.Channel == k.channel && d.Person == k.person && d.Carrier == "" && !d.SentAt.IsZero() && d.Kind != "test" {
			sent = append(sent, d.SentAt)
		}
	}
	slices.SortFunc(sent, time.Time.Compare)
	free := now
	for _, l := range limits {
		if len(sent) < l.N {
			continue
		}
		if t := sent[len(sent)-l.N].Add(l.Per); t.After(free) {
			free = t
		}
	}
	return free
}

func (q *Queue) hold(waiting []*Delivery, until time.Time) []Event {
	var out []Event
	for _, d := range waiting {
		if d.Held {
			continue
		}
		d.Held = true
		q.dirty[d.ID] = true
		out = append(out, Event{What: "held", Delivery: *d, Detail: "the limit of pages to this person on this channel holds it until " + until.Format(time.RFC3339)})
	}
	return out
}

func earliest(t *time.Time, v time.Time) {
	if t.IsZero() || v.Before(*t) {
		*t = v
	}
}
