package oncall

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"watchpost.example/alerting/oncall/auth"
	"watchpost.example/alerting/oncall/roster"
)

// routeAPI adds the JSON API. Errors are {"error": "..."}.
func (s *Service) routeAPI(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/oncall/incidents", s.api(auth.View, s.apiIncidents))
	mux.HandleFunc("GET /api/oncall/incidents/{id}", s.api(auth.View, s.apiIncident))
	mux.HandleFunc("POST /api/oncall/incidents/{id}/{action}", s.api(auth.Act, s.apiAction))
	mux.HandleFunc("GET /api/oncall/duty", s.api(auth.View, s.apiDuty))
	mux.HandleFunc("GET /api/oncall/summary", s.api(auth.View, s.apiSummary))
	mux.HandleFunc("POST /api/oncall/test", s.api(auth.Admin, s.apiTest))
	mux.HandleFunc("POST /api/oncall/drill", s.api(auth.Admin, s.apiDrill))
}

// errInput is what the API gives for a body or query it can't use, wrapped.
var errInput = errors.New("the request can't be understood")

type apiHandler func(r *http.Request, u auth.User) (any, error)

// api lets in users of a role. A POST must be JSON, which a form of another site
// can't send without asking first.
func (s *Service) api(need auth.Role, next apiHandler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		u, ok := s.guard.Request(r)
		fail := func(code int, text string) { writeJSON(w, code, map[string]string{"error": text}) }
		switch {
		case !ok:
			w.Header().Set("WWW-Authenticate", `Basic realm="watchpost", charset="UTF-8"`)
			fail(http.StatusUnauthorized, "sign in first")
			return
		case !u.Role.May(need):
			fail(http.StatusForbidden, "this user may not do that")
			return
		case r.Method == http.MethodPost && !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json"):
			fail(http.StatusUnsupportedMediaType, "send Content-Type: application/json")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		v, err := next(r, u)
		switch {
		case err == nil:
			writeJSON(w, http.StatusOK, v)
		case errors.Is(err, ErrUnsaved):
			writeJSON(w, http.StatusAccepted, map[string]string{"warning": err.Error()})
		default:
			fail(statusOf(err), err.Error())
		}
	}
}

func (s *Service) apiIncidents(r *http.Request, _ auth.User) (any, error) {
	q := r.URL.Query()
	if q.Get("status") == "live" {
		return s.liveIncidents(), nil
	}
	before, limit := time.Now().Add(time.Minute), 100
	if v := q.Get("before"); v != "" {
		t, err := time.Parse(time.RFC3339, v)
		if err != nil {
			return nil, fmt.Errorf("%w: before is a time such as 2026-08-29T17:00:00Z", errInput)
		}
		before = t
	}
	if v := q.Get("limit"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > 1000 {
			return nil, fmt.Errorf("%w: limit is 1 to 1000", errInput)
		}
		limit = n
	}
	return s.Incidents(r.Context(), before, limit)
}

func (s *Service) liveIncidents() any {
	v := s.View()
	out := v.Incidents[:0:0]
	for _, in := range v.Incidents {
		if in.Status.Live() {
			out = append(out, in)
		}
	}
	return out
}

func (s *Service) apiIncident(r *http.Request, _ auth.User) (any, error) {
	in, ok, err := s.Incident(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%w: incident %q", ErrNotFound, r.PathValue("id"))
	}
	return in, nil
}

// apiAction does what action does; the body is {"text", "reason", "until",
// "how"}, all optional but for what the action needs.
func (s *Service) apiAction(r *http.Request, u auth.User) (any, error) {
	var body map[string]string
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return nil, fmt.Errorf("%w: the body is no JSON object of texts: %w", errInput, err)
	}
	how := "api"
	if body["how"] == "command" {
		how = "command"
	}
	id := r.PathValue("id")
	if err := s.action(r.Context(), id, r.PathValue("action"), u.Who(), how, func(k string) string { return body[k] }); err != nil {
		return nil, err
	}
	in, _, err := s.Incident(r.Context(), id)
	return in, err
}

