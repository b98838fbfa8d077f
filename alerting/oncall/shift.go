package oncall

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/oncall/incident"
	"watchpost.example/alerting/oncall/journal"
	"watchpost.example/alerting/oncall/ladder"
	"watchpost.example/alerting/oncall/outbox"
)

// lateTest is how long after a shift's start its test still makes sense, when
// the pager was not running at the start.
const lateTest = 30 * time.Minute

// shifts sends the notice before each shift and the test page at its start, each
// once, also over restarts. It gives the next moment of either.
func (d *desk) shifts(now time.Time) (next time.Time) {
	for _, s := range d.roster.Shifts {
		if now.After(s.Start.Add(lateTest)) || s.Start.After(now.Add(48*time.Hour)) {
			continue
		}
		notice := s.Start.Add(-d.ladder.NoticeBefore)
		if d.ladder.NoticeBefore > 0 && now.Before(s.Start) {
			if now.Before(notice) {
				sooner(&next, notice)
			} else if d.once("notice", s.Start, now) {
				d.notice(s, now)
			}
		}
		if now.Before(s.Start) {
			sooner(&next, s.Start)
		} else if d.once("test", s.Start, now) {
			d.shiftTest(s, now)
		}
	}
	return next
}

// once is true the first time for a shift.
func (d *desk) once(what string, start, now time.Time) bool {
	name := fmt.Sprintf("shift:%s:%d", what, start.Unix())
	if d.values[name] != "" {
		return false
	}
	d.setValue(name, now.UTC().Format(time.RFC3339), start.Add(7*24*time.Hour))
	return true
}

// notice tells the incoming pair when they begin and what is open.
func (d *desk) notice(s alerting.Shift, now time.Time) {
	duty := d.roster.At(s.Start)
	for _, who := range duty.Officers {
		t, ok := d.target(who, "")
		if !ok {
			d.journal(journal.Entry{At: now, Kind: journal.Shift, What: "no-address", Who: who})
			continue
		}
		d.queue.Add(outbox.Delivery{
			ID: newPageID(), Person: who, Kind: "handover", Channel: t.Channel, Address: t.Address, Step: -1, Created: now, Text: s.Start.Format(time.RFC3339),
		})
	}
	d.journal(journal.Entry{At: now, Kind: journal.Shift, What: "notice", Who: strings.Join(duty.Officers, " "), Detail: s.Start.In(d.roster.Zone).Format(time.RFC3339)})
}

// shiftTest pages the new pair and wants both to answer: that proves their
// phones, SIM cards and credit, and that they are awake. Open incidents get a
// line of handover.
func (d *desk) shiftTest(s alerting.Shift, now time.Time) {
	duty := d.roster.At(s.Start)
	before := d.roster.At(s.Start.Add(-time.Second)).Officers
	d.journal(journal.Entry{At: now, Kind: journal.Shift, What: "begins", Who: strings.Join(duty.Officers, " "), How: duty.Deputy})
	for _, o := range duty.Applied {
		d.journal(journal.Entry{At: now, Kind: journal.Shift, What: "override", Who: o.With, How: o.Replace, Detail: o.Reason})
	}
	for _, in := range d.live() {
		if !slices.Equal(before, duty.Officers) {
			d.apply(in.ID, incident.Handover{From: before, To: duty.Officers}, now)
		}
	}
	if len(duty.Officers) == 0 {
		return
	}
	// A test of the shift before that nobody answered ends here.
	for _, in := range d.live() {
		if in.Kind == incident.KindTest && in.Policy == ladder.ShiftTest {
			d.apply(in.ID, incident.Close{Reason: "the next shift began"}, now)
		}
	}
	in := incident.Incident{Kind: incident.KindTest, Title: s.Start.In(d.roster.Zone).Format(time.RFC3339), Severity: alerting.Warning, Policy: ladder.ShiftTest}
	d.open(in, d.ladder.Named(ladder.ShiftTest), now)
}

// gap is the first moment ahead at which nobody watches; zero = none.
func (d *desk) gap(now time.Time) time.Time {
	t, _ := d.roster.NextGap(now, d.opt.GapAhead)
	return t
}
