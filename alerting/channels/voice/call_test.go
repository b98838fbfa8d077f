package voice

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
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

func waitFor(t *testing.T, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(3 * time.Second):
		t.Errorf("no %s came", what)
	}
}

// TestTakenByKey is the whole: answer, speech, key 1, thanks, BYE.
func TestTakenByKey(t *testing.T) {
	t.Parallel()
	recorded := phrase(t, "canh-bao-nghiem-trong", 1500) // espeak-ng never says it twice the same
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			x := newExchange(t, network, pressed(140, "1"))
			c := phone(t, x.addr.String(), func(s *Settings) { s.Transport, s.Phrases = network, recorded })
			r, err := send(t, c, 30*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			t.Log(r.Detail)
			if r.Digits != "1" || r.Status != alerting.Acknowledged || r.Page != "01J-page" || strings.Contains(r.Detail, "beeps") {
				t.Errorf("got %+v", r)
			}
			waitFor(t, x.bye, "BYE")
			want, err := c.speak.say(t.Context(), channeltest.Page().Speech, "vi")
			if err != nil {
				t.Fatal(err)
			}
			checkAudio(t, x.heard(), encode(want, false))
		})
	}
}

// phrase records a sentence of so many milliseconds: a sweep, so that every
// frame of it differs.
func phrase(t *testing.T, name string, ms int) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "vi"), 0o700); err != nil {
		t.Fatal(err)
	}
	n := ms * 8
	b := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(36+2*n))
	b = append(b, "WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(2*n))
	for i := range n {
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(9000*math.Sin(float64(i*i)/2e5))))
	}
	if err := os.WriteFile(filepath.Join(dir, "vi", name+".wav"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// checkAudio holds what was heard against RFC 3550 and the speech wanted.
func checkAudio(t *testing.T, got []heard, speech []byte) {
	t.Helper()
	var all []byte
	var late time.Duration
	for i, h := range got {
		p, ok := parseRTP(h.b)
		if !ok || p.kind != pcma || len(p.payload) != frame {
			t.Fatalf("packet %d: %v, type %d, %d bytes", i, ok, p.kind, len(p.payload))
		}
		if marked := h.b[1]&0x80 != 0; marked != (i == 0) {
			t.Errorf("packet %d: marker is %v", i, marked)
		}
		all = append(all, p.payload...)
		if i == 0 {
			continue
		}
		before := got[i-1].b
		if binary.BigEndian.Uint16(h.b[2:])-binary.BigEndian.Uint16(before[2:]) != 1 || binary.BigEndian.Uint32(h.b[4:])-binary.BigEndian.Uint32(before[4:]) != frame {
			t.Fatalf("packet %d: number or timestamp does not follow", i)
		}
		late = max(late, h.at.Sub(got[0].at)-time.Duration(i)*tick)
	}
	if i := bytes.Index(all, speech); i < 0 {
		t.Errorf("the speech (%d bytes) is not in the %d bytes heard", len(speech), len(all))
	} else if pause := time.Duration(i/8) * time.Millisecond; pause > time.Second {
		t.Errorf("the speech begins after %v", pause)
	}
	span := got[len(got)-1].at.Sub(got[0].at)
	if want := time.Duration(len(got)-1) * tick; span < want-100*time.Millisecond || span > want+2*time.Second {
		t.Errorf("%d packets in %v, want %v", len(got), span, want)
	}
	t.Logf("%d packets in %v; the latest %v behind its time", len(got), span.Round(time.Millisecond), late.Round(time.Millisecond))
}

func TestKeys(t *testing.T) {
	t.Parallel()
	rows := map[string]struct {
		keys   string
		status alerting.Status
	}{
		"sent up": {"2", alerting.Answered}, "cannot": {"9", alerting.Answered}, "corrected": {"91", alerting.Acknowledged},
		"other keys first": {"5#1", alerting.Acknowledged},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newExchange(t, "udp", pressed(10, row.keys))
			r, err := send(t, phone(t, x.addr.String(), nil), 30*time.Second)
			if err != nil || r.Digits != row.keys || r.Status != row.status {
				t.Errorf("got %+v, %v", r, err)
			}
		})
	}
	t.Run("3 says it again", func(t *testing.T) {
		t.Parallel()
		x := newExchange(t, "udp", pressed(60, "31"))
		r, err := send(t, phone(t, x.addr.String(), nil), 30*time.Second)
		if err != nil || r.Digits != "31" || !strings.Contains(r.Detail, "said 2 times") {
			t.Errorf("got %+v, %v", r, err)
		}
	})
	t.Run("by SIP INFO", func(t *testing.T) {
		t.Parallel()
		x := newExchange(t, "udp", answer(func(x *exchange, r *sip.Request, res *sip.Response, _ netip.AddrPort) {
			x.waitHeard(10)
			x.inDialog(r, res, "INFO", "application/dtmf-relay", "Signal=1\r\nDuration=160\r\n")
		}))
		r, err := send(t, phone(t, x.addr.String(), nil), 30*time.Second)
		if err != nil || r.Digits != "1" {
			t.Errorf("got %+v, %v", r, err)
		}
	})
}

