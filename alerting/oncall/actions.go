package oncall

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/oncall/incident"
	"watchpost.example/alerting/oncall/journal"
	"watchpost.example/alerting/oncall/outbox"
	"watchpost.example/alerting/oncall/reply"
	"watchpost.example/alerting/oncall/roster"
	"watchpost.example/alerting/oncall/summary"
	"watchpost.example/alerting/oncall/ticket"
	"watchpost.example/alerting/oncall/words"
)

// ErrNotLive is what an action gives, wrapped, for an incident that is over.
var ErrNotLive = errors.New("the incident is over")

// on runs f for a live incident, found by ID or code.
func (s *Service) on(ctx context.Context, incidentID string, f func(d *desk, in *incident.Incident, now time.Time)) error {
	var bad error
	err := s.do(ctx, func(d *desk, now time.Time) {
		in := d.incidents[incidentID]
		if in == nil {
			in = d.byCode(incidentID)
		}
		if in != nil && in.Status == incident.Merged && d.incidents[in.MergedInto] != nil {
			in = d.incidents[in.MergedInto]
		}
		switch {
		case in == nil:
			bad = fmt.Errorf("%w: incident %q", ErrNotFound, incidentID)
		case !in.Status.Live():
			bad = fmt.Errorf("%w: incident %q is %s", ErrNotLive, incidentID, in.Status)
		default:
			f(d, in, now)
		}
	})
	if bad != nil {
		return bad
	}
	return err
}

// Acknowledge takes an incident (by ID or code) for somebody. It returns when
// that is on disk; after ErrUnsaved it is taken, but would be forgotten by a
// crash.
func (s *Service) Acknowledge(ctx context.Context, incidentID, who, how string) error {
	return s.on(ctx, incidentID, func(d *desk, in *incident.Incident, now time.Time) { d.act(in.ID, who, how, reply.Take, now) })
}

// Escalate sends it to the next step at once.
func (s *Service) Escalate(ctx context.Context, incidentID, who, how string) error {
	return s.on(ctx, incidentID, func(d *desk, in *incident.Incident, now time.Time) {
		d.act(in.ID, who, how, reply.Escalate, now)
	})
}

// Decline says that somebody cannot take it.
func (s *Service) Decline(ctx context.Context, incidentID, who, how string) error {
	return s.on(ctx, incidentID, func(d *desk, in *incident.Incident, now time.Time) { d.act(in.ID, who, how, reply.Decline, now) })
}

// Note writes a note into the timeline of an incident (by ID or code), also of
// one that is over.
func (s *Service) Note(ctx context.Context, incidentID, who, text string) error {
	in, ok, err := s.Incident(ctx, incidentID)
	if err != nil || !ok {
		return errors.Join(fmt.Errorf("%w: incident %q", ErrNotFound, incidentID), err)
	}
	return s.do(ctx, func(d *desk, now time.Time) {
		if d.incidents[in.ID] == nil {
			d.incidents[in.ID] = &in // long over: the next rounds let it go again
		}
		d.apply(in.ID, incident.Note{Who: who, Text: clip(text, 2000)}, now)
	})
}

// CloseIncident ends an incident by hand, with a reason.
func (s *Service) CloseIncident(ctx context.Context, incidentID, who, reason string) error {
	return s.on(ctx, incidentID, func(d *desk, in *incident.Incident, now time.Time) {
		d.apply(in.ID, incident.Close{Who: who, Reason: clip(reason, 500)}, now)
	})
}

// MaxSilence is the longest that an incident may be silenced.
const MaxSilence = 7 * 24 * time.Hour

// ErrSilence is what Silence gives, wrapped, when it can't be done as asked.
var ErrSilence = errors.New("not silenced")

