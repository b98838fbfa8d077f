package oncall

import (
	"maps"
	"slices"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/oncall/incident"
	"watchpost.example/alerting/oncall/journal"
	"watchpost.example/alerting/oncall/ladder"
	"watchpost.example/alerting/oncall/outbox"
)

// run does what a transition asked for. A step none of whose pages has an
// address is answered at once, so that the ladder goes on.
func (d *desk) run(id string, cmds []incident.Command, now time.Time) {
	type step struct{ round, step int }
	asked, queued := map[step]bool{}, map[step]bool{}
	// A person who lacks one of a step's channels is reached by the others; only
	// when he has none of them another one takes their place.
	var missing []incident.Page
	for _, c := range cmds {
		switch c := c.(type) {
		case incident.Cancel:
			for _, e := range d.queue.Cancel(id, c.Why) {
				d.note(e, now)
			}
		case incident.Page:
			k := step{c.Round, c.Step}
			asked[k] = true
			if t, ok := d.target(c.Person, c.By); ok {
				d.enqueue(id, c, t, now)
				queued[k] = true
			} else {
				missing = append(missing, c)
			}
		}
	}
	for _, c := range missing {
		if d.substitute(id, c, now) {
			queued[step{c.Round, c.Step}] = true
		}
	}
	for k := range asked {
		if k.step >= 0 && !queued[k] {
			d.apply(id, incident.Undelivered{Round: k.round, Step: k.step, Why: "nobody of this step has a usable address"}, now)
		}
	}
}

// enqueue puts one page into the outbox.
func (d *desk) enqueue(id string, c incident.Page, t outbox.Target, now time.Time) {
	del := d.delivery(id, c, now)
	del.Channel, del.Address = t.Channel, t.Address
	d.queue.Add(del)
	d.journal(journal.Entry{At: now, Kind: journal.Queued, Incident: id, Page: del.ID, What: c.About, Who: c.Person, How: t.Channel, Drill: d.incidents[id].Drill})
}

func (d *desk) delivery(id string, c incident.Page, now time.Time) outbox.Delivery {
	return outbox.Delivery{
		ID: newPageID(), Incident: id, Person: c.Person, Kind: c.Kind, About: c.About, Round: c.Round, Step: c.Step, Urgent: c.Urgent, Created: now,
	}
}

// substitute finds another channel for a page whose own the person has not;
// false when nothing reaches the person at this step.
func (d *desk) substitute(id string, c incident.Page, now time.Time) bool {
	del := d.delivery(id, c, now)
	if len(d.queue.Used(del)) > 0 {
		return true
	}
	if t, ok := d.fallback(del, nil); ok && c.Step >= 0 {
		d.enqueue(id, c, t, now)
		return true
	}
	d.journal(journal.Entry{At: now, Kind: journal.Outbox, Incident: id, What: "no-address", Who: c.Person, How: c.By})
	return false
}

// target finds a person's first address for a channel, for "push", or ("") for
// the least disturbing channel that is read: text before voice.
func (d *desk) target(person, by string) (outbox.Target, bool) {
	p, ok := d.roster.Person(person)
	if !ok {
		return outbox.Target{}, false
	}
	channels := []string{by}
	switch by {
	case ladder.Push:
		channels = d.ladder.Push
	case "":
		channels = slices.DeleteFunc(slices.Clone(d.ladder.Order), rings)
	}
	for _, ch := range channels {
		if a := p.Addresses[ch]; len(a) > 0 && d.has(ch) {
			return outbox.Target{Channel: ch, Address: a[0]}, true
		}
	}
	return outbox.Target{}, false
}

// rings tells whether a channel makes a call.
func rings(channel string) bool { return channel == "voice" || channel == "sip" }

func (d *desk) has(channel string) bool {
	return slices.ContainsFunc(d.opt.Channels, func(c alerting.Channel) bool { return c.Name() == channel })
}

// fallback gives the person's next address: further ones of the same channel
// first, then the channels of ladder.Order, then any other.
func (d *desk) fallback(del outbox.Delivery, used []outbox.Target) (outbox.Target, bool) {
	p, ok := d.roster.Person(del.Person)
	if !ok {
		return outbox.Target{}, false
	}
	if in := d.incidents[del.Incident]; in != nil && in.Kind == incident.KindTest && len(in.Targets) > 0 {
		return outbox.Target{}, false // a test by hand tells of each channel by itself
	}
	order := append([]string{del.Channel}, d.ladder.Order...)
	order = append(order, slices.Sorted(maps.Keys(p.Addresses))...)
	for _, ch := range order {
		if !d.has(ch) {
			continue
		}
		for _, a := range p.Addresses[ch] {
			if t := (outbox.Target{Channel: ch, Address: a}); !slices.Contains(used, t) {
				return t, true
			}
		}
	}
	return outbox.Target{}, false
}
