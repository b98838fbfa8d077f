package zone

import (
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"watchpost.example/probes/dns/baseline"
	"watchpost.example/probes/dns/dnssec"
	"watchpost.example/probes/dns/dnswire"
	"watchpost.example/probes/dns/walk"
)

// Options of an Env. The zero value asks the Internet.
type Options struct {
	Dialer  dnswire.Dialer  // nil = the system's, without a guard; probes/wire's Wire has one
	Hints   walk.Hints      // nil = the root servers of the Internet
	Anchors *dnssec.Anchors // nil = the root's keys as shipped
	Port    uint16          // of every authoritative server; 0 = 53
	// Timeout of one question, its two datagrams or its TCP exchange; 0 = 3 s.
	Timeout time.Duration
	// Linger is how long sockets listen for a second, different reply once all
	// is asked; 0 = 50 ms.
	Linger time.Duration
	// Registrations are lists at hand that tell when registrations end, such as
	// an imported table: they are asked at every look.
	Registrations []RegistrationSource
	// Registries tell the same over the network: RDAP, a contracted API. The
	// first that covers a domain is asked, once a day; nil = nobody is.
	Registries []RegistrationSource
	// Table tells addresses' AS numbers, for baselines that judge by them; nil =
	// such a baseline is refused.
	Table *baseline.Table
	// Memory is what is known of zones from earlier looks; nil = an empty one
	// that is forgotten at the end.
	Memory *Memory
	Logger *slog.Logger // nil discards
}

// Env is what all zone checks share: the walk and its cache, trust in the zones
// above, and the memory of what lags. It is safe for concurrent use and has no
// goroutine of its own.
type Env struct {
	walker            *walk.Walker
	client            *dnswire.Client
	once              *dnswire.Client // for the parents: one datagram a query, so that they can be counted
	own               *dnswire.Client // for resolvers: the operator's own, so no guard
	anchors           dnssec.Anchors
	linger            time.Duration
	table             *baseline.Table
	lists, registries []RegistrationSource
	log               *slog.Logger
	links             links
	memory            *Memory
	proven            dnssec.Proven // signatures that held at an earlier look
}

// ErrTimeoutNegative is for a Timeout or Linger below zero.
var ErrTimeoutNegative = errors.New("a timeout below zero")

// New makes an Env.
func New(o Options) (*Env, error) {
	if o.Timeout < 0 || o.Linger < 0 {
		return nil, ErrTimeoutNegative
	}
	if o.Timeout == 0 {
		o.Timeout = 3 * time.Second
	}
	if o.Linger == 0 {
		o.Linger = 50 * time.Millisecond
	}
	e := &Env{linger: o.Linger, table: o.Table, lists: o.Registrations, registries: o.Registries, memory: o.Memory, log: o.Logger}
	if e.memory == nil {
		e.memory = NewMemory()
	}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	e.anchors = dnssec.DefaultAnchors()
	if o.Anchors != nil {
		e.anchors = *o.Anchors
	}
	e.once = &dnswire.Client{Dialer: o.Dialer, Timeout: o.Timeout, Attempts: 1}
	e.client = &dnswire.Client{Dialer: o.Dialer, Timeout: o.Timeout, Attempts: 2}
	e.own = &dnswire.Client{Timeout: o.Timeout, Attempts: 2}
	e.walker = walk.New(walk.Options{Client: e.client, Hints: o.Hints, Port: o.Port})
	return e, nil
}

// Remember gives the Env another memory, such as that of the Env which a reload
// replaces. Call it before the first look.
func (e *Env) Remember(m *Memory) { e.memory = m }

// Target is what one look asks.
type Target struct {
	Zone      string // canonical
	Watched   []Watch
	Resolvers []netip.AddrPort
	Operators []string // of Resolvers, "" or shorter = not said
	// NamesOnly leaves the delegation's and the servers' own health out (the
	// dns_name kind).
	NamesOnly bool
}

// links keeps the trust in the zones above, by TTL.
type links struct {
	mu   sync.Mutex
	kept map[string]keptLink
}

type keptLink struct {
	link  Link
	until time.Time
}

func (l *links) load(zone string, now time.Time) (Link, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, ok := l.kept[zone]
	return k.link, ok && now.Before(k.until)
}

func (l *links) store(k Link, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kept == nil || len(l.kept) > walk.MaxCache {
		l.kept = make(map[string]keptLink)
	}
	l.kept[k.Zone] = keptLink{k, until}
}
