package voice

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"watchpost.example/alerting"
	"watchpost.example/alerting/channels/channeltest"
	"watchpost.example/internal/phonerig"
	"watchpost.example/internal/testneed"
)

// TestHostileSipp: what telephone networks do, played by the real sipp. Nothing
// but key 1 acknowledges.
func TestHostileSipp(t *testing.T) {
	t.Parallel()
	testneed.Program(t, "espeak-ng")
	const voice = `<nop><action><exec play_pcap_audio="/usr/share/sip-tester/g711a.pcap"/></action></nop>` + "\n"
	challenge := func(nonce string) string {
		return strings.Replace(phonerig.Reply("401 Unauthorized", ""), "Content-Length", `WWW-Authenticate: Digest realm="duty", algorithm=MD5, qop="auth", nonce="`+nonce+"\"\nContent-Length", 1) + phonerig.Ack
	}
	rows := []struct {
		name, parts string
		within      time.Duration
		status      alerting.Status // "" = an error
		digits      string
		words       string // in the detail or the error
		temporary   bool
	}{
		{
			"an announcement before, a mailbox after", phonerig.Invite + phonerig.Reply("183 Session Progress", phonerig.Audio) + voice + phonerig.Pause(time.Second) +
				phonerig.Reply("200 OK", phonerig.Audio) + phonerig.Ack + voice + phonerig.Bye,
			7 * time.Second, alerting.Answered, "", "nothing was pressed", false,
		},
		{
			"an announcement, then nobody", phonerig.Invite + phonerig.Reply("183 Session Progress", phonerig.Audio) + voice + phonerig.Pause(time.Second) +
				phonerig.Reply("480 Temporarily Unavailable", "") + phonerig.Ack,
			20 * time.Second, "", "", "out of reach", true,
		},
		{
			"key 1 in the announcement", phonerig.Invite + phonerig.Reply("183 Session Progress", phonerig.Audio) + phonerig.Press("1") + phonerig.Pause(time.Second) +
				phonerig.Reply("200 OK", phonerig.Audio) + phonerig.Ack + phonerig.Bye,
			7 * time.Second, alerting.Answered, "", "nothing was pressed", false,
		},
		{
			"a wrong key", phonerig.Invite + phonerig.Ringing + phonerig.Reply("200 OK", phonerig.Audio) + phonerig.Ack + phonerig.Pause(time.Second) + phonerig.Press("5") + phonerig.Bye,
			7 * time.Second, alerting.Answered, "5", "nothing was pressed", false,
		},
		{
			"nobody there but the line", phonerig.Invite + phonerig.Ringing + phonerig.Reply("200 OK", phonerig.Audio) + phonerig.Ack + phonerig.Bye,
			5 * time.Second, alerting.Answered, "", "no audio came from the phone", false,
		},
		{
			"new challenges without end", phonerig.Invite + challenge("a1") + `<recv request="INVITE"/>` + challenge("b2"),
			20 * time.Second, "", "", "password", false,
		},
		{
			"redirects to itself", phonerig.Invite + phonerig.Reply("302 Moved Temporarily", "") + phonerig.Ack,
			20 * time.Second, "", "", "refuses", false,
		},
		{
			"busy", phonerig.Invite + phonerig.Ringing + phonerig.Reply("486 Busy Here", "") + phonerig.Ack,
			20 * time.Second, "", "", "busy", true,
		},
	}
	for i, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			p := phonerig.StartSipp(t, fmt.Sprintf("127.0.77.%d", 10+i), row.parts, 1)
			c := phone(t, p.Addr, func(s *Settings) { s.Username, s.PasswordFile = "duty", channeltest.SecretFile(t) })
			r, err := send(t, c, row.within)
			said := r.Detail
			if err != nil {
				said = err.Error()
			}
			t.Log(said)
			if (err == nil) != (row.status != "") || r.Status != row.status || r.Digits != row.digits || !strings.Contains(said, row.words) {
				t.Errorf("got %+v, %v; want %q, keys %q, %q", r, err, row.status, row.digits, row.words)
			}
			if err != nil && alerting.Temporary(err) != row.temporary {
				t.Errorf("temporary is %v for: %v", !row.temporary, err)
			}
			if err := p.Wait(10 * time.Second); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestKeysBeforeTheAnswer: a key by SIP INFO before anybody answered.
func TestKeysBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	x := newExchange(t, "udp", func(x *exchange, r *sip.Request, tx sip.ServerTransaction) {
		early := x.say(r, tx, 183, "Session Progress")
		done := make(chan struct{})
		go func() {
			defer close(done)
			if got := x.inDialog(r, early, "INFO", "application/dtmf", "1"); got == nil || got.StatusCode != 481 {
				x.t.Errorf("INFO before the answer was answered %v, want 481", got)
			}
		}()
		<-time.After(300 * time.Millisecond) // not long enough for it to be kept until the answer
		defer func() { <-done }()
		res := sip.NewSDPResponseFromRequest(r, []byte(x.sdp(x.rtp.LocalAddr().(*net.UDPAddr).AddrPort().Port())))
		res.To().Params.Remove("tag")
		res.To().Params.Add("tag", tagOf(early.To().Params)) // the very phone that sent the key
		res.AppendHeader(&sip.ContactHeader{Address: sip.Uri{Scheme: "sip", Host: "127.0.0.1", Port: int(x.addr.Port())}})
		_ = tx.Respond(res)
	})
	r, err := send(t, phone(t, x.addr.String(), nil), 4*time.Second)
	if err != nil || r.Status != alerting.Answered || r.Digits != "" {
		t.Errorf("got %+v, %v", r, err)
	}
}

