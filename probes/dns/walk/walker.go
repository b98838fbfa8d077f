package walk

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"watchpost.example/probes/dns/dnswire"
)

// The bounds of one call; see the package's documentation.
const (
	MaxQueries = 80
	MaxDepth   = 4
	MaxAliases = 8
	MaxServers = 16
	MaxCache   = 20000
	// perStep bounds the servers that one step asks before it gives up.
	perStep = 8
	// hedge is how long a server may think before the next one is asked beside it.
	hedge = 600 * time.Millisecond

	minTTL = 5 * time.Second
	maxTTL = 24 * time.Hour
	// goneTTL bounds how long "does not exist" is believed of a delegation, so
	// that its return is seen soon.
	goneTTL = 60
	// badLife is how long a silent server is asked after the others.
	badLife = time.Minute
)

// The ways in which a walk ends without an answer; test with errors.Is.
var (
	// ErrGone means that a server with authority says that the name does not exist.
	ErrGone = errors.New("the name does not exist")
	// ErrLame means that no server of a zone answered for it.
	ErrLame = errors.New("no server of the zone answers for it")
	// ErrBounds means that the bounds above were reached: a loop, mostly.
	ErrBounds = errors.New("gave up: a loop, or too many steps")
	// ErrLoop means that a name's aliases lead back to it; it is an ErrBounds too.
	ErrLoop = fmt.Errorf("%w: aliases in a ring", ErrBounds)
	// ErrNoData means that the name exists without the type asked for.
	ErrNoData = errors.New("the name has no such record")
)

// Options of a Walker.
type Options struct {
	Client *dnswire.Client // nil = the system's dialer with default timeouts
	Hints  Hints           // nil = DefaultHints
	Port   uint16          // of every server; 0 = 53
}

// Walker walks delegations and remembers them. It is safe for concurrent use
// and has no goroutine of its own.
type Walker struct {
	client *dnswire.Client
	root   Cut
	port   uint16
	cache  cache
	bad    cache // addresses that were silent
	flight flights
	turn   atomic.Uint32
}

// Cut is a zone as its parent delegates it.
type Cut struct {
	Zone    string
	Parent  string // the zone above; "" for the root
	Servers []NS
	// Child tells that the servers of the parent are the child's too and gave
	// their own answer, so that the parent's NS set was not seen.
	Child bool
}

// New makes a Walker.
func New(o Options) *Walker {
	if o.Client == nil {
		o.Client = &dnswire.Client{}
	}
	if o.Hints == nil {
		o.Hints = DefaultHints()
	}
	if o.Port == 0 {
		o.Port = 53
	}
	return &Walker{client: o.Client, root: Cut{Zone: ".", Servers: o.Hints}, port: o.Port}
}

// Port is that of every server.
func (w *Walker) Port() uint16 { return w.port }

// Client asks the servers.
func (w *Walker) Client() *dnswire.Client { return w.client }

// Turn counts up; who shares a burden among servers begins at a new one each time.
func (w *Walker) Turn() int { return int(w.turn.Add(1) & 0xffff) }

// Chain gives the zone cuts from the root down to the one that holds name, the
// last being the deepest: for a zone's own name, its own cut.
func (w *Walker) Chain(ctx context.Context, name string) ([]Cut, error) {
	name = dnswire.Name(name)
	return w.chain(ctx, name, name, newBudget())
}

// Above gives the cuts from the root to the zone that delegates zone.
func (w *Walker) Above(ctx context.Context, zone string) ([]Cut, error) {
	zone = dnswire.Name(zone)
	return w.chain(ctx, dnswire.Parent(zone), zone, newBudget())
}

// chain walks to the zone that holds name, on the way to target. What was
// remembered and no longer answers is forgotten and walked anew, once.
func (w *Walker) chain(ctx context.Context, name, target string, b *budget) ([]Cut, error) {
	cuts, old, err := w.descend(ctx, name, target, b)
	if err != nil && old && !errors.Is(err, ErrGone) && ctx.Err() == nil {
		for _, c := range cuts[1:] {
			w.cache.drop("cut " + c.Zone)
		}
		cuts, _, err = w.descend(ctx, name, target, b)
	}
	return cuts, err
}

func (w *Walker) descend(ctx context.Context, name, target string, b *budget) (cuts []Cut, old bool, err error) {
	cuts = []Cut{w.root}
	for _, below := range dnswire.Ancestors(name)[1:] {
		at := cuts[len(cuts)-1]
		next, isCut, kept, err := w.step(ctx, at, below, b)
		old = old || kept && isCut
		if errors.Is(err, ErrGone) && below != target {
			// Some servers deny a name with nothing but other names below it
			// (against RFC 8020); who asks for the whole name still gets there.
			if _, isCut, _, e := w.step(ctx, at, target, b); e == nil && isCut {
				return cuts, old, nil
			}
		}
		if err != nil {
			return cuts, old, fmt.Errorf("asking the servers of %s for %s: %w", at.Zone, below, err)
		}
		if isCut {
			cuts = append(cuts, next)
		}
	}
	return cuts, old, nil
}

