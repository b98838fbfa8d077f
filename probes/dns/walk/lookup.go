package walk

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"watchpost.example/probes/dns/dnswire"
)

// Answer is what the authority says of a name and type.
type Answer struct {
	Name    string       // at the end of the aliases
	Zone    string       // the zone that holds Name
	Records []dnswire.RR // of the type asked for
	Aliases []string     // CNAME targets on the way, in order
}

type looked struct {
	answer Answer
	err    error
}

// Lookup resolves a name by asking the authority, aliases followed. ErrGone and
// ErrNoData are answers and are kept by TTL like the others.
func (w *Walker) Lookup(ctx context.Context, name string, t uint16) (Answer, error) {
	return w.lookup(ctx, dnswire.Name(name), t, newBudget())
}

func (w *Walker) lookup(ctx context.Context, name string, t uint16, b *budget) (Answer, error) {
	key := dnswire.TypeName(t) + " " + name
	if l, ok := load[looked](&w.cache, key); ok {
		return l.answer, l.err
	}
	if slices.Contains(b.busy, name) || len(b.busy) > MaxDepth {
		return Answer{}, fmt.Errorf("resolving %s: %w", name, ErrBounds)
	}
	b.busy = append(b.busy, name)
	defer func() { b.busy = b.busy[:len(b.busy)-1] }()
	l, err := w.follow(ctx, name, t, key, b)
	if err != nil {
		return Answer{}, err
	}
	return l.answer, l.err
}

// follow asks for name and goes on at its alias.
func (w *Walker) follow(ctx context.Context, name string, t uint16, key string, b *budget) (looked, error) {
	l := looked{answer: Answer{Name: name}}
	ttl := uint32(maxTTL.Seconds())
	seen := []string{name}
	for {
		next, n, err := w.one(ctx, &l, t, b)
		ttl = min(ttl, n)
		if err != nil {
			return looked{}, err
		}
		if next == "" {
			w.cache.store(key, l, ttl)
			return l, nil
		}
		if slices.Contains(seen, next) {
			return looked{}, fmt.Errorf("%s is an alias for %s: %w", l.answer.Name, next, ErrLoop)
		}
		if len(seen) > MaxAliases {
			return looked{}, fmt.Errorf("%s is an alias for %s: %w", l.answer.Name, next, ErrBounds)
		}
		seen = append(seen, next)
		l.answer.Name = next
		l.answer.Aliases = append(l.answer.Aliases, next)
	}
}

// one asks the authority of l.answer.Name; next is its alias's target.
func (w *Walker) one(ctx context.Context, l *looked, t uint16, b *budget) (next string, ttl uint32, err error) {
	name := l.answer.Name
	cuts, err := w.chain(ctx, name, name, b)
	if errors.Is(err, ErrGone) {
		l.err = ErrGone
		return "", 60, nil
	}
	if err != nil {
		return "", 0, err
	}
	at := cuts[len(cuts)-1]
	l.answer.Zone = at.Zone
	err = w.askCut(ctx, at, dnswire.Query{Name: name, Type: t}, b, func(r *dnswire.Reply) bool {
		m := r.Msg
		if !m.Authoritative || m.Rcode != dnswire.RcodeSuccess && m.Rcode != dnswire.RcodeNXDomain {
			return false
		}
		l.err, next, ttl = nil, "", negativeTTL(m)
		l.answer.Records = dnswire.Set(m.Answer, name, t)
		alias := dnswire.Set(m.Answer, name, dnswire.TypeCNAME)
		switch {
		case len(l.answer.Records) > 0:
			ttl, _ = dnswire.TTL(l.answer.Records)
		case len(alias) > 0:
			ttl, next = alias[0].Header().Ttl, dnswire.Target(alias[0])
		case m.Rcode == dnswire.RcodeNXDomain:
			l.err = ErrGone
		default:
			l.err = ErrNoData
		}
		return true
	})
	return next, ttl, err
}

// Addresses gives those of a server: its glue, or what its own zone says.
func (w *Walker) Addresses(ctx context.Context, n NS) ([]netip.Addr, error) {
	return w.addresses(ctx, n, newBudget())
}

func (w *Walker) addresses(ctx context.Context, n NS, b *budget) ([]netip.Addr, error) {
	if len(n.Glue) > 0 {
		return n.Glue, nil
	}
	var out []netip.Addr
	var failed error
	for _, t := range []uint16{dnswire.TypeA, dnswire.TypeAAAA} {
		a, err := w.lookup(ctx, n.Name, t, b)
		if err != nil && !errors.Is(err, ErrNoData) {
			failed = err
		}
		for _, rr := range a.Records {
			if addr := dnswire.Addr(rr); addr.IsValid() && len(out) < MaxServers {
				out = append(out, addr)
			}
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	if failed == nil {
		failed = ErrNoData
	}
	return nil, failed
}
