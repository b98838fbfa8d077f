package icmp

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// Shared is the Engine on one socket per family and source for all runs. A
// socket is there while any run needs it and is closed by the last one.
func Shared() Engine { return &shared{socks: make(map[sockKey]*sock)} }

type shared struct {
	mu    sync.Mutex
	socks map[sockKey]*sock
}

type sockKey struct {
	family int
	mode   Mode
	from   netip.Addr
}

// receiveBuffer holds some thousands of replies, which may come at the same moment.
const receiveBuffer = 1 << 20

// sock is a socket with its reader and the packets that it waits for.
type sock struct {
	key    sockKey
	conn   net.PacketConn
	p4     *ipv4.PacketConn
	p6     *ipv6.PacketConn
	id     int
	refs   int           // guarded by shared.mu
	closed chan struct{} // the reader has ended

	mu      sync.Mutex
	next    uint16
	waiting map[uint16]*packet // by sequence number
}

// packet is one echo request under way.
type packet struct {
	to     netip.Addr
	cookie uint64 // random: a reply that does not repeat it is not ours
	sent   time.Time
	back   chan<- heard
}

// heard is what came back for a packet.
type heard struct {
	reply       Reply
	unreachable string
}

// Ping makes one run.
func (s *shared) Ping(ctx context.Context, mode Mode, r Run) (e Echoes, err error) {
	k, err := s.acquire(sockKey{family(r.To), mode, r.From})
	if err != nil {
		return e, err
	}
	defer s.release(k)
	back := make(chan heard, r.Count)
	seqs := make([]uint16, 0, r.Count)
	defer func() { k.forget(seqs) }()
	tick := time.NewTimer(r.Gap)
	defer tick.Stop()
	for {
		seq, err := k.send(r, back)
		if err != nil {
			if e.Sent == 0 || len(e.Replies) < e.Sent {
				return e, err
			}
			return e, nil
		}
		seqs = append(seqs, seq)
		e.Sent++
		tick.Reset(r.Gap)
		for waiting := true; waiting; {
			next := tick.C
			if e.Sent == r.Count {
				next = nil
			}
			select {
			case h := <-back:
				if h.unreachable != "" {
					e.Unreachable = h.unreachable
				} else {
					e.Replies = append(e.Replies, h.reply)
				}
				if len(e.Replies) == r.Count {
					return e, nil
				}
			case <-next:
				waiting = false
			case <-ctx.Done():
				return e, nil
			}
		}
	}
}

// acquire gives the socket of the key, opened if nobody has it.
func (s *shared) acquire(key sockKey) (*sock, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.socks[key]; k != nil {
		k.refs++
		return k, nil
	}
	k, err := openSock(key)
	if err != nil {
		return nil, err
	}
	k.refs = 1
	s.socks[key] = k
	go k.read()
	return k, nil
}

// release closes the socket after its last run.
func (s *shared) release(k *sock) {
	s.mu.Lock()
	k.refs--
	last := k.refs == 0
	if last {
		delete(s.socks, k.key)
	}
	s.mu.Unlock()
	if last {
		_ = k.conn.Close() // wakes the reader
		<-k.closed
	}
}

func openSock(key sockKey) (*sock, error) {
	af, proto, typ := syscall.AF_INET, syscall.IPPROTO_ICMP, syscall.SOCK_RAW
	if key.family == 1 {
		af, proto = syscall.AF_INET6, syscall.IPPROTO_ICMPV6
	}
	if key.mode == Datagram {
		typ = syscall.SOCK_DGRAM
	}
	fd, err := syscall.Socket(af, typ|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, proto)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "icmp")
	defer func() { _ = f.Close() }() // FilePacketConn has its own descriptor
	if key.from.IsValid() {
		if err := syscall.Bind(fd, sockaddr(key.from)); err != nil {
			return nil, fmt.Errorf("using the source address %s: %w", key.from, err)
		}
	}
	conn, err := net.FilePacketConn(f)
	if err != nil {
		return nil, err
	}
	var id [2]byte
	_, _ = rand.Read(id[:]) // never fails since Go 1.24
	k := &sock{
		key: key, conn: conn, id: int(binary.BigEndian.Uint16(id[:])),
		closed: make(chan struct{}), waiting: make(map[uint16]*packet),
	}
	if b, ok := conn.(interface{ SetReadBuffer(int) error }); ok {
		_ = b.SetReadBuffer(receiveBuffer) // the kernel caps it, which is no error
	}
	if err := k.options(); err != nil {
		_ = conn.Close() // the error that counts is the first
		return nil, err
	}
	return k, nil
}

// options asks for the hop limit of replies, and has the kernel keep from a raw
// socket what is of no use here (our own requests, on loopback).
func (k *sock) options() error {
	if k.key.family == 0 {
		k.p4 = ipv4.NewPacketConn(k.conn)
		if k.key.mode == Raw {
			var f ipv4.ICMPFilter
			f.SetAll(true)
			f.Accept(ipv4.ICMPTypeEchoReply)
			f.Accept(ipv4.ICMPTypeDestinationUnreachable)
			f.Accept(ipv4.ICMPTypeTimeExceeded)
			if err := k.p4.SetICMPFilter(&f); err != nil {
				return err
			}
		}
		return k.p4.SetControlMessage(ipv4.FlagTTL, true)
	}
	k.p6 = ipv6.NewPacketConn(k.conn)
	if k.key.mode == Raw {
		var f ipv6.ICMPFilter
		f.SetAll(true)
		f.Accept(ipv6.ICMPTypeEchoReply)
		f.Accept(ipv6.ICMPTypeDestinationUnreachable)
		f.Accept(ipv6.ICMPTypeTimeExceeded)
		if err := k.p6.SetICMPFilter(&f); err != nil {
			return err
		}
	}
	return k.p6.SetControlMessage(ipv6.FlagHopLimit, true)
}

