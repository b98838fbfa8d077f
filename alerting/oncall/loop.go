package oncall

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/oncall/incident"
	"watchpost.example/alerting/oncall/journal"
	"watchpost.example/alerting/oncall/outbox"
	"watchpost.example/alerting/oncall/store"
	"watchpost.example/alerting/oncall/ticket"
	"watchpost.example/alerting/oncall/words"
)

const (
	maxBatch  = 256             // calls that share one commit
	stopGrace = 5 * time.Second // for sends under way when stopping
	// maxSleep bounds how long the desk trusts its timer: a clock that was set
	// forward must not delay a page.
	maxSleep = 10 * time.Second
)

// loop is the desk: it takes events one after another, saves what they changed
// in one commit, and starts the sends. It ends after ctx, when no send is under
// way or the grace is over.
func (s *Service) loop(ctx context.Context) {
	sending, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	done := ctx.Done()
	var grace <-chan time.Time
	for {
		var batch []call
		select {
		case c := <-s.calls:
			batch = s.drain(c)
		case <-timer.C:
		case <-s.saver.back:
			s.saver.returned()
		case <-done:
			done = nil
			grace = time.After(stopGrace)
			batch = []call{{do: func(d *desk, now time.Time) {
				d.journal(journal.Entry{At: now, Kind: journal.Service, What: "stop"})
			}}}
		case <-grace:
			return
		}
		next := s.turn(sending, batch, done == nil)
		if done == nil && s.flying == 0 {
			return
		}
		timer.Reset(next)
	}
}

func (s *Service) drain(first call) []call {
	batch := []call{first}
	for len(batch) < maxBatch {
		select {
		case c := <-s.calls:
			batch = append(batch, c)
		default:
			return batch
		}
	}
	return batch
}

// turn is one round of the desk; it gives how long to sleep at most.
func (s *Service) turn(sending context.Context, batch []call, stopping bool) time.Duration {
	d, now := s.desk, time.Now()
	for _, c := range batch {
		s.guarded(c.do, now)
	}
	var next time.Time
	s.guarded(func(d *desk, now time.Time) {
		sooner(&next, d.watchAll(now))
		sooner(&next, d.shifts(now))
		sooner(&next, d.endDrills(now))
		sooner(&next, d.tick(now))
	}, now)
	var out []outbox.Dispatch
	if !stopping {
		var due time.Time
		var events []outbox.Event
		out, due, events = d.queue.Due(now)
		sooner(&next, due)
		for _, e := range events {
			d.note(e, now)
		}
		for i := range out {
			s.render(&out[i], now)
		}
	}
	err := s.save(now)
	for _, x := range out {
		s.start(sending, x)
	}
	s.publish(now)
	for _, c := range batch {
		if c.done != nil {
			c.done <- err
		}
	}
	if err != nil {
		sooner(&next, now.Add(time.Second))
	}
	if next.IsZero() {
		return maxSleep
	}
	return min(max(time.Until(next), 0), maxSleep)
}

// guarded runs a piece of the desk's work; a fault of ours in it must not
// silence the pager.
func (s *Service) guarded(f func(d *desk, now time.Time), now time.Time) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("on-call: a fault of ours; the pager goes on", "panic", fmt.Sprint(p))
			s.desk.journal(journal.Entry{At: now, Kind: journal.Service, What: "panic", Detail: fmt.Sprint(p)})
		}
	}()
	f(s.desk, now)
}