// SilenceIncident mutes an incident until a moment: in Alertmanager, so that its
// alerts are muted everywhere, and here, so that the ladder rests.
func (s *Service) SilenceIncident(ctx context.Context, incidentID, who, reason string, until time.Time) error {
	now := time.Now()
	switch {
	case s.opt.Silencer == nil:
		return fmt.Errorf("%w: no Alertmanager is configured for silences", ErrSilence)
	case reason == "":
		return fmt.Errorf("%w: a reason is required", ErrSilence)
	case !until.After(now) || until.Sub(now) > MaxSilence:
		return fmt.Errorf("%w: the end must lie in the next %s", ErrSilence, MaxSilence)
	}
	var groups []incident.Group
	err := s.on(ctx, incidentID, func(_ *desk, in *incident.Incident, _ time.Time) { groups = in.Groups; incidentID = in.ID })
	if err != nil && !errors.Is(err, ErrUnsaved) {
		return err
	}
	const most = 50 // a storm's groups; more are muted here all the same
	var ids []string
	for _, g := range groups[:min(most, len(groups))] {
		m := matchers(g)
		if len(m) == 0 {
			continue
		}
		id, err := s.opt.Silencer.Silence(ctx, Silence{Matchers: m, Start: now, End: until, By: who, Comment: reason})
		if err != nil {
			return fmt.Errorf("%w: %w", ErrSilence, err)
		}
		ids = append(ids, id)
	}
	return s.on(ctx, incidentID, func(d *desk, in *incident.Incident, now time.Time) {
		d.apply(in.ID, incident.Silence{Who: who, Reason: clip(reason, 500), Until: until, IDs: ids}, now)
		for _, id := range ids {
			d.journal(journal.Entry{At: now, Kind: journal.Silence, Incident: in.ID, What: id, Who: who, Detail: reason})
		}
	})
}

// matchers are the labels that Alertmanager grouped by; without any, those that
// all alerts of the group share.
func matchers(g incident.Group) map[string]string {
	if len(g.Labels) > 0 {
		return maps.Clone(g.Labels)
	}
	if len(g.Alerts) == 0 {
		return nil
	}
	common := maps.Clone(g.Alerts[0].Labels)
	for _, a := range g.Alerts[1:] {
		maps.DeleteFunc(common, func(k, v string) bool { return a.Labels[k] != v })
	}
	return common
}

// Test pages one person on every channel and gives the incident's ID. by is who
// asked for it.
func (s *Service) Test(ctx context.Context, person, by string) (string, error) {
	var id string
	var bad error
	err := s.do(ctx, func(d *desk, now time.Time) { id, bad = d.test(person, by, now) })
	return id, errors.Join(bad, err)
}

// Drill plays a whole incident, marked as a drill on every page: the ladder
// climbs until somebody acknowledges, a minute later it recovers. It gives the
// incident's ID.
func (s *Service) Drill(ctx context.Context, by string) (string, error) {
	var id string
	err := s.do(ctx, func(d *desk, now time.Time) { id = d.drill(by, now) })
	return id, err
}

// errUsed is what a one-time link gives the second time.
var errUsed = errors.New("the link was used already")

// useTicket acknowledges by a one-time link; the use and the acknowledgement are
// one commit.
func (s *Service) useTicket(ctx context.Context, t ticket.Ticket) error {
	var bad error
	err := s.do(ctx, func(d *desk, now time.Time) {
		if d.values[t.Key()] != "" {
			bad = errUsed
			return
		}
		in := d.incidents[t.Incident]
		if in != nil && in.Status == incident.Merged && d.incidents[in.MergedInto] != nil {
			in = d.incidents[in.MergedInto]
		}
		_, known := d.roster.Person(t.Person)
		switch {
		case !known:
			bad = fmt.Errorf("%w: %q is no longer in the roster", ErrNotFound, t.Person)
		case in == nil:
			bad = fmt.Errorf("%w: incident %q", ErrNotFound, t.Incident)
		case !in.Status.Live():
			bad = fmt.Errorf("%w: incident %q is %s", ErrNotLive, t.Incident, in.Status)
		default:
			d.setValue(t.Key(), now.UTC().Format(time.RFC3339), t.Expires.Add(time.Hour))
			d.act(in.ID, t.Person, "link", reply.Take, now)
		}
	})
	if bad != nil {
		return bad
	}
	return err
}

// used tells whether a link was used.
func (s *Service) used(ctx context.Context, t ticket.Ticket) bool {
	var was bool
	if err := s.do(ctx, func(d *desk, _ time.Time) { was = d.values[t.Key()] != "" }); err != nil && !errors.Is(err, ErrUnsaved) {
		return true
	}
	return was
}

