package oncall

import (
	"bytes"
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"watchpost.example/alerting/oncall/auth"
	"watchpost.example/alerting/oncall/incident"
	"watchpost.example/alerting/oncall/outbox"
	"watchpost.example/alerting/oncall/roster"
	"watchpost.example/alerting/oncall/ticket"
	"watchpost.example/alerting/oncall/tongue"
)

type listPage struct {
	common
	Live, Past []incident.Incident
	Next       time.Time // continue before this; zero = no more
	Older      bool      // a later page of the list
	Ills       []string
}

func (s *Service) showList(w http.ResponseWriter, r *http.Request, u auth.User) {
	p := listPage{common: s.common(r, u)}
	p.Ills = s.ills(p.Lang)
	before := time.Now().Add(time.Minute)
	if n, err := strconv.ParseInt(r.URL.Query().Get("before"), 10, 64); err == nil {
		before, p.Older = time.UnixMilli(n), true
	} else {
		for _, in := range p.View.Incidents {
			if in.Status.Live() {
				p.Live = append(p.Live, in)
			}
		}
	}
	slices.SortStableFunc(p.Live, func(a, b incident.Incident) int { return cmp.Or(place(a)-place(b), a.Opened.Compare(b.Opened)) })
	const many = 50
	past, err := s.Incidents(r.Context(), before, many)
	if err != nil {
		// The store is ill; what the desk has in memory is shown all the same.
		s.log.Error("listing incidents", "error", err)
		past = p.View.Incidents
	}
	if len(past) == many {
		p.Next = past[many-1].Opened
	}
	p.Past = slices.DeleteFunc(past, func(in incident.Incident) bool { return in.Status.Live() })
	s.show(w, r, http.StatusOK, "list.html", p.Lang, p)
}

// place orders what is live: what somebody must take first, the worst of it
// before the rest, then what was taken, last what is only a test.
func place(in incident.Incident) int {
	n := 2 - incident.Rank(in.Severity)
	if in.Status != incident.Open {
		n += 10
	}
	if in.Drill || in.Kind == incident.KindTest {
		n += 100
	}
	return n
}

type incidentPage struct {
	common
	In         incident.Incident
	Alerts     []incident.Alert
	Cut        int // alerts that are not listed
	Deliveries []outbox.Delivery
	CanSilence bool
}

func (s *Service) showIncident(w http.ResponseWriter, r *http.Request, u auth.User) {
	in, ok, err := s.Incident(r.Context(), r.PathValue("id"))
	if err != nil || !ok {
		s.refuse(w, r, u, http.StatusNotFound, "error.notfound")
		return
	}
	p := incidentPage{common: s.common(r, u), In: in, Alerts: in.Alerts(), CanSilence: s.opt.Silencer != nil}
	if p.Deliveries, err = s.Deliveries(r.Context(), in.ID); err != nil {
		s.log.Error("listing pages of an incident", "error", err)
	}
	for _, g := range in.Groups {
		p.Cut += g.Cut
	}
	s.show(w, r, http.StatusOK, "incident.html", p.Lang, p)
}

// serveAction is what the buttons of an incident's page do.
func (s *Service) serveAction(w http.ResponseWriter, r *http.Request, u auth.User) {
	id := r.PathValue("id")
	err := s.action(r.Context(), id, r.PathValue("action"), u.Who(), "web", r.PostForm.Get)
	if err != nil && !errors.Is(err, ErrUnsaved) {
		s.refuse(w, r, u, statusOf(err), errorKey(err), err)
		return
	}
	http.Redirect(w, r, "/oncall/incident/"+url.PathEscape(id), http.StatusSeeOther)
}

func errorKey(err error) string {
	switch {
	case errors.Is(err, ErrNotFound):
		return "error.notfound"
	case errors.Is(err, ErrNotLive):
		return "error.notlive"
	case errors.Is(err, ErrSilence):
		return "error.silence"
	case errors.Is(err, errInput):
		return "error.input"
	}
	return "error.other"
}

func statusOf(err error) int {
	switch {
	case errors.Is(err, ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, ErrNotLive):
		return http.StatusConflict
	case errors.Is(err, ErrSilence), errors.Is(err, errInput):
		return http.StatusBadRequest
	}
	return http.StatusServiceUnavailable
}

func (s *Service) showTools(w http.ResponseWriter, r *http.Request, u auth.User) {
	c := s.common(r, u)
	s.show(w, r, http.StatusOK, "tools.html", c.Lang, c)
}

func (s *Service) serveTest(w http.ResponseWriter, r *http.Request, u auth.User) {
	id, err := s.Test(r.Context(), r.PostForm.Get("person"), u.Who())
	s.afterOpening(w, r, u, id, err)
}

