package oncall

import (
	"crypto/subtle"
	"embed"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"watchpost.example/alerting/oncall/auth"
	"watchpost.example/alerting/oncall/journal"
	"watchpost.example/alerting/oncall/tongue"
)

//go:embed pages/*.html pages/*.css
var files embed.FS

// maxForm bounds a form or an API body, in bytes.
const maxForm = 64 << 10

// csp lets a page load our style sheet and nothing else: no script runs here.
const csp = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// Handler serves /oncall/..., /duty, /duty.ics, /ack/{token} and /api/oncall/...
// It may be mounted at the root of a mux; it answers 404 for all else.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	// Machines, by the webhook's token.
	mux.HandleFunc("POST /oncall/webhook", s.machine(s.serveWebhook))
	mux.HandleFunc("POST /oncall/heartbeat/{name}", s.machine(s.serveHeartbeat))
	mux.HandleFunc("GET /oncall/health", s.serveHealth)
	// A one-time link, by its own signature.
	mux.HandleFunc("GET /ack/{token}", s.showAck)
	mux.HandleFunc("POST /ack/{token}", s.serveAck)
	// People.
	mux.HandleFunc("GET /oncall/style.css", serveStyle)
	mux.HandleFunc("GET /oncall/login", s.showLogin)
	mux.HandleFunc("POST /oncall/login", s.serveLogin)
	mux.HandleFunc("POST /oncall/logout", s.serveLogout)
	mux.HandleFunc("GET /oncall/{$}", s.page(auth.View, s.showList))
	mux.HandleFunc("GET /oncall/incident/{id}", s.page(auth.View, s.showIncident))
	mux.HandleFunc("POST /oncall/incident/{id}/{action}", s.form(auth.Act, s.serveAction))
	mux.HandleFunc("GET /oncall/tools", s.page(auth.Admin, s.showTools))
	mux.HandleFunc("POST /oncall/test", s.form(auth.Admin, s.serveTest))
	mux.HandleFunc("POST /oncall/drill", s.form(auth.Admin, s.serveDrill))
	mux.HandleFunc("GET /duty", s.page(auth.View, s.showDuty))
	mux.HandleFunc("GET /duty.ics", s.page(auth.View, s.serveCalendar))
	s.routeAPI(mux)
	// Browsers of other origins may not post (Sec-Fetch-Site, Origin); the link of
	// a push message may be, for its token is the authority, not a cookie.
	cross := http.NewCrossOriginProtection()
	cross.AddInsecureBypassPattern("POST /ack/{token}")
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, auth.User{}, http.StatusForbidden, "error.site")
	}))
	return headers(cross.Handler(mux))
}

func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", csp)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer") // a link's token must not leak
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func serveStyle(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "max-age=3600")
	http.ServeFileFS(w, r, files, "pages/style.css")
}