// webhook takes a group from Alertmanager.
func (s *Service) webhook(ctx context.Context, g incident.Group) error {
	return s.do(ctx, func(d *desk, now time.Time) {
		d.counts.webhooks++
		if only(g, d.opt.WatchdogAlert) {
			if g.Firing() > 0 {
				d.heard(watchdogName, now)
			}
			return
		}
		d.takeGroup(g, now)
	})
}

// Incidents lists incidents that were opened before a moment, newest first,
// from the store: also those that are long over.
func (s *Service) Incidents(ctx context.Context, before time.Time, limit int) ([]incident.Incident, error) {
	return s.store.Incidents(ctx, before, limit)
}

// Incident finds one incident: the desk's own state when it has it, else the
// store's.
func (s *Service) Incident(ctx context.Context, id string) (incident.Incident, bool, error) {
	for _, in := range s.View().Incidents {
		if in.ID == id || in.Code == id {
			return in, true, nil
		}
	}
	return s.store.Incident(ctx, id)
}

// Deliveries lists the pages of an incident.
func (s *Service) Deliveries(ctx context.Context, incidentID string) ([]outbox.Delivery, error) {
	return s.store.Deliveries(ctx, incidentID)
}

// rosterLoaded journals what a roster says, with its overrides.
func (d *desk) rosterLoaded(now time.Time) {
	d.journal(journal.Entry{
		At: now, Kind: journal.Roster, What: "loaded",
		Detail: fmt.Sprintf("%d people, %d shifts, %d overrides, %d policies", len(d.roster.People), len(d.roster.Shifts), len(d.roster.Overrides), len(d.ladder.Policies)),
	})
	for _, o := range d.roster.Overrides {
		if o.To.After(now) {
			d.journal(journal.Entry{
				At: now, Kind: journal.Roster, What: "override", Who: o.With, How: o.Replace,
				Detail: o.From.Format(time.RFC3339) + " " + o.To.Format(time.RFC3339) + " " + o.Reason,
			})
		}
	}
}

// namesOf finds names in the roster and the directory.
func namesOf(r *roster.Roster, dir Directory) words.Names {
	n := words.Names{
		Person: r.Name,
		Contact: func(unit string) string {
			if u, ok := r.Unit(unit); ok {
				return u.Name + " " + u.Phone
			}
			if dir != nil {
				_, c := dir.Unit(unit)
				return c
			}
			return ""
		},
		Unit: func(unit string) string {
			if dir == nil {
				return ""
			}
			name, _ := dir.Unit(unit)
			return name
		},
	}
	if dir != nil {
		n.System = func(unit, system string) string {
			name, _ := dir.System(unit, system)
			return name
		}
	}
	return n
}

// publish makes the picture that pages, API and metrics read.
func (s *Service) publish(now time.Time) {
	d := s.desk
	v := &View{
		At: now, Duty: d.roster.At(now), Roster: d.roster, Ladder: d.ladder, GapAt: d.gap(now),
		Saved: d.counts.refuses["store"].IsZero() && d.counts.refuses["journal"].IsZero(),
		Heard: map[string]time.Time{}, channels: map[string]channelView{}, counts: d.counts.clone(),
	}
	all := slices.SortedFunc(maps.Values(d.incidents), func(a, b *incident.Incident) int {
		return cmp.Or(b.Opened.Compare(a.Opened), cmp.Compare(a.ID, b.ID))
	})
	v.Incidents = make([]incident.Incident, len(all))
	for i, in := range all {
		v.Incidents[i] = *in
	}
	for _, x := range d.watch.hearts {
		v.Heard[x.name] = x.last
		if x.lost {
			v.Lost = append(v.Lost, x.name)
		}
	}
	stats := d.queue.Stats()
	for _, ch := range s.opt.Channels {
		v.channels[ch.Name()] = channelView{stats: stats[ch.Name()]}
	}
	s.view.Store(v)
}

type channelView struct {
	stats outbox.Stats
}

var _ alerting.OnDuty = (*Service)(nil)

// Summary gives the figures of a time from the journal and the roster.
func (s *Service) Summary(from, to time.Time) (summary.Summary, error) {
	dir := filepath.Join(s.opt.Dir, "journal")
	if _, err := journal.Files(dir); err != nil {
		return summary.Summary{}, err
	}
	return summary.Make(journal.Read(dir), s.View().Roster, from, to), nil
}
