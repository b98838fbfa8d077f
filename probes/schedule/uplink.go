package schedule

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"watchpost.example/probes"
)

// Defaults of UplinkOptions.
const (
	// DefaultUplinkInterval is how often anchors are asked when all is well.
	DefaultUplinkInterval = 10 * time.Second
	// DefaultUplinkTimeout is how long an anchor may take to answer.
	DefaultUplinkTimeout = 2 * time.Second
	// DefaultUplinkFresh is how long an answer of the anchors serves the looks
	// that fail after it.
	DefaultUplinkFresh = 2 * time.Second
	// MaxBlindSpells bounds the spells that the guard remembers.
	MaxBlindSpells = 64
)

// Anchor is something that answers whenever our uplink works, independent of
// the other anchors and of what is watched: the gateway, a resolver, a foreign
// host.
type Anchor struct {
	Name   string // for logs and the wall
	Prober probes.Prober
}

// UplinkOptions says how to guard.
type UplinkOptions struct {
	Anchors  []Anchor
	Interval time.Duration // 0 = DefaultUplinkInterval
	Timeout  time.Duration // 0 = DefaultUplinkTimeout
	Fresh    time.Duration // 0 = DefaultUplinkFresh
	// Quorum is how many anchors must answer for the uplink to be held good;
	// 0 = half of them, rounded up: it is lost when most are lost.
	Quorum int
	Logger *slog.Logger // nil = silent
}

// Uplink tells our own blindness from the units' outages. It asks its anchors
// periodically and at once when a look fails.
type Uplink struct {
	o    UplinkOptions
	log  *slog.Logger
	born time.Time

	mu     sync.Mutex
	ctx    context.Context // of run; askings end with it
	state  UplinkState
	asking chan struct{} // closed when the asking under way is done; nil = none
}

// UplinkState is the newest knowledge of the uplink, for metrics and the wall.
type UplinkState struct {
	Guarded bool // false: no anchors, the rest is empty
	Lost    bool
	Since   time.Time // when Lost became what it is; zero = not asked yet
	Asked   time.Time // when the newest asking began; zero = never
	Asks    uint64    // askings since the start
	Quorum  int       // anchors that must answer
	Anchors []AnchorState
	// Spells is when the uplink was lost, oldest first, at most MaxBlindSpells;
	// the last one has no end while it lasts.
	Spells []Spell
}

// AnchorState is the newest answer of an anchor.
type AnchorState struct {
	Name   string
	Up     bool
	Reason probes.Reason // OK when Up
	Took   time.Duration
}

// Spell is a stretch of time in which the uplink was lost. It begins when the
// last good asking before it began, because we don't know better.
type Spell struct {
	Begin, End time.Time // End zero = lasts
}

