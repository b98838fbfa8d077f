package oncall

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"time"

	"watchpost.example/alerting/oncall/incident"
	"watchpost.example/alerting/oncall/journal"
	"watchpost.example/alerting/oncall/ladder"
	"watchpost.example/alerting/oncall/outbox"
	"watchpost.example/alerting/oncall/roster"
	"watchpost.example/alerting/oncall/store"
)

// remember is how long ended incidents stay in memory: their codes are not
// given out again, and a reply to one is still understood.
const remember = 24 * time.Hour

// desk owns all state. Only the goroutine of Service.loop touches it.
type desk struct {
	opt    *Options
	roster *roster.Roster
	ladder *ladder.Ladder
	queue  *outbox.Queue

	incidents map[string]*incident.Incident
	byKey     map[string]string // group key to the incident that has it
	changed   map[string]bool   // incidents to be saved
	values    map[string]string
	newValues []store.Value
	lines     []store.Line // not in the journal's file yet
	unsaved   int          // of lines, how many are not in the store yet: the last ones
	seq       int64        // of the last line
	sent      map[string]int
	watch     watch
	firing    firing // what fires, as it was last told
	counts    counts
}

func newDesk(opt *Options) *desk {
	d := &desk{
		opt: opt, roster: opt.Roster, ladder: opt.Ladder,
		incidents: map[string]*incident.Incident{}, byKey: map[string]string{}, changed: map[string]bool{},
		values: map[string]string{}, sent: map[string]int{}, counts: newCounts(),
	}
	d.queue = outbox.New(outbox.Config{
		Rules:    func(ch string) ladder.Channel { return d.ladder.Channel(ch) },
		Fallback: d.fallback,
		NewID:    newPageID,
		Jitter:   jitter,
	})
	return d
}

func newPageID() string { return "p" + rand.Text()[:16] }

func jitter() float64 { return float64(number(1000)) / 1000 }

// number gives a random number in [0, n).
func number(n int64) int64 {
	v, err := rand.Int(rand.Reader, big.NewInt(n))
	if err != nil {
		return 0 // crypto/rand never fails since Go 1.24
	}
	return v.Int64()
}

// load takes up what a former run left.
func (d *desk) load(st store.State, journalSeq int64, now time.Time) {
	for _, in := range st.Incidents {
		if back := in.NotAhead(now); back > 0 {
			d.changed[in.ID] = true
			d.opt.Logger.Warn("on-call: the clock was set back since an incident was saved; its next page moves with it", "incident", in.ID, "by", back)
		}
		d.keep(in)
	}
	maps.Copy(d.values, st.Values)
	d.seq = journalSeq
	for _, l := range st.Lines {
		if l.Seq > journalSeq {
			d.lines = append(d.lines, l)
			d.seq = max(d.seq, l.Seq)
		}
	}
	d.journal(journal.Entry{At: now, Kind: journal.Service, What: "start", Detail: fmt.Sprintf("%d incidents, %d deliveries loaded", len(st.Incidents), len(st.Deliveries))})
	for _, e := range d.queue.Load(st.Deliveries, now) {
		d.note(e, now)
	}
}

// keep puts an incident into the maps.
func (d *desk) keep(in incident.Incident) {
	d.incidents[in.ID] = &in
	if in.Status == incident.Merged {
		return
	}
	for _, g := range in.Groups {
		if old, ok := d.incidents[d.byKey[g.Key]]; !ok || !old.Status.Live() || in.Status.Live() {
			d.byKey[g.Key] = in.ID
		}
	}
}

// journal numbers an entry and keeps it for the next commit.
func (d *desk) journal(e journal.Entry) {
	d.seq++
	e.Seq = d.seq
	e.Detail = clip(e.Detail, 2000)
	b, err := json.Marshal(e)
	if err != nil {
		b = fmt.Appendf(nil, `{"seq":%d,"kind":"service","what":"unwritable"}`, d.seq) // no field of Entry can fail
	}
	d.lines = append(d.lines, store.Line{Seq: d.seq, Body: b})
	d.unsaved++
}

func (d *desk) setValue(name, text string, expires time.Time) {
	d.values[name] = text
	d.newValues = append(d.newValues, store.Value{Name: name, Text: text, Expires: expires})
}

// world is what the state machine may know.
func (d *desk) world(in *incident.Incident, now time.Time) incident.World {
	p := d.ladder.Choose(in.Severity, in.Level)
	if in.Policy == ladder.ShiftTest || in.Policy == ladder.HandTest {
		p = d.ladder.Named(in.Policy)
	}
	if in.Drill {
		p.Rounds = 1 // a drill ends by itself
	}
	return incident.World{Now: now.In(d.roster.Zone), Policy: p, Duty: d.roster.At(now)}
}

// open starts an incident and pages its first step.
func (d *desk) open(in incident.Incident, policy ladder.Policy, now time.Time) string {
	if in.ID == "" {
		in.ID, in.Code = d.newCode(now)
	}
	out, cmds := incident.Start(in, incident.World{Now: now.In(d.roster.Zone), Policy: policy, Duty: d.roster.At(now)})
	d.keep(out)
	d.changed[out.ID] = true
	d.tell(out, out.Logged)
	d.run(out.ID, cmds, now)
	return out.ID
}

