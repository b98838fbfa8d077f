package oncall

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/oncall/incident"
	"watchpost.example/alerting/oncall/journal"
	"watchpost.example/alerting/oncall/outbox"
	"watchpost.example/alerting/oncall/reply"
	"watchpost.example/alerting/oncall/roster"
	"watchpost.example/alerting/oncall/words"
)

// act does what a person asked for one incident.
func (d *desk) act(id, who, how string, a reply.Action, now time.Time) {
	switch a {
	case reply.Take:
		d.apply(id, incident.Take{Who: who, How: how}, now)
	case reply.Escalate:
		d.apply(id, incident.Escalate{Who: who, How: how}, now)
	case reply.Decline:
		d.apply(id, incident.Decline{Who: who, How: how}, now)
	case reply.Repeat:
		d.apply(id, incident.Again{Who: who, How: how}, now)
	case reply.None:
	}
}

// outcome is one Send that came back.
type outcome struct {
	page    string
	receipt alerting.Receipt
	err     error
}

// result takes what a channel gave back for a page, with the keys pressed.
func (d *desk) result(o outcome, now time.Time) {
	incidents := d.queue.Incidents(o.page)
	del, known := d.queue.Get(o.page)
	for _, e := range d.queue.Result(o.page, o.receipt, o.err, now) {
		d.note(e, now)
	}
	if known {
		d.pressed(del, incidents, o.receipt, now)
	}
}

// receipt takes what a channel told later.
func (d *desk) receipt(r alerting.Receipt, now time.Time) {
	incidents := d.queue.Incidents(r.Page)
	del, known := d.queue.Get(r.Page)
	for _, e := range d.queue.Receipt(r, now) {
		d.note(e, now)
	}
	if known {
		d.pressed(del, incidents, r, now)
	}
}

// pressed acts on the keys of a call and on a channel's own "acknowledged".
func (d *desk) pressed(del outbox.Delivery, incidents []string, r alerting.Receipt, now time.Time) {
	a := reply.Digits(r.Digits)
	if a == reply.None && r.Status == alerting.Acknowledged {
		a = reply.Take
	}
	for _, id := range incidents {
		d.act(id, del.Person, del.Channel, a, now)
	}
}

// reply takes a message from a phone. Only people of the roster are listened to.
func (d *desk) reply(r alerting.Reply, now time.Time) {
	entry := journal.Entry{At: now, Kind: journal.Reply, How: r.Channel, Detail: roster.Mask(r.From) + ": " + clip(r.Text, 200)}
	who, ok := d.sender(r)
	if !ok {
		entry.What = "unknown-sender"
		d.journal(entry)
		d.counts.replies["unknown_sender"]++
		return
	}
	entry.Who = who
	c := reply.Parse(r.Text)
	if c.Action == reply.None {
		entry.What = "not-understood"
		d.journal(entry)
		d.counts.replies["not_understood"]++
		d.answer(who, r, now, "Không hiểu tin trả lời. Tiếp nhận: A và mã số, ví dụ A 7421. Chuyển cấp trên: E. Không xử lý được: K.",
			"Not understood. To take it reply A and the code, such as A 7421. Send up: E. Cannot: K.")
		return
	}
	ids := d.meant(who, c)
	entry.What = c.Action.String()
	if len(ids) == 0 {
		entry.What = "no-such-incident"
		d.journal(entry)
		d.counts.replies["no_such_incident"]++
		d.answer(who, r, now, "Không có sự cố đang mở với mã này, hoặc cần ghi rõ mã. Ví dụ: A 7421.",
			"No open incident has this code, or a code is needed. For example: A 7421.")
		return
	}
	entry.Incident = strings.Join(ids, " ")
	d.journal(entry)
	d.counts.replies["understood"]++
	for _, id := range ids {
		d.act(id, who, r.Channel, c.Action, now)
	}
	if c.Action == reply.Take {
		d.answer(who, r, now, fmt.Sprintf("Đã ghi nhận %s tiếp nhận %s.", d.roster.Name(who), d.codes(ids)),
			fmt.Sprintf("Noted: %s has taken %s.", d.roster.Name(who), d.codes(ids)))
	}
}

func (d *desk) codes(ids []string) string {
	var out []string
	for _, id := range ids {
		out = append(out, d.incidents[id].Code)
	}
	if len(out) > 6 {
		out = append(out[:6], fmt.Sprintf("+%d", len(ids)-6))
	}
	return strings.Join(out, ", ")
}

