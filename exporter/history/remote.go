package history

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxAnswer bounds what a remote Prometheus may answer.
const maxAnswer = 256 << 20

// remoteAPI is a Prometheus-compatible HTTP API: Prometheus, Thanos, Mimir,
// VictoriaMetrics or another watchpost.
type remoteAPI struct {
	base   *url.URL
	client *http.Client
}

// Remote makes a Querier of the API below base ("https://prom.example/prefix",
// without /api/v1). rt carries authentication; nil = http.DefaultTransport.
func Remote(base string, rt http.RoundTripper) (Querier, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is not the address of a Prometheus: want http(s)://host[:port][/prefix]", base)
	}
	return &remoteAPI{u, &http.Client{Transport: rt, Timeout: 2 * time.Minute}}, nil
}

// Query implements Querier.
func (r *remoteAPI) Query(ctx context.Context, expr string, at time.Time) ([]Result, error) {
	if at.IsZero() {
		at = time.Now()
	}
	d, err := r.ask(ctx, "query", url.Values{"query": {expr}, "time": {stamp(at)}})
	if err != nil {
		return nil, err
	}
	switch d.Type {
	case "vector":
		var v []struct {
			Metric map[string]string `json:"metric"`
			Value  *pair             `json:"value"`
		}
		if err := json.Unmarshal(d.Result, &v); err != nil {
			return nil, r.garbled(err)
		}
		out := make([]Result, 0, len(v))
		for _, s := range v {
			if s.Value != nil { // else a native histogram
				out = append(out, Result{s.Metric, Point(*s.Value)})
			}
		}
		return out, nil
	case "scalar":
		var p pair
		if err := json.Unmarshal(d.Result, &p); err != nil {
			return nil, r.garbled(err)
		}
		return []Result{{map[string]string{}, Point(p)}}, nil
	}
	return nil, fmt.Errorf("%w: %q gives a %s, want numbers of one moment", ErrQuery, expr, d.Type)
}

// QueryRange implements Querier.
func (r *remoteAPI) QueryRange(ctx context.Context, expr string, from, to time.Time, step time.Duration) ([]Series, error) {
	if err := checkRange(from, to, step); err != nil {
		return nil, err
	}
	d, err := r.ask(ctx, "query_range", url.Values{
		"query": {expr}, "start": {stamp(from)}, "end": {stamp(to)},
		"step": {strconv.FormatFloat(step.Seconds(), 'f', -1, 64)},
	})
	if err != nil {
		return nil, err
	}
	if d.Type != "matrix" {
		return nil, fmt.Errorf("%w: %q gives a %s, want a series of numbers", ErrQuery, expr, d.Type)
	}
	return r.matrix(d.Result)
}

// data is the part of an answer that holds the result.
type data struct {
	Type   string          `json:"resultType"`
	Result json.RawMessage `json:"result"`
}

func (r *remoteAPI) ask(ctx context.Context, what string, form url.Values) (data, error) {
	u := r.base.JoinPath("api/v1", what)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return data{}, fmt.Errorf("asking %s: %w", u.Redacted(), err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := r.client.Do(req)
	if err != nil {
		return data{}, fmt.Errorf("asking Prometheus: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // nothing is left to lose
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return data{}, fmt.Errorf("reading the answer of %s: %w", u.Redacted(), err)
	}
	if len(body) > maxAnswer {
		return data{}, fmt.Errorf("%w: the answer of %s is larger than %d MB", ErrQuery, u.Redacted(), maxAnswer>>20)
	}
	var a struct {
		Status    string `json:"status"`
		ErrorType string `json:"errorType"`
		Error     string `json:"error"`
		Data      data   `json:"data"`
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return data{}, fmt.Errorf("%s answered %s and no Prometheus JSON: %w", u.Redacted(), resp.Status, err)
	}
	if a.Status != "success" {
		return data{}, fmt.Errorf("%w: %s: %q", ErrQuery, a.ErrorType, a.Error)
	}
	return a.Data, nil
}

func (r *remoteAPI) garbled(err error) error {
	return fmt.Errorf("%s answered something else than it announced: %w", r.base.Redacted(), err)
}

// stamp writes a moment as the API reads it, milliseconds kept.
func stamp(t time.Time) string {
	ms := t.UnixMilli()
	return strconv.FormatFloat(float64(ms)/1000, 'f', 3, 64)
}

// pair is [seconds, "value"], where value may be "NaN" or "+Inf".
type pair Point

// UnmarshalJSON reads it.
func (p *pair) UnmarshalJSON(b []byte) error {
	var at float64
	var v string
	if err := json.Unmarshal(b, &[]any{&at, &v}); err != nil {
		return err
	}
	f, err := strconv.ParseFloat(v, 64)
	if err != nil {
		return fmt.Errorf("%q is not a value", v)
	}
	p.At, p.Value = time.UnixMilli(int64(at*1000+0.5)), f
	return nil
}
