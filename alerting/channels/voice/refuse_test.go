package voice

import (
	"context"
	"crypto/md5"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"watchpost.example/alerting"
	"watchpost.example/alerting/channels/channeltest"
)

func TestRefusals(t *testing.T) {
	t.Parallel()
	rows := []struct {
		code      int
		words     string
		temporary bool
	}{
		{486, "busy", true},
		{600, "busy", true},
		{603, "declined", true},
		{480, "out of reach", true},
		{408, "no answer", true},
		{503, "no free line", true},
		{500, "fault", true},
		{404, "no such number", false},
		{484, "incomplete", false},
		{604, "no such number", false},
		{403, "forbids", false},
		{401, "password", false},
		{488, "codec", false},
		{302, "refuses", false}, // a redirect would dial what a stranger says
	}
	for _, row := range rows {
		t.Run(row.words, func(t *testing.T) {
			t.Parallel()
			x := newExchange(t, "udp", func(x *exchange, r *sip.Request, tx sip.ServerTransaction) {
				x.say(r, tx, 180, "Ringing")
				x.say(r, tx, row.code, "No")
			})
			_, err := send(t, phone(t, x.addr.String(), nil), 10*time.Second)
			if err == nil || !strings.Contains(err.Error(), row.words) || alerting.Temporary(err) != row.temporary {
				t.Errorf("%d: got %v (temporary %v), want %q, temporary %v", row.code, err, alerting.Temporary(err), row.words, row.temporary)
			}
			if err != nil && strings.Contains(err.Error(), "900000001") {
				t.Errorf("the number is shown: %v", err)
			}
		})
	}
}

func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	t.Run("it rings on", func(t *testing.T) {
		t.Parallel()
		x := newExchange(t, "udp", func(x *exchange, r *sip.Request, tx sip.ServerTransaction) {
			x.say(r, tx, 180, "Ringing")
			<-tx.Done() // sipgo ends the transaction with the handler
		})
		_, err := send(t, phone(t, x.addr.String(), nil), 3*time.Second)
		if !alerting.Temporary(err) || !strings.Contains(err.Error(), "nobody answered") {
			t.Errorf("got %v", err)
		}
		waitFor(t, x.cancel, "CANCEL")
	})
	t.Run("answered in the very moment", func(t *testing.T) {
		t.Parallel()
		x := newExchange(t, "udp", func(x *exchange, r *sip.Request, tx sip.ServerTransaction) {
			x.say(r, tx, 180, "Ringing")
			<-time.After(1600 * time.Millisecond) // after the deadline of 2 s less its margin
			answer(nil)(x, r, tx)
		})
		if _, err := send(t, phone(t, x.addr.String(), nil), 2*time.Second); !alerting.Temporary(err) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("silence", func(t *testing.T) {
		t.Parallel()
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		x := &exchange{addr: netip.MustParseAddrPort(c.LocalAddr().String())}
		if _, err := send(t, phone(t, x.addr.String(), nil), time.Second); !alerting.Temporary(err) {
			t.Errorf("got %v", err)
		}
		if h := phoneHealth(t, phone(t, x.addr.String(), nil)); h.OK {
			t.Errorf("got %+v", h)
		}
	})
	t.Run("an exchange that never stops talking", func(t *testing.T) {
		t.Parallel()
		x := newExchange(t, "udp", func(x *exchange, r *sip.Request, tx sip.ServerTransaction) {
			for range maxProvisional + 10 {
				x.say(r, tx, 183, "Session Progress")
			}
		})
		if _, err := send(t, phone(t, x.addr.String(), nil), 10*time.Second); !alerting.Temporary(err) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("all lines busy", func(t *testing.T) {
		t.Parallel()
		c := phone(t, "127.0.0.1:9", nil)
		c.lines <- struct{}{}
		if _, err := send(t, c, 400*time.Millisecond); !alerting.Temporary(err) || !strings.Contains(err.Error(), "busy") {
			t.Errorf("got %v", err)
		}
	})
	for _, address := range []string{"", "*21*0900000009#", "sip:x@evil.example", "1", "0900;phone-context=x", "+", "0900\r\nX: y"} {
		c := phone(t, "127.0.0.1:9", nil)
		if _, err := c.Send(t.Context(), address, channeltest.Page()); err == nil || alerting.Temporary(err) {
			t.Errorf("address %q: got %v, want a permanent error", address, err)
		}
	}
}

func phoneHealth(t *testing.T, c *channel) alerting.Health {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	return c.Health(ctx)
}

// TestHostileSDP: an answer without usable audio is hung up on.
func TestHostileSDP(t *testing.T) {
	t.Parallel()
	for name, sdp := range map[string]string{
		"empty": "", "no codec": "v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 4000 RTP/AVP 18\r\n",
		"multicast": "c=IN IP4 224.0.0.1\r\nm=audio 4000 RTP/AVP 8\r\n", "a name": "c=IN IP4 victim.example\r\nm=audio 4000 RTP/AVP 8\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newExchange(t, "udp", func(x *exchange, r *sip.Request, tx sip.ServerTransaction) {
				x.sdp = func(uint16) string { return sdp }
				answer(nil)(x, r, tx)
			})
			if _, err := send(t, phone(t, x.addr.String(), nil), 10*time.Second); err == nil || alerting.Temporary(err) {
				t.Errorf("got %v", err)
			}
			waitFor(t, x.bye, "BYE")
		})
	}
}

