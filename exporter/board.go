package exporter

import (
	"slices"
	"strings"
	"sync"

	"watchpost.example/probes"
)

// Board keeps the newest knowledge of every check: what /metrics, the wall and
// the command line show. It is a probes.Sink, safe for concurrent use, and one
// Observe costs a map look-up under a lock whatever the number of checks.
type Board struct {
	mu      sync.RWMutex
	units   []*probes.Unit
	entries map[probes.ID]probes.Entry
	order   []probes.ID // sorted; rebuilt by Update only
	waiting map[chan struct{}]struct{}
}

// NewBoard makes an empty board; Update tells it what there is to watch.
func NewBoard() *Board {
	return &Board{entries: map[probes.ID]probes.Entry{}, waiting: map[chan struct{}]struct{}{}}
}

var _ probes.Sink = (*Board)(nil)

// Observe keeps o and s as the newest of c. A check that Update did not name
// (removed by a reload while its last look was on its way) is dropped, and so
// is a look that is older than the one already here.
func (b *Board) Observe(c *probes.Check, o probes.Observation, s probes.State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old, known := b.entries[c.ID]
	if !known || o.At.Before(old.Observation.At) {
		return
	}
	b.entries[c.ID] = probes.Entry{Check: old.Check, Observation: o, State: s}
	b.signal()
}

// Restore sets what was confirmed before a restart, until the first look of
// this run says more. It does nothing for a check that was already looked at.
func (b *Board) Restore(id probes.ID, s probes.State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, known := b.entries[id]
	if !known || !e.Observation.At.IsZero() {
		return
	}
	e.State = s
	b.entries[id] = e
	b.signal()
}

// Update takes the inventory of a start or reload. Checks that are gone are
// dropped, new ones stand as never looked at, and one whose question changed
// (another Fingerprint) loses its old answer: that answer was to another
// question. units must not be changed afterwards.
func (b *Board) Update(units []*probes.Unit) {
	b.mu.Lock()
	defer b.mu.Unlock()
	next := map[probes.ID]probes.Entry{}
	var order []probes.ID
	for c := range Checks(units) {
		e := probes.Entry{Check: c}
		if old, ok := b.entries[c.ID]; ok && old.Check.Fingerprint == c.Fingerprint {
			e.Observation, e.State = old.Observation, old.State
		}
		if _, twice := next[c.ID]; !twice {
			order = append(order, c.ID)
		}
		next[c.ID] = e
	}
	slices.SortFunc(order, compareIDs)
	b.units, b.entries, b.order = slices.Clone(units), next, order
	b.signal()
}

// Entries is a snapshot of all checks, sorted by unit, system and check. The
// slice is the caller's; what the observations point to is shared and must
// only be read.
func (b *Board) Entries() []probes.Entry {
	b.mu.RLock()
	defer b.mu.RUnlock()
	out := make([]probes.Entry, len(b.order))
	for i, id := range b.order {
		out[i] = b.entries[id]
	}
	return out
}

// Entry is the newest of one check; false when there is no such check.
func (b *Board) Entry(id probes.ID) (probes.Entry, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	e, ok := b.entries[id]
	return e, ok
}

// Units is the inventory of the last Update, to be read only.
func (b *Board) Units() []*probes.Unit {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return slices.Clone(b.units)
}

// Subscribe gives a channel that receives one value after anything changed.
// Changes that come while the reader is busy are one value, so a slow reader
// costs nothing and blocks nobody. cancel must be called at the end; it may be
// called twice.
func (b *Board) Subscribe() (changed <-chan struct{}, cancel func()) {
	ch := make(chan struct{}, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting[ch] = struct{}{}
	return ch, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.waiting, ch)
	}
}

// signal is called with the lock held.
func (b *Board) signal() {
	for ch := range b.waiting {
		select {
		case ch <- struct{}{}:
		default: // one is waiting already
		}
	}
}

// Checks walks all checks of units in the order of the inventory.
func Checks(units []*probes.Unit) func(yield func(*probes.Check) bool) {
	return func(yield func(*probes.Check) bool) {
		for _, u := range units {
			for _, s := range u.Systems {
				for _, c := range s.Checks {
					if !yield(c) {
						return
					}
				}
			}
		}
	}
}

func compareIDs(a, b probes.ID) int {
	if d := strings.Compare(a.Unit, b.Unit); d != 0 {
		return d
	}
	if d := strings.Compare(a.System, b.System); d != 0 {
		return d
	}
	return strings.Compare(a.Check, b.Check)
}