// action is what a person can do to an incident from a page, the API or a command.
func (s *Service) action(ctx context.Context, id, action, who, how string, value func(string) string) error {
	switch action {
	case "ack":
		return s.Acknowledge(ctx, id, who, how)
	case "escalate":
		return s.Escalate(ctx, id, who, how)
	case "decline":
		return s.Decline(ctx, id, who, how)
	case "note":
		text := strings.TrimSpace(value("text"))
		if text == "" {
			return fmt.Errorf("%w: an empty note", errInput)
		}
		return s.Note(ctx, id, who, text)
	case "close":
		reason := strings.TrimSpace(value("reason"))
		if reason == "" {
			return fmt.Errorf("%w: a reason is required", errInput)
		}
		return s.CloseIncident(ctx, id, who, reason)
	case "silence":
		until, err := roster.Moment(strings.ReplaceAll(value("until"), "T", " "), s.View().Roster.Zone)
		if d, derr := time.ParseDuration(value("until")); derr == nil {
			until, err = time.Now().Add(d), nil
		} else if t, terr := time.Parse(time.RFC3339, value("until")); terr == nil {
			until, err = t, nil
		}
		if err != nil {
			return fmt.Errorf("%w: until is a time such as 2026-08-29 17:00 or a duration such as 2h", ErrSilence)
		}
		return s.SilenceIncident(ctx, id, who, strings.TrimSpace(value("reason")), until)
	}
	return fmt.Errorf("%w: no action %q; the actions are ack, escalate, decline, note, silence, close", errInput, clip(action, 30))
}

// dutyAnswer is what /api/oncall/duty tells; addresses are not in it.
type dutyAnswer struct {
	At       time.Time `json:"at"`
	From     time.Time `json:"from,omitzero"`
	To       time.Time `json:"to,omitzero"`
	Officers []string  `json:"officers"`
	Deputy   string    `json:"deputy,omitempty"`
	Hotline  string    `json:"hotline,omitempty"`
	GapAt    time.Time `json:"gap_at,omitzero"`
}

func (s *Service) apiDuty(r *http.Request, _ auth.User) (any, error) {
	v := s.View()
	at := time.Now()
	if x := r.URL.Query().Get("at"); x != "" {
		t, err := roster.Moment(x, v.Roster.Zone)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errInput, err)
		}
		at = t
	}
	d := v.Roster.At(at)
	out := dutyAnswer{At: at, From: d.From, To: d.To, Officers: []string{}, GapAt: v.GapAt}
	for _, id := range d.Officers {
		out.Officers = append(out.Officers, v.Roster.Name(id))
	}
	if d.Deputy != "" {
		out.Deputy = v.Roster.Name(d.Deputy)
	}
	if d.Hotline != "" {
		out.Hotline = v.Roster.Name(d.Hotline)
	}
	return out, nil
}

func (s *Service) apiSummary(r *http.Request, _ auth.User) (any, error) {
	zone := s.View().Roster.Zone
	from, err1 := roster.Moment(r.URL.Query().Get("from"), zone)
	to, err2 := roster.Moment(r.URL.Query().Get("to"), zone)
	if err := errors.Join(err1, err2); err != nil || !to.After(from) {
		return nil, fmt.Errorf("%w: give from and to, times such as 2026-08-28 17:00", errInput)
	}
	return s.Summary(from, to)
}

func (s *Service) apiTest(r *http.Request, u auth.User) (any, error) {
	var body struct{ Person string }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return nil, fmt.Errorf(`%w: the body is {"person": "id"}`, errInput)
	}
	id, err := s.Test(r.Context(), body.Person, u.Who())
	return map[string]string{"incident": id}, err
}

func (s *Service) apiDrill(r *http.Request, u auth.User) (any, error) {
	id, err := s.Drill(r.Context(), u.Who())
	return map[string]string{"incident": id}, err
}
