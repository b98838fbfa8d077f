package smpp

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/channels/channeltest"
)

// at is a sender whose centre behaves so.
func at(s *smsc) func(*testing.T) alerting.Channel {
	return func(t *testing.T) alerting.Channel {
		t.Helper()
		return sender(t, centre(t, s, false), nil)
	}
}

func refuses(status uint32) *smsc { return &smsc{status: map[uint32]uint32{submitSM: status}} }

// after binds properly and then does something else with the submission.
func after(do func(c net.Conn, p pdu)) *smsc {
	return &smsc{raw: func(c net.Conn) {
		for {
			p, err := readPDU(c)
			if err != nil {
				return
			}
			if p.command == submitSM {
				do(c, p)
				return
			}
			_, _ = c.Write(pdu{command: p.command | response, sequence: p.sequence, body: []byte("centre\x00")}.encode())
		}
	}}
}

func answerSubmit(p pdu) []byte {
	return pdu{command: submitSM | response, sequence: p.sequence, body: []byte("m1\x00")}.encode()
}

func TestConformance(t *testing.T) {
	t.Parallel()
	huge := make([]byte, headerLen)
	binary.BigEndian.PutUint32(huge, 0xFFFFFFF0)
	const soon = 1500 * time.Millisecond
	number := "0900000001"
	channeltest.Table(t, "README.md", []channeltest.Case{
		{Name: "accepts", Make: at(&smsc{}), Address: number, Want: channeltest.Accepted},
		{Name: "refuses for now: throttled (0x58)", Make: at(refuses(0x58)), Address: number, Want: channeltest.Temporary, Words: "too many messages"},
		{Name: "refuses for now: queue full (0x14)", Make: at(refuses(0x14)), Address: number, Want: channeltest.Temporary, Words: "queue is full"},
		{Name: "refuses for now: a fault (0x08)", Make: at(refuses(0x08)), Address: number, Want: channeltest.Temporary},
		{Name: "refuses for now: a status of its own (0x400)", Make: at(refuses(0x400)), Address: number, Want: channeltest.Temporary, Words: "0x400"},
		{Name: "refuses for good: no such number (0x0b)", Make: at(refuses(0x0B)), Address: number, Want: channeltest.Permanent, Words: "no such number"},
		{Name: "refuses for good: the sender is not allowed (0x0a)", Make: at(refuses(0x0A)), Address: number, Want: channeltest.Permanent},
		{Name: "refuses for good: the password (0x0e)", Make: at(&smsc{status: map[uint32]uint32{bindTransceiver: 0x0E}}), Address: number, Want: channeltest.Permanent, Words: "password is refused"},
		{Name: "does not answer the bind", Make: at(&smsc{mute: map[uint32]bool{bindTransceiver: true}}), Address: number, Want: channeltest.Temporary, Within: soon},
		{Name: "takes it and says nothing", Make: at(&smsc{mute: map[uint32]bool{submitSM: true}}), Address: number, Want: channeltest.Temporary, Within: soon, Words: "may have been sent"},
		{Name: "closes at once", Make: at(&smsc{raw: func(net.Conn) {}}), Address: number, Want: channeltest.Temporary},
		{Name: "drops the line after the message", Make: at(after(func(net.Conn, pdu) {})), Address: number, Want: channeltest.Temporary, Words: "may have been sent"},
		{Name: "answers half a PDU", Make: at(after(func(c net.Conn, p pdu) {
			_, _ = c.Write(answerSubmit(p)[:9])
			silent(c)
		})), Address: number, Want: channeltest.Temporary, Within: soon},
		{Name: "answers in single bytes", Make: at(after(func(c net.Conn, p pdu) {
			for _, b := range answerSubmit(p) {
				_, _ = c.Write([]byte{b})
			}
			silent(c)
		})), Address: number, Want: channeltest.Accepted},
		{Name: "says that 4 GiB follow", Make: at(after(func(c net.Conn, _ pdu) { _, _ = c.Write(huge); silent(c) })), Address: number, Want: channeltest.Temporary},
		{Name: "says goodbye (unbind) instead of an answer", Make: at(after(func(c net.Conn, _ pdu) { _, _ = c.Write(pdu{command: unbind, sequence: 7}.encode()); silent(c) })), Address: number, Want: channeltest.Temporary},
		{Name: "answers with another command's answer", Make: at(after(func(c net.Conn, p pdu) {
			_, _ = c.Write(pdu{command: enquireLink | response, sequence: p.sequence}.encode())
			silent(c)
		})), Address: number, Want: channeltest.Temporary},
		{Name: "does not know the command (generic_nack)", Make: at(after(func(c net.Conn, p pdu) {
			_, _ = c.Write(pdu{command: genericNack, status: 0x03, sequence: p.sequence}.encode())
			silent(c)
		})), Address: number, Want: channeltest.Permanent},
		{Name: "answers another message first", Make: at(after(func(c net.Conn, p pdu) {
			_, _ = c.Write(pdu{command: submitSM | response, status: 0x0B, sequence: p.sequence + 9}.encode())
			_, _ = c.Write(answerSubmit(p))
			silent(c)
		})), Address: number, Want: channeltest.Accepted},
		{Name: "speaks HTTP", Make: at(&smsc{raw: func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") }}), Address: number, Want: channeltest.Temporary},
		{Name: "nobody listens", Make: func(t *testing.T) alerting.Channel {
			t.Helper()
			s := centre(t, &smsc{}, false)
			_ = s.l.Close()
			return sender(t, s, nil)
		}, Address: number, Want: channeltest.Temporary},
		{Name: "an address that is none", Make: at(&smsc{}), Address: "viettel", Want: channeltest.Permanent},
	})
}

// TestReceipts: out of order, twice, faster than the answer, of nobody, and of
// a page before a restart.
func TestReceipts(t *testing.T) {
	t.Parallel()
	now := time.Now()
	note := func(tr *tracker, id, stat string) []alerting.Receipt {
		return tr.receipt(delivered{body: []byte("id:" + id + " stat:" + stat)}, now)
	}
	one := func(t *testing.T, got []alerting.Receipt, page string, status alerting.Status) {
		t.Helper()
		if len(got) != 1 || got[0].Page != page || got[0].Status != status {
			t.Errorf("got %+v, want one of %s: %s", got, page, status)
		}
	}
	none := func(t *testing.T, got []alerting.Receipt, what string) {
		t.Helper()
		if len(got) > 0 {
			t.Errorf("%s: got %+v", what, got)
		}
	}
	t.Run("out of order and twice", func(t *testing.T) {
		t.Parallel()
		tr := newTracker()
		tr.add("p", []string{"a", "b"}, now)
		tr.add("q", []string{"c"}, now)
		none(t, note(tr, "b", "DELIVRD"), "one part of two")
		none(t, note(tr, "b", "DELIVRD"), "the same part again")
		none(t, note(tr, "b", "EXPIRED"), "expired after it was delivered, with a part still on the way")
		one(t, note(tr, "c", "DELIVRD"), "q", alerting.Delivered)
		one(t, note(tr, "a", "DELIVRD"), "p", alerting.Delivered)
		none(t, note(tr, "a", "EXPIRED"), "expired after it was delivered")
		none(t, note(tr, "c", "DELIVRD"), "delivered twice")
		none(t, note(tr, "a", "ENROUTE"), "on the way")
		none(t, note(tr, "a", "WHATEVER"), "a word that is none")
	})
	t.Run("faster than the answer", func(t *testing.T) {
		t.Parallel()
		tr := newTracker()
		note(tr, "x1", "DELIVRD")
		if r := tr.add("p", []string{"x1"}, now); r.Status != alerting.Delivered || r.Page != "p" {
			t.Errorf("got %+v", r)
		}
		none(t, note(tr, "x1", "DELIVRD"), "again")
		note(tr, "y1", "DELIVRD")
		if r := tr.add("q", []string{"y1", "y2"}, now); r.Status != "" {
			t.Errorf("one part of two: %+v", r)
		}
		one(t, note(tr, "y2", "DELIVRD"), "q", alerting.Delivered)
		note(tr, "z1", "UNDELIV")
		if r := tr.add("r", []string{"z1"}, now.Add(2*earlyFor)); r.Status != "" {
			t.Errorf("of long ago, perhaps of another message with this id: %+v", r)
		}
	})
	t.Run("of a page before a restart", func(t *testing.T) {
		t.Parallel()
		tr := newTracker()
		got := map[string]bool{}
		for _, r := range note(tr, "0000006699", "DELIVRD") {
			if r.Page != "" || r.Status != alerting.Delivered {
				t.Errorf("got %+v", r)
			}
			got[r.Provider] = true
		}
		if !got["1A2B"] || !got["1a2b"] || !got["6699"] || !got["0000006699"] {
			t.Errorf("the outbox is asked for %v, the submission had 1A2B", got)
		}
	})
	t.Run("numbers that are others in the other system", func(t *testing.T) {
		t.Parallel()
		tr := newTracker()
		tr.add("p", []string{"16"}, now)
		tr.add("q", []string{"17"}, now)
		one(t, note(tr, "17", "DELIVRD"), "q", alerting.Delivered) // this centre gives its ids as they are
		for _, r := range note(tr, "10", "DELIVRD") {              // 0x10 is 16
			if r.Page != "" || r.Provider != "10" {
				t.Errorf("the receipt of message 10 counts for %+v", r)
			}
		}
	})
	t.Run("a flood of strangers", func(t *testing.T) {
		t.Parallel()
		tr := newTracker()
		for i := range 3 * maxTracked {
			id := strings.Repeat("x", 3) + string(rune('A'+i%26)) + time.Duration(i).String()
			tr.told(alerting.Receipt{Provider: id, Status: alerting.Delivered, At: now})
			if i%3 == 0 {
				tr.add("p", []string{id + "m"}, now.Add(time.Duration(i)))
			}
		}
		if len(tr.early) > maxTracked+1 || len(tr.pages) > maxTracked+1 {
			t.Errorf("%d early, %d awaited", len(tr.early), len(tr.pages))
		}
		newest := "xxxA0s"
		tr.add("newest", []string{newest}, now.Add(time.Hour))
		one(t, note(tr, newest, "UNDELIV"), "newest", alerting.Failed)
	})
}

// TestFasterThanTheAnswer: the receipt is on the line before submit_sm_resp.
func TestFasterThanTheAnswer(t *testing.T) {
	t.Parallel()
	s := centre(t, after(func(c net.Conn, p pdu) {
		_, _ = c.Write(message(1, "84900000001", 4, 0, []byte("id:m1 stat:UNDELIV err:027")).encode())
		if _, err := readPDU(c); err != nil { // our answer to it
			return
		}
		_, _ = c.Write(answerSubmit(p))
		silent(c)
	}), false)
	c := sender(t, s, nil)
	receipts, _, _ := running(t, c)
	go func() {
		for range receipts { // what the outbox does not know it throws away
		}
	}()
	r, err := send(t, c, "0900000001", channeltest.Page())
	if err != nil || r.Status != alerting.Failed || !strings.Contains(r.Detail, "err 027") {
		t.Errorf("got %+v, %v; want failed", r, err)
	}
}

// TestPace: a centre that throttles is left alone, longer each time, and not
// any more once it takes a message.
func TestPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p pacer
		waited := func() time.Duration {
			begun := time.Now()
			if err := p.wait(t.Context()); err != nil {
				t.Error(err)
			}
			return time.Since(begun)
		}
		for _, want := range []time.Duration{0, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, paceMost, paceMost} {
			if got := waited(); got != want {
				t.Errorf("waited %v, want %v", got, want)
			}
			p.answered(true, time.Now())
		}
		p.wait(t.Context()) //nolint:errcheck // only the time counts
		p.answered(false, time.Now())
		if got := waited(); got != 0 {
			t.Errorf("waited %v after a message was taken", got)
		}
	})
}