// save commits what changed. After a failure everything stays marked and is
// tried again at the next turn.
func (s *Service) save(now time.Time) error {
	d := s.desk
	b := d.batch()
	if b.Empty() && len(d.lines) == 0 {
		return nil
	}
	fresh := make([]journal.Line, len(d.lines))
	for i, l := range d.lines {
		fresh[i] = journal.Line{Seq: l.Seq, Body: l.Body}
	}
	out := s.saver.save(b, fresh)
	if out.commit == nil {
		for _, in := range b.Incidents {
			delete(d.changed, in.ID)
		}
		d.queue.Saved(b.Deliveries)
		d.newValues = d.newValues[min(len(b.Values), len(d.newValues)):]
		d.unsaved = 0
	}
	// Lines leave memory when they are in the file; while the file refuses, the
	// store has them, and while both refuse, the newest stay.
	if out.written >= 0 {
		d.lines = slices.DeleteFunc(d.lines, func(l store.Line) bool { return l.Seq <= out.written })
		d.unsaved = min(d.unsaved, len(d.lines))
	} else if len(d.lines) > maxLines {
		cut := len(d.lines) - maxLines
		d.lines = slices.Delete(d.lines, 0, cut)
		d.unsaved = min(d.unsaved, len(d.lines))
	}
	s.report(out, now)
	if out.commit != nil {
		return fmt.Errorf("%w: %w", ErrUnsaved, out.commit)
	}
	return nil
}

const maxLines = 20000

// report logs the first failure and the recovery of the disk, not each.
func (s *Service) report(out saved, now time.Time) {
	for name, err := range map[string]error{"store": out.commit, "journal": out.journal} {
		was := s.desk.counts.refuses[name]
		switch {
		case err != nil && was.IsZero():
			s.desk.counts.refuses[name] = now
			s.log.Error("on-call can't save; pages go out all the same", "what", name, "error", err)
		case err == nil && !was.IsZero():
			delete(s.desk.counts.refuses, name)
			s.log.Info("on-call can save again", "what", name, "after", now.Sub(was))
		}
	}
}

// render writes the page that a dispatch carries.
func (s *Service) render(x *outbox.Dispatch, now time.Time) {
	d := s.desk
	c := x.Carrier
	person, _ := d.roster.Person(c.Person)
	d.sent[c.Person]++
	v := words.View{
		Kind: c.Kind, About: c.About, Person: person, Text: c.Text, Now: now, Zone: d.roster.Zone, Seq: d.sent[c.Person], Repeat: c.Repeat, Names: s.names(),
	}
	for _, o := range x.With {
		v.Repeat = v.Repeat || o.Repeat
		if in := d.incidents[o.Incident]; in != nil && o.Incident != c.Incident {
			v.Others = append(v.Others, *in)
		}
		if o.Incident == "" {
			v.Text += " / " + o.Text
		}
	}
	if c.Kind == "handover" {
		v.Start, _ = time.Parse(time.RFC3339, c.Text)
		for _, in := range d.live() {
			if in.Kind == incident.KindAlert {
				v.Others = append(v.Others, *in)
			}
		}
		v.WebURL = s.link("/oncall/")
	}
	if in := d.incidents[c.Incident]; in != nil {
		v.Incident = *in
		v.WebURL = s.link("/oncall/incident/" + in.ID)
		if in.Status.Live() && c.Person != "" {
			v.AckURL = s.ackURL(c, now)
		}
	}
	p := words.Render(v)
	p.ID, p.Incident, p.Created, p.Code = c.ID, c.Incident, now, v.Incident.Code
	d.queue.SetPage(c.ID, p)
	x.Carrier.Page = p
	d.journal(journal.Entry{
		At: now, Kind: journal.Starting, Incident: c.Incident, Page: c.ID, What: c.About, Who: c.Person, How: c.Channel,
		Repeat: v.Repeat, Drill: v.Incident.Drill, Test: v.Incident.Kind == incident.KindTest, Detail: bundleDetail(x),
	})
}

func bundleDetail(x *outbox.Dispatch) string {
	if len(x.With) == 0 {
		return ""
	}
	ids := make([]string, len(x.With))
	for i, o := range x.With {
		ids[i] = o.ID
	}
	return fmt.Sprintf("bundled with %d pages: %s", len(ids), strings.Join(ids[:min(20, len(ids))], " "))
}

func (s *Service) link(path string) string {
	if s.opt.ExternalURL == "" {
		return ""
	}
	return strings.TrimSuffix(s.opt.ExternalURL, "/") + path
}

