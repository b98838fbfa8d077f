package oncall

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/oncall/incident"
	"watchpost.example/alerting/oncall/journal"
	"watchpost.example/alerting/oncall/words"
)

// watch is who must be heard of, and when he last was.
type watch struct {
	hearts []heart
	turned time.Time // the desk's last round
}

type heart struct {
	name   string
	within time.Duration
	last   time.Time
	heard  bool // since the start
	lost   bool
	ill    bool   // the last that was heard: it answers and is not well
	detail string // why it could not be asked, or what ails it
}

// watchdogName is the source that Alertmanager's watchdog feeds.
const watchdogName = "watchdog"

// watchKey begins the group keys of the pager's own alarms.
const watchKey = "oncall/"

// startWatch gives every source its full time from the start on.
func (d *desk) startWatch(now time.Time) {
	d.watch.hearts, d.watch.turned = nil, now
	add := func(name string, within time.Duration) {
		if within > 0 {
			in := d.incidents[d.byKey[watchKey+name]]
			lost := in != nil && in.Status.Live() // a former run raised it
			d.watch.hearts = append(d.watch.hearts, heart{name: name, within: within, last: now, lost: lost})
		}
	}
	add(watchdogName, d.opt.WatchdogWithin)
	for _, h := range d.opt.Heartbeats {
		add("heartbeat:"+h.Name, h.Within)
	}
	for _, p := range d.opt.Peers {
		add("peer:"+p.Name, p.After)
	}
}

// heard notes a sign of life; false for a name that nobody configured.
func (d *desk) heard(name string, now time.Time) bool {
	for i := range d.watch.hearts {
		s := &d.watch.hearts[i]
		if s.name != name {
			continue
		}
		s.last, s.detail, s.ill = now, "", false
		if !s.heard {
			s.heard = true
			d.journal(journal.Entry{At: now, Kind: journal.Heartbeat, What: name})
		}
		if s.lost {
			s.lost = false
			d.journal(journal.Entry{At: now, Kind: journal.Watch, What: "back", How: name})
			d.takeGroup(s.group(now), now)
		}
		return true
	}
	return false
}

// silentFor keeps why a peer could not be asked, or what ails it, for the page.
func (d *desk) silentFor(name string, why error) {
	for i := range d.watch.hearts {
		if s := &d.watch.hearts[i]; s.name == name {
			s.detail, s.ill = why.Error(), errors.Is(why, errIll)
		}
	}
}

// watchAll pages about those who are silent too long. It needs nothing but the
// desk and a channel: not the history, not the rules, not Alertmanager.
func (d *desk) watchAll(now time.Time) (next time.Time) {
	d.paused(now)
	for i := range d.watch.hearts {
		s := &d.watch.hearts[i]
		due := s.last.Add(s.within)
		if now.Before(due) {
			sooner(&next, due)
			continue
		}
		if s.lost {
			continue
		}
		s.lost = true
		d.journal(journal.Entry{At: now, Kind: journal.Watch, What: "lost", How: s.name, Detail: s.detail})
		d.takeGroup(s.group(time.Time{}), now)
	}
	return next
}

// paused gives every source its full time again when we ourselves stood still:
// a machine that was suspended, a container that was paused. Nobody could be
// heard meanwhile, and their silence is not theirs.
func (d *desk) paused(now time.Time) {
	still := now.Sub(d.watch.turned)
	d.watch.turned = now
	if still < stuckAfter {
		return
	}
	d.journal(journal.Entry{At: now, Kind: journal.Service, What: "paused", Detail: "the pager itself did not run for " + still.Round(time.Second).String()})
	for i := range d.watch.hearts {
		d.watch.hearts[i].last = now
	}
}

// group is the alert that the pager raises by itself.
func (s *heart) group(ended time.Time) incident.Group {
	a := incident.Alert{
		Fingerprint: s.name, Name: words.OwnAlert, Severity: alerting.Critical, Since: s.last, Ended: ended,
		Unit: words.OwnUnit, System: strings.Replace(s.name, ":", "-", 1), Check: words.Silent,
	}
	if s.ill {
		a.Check = words.Ill
	}
	// The texts are for the API and for logs; pages are worded in each reader's language.
	a.Summary = words.Summary(a, "vi")
	a.Description = a.Summary + "."
	if s.detail != "" {
		a.Description += " " + clip(s.detail, 300)
	}
	return incident.Group{Key: watchKey + s.name, Alerts: []incident.Alert{a}}
}

// Health is what /oncall/health answers and what a peer reads.
type Health struct {
	OK       bool     `json:"ok"`
	Problems []string `json:"problems,omitempty"`
}

// askPeer asks one peer until ctx ends and tells the desk.
func (s *Service) askPeer(ctx context.Context, p Peer) {
	t := time.NewTicker(p.Every)
	defer t.Stop()
	name, client := "peer:"+p.Name, p.Client
	if client == nil {
		client = s.opt.PeerClient
	}
	for {
		err := askHealth(ctx, client, p)
		s.post(ctx, func(d *desk, now time.Time) {
			if err == nil {
				d.heard(name, now)
			} else {
				d.silentFor(name, err)
			}
		})
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// errIll is what a peer gives that answers and is not well, wrapped.
var errIll = errors.New("says of itself")

// askHealth is nil when the peer answers that its own pager is well.
func askHealth(ctx context.Context, c *http.Client, p Peer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(p.URL, "/")+"/oncall/health", nil)
	if err != nil {
		return fmt.Errorf("asking %s: %w", p.Name, err)
	}
	if p.Token != "" {
		req.Header.Set("Authorization", "Bearer "+p.Token)
	}
	resp, err := c.Do(req)
	if err != nil {
		return fmt.Errorf("asking %s: %w", p.Name, err)
	}
	defer func() { _ = resp.Body.Close() }() // only read
	b, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("asking %s: %w", p.Name, err)
	}
	var h Health
	if err := json.Unmarshal(b, &h); err != nil {
		return fmt.Errorf("%s answered %s and no health", p.Name, resp.Status)
	}
	if !h.OK {
		return fmt.Errorf("%s %w: %s", p.Name, errIll, clip(strings.Join(h.Problems, "; "), 200))
	}
	return nil
}