// NewUplink makes the guard; nil, which is a guard that is off, without anchors.
func NewUplink(o UplinkOptions) *Uplink {
	n := len(o.Anchors)
	if n == 0 {
		return nil
	}
	if o.Interval <= 0 {
		o.Interval = DefaultUplinkInterval
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultUplinkTimeout
	}
	if o.Fresh <= 0 {
		o.Fresh = DefaultUplinkFresh
	}
	if o.Quorum <= 0 || o.Quorum > n {
		o.Quorum = (n + 1) / 2
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	u := &Uplink{o: o, log: o.Logger, born: time.Now(), ctx: context.Background()}
	u.state = UplinkState{Guarded: true, Quorum: o.Quorum, Anchors: make([]AnchorState, n)}
	for i, a := range o.Anchors {
		u.state.Anchors[i].Name = a.Name
	}
	return u
}

// State is the newest knowledge; of a nil guard, that it is off.
func (u *Uplink) State() UplinkState {
	if u == nil {
		return UplinkState{}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	st := u.state
	st.Anchors, st.Spells = slices.Clone(st.Anchors), slices.Clone(st.Spells)
	return st
}

// run asks periodically until ctx ends. The Scheduler runs it.
func (u *Uplink) run(ctx context.Context) {
	u.mu.Lock()
	u.ctx = ctx
	u.mu.Unlock()
	t := time.NewTicker(u.o.Interval)
	defer t.Stop()
	for {
		done := u.ask()
		select {
		case <-t.C:
		case <-ctx.Done():
			<-done // bounded by the anchors' grace
			return
		}
	}
}

// lostDuring tells whether the uplink was lost at any time between from and to,
// the ends of a failed look. When the newest asking is not fresh it asks first
// and waits for the answer: a look that failed because the line broke this
// second must not be blamed on the unit. quit ends the waiting.
func (u *Uplink) lostDuring(from, to time.Time, quit <-chan struct{}) bool {
	if u == nil {
		return false
	}
	u.mu.Lock()
	fresh := u.state.Asked.After(to.Add(-u.o.Fresh)) && u.asking == nil
	u.mu.Unlock()
	if !fresh {
		u.await(u.ask(), quit)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, s := range slices.Backward(u.state.Spells) {
		if !s.Begin.After(to) && (s.End.IsZero() || s.End.After(from)) {
			return true
		}
	}
	return false
}

// ask has the anchors asked, once for all who want to know now, and gives what
// is closed when the answer stands in the state.
func (u *Uplink) ask() <-chan struct{} {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.asking == nil {
		done := make(chan struct{})
		u.asking = done
		go u.round(u.ctx, done)
	}
	return u.asking
}

func (u *Uplink) await(done, quit <-chan struct{}) {
	select {
	case <-done:
	case <-quit:
	}
}

// round asks every anchor side by side; one that does not come back counts as
// lost.
func (u *Uplink) round(base context.Context, done chan struct{}) {
	defer close(done)
	began := time.Now()
	ctx, cancel := context.WithTimeout(base, u.o.Timeout)
	defer cancel()
	type answer struct {
		i int
		o probes.Observation
	}
	answers := make(chan answer, len(u.o.Anchors)) // room for all: a late one never blocks
	for i, a := range u.o.Anchors {
		go func() {
			o, _ := ask(ctx, a.Prober)
			answers <- answer{i, o}
		}()
	}
	states := make([]AnchorState, len(u.o.Anchors))
	for i, a := range u.o.Anchors {
		states[i] = AnchorState{Name: a.Name, Reason: probes.OursOverrun, Took: u.o.Timeout}
	}
	late := time.NewTimer(u.o.Timeout + DefaultGrace)
	defer late.Stop()
collect:
	for range u.o.Anchors {
		select {
		case a := <-answers:
			up := a.o.Verdict == probes.Up || a.o.Verdict == probes.Degraded
			states[a.i] = AnchorState{u.o.Anchors[a.i].Name, up, a.o.Reason, a.o.Took}
		case <-late.C:
			break collect
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.asking = nil
	if base.Err() == nil { // an asking that the stop cut short says nothing
		u.conclude(began, states)
	}
}

// conclude puts the answers into the state. u.mu is held.
func (u *Uplink) conclude(began time.Time, anchors []AnchorState) {
	up := 0
	for _, a := range anchors {
		if a.Up {
			up++
		}
	}
	st, lost := &u.state, up < u.o.Quorum
	before := st.Asked
	st.Anchors, st.Asked = anchors, began
	st.Asks++
	if lost == st.Lost && !st.Since.IsZero() {
		return
	}
	changed := lost != st.Lost
	st.Lost, st.Since = lost, began
	switch {
	case lost:
		if before.IsZero() {
			before = u.born
		}
		st.Spells = append(st.Spells, Spell{Begin: before})
		if extra := len(st.Spells) - MaxBlindSpells; extra > 0 {
			st.Spells = slices.Delete(st.Spells, 0, extra)
		}
		u.log.Error("the uplink is lost: what fails from here is Unknown", "answered", up, "of", len(anchors), "quorum", u.o.Quorum)
	case changed:
		st.Spells[len(st.Spells)-1].End = began
		u.log.Info("the uplink is back", "answered", up, "of", len(anchors))
	}
}
