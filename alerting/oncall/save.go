package oncall

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"watchpost.example/alerting/oncall/journal"
	"watchpost.example/alerting/oncall/store"
)

// saveWithin is how long the desk waits for the disk. A disk that hangs must not
// hold a page back.
const saveWithin = 5 * time.Second

var errDiskSlow = errors.New("the disk has not answered within 5 seconds")

// saver writes to the store and then to the journal, in a goroutine of its own,
// so that a hanging disk hangs nothing else.
type saver struct {
	store   store.Store
	journal *journal.Writer
	back    chan saved // the late answer of a hanging disk
	busy    bool       // a save hangs; nothing else is started
	flushed int64      // journal lines up to here are in the file
}

// saved is how it went. written is the last line in the journal's file, -1 when
// nothing was written.
type saved struct {
	commit  error
	journal error
	written int64
}

func newSaver(st store.Store, j *journal.Writer) saver {
	return saver{store: st, journal: j, back: make(chan saved, 1), flushed: j.Seq()}
}

// save writes and waits, but not for ever.
func (s *saver) save(b store.Batch, lines []journal.Line) saved {
	if s.busy {
		return saved{commit: errDiskSlow, journal: errDiskSlow, written: -1}
	}
	b.Flushed = s.flushed
	s.busy = true
	go func() {
		out := saved{written: -1}
		if !b.Empty() {
			out.commit = s.store.Commit(context.Background(), b)
		}
		if out.journal = s.journal.Append(lines); out.journal == nil {
			out.written = s.journal.Seq()
		}
		s.back <- out
	}()
	late := time.NewTimer(saveWithin)
	defer late.Stop()
	select {
	case out := <-s.back:
		s.busy = false
		s.flushed = max(s.flushed, out.written)
		return out
	case <-late.C:
		return saved{commit: errDiskSlow, journal: errDiskSlow, written: -1}
	}
}

// returned notes that a hanging save came back; what it wrote is written again,
// which does no harm: both writes are idempotent.
func (s *saver) returned() { s.busy = false }

// batch is what has changed since the last commit.
func (d *desk) batch() store.Batch {
	b := store.Batch{Deliveries: d.queue.Changed(), Values: slices.Clone(d.newValues)}
	for _, id := range slices.Sorted(maps.Keys(d.changed)) {
		b.Incidents = append(b.Incidents, *d.incidents[id])
	}
	if d.unsaved > 0 {
		b.Lines = slices.Clone(d.lines[len(d.lines)-d.unsaved:])
	}
	return b
}
