package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/dnswire"
	"watchpost.example/probes/wire"
)

// maxResolvers bounds what one look asks.
const maxResolvers = 8

// resolversOf is the resolvers of the configuration, else of the system.
func resolversOf(w *wire.Wire) []netip.AddrPort {
	l := w.Resolvers()
	return l[:min(len(l), maxResolvers)]
}

// ownDialer asks our resolvers, which are the operator's own: without the
// guard, from the configured source, and cut off when the look is cancelled.
func ownDialer(w *wire.Wire) dnswire.Dialer {
	return dnswire.DialFunc(func(ctx context.Context, network string, at netip.AddrPort) (net.Conn, error) {
		defer clockOf(ctx).stop(time.Now())
		d := net.Dialer{FallbackDelay: -1, KeepAlive: -1}
		if src := w.Source(at.Addr()); src.IsValid() {
			d.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(src, 0))
			if network == "tcp" {
				d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(src, 0))
			}
		}
		c, err := d.DialContext(ctx, network, at.String())
		if err != nil {
			return nil, err
		}
		return &cut{Conn: c, stop: context.AfterFunc(ctx, func() {
			_ = c.SetDeadline(time.Unix(1, 0)) // fails only when closed already
		})}, nil
	})
}

// cut is a connection whose reads end with its context.
type cut struct {
	net.Conn
	stop func() bool
}

// Close closes the connection and forgets the context.
func (c *cut) Close() error {
	c.stop()
	return c.Conn.Close()
}

// probeResolvers asks each of our resolvers at the same time.
func (p *prober) probeResolvers(ctx context.Context) probes.Observation {
	o := probes.Observation{At: time.Now()}
	work, cancel := shorten(ctx, o.At)
	defer cancel()
	answers := make([]wire.Answer, len(p.resolvers))
	var wg sync.WaitGroup
	for i, at := range p.resolvers {
		wg.Go(func() { answers[i] = p.askResolver(work, at) })
	}
	wg.Wait()
	for i := range answers {
		a := &answers[i]
		o.Parts = append(o.Parts, a.Part)
		for _, f := range a.Findings {
			f.Where = a.Address.String()
			o.Findings = append(o.Findings, f)
		}
		for _, e := range a.Evidence {
			o.Attach(e.MediaType, e.Bytes)
		}
	}
	o.Fold(p.all)
	o.Took = time.Since(o.At)
	return o
}

// askResolver asks one of ours and tells its own fault, which is ours, from
// that of the name: one that is silent or refuses to serve us says nothing of
// the name, unless it is silent for this name only.
func (p *prober) askResolver(ctx context.Context, at netip.AddrPort) (a wire.Answer) {
	start := time.Now()
	defer func() {
		if v := recover(); v != nil {
			a = wire.Answer{Part: probes.Part{
				Verdict: probes.Unknown, Reason: probes.OursPanic, Detail: probes.Clip("the probe panicked: "+fmt.Sprint(v), probes.MaxDetail),
			}}
		}
		a.Address, a.Server, a.Took = at, "resolver", time.Since(start)
		v := 6.0
		if at.Addr().Unmap().Is4() {
			v = 4
		}
		a.Facts.Set(probes.FactIPProtocol, v)
	}()
	asked, cancel := context.WithDeadline(ctx, share(ctx, start))
	a = p.ask(asked, p.clients.own, at)
	cancel()
	ok, _ := a.Facts.Get(probes.FactDNSQuerySuccess)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		a.Reason, a.Detail = probes.OursCanceled, "canceled"
	case a.Reason == probes.DNSRefused && p.expect.rcode != dnswire.RcodeRefused:
		a.Reason, a.Detail = probes.OursResolver, "our resolver refuses to answer us (REFUSED)"
	case ok == 1 || a.Reason.Ours():
		return a
	case a.Reason == probes.DNSTimeout && p.alive(ctx, at):
		a.Detail = "our resolver answers, but not for this name; its own name servers are probably silent"
		return a
	default:
		a.Reason, a.Detail = probes.OursResolver, "our resolver does not serve: "+a.Detail
	}
	a.Verdict = probes.Unknown
	return a
}

// share leaves a quarter of the time for alive.
func share(ctx context.Context, now time.Time) time.Time {
	d, ok := ctx.Deadline()
	if !ok {
		return now.Add(10 * time.Second)
	}
	return now.Add(d.Sub(now) / 4 * 3)
}

// alive asks for the name servers of the root, which every resolver knows by heart.
func (p *prober) alive(ctx context.Context, at netip.AddrPort) bool {
	_, err := p.clients.own.Ask(ctx, at, dnswire.Query{Name: ".", Type: dnswire.TypeNS, RD: true})
	return err == nil
}

// shorten leaves time to judge before the caller's deadline, as wire does.
func shorten(ctx context.Context, now time.Time) (context.Context, context.CancelFunc) {
	d, ok := ctx.Deadline()
	if !ok {
		return context.WithTimeout(ctx, 10*time.Second)
	}
	return context.WithDeadline(ctx, d.Add(-min(max(d.Sub(now)/20, 5*time.Millisecond), 50*time.Millisecond)))
}
