package schedule

import (
	"container/heap"
	"context"
	"hash/fnv"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"watchpost.example/probes"
)

// phase is what an entry is doing.
type phase uint8

const (
	idle    phase = iota // waits on the heap for its turn
	queued               // its turn has come, no slot is free
	running              // being asked
	zombie               // its look overran and has not come back; on the heap, but not asked
)

// entry is one scheduled check.
type entry struct {
	current atomic.Pointer[probes.Check]
	hash    uint64

	// Guarded by Scheduler.mu.
	phase   phase
	due     time.Time
	at      int // index in the heap, -1 = not there
	cancel  context.CancelFunc
	removed bool
	quick   int           // quick re-asks in a row
	usual   time.Duration // how long the newest Up look took; 0 = there was none
	hung    bool          // the newest look waited for an answer until its timeout, and is to be confirmed

	// Guarded by mu, which is held while sinks are called, so that a check's
	// observations come in order and none comes after it was retired.
	mu      sync.Mutex
	retired bool
	track   Track
	last    probes.Observation
}

func newEntry(c *probes.Check, t Track) *entry {
	h := fnv.New64a()
	_, _ = h.Write([]byte(c.ID.String())) // a hash never fails
	e := &entry{hash: mix(h.Sum64()), at: -1, track: t}
	e.current.Store(c)
	return e
}

// mix spreads the low entropy of short, similar names over all bits (the
// finaliser of splitmix64); FNV alone bunches "check-1", "check-2", ...
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

func (e *entry) check() *probes.Check { return e.current.Load() }

// offset is the check's phase within d: the same at every start.
func (e *entry) offset(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(e.hash % uint64(d))
}

// firstDelay spreads first looks over the interval, but no longer than spread.
func (e *entry) firstDelay(spread time.Duration) time.Duration {
	return e.offset(min(e.check().Interval, spread))
}

// nextTurn is the first turn of the check's own clock that comes at least half
// an interval after now: turns lie at origin + offset + k*interval, so a check
// that was asked out of turn, or late, falls back into step by itself.
func (e *entry) nextTurn(origin, now time.Time) time.Time {
	iv := e.interval()
	first := origin.Add(e.offset(iv))
	if after := now.Add(iv / 2); after.After(first) {
		first = first.Add((after.Sub(first) + iv - 1).Truncate(iv))
	}
	return first
}

// interval is the time between two turns.
func (e *entry) interval() time.Duration {
	if iv := e.check().Interval; iv > 0 {
		return iv
	}
	return time.Minute // the inventory refuses none; a loop without pause would be worse
}

// quickTurn is when to ask again to settle a change: Recheck after the look that
// began at start, give or take a quarter by hash, so that a thousand checks that
// failed together do not come back together.
func (e *entry) quickTurn(start time.Time) time.Time {
	re := e.check().Confirm.Recheck
	spread := re / 2
	return start.Add(re - spread/2 + time.Duration(mix(e.hash+uint64(e.quick))%uint64(spread+1)))
}

// confirmLeast is the least time of a look that confirms a silence.
const confirmLeast = 4 * time.Second

// patience is how long a look may take. One that confirms a silence gets three
// times what this check usually takes, and no less than four seconds: a server
// that answered within 200 ms a minute ago and was silent for a whole timeout
// need not be waited for as long twice more, while a slow page keeps its time.
func (e *entry) patience() time.Duration {
	t := e.check().Timeout
	if e.hung && e.usual > 0 {
		return min(t, max(confirmLeast, 3*e.usual))
	}
	return t
}

// learn notes what a look says of the next one's time.
func (e *entry) learn(o *probes.Observation, recheck bool) {
	if o.Verdict == probes.Up {
		e.usual = o.Took
	}
	switch o.Reason {
	case probes.TCPTimeout, probes.TLSTimeout, probes.HTTPTimeout:
		e.hung = recheck && o.Verdict == probes.Down
	default:
		e.hung = false
	}
}

// retire ends the entry: sinks hear no more of it once retire has returned.
func (e *entry) retire() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.retired = true
}

func (e *entry) snapshot() probes.Entry {
	e.mu.Lock()
	defer e.mu.Unlock()
	return probes.Entry{Check: e.check(), Observation: e.last, State: e.track.State}
}

// dueHeap orders entries by due time; each knows its place.
type dueHeap []*entry

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

// Push is for container/heap.
func (h *dueHeap) Push(x any) {
	e := x.(*entry)
	e.at = len(*h)
	*h = append(*h, e)
}

// Pop is for container/heap.
func (h *dueHeap) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	*h = slices.Delete(*h, last, last+1)
	e.at = -1
	return e
}

func (h *dueHeap) push(e *entry)   { heap.Push(h, e) }
func (h *dueHeap) pop() *entry     { return heap.Pop(h).(*entry) }
func (h *dueHeap) remove(e *entry) { heap.Remove(h, e.at) }
func (h *dueHeap) fix()            { heap.Init(h) }
