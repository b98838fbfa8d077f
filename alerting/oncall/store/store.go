// Package store keeps the state of on-call so that a crash at any moment loses
// nothing: incidents, deliveries, the journal lines that are not in the file
// yet, and small values. Every change is one Batch, all or nothing, on disk when
// Commit returns.
//
// SQL uses an embedded SQLite file; its statements keep to what SQLite and
// PostgreSQL share, so a PostgreSQL store is another Open, not another package.
// Package storetest holds what every implementation must pass.
package store

import (
	"context"
	"encoding/json"
	"time"

	"watchpost.example/alerting/oncall/incident"
	"watchpost.example/alerting/oncall/outbox"
)

// Batch is one atomic change.
type Batch struct {
	Incidents  []incident.Incident
	Deliveries []outbox.Delivery
	Lines      []Line // journal lines to be written to the file after the commit
	// Flushed: journal lines up to this sequence number are in the file and need
	// not be kept; 0 = none.
	Flushed int64
	Values  []Value
}

// Empty tells whether there is nothing to commit.
func (b Batch) Empty() bool {
	return len(b.Incidents) == 0 && len(b.Deliveries) == 0 && len(b.Lines) == 0 && len(b.Values) == 0
}

// Line is a journal line on its way to the file.
type Line struct {
	Seq  int64
	Body json.RawMessage
}

// Value is a small named text that may expire: a used token, a shift that was
// announced.
type Value struct {
	Name    string
	Text    string
	Expires time.Time // zero = never
}

// State is what a start needs.
type State struct {
	Incidents  []incident.Incident // live, or ended after Since
	Deliveries []outbox.Delivery   // not finished, or created after Since
	Lines      []Line              // by Seq
	Values     map[string]string
}

// Store is where on-call's state lives. Commit is called by one goroutine at a
// time; the reading methods by many.
type Store interface {
	Load(ctx context.Context, since, now time.Time) (State, error)
	Commit(ctx context.Context, b Batch) error
	// Incidents lists incidents by Opened, newest first, that were opened before
	// the moment; limit is at most 1000.
	Incidents(ctx context.Context, before time.Time, limit int) ([]incident.Incident, error)
	// Incident finds one; ok is false when there is none.
	Incident(ctx context.Context, id string) (in incident.Incident, ok bool, err error)
	// Deliveries lists those of an incident by Created.
	Deliveries(ctx context.Context, incidentID string) ([]outbox.Delivery, error)
	// Prune forgets at most limit incidents that were over before the moment, with
	// their deliveries, and gives how many; never one that is live. It may be
	// called at the same time as Commit.
	Prune(ctx context.Context, before time.Time, limit int) (int, error)
	Close() error
}
