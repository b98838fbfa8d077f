package zone

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strings"
	"sync"
	"time"

	"watchpost.example/probes/dns/dnswire"
	"watchpost.example/probes/dns/walk"
)

// The bounds of one look.
const (
	// MaxServers bounds the server addresses of a zone that are asked.
	MaxServers = 24
	// MaxWatched bounds the names and types.
	MaxWatched = 64
	// MaxParentQueries bounds the queries to the parent's servers in one look.
	MaxParentQueries = 3
	// MaxHosts bounds the name server names that are resolved.
	MaxHosts = 16
	// MaxTargets bounds the CNAME, NS and MX targets that are followed.
	MaxTargets = 24
	// inFlight is how many queries one server has to bear at a time.
	inFlight = 4
	// MaxLost is how many unanswered questions a server may cost; it is asked no
	// more after them.
	MaxLost = 4
	// maxParentTries bounds the parent's servers that are tried while none gives
	// the delegation.
	maxParentTries = 8
)

// The bounds of one look in time. The caller's deadline bounds all of it: what
// was not asked by then says nothing of anybody.
const (
	// MaxWalkTime is for the way from the root to the parent.
	MaxWalkTime = 15 * time.Second
	// MaxResolveTime is for the names of name servers, all at once, and for the
	// targets.
	MaxResolveTime = 8 * time.Second
	// MaxServerTime is for all questions to one server; servers are asked at once.
	MaxServerTime = 12 * time.Second
	// patience is how long a server may be silent before it is asked in simpler
	// ways beside.
	patience = 1200 * time.Millisecond
)

// asker is one look at work.
type asker struct {
	*Env
	t       Target
	l       *Look
	session *dnswire.Session
	ours    *dnswire.Session // with our resolvers

	mu      sync.Mutex // of l.Hosts and l.Servers while names are resolved, and of cancels
	cancels []context.CancelFunc
}

// look asks all there is to ask.
func (e *Env) look(ctx context.Context, t Target) *Look {
	l := &Look{Zone: t.Zone, Watched: t.Watched, NamesOnly: t.NamesOnly, At: time.Now(), Random: randomLabel() + "." + strings.TrimPrefix(t.Zone, ".")}
	a := &asker{Env: e, t: t, l: l, session: e.client.Session(), ours: e.own.Session()}
	var wg sync.WaitGroup
	wg.Go(func() { a.askResolvers(ctx) })
	cuts := a.askChain(ctx, l)
	if l.ChainErr == nil {
		if !l.NoParent {
			a.askParents(ctx, cuts[len(cuts)-1])
			a.tellWalk(cuts[len(cuts)-1])
		}
		a.collectHosts(cuts)
		a.askServers(ctx)
	}
	a.askTargets(ctx)
	wg.Wait()
	a.finish()
	l.Cut = ctx.Err() != nil
	return l
}

// again asks the servers once more, for the second look that a change needs.
// Parents aren't troubled again: they were asked at two servers, or twice.
func (e *Env) again(ctx context.Context, t Target, first *Look) *Look {
	l := *first
	// The same label as before: another one falls into another span of the denial
	// chain, and a hole in that of the first would never be seen twice.
	l.At, l.Servers, l.Resolvers, l.First = time.Now(), nil, nil, first
	a := &asker{Env: e, t: t, l: &l, session: e.client.Session(), ours: e.own.Session()}
	for _, s := range first.Servers {
		l.Servers = append(l.Servers, &Server{Name: s.Name, Addr: s.Addr, InParent: s.InParent, InChild: s.InChild, Hygiene: s.Hygiene, hopeless: s.hopeless})
	}
	var wg sync.WaitGroup
	wg.Go(func() { a.askResolvers(ctx) })
	a.eachServer(ctx, l.Servers)
	wg.Wait()
	a.finish()
	l.Cut = ctx.Err() != nil
	return &l
}

// finish hears the late replies and counts.
func (a *asker) finish() {
	a.session.Drain(a.linger)
	a.ours.Drain(0)
	for _, cancel := range a.cancels {
		cancel()
	}
	a.l.Queries += a.session.Queries() + a.ours.Queries()
}

func randomLabel() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	return "wp-" + hex.EncodeToString(b[:])
}

// up is the name of the parent zone, "." for the root itself.
func up(l *Look) string {
	if len(l.Chain) == 0 {
		return "."
	}
	return l.Chain[len(l.Chain)-1].Zone
}

// trusted tells whether the parent's answers can be validated.
func trusted(l *Look) bool { return len(l.Chain) > 0 && len(l.Chain[len(l.Chain)-1].Keys) > 0 }

func hasDenial(m *dnswire.Msg) bool {
	return slices.ContainsFunc(m.Ns, func(rr dnswire.RR) bool {
		t := rr.Header().Rrtype
		return t == dnswire.TypeNSEC || t == dnswire.TypeNSEC3
	})
}

// delegated is the NS set that a reply of the parent gives: the referral, or
// the zone's own set where one server serves both.
func delegated(l *Look, m *dnswire.Msg) []dnswire.RR {
	if _, ns := walk.Referral(up(l), l.Zone, m); ns != nil {
		return ns
	}
	return dnswire.Set(m.Answer, l.Zone, dnswire.TypeNS)
}

// tellWalk spares the parent the question that following the zone's own names
// would put to it again.
func (a *asker) tellWalk(up walk.Cut) {
	for _, p := range a.l.Parents {
		if m := p.NS.Msg(); m != nil && a.walker.Tell(up, a.l.Zone, m) {
			return
		}
	}
}
