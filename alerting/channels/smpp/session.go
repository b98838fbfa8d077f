package smpp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

const (
	// answerTime bounds the wait for an answer on a living connection.
	answerTime = 10 * time.Second
	// bindTime bounds connecting and bind.
	bindTime = 15 * time.Second
)

// statusError is a command_status other than 0.
type statusError struct {
	what   string
	status uint32
}

// words are the statuses that a duty officer meets (section 5.1.3).
var words = map[uint32]string{
	0x08: "the centre has a fault", 0x0A: "the sender is not allowed", 0x0B: "no such number", 0x0D: "bind failed", 0x0E: "the password is refused",
	0x0F: "the system_id is refused", 0x14: "the centre's queue is full", 0x45: "submission failed", 0x58: "too many messages at once",
}

// Error implements error.
func (e *statusError) Error() string {
	text := words[e.status]
	if text == "" {
		text = "refused"
	}
	return fmt.Sprintf("%s: %s (SMPP status 0x%02x)", e.what, text, e.status)
}

// permanent tells whether sending again can't help. Unknown and a vendor's own
// statuses are worth a retry, and "already bound" ends with the old session.
func (e *statusError) permanent() bool {
	switch s := e.status; {
	case s >= 0x01 && s <= 0x03, s == 0x06, s == 0x07, s >= 0x0A && s <= 0x0C, s == 0x0E, s == 0x0F:
		return true
	case s >= 0x33 && s <= 0x44, s >= 0x48 && s <= 0x55, s >= 0x61 && s <= 0x63, s >= 0xC0 && s <= 0xC4:
		return true
	}
	return false
}

var (
	errClosed = errors.New("the connection to the centre ended")
	// errLater leaves a message with the centre, for the next Run.
	errLater = errors.New("nobody takes it now")
)

// session is one bound connection.
type session struct {
	conn net.Conn

	mu      sync.Mutex // guards writes and what follows
	next    uint32
	waiting map[uint32]chan pdu
	closed  bool
	done    chan struct{}
}

// dial connects and binds. The reader must be started by run.
func (c *channel) dial(ctx context.Context, password string) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, bindTime)
	defer cancel()
	var (
		conn net.Conn
		err  error
	)
	if c.set.TLS {
		host, _, _ := net.SplitHostPort(c.set.Server) // Problems has looked at it
		d := tls.Dialer{Config: &tls.Config{ServerName: host, RootCAs: c.pool, MinVersion: tls.VersionTLS12}}
		conn, err = d.DialContext(ctx, "tcp", c.set.Server)
	} else {
		var d net.Dialer
		conn, err = d.DialContext(ctx, "tcp", c.set.Server)
	}
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // wakes read and write
	s := &session{conn: conn, next: 1, waiting: map[uint32]chan pdu{}, done: make(chan struct{})}
	err = s.bind(c.set, password)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close() // the first error tells more
		return nil, errors.Join(err, ctx.Err())
	}
	return s, nil
}

func (s *session) bind(set Settings, password string) error {
	if _, err := s.conn.Write(pdu{command: bindTransceiver, sequence: s.next, body: bind(set.SystemID, password, set.SystemType)}.encode()); err != nil {
		return fmt.Errorf("binding: %w", err)
	}
	p, err := readPDU(s.conn)
	if err != nil {
		return fmt.Errorf("binding: %w", err)
	}
	if p.status != 0 {
		return &statusError{"binding", p.status}
	}
	if p.command != bindTransceiver|response {
		return fmt.Errorf("binding: the centre answers with command 0x%08x", p.command)
	}
	s.next++
	return nil
}

// write sends one message; a peer that does not read ends the session.
func (s *session) write(p pdu) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(answerTime)); err != nil {
		return err
	}
	_, err := s.conn.Write(p.encode())
	return err
}

func (s *session) reply(to pdu, status uint32, body []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.write(pdu{command: to.command | response, status: status, sequence: to.sequence, body: body})
}

// ask sends a request and waits for its answer.
func (s *session) ask(ctx context.Context, command uint32, body []byte) (pdu, error) {
	answer := make(chan pdu, 1)
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return pdu{}, errClosed
	}
	seq := s.next
	s.next = s.next%0x7FFFFFFF + 1
	s.waiting[seq] = answer
	err := s.write(pdu{command: command, sequence: seq, body: body})
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.waiting, seq)
		s.mu.Unlock()
	}()
	if err != nil {
		s.close()
		return pdu{}, err
	}
	t := time.NewTimer(answerTime)
	defer t.Stop()
	select {
	case p := <-answer:
		if p.status == 0 && p.command != command|response {
			return pdu{}, fmt.Errorf("the centre answers with command 0x%08x", p.command)
		}
		return p, nil
	case <-s.done:
		return pdu{}, errClosed
	case <-t.C:
		return pdu{}, errors.New("the centre does not answer")
	case <-ctx.Done():
		return pdu{}, ctx.Err()
	}
}

func (s *session) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.done)
		_ = s.conn.Close() // nothing is buffered
	}
}

// leave says goodbye and closes; the reader must run.
func (s *session) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, _ = s.ask(ctx, unbind, nil) // it ends either way
	s.close()
}

// run reads until the connection ends, and asks every so often whether the
// centre is there. deliver must not block without end.
func (s *session) run(every time.Duration, deliver func(delivered) error) error {
	defer s.close()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer s.close() // before the wait
	wg.Go(func() { s.enquire(every) })
	for {
		// An answer to enquire_link must have come in this time.
		if err := s.conn.SetReadDeadline(time.Now().Add(every + answerTime)); err != nil {
			return err
		}
		p, err := readPDU(s.conn)
		if err == nil {
			err = s.handle(p, deliver)
		}
		if err != nil {
			return err
		}
	}
}

func (s *session) enquire(every time.Duration) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-s.done:
			return
		case <-t.C:
		}
		if _, err := s.ask(context.Background(), enquireLink, nil); err != nil { // bounded by answerTime
			s.close()
			return
		}
	}
}

func (s *session) handle(p pdu, deliver func(delivered) error) error {
	switch {
	case p.command&response != 0:
		s.mu.Lock()
		answer := s.waiting[p.sequence]
		delete(s.waiting, p.sequence)
		s.mu.Unlock()
		if answer != nil {
			answer <- p
		}
		return nil
	case p.command == enquireLink:
		return s.reply(p, 0, nil)
	case p.command == unbind:
		return errors.Join(s.reply(p, 0, nil), errors.New("the centre said goodbye"))
	case p.command == deliverSM:
		// Answered after it was handed over: the centre keeps it until then. One
		// that can't be read is answered too, or it would come for ever.
		if d, err := parseDeliver(p.body); err == nil {
			switch err := deliver(d); {
			case errors.Is(err, errLater):
				return s.reply(p, 0x64, []byte{0}) // "temporary fault of the receiver"
			case err != nil:
				return err
			}
		}
		return s.reply(p, 0, []byte{0})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.write(pdu{command: genericNack, status: 0x03, sequence: p.sequence}) // unknown command
}
