package voice

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"watchpost.example/alerting"
	"watchpost.example/alerting/channels/channeltest"
)

// exchange is the other side: a SIP server of the test's own that does what
// a row says.
type exchange struct {
	t    *testing.T
	addr netip.AddrPort
	rtp  *net.UDPConn
	// invite answers an INVITE.
	invite func(x *exchange, r *sip.Request, tx sip.ServerTransaction)
	sdp    func(port uint16) string
	// register answers a REGISTER; registrar by default.
	register func(x *exchange, r *sip.Request, tx sip.ServerTransaction)

	client *sipgo.Client
	conn   net.PacketConn // of SIP over UDP
	mu     sync.Mutex
	reqs   []*sip.Request
	audio  []heard
	bye    chan struct{} // one for each BYE
	cancel chan struct{}
	busy   sync.WaitGroup // handlers of INVITE
}

// heard is one packet of ours as it arrived.
type heard struct {
	at time.Time
	b  []byte
}

func newExchange(t *testing.T, network string, invite func(*exchange, *sip.Request, sip.ServerTransaction)) *exchange {
	t.Helper()
	x := &exchange{t: t, invite: invite, bye: make(chan struct{}, 9), cancel: make(chan struct{}, 9), sdp: goodSDP}
	quiet := slog.New(slog.DiscardHandler)
	ua, err := sipgo.NewUA(sipgo.WithUserAgentTransportLayerOptions(sip.WithTransportLayerLogger(quiet)), sipgo.WithUserAgentTransactionLayerOptions(sip.WithTransactionLayerLogger(quiet)))
	if err != nil {
		t.Fatal(err)
	}
	srv, err := sipgo.NewServer(ua, sipgo.WithServerLogger(quiet))
	if err != nil {
		t.Fatal(err)
	}
	note := func(f sipgo.RequestHandler) sipgo.RequestHandler {
		return func(r *sip.Request, tx sip.ServerTransaction) {
			x.mu.Lock()
			x.reqs = append(x.reqs, r.Clone())
			x.mu.Unlock()
			f(r, tx)
		}
	}
	ok := func(r *sip.Request, tx sip.ServerTransaction) { x.say(r, tx, 200, "OK") }
	srv.OnInvite(note(func(r *sip.Request, tx sip.ServerTransaction) {
		tx.OnCancel(func(*sip.Request) { x.cancel <- struct{}{} })
		x.mu.Lock()
		x.busy.Add(1)
		x.mu.Unlock()
		defer x.busy.Done()
		x.invite(x, r, tx)
	}))
	srv.OnBye(note(func(r *sip.Request, tx sip.ServerTransaction) { ok(r, tx); x.bye <- struct{}{} }))
	srv.OnOptions(note(ok))
	srv.OnAck(note(func(*sip.Request, sip.ServerTransaction) {}))
	srv.OnRegister(note(func(r *sip.Request, tx sip.ServerTransaction) {
		x.mu.Lock()
		register := x.register
		x.mu.Unlock()
		if register == nil {
			register = (*exchange).registrar
		}
		register(x, r, tx)
	}))
	// All is made before the first request can come.
	var (
		done   sync.WaitGroup
		serve  func()
		listen io.Closer
	)
	if network == "tcp" {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		x.addr, listen, serve = netip.MustParseAddrPort(l.Addr().String()), l, func() { _ = srv.ServeTCP(l) }
	} else {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		x.addr, listen, x.conn, serve = netip.MustParseAddrPort(c.LocalAddr().String()), c, c, func() { _ = srv.ServeUDP(c) }
	}
	if x.rtp, err = net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
		t.Fatal(err)
	}
	if x.client, err = sipgo.NewClient(ua, sipgo.WithClientLogger(quiet), sipgo.WithClientAddr(x.addr.String()), sipgo.WithClientConnectionAddr(x.addr.String())); err != nil {
		t.Fatal(err)
	}
	done.Go(serve)
	done.Go(x.hear)
	t.Cleanup(func() { _ = listen.Close(); done.Wait() })
	t.Cleanup(func() { _, _ = x.rtp.Close(), ua.Close() })
	t.Cleanup(func() {
		x.mu.Lock()   // orders Wait after every Add for the race detector
		x.mu.Unlock() //nolint:staticcheck // empty on purpose
		x.busy.Wait()
	})
	return x
}

func (x *exchange) hear() {
	buf := make([]byte, 2048)
	for {
		n, _, err := x.rtp.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		x.mu.Lock()
		x.audio = append(x.audio, heard{time.Now(), append([]byte(nil), buf[:n]...)})
		x.mu.Unlock()
	}
}

