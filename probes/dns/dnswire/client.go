package dnswire

import (
	"context"
	"errors"
	"net"
	"net/netip"
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
	// ErrCut stands beside ErrTimeout when the caller's deadline ended the wait
	// before the server's time was over: it says nothing of the server.
	ErrCut = errors.New("our own time ran out")
	// ErrTruncated means that the answer was cut off over TCP too.
	ErrTruncated = errors.New("truncated over TCP")
)

// Client asks. Fill it before the first Ask; it is then safe for concurrent use.
type Client struct {
	Dialer Dialer // nil = NetDialer
	// Timeout of one Ask over UDP, all its datagrams, and of one over TCP; 0 = 2 s.
	Timeout time.Duration
	// Attempts is the datagrams sent before a server counts as silent; 0 = 2.
	// They go out within the first half of Timeout, and an answer to any counts:
	// a lost packet costs no second wait, a slow server is not called silent.
	Attempts int

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

func (s *Strays) add(o Strays) {
	s.Garbage += o.Garbage
	s.ID += o.ID
	s.Question += o.Question
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
		return r, nil, c.askTCP(ctx, r)
	}
	conn, err := c.askUDP(ctx, r)
	// RFC 7873 5.3: a server under attack wants its cookie back before it answers.
	for range 2 {
		if err != nil || r.Msg.Rcode != dns.RcodeBadCookie {
			break
		}
		_ = conn.Close() // its only reply is in hand
		sent := r.Attempts
		r.Query.Cookie, r.Query.given = true, r.EDNS.given
		conn, err = c.askUDP(ctx, r)
		r.Attempts += sent
	}
	if err != nil || q.Transport == UDP || !r.Truncated && r.Msg.Rcode != dns.RcodeBadCookie {
		return r, conn, err
	}
	short := r.Msg
	if r.TCPErr = c.askTCP(ctx, r); r.TCPErr == nil && r.Msg.Truncated {
		r.TCPErr = ErrTruncated
	}
	if r.TCPErr != nil {
		r.Msg, r.Transport = short, UDP // the truncated reply is what there is
	}
	return r, conn, nil
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
