package dnswire

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

// MaxSessionSockets bounds the sockets that a Session keeps listening; the
// oldest is closed for a new one.
const MaxSessionSockets = 64

// Session asks and keeps listening: a forged reply and the true one rarely come
// at once, so the sockets stay open until Drain, which costs one short wait for
// all of them instead of one for each. Not reusable after Drain.
type Session struct {
	client *Client
	mu     sync.Mutex
	open   []listening
	count  int
}

type listening struct {
	conn  net.Conn
	reply *Reply
}

// Session begins one.
func (c *Client) Session() *Session { return &Session{client: c} }

// Ask is Client.Ask.
func (s *Session) Ask(ctx context.Context, server netip.AddrPort, q Query) (*Reply, error) {
	r, conn, err := s.client.ask(ctx, server, q)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count += max(r.Attempts, 1)
	if conn != nil {
		if len(s.open) == MaxSessionSockets {
			_ = s.open[0].conn.Close() // the oldest has listened longest
			s.open = s.open[1:]
		}
		s.open = append(s.open, listening{conn, r})
	}
	return r, err
}

// AskAll is Client.AskAll.
func (s *Session) AskAll(ctx context.Context, server netip.AddrPort, qs []Query) ([]*Reply, []error) {
	r, errs := s.client.AskAll(ctx, server, qs)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count += len(qs)
	return r, errs
}

// Queries counts the queries sent so far.
func (s *Session) Queries() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// Drain waits, reads what else came, notes what differs in each Reply's
// Differing, and closes all. Call it once all Asks are back.
func (s *Session) Drain(wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	end := time.Now().Add(wait)
	buf := s.client.buffer()
	defer s.client.buffers.Put(buf)
	for _, l := range s.open {
		if err := l.conn.SetReadDeadline(end); err == nil {
			drain(l, *buf)
		}
		_ = l.conn.Close() // nothing more is wanted of it
		// Once the wait is over, the others' queues are still read: a deadline
		// in the past would not even try.
		if now := time.Now(); end.Before(now.Add(time.Millisecond)) {
			end = now.Add(time.Millisecond)
		}
	}
	s.open = nil
}

func drain(l listening, buf []byte) {
	for range MaxStrays {
		n, err := l.conn.Read(buf)
		if err != nil {
			return
		}
		l.reply.note(buf[:n])
	}
}