func (x *exchange) heard() []heard {
	x.mu.Lock()
	defer x.mu.Unlock()
	return append([]heard(nil), x.audio...)
}

func (x *exchange) asked(m sip.RequestMethod) []*sip.Request {
	x.mu.Lock()
	defer x.mu.Unlock()
	var out []*sip.Request
	for _, r := range x.reqs {
		if r.Method == m {
			out = append(out, r)
		}
	}
	return out
}

func (x *exchange) say(r *sip.Request, tx sip.ServerTransaction, code int, reason string) *sip.Response {
	res := sip.NewResponseFromRequest(r, code, reason, nil)
	res.AppendHeader(&sip.ContactHeader{Address: sip.Uri{Scheme: "sip", Host: "127.0.0.1", Port: int(x.addr.Port())}})
	_ = tx.Respond(res)
	return res
}

func goodSDP(port uint16) string {
	return describe(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port), 1, &media{audio: pcma, event: 96})
}

// answer picks up, and then does f with where our audio is.
func answer(f func(x *exchange, r *sip.Request, res *sip.Response, caller netip.AddrPort)) func(*exchange, *sip.Request, sip.ServerTransaction) {
	return func(x *exchange, r *sip.Request, tx sip.ServerTransaction) {
		x.say(r, tx, 180, "Ringing")
		res := sip.NewSDPResponseFromRequest(r, []byte(x.sdp(x.rtp.LocalAddr().(*net.UDPAddr).AddrPort().Port())))
		res.AppendHeader(&sip.ContactHeader{Address: sip.Uri{Scheme: "sip", Host: "127.0.0.1", Port: int(x.addr.Port())}})
		_ = tx.Respond(res)
		m, err := parseSDP(r.Body())
		if err != nil {
			x.t.Errorf("our own offer: %v", err)
			return
		}
		if f != nil {
			f(x, r, res, m.addr)
		}
	}
}

// press sends a key as a phone does: a packet every 20 ms with one timestamp,
// the last three with the end bit.
func (x *exchange) press(from *net.UDPConn, to netip.AddrPort, key byte, kind uint8) {
	stamp := uint32(time.Now().UnixMilli() * 8)
	event := byte(strings.IndexByte(keys, key))
	for i := range 6 {
		b := make([]byte, header+4)
		b[0], b[1] = 0x80, kind
		binary.BigEndian.PutUint16(b[2:], uint16(i))
		binary.BigEndian.PutUint32(b[4:], stamp)
		copy(b[header:], []byte{event, 10, 0, byte(i * 160 & 0xFF)})
		if i >= 3 {
			b[header+1] |= 0x80
		}
		_, _ = from.WriteToUDPAddrPort(b, to)
		<-time.After(5 * time.Millisecond)
	}
}

// pressed waits until so many packets were heard, then presses keys.
func pressed(after int, sequence string) func(*exchange, *sip.Request, sip.ServerTransaction) {
	return answer(func(x *exchange, _ *sip.Request, _ *sip.Response, to netip.AddrPort) {
		x.waitHeard(after)
		for i := range sequence {
			x.press(x.rtp, to, sequence[i], 96)
			<-time.After(40 * time.Millisecond)
		}
	})
}

func (x *exchange) waitHeard(n int) {
	for range 2000 {
		if len(x.heard()) >= n {
			return
		}
		<-time.After(5 * time.Millisecond)
	}
	x.t.Errorf("only %d packets of audio came, want %d", len(x.heard()), n)
}

// phone makes the channel under test with fast settings.
func phone(t *testing.T, server string, change func(*Settings)) *channel {
	t.Helper()
	s := Type().New().(*Settings)
	s.Server, s.CallerID = server, "1000"
	if change != nil {
		change(s)
	}
	if p := s.Problems(); len(p) > 0 {
		t.Fatal(p)
	}
	c, err := newChannel("voice", *s, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func send(t *testing.T, c *channel, within time.Duration) (alerting.Receipt, error) {
	t.Helper()
	return sendPage(t, c, channeltest.Page(), within)
}

func sendPage(t *testing.T, c *channel, p alerting.Page, within time.Duration) (alerting.Receipt, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	begun := time.Now()
	r, err := c.Send(ctx, "+84900000001", p)
	if took := time.Since(begun); took > within+time.Second {
		t.Errorf("came back after %v, the deadline was %v", took, within)
	}
	return r, err
}
