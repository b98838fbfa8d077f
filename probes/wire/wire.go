package wire

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/wire/chain"
)

// connectTimeout bounds making one TCP connection within a look: the kernel has
// asked three times or more by then, at 0, 1 and 3 s. A slow page may take all of
// the look's time; a host that is gone is known earlier, or else a server without
// power would ring the phone half a minute later than one that refuses.
const connectTimeout = 5 * time.Second

// Options configures a Wire; the zero value works on an ordinary machine and
// asks public addresses only.
type Options struct {
	// Resolvers are recursive resolvers as "host:port" with a literal address,
	// asked in this order; empty = the name servers of /etc/resolv.conf.
	Resolvers []string
	// SourceIPv4 and SourceIPv6 bind outgoing sockets; invalid = the kernel chooses.
	SourceIPv4, SourceIPv6 netip.Addr
	// Guard says which addresses may be asked; zero = PublicOnly(). Resolvers
	// are the operator's own and exempt.
	Guard Guard
	// Roots are the trusted roots; nil = the system's.
	Roots *x509.CertPool
	// MaxAddresses bounds the addresses of one name that are asked; 0 = 16.
	MaxAddresses int
	// Logger takes what an operator may want to know of the resolvers; nil discards.
	Logger *slog.Logger
}

// Wire holds what all probes share: resolvers and their cache, the guard, the
// book of certificate chains. It is safe for concurrent use and has no
// goroutine of its own, so it needs no Close.
type Wire struct {
	guard    Guard
	source4  netip.Addr
	source6  netip.Addr
	maxAddrs int
	dialer   net.Dialer
	resolver *resolver
	book     *chain.Book
	log      *slog.Logger

	withMu sync.Mutex
	with   map[[sha256.Size]byte]*chain.Book // of BookWith, by the file's contents
}

// New checks the options. Its errors name the option and what would be right.
func New(o Options) (*Wire, error) {
	log := o.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if o.SourceIPv4.IsValid() && !o.SourceIPv4.Is4() {
		return nil, fmt.Errorf("source IPv4 %s: not an IPv4 address", o.SourceIPv4)
	}
	if o.SourceIPv6.IsValid() && !o.SourceIPv6.Is6() {
		return nil, fmt.Errorf("source IPv6 %s: not an IPv6 address", o.SourceIPv6)
	}
	if o.Roots == nil {
		pool, err := x509.SystemCertPool()
		if err != nil || pool.Equal(x509.NewCertPool()) {
			return nil, errors.New("this machine has no trusted root certificates, so every certificate would look untrusted: install ca-certificates, or name a file of roots")
		}
	}
	w := &Wire{
		guard: o.Guard, source4: o.SourceIPv4, source6: o.SourceIPv6, maxAddrs: o.MaxAddresses,
		// Keep-alive is off because a look is shorter than its first one, and
		// turning it on is four system calls a look.
		dialer: net.Dialer{FallbackDelay: -1, KeepAlive: -1, Timeout: connectTimeout},
		book:   chain.NewBook(o.Roots),
		log:    log,
		with:   map[[sha256.Size]byte]*chain.Book{},
	}
	if w.maxAddrs <= 0 {
		w.maxAddrs = 16
	}
	var err error
	if w.resolver, err = newResolver(w, o.Resolvers); err != nil {
		return nil, err
	}
	return w, nil
}

// Book is the shared memory of certificate chains already verified.
func (w *Wire) Book() *chain.Book { return w.book }

// Allowed asks the guard; for kinds that open sockets of their own (icmp).
func (w *Wire) Allowed(a netip.Addr) error { return w.guard.Check(a) }

// Resolvers is the recursive resolvers in use, in the order of asking.
func (w *Wire) Resolvers() []netip.AddrPort { return slices.Clone(w.resolver.servers) }

// AllowedHop says whether a server at from may send us on to to; see Guard.Hop.
func (w *Wire) AllowedHop(from, to netip.Addr) error { return w.guard.Hop(from, to) }

// Source is the address to bind for the family of a; invalid = any.
func (w *Wire) Source(a netip.Addr) netip.Addr {
	if a.Is4() || a.Is4In6() {
		return w.source4
	}
	return w.source6
}

// Dial connects to exactly addr; network is "tcp" or "udp". The guard is asked
// here and nowhere later. The connection carries ctx's deadline from the start
// and is cut when ctx is cancelled, so no read or write outlives the look; the
// errors of such reads classify as OursCanceled.
func (w *Wire) Dial(ctx context.Context, network string, addr netip.AddrPort) (net.Conn, error) {
	if err := w.guard.Check(addr.Addr()); err != nil {
		return nil, err
	}
	c, err := w.dial(ctx, network, addr)
	if err != nil {
		return nil, w.dialError(ctx, addr, err)
	}
	return c, nil
}

