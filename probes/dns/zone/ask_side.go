package zone

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/net/publicsuffix"

	"watchpost.example/probes/dns/dnswire"
	"watchpost.example/probes/dns/walk"
)

// MaxResolvers bounds the resolvers of one look.
const MaxResolvers = 16

// askResolvers asks the configured resolvers for the watched names and for the
// label that nobody made.
func (a *asker) askResolvers(ctx context.Context) {
	var wg sync.WaitGroup
	for i, addr := range a.t.Resolvers {
		if i == MaxResolvers {
			break
		}
		r := &Resolver{Addr: addr, Watched: make([]Exchange, len(a.l.Watched)), Check: make([]Exchange, len(a.l.Watched))}
		if i < len(a.t.Operators) {
			r.Operator = a.t.Operators[i]
		}
		a.l.Resolvers = append(a.l.Resolvers, r)
		wg.Go(func() { a.askResolver(ctx, r) })
	}
	wg.Wait()
}

// askResolver asks one resolver; a silent one is asked no more.
func (a *asker) askResolver(ctx context.Context, r *Resolver) {
	ctx, cancel := context.WithTimeout(ctx, MaxServerTime)
	defer cancel()
	// Resolvers mangle case and some drop what is mixed: leave it.
	one := func(q dnswire.Query) Exchange {
		q.RD, q.DO, q.KeepCase = true, true, true
		reply, err := a.ours.Ask(ctx, r.Addr, q)
		return Exchange{reply, err}
	}
	if r.Random = one(dnswire.Query{Name: a.l.Random, Type: dnswire.TypeA}); !r.Random.OK() {
		return
	}
	var wg sync.WaitGroup
	var lost atomic.Int32
	next := make(chan int)
	for range inFlight {
		wg.Go(func() {
			for j := range next {
				if lost.Load() >= MaxLost {
					continue
				}
				w := a.l.Watched[j]
				if r.Watched[j] = one(dnswire.Query{Name: w.Name, Type: w.Type}); !r.Watched[j].OK() {
					lost.Add(1)
				}
				if r.Watched[j].Rcode() == dnswire.RcodeServFail {
					r.Check[j] = one(dnswire.Query{Name: w.Name, Type: w.Type, CD: true})
				}
			}
		})
	}
	for j := range a.l.Watched {
		next <- j
	}
	close(next)
	wg.Wait()
}

// askTargets follows where the zone points: aliases, mail servers, and the
// names of name servers outside the zone.
func (a *asker) askTargets(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, MaxResolveTime)
	defer cancel()
	todo := a.pointed()
	var wg sync.WaitGroup
	for i := range todo {
		wg.Go(func() { todo[i] = a.target(ctx, todo[i].From, todo[i].Name) })
	}
	wg.Wait()
	a.l.Targets = todo
}

// pointed lists where the answers point to, each name once.
func (a *asker) pointed() []Pointed {
	seen := map[string]bool{}
	var todo []Pointed
	add := func(from, name string) {
		if name != "" && name != "." && !seen[name] && len(todo) < MaxTargets {
			seen[name] = true
			todo = append(todo, Pointed{From: from, Name: name})
		}
	}
	for i, w := range a.l.Watched {
		for _, s := range a.l.Servers {
			if i >= len(s.Watched) || s.Watched[i].Msg() == nil {
				continue
			}
			for _, rr := range s.Watched[i].Msg().Answer {
				if t := rr.Header().Rrtype; t == dnswire.TypeCNAME || t == dnswire.TypeMX {
					add(w.Name+" "+dnswire.TypeName(t), dnswire.Target(rr))
				}
			}
		}
	}
	for _, h := range a.l.Hosts {
		if !dnswire.Under(a.l.Zone, h.Name) && errors.Is(h.Err, walk.ErrGone) {
			add(a.l.Zone+" NS", h.Name)
		}
	}
	return todo
}

func (a *asker) target(ctx context.Context, from, name string) Pointed {
	t := Pointed{From: from, Name: name}
	_, t.Err = a.walker.Lookup(ctx, name, dnswire.TypeA)
	if errors.Is(t.Err, walk.ErrNoData) {
		t.Err = nil // it exists, perhaps with AAAA only
	}
	if !errors.Is(t.Err, walk.ErrGone) {
		return t
	}
	t.Domain = registrable(name)
	if t.Domain == "" || dnswire.Under(t.Domain, a.l.Zone) {
		return t
	}
	_, err := a.walker.Chain(ctx, t.Domain)
	t.Free = errors.Is(err, walk.ErrGone)
	return t
}

// registrable is the domain that somebody can register: one label below a
// public suffix. "" for a public suffix itself.
func registrable(name string) string {
	d, err := publicsuffix.EffectiveTLDPlusOne(strings.TrimSuffix(name, "."))
	if err != nil {
		return ""
	}
	return d + "."
}