func (s *Service) serveDrill(w http.ResponseWriter, r *http.Request, u auth.User) {
	id, err := s.Drill(r.Context(), u.Who())
	s.afterOpening(w, r, u, id, err)
}

func (s *Service) afterOpening(w http.ResponseWriter, r *http.Request, u auth.User, id string, err error) {
	if err != nil && !errors.Is(err, ErrUnsaved) {
		s.refuse(w, r, u, statusOf(err), errorKey(err), err)
		return
	}
	http.Redirect(w, r, "/oncall/incident/"+url.PathEscape(id), http.StatusSeeOther)
}

type dutyPage struct {
	common
	Now      roster.Duty
	Ahead    []roster.Duty
	Problems []roster.Problem
}

// dutyAhead is how far /duty and /duty.ics look.
const dutyAhead = 30 * 24 * time.Hour

func (s *Service) showDuty(w http.ResponseWriter, r *http.Request, u auth.User) {
	p := dutyPage{common: s.common(r, u)}
	now := time.Now()
	p.Now = p.View.Roster.At(now)
	p.Ahead = p.View.Roster.Segments(now, lastShift(p.View.Roster, now))
	p.Problems = roster.Check(p.View.Roster, now, now.Add(s.opt.GapAhead))
	s.show(w, r, http.StatusOK, "duty.html", p.Lang, p)
}

// lastShift is the end of the plan, at most dutyAhead from now, so that the time
// after the plan does not look like a gap in it.
func lastShift(r *roster.Roster, now time.Time) time.Time {
	end := now
	for _, x := range r.Shifts {
		if x.End.After(end) {
			end = x.End
		}
	}
	if most := now.Add(dutyAhead); end.After(most) {
		return most
	}
	return end
}

func (s *Service) serveCalendar(w http.ResponseWriter, _ *http.Request, _ auth.User) {
	now := time.Now()
	r := s.View().Roster
	var b bytes.Buffer
	if err := roster.WriteICS(&b, r, now.Add(-7*24*time.Hour), lastShift(r, now), now); err != nil {
		http.Error(w, "writing the calendar failed", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/calendar; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="duty.ics"`)
	_, _ = w.Write(b.Bytes()) // the reader is gone
}

type ackPage struct {
	common  // nobody is signed in
	Unsaved bool
	In      incident.Incident
	Person  string
	Token   string
	Error   string
	Done    bool
}

// showAck shows what the link is for, with a button. Opening it changes nothing:
// messengers and mail scanners open links by themselves.
func (s *Service) showAck(w http.ResponseWriter, r *http.Request) {
	t, p, code := s.readTicket(r)
	if p.Error == "" && s.used(r.Context(), t) {
		p.Error, code = tongue.Say(p.Lang, "ack.used"), http.StatusGone
	}
	s.show(w, r, code, "ack.html", p.Lang, p)
}

func (s *Service) readTicket(r *http.Request) (ticket.Ticket, ackPage, int) {
	t, err := s.tickets.Open(r.PathValue("token"), time.Now())
	p := ackPage{common: s.stranger(r, t.Person), Person: t.Person, Token: r.PathValue("token")}
	if err != nil {
		p.Error = tongue.Say(p.Lang, "ack.bad")
		if errors.Is(err, ticket.ErrExpired) {
			p.Error = tongue.Say(p.Lang, "ack.expired")
		}
		return t, p, http.StatusNotFound
	}
	in, ok, err := s.Incident(r.Context(), t.Incident)
	if err == nil && ok && in.Status == incident.Merged {
		in, ok, err = s.Incident(r.Context(), in.MergedInto)
	}
	if err != nil || !ok {
		p.Error = tongue.Say(p.Lang, "ack.gone")
		return t, p, http.StatusNotFound
	}
	p.In = in
	return t, p, http.StatusOK
}

func (s *Service) serveAck(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	t, p, code := s.readTicket(r)
	if p.Error != "" {
		s.show(w, r, code, "ack.html", p.Lang, p)
		return
	}
	err := s.useTicket(r.Context(), t)
	switch {
	case err == nil || errors.Is(err, ErrUnsaved):
		p.Done, p.Unsaved = true, err != nil
		if in, ok, err := s.Incident(r.Context(), p.In.ID); err == nil && ok {
			p.In = in
		}
	case errors.Is(err, errUsed):
		p.Error, code = tongue.Say(p.Lang, "ack.used"), http.StatusGone
	case errors.Is(err, ErrNotLive):
		p.Error, code = tongue.Say(p.Lang, "ack.over"), http.StatusConflict
	case errors.Is(err, ErrNotFound):
		p.Error, code = tongue.Say(p.Lang, "ack.stranger"), http.StatusNotFound
	default:
		p.Error, code = tongue.Say(p.Lang, "ack.failed", err), http.StatusServiceUnavailable
	}
	s.show(w, r, code, "ack.html", p.Lang, p)
}
