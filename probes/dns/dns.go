// Package dns is the kind that asks one DNS question of every address of a
// server, or of each of the system's resolvers, and judges the answer. The
// depth (delegation, DNSSEC, baseline) is in probes/dns/zone. See README.md.
package dns

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/dnswire"
	"watchpost.example/probes/wire"
)

// Kind is the kind "dns" on w.
func Kind(w *wire.Wire) probes.Kind {
	shared := &clients{
		guarded: &dnswire.Client{Dialer: w, Attempts: 2},
		// The system's resolvers are the operator's own: the guard is not for them.
		own: &dnswire.Client{Attempts: 2},
	}
	return probes.Kind{
		Name: "dns",
		Doc:  "asks a DNS question of each address of a server and judges rcode and records",
		New: func() probes.Settings {
			return &Settings{Type: "A", Transport: "auto", Recursion: true, Expect: Expect{Rcode: "NOERROR", Match: matchExact}, wire: w, clients: shared}
		},
	}
}

type clients struct{ guarded, own *dnswire.Client }

// prober asks; made by Settings.Prober only.
type prober struct {
	wire      *wire.Wire
	clients   *clients
	query     dnswire.Query
	host      string // "" = the resolvers
	port      uint16
	resolvers []netip.AddrPort
	expect    expectation
	all       bool
}

// Probe asks every address, or every resolver of the system.
func (p *prober) Probe(ctx context.Context) probes.Observation {
	if p.host != "" {
		return wire.EachAddress(ctx, p.wire, p.host, p.port, p.all, func(ctx context.Context, at netip.AddrPort) wire.Answer {
			return p.ask(ctx, p.clients.guarded, at)
		})
	}
	o := probes.Observation{At: time.Now()}
	ctx, cancel := shorten(ctx, o.At)
	defer cancel()
	answers := make([]wire.Answer, len(p.resolvers))
	var wg sync.WaitGroup
	for i, at := range p.resolvers {
		wg.Go(func() { answers[i] = p.askResolver(ctx, at) })
	}
	wg.Wait()
	for i, a := range answers {
		a.Address, a.Server = p.resolvers[i], "resolver"
		o.Parts = append(o.Parts, a.Part)
		for _, e := range a.Evidence {
			o.Attach(e.MediaType, e.Bytes)
		}
	}
	o.Fold(p.all)
	o.Took = time.Since(o.At)
	return o
}

// shorten leaves time to judge before the caller's deadline, as wire does.
func shorten(ctx context.Context, now time.Time) (context.Context, context.CancelFunc) {
	d, ok := ctx.Deadline()
	if !ok {
		return context.WithTimeout(ctx, 10*time.Second)
	}
	return context.WithDeadline(ctx, d.Add(-min(max(d.Sub(now)/20, 5*time.Millisecond), 50*time.Millisecond)))
}

// askResolver asks one of ours: its silence is our fault, not the name's.
func (p *prober) askResolver(ctx context.Context, at netip.AddrPort) wire.Answer {
	start := time.Now()
	a := p.ask(ctx, p.clients.own, at)
	a.Took = time.Since(start)
	if v, ok := a.Facts.Get(probes.FactDNSQuerySuccess); (!ok || v == 0) && !a.Reason.Ours() {
		a.Verdict, a.Reason = probes.Unknown, probes.OursResolver
	}
	return a
}

func (p *prober) ask(ctx context.Context, c *dnswire.Client, at netip.AddrPort) (a wire.Answer) {
	r, err := c.Ask(ctx, at, p.query)
	a.Phases[probes.Processing] = r.Took
	a.Facts.Set(probes.FactDNSQuerySuccess, 0)
	if err != nil {
		fail(&a, err)
		return a
	}
	m := r.Msg
	a.Facts.Set(probes.FactDNSQuerySuccess, 1)
	a.Facts.Set(probes.FactDNSRcode, float64(m.Rcode))
	a.Facts.Set(probes.FactDNSAnswerRRs, float64(len(m.Answer)))
	a.Facts.Set(probes.FactDNSAuthorityRRs, float64(len(m.Ns)))
	a.Facts.Set(probes.FactDNSAdditionalRRs, float64(len(slices.DeleteFunc(slices.Clone(m.Extra), func(rr dnswire.RR) bool { return rr.Header().Rrtype == dnswire.TypeOPT }))))
	if s := dnswire.FirstSOA(m.Answer); s != nil {
		a.Facts.Set(probes.FactDNSSerial, float64(s.Serial))
	}
	for _, rr := range m.Answer {
		if len(a.Answers) == maxAnswers {
			break
		}
		a.Answers = append(a.Answers, probes.Clip(strings.ReplaceAll(rr.String(), "\t", " "), 512))
	}
	judge(&a, p.expect, r)
	return a
}

// maxAnswers bounds the records that a Part keeps.
const maxAnswers = 64

// fail tells whose fault it is that no answer came.
func fail(a *wire.Answer, err error) {
	reason, what := probes.DNSTimeout, "no answer within the time allowed"
	switch {
	case errors.Is(err, dnswire.ErrDial):
		reason, what = wire.Classify(err), wire.Explain("asking", err)
	case errors.Is(err, context.Canceled):
		reason, what = probes.OursCanceled, "canceled"
	case errors.Is(err, dnswire.ErrRefused):
		reason, what = probes.DNSRefused, "the port is refused: nothing listens on it, or a firewall rejects"
	case errors.Is(err, dnswire.ErrClosed):
		reason, what = probes.TCPClosed, "the server closed the connection before the answer"
	case errors.Is(err, dnswire.ErrGarbage):
		reason, what = probes.DNSGarbage, "the reply is no DNS message"
	case errors.Is(err, dnswire.ErrMismatch):
		reason, what = probes.DNSGarbage, "only replies to another question or with another id came"
	}
	a.Reason, a.Verdict, a.Detail = reason, wire.VerdictOf(reason), probes.Clip(what, probes.MaxDetail)
}