// send sends one packet and has its answer go to back.
func (k *sock) send(r Run, back chan<- heard) (uint16, error) {
	p := &packet{to: r.To.Unmap().WithZone(""), back: back}
	data := make([]byte, r.Size)
	_, _ = rand.Read(data[:8]) // never fails since Go 1.24
	p.cookie = binary.BigEndian.Uint64(data)
	seq, err := k.expect(p)
	if err != nil {
		return 0, err
	}
	m := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: k.id, Seq: int(seq), Data: data}}
	if k.key.family == 1 {
		m.Type = ipv6.ICMPTypeEchoRequest
	}
	b, err := m.Marshal(nil) // the kernel computes the checksum of ICMPv6
	if err != nil {
		return 0, err
	}
	ip := &net.IPAddr{IP: r.To.Unmap().AsSlice(), Zone: r.To.Zone()}
	var to net.Addr = ip
	if k.key.mode == Datagram {
		to = &net.UDPAddr{IP: ip.IP, Zone: ip.Zone}
	}
	if _, err := k.conn.WriteTo(b, to); err != nil {
		k.forget([]uint16{seq})
		return 0, err
	}
	return seq, nil
}

// expect registers a packet under a free sequence number.
func (k *sock) expect(p *packet) (uint16, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.waiting) > 1<<15 {
		return 0, syscall.ENOBUFS
	}
	for {
		k.next++
		if k.waiting[k.next] == nil {
			p.sent = time.Now()
			k.waiting[k.next] = p
			return k.next, nil
		}
	}
}

func (k *sock) forget(seqs []uint16) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range seqs {
		delete(k.waiting, s)
	}
}

// read hands over what comes in until the socket is closed.
func (k *sock) read() {
	defer close(k.closed)
	buf := make([]byte, 2048)
	for {
		n, hops, from, err := k.readOne(buf)
		now := time.Now()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an error that the kernel queued for an earlier packet
		}
		k.handle(buf[:n], hops, from, now)
	}
}

func (k *sock) readOne(buf []byte) (n, hops int, from netip.Addr, err error) {
	var src net.Addr
	if k.p4 != nil {
		var cm *ipv4.ControlMessage
		if n, cm, src, err = k.p4.ReadFrom(buf); cm != nil {
			hops = cm.TTL
		}
	} else {
		var cm *ipv6.ControlMessage
		if n, cm, src, err = k.p6.ReadFrom(buf); cm != nil {
			hops = cm.HopLimit
		}
	}
	switch a := src.(type) {
	case *net.IPAddr:
		from, _ = netip.AddrFromSlice(a.IP)
	case *net.UDPAddr:
		from, _ = netip.AddrFromSlice(a.IP)
	}
	return n, hops, from.Unmap(), err
}

// handle finds the packet that a message answers. Everything in it is remote:
// only a reply from the address asked that repeats the cookie is an answer.
func (k *sock) handle(b []byte, hops int, from netip.Addr, now time.Time) {
	proto := 1
	if k.key.family == 1 {
		proto = 58
	}
	m, err := icmp.ParseMessage(proto, b)
	if err != nil {
		return
	}
	switch body := m.Body.(type) {
	case *icmp.Echo:
		if m.Type != ipv4.ICMPTypeEchoReply && m.Type != ipv6.ICMPTypeEchoReply ||
			k.key.mode == Raw && body.ID != k.id || len(body.Data) < 8 {
			return
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		p := k.waiting[uint16(body.Seq)]
		if p == nil || p.to != from || p.cookie != binary.BigEndian.Uint64(body.Data) {
			return
		}
		delete(k.waiting, uint16(body.Seq)) // a second reply is a duplicate
		p.back <- heard{reply: Reply{RTT: now.Sub(p.sent), HopLimit: hops}}
	case *icmp.DstUnreach:
		k.refused(body.Data, from, "a router says that the host can't be reached")
	case *icmp.TimeExceeded:
		k.refused(body.Data, from, "the packet ran in a circle: its hop limit ended on the way")
	}
}

// refused takes an error that quotes the start of our request: its IP header
// and eight bytes, which hold our ID and sequence number.
func (k *sock) refused(quoted []byte, from netip.Addr, words string) {
	var to netip.Addr
	switch {
	case k.key.family == 0 && len(quoted) >= ipv4.HeaderLen:
		head := int(quoted[0]&0x0f) << 2
		if head < ipv4.HeaderLen || len(quoted) < head+8 {
			return
		}
		to, _ = netip.AddrFromSlice(quoted[16:20])
		quoted = quoted[head:]
	case k.key.family == 1 && len(quoted) >= ipv6.HeaderLen+8:
		to, _ = netip.AddrFromSlice(quoted[24:40])
		quoted = quoted[ipv6.HeaderLen:]
	default:
		return
	}
	if k.key.mode == Raw && int(binary.BigEndian.Uint16(quoted[4:])) != k.id {
		return
	}
	seq := binary.BigEndian.Uint16(quoted[6:])
	k.mu.Lock()
	defer k.mu.Unlock()
	p := k.waiting[seq]
	if p == nil || p.to != to {
		return
	}
	delete(k.waiting, seq)
	p.back <- heard{unreachable: words + " (" + from.String() + ")"}
}
