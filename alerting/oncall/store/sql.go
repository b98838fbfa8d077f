package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"watchpost.example/alerting/oncall/incident"
	"watchpost.example/alerting/oncall/outbox"
)

// SQL is a Store on database/sql.
type SQL struct {
	db *sql.DB
}

// OpenSQLite opens or makes the file: write-ahead log, and every commit on disk
// before it counts (synchronous=FULL), because a page is a promise.
func OpenSQLite(ctx context.Context, path string) (*SQL, error) {
	q := url.Values{}
	for _, p := range []string{"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(5000)", "foreign_keys(ON)"} {
		q.Add("_pragma", p)
	}
	q.Set("_txlock", "immediate")
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	// One writer and a few readers; more would only wait for the file's lock.
	db.SetMaxOpenConns(4)
	if err := migrate(ctx, db); err != nil {
		_ = db.Close() // the first error is the one that matters
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	return &SQL{db: db}, nil
}

// Close closes the database.
func (s *SQL) Close() error { return s.db.Close() }

// Commit writes the batch in one transaction.
func (s *SQL) Commit(ctx context.Context, b Batch) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("beginning a change: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	w := writer{ctx: ctx, tx: tx}
	for _, in := range b.Incidents {
		w.put(putIncident, in, in.ID, string(in.Status), nanos(in.Opened), nanos(in.Ended))
	}
	for _, d := range b.Deliveries {
		w.put(putDelivery, d, d.ID, d.Incident, string(d.Status), nanos(d.Created))
	}
	for _, l := range b.Lines {
		w.exec(putLine, l.Seq, string(l.Body))
	}
	if b.Flushed > 0 {
		w.exec(dropLines, b.Flushed)
	}
	for _, v := range b.Values {
		w.exec(putValue, v.Name, v.Text, nanos(v.Expires))
	}
	if w.err != nil {
		return fmt.Errorf("writing a change: %w", w.err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("committing a change: %w", err)
	}
	return nil
}

// writer keeps the first error, so that a batch reads as a list.
type writer struct {
	ctx context.Context // lives as long as one Commit
	tx  *sql.Tx
	err error
}

func (w *writer) exec(query string, args ...any) {
	if w.err == nil {
		_, w.err = w.tx.ExecContext(w.ctx, query, args...)
	}
}

// put adds body as JSON after the other arguments.
func (w *writer) put(query string, body any, args ...any) {
	if w.err != nil {
		return
	}
	b, err := json.Marshal(body)
	if err != nil {
		w.err = err
		return
	}
	w.exec(query, append(args, string(b))...)
}

// nanos is 0 for the zero time, which UnixNano can't express.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// Load reads what a start needs and drops values that expired.
func (s *SQL) Load(ctx context.Context, since, now time.Time) (State, error) {
	var st State
	var err error
	st.Incidents, err = list[incident.Incident](ctx, s.db, liveIncidents, nanos(since))
	if err != nil {
		return st, fmt.Errorf("reading incidents: %w", err)
	}
	st.Deliveries, err = list[outbox.Delivery](ctx, s.db, liveDeliveries, nanos(since))
	if err != nil {
		return st, fmt.Errorf("reading deliveries: %w", err)
	}
	if st.Lines, err = s.lines(ctx); err != nil {
		return st, fmt.Errorf("reading journal lines: %w", err)
	}
	if _, err = s.db.ExecContext(ctx, dropValues, nanos(now)); err != nil {
		return st, fmt.Errorf("dropping expired values: %w", err)
	}
	if st.Values, err = s.values(ctx); err != nil {
		return st, fmt.Errorf("reading values: %w", err)
	}
	return st, nil
}

func (s *SQL) lines(ctx context.Context) (out []Line, err error) {
	rows, err := s.db.QueryContext(ctx, allLines)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var l Line
		var body string
		if err := rows.Scan(&l.Seq, &body); err != nil {
			return nil, err
		}
		l.Body = json.RawMessage(body)
		out = append(out, l)
	}
	return out, rows.Err()
}

func (s *SQL) values(ctx context.Context) (out map[string]string, err error) {
	rows, err := s.db.QueryContext(ctx, allValues)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	out = map[string]string{}
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			return nil, err
		}
		out[name] = text
	}
	return out, rows.Err()
}

// list decodes the JSON of a query's only column.
func list[T any](ctx context.Context, db *sql.DB, query string, args ...any) (out []T, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var body string
		if err := rows.Scan(&body); err != nil {
			return nil, err
		}
		var v T
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// Incidents lists incidents, newest first.
func (s *SQL) Incidents(ctx context.Context, before time.Time, limit int) ([]incident.Incident, error) {
	l, err := list[incident.Incident](ctx, s.db, listIncidents, nanos(before), min(max(limit, 1), 1000))
	if err != nil {
		return nil, fmt.Errorf("reading incidents: %w", err)
	}
	return l, nil
}

// Incident finds one incident.
func (s *SQL) Incident(ctx context.Context, id string) (incident.Incident, bool, error) {
	l, err := list[incident.Incident](ctx, s.db, oneIncident, id)
	if err != nil {
		return incident.Incident{}, false, fmt.Errorf("reading incident %s: %w", id, err)
	}
	if len(l) == 0 {
		return incident.Incident{}, false, nil
	}
	return l[0], true, nil
}

// Deliveries lists the deliveries of an incident.
func (s *SQL) Deliveries(ctx context.Context, incidentID string) ([]outbox.Delivery, error) {
	l, err := list[outbox.Delivery](ctx, s.db, itsDeliveries, incidentID)
	if err != nil {
		return nil, fmt.Errorf("reading deliveries of %s: %w", incidentID, err)
	}
	return l, nil
}

// Prune forgets incidents that were over before the moment.
func (s *SQL) Prune(ctx context.Context, before time.Time, limit int) (n int, err error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, fmt.Errorf("beginning to prune: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	ids, err := column(ctx, tx, oldIncidents, nanos(before), max(limit, 1))
	if err != nil {
		return 0, fmt.Errorf("finding old incidents: %w", err)
	}
	w := writer{ctx: ctx, tx: tx}
	for _, id := range ids {
		w.exec(dropItsPages, id)
		w.exec(dropIncident, id)
	}
	w.exec(dropNotices, nanos(before))
	if w.err != nil {
		return 0, fmt.Errorf("forgetting old incidents: %w", w.err)
	}
	if err := tx.Commit(); err != nil {
		return 0, fmt.Errorf("forgetting old incidents: %w", err)
	}
	return len(ids), nil
}

func column(ctx context.Context, tx *sql.Tx, query string, args ...any) (out []string, err error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}
