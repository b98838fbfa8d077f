// Package tls is the kind that judges what certificate each address of a
// service presents, directly or after STARTTLS. See README.md.
package tls

import (
	"context"
	stdtls "crypto/tls"
	"net"
	"net/netip"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/wire"
	"watchpost.example/probes/wire/chain"
)

// Kind is the kind "tls" on w.
func Kind(w *wire.Wire) probes.Kind {
	return probes.Kind{
		Name: "tls",
		Doc:  "captures the certificate of each address, also after STARTTLS, and judges it",
		New:  func() probes.Settings { return defaults(w) },
	}
}

// prober asks; made by Settings.Prober only.
type prober struct {
	wire       *wire.Wire
	host       string
	port       uint16
	name       string // what the certificate must be for
	starttls   dialogue
	config     *stdtls.Config
	book       *chain.Book
	policy     chain.Policy
	requireAll bool
}

// Probe shakes hands with every address.
func (p *prober) Probe(ctx context.Context) probes.Observation {
	o := wire.EachAddress(ctx, p.wire, p.host, p.port, p.requireAll, p.ask)
	wire.CompareCertificates(&o)
	return o
}

func (p *prober) ask(ctx context.Context, ap netip.AddrPort) (a wire.Answer) {
	start := time.Now()
	c, err := p.wire.Dial(ctx, "tcp", ap)
	a.Phases[probes.Connect] = time.Since(start)
	if err != nil {
		a.Fail("connecting", err)
		return a
	}
	defer func() { _ = c.Close() }() // the certificate is all that was wanted
	start = time.Now()
	state, injected, err := p.handshake(c)
	a.Phases[probes.TLS] = time.Since(start)
	if injected != "" {
		a.Findings = append(a.Findings, injection(injected))
	}
	a.Facts = make(probes.Facts, 0, 12)
	var j chain.Judgement
	if len(state.PeerCertificates) > 0 || err == nil {
		j = p.book.Judge(state, p.name, time.Now(), p.policy)
	}
	if err != nil {
		a.FailTLS(j, state.PeerCertificates, err)
		return a
	}
	a.Verdict = probes.Up
	a.Judge(j, state.PeerCertificates)
	return a
}

// handshake speaks STARTTLS where there is one, then TLS. injected is what the
// server sent in clear after its go-ahead, "" = nothing.
func (p *prober) handshake(c net.Conn) (state stdtls.ConnectionState, injected string, err error) {
	if p.starttls != nil {
		if injected, err = startTLS(c, p.starttls, p.name); err != nil {
			return state, injected, err
		}
	}
	_, state, err = wire.Handshake(c, p.config)
	return state, injected, err
}