// untilBye sends again and again, as RFC 3261 section 13.3.1.4 has it for an
// answer that is not acknowledged, until a BYE comes.
func (x *exchange) untilBye(send func()) {
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	end := time.After(5 * time.Second)
	for {
		send()
		select {
		case <-x.bye:
			return
		case <-end:
			x.t.Error("no BYE to the other phone came")
			return
		case <-again.C:
		}
	}
}

// TestTwoAnswer: a call that rings at two phones is answered by both. One
// is hung up on, the key of the other counts.
func TestTwoAnswer(t *testing.T) {
	t.Parallel()
	x := newExchange(t, "udp", answer(func(x *exchange, r *sip.Request, res *sip.Response, to netip.AddrPort) {
		second := res.Clone()
		second.To().Params.Remove("tag")
		second.To().Params.Add("tag", "second-phone")
		x.untilBye(func() { // each says so until it is acknowledged
			for _, a := range []*sip.Response{second, res} {
				if _, err := x.conn.WriteTo([]byte(a.String()), net.UDPAddrFromAddrPort(netip.MustParseAddrPort(r.Source()))); err != nil {
					x.t.Error(err)
				}
			}
		})
		x.waitHeard(10)
		x.press(x.rtp, to, '1', 96)
	}))
	r, err := send(t, phone(t, x.addr.String(), nil), 20*time.Second)
	if err != nil || r.Digits != "1" || r.Status != alerting.Acknowledged {
		t.Errorf("got %+v, %v", r, err)
	}
	waitFor(t, x.bye, "BYE to the phone that took it")
	byes := x.asked(sip.BYE)
	// Which of the two comes first is not ours to say.
	if len(byes) != 2 || (tagOf(byes[0].To().Params) == "second-phone") == (tagOf(byes[1].To().Params) == "second-phone") {
		t.Errorf("%d BYEs: %v", len(byes), byes)
	}
}

// TestHangsUpAtOnce: the BYE is on the wire right behind the answer.
func TestHangsUpAtOnce(t *testing.T) {
	t.Parallel()
	for range 5 {
		x := newExchange(t, "udp", answer(func(x *exchange, r *sip.Request, res *sip.Response, _ netip.AddrPort) {
			if got := x.inDialog(r, res, sip.BYE, "", ""); got == nil || got.StatusCode != 200 {
				x.t.Errorf("the BYE was answered %v, want 200", got)
			}
		}))
		begun := time.Now()
		r, err := send(t, phone(t, x.addr.String(), nil), 20*time.Second)
		if err != nil || r.Status != alerting.Answered || !strings.Contains(r.Detail, endHungUp) || time.Since(begun) > 10*time.Second {
			t.Errorf("got %+v, %v after %v", r, err, time.Since(begun))
		}
	}
}

// TestHold: on hold we keep quiet, and say it from the beginning after.
func TestHold(t *testing.T) {
	t.Parallel()
	for name, hold := range map[string]string{"sendonly": "c=IN IP4 127.0.0.1|a=sendonly|recvonly", "inactive": "c=IN IP4 127.0.0.1|a=inactive|inactive", "the old way": "c=IN IP4 0.0.0.0|a=x|inactive"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var quiet atomic.Int64
			x := newExchange(t, "udp", answer(func(x *exchange, r *sip.Request, res *sip.Response, to netip.AddrPort) {
				x.waitHeard(50)
				f := strings.Split(hold, "|")
				port := x.rtp.LocalAddr().(*net.UDPAddr).Port
				sdp := fmt.Sprintf("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\n%s\r\nt=0 0\r\nm=audio %d RTP/AVP 8 96\r\na=rtpmap:96 telephone-event/8000\r\n%s\r\n", f[0], port, f[1])
				got := x.inDialog(r, res, sip.INVITE, "application/sdp", sdp)
				if got == nil || got.StatusCode != 200 || !strings.Contains(string(got.Body()), "a="+f[2]+"\r\n") {
					x.t.Errorf("hold was answered %v", got)
					return
				}
				<-time.After(100 * time.Millisecond)
				before := len(x.heard())
				<-time.After(500 * time.Millisecond)
				quiet.Store(int64(len(x.heard()) - before))
				x.inDialog(r, res, sip.INVITE, "application/sdp", goodSDP(uint16(port)))
				x.waitHeard(before + 60)
				x.press(x.rtp, to, '1', 96)
			}))
			r, err := send(t, phone(t, x.addr.String(), nil), 30*time.Second)
			if err != nil || r.Digits != "1" || !strings.Contains(r.Detail, "on hold 1 times") || !strings.Contains(r.Detail, "said 2 times") {
				t.Errorf("got %+v, %v", r, err)
			}
			if n := quiet.Load(); n != 0 {
				t.Errorf("%d packets of speech went to a phone on hold", n)
			}
		})
	}
}

