package probetest

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"

	"golang.org/x/net/dns/dnsmessage"
)

// DNS is a resolver on loopback that knows the names it was told. Names that
// it was not told do not exist.
type DNS struct {
	conn  *net.UDPConn
	tcp   *Server
	done  chan struct{}
	mu    sync.Mutex
	names map[string]record
	asked map[string]int
	dead  bool
}

type record struct {
	addrs  []netip.Addr
	rcode  dnsmessage.RCode
	silent bool
	cut    bool // UDP replies are truncated
	ttl    uint32
}

// NewDNS starts one on 127.0.0.1, UDP and TCP on one port; Close ends it.
func NewDNS() (*DNS, error) {
	d := &DNS{done: make(chan struct{}), names: make(map[string]record), asked: make(map[string]int)}
	var err error
	if d.tcp, err = Serve("127.0.0.1:0", d.serveTCP); err != nil {
		return nil, err
	}
	if d.conn, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(d.tcp.AddrPort())); err != nil {
		return nil, errors.Join(err, d.tcp.Close())
	}
	go d.serve()
	return d, nil
}

// Addr is "127.0.0.1:port", for wire.Options.Resolvers.
func (d *DNS) Addr() string { return d.conn.LocalAddr().String() }

// Set gives name its addresses, with a TTL of 60 s; none = the name exists and
// has no address.
func (d *DNS) Set(name string, addrs ...netip.Addr) { d.set(name, record{addrs: addrs, ttl: 60}) }

// SetTTL is Set with a TTL in seconds.
func (d *DNS) SetTTL(name string, ttl uint32, addrs ...netip.Addr) {
	d.set(name, record{addrs: addrs, ttl: ttl})
}

// SetServFail makes the resolver answer SERVFAIL for name.
func (d *DNS) SetServFail(name string) { d.set(name, record{rcode: dnsmessage.RCodeServerFailure}) }

// SetSilent makes the resolver say nothing for name, as when the name's own
// servers are dead.
func (d *DNS) SetSilent(name string) { d.set(name, record{silent: true}) }

// SetByTCP is Set for a name whose answer comes by TCP only.
func (d *DNS) SetByTCP(name string, addrs ...netip.Addr) {
	d.set(name, record{addrs: addrs, ttl: 60, cut: true})
}

// Die makes the resolver silent for every question.
func (d *DNS) Die() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead = true
}

// Asked counts the questions for name, of all types.
func (d *DNS) Asked(name string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asked[canonical(name)]
}

// Close ends the server and waits for it.
func (d *DNS) Close() error {
	err := d.conn.Close()
	<-d.done
	return errors.Join(err, d.tcp.Close())
}

func canonical(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

func (d *DNS) set(name string, r record) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.names[canonical(name)] = r
}

func (d *DNS) serve() {
	defer close(d.done)
	buf := make([]byte, 4096)
	for {
		n, from, err := d.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		if out := d.reply(buf[:n], false); out != nil {
			_, _ = d.conn.WriteToUDPAddrPort(out, from) // the asker may be gone
		}
	}
}

// serveTCP answers one question (RFC 1035 4.2.2).
func (d *DNS) serveTCP(c net.Conn, _ <-chan struct{}) {
	var l [2]byte
	if _, err := io.ReadFull(c, l[:]); err != nil {
		return
	}
	msg := make([]byte, binary.BigEndian.Uint16(l[:]))
	if _, err := io.ReadFull(c, msg); err != nil {
		return
	}
	out := d.reply(msg, true)
	_, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...)) // the asker may be gone
}

// reply is nil when nothing shall be said.
func (d *DNS) reply(msg []byte, tcp bool) []byte {
	var p dnsmessage.Parser
	h, err := p.Start(msg)
	if err != nil {
		return nil
	}
	q, err := p.Question()
	if err != nil {
		return nil
	}
	name := canonical(q.Name.String())
	d.mu.Lock()
	r, known := d.names[name]
	d.asked[name]++
	dead := d.dead
	d.mu.Unlock()
	if dead || r.silent {
		return nil
	}
	if !known && name != "" { // the root exists
		r.rcode = dnsmessage.RCodeNameError
	}
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: h.ID, Response: true, RecursionDesired: true, RecursionAvailable: true, RCode: r.rcode},
		Questions: []dnsmessage.Question{q},
	}
	if r.cut && !tcp {
		m.Truncated, r.addrs = true, nil
	}
	for _, a := range r.addrs {
		rh := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: r.ttl}
		switch {
		case a.Is4() && q.Type == dnsmessage.TypeA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: rh, Body: &dnsmessage.AResource{A: a.As4()}})
		case a.Is6() && q.Type == dnsmessage.TypeAAAA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: rh, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
		}
	}
	out, err := m.Pack()
	if err != nil {
		return nil
	}
	return out
}