// sender finds the person with an address. A telephone number may come with or
// without its country code.
func (d *desk) sender(r alerting.Reply) (string, bool) {
	from := strings.TrimSpace(r.From)
	phone, err := roster.Phone(from)
	for _, p := range d.roster.People {
		for ch, list := range p.Addresses {
			for _, a := range list {
				if ch == r.Channel && a == from || err == nil && roster.Telephone(ch) && roster.Telephone(r.Channel) && a == phone {
					return p.ID, true
				}
			}
		}
	}
	return "", false
}

// meant finds the incidents of a reply: the one with the code; without a code
// the only one that the person was paged for; with "all", each of those. A code
// alone is not a secret, so somebody of the roster must be known by his number.
func (d *desk) meant(who string, c reply.Command) []string {
	var out []string
	for _, in := range d.live() {
		switch {
		case c.Code != "":
			if in.Code == c.Code {
				return []string{in.ID}
			}
		case slices.Contains(in.Reached(), who) && (in.Status == incident.Open || c.Action != reply.Take):
			out = append(out, in.ID)
		}
	}
	if c.Code != "" {
		// A part of a storm has its own code on the first pages.
		if in := d.byCode(c.Code); in != nil && in.Status == incident.Merged && d.incidents[in.MergedInto] != nil && d.incidents[in.MergedInto].Status.Live() {
			return []string{in.MergedInto}
		}
		return nil
	}
	if len(out) > 1 && !c.All {
		return nil
	}
	return out
}

// answer sends a short notice back by the channel that the reply came by, at
// most one in a minute as the limits have it.
func (d *desk) answer(who string, r alerting.Reply, now time.Time, vi, en string) {
	p, ok := d.roster.Person(who)
	if !ok || !d.has(r.Channel) || len(p.Addresses[r.Channel]) == 0 {
		return
	}
	text := vi
	if p.Language == "en" {
		text = en
	}
	d.queue.Add(outbox.Delivery{
		ID: newPageID(), Person: who, Kind: "notice", Channel: r.Channel, Address: p.Addresses[r.Channel][0], Text: text, Step: -1, Created: now,
	})
}

// test opens a test by hand for one person.
func (d *desk) test(person, by string, now time.Time) (string, error) {
	if _, ok := d.roster.Person(person); !ok {
		return "", fmt.Errorf("%w: nobody in the roster has the id %q", ErrNotFound, person)
	}
	in := incident.Incident{Kind: incident.KindTest, Title: "test " + person, Severity: alerting.Warning, Policy: "test", Targets: []string{person}}
	id := d.open(in, d.ladder.Named("test"), now)
	d.apply(id, incident.Note{Who: by, Text: "test by hand"}, now)
	return id, nil
}

// drill opens an incident that is marked as a drill on every page.
func (d *desk) drill(by string, now time.Time) string {
	a := incident.Alert{
		Fingerprint: "drill", Name: words.DrillName, Severity: alerting.Critical, Unit: words.DrillUnit, System: "cong-thong-tin", Since: now,
	}
	a.Summary = words.Summary(a, "vi") // for the API; pages have it in their reader's language
	g := incident.Group{Key: "drill:" + newPageID(), Alerts: []incident.Alert{a}}
	policy := d.ladder.Choose(alerting.Critical, 0)
	policy.Rounds = 1
	fresh := incident.Incident{Drill: true, Groups: []incident.Group{g}, Severity: alerting.Critical}
	fresh.ID, fresh.Code = d.newCode(now)
	d.journalGroup(fresh.ID, g, now)
	id := d.open(fresh, policy, now)
	d.apply(id, incident.Note{Who: by, Text: "drill"}, now)
	return id
}

// drillRecovers is how long after its acknowledgement a drill recovers by itself.
const drillRecovers = time.Minute

// endDrills lets acknowledged drills recover, so that the recovery page is
// drilled, too.
func (d *desk) endDrills(now time.Time) (next time.Time) {
	for _, in := range d.incidents {
		if !in.Drill || in.Status != incident.Acknowledged || len(in.Groups) == 0 || len(in.Acks) == 0 {
			continue
		}
		end := in.Acks[len(in.Acks)-1].At.Add(drillRecovers)
		if now.Before(end) {
			sooner(&next, end)
			continue
		}
		g := in.Groups[0]
		g.Alerts = slices.Clone(g.Alerts)
		for i := range g.Alerts {
			g.Alerts[i].Ended = now
		}
		d.apply(in.ID, incident.Alerts{Group: g}, now)
	}
	return next
}
