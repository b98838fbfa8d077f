package oncall

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"watchpost.example/alerting/oncall/auth"
	"watchpost.example/alerting/oncall/incident"
	"watchpost.example/alerting/oncall/outbox"
	"watchpost.example/alerting/oncall/roster"
	"watchpost.example/alerting/oncall/ticket"
	"watchpost.example/alerting/oncall/words"
)

func queryEscape(s string) string { return url.QueryEscape(s) }

// show renders a page of pages/ inside the common frame.
func (s *Service) show(w http.ResponseWriter, code int, name string, data any) {
	v := s.View()
	zone := v.Roster.Zone
	names := namesOf(v.Roster, s.opt.Directory)
	t, err := template.New("frame.html").Funcs(template.FuncMap{
		"clock":  func(t time.Time) string { return words.Clock(t.In(zone)) },
		"ago":    func(t time.Time) string { return words.Duration(time.Since(t), "vi") },
		"lasted": func(a, b time.Time) string { return words.Duration(b.Sub(a), "vi") },
		"person": v.Roster.Name,
		"unit":   func(id string) string { return first(names.Unit(id), id) },
		"system": func(unit, id string) string {
			if names.System == nil {
				return id
			}
			return first(names.System(unit, id), id)
		},
		"contact":  names.Contact,
		"line":     func(l incident.Line) string { return words.Line(l, "vi", v.Roster.Name, zone) },
		"status":   statusWord,
		"severity": severityWord,
		"way":      func(how string) string { return words.Way(how, "vi") },
		"sent":     sentWord,
		"mask":     roster.Mask,
		"safeURL":  safeURL,
		"evidence": s.evidence,
	}).ParseFS(files, "pages/frame.html", "pages/"+name)
	var b bytes.Buffer
	if err == nil {
		err = t.Execute(&b, data)
	}
	if err != nil {
		s.log.Error("rendering a page", "page", name, "error", err)
		http.Error(w, "Lỗi khi hiển thị trang. / The page could not be shown.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write(b.Bytes()) // the reader is gone
}

func (s *Service) evidence(a incident.Alert) string {
	if s.opt.CheckURL == nil || a.Unit == "" {
		return ""
	}
	return safeURL(s.opt.CheckURL(a.Unit, a.System, a.Check))
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// safeURL keeps http and https addresses only: a runbook comes from an alert.
func safeURL(s string) string {
	if u, err := url.Parse(s); err == nil && (u.Scheme == "http" || u.Scheme == "https" || u.Scheme == "" && strings.HasPrefix(s, "/")) {
		return s
	}
	return ""
}

func statusWord(st incident.Status) string {
	switch st {
	case incident.Open:
		return "● Chưa tiếp nhận"
	case incident.Acknowledged:
		return "◐ Đã tiếp nhận"
	case incident.Resolved:
		return "✓ Đã khôi phục"
	case incident.Closed:
		return "■ Đã kết thúc"
	case incident.Merged:
		return "↪ Đã gộp"
	}
	return string(st)
}

func severityWord(s string) string {
	switch incident.Rank(s) {
	case 0:
		return "Thông tin"
	case 1:
		return "Cảnh báo"
	}
	return "Nghiêm trọng"
}

func sentWord(st outbox.Status) string {
	switch st {
	case outbox.Queued:
		return "chờ gửi"
	case outbox.Sending:
		return "đang gửi"
	case outbox.Sent:
		return "đã gửi"
	case outbox.Delivered:
		return "máy đã nhận"
	case outbox.Answered:
		return "đã nghe máy"
	case outbox.Done:
		return "đã xác nhận"
	case outbox.Failed:
		return "KHÔNG gửi được"
	case outbox.Dropped:
		return "không cần gửi nữa"
	}
	return string(st)
}

type common struct {
	User   auth.User
	Form   string
	CanAct bool
	Admin  bool
	View   *View
}

func (s *Service) common(u auth.User) common {
	return common{User: u, Form: s.guard.Form(u), CanAct: u.Role.May(auth.Act), Admin: u.Role.May(auth.Admin), View: s.View()}
}

type listPage struct {
	common
	Live, Past []incident.Incident
	Next       time.Time // continue before this; zero = no more
	Health     Health
}

func (s *Service) showList(w http.ResponseWriter, r *http.Request, u auth.User) {
	p := listPage{common: s.common(u), Health: s.Health()}
	before := time.Now().Add(time.Minute)
	if n, err := strconv.ParseInt(r.URL.Query().Get("before"), 10, 64); err == nil {
		before = time.UnixMilli(n)
	} else {
		for _, in := range p.View.Incidents {
			if in.Status.Live() {
				p.Live = append(p.Live, in)
			}
		}
	}
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
	s.show(w, http.StatusOK, "list.html", p)
}

type incidentPage struct {
	common
	In         incident.Incident
	Alerts     []incident.Alert
	Deliveries []outbox.Delivery
	CanSilence bool
}

func (s *Service) showIncident(w http.ResponseWriter, r *http.Request, u auth.User) {
	in, ok, err := s.Incident(r.Context(), r.PathValue("id"))
	if err != nil || !ok {
		http.Error(w, "Không có sự cố này. / There is no such incident.", http.StatusNotFound)
		return
	}
	p := incidentPage{common: s.common(u), In: in, Alerts: in.Alerts(), CanSilence: s.opt.Silencer != nil}
	if p.Deliveries, err = s.Deliveries(r.Context(), in.ID); err != nil {
		s.log.Error("listing pages of an incident", "error", err)
	}
	s.show(w, http.StatusOK, "incident.html", p)
}

// serveAction is what the buttons of an incident's page do.
func (s *Service) serveAction(w http.ResponseWriter, r *http.Request, u auth.User) {
	id := r.PathValue("id")
	err := s.action(r.Context(), id, r.PathValue("action"), u.Who(), "web", r.PostForm.Get)
	if err != nil && !errors.Is(err, ErrUnsaved) {
		http.Error(w, vietnamese(err), statusOf(err))
		return
	}
	http.Redirect(w, r, "/oncall/incident/"+url.PathEscape(id), http.StatusSeeOther)
}

func vietnamese(err error) string {
	switch {
	case errors.Is(err, ErrNotFound):
		return "Không có sự cố này."
	case errors.Is(err, ErrNotLive):
		return "Sự cố đã kết thúc."
	case errors.Is(err, ErrSilence):
		return "Chưa tạm dừng được: " + err.Error()
	}
	return err.Error()
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

func (s *Service) serveTest(w http.ResponseWriter, r *http.Request, u auth.User) {
	id, err := s.Test(r.Context(), r.PostForm.Get("person"), u.Who())
	s.afterOpening(w, r, id, err)
}

func (s *Service) serveDrill(w http.ResponseWriter, r *http.Request, u auth.User) {
	id, err := s.Drill(r.Context(), u.Who())
	s.afterOpening(w, r, id, err)
}

func (s *Service) afterOpening(w http.ResponseWriter, r *http.Request, id string, err error) {
	if err != nil && !errors.Is(err, ErrUnsaved) {
		http.Error(w, vietnamese(err), statusOf(err))
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

func (s *Service) showDuty(w http.ResponseWriter, _ *http.Request, u auth.User) {
	p := dutyPage{common: s.common(u)}
	now := time.Now()
	p.Now = p.View.Roster.At(now)
	p.Ahead = p.View.Roster.Segments(now, lastShift(p.View.Roster, now))
	p.Problems = roster.Check(p.View.Roster, now, now.Add(s.opt.GapAhead))
	s.show(w, http.StatusOK, "duty.html", p)
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
	common // nobody is signed in
	In     incident.Incident
	Person string
	Token  string
	Error  string
	Done   bool
}

// showAck shows what the link is for, with a button. Opening it changes nothing:
// messengers and mail scanners open links by themselves.
func (s *Service) showAck(w http.ResponseWriter, r *http.Request) {
	t, p, code := s.readTicket(r)
	if p.Error == "" && s.used(r.Context(), t) {
		p.Error, code = "Liên kết này đã được dùng.", http.StatusGone
	}
	s.show(w, code, "ack.html", p)
}

func (s *Service) readTicket(r *http.Request) (ticket.Ticket, ackPage, int) {
	t, err := s.tickets.Open(r.PathValue("token"), time.Now())
	if err != nil {
		text := "Liên kết không hợp lệ."
		if errors.Is(err, ticket.ErrExpired) {
			text = "Liên kết đã hết hạn. Hãy đăng nhập trang trực hoặc trả lời tin nhắn."
		}
		return t, ackPage{Error: text}, http.StatusNotFound
	}
	p := ackPage{Person: t.Person, Token: r.PathValue("token")}
	in, ok, err := s.Incident(r.Context(), t.Incident)
	if err == nil && ok && in.Status == incident.Merged {
		in, ok, err = s.Incident(r.Context(), in.MergedInto)
	}
	if err != nil || !ok {
		p.Error = "Không còn sự cố này."
		return t, p, http.StatusNotFound
	}
	p.In = in
	return t, p, http.StatusOK
}

func (s *Service) serveAck(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	t, p, code := s.readTicket(r)
	if p.Error != "" {
		s.show(w, code, "ack.html", p)
		return
	}
	err := s.useTicket(r.Context(), t)
	switch {
	case err == nil || errors.Is(err, ErrUnsaved):
		p.Done = true
		if in, ok, err := s.Incident(r.Context(), p.In.ID); err == nil && ok {
			p.In = in
		}
	case errors.Is(err, errUsed):
		p.Error, code = "Liên kết này đã được dùng.", http.StatusGone
	case errors.Is(err, ErrNotLive):
		p.Error, code = "Sự cố đã kết thúc, không cần tiếp nhận nữa.", http.StatusConflict
	default:
		p.Error, code = fmt.Sprintf("Chưa tiếp nhận được: %v", err), http.StatusServiceUnavailable
	}
	s.show(w, code, "ack.html", p)
}
