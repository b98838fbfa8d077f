package history

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/prometheus/prometheus/promql"
)

// rawQuery is the instant query that gives the stored samples in [from, to).
// A range selector is open at its left end (Prometheus 3), so asking for the
// whole length a millisecond before to takes from in and leaves to out.
func rawQuery(selector string, from, to time.Time) (expr string, at time.Time, err error) {
	ms := to.UnixMilli() - from.UnixMilli()
	if ms <= 0 {
		return "", time.Time{}, fmt.Errorf("%w: the period from %v to %v is empty", ErrQuery, from, to)
	}
	return fmt.Sprintf("%s[%dms]", selector, ms), time.UnixMilli(to.UnixMilli() - 1), nil
}

// Raw implements Querier.
func (h *History) Raw(ctx context.Context, selector string, from, to time.Time) ([]Series, error) {
	expr, at, err := rawQuery(selector, from, to)
	if err != nil {
		return nil, err
	}
	q, err := h.engine.NewInstantQuery(ctx, h.store, nil, expr, at)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrQuery, err)
	}
	defer q.Close()
	r := q.Exec(ctx)
	if r.Err != nil {
		return nil, fmt.Errorf("%w: %w", ErrQuery, r.Err)
	}
	m, ok := r.Value.(promql.Matrix)
	if !ok {
		return nil, fmt.Errorf("%w: %q is no selector of series", ErrQuery, selector)
	}
	out := make([]Series, 0, len(m))
	for _, s := range m {
		points := make([]Point, len(s.Floats))
		for i, f := range s.Floats {
			points[i] = Point{time.UnixMilli(f.T), f.F}
		}
		if len(points) > 0 {
			out = append(out, Series{s.Metric.Copy().Map(), points})
		}
	}
	return out, nil
}

// Raw implements Querier.
func (r *remoteAPI) Raw(ctx context.Context, selector string, from, to time.Time) ([]Series, error) {
	expr, at, err := rawQuery(selector, from, to)
	if err != nil {
		return nil, err
	}
	d, err := r.ask(ctx, "query", url.Values{"query": {expr}, "time": {stamp(at)}})
	if err != nil {
		return nil, err
	}
	if d.Type != "matrix" {
		return nil, fmt.Errorf("%w: %q is no selector of series", ErrQuery, selector)
	}
	return r.matrix(d.Result)
}

// matrix reads a result of that type.
func (r *remoteAPI) matrix(result json.RawMessage) ([]Series, error) {
	var m []struct {
		Metric map[string]string `json:"metric"`
		Values []pair            `json:"values"`
	}
	if err := json.Unmarshal(result, &m); err != nil {
		return nil, r.garbled(err)
	}
	out := make([]Series, 0, len(m))
	for _, s := range m {
		if len(s.Values) == 0 {
			continue // a native histogram
		}
		points := make([]Point, len(s.Values))
		for i, p := range s.Values {
			points[i] = Point(p)
		}
		out = append(out, Series{s.Metric, points})
	}
	return out, nil
}