// dial is Dial without the guard, for our own resolvers.
func (w *Wire) dial(ctx context.Context, network string, addr netip.AddrPort) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d := w.dialer
	src := w.Source(addr.Addr())
	switch {
	case network != "tcp" && network != "udp":
		return nil, fmt.Errorf("network %q: tcp or udp", network)
	case !src.IsValid():
		// Nothing is bound. Dialer.DialTCP would bind even to no address, and a
		// port that is bound first can't be used to two servers at a time: with
		// the minute that a closed connection keeps its port, 28,000 ports would
		// be used up at 470 looks a second.
	case network == "tcp":
		d.LocalAddr, d.Control = net.TCPAddrFromAddrPort(netip.AddrPortFrom(src, 0)), portLater
	default:
		d.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(src, 0))
	}
	c, err := d.DialContext(ctx, network, addr.String())
	if err != nil {
		return nil, err
	}
	return bind(ctx, c)
}

// portLater has the kernel bind the address alone and choose the port when it
// knows the server, so that one port serves many servers (Linux
// IP_BIND_ADDRESS_NO_PORT, for IPv6 too). An older kernel refuses and binds both.
func portLater(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, 24, 1)
	})
}

// dialError says whose fault it is. ENETUNREACH and EHOSTUNREACH come both
// from our own routing table and from a router far away, EADDRNOTAVAIL both
// from having no address of that family and from having used up the ports;
// connecting a UDP socket sends nothing and asks our own tables alone.
func (w *Wire) dialError(ctx context.Context, addr netip.AddrPort, err error) error {
	what := "connecting to " + addr.String()
	if errors.Is(ctx.Err(), context.Canceled) {
		return &Error{Reason: probes.OursCanceled, Detail: what + ": canceled"}
	}
	r := Classify(err)
	unreachable := errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EHOSTUNREACH)
	if unreachable || errors.Is(err, syscall.EADDRNOTAVAIL) {
		u, uerr := w.dialer.DialUDP(ctx, "udp", netip.AddrPort{}, addr)
		if uerr != nil && !errors.Is(uerr, syscall.EMFILE) {
			return &Error{Reason: probes.OursNoRoute, Detail: what + ": this machine has no route to it (no IPv6 here, or no default gateway)"}
		}
		if uerr == nil {
			_ = u.Close() // nothing was sent
		}
		if unreachable {
			r = probes.TCPUnreachable
		}
	}
	return &Error{Reason: r, Detail: what + ": " + plain(err)}
}

// conn is a connection that ends with its context.
type conn struct {
	net.Conn
	ctx    context.Context
	stop   func() bool
	closed atomic.Bool
}

// bind gives c the deadline of ctx, and cuts it when ctx is cancelled.
func bind(ctx context.Context, c net.Conn) (net.Conn, error) {
	if d, ok := ctx.Deadline(); ok {
		if err := c.SetDeadline(d); err != nil {
			_ = c.Close() // never used
			return nil, err
		}
	}
	b := &conn{Conn: c, ctx: ctx}
	if ctx.Done() != nil {
		b.stop = context.AfterFunc(ctx, func() {
			_ = c.SetDeadline(time.Unix(1, 0)) // fails only when closed already
		})
	}
	return b, nil
}

// Read reads; see Wire.Dial for the errors.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	return n, c.told(err)
}

// Write writes; see Wire.Dial for the errors.
func (c *conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	return n, c.told(err)
}

func (c *conn) told(err error) error {
	if err != nil && errors.Is(c.ctx.Err(), context.Canceled) {
		return &Error{Reason: probes.OursCanceled, Detail: "canceled", Err: err}
	}
	return err
}

// SetDeadline may bring the deadline forward, never move it past the look's:
// a library that sets deadlines of its own can't unbound a probe.
func (c *conn) SetDeadline(t time.Time) error { return c.Conn.SetDeadline(c.bound(t)) }

// SetReadDeadline is bounded as SetDeadline is.
func (c *conn) SetReadDeadline(t time.Time) error { return c.Conn.SetReadDeadline(c.bound(t)) }

// SetWriteDeadline is bounded as SetDeadline is.
func (c *conn) SetWriteDeadline(t time.Time) error { return c.Conn.SetWriteDeadline(c.bound(t)) }

func (c *conn) bound(t time.Time) time.Time {
	if c.ctx.Err() != nil {
		return time.Unix(1, 0)
	}
	d, ok := c.ctx.Deadline()
	if ok && (t.IsZero() || t.After(d)) {
		return d
	}
	return t
}

// Close closes once; the second call gives nil.
func (c *conn) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	if c.stop != nil {
		c.stop()
	}
	return c.Conn.Close()
}
