package icmp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/wire"
)

// Bounds on the runs made at the same time. Of pro-bing's raw sockets each sees
// every ICMP packet of the machine, so that the work grows with their square;
// the shared socket is bounded by its receive buffer.
const (
	maxInFlight       = 200
	maxSharedInFlight = 1000
)

// Run is what an Engine is to do: Count packets to one address.
type Run struct {
	To   netip.Addr
	From netip.Addr // invalid = the kernel chooses
	// Count packets of Size bytes of payload, Gap apart.
	Count int
	Gap   time.Duration
	Size  int
}

// Reply is one echo reply of ours, from the address asked.
type Reply struct {
	RTT      time.Duration // by the monotonic clock
	HopLimit int           // TTL or hop limit on arrival; 0 = not told
}

// Echoes is what a run gave.
type Echoes struct {
	Sent    int
	Replies []Reply
	// Unreachable is what a router on the way said, for people; "" = nothing.
	Unreachable string
}

// Engine sends and receives. Ping comes back when all replies are in or ctx
// ends; what is missing then is lost. An error means that nothing could be sent.
// mode is how to open a socket.
type Engine interface {
	Ping(ctx context.Context, mode Mode, r Run) (Echoes, error)
}

// Mode is a kind of ICMP socket.
type Mode uint8

const (
	// Datagram is the unprivileged ICMP socket that net.ipv4.ping_group_range
	// opens to groups (icmp(7)); it governs IPv6 as well.
	Datagram Mode = iota + 1
	// Raw needs CAP_NET_RAW.
	Raw
)

// gate is what every run passes, whatever the engine: the limit in flight, the
// kind of socket, the classification of errors.
type gate struct {
	engine Engine
	slots  chan struct{}
	mode   [2]atomic.Uint32 // Mode for IPv4 and IPv6; 0 = to be found out
}

func newGate(e Engine, limit int) *gate {
	return &gate{engine: e, slots: make(chan struct{}, limit)}
}

func (g *gate) ping(ctx context.Context, r Run) (Echoes, error) {
	select {
	case g.slots <- struct{}{}:
	case <-ctx.Done():
		return Echoes{}, &wire.Error{Reason: probes.OursSockets, Detail: "too many echo requests under way; none was sent"}
	}
	defer func() { <-g.slots }()
	if !r.To.IsValid() || r.To.IsMulticast() || r.To.IsUnspecified() || r.To == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return Echoes{}, &wire.Error{Reason: probes.OursBlocked, Detail: r.To.String() + " is not the address of one host"}
	}
	known := &g.mode[family(r.To)]
	mode := Mode(known.Load())
	if mode == 0 {
		var err error
		if mode, err = findMode(r.To); err != nil {
			return Echoes{}, err
		}
		known.Store(uint32(mode))
	}
	if err := sendable(ctx, r); err != nil {
		return Echoes{}, err
	}
	e, err := g.engine.Ping(ctx, mode, r)
	if err != nil {
		err = sendError(ctx, err)
		if wire.Classify(err) == probes.OursPermission {
			known.Store(0) // the sysctl or our capabilities may have changed
		}
		return e, err
	}
	if len(e.Replies) < e.Sent && errors.Is(ctx.Err(), context.Canceled) {
		return e, sendError(ctx, ctx.Err()) // cut short by us
	}
	return e, nil
}

func family(a netip.Addr) int {
	if a.Unmap().Is4() {
		return 0
	}
	return 1
}

// findMode tries to open each kind of socket. The answer depends on sysctls and
// capabilities that may change, so it is asked again after a refusal.
func findMode(a netip.Addr) (Mode, error) {
	af, proto := syscall.AF_INET, syscall.IPPROTO_ICMP
	if family(a) == 1 {
		af, proto = syscall.AF_INET6, syscall.IPPROTO_ICMPV6
	}
	var last error
	for _, try := range []struct {
		typ  int
		mode Mode
	}{{syscall.SOCK_DGRAM, Datagram}, {syscall.SOCK_RAW, Raw}} {
		fd, err := syscall.Socket(af, try.typ|syscall.SOCK_CLOEXEC, proto)
		if err == nil {
			_ = syscall.Close(fd) // never used
			return try.mode, nil
		}
		last = err
		if !permission(err) && !errors.Is(err, syscall.EPROTONOSUPPORT) {
			return 0, sendError(context.Background(), err)
		}
	}
	return 0, &wire.Error{
		Reason: probes.OursPermission,
		Detail: "the kernel allows this process no ICMP socket: give it CAP_NET_RAW (systemd: AmbientCapabilities=CAP_NET_RAW), or open datagram sockets to its group (sysctl net.ipv4.ping_group_range=\"0 2147483647\")",
		Err:    last,
	}
}

func permission(err error) bool {
	return errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES)
}

// sendable asks the routing table, by connecting a UDP socket, which sends
// nothing. It tells our missing route from a host that is silent, and keeps
// from pro-bing what makes it spin: EACCES (a prohibited route, a broadcast
// address) has it try again for ever.
func sendable(ctx context.Context, r Run) error {
	af := syscall.AF_INET
	if family(r.To) == 1 {
		af = syscall.AF_INET6
	}
	fd, err := syscall.Socket(af, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return sendError(ctx, err)
	}
	defer func() { _ = syscall.Close(fd) }() // nothing was written
	if r.From.IsValid() {
		if err := syscall.Bind(fd, sockaddr(r.From)); err != nil {
			return sendError(ctx, fmt.Errorf("using the source address %s: %w", r.From, err))
		}
	}
	err = syscall.Connect(fd, sockaddr(r.To))
	if errors.Is(err, syscall.EHOSTUNREACH) { // said by our own table: nothing was sent
		err = syscall.ENETUNREACH
	}
	if err != nil {
		return sendError(ctx, err)
	}
	return nil
}

// sockaddr is a with no port: binding takes any, connecting a UDP socket to
// port 0 is allowed.
func sockaddr(a netip.Addr) syscall.Sockaddr {
	if family(a) == 0 {
		return &syscall.SockaddrInet4{Addr: a.Unmap().As4()}
	}
	s := &syscall.SockaddrInet6{Addr: a.As16()}
	if z := a.Zone(); z != "" {
		if i, err := net.InterfaceByName(z); err == nil {
			s.ZoneId = uint32(i.Index)
		}
	}
	return s
}

// sendError says whose fault it is that nothing could be sent: always ours,
// except that a neighbour does not answer ARP.
func sendError(ctx context.Context, err error) error {
	if _, ok := errors.AsType[*wire.Error](err); ok {
		return err
	}
	e := &wire.Error{Err: err}
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		e.Reason, e.Detail = probes.OursCanceled, "canceled"
	case permission(err):
		e.Reason, e.Detail = probes.OursPermission, "our own firewall or routing table forbids sending"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.ENETDOWN), errors.Is(err, syscall.EAFNOSUPPORT),
		errors.Is(err, syscall.EADDRNOTAVAIL), errors.Is(err, syscall.EINVAL):
		e.Reason, e.Detail = probes.OursNoRoute, "this machine has no route to it"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.EHOSTDOWN):
		e.Reason, e.Detail = probes.ICMPUnreachable, "the host does not answer on its own network"
	default:
		e.Reason, e.Detail = probes.OursSockets, "no socket to send from"
	}
	return e
}
