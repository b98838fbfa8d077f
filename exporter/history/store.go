package history

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/storage/remote"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/annotations"
	"github.com/prometheus/prometheus/util/compression"
)

// flushDeadline is how long a stop waits for remote_write's last samples. An
// exchange of the TSDB waits as long, and rules with it, so it is short.
const flushDeadline = 3 * time.Second

// Store is the disk and, while it is out of order, the memory, behind one face
// for queries, rules and the writer.
//
// A TSDB whose disk is full must not be fed on: its commit fails, so that rules
// would see nothing new and call off pages, and a log record that was cut in
// the middle makes the next start throw away what came after it. So at the
// first failure samples go to memory; queries read both; and when there is
// room again the TSDB is closed, opened (which mends its log) and given what
// the memory held.
type Store struct {
	o      Options
	log    *slog.Logger
	space  disk
	memory *memory

	// mu is held for reading by every open querier and appender, and for
	// writing only while the TSDB is exchanged. Writers use TryLock, so that a
	// long query delays an exchange and never the rules.
	mu    sync.RWMutex
	db    *tsdb.DB        // nil = the disk could not be opened
	disk  storage.Storage // db, or db and remote_write
	reg   *prometheus.Registry
	epoch uint64 // counts exchanges: series references hold within one

	down                        atomic.Bool
	failures, rejected, samples atomic.Uint64
	quiet                       atomic.Int64 // Unix seconds until which failures aren't logged again
}

var (
	_ storage.SampleAndChunkQueryable = (*Store)(nil)
	_ storage.Appendable              = (*Store)(nil)
	_ storage.ExemplarQueryable       = (*Store)(nil)
	_ prometheus.Collector            = (*Store)(nil)
)

func openStore(o Options) (*Store, error) {
	s := &Store{o: o, log: o.Logger, space: disk{o.Dir, o.Reserve}, memory: newMemory(MaxMemorySamples), reg: prometheus.NewRegistry()}
	if err := s.open(); err != nil {
		err = cure(o.Dir, err)
		if !o.GoOnWithoutDisk {
			return nil, fmt.Errorf("history: %w", err)
		}
		s.down.Store(true)
		s.log.Error("history is in memory only until this is mended; probing and paging go on", "error", err)
	}
	return s, nil
}

// open opens the TSDB on a disk that is in order. It is called before the
// store is shared, or with mu held for writing.
func (s *Store) open() error {
	if err := s.space.prepare(); err != nil {
		return err
	}
	opts := tsdb.DefaultOptions()
	opts.RetentionDuration = s.o.Retention.Milliseconds()
	opts.MaxBytes = s.o.RetentionSize
	opts.OutOfOrderTimeWindow = s.o.OutOfOrderWindow.Milliseconds()
	opts.WALCompression = compression.Snappy
	opts.MaxBlockDuration = max(tsdb.DefaultBlockDuration, min(s.o.Retention/10, 31*24*time.Hour).Milliseconds())
	opts.StripeSize = 1 << 10 // the default of 16384 costs memory that 100,000 series don't need
	reg := prometheus.NewRegistry()
	db, err := tsdb.Open(s.o.Dir, s.log.With("component", "tsdb"), reg, opts, nil)
	if err != nil {
		return err
	}
	var both storage.Storage = db
	if s.o.RemoteWrite != nil {
		rs, err := s.remoteWrite(db, reg)
		if err != nil {
			return errors.Join(err, db.Close())
		}
		both = storage.NewFanout(s.log, db, rs)
	}
	s.db, s.disk, s.reg = db, both, reg
	s.epoch++
	return nil
}

// remoteWrite starts sending from db's log.
func (s *Store) remoteWrite(db *tsdb.DB, reg prometheus.Registerer) (*remote.Storage, error) {
	conf, err := loadRemoteWrite(s.o.RemoteWrite)
	if err != nil {
		return nil, err
	}
	rs := remote.NewStorage(s.log.With("component", "remote_write"), reg, db.StartTime, s.o.Dir, flushDeadline, nil, false)
	if err := rs.ApplyConfig(conf); err != nil {
		return nil, errors.Join(fmt.Errorf("remote_write: %w", err), rs.Close())
	}
	db.SetWriteNotified(rs)
	return rs, nil
}

// Degraded tells whether new samples are in memory only.
func (s *Store) Degraded() bool { return s.down.Load() }

// Close closes the TSDB. What is in memory only is tried once more.
func (s *Store) Close() error {
	if s.Degraded() {
		s.tryMend()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return nil
	}
	err := s.shut()
	if n := s.memory.Len(); n > 0 {
		err = errors.Join(err, fmt.Errorf("history: %d samples were in memory only and are lost", n))
	}
	return err
}

// shut closes the TSDB. It panics inside on a disk that takes no more chunks.
func (s *Store) shut() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("closing the history: %v", p)
		}
	}()
	old := s.disk
	s.db, s.disk = nil, nil
	return old.Close()
}

