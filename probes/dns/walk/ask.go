package walk

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"watchpost.example/probes/dns/dnswire"
)

// Ask puts a query to the servers of a zone, one after the other and beginning
// at another one each time, until accept takes a reply. A server that thinks for
// long has the next one asked beside it.
func (w *Walker) Ask(ctx context.Context, at Cut, q dnswire.Query, accept func(*dnswire.Reply) bool) error {
	return w.askCut(ctx, at, q, newBudget(), accept)
}

type answer struct {
	reply *dnswire.Reply
	err   error
}

// race is one query on its way to several servers.
type race struct {
	w             *Walker
	q             dnswire.Query
	results       chan answer
	flying, asked int
	more          bool  // there may be another server to ask
	last          error // why it failed so far
}

func (w *Walker) askCut(ctx context.Context, at Cut, q dnswire.Query, b *budget, accept func(*dnswire.Reply) bool) error {
	inner, stop := context.WithCancel(ctx)
	r := &race{w: w, q: q, results: make(chan answer), more: true, last: ErrLame}
	defer func() {
		stop()
		for range r.flying { // none outlives the call
			<-r.results
		}
	}()
	p := w.pick(at)
	tick := time.NewTicker(hedge)
	defer tick.Stop()
	for {
		if r.more && r.asked < perStep && r.start(inner, p, b) {
			tick.Reset(hedge)
		}
		if r.flying == 0 {
			return r.last
		}
		select {
		case a := <-r.results:
			if r.landed(a, accept) {
				return nil
			}
			if ctx.Err() != nil {
				return errors.Join(ErrLame, ctx.Err())
			}
		case <-tick.C:
		}
	}
}

// start asks the next server, if there is one.
func (r *race) start(ctx context.Context, p *picker, b *budget) bool {
	addr, err := p.next(ctx, b)
	if !addr.IsValid() {
		r.more = false
		if err != nil {
			r.last = err
		}
		return false
	}
	r.asked++
	r.flying++
	go func() {
		reply, err := r.w.client.Ask(ctx, netip.AddrPortFrom(addr, r.w.port), r.q)
		r.results <- answer{reply, err}
	}()
	return true
}

// landed tells whether an answer ends the race.
func (r *race) landed(a answer, accept func(*dnswire.Reply) bool) bool {
	r.flying--
	r.w.remember(a)
	switch {
	case a.err == nil:
		return a.reply.TCPErr == nil && accept(a.reply)
	case errors.Is(a.err, dnswire.ErrDial):
		r.asked-- // an address family that we don't have costs no turn
	}
	r.last = errors.Join(ErrLame, a.err)
	return false
}

// remember marks a server that was silent, so that others are asked first.
func (w *Walker) remember(a answer) {
	key := a.reply.Server.Addr().String()
	switch {
	case a.err == nil:
		w.bad.drop(key)
	case !errors.Is(a.err, dnswire.ErrCut) && !errors.Is(a.err, dnswire.ErrDial):
		w.bad.store(key, true, uint32(badLife.Seconds()))
	}
}

// picker gives the addresses of a zone's servers, those that were silent last.
type picker struct {
	w       *Walker
	at      Cut
	turn, i int
	addrs   []netip.Addr
	silent  []netip.Addr
	last    error
}

func (w *Walker) pick(at Cut) *picker { return &picker{w: w, at: at, turn: w.Turn()} }

// next is invalid when there is none left; err then says why there was none.
func (p *picker) next(ctx context.Context, b *budget) (netip.Addr, error) {
	for {
		for len(p.addrs) > 0 {
			a := p.addrs[0]
			p.addrs = p.addrs[1:]
			if _, bad := load[bool](&p.w.bad, a.String()); bad && p.i < len(p.at.Servers)+1 {
				p.silent = append(p.silent, a)
				continue
			}
			if b.queries == 0 {
				return netip.Addr{}, ErrBounds
			}
			b.queries--
			return a, nil
		}
		switch n := len(p.at.Servers); {
		case p.i < n:
			addrs, err := p.w.addresses(ctx, p.at.Servers[(p.turn+p.i)%n], b)
			p.addrs, p.i = addrs, p.i+1
			if err != nil {
				p.last = err
			}
		case p.i == n:
			p.addrs, p.silent, p.i = p.silent, nil, p.i+1
		default:
			return netip.Addr{}, p.last
		}
	}
}