// ticketFor is how long a one-time link lives.
const ticketFor = 12 * time.Hour

func (s *Service) ackURL(c outbox.Delivery, now time.Time) string {
	if s.opt.ExternalURL == "" {
		return ""
	}
	return s.link("/ack/" + s.tickets.Sign(ticket.Ticket{Incident: c.Incident, Person: c.Person, Page: c.ID, Expires: now.Add(ticketFor).Truncate(time.Second)}))
}

func (s *Service) names() words.Names {
	r, dir := s.desk.roster, s.opt.Directory
	return namesOf(r, dir)
}

// start sends a page in a goroutine of its own: pages of different persons and
// channels never wait for each other.
func (s *Service) start(ctx context.Context, x outbox.Dispatch) {
	c := x.Carrier
	i := slices.IndexFunc(s.opt.Channels, func(ch alerting.Channel) bool { return ch.Name() == c.Channel })
	if i < 0 {
		s.desk.result(outcome{page: c.ID, err: alerting.Permanent(fmt.Errorf("no channel %q", c.Channel))}, time.Now())
		return
	}
	ch, timeout := s.opt.Channels[i], s.desk.ladder.Channel(c.Channel).Timeout
	s.flying++
	go func() {
		r, err := sendWithin(ctx, ch, c.Address, c.Page, timeout)
		o := outcome{page: c.ID, receipt: r, err: err}
		s.post(context.WithoutCancel(ctx), func(d *desk, now time.Time) {
			s.flying--
			d.result(o, now)
		})
	}()
}

// lateness is how much longer than its deadline a Send may take before it is
// given up; its goroutine is then left behind.
const lateness = 5 * time.Second

func sendWithin(ctx context.Context, ch alerting.Channel, address string, p alerting.Page, timeout time.Duration) (alerting.Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	type back struct {
		r   alerting.Receipt
		err error
	}
	done := make(chan back, 1)
	go func() {
		var b back
		defer func() {
			if p := recover(); p != nil {
				b.err = fmt.Errorf("channel %s: a fault of ours: %v", ch.Name(), p)
			}
			done <- b
		}()
		b.r, b.err = ch.Send(ctx, address, p)
	}()
	late := time.NewTimer(timeout + lateness)
	defer late.Stop()
	select {
	case b := <-done:
		return b.r, b.err
	case <-late.C:
		return alerting.Receipt{}, fmt.Errorf("channel %s did not come back within %s", ch.Name(), timeout)
	}
}

// listen runs a channel's receiver and starts it again when it fails.
func (s *Service) listen(ctx context.Context, ch alerting.Channel) {
	receipts, replies := make(chan alerting.Receipt), make(chan alerting.Reply)
	ended := make(chan error, 1)
	wait := time.Second
	run := func() {
		defer func() {
			if p := recover(); p != nil {
				ended <- fmt.Errorf("a fault of ours: %v", p)
			}
		}()
		ended <- ch.Run(ctx, receipts, replies)
	}
	go run()
	var again <-chan time.Time
	for {
		select {
		case r := <-receipts:
			s.post(ctx, func(d *desk, now time.Time) { d.receipt(r, now) })
		case r := <-replies:
			s.post(ctx, func(d *desk, now time.Time) { d.reply(r, now) })
		case err := <-ended:
			if err == nil || ctx.Err() != nil {
				return
			}
			s.log.Error("a channel's receiver failed and is started again", "channel", ch.Name(), "error", err, "in", wait)
			again = time.After(wait)
			wait = min(2*wait, time.Minute)
		case <-again:
			again = nil
			go run()
		case <-ctx.Done():
			<-ended
			return
		}
	}
}

const healthEvery = 30 * time.Second

func (s *Service) checkHealth(ctx context.Context, ch alerting.Channel) {
	t := time.NewTicker(healthEvery)
	defer t.Stop()
	for {
		hctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		h := ch.Health(hctx)
		cancel()
		h.Values = maps.Clone(h.Values)
		s.health.Store(ch.Name(), h)
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}
