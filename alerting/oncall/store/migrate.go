package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// migrations are applied in order, each once, each in a transaction of its own.
// A released one is never changed; a new one is appended. Moments are Unix
// nanoseconds.
var migrations = [...]string{
	`-- 1
CREATE TABLE incidents (
	id     TEXT PRIMARY KEY,
	status TEXT   NOT NULL,
	opened BIGINT NOT NULL,
	ended  BIGINT NOT NULL,
	body   TEXT   NOT NULL
);
CREATE INDEX incidents_opened ON incidents (opened);
CREATE TABLE deliveries (
	id       TEXT PRIMARY KEY,
	incident TEXT   NOT NULL,
	status   TEXT   NOT NULL,
	created  BIGINT NOT NULL,
	body     TEXT   NOT NULL
);
CREATE INDEX deliveries_incident ON deliveries (incident);
CREATE INDEX deliveries_created ON deliveries (created);
CREATE TABLE journal_queue (
	seq  BIGINT PRIMARY KEY,
	body TEXT NOT NULL
);
CREATE TABLE named_values (
	name    TEXT PRIMARY KEY,
	body    TEXT   NOT NULL,
	expires BIGINT NOT NULL
);`,
	`-- 2: forgetting what is long over
CREATE INDEX incidents_ended ON incidents (ended);`,
}

// ErrNewer is what Open gives, wrapped, for a file of a later version.
var ErrNewer = errors.New("the database was written by a newer watchpost; start that one, or restore the backup from before the upgrade")

func migrate(ctx context.Context, db *sql.DB) error {
	if _, err := db.ExecContext(ctx, makeVersion); err != nil {
		return fmt.Errorf("creating schema_version: %w", err)
	}
	var have int
	err := db.QueryRowContext(ctx, haveVersion).Scan(&have)
	if err != nil {
		return fmt.Errorf("reading schema_version: %w", err)
	}
	if have > len(migrations) {
		return fmt.Errorf("schema %d, this program knows %d: %w", have, len(migrations), ErrNewer)
	}
	for i := have; i < len(migrations); i++ {
		if err := step(ctx, db, i); err != nil {
			return fmt.Errorf("schema migration %d: %w", i+1, err)
		}
	}
	return nil
}

func step(ctx context.Context, db *sql.DB, i int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	if _, err := tx.ExecContext(ctx, migrations[i]); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, putVersion, i+1); err != nil {
		return err
	}
	return tx.Commit()
}
