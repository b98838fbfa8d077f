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

func (w *Walker) askCut(ctx context.Context, at Cut, q dnswire.Query, b *budget, accept func(*dnswire.Reply) bool) error {
	inner, stop := context.WithCancel(ctx)
	results := make(chan answer)
	flying := 0
	defer func() {
		stop()
		for range flying { // none outlives the call
			<-results
		}
	}()
	p := w.pick(at)
	last := ErrLame
	tick := time.NewTicker(hedge)
	defer tick.Stop()
	for more, asked := true, 0; ; {
		if more && asked < perStep {
			addr, err := p.next(ctx, b)
			switch {
			case addr.IsValid():
				asked++
				flying++
				go func() {
					r, err := w.client.Ask(inner, netip.AddrPortFrom(addr, w.port), q)
					results <- answer{r, err}
				}()
				tick.Reset(hedge)
			case err != nil:
				more, last = false, err
			default:
				more = false
			}
		}
		if flying == 0 {
			return last
		}
		select {
		case a := <-results:
			flying--
			w.remember(a)
			if a.err == nil && a.reply.TCPErr == nil && accept(a.reply) {
				return nil
			}
			if ctx.Err() != nil {
				return errors.Join(ErrLame, ctx.Err())
			}
			if errors.Is(a.err, dnswire.ErrDial) {
				asked-- // an address family that we don't have costs no turn
			}
			if a.err != nil {
				last = errors.Join(ErrLame, a.err)
			}
		case <-tick.C:
		}
	}
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
