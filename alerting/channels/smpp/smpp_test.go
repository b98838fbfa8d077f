package smpp

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/channels/channeltest"
)

// running starts Run; the returned function stops it and waits.
func running(t *testing.T, c *channel) (chan alerting.Receipt, chan alerting.Reply, func()) {
	t.Helper()
	receipts, replies := make(chan alerting.Receipt), make(chan alerting.Reply)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx, receipts, replies) }()
	for up := false; !up; <-time.After(time.Millisecond) {
		c.mu.Lock()
		up = c.running
		c.mu.Unlock()
	}
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(5 * time.Second):
			t.Error("Run did not end")
		}
	}
	t.Cleanup(stop)
	return receipts, replies, stop
}

func get[T any](t *testing.T, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(5 * time.Second):
		t.Fatalf("no %s came", what)
	}
	return v
}

func send(t *testing.T, c *channel, number string, p alerting.Page) (alerting.Receipt, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	return c.Send(ctx, number, p)
}

// TestBothWays: a page, its receipt with the id in decimal, and replies in one
// and two parts, over TLS.
func TestBothWays(t *testing.T) {
	t.Parallel()
	to := make(chan func(pdu), 1)
	s := centre(t, &smsc{ids: []string{"1A2B"}, bound: func(send func(pdu)) { to <- send }}, true)
	c := sender(t, s, func(set *Settings) { set.TLS, set.CAFile = true, s.ca })
	receipts, replies, stop := running(t, c)
	p := channeltest.Page()
	r, err := send(t, c, "0900 000 001", p)
	if err != nil || r.Status != alerting.Accepted || r.Provider != "1A2B" || r.Page != p.ID {
		t.Fatalf("got %+v, %v", r, err)
	}
	if pw := get(t, s.binds, "bind"); pw != channeltest.Secret {
		t.Errorf("bound with %q", pw)
	}
	m := submitted(t, s)
	if m.to != "84900000001" || m.from != "TRUCBAN" || m.fromTON != 5 || m.coding != 0 || fromGSM(m.body) != p.Short {
		t.Errorf("submitted %+v", m)
	}
	if h := c.Health(t.Context()); !h.OK || h.Values["bound"] != 1 {
		t.Errorf("got %+v", h)
	}

	out := get(t, to, "bind")
	out(message(1, "84900000001", 4, 0, []byte("id:0000006699 sub:001 dlvrd:001 submit date:2611220210 done date:2611220210 stat:DELIVRD err:000 text:")))
	if got := get(t, receipts, "receipt"); got.Page != p.ID || got.Status != alerting.Delivered || got.Provider != "1A2B" {
		t.Errorf("got %+v", got)
	}
	out(message(2, "84900000001", 0, 0, []byte("A 7421")))
	if got := get(t, replies, "reply"); got.From != "+84900000001" || got.Text != "A 7421" || got.Channel != "sms" || got.At.IsZero() {
		t.Errorf("got %+v", got)
	}
	out(message(3, "84900000001", 0x40, 8, append([]byte{5, 0, 3, 7, 2, 2}, toUCS2("nhận 7421")...)))
	out(message(4, "84900000001", 0x40, 8, append([]byte{5, 0, 3, 7, 2, 1}, toUCS2("Tôi ")...)))
	if got := get(t, replies, "reply"); got.Text != "Tôi nhận 7421" {
		t.Errorf("got %+v", got)
	}
	for seq := uint32(1); seq <= 4; seq++ {
		if a := get(t, s.got, "deliver_sm_resp"); a.command != deliverSM|response || a.sequence != seq || a.status != 0 {
			t.Errorf("answered %+v", a)
		}
	}
	stop()
	if last := get(t, s.got, "unbind"); last.command != unbind {
		t.Errorf("at the end came %+v, want unbind", last)
	}
}

