package oncall

import (
	"bytes"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"watchpost.example/alerting/oncall/auth"
	"watchpost.example/alerting/oncall/incident"
	"watchpost.example/alerting/oncall/outbox"
	"watchpost.example/alerting/oncall/roster"
	"watchpost.example/alerting/oncall/tongue"
	"watchpost.example/alerting/oncall/words"
)

// common is what every page has.
type common struct {
	User   auth.User // the zero User: nobody is signed in
	Lang   string
	Here   string // the path of this page, for the switch of language
	Form   string
	CanAct bool
	Admin  bool
	View   *View
}

func (s *Service) common(r *http.Request, u auth.User) common {
	return common{
		User: u, Lang: s.tongue(r, u.Person), Here: r.URL.Path, Form: s.guard.Form(u), CanAct: u.Role.May(auth.Act), Admin: u.Role.May(auth.Admin), View: s.View(),
	}
}

// stranger is common for a page that needs no signing in.
func (s *Service) stranger(r *http.Request, person string) common {
	return common{Lang: s.tongue(r, person), Here: r.URL.Path, View: s.View()}
}

// tongue is the language for a reader, who may be a person of the roster.
func (s *Service) tongue(r *http.Request, person string) string {
	own := ""
	if p, ok := s.View().Roster.Person(person); ok && person != "" {
		own = p.Language
	}
	return tongue.Choose(r, own)
}

// show renders a page of pages/ inside the common frame.
func (s *Service) show(w http.ResponseWriter, r *http.Request, code int, name, lang string, data any) {
	if c := tongue.Pressed(r); c != nil {
		c.Secure = s.secure(r)
		http.SetCookie(w, c)
	}
	t, err := template.New("frame.html").Funcs(s.functions(lang)).ParseFS(files, "pages/frame.html", "pages/"+name)
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
	w.Header().Set("Vary", "Accept-Language, Cookie")
	w.WriteHeader(code)
	_, _ = w.Write(b.Bytes()) // the reader is gone
}

func (s *Service) functions(lang string) template.FuncMap {
	v := s.View()
	zone := v.Roster.Zone
	names := namesOf(v.Roster, s.opt.Directory)
	clock := func(t time.Time) string { return words.Clock(t.In(zone)) }
	return template.FuncMap{
		"say":     func(key string, args ...any) string { return tongue.Say(lang, key, args...) },
		"other":   func() string { return tongue.Other(lang) },
		"now":     func() string { return clock(time.Now()) },
		"clock":   clock,
		"machine": func(t time.Time) string { return t.In(zone).Format(time.RFC3339) },
		"ago":     func(t time.Time) string { return words.Duration(time.Since(t), lang) },
		"lasted":  func(a, b time.Time) string { return words.Duration(b.Sub(a), lang) },
		"person":  v.Roster.Name,
		"unit":    func(id string) string { return names.InLanguage(id, lang) },
		"system": func(unit, id string) string {
			if names.System == nil {
				return id
			}
			return first(names.System(unit, id), id)
		},
		"contact":  names.Contact,
		"tel":      tel,
		"hours":    func() []int { return []int{1, 2, 4, 8, 12, 24} },
		"title":    func(in incident.Incident) string { return words.Title(in, lang, v.Roster.Name, zone) },
		"summary":  func(a incident.Alert) string { return words.Summary(a, lang) },
		"detail":   func(a incident.Alert) string { return detail(a) },
		"line":     func(l incident.Line) string { return words.Line(l, lang, v.Roster.Name, zone) },
		"status":   func(st incident.Status) string { return tongue.Say(lang, "status."+string(st)) },
		"severity": func(in incident.Incident) string { return tongue.Say(lang, severityKey(in)) },
		"way":      func(how string) string { return words.Way(how, lang) },
		"sent":     func(st outbox.Status) string { return tongue.Say(lang, "sent."+string(st)) },
		"mask":     roster.Mask,
		"safeURL":  safeURL,
		"evidence": s.evidence,
		"mend": func(p roster.Problem) string {
			return tongue.Say(lang, "roster."+p.Kind, v.Roster.Name(p.Person), clock(p.From), clock(p.To))
		},
	}
}

// detail is what an alert tells beyond its summary.
func detail(a incident.Alert) string {
	if a.Description == a.Summary || a.Name == words.OwnAlert {
		_, rest, _ := strings.Cut(a.Description, ". ") // an own alarm's first sentence is its summary
		if a.Name == words.OwnAlert {
			return rest
		}
		return ""
	}
	return a.Description
}

func severityKey(in incident.Incident) string {
	if in.Kind == incident.KindTest {
		return "severity.test"
	}
	switch incident.Rank(in.Severity) {
	case 0:
		return "severity.info"
	case 1:
		return "severity.warning"
	}
	return "severity.critical"
}

// evidence is the page that shows what was measured; the pager's own alarms and
// drills have none.
func (s *Service) evidence(a incident.Alert) string {
	if s.opt.CheckURL == nil || a.Unit == "" || a.Unit == words.OwnUnit || a.Unit == words.DrillUnit {
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

// tel gives the address by which a telephone dials the number in a line about
// whom to call; "" = there is none.
func tel(contact string) template.URL {
	i := strings.IndexAny(contact, "+0123456789")
	if i < 0 {
		return ""
	}
	n, err := roster.Phone(contact[i:])
	if err != nil {
		return ""
	}
	return template.URL("tel:" + n) // a plus sign and digits
}

type errorPage struct {
	common
	Text string
	Back string
}

// refuse tells a person why something was not done: a page for a browser, a
// line for everything else.
func (s *Service) refuse(w http.ResponseWriter, r *http.Request, u auth.User, code int, key string, args ...any) {
	c := s.common(r, u)
	text := tongue.Say(c.Lang, key, args...)
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.Error(w, text, code)
		return
	}
	back := "/oncall/"
	if id := r.PathValue("id"); id != "" {
		back = "/oncall/incident/" + url.PathEscape(id)
	}
	s.show(w, r, code, "error.html", c.Lang, errorPage{common: c, Text: text, Back: back})
}

// secure tells whether a browser reaches us by TLS.
func (s *Service) secure(r *http.Request) bool {
	return r.TLS != nil || strings.HasPrefix(s.opt.ExternalURL, "https://")
}
