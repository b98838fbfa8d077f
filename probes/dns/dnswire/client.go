package dnswire

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// MaxStrays bounds the datagrams that are read beside the answer in one Ask:
// who sends more is flooding us, and the Ask ends with ErrMismatch or ErrGarbage.
const MaxStrays = 64

// Dialer opens one socket: a connected UDP one with a random port, or TCP.
// probes/wire gives one with the SSRF guard.
type Dialer interface {
	Dial(ctx context.Context, network string, addr netip.AddrPort) (net.Conn, error)
}

// DialFunc is a function as a Dialer.
type DialFunc func(ctx context.Context, network string, addr netip.AddrPort) (net.Conn, error)

// Dial calls f.
func (f DialFunc) Dial(ctx context.Context, network string, addr netip.AddrPort) (net.Conn, error) {
	return f(ctx, network, addr)
}

// NetDialer is the operating system's own, without a guard: for tests and for
// hierarchies that the caller brought along.
func NetDialer() Dialer {
	return DialFunc(func(ctx context.Context, network string, addr netip.AddrPort) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, addr.String())
	})
}

// The ways in which an Ask gets no answer; test with errors.Is. Whatever a
// Dialer gave is wrapped beside ErrDial.
var (
	ErrTimeout  = errors.New("no answer in time")
	ErrRefused  = errors.New("port refused")
	ErrMismatch = errors.New("only replies to another question or query")
	ErrGarbage  = errors.New("reply could not be parsed")
	ErrClosed   = errors.New("connection closed before the answer")
	ErrDial     = errors.New("could not open a socket")
)

// Client asks. Fill it before the first Ask; it is then safe for concurrent use.
type Client struct {
	Dialer   Dialer        // nil = NetDialer
	Timeout  time.Duration // of one datagram or one TCP exchange; 0 = 2 s
	Attempts int           // datagrams sent before a server counts as silent; 0 = 2

	buffers sync.Pool
}

// Reply is an answer and how it came.
type Reply struct {
	Query     Query
	Server    netip.AddrPort
	Msg       *Msg
	EDNS      EDNS
	Transport Transport // UDP or TCP
	Took      time.Duration
	Size      int
	Attempts  int  // datagrams it took; 0 over TCP
	Truncated bool // the UDP reply said so, and Transport tells whether TCP was reached
	Folded    bool // the server did not keep the case of our name
	// TCPErr is why a truncated reply was not completed over TCP; nil = it was.
	TCPErr error
	// Strays counts datagrams that were no answer to our query.
	Strays Strays
	// Differing are other replies to the same query that say something else
	// (research/dns.md H9). Those that come after the answer are found by
	// Session.Drain only.
	Differing []*Msg

	sent, first *Msg // of UDP: what was asked, what came first
}

// note keeps another datagram that answers the same query otherwise.
func (r *Reply) note(b []byte) {
	var folded bool
	m, ok := match(r.sent, b, &r.Strays, &folded)
	if ok && len(r.Differing) < 4 && !Same(m, r.first) {
		r.Differing = append(r.Differing, m)
	}
}

// Strays counts what came to our socket and was no answer.
type Strays struct {
	Garbage  int // not a DNS message
	ID       int // another id, or not a reply
	Question int // right id, another question
}

func (s Strays) sum() int { return s.Garbage + s.ID + s.Question }

// Ask sends q to the server and waits for a matching reply, at most until ctx
// ends. The Reply is never nil; its Msg is nil when the error is not.
func (c *Client) Ask(ctx context.Context, server netip.AddrPort, q Query) (*Reply, error) {
	r, conn, err := c.ask(ctx, server, q)
	if conn != nil {
		_ = conn.Close() // a datagram socket: nothing to lose
	}
	return r, err
}

func (c *Client) ask(ctx context.Context, server netip.AddrPort, q Query) (*Reply, net.Conn, error) {
	start := time.Now()
	r := &Reply{Query: q, Server: server}
	defer func() { r.Took = time.Since(start) }()
	if q.Transport == TCP {
		err := c.askTCP(ctx, r)
		return r, nil, err
	}
	var err error
	var conn net.Conn
	for r.Attempts = 1; ; r.Attempts++ {
		conn, err = c.askUDP(ctx, r)
		if err == nil || !errors.Is(err, ErrTimeout) || r.Attempts >= orInt(c.Attempts, 2) || ctx.Err() != nil {
			break
		}
	}
	if err != nil || !r.Truncated || q.Transport == UDP {
		return r, conn, err
	}
	short := r.Msg
	if r.TCPErr = c.askTCP(ctx, r); r.TCPErr != nil {
		r.Msg = short // the truncated reply is what there is
	}
	return r, conn, nil
}