func TestLongText(t *testing.T) {
	t.Parallel()
	s := centre(t, &smsc{ids: []string{"a", "b", "c"}}, false)
	c := sender(t, s, nil)
	p := channeltest.Page()
	p.Short = strings.Repeat("Đơn vị ", 20)                  // 140 characters with accents
	if _, err := send(t, c, "+84900000001", p); err != nil { // without Run: a session of its own
		t.Fatal(err)
	}
	text := ""
	for i := range 3 {
		m := submitted(t, s)
		if m.esm != 0x40 || m.coding != 8 || m.body[4] != 3 || int(m.body[5]) != i+1 || len(m.body) > 140 {
			t.Errorf("part %d: %+v", i+1, m)
		}
		text += fromUCS2(m.body[6:])
	}
	if text != p.Short {
		t.Errorf("arrived as %q", text)
	}
	now := time.Now()
	receipt := func(id, stat string) (alerting.Receipt, bool) {
		all := c.sent.receipt(delivered{body: []byte("id:" + id + " stat:" + stat + " err:001")}, now)
		return append(all, alerting.Receipt{})[0], len(all) > 0
	}
	if r, ok := receipt("b", "DELIVRD"); ok {
		t.Errorf("one part of three: %+v", r)
	}
	if r, ok := receipt("a", "ENROUTE"); ok {
		t.Errorf("on the way: %+v", r)
	}
	if r, ok := receipt("a", "UNDELIV"); !ok || r.Status != alerting.Failed || r.Page != p.ID || !strings.Contains(r.Detail, "err 001") {
		t.Errorf("got %+v, %v", r, ok)
	}
	if r, ok := receipt("c", "DELIVRD"); ok {
		t.Errorf("a part of a page that failed: %+v", r)
	}
	if r, ok := receipt("a", "DELIVRD"); ok {
		t.Errorf("the same part again: %+v", r)
	}
	if r, ok := receipt("stranger", "DELIVRD"); !ok || r.Page != "" || !strings.EqualFold(r.Provider, "stranger") {
		t.Errorf("of before a restart: %+v, %v; the outbox knows the provider's id", r, ok)
	}
}

