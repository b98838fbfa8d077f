package store

import (
	"database/sql"
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"watchpost.example/alerting/oncall/incident"
	"watchpost.example/alerting/oncall/outbox"
)

var t0 = time.Date(2026, 8, 29, 17, 0, 0, 0, time.UTC)

func open(t *testing.T, path string) *SQL {
	t.Helper()
	s, err := OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestWhatIsCommittedComesBack(t *testing.T) {
	// A path with characters that mean something in a URI.
	path := filepath.Join(t.TempDir(), "đêm trực? #1.db")
	s := open(t, path)
	live := incident.Incident{ID: "i1", Code: "7421", Status: incident.Open, Opened: t0, Groups: []incident.Group{{Key: "k"}}}
	old := incident.Incident{ID: "i0", Status: incident.Resolved, Opened: t0.Add(-50 * time.Hour), Ended: t0.Add(-49 * time.Hour)}
	queued := outbox.Delivery{ID: "p1", Incident: "i1", Status: outbox.Sending, Created: t0.Add(-99 * time.Hour)}
	done := outbox.Delivery{ID: "p0", Incident: "i0", Status: outbox.Done, Created: t0.Add(-50 * time.Hour)}
	err := s.Commit(t.Context(), Batch{
		Incidents: []incident.Incident{live, old}, Deliveries: []outbox.Delivery{queued, done},
		Lines:  []Line{{1, json.RawMessage(`{"a":1}`)}, {2, json.RawMessage(`{"a":2}`)}},
		Values: []Value{{Name: "v", Text: "x"}, {Name: "gone", Text: "y", Expires: t0.Add(-time.Hour)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	live.Status = incident.Acknowledged
	if err := s.Commit(t.Context(), Batch{Incidents: []incident.Incident{live}, Flushed: 1}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	st, err := s.Load(t.Context(), t0.Add(-24*time.Hour), t0)
	if err != nil {
		t.Fatal(err)
	}
	want := State{
		Incidents: []incident.Incident{live}, Deliveries: []outbox.Delivery{queued},
		Lines: []Line{{2, json.RawMessage(`{"a":2}`)}}, Values: map[string]string{"v": "x"},
	}
	if d := cmp.Diff(want, st); d != "" {
		t.Error(d)
	}
	all, err := s.Incidents(t.Context(), t0.Add(time.Hour), 10)
	if err != nil || len(all) != 2 || all[0].ID != "i1" {
		t.Errorf("incidents newest first: %v, %v", all, err)
	}
	if in, ok, err := s.Incident(t.Context(), "i0"); !ok || err != nil || in.Status != incident.Resolved {
		t.Errorf("incident i0: %v %v %v", in, ok, err)
	}
	if _, ok, err := s.Incident(t.Context(), "nope"); ok || err != nil {
		t.Errorf("incident nope: %v %v", ok, err)
	}
	if l, err := s.Deliveries(t.Context(), "i1"); err != nil || len(l) != 1 {
		t.Errorf("deliveries: %v, %v", l, err)
	}
}

func TestBatchIsAllOrNothing(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"))
	if _, err := s.db.ExecContext(t.Context(), `DROP TABLE named_values`); err != nil {
		t.Fatal(err)
	}
	// The last part of the batch can't be written.
	err := s.Commit(t.Context(), Batch{Incidents: []incident.Incident{{ID: "lost", Opened: t0}}, Values: []Value{{Name: "v"}}})
	if err == nil {
		t.Fatal("a batch with a broken part was committed")
	}
	if _, ok, err := s.Incident(t.Context(), "lost"); ok || err != nil {
		t.Errorf("half of a batch was kept: %v, %v", ok, err)
	}
}

func TestEveryCommitIsOnDisk(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"))
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2"} {
		var got string
		if err := s.db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("PRAGMA %s = %q, %v; want %q", pragma, got, err, want)
		}
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path)
	if _, err := s.db.ExecContext(t.Context(), `INSERT INTO schema_version (version) VALUES (99)`); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSQLite(t.Context(), path); !errors.Is(err, ErrNewer) {
		t.Errorf("got %v, want ErrNewer", err)
	}
}

func TestMigrationIsAppliedOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	for range 3 {
		s := open(t, path)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var n int
	if err := db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM schema_version`).Scan(&n); err != nil || n != len(migrations) {
		t.Errorf("%d rows in schema_version, %v; want %d", n, err, len(migrations))
	}
}