// TestNoVoice: without espeak-ng the phone rings all the same.
func TestNoVoice(t *testing.T) {
	t.Parallel()
	x := newExchange(t, "udp", pressed(60, "1"))
	c := phone(t, x.addr.String(), nil)
	c.speak.program = "/nowhere/espeak-ng"
	r, err := send(t, c, 30*time.Second)
	if err != nil || r.Digits != "1" || !strings.Contains(r.Detail, "beeps") {
		t.Errorf("got %+v, %v", r, err)
	}
}

const realm = `Digest realm="duty", nonce="abc123", algorithm=MD5, qop="auth"`

// allowed checks the digest of a request; it challenges when there is none.
func (x *exchange) allowed(r *sip.Request, tx sip.ServerTransaction, challenge, header string, code int) bool {
	h := r.GetHeader(header)
	if h == nil {
		res := sip.NewResponseFromRequest(r, code, "Who are you", nil)
		res.AppendHeader(sip.NewHeader(challenge, realm))
		_ = tx.Respond(res)
		return false
	}
	field := func(name string) string {
		_, rest, _ := strings.Cut(h.Value(), name+"=")
		rest, _, _ = strings.Cut(rest, ",")
		return strings.Trim(rest, `" `)
	}
	sum := func(s ...string) string { return fmt.Sprintf("%x", md5.Sum([]byte(strings.Join(s, ":")))) } // RFC 2617
	want := sum(sum("duty", "duty", channeltest.Secret), "abc123", field("nc"), field("cnonce"), "auth", sum(r.Method.String(), field(" uri")))
	if field("response") != want {
		x.say(r, tx, 403, "Forbidden")
		return false
	}
	return true
}

func (x *exchange) registrar(r *sip.Request, tx sip.ServerTransaction) {
	if x.allowed(r, tx, "WWW-Authenticate", "Authorization", 401) {
		res := sip.NewResponseFromRequest(r, 200, "OK", nil)
		res.AppendHeader(sip.NewHeader("Expires", "60"))
		_ = tx.Respond(res)
	}
}

func TestPassword(t *testing.T) {
	t.Parallel()
	guarded := func(x *exchange, r *sip.Request, tx sip.ServerTransaction) {
		if x.allowed(r, tx, "Proxy-Authenticate", "Proxy-Authorization", 407) {
			pressed(10, "1")(x, r, tx)
		}
	}
	t.Run("right", func(t *testing.T) {
		t.Parallel()
		x := newExchange(t, "udp", guarded)
		c := phone(t, x.addr.String(), func(s *Settings) { s.Username, s.PasswordFile = "duty", channeltest.SecretFile(t) })
		if r, err := send(t, c, 30*time.Second); err != nil || r.Digits != "1" {
			t.Errorf("got %+v, %v", r, err)
		}
	})
	t.Run("wrong", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "pw")
		if err := os.WriteFile(file, []byte("wrong-pa55word"), 0o600); err != nil {
			t.Fatal(err)
		}
		x := newExchange(t, "udp", guarded)
		c := phone(t, x.addr.String(), func(s *Settings) { s.Username, s.PasswordFile = "duty", file })
		if _, err := send(t, c, 10*time.Second); err == nil || alerting.Temporary(err) || strings.Contains(err.Error(), "wrong-pa55word") {
			t.Errorf("got %v, want a permanent error without the password", err)
		}
	})
}

func TestRegistration(t *testing.T) {
	t.Parallel()
	x := newExchange(t, "udp", nil)
	c := phone(t, x.addr.String(), func(s *Settings) {
		s.Username, s.PasswordFile, s.Register = "duty", channeltest.SecretFile(t), true
	})
	if h := phoneHealth(t, c); h.OK || h.Values["registered"] != 0 {
		t.Errorf("before: got %+v", h)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx, nil, nil) }()
	for range 1000 {
		if ok, _ := c.reg.get(); ok {
			break
		}
		<-time.After(5 * time.Millisecond)
	}
	if h := phoneHealth(t, c); !h.OK || h.Values["registered"] != 1 || h.Values["exchange_rtt_seconds"] == 0 {
		t.Errorf("got %+v", h)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	all := x.asked(sip.REGISTER)
	if last := all[len(all)-1]; last.GetHeader("Expires").Value() != "0" {
		t.Errorf("the registration was not given up at the end: %s", last)
	}
}
