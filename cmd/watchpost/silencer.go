package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"time"

	"watchpost.example/alerting/engine"
	"watchpost.example/alerting/oncall"
	"watchpost.example/alerting/oncall/silence"
)

// silencer sets on-call's silences in Alertmanager: the one inside, or the
// first one outside. The engine is built after on-call, so it is found when used.
type silencer struct{ a *application }

func (s silencer) client() (*silence.Client, error) {
	if out := s.a.server().Alertmanager.Outside; len(out) > 0 {
		rt, err := endpointTransport(out[0])
		if err != nil {
			return nil, err
		}
		return silence.New(out[0].URL, &http.Client{Transport: rt, Timeout: 30 * time.Second})
	}
	return silence.New("http://inside"+engine.APIPrefix, &http.Client{Transport: handlerTransport{s.a.engine.APIHandler()}})
}

// Silence implements oncall.Silencer.
func (s silencer) Silence(ctx context.Context, x oncall.Silence) (string, error) {
	c, err := s.client()
	if err != nil {
		return "", err
	}
	return c.Silence(ctx, x)
}

// Expire implements oncall.Silencer.
func (s silencer) Expire(ctx context.Context, id string) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	return c.Expire(ctx, id)
}

// handlerTransport calls a handler without the network: the face outside asks
// for a user, and what comes this way was asked by one already.
type handlerTransport struct{ h http.Handler }

// RoundTrip implements http.RoundTripper.
func (t handlerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	t.h.ServeHTTP(w, r)
	return w.Result(), nil
}