// machine lets in who sends the webhook's token, as a bearer or as the password
// of HTTP Basic (any user name).
func (s *Service) machine(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !s.hasToken(r) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="watchpost on-call"`)
			http.Error(w, "the webhook's token is missing or wrong", http.StatusUnauthorized)
			return
		}
		next(w, r)
	}
}

func (s *Service) hasToken(r *http.Request) bool {
	got, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		_, got, ok = r.BasicAuth()
	}
	return ok && subtle.ConstantTimeCompare([]byte(got), []byte(s.token)) == 1
}

func (s *Service) serveWebhook(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxWebhook))
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			http.Error(w, "the webhook is too large; set max_alerts in the receiver", http.StatusRequestEntityTooLarge)
			return
		}
		http.Error(w, "reading the webhook failed", http.StatusBadRequest)
		return
	}
	g, err := parseWebhook(body, time.Now())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := s.webhook(r.Context(), g); err != nil {
		// 5xx makes Alertmanager try again; pages go out already.
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	_, _ = io.WriteString(w, "ok\n") // the state is saved, whoever reads this
}

func (s *Service) serveHeartbeat(w http.ResponseWriter, r *http.Request) {
	known := false
	name := r.PathValue("name")
	err := s.do(r.Context(), func(d *desk, now time.Time) { known = d.heard("heartbeat:"+name, now) })
	switch {
	case err != nil && !errors.Is(err, ErrUnsaved):
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	case !known:
		http.Error(w, "no heartbeat of this name is configured", http.StatusNotFound)
	default:
		_, _ = io.WriteString(w, "ok\n")
	}
}

// serveHealth answers 200 when the pager is well and 503 when it is not; why is
// told to those who have the token or are signed in.
func (s *Service) serveHealth(w http.ResponseWriter, r *http.Request) {
	h := s.Health()
	if !s.hasToken(r) {
		if u, ok := s.guard.Request(r); !ok || !u.Role.May(auth.View) {
			h.Problems = nil
		}
	}
	code := http.StatusOK
	if !h.OK {
		code = http.StatusServiceUnavailable
	}
	writeJSON(w, code, h)
}

func writeJSON(w http.ResponseWriter, code int, v any) {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		http.Error(w, "encoding the answer failed", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(append(b, '\n')) // the reader is gone
}

type userHandler func(w http.ResponseWriter, r *http.Request, u auth.User)

// page lets in users of a role, and sends others to sign in.
func (s *Service) page(need auth.Role, next userHandler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		u, ok := s.guard.Request(r)
		switch {
		case !ok && r.Header.Get("Authorization") == "" && strings.Contains(r.Header.Get("Accept"), "text/html"):
			http.Redirect(w, r, "/oncall/login?to="+url.QueryEscape(r.URL.Path), http.StatusSeeOther)
		case !ok:
			w.Header().Set("WWW-Authenticate", `Basic realm="watchpost", charset="UTF-8"`)
			s.refuse(w, r, auth.User{}, http.StatusUnauthorized, "error.signin")
		case !u.Role.May(need):
			s.refuse(w, r, u, http.StatusForbidden, "error.role")
		default:
			next(w, r, u)
		}
	}
}

// form is page for a POST of a form: a session must also send its form's token.
func (s *Service) form(need auth.Role, next userHandler) http.HandlerFunc {
	return s.page(need, func(w http.ResponseWriter, r *http.Request, u auth.User) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			s.refuse(w, r, u, http.StatusBadRequest, "error.form")
			return
		}
		if !s.guard.CheckForm(u, r.PostForm.Get("form")) {
			s.refuse(w, r, u, http.StatusForbidden, "error.stale")
			return
		}
		next(w, r, u)
	})
}

func (s *Service) showLogin(w http.ResponseWriter, r *http.Request) {
	p := loginPage{common: s.stranger(r, ""), To: localPath(r.URL.Query().Get("to"))}
	s.show(w, r, http.StatusOK, "login.html", p.Lang, p)
}

type loginPage struct {
	common // nobody is signed in
	To     string
	Name   string // what was typed; the password is never given back
	Error  string
}

func (s *Service) serveLogin(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	name, to := r.PostFormValue("name"), localPath(r.PostFormValue("to"))
	u, err := s.guard.Check(name, r.PostFormValue("password"), auth.ClientIP(r))
	what := "ok"
	if err != nil {
		what = "refused"
	}
	// A throttled attempt leaves no line, or guessing would fill the disk.
	if !errors.Is(err, auth.ErrThrottled) {
		s.post(r.Context(), func(d *desk, now time.Time) {
			d.journal(journal.Entry{At: now, Kind: journal.Login, What: what, Who: clip(name, 50), Detail: auth.ClientIP(r)})
		})
	}
	if err != nil {
		p := loginPage{common: s.stranger(r, ""), To: to, Name: clip(name, 50)}
		p.Here = "/oncall/login"
		code, key := http.StatusUnauthorized, "login.wrong"
		if errors.Is(err, auth.ErrThrottled) {
			code, key = http.StatusTooManyRequests, "login.wait"
		}
		p.Error = tongue.Say(p.Lang, key)
		s.show(w, r, code, "login.html", p.Lang, p)
		return
	}
	value, expires := s.guard.Session(u)
	http.SetCookie(w, &http.Cookie{
		Name: auth.Cookie, Value: value, Path: "/", Expires: expires, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: s.secure(r),
	})
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (s *Service) serveLogout(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, &http.Cookie{Name: auth.Cookie, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, "/oncall/login", http.StatusSeeOther)
}

// localPath keeps a redirect on this host.
func localPath(p string) string {
	if !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") || strings.ContainsAny(p, "\\\r\n\t") {
		return "/oncall/"
	}
	return p
}
