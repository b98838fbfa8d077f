package voice

import (
	"net"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"watchpost.example/alerting"
	"watchpost.example/alerting/channels/channeltest"
)

// at is a phone at an exchange that answers a call so.
func at(invite func(*exchange, *sip.Request, sip.ServerTransaction)) func(*testing.T) alerting.Channel {
	return func(t *testing.T) alerting.Channel {
		t.Helper()
		return phone(t, newExchange(t, "udp", invite).addr.String(), func(s *Settings) { s.Username, s.PasswordFile = "duty", channeltest.SecretFile(t) })
	}
}

func refuses(code int) func(*testing.T) alerting.Channel {
	return at(func(x *exchange, r *sip.Request, tx sip.ServerTransaction) {
		x.say(r, tx, 180, "Ringing")
		x.say(r, tx, code, "No "+channeltest.Secret)
	})
}

// raw is a UDP socket that is no exchange.
func raw(answer string) func(*testing.T) alerting.Channel {
	return func(t *testing.T) alerting.Channel {
		t.Helper()
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		go func() {
			buf := make([]byte, 4096)
			for {
				_, from, err := c.ReadFrom(buf)
				if err != nil {
					return
				}
				if answer != "" {
					_, _ = c.WriteTo([]byte(answer), from)
				}
			}
		}()
		return phone(t, c.LocalAddr().String(), nil)
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	const number, soon = "+84900000001", 3 * time.Second
	status := func(want alerting.Status) func(*testing.T, alerting.Receipt, error) {
		return func(t *testing.T, r alerting.Receipt, _ error) {
			t.Helper()
			if r.Status != want {
				t.Errorf("status %q, want %q", r.Status, want)
			}
		}
	}
	channeltest.Table(t, "README.md", []channeltest.Case{
		{Name: "accepts: key 1", Make: at(pressed(10, "1")), Address: number, Want: channeltest.Accepted, Within: 20 * time.Second, More: status(alerting.Acknowledged)},
		{Name: "accepts: picked up, no key (a mailbox)", Make: at(answer(nil)), Address: number, Want: channeltest.Accepted, Within: 5 * time.Second, More: status(alerting.Answered)},
		{Name: "refuses for now: busy (486)", Make: refuses(486), Address: number, Want: channeltest.Temporary, Words: "busy"},
		{Name: "refuses for now: declined (603)", Make: refuses(603), Address: number, Want: channeltest.Temporary, Words: "declined"},
		{Name: "refuses for now: off or out of reach (480)", Make: refuses(480), Address: number, Want: channeltest.Temporary, Words: "out of reach"},
		{Name: "refuses for now: no free line (503 with Retry-After)", Make: at(func(x *exchange, r *sip.Request, tx sip.ServerTransaction) {
			res := sip.NewResponseFromRequest(r, 503, "Full", nil)
			res.AppendHeader(sip.NewHeader("Retry-After", "18 (all lines busy);duration=60"))
			_ = tx.Respond(res)
		}), Address: number, Want: channeltest.Temporary, Words: "no free line", More: func(t *testing.T, _ alerting.Receipt, err error) {
			t.Helper()
			if got := alerting.RetryAfter(err); got != 18*time.Second {
				t.Errorf("to be left alone for %v", got)
			}
		}},
		{Name: "refuses for good: wants a password and none is set", Make: func(t *testing.T) alerting.Channel {
			t.Helper()
			x := newExchange(t, "udp", func(x *exchange, r *sip.Request, tx sip.ServerTransaction) {
				res := sip.NewResponseFromRequest(r, 407, "Who", nil)
				res.AppendHeader(sip.NewHeader("Proxy-Authenticate", realm))
				_ = tx.Respond(res)
			})
			return phone(t, x.addr.String(), nil)
		}, Address: number, Want: channeltest.Permanent, Words: "no password_file"},
		{Name: "refuses for now: a fault (500)", Make: refuses(500), Address: number, Want: channeltest.Temporary},
		{Name: "refuses for good: no such number (404)", Make: refuses(404), Address: number, Want: channeltest.Permanent, Words: "no such number"},
		{Name: "refuses for good: forbidden (403)", Make: refuses(403), Address: number, Want: channeltest.Permanent, Words: "forbids"},
		{Name: "refuses for good: challenges again and again (401)", Make: at(func(x *exchange, r *sip.Request, tx sip.ServerTransaction) {
			res := sip.NewResponseFromRequest(r, 401, "Again", nil)
			res.AppendHeader(sip.NewHeader("WWW-Authenticate", `Digest realm="duty", algorithm=MD5, nonce="`+sip.GenerateTagN(9)+`"`))
			_ = tx.Respond(res)
			if n := len(x.asked(sip.INVITE)); n > 2 {
				x.t.Errorf("%d INVITEs", n)
			}
		}), Address: number, Want: channeltest.Permanent, Words: "password"},
		{Name: "refuses for good: redirects (302)", Make: refuses(302), Address: number, Want: channeltest.Permanent},
		{Name: "rings and rings", Make: at(func(x *exchange, r *sip.Request, tx sip.ServerTransaction) {
			x.say(r, tx, 180, "Ringing")
			<-tx.Done()
		}), Address: number, Want: channeltest.Temporary, Within: soon, Words: "nobody answered"},
		{Name: "answers without usable audio", Make: at(func(x *exchange, r *sip.Request, tx sip.ServerTransaction) {
			x.sdp = func(uint16) string { return "v=0\r\nm=audio x RTP/AVP 8\r\n" }
			answer(nil)(x, r, tx)
		}), Address: number, Want: channeltest.Permanent, Words: "codec"},
		{Name: "takes it and says nothing", Make: raw(""), Address: number, Want: channeltest.Temporary, Within: soon},
		{Name: "answers what is no SIP", Make: raw("HTTP/1.1 400 Bad Request\r\n\r\n"), Address: number, Want: channeltest.Temporary, Within: soon},
		{Name: "nobody listens", Make: func(t *testing.T) alerting.Channel { t.Helper(); return phone(t, "127.0.0.1:9", nil) }, Address: number, Want: channeltest.Temporary, Within: soon},
		{Name: "an address that is none", Make: raw(""), Address: "*21*0900000009#", Want: channeltest.Permanent},
	}, "closes at once") // UDP has nothing to close
}
