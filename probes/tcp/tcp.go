// Package tcp is the kind that connects, optionally says something, and
// optionally expects a banner. See README.md.
package tcp

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/wire"
)

// maxBanner bounds what is read while waiting for the expected text, in bytes.
const maxBanner = 16 << 10

// Kind is the kind "tcp" on w.
func Kind(w *wire.Wire) probes.Kind {
	return probes.Kind{
		Name: "tcp",
		Doc:  "connects to a port of each address and may expect a banner",
		New:  func() probes.Settings { return &Settings{wire: w} },
	}
}

// prober asks; made by Settings.Prober only.
type prober struct {
	wire       *wire.Wire
	host       string
	port       uint16
	send       []byte
	expect     expectation
	requireAll bool
}

// Probe connects to every address.
func (p *prober) Probe(ctx context.Context) probes.Observation {
	return wire.EachAddress(ctx, p.wire, p.host, p.port, p.requireAll, p.ask)
}

func (p *prober) ask(ctx context.Context, ap netip.AddrPort) (a wire.Answer) {
	start := time.Now()
	c, err := p.wire.Dial(ctx, "tcp", ap)
	a.Phases[probes.Connect] = time.Since(start)
	if err != nil {
		a.Fail("connecting", err)
		return a
	}
	defer func() { _ = c.Close() }() // all that mattered was read
	if len(p.send) > 0 {
		if _, err := c.Write(p.send); err != nil {
			a.Fail("sending", err)
			return a
		}
	}
	if !p.expect.set() {
		a.Verdict = probes.Up
		return a
	}
	asked := time.Now()
	got, first, err := read(c, p.expect)
	if !first.IsZero() {
		a.Phases[probes.Processing] = first.Sub(asked)
		a.Phases[probes.Transfer] = time.Since(first)
	}
	judge(&a, p.expect, got, err)
	return a
}

// read takes bytes until the expectation holds, the limit is reached, or the
// server or the time ends. first is when the first byte came; zero = none.
func read(c net.Conn, e expectation) (got []byte, first time.Time, err error) {
	buf := make([]byte, 0, 512)
	for len(buf) < maxBanner {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := c.Read(buf[len(buf):min(cap(buf), maxBanner)])
		if n > 0 && first.IsZero() {
			first = time.Now()
		}
		buf = buf[:len(buf)+n]
		if n > 0 && e.holds(buf) {
			return buf, first, nil
		}
		if err != nil {
			return buf, first, err
		}
	}
	return buf, first, errTooLong
}

// errTooLong ends the reading of a server that sends for ever.
var errTooLong = errors.New("the limit is reached")

// ended tells whether the server closed of its own accord.
func ended(err error) bool { return errors.Is(err, io.EOF) }