func TestSplit(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		strings.Repeat("x", 160), strings.Repeat("x", 161), strings.Repeat("x", 152) + "€" + strings.Repeat("y", 100),
		strings.Repeat("ă", 70), strings.Repeat("ă", 71), strings.Repeat("ă", 66) + "😀" + strings.Repeat("ă", 9), "",
	} {
		got := ""
		parts := split(text, 9, 10)
		for _, m := range parts {
			if len(m.body) > 160 || m.coding == 8 && len(m.body) > 140 {
				t.Errorf("a part of %d bytes", len(m.body))
			}
			body := m.body
			if m.esm != 0 {
				body = body[6:]
			}
			got += decode(m.coding, body)
		}
		if got != text {
			t.Errorf("%q came as %q in %d parts", text, got, len(parts))
		}
	}
	if n := len(split(strings.Repeat("x", 9999), 1, 4)); n != 4 {
		t.Errorf("%d parts, want it cut at 4", n)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	rows := map[string]struct {
		s         *smsc
		temporary bool
		words     string
	}{
		"wrong password": {&smsc{status: map[uint32]uint32{bindTransceiver: 0x0E}}, false, "password"},
		"bind failed":    {&smsc{status: map[uint32]uint32{bindTransceiver: 0x0D}}, true, "bind failed"},
		"no such number": {&smsc{status: map[uint32]uint32{submitSM: 0x0B}}, false, "no such number"},
		"throttled":      {&smsc{status: map[uint32]uint32{submitSM: 0x58}}, true, "too many"},
		"queue full":     {&smsc{status: map[uint32]uint32{submitSM: 0x14}}, true, "full"},
		"vendor's own":   {&smsc{status: map[uint32]uint32{submitSM: 0x400}}, true, "0x400"},
		"never answers":  {&smsc{mute: map[uint32]bool{submitSM: true}}, true, "may have been sent"},
		"silent":         {&smsc{raw: silent}, true, ""},
		"closes":         {&smsc{raw: func(net.Conn) {}}, true, ""},
		"huge length":    {&smsc{raw: func(c net.Conn) { _, _ = c.Write(append([]byte{0x7f, 0xff, 0xff, 0xff}, make([]byte, 12)...)) }}, true, "not SMPP"},
		"tiny length":    {&smsc{raw: func(c net.Conn) { _, _ = c.Write(make([]byte, 16)) }}, true, "not SMPP"},
		"HTTP":           {&smsc{raw: func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") }}, true, "not SMPP"},
		"drips": {&smsc{raw: func(c net.Conn) {
			for tick := time.Tick(20 * time.Millisecond); ; <-tick {
				if _, err := c.Write([]byte{0}); err != nil {
					return
				}
			}
		}}, true, ""},
	}
	for name, row := range rows {
		for _, withRun := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := row.s
				if !withRun {
					s = centre(t, s, false)
				}
				if withRun {
					s = centre(t, &smsc{status: row.s.status, mute: row.s.mute, raw: row.s.raw}, false)
				}
				c := sender(t, s, nil)
				if withRun {
					running(t, c)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
				defer cancel()
				begun := time.Now()
				_, err := c.Send(ctx, "0900000001", channeltest.Page())
				if err == nil || alerting.Temporary(err) != row.temporary || !strings.Contains(err.Error(), row.words) || strings.Contains(err.Error(), channeltest.Secret) {
					t.Errorf("run %v: got %v (temporary %v), want %q", withRun, err, alerting.Temporary(err), row.words)
				}
				if took := time.Since(begun); took > 3*time.Second {
					t.Errorf("took %v", took)
				}
			})
		}
	}
	for _, number := range []string{"", "viettel", "+", "0900\x00001", strings.Repeat("1", 30)} {
		c := sender(t, centre(t, &smsc{}, false), nil)
		if _, err := c.Send(t.Context(), number, channeltest.Page()); err == nil || alerting.Temporary(err) {
			t.Errorf("number %q: got %v, want a permanent error", number, err)
		}
	}
}

// TestRebind: a centre that drops the line, or is there but dead, is bound to
// again.
func TestRebind(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*smsc{
		"says goodbye": {bound: func(send func(pdu)) { send(pdu{command: unbind, sequence: 1}) }},
		"hostile": {bound: func(send func(pdu)) {
			send(pdu{command: deliverSM, sequence: 1, body: []byte("\x00\x01")})
			send(pdu{command: 0x77, sequence: 2})
			send(pdu{command: unbind})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := centre(t, s, false)
			running(t, sender(t, s, nil))
			get(t, s.binds, "bind")
			get(t, s.binds, "second bind")
		})
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	s := &Settings{Server: "x", SystemID: strings.Repeat("x", 16), Source: "a name that is too long", Country: "0", Enquire: 1, MaxParts: 99}
	var fields []string
	for _, p := range s.Problems() {
		fields = append(fields, p.Field)
	}
	if got := strings.Join(fields, " "); got != "server system_id source country enquire max_parts password_file" {
		t.Errorf("got problems with %q", got)
	}
}

func FuzzDeliver(f *testing.F) {
	f.Add(message(1, "84900000001", 4, 0, []byte("id:1 stat:DELIVRD")).body)
	f.Add(message(1, "84900000001", 0x40, 8, []byte{5, 0, 3, 7, 2, 1, 0, 65}, 0x04, 0x24, 0, 1, 65).body)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := parseDeliver(b)
		if err != nil {
			return
		}
		text, _ := newJoiner().add(d, time.Time{})
		newTracker().receipt(d, time.Time{})
		if len(text) > 4*len(b) {
			t.Errorf("%d bytes of text from %d", len(text), len(b))
		}
		if n := binary.BigEndian.Uint32(pdu{body: b}.encode()); int(n) != len(b)+headerLen {
			t.Errorf("length %d", n)
		}
	})
}
