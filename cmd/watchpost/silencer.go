package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"watchpost.example/alerting/engine"
	"watchpost.example/alerting/oncall"
)

// silencer sets silences through Alertmanager's v2 API: of the one inside, or
// of the first one outside.
type silencer struct{ a *application }

// matcher and silence are the API's forms (alertmanager api/v2/openapi.yaml).
type matcher struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	IsRegex bool   `json:"isRegex"`
	IsEqual bool   `json:"isEqual"`
}

type postedSilence struct {
	Matchers  []matcher `json:"matchers"`
	StartsAt  time.Time `json:"startsAt"`
	EndsAt    time.Time `json:"endsAt"`
	CreatedBy string    `json:"createdBy"`
	Comment   string    `json:"comment"`
}

// Silence implements oncall.Silencer.
func (s silencer) Silence(ctx context.Context, x oncall.Silence) (string, error) {
	p := postedSilence{StartsAt: x.Start, EndsAt: x.End, CreatedBy: x.By, Comment: x.Comment}
	for name, value := range x.Matchers {
		p.Matchers = append(p.Matchers, matcher{Name: name, Value: value, IsEqual: true})
	}
	body, err := json.Marshal(p)
	if err != nil {
		return "", err
	}
	answer, err := s.ask(ctx, http.MethodPost, "/api/v2/silences", body)
	if err != nil {
		return "", err
	}
	var made struct {
		ID string `json:"silenceID"`
	}
	if err := json.Unmarshal(answer, &made); err != nil {
		return "", fmt.Errorf("setting a silence: Alertmanager's answer can't be read: %w", err)
	}
	return made.ID, nil
}

// Expire implements oncall.Silencer.
func (s silencer) Expire(ctx context.Context, id string) error {
	_, err := s.ask(ctx, http.MethodDelete, "/api/v2/silence/"+id, nil)
	return err
}

func (s silencer) ask(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	outside := s.a.cfg.Server.Alertmanager.Outside
	if len(outside) > 0 {
		return askOutside(ctx, outside[0], method, path, body)
	}
	// The engine's own handler is called without the network: the face outside
	// asks for a user, and this request was made by one already.
	r, err := http.NewRequestWithContext(ctx, method, "http://inside"+engine.APIPrefix+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.a.engine.APIHandler().ServeHTTP(w, r)
	if w.Code/100 != 2 {
		return nil, fmt.Errorf("Alertmanager answered %d: %s", w.Code, bytes.TrimSpace(w.Body.Bytes()))
	}
	return w.Body.Bytes(), nil
}