// newCode gives a code that no incident of the last day has.
func (d *desk) newCode(now time.Time) (id, code string) {
	most := int64(9000)
	base := int64(1000)
	if len(d.incidents) > 4000 {
		base, most = 10000, 90000
	}
	for {
		code = fmt.Sprint(base + number(most))
		id = now.In(d.roster.Zone).Format("20060102") + "-" + code
		if d.incidents[id] == nil && d.byCode(code) == nil {
			return id, code
		}
	}
}

func (d *desk) byCode(code string) *incident.Incident {
	for _, in := range d.incidents {
		if in.Code == code {
			return in
		}
	}
	return nil
}

// apply runs one event through the state machine and does what it asks.
func (d *desk) apply(id string, ev incident.Event, now time.Time) {
	in := d.incidents[id]
	if in == nil {
		return
	}
	out, cmds := incident.Apply(*in, ev, d.world(in, now))
	if out.Logged == in.Logged && len(cmds) == 0 && same(*in, out) {
		return
	}
	fresh := out.Logged - in.Logged
	d.keep(out)
	d.changed[id] = true
	d.tell(out, fresh)
	d.run(id, cmds, now)
}

// same compares what an event without a line may still change.
func same(a, b incident.Incident) bool {
	return a.Status == b.Status && a.NextAt.Equal(b.NextAt) && slices.EqualFunc(a.Groups, b.Groups, func(x, y incident.Group) bool {
		return x.Key == y.Key && x.Cut == y.Cut && slices.EqualFunc(x.Alerts, y.Alerts, func(p, q incident.Alert) bool {
			return p.Fingerprint == q.Fingerprint && p.Ended.Equal(q.Ended) && p.Summary == q.Summary
		})
	})
}

// tell puts the last n lines of a timeline into the journal.
func (d *desk) tell(in incident.Incident, n int) {
	n = min(n, len(in.Timeline))
	for _, l := range in.Timeline[len(in.Timeline)-n:] {
		d.journal(journal.Entry{
			At: l.At, Kind: journal.Incident, Incident: in.ID, What: l.What, Who: l.Who, How: l.How, Detail: l.Text,
			Severity: in.Severity, Drill: in.Drill, Test: in.Kind == incident.KindTest,
		})
	}
}

// note journals what the outbox did and tells the incident when a whole step
// has failed.
func (d *desk) note(e outbox.Event, now time.Time) {
	kind := journal.Outbox
	switch e.What {
	case "attempt":
		kind = journal.Attempt
		d.counts.attempt(e)
	case "receipt":
		kind = journal.Receipt
	case "step-failed":
		d.apply(e.Delivery.Incident, incident.Undelivered{Round: e.Delivery.Round, Step: e.Delivery.Step, Why: e.Detail}, now)
		return
	}
	status := string(e.Status)
	if status == "" {
		status = string(e.Delivery.Status)
	}
	d.journal(journal.Entry{
		At: now, Kind: kind, Incident: e.Delivery.Incident, Page: e.Delivery.ID, What: e.What, Who: e.Delivery.Person, How: e.Delivery.Channel,
		Status: status, Digits: e.Digits, Repeat: e.Delivery.Repeat, Detail: roster.Mask(e.Delivery.Address) + " " + e.Detail,
	})
}

// live gives the live incidents, oldest first.
func (d *desk) live() []*incident.Incident {
	var out []*incident.Incident // values are large, and a storm has a thousand
	for _, in := range d.incidents {
		if in.Status.Live() {
			out = append(out, in)
		}
	}
	slices.SortFunc(out, func(a, b *incident.Incident) int { return cmp.Or(a.Opened.Compare(b.Opened), cmp.Compare(a.ID, b.ID)) })
	return out
}

// tick lets time pass for incidents and outbox and gives the next moment at
// which there is something to do.
func (d *desk) tick(now time.Time) time.Time {
	var next time.Time
	for _, id := range slices.Sorted(maps.Keys(d.incidents)) {
		in := d.incidents[id]
		if !in.NextAt.IsZero() && !now.Before(in.NextAt) {
			d.overMeanwhile(*in, now)
			d.apply(id, incident.Tick{}, now)
			in = d.incidents[id]
		}
		sooner(&next, in.NextAt)
		if in.Ended.IsZero() || in.Status.Live() || now.Sub(in.Ended) < remember || d.changed[id] {
			continue
		}
		delete(d.incidents, id)
		for _, g := range in.Groups {
			if d.byKey[g.Key] == id {
				delete(d.byKey, g.Key)
			}
		}
	}
	events, over := d.queue.Overdue(now)
	for _, e := range events {
		d.note(e, now)
	}
	sooner(&next, over)
	d.queue.Forget(now)
	return next
}

func sooner(t *time.Time, v time.Time) {
	if !v.IsZero() && (t.IsZero() || v.Before(*t)) {
		*t = v
	}
}
