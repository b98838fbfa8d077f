package history

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/prometheus/promql"
)

// Querier asks in PromQL. The embedded history and a remote Prometheus are
// both one, so that wall, report and on-call don't know which they read.
type Querier interface {
	// Query evaluates expr at a moment; at zero means now. A scalar is one
	// result without labels; a string or range result is an error.
	Query(ctx context.Context, expr string, at time.Time) ([]Result, error)
	// QueryRange evaluates expr at from, from+step, ... up to to.
	QueryRange(ctx context.Context, expr string, from, to time.Time, step time.Duration) ([]Series, error)
	// Raw gives the samples as stored of every series that selector, without a
	// range, matches in [from, to).
	Raw(ctx context.Context, selector string, from, to time.Time) ([]Series, error)
}

// Result is one element of an instant query.
type Result struct {
	Labels map[string]string // __name__ included where there is one
	Point
}

// Series is one element of a range query, points in the order of time. Where
// the expression has no value there is no point.
type Series struct {
	Labels map[string]string
	Points []Point
}

// Point is a value at a moment; a NaN or infinity is possible.
type Point struct {
	At    time.Time
	Value float64
}

// ErrQuery is wrapped by every error about the expression or its result type,
// as opposed to those of the way to the server.
var ErrQuery = errors.New("the query failed")

// MaxPoints bounds a range query, points a series, as Prometheus does.
const MaxPoints = 11_000

var _ Querier = (*History)(nil)

// Query implements Querier.
func (h *History) Query(ctx context.Context, expr string, at time.Time) ([]Result, error) {
	if at.IsZero() {
		at = time.Now()
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
	switch v := r.Value.(type) {
	case promql.Vector:
		out := make([]Result, 0, len(v))
		for _, s := range v {
			if s.H != nil {
				continue // a native histogram is no number
			}
			out = append(out, Result{s.Metric.Copy().Map(), Point{time.UnixMilli(s.T), s.F}})
		}
		return out, nil
	case promql.Scalar:
		return []Result{{map[string]string{}, Point{time.UnixMilli(v.T), v.V}}}, nil
	}
	return nil, fmt.Errorf("%w: %q gives a %s, want numbers of one moment", ErrQuery, expr, r.Value.Type())
}

// QueryRange implements Querier.
func (h *History) QueryRange(ctx context.Context, expr string, from, to time.Time, step time.Duration) ([]Series, error) {
	if err := checkRange(from, to, step); err != nil {
		return nil, err
	}
	q, err := h.engine.NewRangeQuery(ctx, h.store, nil, expr, from, to, step)
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
		return nil, fmt.Errorf("%w: %q gives a %s, want a series of numbers", ErrQuery, expr, r.Value.Type())
	}
	out := make([]Series, 0, len(m))
	for _, s := range m {
		if len(s.Floats) == 0 {
			continue
		}
		points := make([]Point, len(s.Floats))
		for i, p := range s.Floats {
			points[i] = Point{time.UnixMilli(p.T), p.F}
		}
		out = append(out, Series{s.Metric.Copy().Map(), points})
	}
	return out, nil
}

func checkRange(from, to time.Time, step time.Duration) error {
	switch {
	case step < time.Millisecond:
		return fmt.Errorf("%w: a step of %s, want at least 1ms", ErrQuery, step)
	case to.Before(from):
		return fmt.Errorf("%w: the end %s lies before the start %s", ErrQuery, to.Format(time.RFC3339), from.Format(time.RFC3339))
	case to.Sub(from)/step > MaxPoints:
		return fmt.Errorf("%w: more than %d points a series: take a longer step or a shorter time", ErrQuery, MaxPoints)
	}
	return nil
}
