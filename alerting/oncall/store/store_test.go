package store

import (
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"watchpost.example/alerting/oncall/incident"
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