// TestAudioFromElsewhere: the call goes on, keys from there do not count, and
// the journal says why.
func TestAudioFromElsewhere(t *testing.T) {
	t.Parallel()
	x := newExchange(t, "udp", answer(func(x *exchange, _ *sip.Request, _ *sip.Response, to netip.AddrPort) {
		third, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 98)})
		if err != nil {
			x.t.Error(err)
			return
		}
		defer func() { _ = third.Close() }()
		x.waitHeard(10)
		x.press(third, to, '1', 96)
	}))
	r, err := send(t, phone(t, x.addr.String(), nil), 8*time.Second)
	if err != nil || r.Digits != "" || r.Status != alerting.Answered || !strings.Contains(r.Detail, "a host that the exchange did not name") {
		t.Errorf("got %+v, %v", r, err)
	}
}

// TestSlowExchange: it begins to ring when we have given up, and must not ring on.
func TestSlowExchange(t *testing.T) {
	t.Parallel()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	canceled := make(chan struct{})
	go func() {
		buf := make([]byte, 4096)
		for rang := false; ; {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			switch {
			case strings.HasPrefix(string(buf[:n]), "CANCEL "):
				close(canceled)
				return
			case !rang: // the deadline of 6 s less its margin of 1.5 s has passed before it rings
				rang = true
				var ringing strings.Builder
				ringing.WriteString("SIP/2.0 180 Ringing\r\n")
				for line := range strings.SplitSeq(string(buf[:n]), "\r\n") {
					switch name, _, _ := strings.Cut(line, ":"); name {
					case "Via", "From", "To", "Call-ID", "CSeq":
						ringing.WriteString(line + "\r\n")
					}
				}
				ringing.WriteString("Content-Length: 0\r\n\r\n")
				time.AfterFunc(4900*time.Millisecond, func() { _, _ = c.WriteTo([]byte(ringing.String()), from) })
			}
		}
	}()
	if _, err := send(t, phone(t, c.LocalAddr().String(), nil), 6*time.Second); !alerting.Temporary(err) {
		t.Errorf("got %v", err)
	}
	waitFor(t, canceled, "CANCEL")
}

// TestFlippingRegistrar: refused, taken, refused: Health follows, and the
// password is tried once a time.
func TestFlippingRegistrar(t *testing.T) {
	t.Parallel()
	x := newExchange(t, "udp", nil)
	var refuse atomic.Bool
	refuse.Store(true)
	x.mu.Lock()
	x.register = func(x *exchange, r *sip.Request, tx sip.ServerTransaction) {
		if refuse.Load() {
			res := sip.NewResponseFromRequest(r, 401, "Again", nil)
			res.AppendHeader(sip.NewHeader("WWW-Authenticate", fmt.Sprintf(`Digest realm="duty", nonce="n%d", algorithm=MD5`, time.Now().UnixNano())))
			_ = tx.Respond(res)
			return
		}
		x.registrar(r, tx)
	}
	x.mu.Unlock()
	c := phone(t, x.addr.String(), func(s *Settings) {
		s.Username, s.PasswordFile, s.Register = "duty", channeltest.SecretFile(t), true
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx, nil, nil) }()
	until := func(ok bool, what string) {
		t.Helper()
		for range 2000 {
			if got, err := c.reg.get(); got == ok && (ok || err != nil) {
				return
			}
			<-time.After(5 * time.Millisecond)
		}
		t.Errorf("never %s", what)
	}
	until(false, "refused")
	if h := phoneHealth(t, c); h.OK || !strings.Contains(h.Detail, "password") || strings.Contains(h.Detail, channeltest.Secret) {
		t.Errorf("refused: %+v", h)
	}
	if n := len(x.asked(sip.REGISTER)); n > 4 {
		t.Errorf("%d REGISTERs for a refused password", n)
	}
	refuse.Store(false)
	until(true, "registered")
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