// fail turns to memory.
func (s *Store) fail(err error) {
	s.failures.Add(1)
	if !s.down.Swap(true) {
		s.space.release()
		s.mu.RLock()
		if s.db != nil {
			s.db.DisableCompactions()
		}
		s.mu.RUnlock()
	}
	now := time.Now().Unix()
	if until := s.quiet.Load(); now >= until && s.quiet.CompareAndSwap(until, now+60) {
		s.log.Error("history can't write to its disk; samples stay in memory, probing and paging go on", "dir", s.o.Dir,
			"error", err, "cure", "free some space on the disk, or mend it; nothing needs to be restarted")
	}
}

// look over the disk: called by the writer about once a second.
func (s *Store) tend() {
	switch {
	case s.Degraded():
		s.tryMend()
	case s.space.low():
		s.fail(errors.New("the disk is almost full"))
	}
}

// tryMend exchanges the TSDB when the disk is back, and writes down what the
// memory holds.
func (s *Store) tryMend() {
	if !s.space.back() || !s.mu.TryLock() {
		return
	}
	defer s.mu.Unlock()
	if s.db != nil {
		if err := s.shut(); err != nil {
			s.log.Warn("history: closing before opening anew", "error", err)
		}
	}
	if err := s.open(); err != nil {
		s.log.Warn("history: the disk has room, but not for the history", "error", cure(s.o.Dir, err))
		return
	}
	n := s.memory.Len()
	if err := s.writeDown(); err != nil {
		s.log.Warn("history: writing down what was in memory", "error", err)
		return
	}
	s.down.Store(false)
	s.quiet.Store(0)
	s.log.Info("history writes to its disk again", "samples_written_down", n)
}

// writeDown moves the memory to the TSDB; mu is held for writing.
func (s *Store) writeDown() error {
	all := s.memory.take()
	for len(all) > 0 {
		n := min(len(all), 10_000)
		app := s.disk.Appender(context.Background())
		for _, x := range all[:n] {
			if _, err := app.Append(0, x.lset, x.t, x.v); err != nil {
				s.rejected.Add(1)
			}
		}
		if err := app.Commit(); err != nil {
			s.memory.add(all)
			return err
		}
		all = all[n:]
	}
	return nil
}

// Describe describes nothing: which metrics the TSDB has is its own affair.
func (*Store) Describe(chan<- *prometheus.Desc) {}

// Collect passes on the metrics of the TSDB that is open now.
func (s *Store) Collect(ch chan<- prometheus.Metric) {
	s.mu.RLock()
	reg := s.reg
	s.mu.RUnlock()
	reg.Collect(ch)
}

// Querier reads disk and memory between mint and maxt, milliseconds. It must
// be closed.
func (s *Store) Querier(mint, maxt int64) (storage.Querier, error) {
	s.mu.RLock()
	var parts []storage.Querier
	if s.disk != nil {
		q, err := s.disk.Querier(mint, maxt)
		if err != nil {
			s.mu.RUnlock()
			return nil, err
		}
		parts = append(parts, q)
	}
	if s.memory.Len() > 0 || len(parts) == 0 {
		parts = append(parts, s.memory.Querier(mint, maxt))
	}
	return &querier{storage.NewMergeQuerier(parts, nil, storage.ChainedSeriesMerge), &onceUnlock{s: s}}, nil
}

// ChunkQuerier reads the disk only; remote read, its one user, is off.
func (s *Store) ChunkQuerier(mint, maxt int64) (storage.ChunkQuerier, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.disk == nil {
		return storage.NoopChunkedQuerier(), nil
	}
	return s.disk.ChunkQuerier(mint, maxt)
}

// ExemplarQuerier reads the TSDB's exemplars, of which there are none.
func (s *Store) ExemplarQuerier(ctx context.Context) (storage.ExemplarQuerier, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.db == nil {
		return nil, ErrUnreadable
	}
	return s.db.ExemplarQuerier(ctx)
}

// StartTime is the time of the oldest sample, in milliseconds.
func (s *Store) StartTime() (int64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.db == nil {
		return time.Now().UnixMilli(), nil
	}
	return s.db.StartTime()
}

// onceUnlock gives the store's read lock back once, however often it is closed.
type onceUnlock struct {
	s    *Store
	once sync.Once
}

func (u *onceUnlock) unlock() { u.once.Do(u.s.mu.RUnlock) }

type querier struct {
	storage.Querier
	u *onceUnlock
}

func (q *querier) Close() error {
	defer q.u.unlock()
	return q.Querier.Close()
}

// LabelValues copies: the strings of a TSDB live no longer than its querier,
// and here the TSDB itself may be exchanged after it.
func (q *querier) LabelValues(ctx context.Context, name string, h *storage.LabelHints, ms ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	v, w, err := q.Querier.LabelValues(ctx, name, h, ms...)
	return cloned(v), w, err
}
