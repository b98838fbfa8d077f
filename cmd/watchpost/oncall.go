package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/channels"
	"watchpost.example/alerting/oncall"
	"watchpost.example/alerting/oncall/auth"
	"watchpost.example/alerting/oncall/incident"
	"watchpost.example/alerting/oncall/ladder"
	"watchpost.example/alerting/oncall/roster"
	"watchpost.example/exporter/wall"
	"watchpost.example/inventory"
	"watchpost.example/inventory/source"
)

// oncallRoom is on-call with what the other rooms need of it.
type oncallRoom struct {
	service   *oncall.Service
	handler   http.Handler
	tokenFile string // holds the webhook's token, for the embedded Alertmanager
}

// oncallFiles is what on-call's files say.
type oncallFiles struct {
	roster   *roster.Roster
	ladder   *ladder.Ladder
	channels []alerting.Channel
	users    *auth.Users
}

// loadOncall reads roster, channels and users: all, or all mistakes at once.
func loadOncall(log *slog.Logger, o inventory.Oncall) (*oncallFiles, error) {
	var f oncallFiles
	var all source.Problems
	var names []string
	if o.Channels != "" {
		cs, problems := channels.Load(o.Channels, channels.Types(), log)
		all = append(all, problems...)
		for _, c := range cs {
			names = append(names, c.Name())
		}
		f.channels = cs
	}
	if o.Roster != "" {
		r, l, problems := oncall.Load(o.Roster, names)
		all = append(all, problems...)
		f.roster, f.ladder = r, l
	}
	if o.Users != "" {
		u, problems := auth.Load(o.Users)
		all = append(all, problems...)
		f.users = u
	}
	if len(all) > 0 {
		return nil, badConfig(source.Join(all))
	}
	return &f, nil
}

// openOncall builds on-call when a roster is configured.
func (a *application) openOncall() error {
	o := a.cfg.Server.Oncall
	f, err := loadOncall(a.log, o)
	if err != nil {
		return err
	}
	if f.users != nil {
		secret, err := randomSecret()
		if err != nil {
			return err
		}
		a.users = auth.New(secret, f.users)
	}
	if f.roster == nil {
		return nil
	}
	dir := filepath.Join(a.o.storage, "oncall")
	opt := oncall.Options{
		Dir: dir, Roster: f.roster, Ladder: f.ladder, Channels: f.channels, ExternalURL: a.o.external, Users: f.users,
		Silencer: silencer{a}, Directory: directory{a}, CheckURL: a.checkURL, Logger: a.log, Registerer: a.exporter.Registry(), Retention: o.Retention.D(),
	}
	if len(a.cfg.Server.Alertmanager.Outside) == 0 {
		// The engine is built after on-call, and before anything runs.
		opt.Firing = func() []alerting.Alert { return a.engine.Alerts() }
	}
	for _, p := range o.Peers {
		// Whatever guards the peer's pages guards its health, too. The secret is read
		// at each request, so a rotated one is taken up.
		way, err := endpointTransport(inventory.Endpoint{URL: p.URL, Username: p.Username, PasswordFile: p.PasswordFile, TokenFile: p.TokenFile, CAFile: p.CAFile})
		if err != nil {
			return fmt.Errorf("oncall: peer %s: %w", p.Name, err)
		}
		opt.Peers = append(opt.Peers, oncall.Peer{Name: p.Name, URL: p.URL, Client: &http.Client{Transport: way, Timeout: 10 * time.Second}, Every: p.Every.D(), After: p.After.D()})
	}
	for _, h := range o.Heartbeats {
		opt.Heartbeats = append(opt.Heartbeats, oncall.Heartbeat{Name: h.Name, Within: h.Within.D()})
	}
	s, err := oncall.New(opt)
	if err != nil {
		return err
	}
	// Run closes it; this is for a start that fails in between.
	r := &oncallRoom{service: s, handler: s.Handler(), tokenFile: filepath.Join(dir, "webhook-token")}
	a.oncall = r
	return nil
}

// checkURL is the page of the wall that shows a check's evidence.
func (a *application) checkURL(unit, system, _ string) string {
	return "/s/" + url.PathEscape(unit) + "/" + url.PathEscape(system)
}

// route adds on-call's addresses.
func (r *oncallRoom) route(mux *http.ServeMux) {
	for _, p := range []string{"/oncall/", "/ack/", "/duty", "/duty.ics", "/api/oncall/"} {
		mux.Handle(p, r.handler)
	}
}

// onWall tells the wall who watches and who took what.
func (r *oncallRoom) onWall(o *wall.Options) {
	o.OnDuty = r.service
	o.Deputy = func(at time.Time) string {
		ro := r.service.View().Roster
		if d := ro.At(at); d.Deputy != "" {
			return ro.Name(d.Deputy)
		}
		return ""
	}
	o.AckedBy = r.ackedBy
}

// ackedBy names who took the incident that an alert is part of.
func (r *oncallRoom) ackedBy(al alerting.Alert) string {
	v := r.service.View()
	for _, in := range v.Incidents {
		// One of two officers, or one who sent it up, has not taken it.
		if in.Status != incident.Acknowledged || len(in.Acks) == 0 {
			continue
		}
		for _, g := range in.Groups {
			for _, x := range g.Alerts {
				if sameLabels(x.Labels, al.Labels) {
					return v.Roster.Name(in.Acks[0].Who)
				}
			}
		}
	}
	return ""
}

func sameLabels(a, b map[string]string) bool {
	for _, name := range []string{"alertname", "unit", "system", "check"} {
		if a[name] != b[name] {
			return false
		}
	}
	return true
}

// directory gives on-call the names and levels of the inventory.
type directory struct{ a *application }

// Unit implements oncall.Directory.
func (d directory) Unit(id string) (name, contact string) {
	for _, u := range d.a.inventory().Units {
		if u.ID != id {
			continue
		}
		for _, c := range u.Contacts {
			return u.Name, strings.TrimSpace(c.Name + " " + c.Phone)
		}
		return u.Name, ""
	}
	return "", ""
}

// System implements oncall.Directory.
func (d directory) System(unit, system string) (name string, level int) {
	if s := d.a.inventory().System(unit + "/" + system); s != nil {
		return s.Name, s.Level
	}
	return "", 0
}
