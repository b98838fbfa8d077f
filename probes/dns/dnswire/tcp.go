package dnswire

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

// askTCP sends the query in one write and reads one message. A failure leaves
// r's message alone.
func (c *Client) askTCP(ctx context.Context, r *Reply) error {
	conn, _, cut, err := c.open(ctx, "tcp", r.Server)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // the answer is in hand, or lost
	if err := c.oneTCP(conn, r); err != nil {
		return ended(ctx, cut, err)
	}
	return nil
}

func (c *Client) oneTCP(conn net.Conn, r *Reply) error {
	m, cookie := r.Query.build()
	out, err := framed(nil, m)
	if err != nil {
		return err
	}
	if _, err = conn.Write(out); err != nil {
		return netError(err)
	}
	buf := c.buffer()
	defer c.buffers.Put(buf)
	body, err := readFrame(conn, *buf)
	if err != nil {
		return err
	}
	var s Strays
	got, ok := match(m, body, &s, &r.Folded)
	if !ok {
		r.Strays.add(s)
		return lost(ErrTimeout, s)
	}
	r.Msg, r.Size, r.Transport, r.EDNS = got, len(body), TCP, readEDNS(got, cookie)
	return nil
}

// ended marks a timeout that is the caller's own: by its deadline or its cancel.
func ended(ctx context.Context, cut bool, err error) error {
	if errors.Is(err, ErrTimeout) && (cut || ctx.Err() != nil) {
		return errors.Join(err, ErrCut)
	}
	return err
}

// framed appends the message with its length in front (RFC 1035 4.2.2).
func framed(to []byte, m *dns.Msg) ([]byte, error) {
	out, err := m.Pack()
	if err != nil {
		return nil, errors.Join(ErrDial, err)
	}
	return append(binary.BigEndian.AppendUint16(to, uint16(len(out))), out...), nil
}

func readFrame(conn net.Conn, buf []byte) ([]byte, error) {
	var head [2]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return nil, netError(err)
	}
	body := buf[:binary.BigEndian.Uint16(head[:])]
	if _, err := io.ReadFull(conn, body); err != nil {
		return nil, netError(err)
	}
	return body, nil
}

// AskAll puts several queries over one TCP connection (RFC 7766 6.2.1.1), which
// costs a server hardly more than one. It gives a Reply and an error for each;
// whoever closes after the first answer leaves the others with ErrClosed.
func (c *Client) AskAll(ctx context.Context, server netip.AddrPort, qs []Query) ([]*Reply, []error) {
	start := time.Now()
	replies, errs := make([]*Reply, len(qs)), make([]error, len(qs))
	for i, q := range qs {
		replies[i] = &Reply{Query: q, Server: server}
	}
	open := func(err error) ([]*Reply, []error) {
		for i, r := range replies {
			if r.Msg == nil {
				errs[i], r.Took = err, time.Since(start)
			}
		}
		return replies, errs
	}
	conn, _, cut, err := c.open(ctx, "tcp", server)
	if err != nil {
		return open(err)
	}
	defer func() { _ = conn.Close() }() // what came is in hand
	return open(ended(ctx, cut, c.stream(conn, replies, start)))
}

// stream writes all queries and reads until each has its answer.
func (c *Client) stream(conn net.Conn, replies []*Reply, start time.Time) error {
	sent := make([]asked, len(replies))
	var out []byte
	for i, r := range replies {
		sent[i].m, sent[i].cookie = r.Query.build()
		sent[i].m.Id += uint16(i) - sent[i].m.Id%uint16(len(replies)) // no two alike
		var err error
		if out, err = framed(out, sent[i].m); err != nil {
			return err
		}
	}
	if _, err := conn.Write(out); err != nil {
		return netError(err)
	}
	buf := c.buffer()
	defer c.buffers.Put(buf)
	var s Strays
	for left := len(replies); left > 0 && s.sum() < MaxStrays; {
		body, err := readFrame(conn, *buf)
		if err != nil {
			return lost(err, s)
		}
		i := 0
		for i < len(sent)-1 && (len(body) < 2 || binary.BigEndian.Uint16(body) != sent[i].m.Id) {
			i++
		}
		r := replies[i]
		got, ok := match(sent[i].m, body, &s, &r.Folded)
		if !ok || r.Msg != nil {
			s.ID++ // a second answer is a stray too
			continue
		}
		left--
		r.Msg, r.Size, r.Transport, r.EDNS, r.Took = got, len(body), TCP, readEDNS(got, sent[i].cookie), time.Since(start)
	}
	return lost(ErrTimeout, s)
}

// open dials within the timeout and sets the deadline of the whole exchange;
// cut tells that the caller's deadline is the earlier one.
func (c *Client) open(ctx context.Context, network string, server netip.AddrPort) (conn net.Conn, end time.Time, cut bool, err error) {
	timeout := c.Timeout
	if timeout == 0 {
		timeout = 2 * time.Second
	}
	end = time.Now().Add(timeout)
	if d, ok := ctx.Deadline(); ok && d.Before(end) {
		end, cut = d, true
	}
	parent := ctx
	cancel := context.CancelFunc(func() {})
	if network == "tcp" { // a UDP socket opens at once, and a Session keeps it longer
		ctx, cancel = context.WithDeadline(ctx, end)
	}
	d := c.Dialer
	if d == nil {
		d = NetDialer()
	}
	conn, err = d.Dial(ctx, network, server)
	if err != nil {
		cancel()
		return nil, end, cut, ended(parent, cut, netError(err))
	}
	// A Dialer may end its connections with the context, so that lives as long.
	dialled := conn
	stop := context.AfterFunc(parent, func() { _ = dialled.SetDeadline(time.Unix(1, 0)) }) // wakes the reader
	conn = &bound{dialled, func() { stop(); cancel() }}
	if err := conn.SetDeadline(end); err != nil {
		_ = conn.Close()
		return nil, end, cut, errors.Join(ErrDial, err)
	}
	return conn, end, cut, nil
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