// inDialog sends a request of the phone inside the call.
func (x *exchange) inDialog(invite *sip.Request, res *sip.Response, method sip.RequestMethod, kind, body string) *sip.Response {
	req := sip.NewRequest(method, *invite.Contact().Address.Clone())
	from, to := res.To(), invite.From()
	req.AppendHeader(&sip.FromHeader{Address: from.Address, Params: from.Params})
	req.AppendHeader(&sip.ToHeader{Address: to.Address, Params: to.Params})
	req.AppendHeader(sip.HeaderClone(invite.CallID()))
	if body != "" {
		req.AppendHeader(sip.NewHeader("Content-Type", kind))
		req.SetBody([]byte(body))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.t.Context()), 3*time.Second)
	defer cancel()
	got, err := x.client.Do(ctx, req)
	if err != nil {
		x.t.Errorf("%s: %v", method, err)
	}
	return got
}

func TestHangUpAndMailbox(t *testing.T) {
	t.Parallel()
	t.Run("the person hangs up", func(t *testing.T) {
		t.Parallel()
		x := newExchange(t, "udp", answer(func(x *exchange, r *sip.Request, res *sip.Response, _ netip.AddrPort) {
			x.waitHeard(10)
			x.inDialog(r, res, sip.BYE, "", "")
		}))
		r, err := send(t, phone(t, x.addr.String(), nil), 30*time.Second)
		if err != nil || r.Digits != "" || r.Status != alerting.Answered || !strings.Contains(r.Detail, "hung up") {
			t.Errorf("got %+v, %v", r, err)
		}
		if len(x.asked(sip.BYE)) > 0 {
			t.Error("a BYE after the other side's")
		}
	})
	t.Run("a mailbox", func(t *testing.T) {
		t.Parallel()
		x := newExchange(t, "udp", answer(nil))
		r, err := send(t, phone(t, x.addr.String(), nil), 4*time.Second)
		if err != nil || r.Digits != "" || r.Status != alerting.Answered || !strings.Contains(r.Detail, "nothing was pressed") {
			t.Errorf("got %+v, %v", r, err)
		}
		waitFor(t, x.bye, "BYE")
	})
	t.Run("a stranger presses keys and hangs up", func(t *testing.T) {
		t.Parallel()
		x := newExchange(t, "udp", answer(func(x *exchange, r *sip.Request, res *sip.Response, to netip.AddrPort) {
			x.waitHeard(10)
			stranger, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 99)})
			if err != nil {
				x.t.Error(err)
				return
			}
			defer func() { _ = stranger.Close() }()
			x.press(stranger, to, '1', 96)
			other := res.Clone()
			other.To().Params.Remove("tag")
			other.To().Params.Add("tag", "guessed")
			for _, m := range []sip.RequestMethod{sip.BYE, "INFO", sip.INVITE} {
				if got := x.inDialog(r, other, m, "application/dtmf", "1"); got != nil && got.StatusCode != 481 {
					x.t.Errorf("%s of a stranger was answered %d", m, got.StatusCode)
				}
			}
		}))
		r, err := send(t, phone(t, x.addr.String(), nil), 4*time.Second)
		if err != nil || r.Digits != "" || !strings.Contains(r.Detail, "nothing was pressed") {
			t.Errorf("got %+v, %v", r, err)
		}
	})
}

// TestMovedAudio: exchanges send a re-INVITE to take themselves out of the
// path of the audio.
func TestMovedAudio(t *testing.T) {
	t.Parallel()
	elsewhere, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = elsewhere.Close() })
	x := newExchange(t, "udp", answer(func(x *exchange, r *sip.Request, res *sip.Response, to netip.AddrPort) {
		x.waitHeard(10)
		port := elsewhere.LocalAddr().(*net.UDPAddr).AddrPort().Port()
		body := describe(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port), 2, &media{ulaw: true, audio: pcmu, event: 97})
		got := x.inDialog(r, res, sip.INVITE, "application/sdp", body)
		if got == nil || got.StatusCode != 200 {
			x.t.Errorf("the re-INVITE was answered %v", got)
			return
		}
		if m, err := parseSDP(got.Body()); err != nil || !m.ulaw || m.event != 97 || m.addr != to {
			x.t.Errorf("answered with %+v, %v", m, err)
		}
		buf := make([]byte, 2048)
		n, _, err := elsewhere.ReadFromUDPAddrPort(buf)
		if p, ok := parseRTP(buf[:n]); err != nil || !ok || p.kind != pcmu {
			x.t.Errorf("after the move: %+v, %v, %v", p, ok, err)
		}
		x.press(elsewhere, to, '1', 97)
	}))
	r, err := send(t, phone(t, x.addr.String(), nil), 30*time.Second)
	if err != nil || r.Digits != "1" {
		t.Errorf("got %+v, %v", r, err)
	}
}
