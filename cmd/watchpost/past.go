package main

import (
	"context"
	"net/http"
	"strings"
	"time"

	"watchpost.example/exporter/history"
	"watchpost.example/exporter/wall"
	"watchpost.example/inventory"
	"watchpost.example/probes"
	"watchpost.example/report"
)

// rawQuerier gives the report what a history holds.
type rawQuerier struct{ q history.Querier }

// Raw implements report.RawQuerier.
func (r rawQuerier) Raw(ctx context.Context, selector string, from, to time.Time) ([]report.RawSeries, error) {
	series, err := r.q.Raw(ctx, selector, from, to)
	if err != nil {
		return nil, err
	}
	out := make([]report.RawSeries, len(series))
	for i, s := range series {
		points := make([]report.Point, len(s.Points))
		for k, p := range s.Points {
			points[k] = report.Point(p)
		}
		out[i] = report.RawSeries{Labels: s.Labels, Points: points}
	}
	return out, nil
}

// past is what a system's page on the wall shows of its last hours: the same
// arithmetic as the report's, so that wall and report never disagree.
func (a *application) past(ctx context.Context, s *probes.System, from, to time.Time) (wall.Past, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	only := &probes.Unit{ID: s.Unit.ID, Name: s.Unit.Name, Systems: []*probes.System{s}}
	r, err := report.Build(ctx, report.HistorySource{Raw: rawQuerier{a.querier()}}, []*probes.Unit{only},
		report.Period{From: from, To: to}, report.Options{Location: localZone()})
	if err != nil {
		return wall.Past{}, err
	}
	sys := r.Units[0].Systems[0]
	var out wall.Past
	if sys.Availability.Known() {
		out.Availability = strings.ReplaceAll(sys.Availability.Percent(2), ".", ",") + "%"
	}
	for _, x := range sys.Timeline {
		out.Spans = append(out.Spans, wall.Span{From: x.From, To: x.To, State: wallState(x.Class)})
	}
	return out, nil
}

func wallState(c report.Class) wall.State {
	switch c {
	case report.Up:
		return wall.Up
	case report.Degraded:
		return wall.Degraded
	case report.Down:
		return wall.Down
	case report.Maintenance:
		return wall.Maintenance
	case report.Unknown:
	}
	return wall.Unknown
}

// querier reads the history: the configured Prometheus, else our own.
func (a *application) querier() history.Querier {
	if a.remote != nil {
		return a.remote
	}
	return a.history
}

// endpointQuerier makes a Querier of a Prometheus outside.
func endpointQuerier(e inventory.Endpoint) (history.Querier, error) {
	rt, err := endpointTransport(e)
	if err != nil {
		return nil, err
	}
	return history.Remote(e.URL, rt)
}

// authTransport adds an endpoint's credentials, read anew at each request.
type authTransport struct {
	next http.RoundTripper
	e    inventory.Endpoint
}

// RoundTrip implements http.RoundTripper.
func (t authTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	kind, secret, err := t.e.Secret()
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context()) // a RoundTripper may not change the caller's
	switch kind {
	case "basic":
		r.SetBasicAuth(t.e.Username, secret)
	case "bearer":
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	return t.next.RoundTrip(r)
}