// TestReplies: what phones and centres make of an officer's words.
func TestReplies(t *testing.T) {
	t.Parallel()
	now := time.Now()
	part := func(n, total, ref byte, text string) delivered {
		return delivered{from: "84900000001", esm: 0x40, body: append([]byte{5, 0, 3, ref, total, n}, text...)}
	}
	t.Run("alphabets", func(t *testing.T) {
		t.Parallel()
		for _, row := range []struct {
			coding byte
			body   string
			want   string
		}{
			{0, "A 7421", "A 7421"},
			{1, "A 7421", "A 7421"},
			{3, "A 7421 \xe0", "A 7421 à"},
			{4, "A 7421", "A 7421"},       // "octets", but text
			{4, "\x00\x01\x02", ""},       // octets
			{4, "nhận 7421", "nhận 7421"}, // UTF-8
			{8, "\x00A\x00 \x007\x004\x002\x001", "A 7421"},
			{8, "\xfe\xff\x00A", "A"}, // a byte order mark
			{8, "\x00A\x00", "A"},     // cut in a letter
			{0x10, "A 7421", "A 7421"},
			{0x18, "\x00A", "A"},
			{0xF0, "A 7421", "A 7421"},
			{0xF5, "A 7421", "A 7421"},
			{0, "\x1b\x65", "€"},
		} {
			if got := decode(row.coding, []byte(row.body)); got != row.want {
				t.Errorf("coding %#02x: %q, want %q", row.coding, got, row.want)
			}
		}
	})
	t.Run("a part never comes", func(t *testing.T) {
		t.Parallel()
		j := newJoiner()
		if _, whole := j.add(part(2, 3, 7, "7421 "), now); whole {
			t.Error("one part of three is whole")
		}
		if got := j.overdue(now.Add(joinFor - time.Second)); len(got) > 0 {
			t.Errorf("given up too early: %+v", got)
		}
		got := j.overdue(now.Add(joinFor + time.Second))
		if len(got) != 1 || decode(got[0].coding, got[0].body) != "7421 " || got[0].from != "84900000001" || len(j.open) > 0 {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("hostile parts", func(t *testing.T) {
		t.Parallel()
		j := newJoiner()
		for _, d := range []delivered{part(0, 2, 1, "x"), part(3, 2, 1, "x"), part(1, 255, 1, "x"), {esm: 0x40, body: []byte{200, 0, 3}}, {esm: 0x40, body: []byte{0}}, {esm: 0x40}} {
			if _, whole := j.add(d, now); !whole {
				t.Errorf("waits for more of %+v", d)
			}
		}
		for i := range 3 * maxOpen {
			j.add(delivered{from: time.Duration(i).String(), esm: 0x40, body: []byte{5, 0, 3, 1, 2, 1, 'x'}}, now)
		}
		if len(j.open) > maxOpen {
			t.Errorf("%d messages wait for parts", len(j.open))
		}
		if text, _ := j.add(delivered{body: []byte(strings.Repeat("x", 60000))}, now); len(text) > maxText {
			t.Errorf("%d bytes of text", len(text))
		}
	})
}

// TestSilentLine: a centre that answers nothing any more is noticed by
// enquire_link, and bound to again.
func TestSilentLine(t *testing.T) {
	t.Parallel()
	s := centre(t, &smsc{mute: map[uint32]bool{enquireLink: true}}, false)
	c := sender(t, s, func(set *Settings) { set.Enquire = time.Second })
	running(t, c)
	get(t, s.binds, "bind")
	select {
	case <-s.binds:
	case <-time.After(answerTime + 8*time.Second):
		t.Error("a dead line was kept")
	}
}

// TestPartsOfALostReply: through the whole channel, a long reply of which one
// part never came.
func TestPartsOfALostReply(t *testing.T) {
	t.Parallel()
	s := centre(t, &smsc{bound: func(send func(pdu)) {
		send(message(1, "84900000001", 0x40, 0, append([]byte{5, 0, 3, 7, 2, 1}, "A 7421"...)))
	}}, false)
	c := sender(t, s, nil)
	c.parts.wait = 200 * time.Millisecond
	_, replies, _ := running(t, c)
	if got := get(t, replies, "reply"); got.Text != "A 7421" || got.From != "+84900000001" {
		t.Errorf("got %+v", got)
	}
}

// TestThrottled: a centre that throttles one message is left alone by the next.
func TestThrottled(t *testing.T) {
	t.Parallel()
	c := sender(t, centre(t, refuses(0x58), false), nil)
	if _, err := send(t, c, "0900000001", channeltest.Page()); !alerting.Temporary(err) || c.pace.pause != time.Second {
		t.Errorf("got %v; the next waits %v", err, c.pace.pause)
	}
	c.set.Server = centre(t, &smsc{}, false).l.Addr().String()
	begun := time.Now()
	if _, err := send(t, c, "0900000001", channeltest.Page()); err != nil || time.Since(begun) < 500*time.Millisecond || c.pace.pause != 0 {
		t.Errorf("got %v after %v; the next waits %v", err, time.Since(begun), c.pace.pause)
	}
}