// askUDP sends one datagram and reads until a matching reply or the deadline.
// The socket is given back so that a Session can listen on.
func (c *Client) askUDP(ctx context.Context, r *Reply) (net.Conn, error) {
	m, cookie := r.Query.build()
	out, err := m.Pack()
	if err != nil {
		return nil, errors.Join(ErrDial, err)
	}
	conn, err := c.open(ctx, "udp", r.Server)
	if err != nil {
		return nil, err
	}
	if _, err = conn.Write(out); err == nil {
		err = c.readUDP(conn, m, cookie, r)
	} else {
		err = netError(err)
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

func (c *Client) readUDP(conn net.Conn, sent *dns.Msg, cookie string, r *Reply) error {
	buf := c.buffer()
	defer c.buffers.Put(buf)
	for r.Strays.sum() < MaxStrays {
		n, err := conn.Read(*buf)
		if err != nil {
			return lost(netError(err), r.Strays)
		}
		got, ok := match(sent, (*buf)[:n], &r.Strays, &r.Folded)
		if !ok {
			continue
		}
		r.Msg, r.Size, r.Transport, r.sent, r.first = got, n, UDP, sent, got
		r.Truncated, r.EDNS = got.Truncated, readEDNS(got, cookie)
		return nil
	}
	return lost(ErrTimeout, r.Strays)
}

// lost tells silence from strays: a server that answers wrongly isn't silent.
func lost(err error, s Strays) error {
	switch {
	case !errors.Is(err, ErrTimeout):
		return err
	case s.Question > 0 || s.ID > 0:
		return ErrMismatch
	case s.Garbage > 0:
		return ErrGarbage
	}
	return err
}

// match parses a datagram and tells whether it answers what was sent: id, QR,
// opcode and question. Case is compared apart: a server may fold it.
func match(sent *dns.Msg, b []byte, s *Strays, folded *bool) (*dns.Msg, bool) {
	if len(b) < 12 {
		s.Garbage++
		return nil, false
	}
	m := &dns.Msg{}
	if binary.BigEndian.Uint16(b) != sent.Id || b[2]&0x80 == 0 || b[2]>>3&0x0f != 0 {
		if m.Unpack(append([]byte(nil), b...)) != nil {
			s.Garbage++
		} else {
			s.ID++
		}
		return nil, false
	}
	if err := m.Unpack(append([]byte(nil), b...)); err != nil && !m.Truncated {
		s.Garbage++
		return nil, false
	}
	// FORMERR and the like may come without the question (RFC 1035 4.1.1 is
	// silent), any other reply must repeat it.
	if len(m.Question) == 0 && (m.Rcode == RcodeFormErr || m.Rcode == RcodeNotImp) {
		return m, true
	}
	q := sent.Question[0]
	if len(m.Question) != 1 || !sameQuestion(m.Question[0], q) {
		s.Question++
		return nil, false
	}
	if m.Question[0].Name != q.Name {
		*folded = true
	}
	return m, true
}

func sameQuestion(a, b dns.Question) bool {
	return a.Qtype == b.Qtype && a.Qclass == b.Qclass && strings.EqualFold(a.Name, b.Name)
}

// askTCP sends the query in one write and reads one message. A failure leaves
// r's message alone.
func (c *Client) askTCP(ctx context.Context, r *Reply) error {
	m, cookie := r.Query.build()
	out, err := m.Pack()
	if err != nil {
		return errors.Join(ErrDial, err)
	}
	conn, err := c.open(ctx, "tcp", r.Server)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // the answer is in hand, or lost
	framed := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(out)), uint16(len(out)))
	if _, err = conn.Write(append(framed, out...)); err != nil {
		return netError(err)
	}
	var head [2]byte
	if _, err = io.ReadFull(conn, head[:]); err != nil {
		return netError(err)
	}
	buf := c.buffer()
	defer c.buffers.Put(buf)
	body := (*buf)[:binary.BigEndian.Uint16(head[:])]
	if _, err = io.ReadFull(conn, body); err != nil {
		return netError(err)
	}
	var s Strays
	got, ok := match(m, body, &s, &r.Folded)
	if !ok {
		r.Strays.Garbage += s.Garbage
		r.Strays.ID += s.ID
		r.Strays.Question += s.Question
		return lost(ErrTimeout, s)
	}
	r.Msg, r.Size, r.Transport, r.EDNS = got, len(body), TCP, readEDNS(got, cookie)
	return nil
}

// open dials within the timeout and sets the deadline of the whole exchange.
func (c *Client) open(ctx context.Context, network string, server netip.AddrPort) (net.Conn, error) {
	timeout := c.Timeout
	if timeout == 0 {
		timeout = 2 * time.Second
	}
	end := time.Now().Add(timeout)
	if d, ok := ctx.Deadline(); ok && d.Before(end) {
		end = d
	}
	cancel := context.CancelFunc(func() {})
	if network == "tcp" { // a UDP socket opens at once, and a Session keeps it longer
		ctx, cancel = context.WithDeadline(ctx, end)
	}
	d := c.Dialer
	if d == nil {
		d = NetDialer()
	}
	conn, err := d.Dial(ctx, network, server)
	if err != nil {
		cancel()
		return nil, netError(err)
	}
	// A Dialer may end its connections with the context, so that lives as long.
	conn = &bound{conn, cancel}
	if err := conn.SetDeadline(end); err != nil {
		_ = conn.Close()
		return nil, errors.Join(ErrDial, err)
	}
	return conn, nil
}

// bound is a connection and the context that it was dialled with.
type bound struct {
	net.Conn
	cancel context.CancelFunc
}

// Close closes the connection and ends the context.
func (b *bound) Close() error {
	defer b.cancel()
	return b.Conn.Close()
}

func (c *Client) buffer() *[]byte {
	if b, ok := c.buffers.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, 64<<10)
	return &b
}

func orInt(v, otherwise int) int {
	if v == 0 {
		return otherwise
	}
	return v
}
