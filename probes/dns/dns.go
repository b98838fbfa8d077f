// Package dns is the kind that asks one DNS question of every address of a
// server, or of each of our resolvers, and judges the answer. The depth
// (delegation, DNSSEC, baseline) is in probes/dns/zone. See README.md.
package dns

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/dnswire"
	"watchpost.example/probes/wire"
)

// Kind is the kind "dns" on w.
func Kind(w *wire.Wire) probes.Kind {
	shared := &clients{
		guarded: &dnswire.Client{Dialer: dnswire.DialFunc(func(ctx context.Context, network string, at netip.AddrPort) (net.Conn, error) {
			defer clockOf(ctx).stop(time.Now())
			return w.Dial(ctx, network, at)
		})},
		own: &dnswire.Client{Dialer: ownDialer(w)},
	}
	return probes.Kind{
		Name: "dns",
		Doc:  "asks a DNS question of each address of a server and judges rcode and records",
		New: func() probes.Settings {
			return &Settings{Transport: "auto", Recursion: true, Expect: Expect{Rcode: "NOERROR", Match: matchExact, MinAnswers: 1}, wire: w, clients: shared}
		},
	}
}

// clients keep the buffers of all checks: guarded ones for servers of the
// inventory, own ones for our resolvers, which the guard is not for.
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

// Probe asks every address of the server, or each of our resolvers.
func (p *prober) Probe(ctx context.Context) probes.Observation {
	if p.host == "" {
		return p.probeResolvers(ctx)
	}
	o := wire.EachAddress(ctx, p.wire, p.host, p.port, p.all, func(ctx context.Context, at netip.AddrPort) wire.Answer {
		return p.ask(ctx, p.clients.guarded, at)
	})
	o.Findings = append(o.Findings, lagging(o.Parts)...)
	return o
}

// clockKey finds the clock of one ask in its context, where the dialer that all
// asks share stops it.
type clockKey struct{}

// clock counts the time that sockets took to open.
type clock struct{ spent time.Duration }

func clockOf(ctx context.Context) *clock {
	c, _ := ctx.Value(clockKey{}).(*clock)
	return c
}

func (c *clock) stop(start time.Time) {
	if c != nil {
		c.spent += time.Since(start)
	}
}

func (p *prober) ask(ctx context.Context, c *dnswire.Client, at netip.AddrPort) (a wire.Answer) {
	dials := &clock{}
	start := time.Now()
	r, err := p.exchange(context.WithValue(ctx, clockKey{}, dials), c, at)
	a.Phases[probes.Connect] = dials.spent
	a.Phases[probes.Processing] = time.Since(start) - dials.spent
	a.Facts = make(probes.Facts, 0, 8)
	if err != nil {
		a.Facts.Set(probes.FactDNSQuerySuccess, 0)
		a.Reason, a.Detail = explain(err)
		a.Verdict = wire.VerdictOf(a.Reason)
		return a
	}
	m := r.Msg
	extra := len(m.Extra)
	if r.EDNS.Present {
		extra-- // the OPT record is about the transport
	}
	a.Facts = append(a.Facts, probes.Fact{Name: probes.FactDNSQuerySuccess, Value: 1},
		probes.Fact{Name: probes.FactDNSRcode, Value: float64(m.Rcode)},
		probes.Fact{Name: probes.FactDNSAnswerRRs, Value: float64(len(m.Answer))},
		probes.Fact{Name: probes.FactDNSAuthorityRRs, Value: float64(len(m.Ns))},
		probes.Fact{Name: probes.FactDNSAdditionalRRs, Value: float64(extra)})
	if s := dnswire.FirstSOA(m.Answer); s != nil && p.query.Type == dnswire.TypeSOA {
		a.Facts.Set(probes.FactDNSSerial, float64(s.Serial))
	}
	a.Answers = shown(m.Answer)
	judge(&a, p.expect, r)
	return a
}

// exchange asks, and asks otherwise what a first answer leaves open: a server
// from before EDNS without it, and one that does not keep the case of our
// letters, by which forgeries are told, over TCP, where nobody can forge blindly.
func (p *prober) exchange(ctx context.Context, c *dnswire.Client, at netip.AddrPort) (*dnswire.Reply, error) {
	q := p.query
	r, err := c.Ask(ctx, at, q)
	if err != nil {
		return r, err
	}
	if old := r.Msg.Rcode == dnswire.RcodeFormErr || r.Msg.Rcode == dnswire.RcodeNotImp; old && !r.EDNS.Present {
		q.NoEDNS = true
		if plain, err := c.Ask(ctx, at, q); err == nil {
			r = plain
		}
	}
	if r.Folded && r.Transport == dnswire.UDP && q.Transport == dnswire.Auto {
		q.Transport = dnswire.TCP
		if sure, err := c.Ask(ctx, at, q); err == nil {
			sure.Strays = r.Strays
			r = sure
		}
	}
	return r, nil
}

// Bounds of the records that a Part keeps for people.
const (
	maxAnswers = 64
	maxAnswer  = 512 // bytes of one
)

// shown is the answer section in zone-file form.
func shown(rrs []dnswire.RR) []string {
	if len(rrs) == 0 {
		return nil
	}
	out := make([]string, 0, min(len(rrs), maxAnswers))
	for _, rr := range rrs[:min(len(rrs), maxAnswers)] {
		owner, rest, _ := strings.Cut(rr.String(), "\t")
		// Lower case: the letters were mixed by us.
		line := strings.ReplaceAll(clean(strings.ToLower(owner)+" "+rest), "\n", "?")
		out = append(out, probes.Clip(line, maxAnswer))
	}
	return out
}

// lagging finds the addresses of one server whose SOA serial stays behind
// another's (RFC 1982).
func lagging(parts []probes.Part) []probes.Finding {
	serial := func(p probes.Part) (uint32, bool) {
		v, ok := p.Facts.Get(probes.FactDNSSerial)
		return uint32(v), ok
	}
	var newest uint32
	var seen bool
	for _, p := range parts {
		if s, ok := serial(p); ok && (!seen || dnswire.SerialNewer(s, newest)) {
			newest, seen = s, true
		}
	}
	var out []probes.Finding
	for _, p := range parts {
		if s, ok := serial(p); ok && dnswire.SerialNewer(newest, s) {
			out = append(out, probes.Finding{
				Reason: probes.DNSSerialLag, Severity: probes.Ticket, Where: p.Address.String(),
				Record: "SOA", Expected: "serial " + strconv.FormatUint(uint64(newest), 10), Found: "serial " + strconv.FormatUint(uint64(s), 10),
			})
		}
	}
	return out
}
