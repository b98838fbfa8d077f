package voice

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// stack is one SIP user agent with sockets of its own. Closing it ends every
// transaction and goroutine below it.
type stack struct {
	ua     *sipgo.UserAgent
	client *sipgo.Client
	server *sipgo.Server
	local  netip.AddrPort // where we are reached
	closer []func() error
	serve  sync.WaitGroup
}

// newStack opens the sockets. The handlers of requests from outside are set
// before anything is sent.
func (c *channel) newStack(ctx context.Context) (*stack, error) {
	ip, err := c.localIP(ctx)
	if err != nil {
		return nil, err
	}
	// The library logs whole messages on errors; what matters is in our errors.
	quiet := slog.New(slog.DiscardHandler)
	s := &stack{}
	s.ua, err = sipgo.NewUA(sipgo.WithUserAgent("watchpost"), sipgo.WithUserAgentHostname(c.host),
		sipgo.WithUserAgentTransactionLayerOptions(sip.WithTransactionLayerLogger(quiet), sip.WithTransactionLayerUnhandledResponseHandler(func(*sip.Response) {})),
		sipgo.WithUserAgentTransportLayerOptions(sip.WithTransportLayerLogger(quiet)))
	if err != nil {
		return nil, fmt.Errorf("making the SIP stack: %w", err)
	}
	s.closer = append(s.closer, s.ua.Close)
	if s.server, err = sipgo.NewServer(s.ua, sipgo.WithServerLogger(quiet)); err == nil {
		err = s.listen(ctx, c.set.Transport, ip)
	}
	if err == nil {
		opts := []sipgo.ClientOption{sipgo.WithClientLogger(quiet), sipgo.WithClientAddr(s.local.String()), sipgo.WithClientNAT()}
		if c.set.Transport == "udp" {
			opts = append(opts, sipgo.WithClientConnectionAddr(s.local.String()))
		}
		s.client, err = sipgo.NewClient(s.ua, opts...)
	}
	if err != nil {
		s.close()
		return nil, fmt.Errorf("making the SIP stack: %w", err)
	}
	return s, nil
}

// listen opens the socket for the exchange's requests. With UDP our own go out
// of it too, so the stack must know it before the first.
func (s *stack) listen(ctx context.Context, network string, ip netip.Addr) error {
	var lc net.ListenConfig
	addr := netip.AddrPortFrom(ip, 0).String()
	if network == "tcp" {
		l, err := lc.Listen(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		s.local, s.closer = netip.MustParseAddrPort(l.Addr().String()), append(s.closer, l.Close)
		s.serve.Go(func() { _ = s.server.ServeTCP(l) }) // ends when l is closed
		return nil
	}
	conn, err := lc.ListenPacket(ctx, "udp", addr)
	if err != nil {
		return err
	}
	s.local, s.closer = netip.MustParseAddrPort(conn.LocalAddr().String()), append(s.closer, conn.Close)
	s.serve.Go(func() { _ = s.server.ServeUDP(conn) }) // ends when conn is closed
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if c, err := s.ua.TransportLayer().GetConnection("udp", s.local.String()); err == nil && c != nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *stack) close() {
	for _, f := range s.closer {
		_ = f() // there is nothing to save
	}
	s.serve.Wait()
}

// localIP is the address that the exchange sees us by, without NAT.
func (c *channel) localIP(ctx context.Context) (netip.Addr, error) {
	if c.set.Local != "" {
		return netip.ParseAddr(c.set.Local)
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "udp", net.JoinHostPort(c.host, strconv.Itoa(c.port))) // sends nothing
	if err != nil {
		return netip.Addr{}, fmt.Errorf("finding the way to the exchange: %w", err)
	}
	defer func() { _ = conn.Close() }() // nothing was sent
	a, err := netip.ParseAddrPort(conn.LocalAddr().String())
	return a.Addr().Unmap(), err
}

// rtpSocket opens a port for audio, in the range of the settings.
func (c *channel) rtpSocket(ip netip.Addr) (*net.UDPConn, error) {
	low, high, err := portRange(c.set.RTPPorts)
	if err != nil {
		return nil, err
	}
	if low == 0 {
		return net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
	}
	for _, i := range rand.Perm(high - low + 1) {
		conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, uint16(low+i))))
		if err == nil {
			return conn, nil
		}
	}
	return nil, fmt.Errorf("no free port in rtp_ports %s", c.set.RTPPorts)
}

// uri is an address at the exchange; user may be "".
func (c *channel) uri(user string) sip.Uri {
	u := sip.Uri{Scheme: "sip", User: user, Host: c.host, Port: c.port, UriParams: sip.NewParams()}
	if c.set.Transport == "tcp" {
		u.UriParams.Add("transport", "tcp")
	}
	return u
}

// request begins a request of ours outside a call.
func (c *channel) request(s *stack, method sip.RequestMethod, to sip.Uri) *sip.Request {
	req := sip.NewRequest(method, to)
	if c.set.Transport == "tcp" {
		req.SetTransport("TCP")
	}
	from := &sip.FromHeader{Address: sip.Uri{Scheme: "sip", User: c.caller(), Host: c.host}, Params: sip.NewParams()}
	from.Params.Add("tag", sip.GenerateTagN(16))
	contact := &sip.ContactHeader{Address: sip.Uri{Scheme: "sip", User: c.caller(), Host: s.local.Addr().String(), Port: int(s.local.Port()), UriParams: sip.NewParams()}}
	if s.local.Addr().Is6() {
		contact.Address.Host = "[" + s.local.Addr().String() + "]"
	}
	if c.set.Transport == "tcp" {
		contact.Address.UriParams.Add("transport", "tcp")
	}
	req.AppendHeader(from)
	req.AppendHeader(contact)
	return req
}

// exchange sends a request that opens no call and answers one challenge.
func (c *channel) exchange(ctx context.Context, s *stack, req *sip.Request, password string) (*sip.Response, error) {
	res, err := s.client.Do(ctx, req)
	if err == nil && challenged(res) && password != "" {
		res, err = s.client.DoDigestAuth(ctx, req, res, sipgo.DigestAuth{Username: c.set.Username, Password: password})
	}
	if err == nil && res == nil {
		err = errNoAnswer
	}
	if err != nil {
		return nil, errors.Join(err, ctx.Err())
	}
	return res, nil
}

func challenged(r *sip.Response) bool {
	return r != nil && (r.StatusCode == sip.StatusUnauthorized || r.StatusCode == sip.StatusProxyAuthRequired)
}