// stepped is what a step found, kept by TTL.
type stepped struct {
	cut   Cut
	isCut bool
	err   error // ErrGone only
}

// step finds whether a zone begins at name, one label below or more below at;
// kept tells that it was remembered.
func (w *Walker) step(ctx context.Context, at Cut, name string, b *budget) (c Cut, isCut, kept bool, err error) {
	key := "cut " + name
	if s, ok := load[stepped](&w.cache, key); ok {
		return s.cut, s.isCut, true, s.err
	}
	s, err := share(ctx, &w.flight, key, b, func() (stepped, error) { return w.askStep(ctx, at, name, key, b) })
	if err != nil {
		return Cut{}, false, false, err
	}
	return s.cut, s.isCut, false, s.err
}

// askStep asks one server, and a second one before it believes that a name does
// not exist: one stale or lying server must not make a zone vanish.
func (w *Walker) askStep(ctx context.Context, at Cut, name, key string, b *budget) (stepped, error) {
	var s stepped
	var ttl uint32
	denied := 0
	err := w.askCut(ctx, at, dnswire.Query{Name: name, Type: dnswire.TypeNS, DO: true}, b, func(r *dnswire.Reply) bool {
		got, life, ok := readStep(at, name, r.Msg)
		if !ok {
			return false
		}
		s, ttl = got, life
		if got.err != nil {
			denied++
			ttl = min(ttl, goneTTL)
			return denied > 1
		}
		return true
	})
	if err != nil && denied == 0 {
		return stepped{}, err
	}
	w.cache.store(key, s, ttl)
	return s, nil
}

// readStep understands a reply to "NS name" from a server of the zone at; ok is
// false when it says nothing about it (lame, refused, upward).
func readStep(at Cut, name string, m *dnswire.Msg) (s stepped, ttl uint32, ok bool) {
	switch m.Rcode {
	case dnswire.RcodeNXDomain:
		return stepped{err: ErrGone}, negativeTTL(m), m.Authoritative
	case dnswire.RcodeSuccess:
	default:
		return stepped{}, 0, false
	}
	if ns := dnswire.Set(m.Answer, name, dnswire.TypeNS); len(ns) > 0 && m.Authoritative {
		return cutOf(at, name, ns, m.Extra, true)
	}
	if owner, ns := Referral(at.Zone, name, m); ns != nil {
		return cutOf(at, owner, ns, m.Extra, false)
	}
	if m.Authoritative { // NODATA or an alias: no zone begins here
		return stepped{}, negativeTTL(m), true
	}
	return stepped{}, 0, false
}

func cutOf(at Cut, zone string, ns, extra []dnswire.RR, child bool) (stepped, uint32, bool) {
	c := Cut{Zone: zone, Parent: at.Zone, Child: child}
	for _, rr := range ns {
		if n := dnswire.Target(rr); len(c.Servers) < MaxServers {
			c.Servers = append(c.Servers, NS{Name: n, Glue: Glue(at.Zone, n, extra)})
		}
	}
	slices.SortFunc(c.Servers, func(a, b NS) int { return strings.Compare(a.Name, b.Name) })
	ttl, _ := dnswire.TTL(ns)
	return stepped{cut: c, isCut: true}, ttl, true
}

// Referral gives the NS set of a delegation below zone and towards name in the
// authority section, nil when there is none or it points upwards or sideways.
func Referral(zone, name string, m *dnswire.Msg) (owner string, ns []dnswire.RR) {
	for _, rr := range m.Ns {
		o := dnswire.Name(rr.Header().Name)
		if rr.Header().Rrtype == dnswire.TypeNS && o != zone && dnswire.Under(zone, o) && dnswire.Under(o, name) {
			return o, dnswire.Set(m.Ns, o, dnswire.TypeNS)
		}
	}
	return "", nil
}

// Glue gives the addresses of a server in the additional section, believed
// only for names below the zone that was asked.
func Glue(zone, server string, extra []dnswire.RR) []netip.Addr {
	if !dnswire.Under(zone, server) {
		return nil
	}
	return addresses(extra, server)
}

func negativeTTL(m *dnswire.Msg) uint32 {
	if s := dnswire.FirstSOA(m.Ns); s != nil {
		return min(s.Hdr.Ttl, s.Minttl)
	}
	return 0
}

// budget is what is left to one call.
type budget struct {
	queries int
	busy    []string // names being resolved, innermost last
	flying  bool     // inside an asking that others may wait for
}

func newBudget() *budget { return &budget{queries: MaxQueries} }
