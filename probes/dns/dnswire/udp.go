package dnswire

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"time"

	"github.com/miekg/dns"
)

// asked is a datagram that went out.
type asked struct {
	m      *dns.Msg
	cookie string // the client cookie in it, hex
}

// askUDP sends datagrams and reads until a matching reply or the deadline. The
// socket is given back so that a Session can listen on.
func (c *Client) askUDP(ctx context.Context, r *Reply) (net.Conn, error) {
	conn, end, cut, err := c.open(ctx, "udp", r.Server)
	if err != nil {
		return nil, err
	}
	if err = c.converse(ctx, conn, end, r); err != nil {
		_ = conn.Close()
		return nil, ended(ctx, cut, err)
	}
	return conn, nil
}

// converse sends the query, and again with another id while nothing comes.
func (c *Client) converse(ctx context.Context, conn net.Conn, end time.Time, r *Reply) error {
	attempts := max(orInt(c.Attempts, 2), 1)
	pause := time.Until(end) / time.Duration(2*attempts)
	var sent []asked
	for r.Attempts = 1; ; r.Attempts++ {
		if ctx.Err() != nil {
			return ErrTimeout
		}
		m, cookie := r.Query.build()
		sent = append(sent, asked{m, cookie})
		out, err := m.Pack()
		if err != nil {
			return errors.Join(ErrDial, err)
		}
		if _, err = conn.Write(out); err != nil {
			return netError(err)
		}
		until := end
		if r.Attempts < attempts {
			until = time.Now().Add(pause)
		}
		if err := conn.SetReadDeadline(until); err != nil {
			return errors.Join(ErrDial, err)
		}
		err = c.readUDP(conn, sent, r)
		if err == nil || !errors.Is(err, ErrTimeout) || r.Attempts == attempts || r.Strays.sum() >= MaxStrays {
			return lost(err, r.Strays)
		}
	}
}

func (c *Client) readUDP(conn net.Conn, sent []asked, r *Reply) error {
	buf := c.buffer()
	defer c.buffers.Put(buf)
	for r.Strays.sum() < MaxStrays {
		n, err := conn.Read(*buf)
		if err != nil {
			return netError(err)
		}
		to := sentWith(sent, (*buf)[:n])
		got, ok := match(to.m, (*buf)[:n], &r.Strays, &r.Folded)
		if !ok {
			continue
		}
		r.Msg, r.Size, r.Transport, r.sent, r.first = got, n, UDP, to.m, got
		r.Truncated, r.EDNS = got.Truncated, readEDNS(got, to.cookie)
		return nil
	}
	return ErrTimeout
}

// sentWith is the datagram that a reply belongs to by its id, the last for a stray.
func sentWith(sent []asked, b []byte) asked {
	for _, a := range sent {
		if len(b) > 1 && binary.BigEndian.Uint16(b) == a.m.Id {
			return a
		}
	}
	return sent[len(sent)-1]
}
