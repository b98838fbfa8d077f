package icmp

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"

	"watchpost.example/internal/testneed"
	"watchpost.example/probes"
	"watchpost.example/probes/probetest"
)

var target = netip.MustParseAddr("192.0.2.7")

// waiting is a socket that waits for packet 5 to target with cookie 0x0102….
func waiting() (*sock, chan heard) {
	back := make(chan heard, 4)
	k := &sock{key: sockKey{mode: Raw}, id: 77, waiting: map[uint16]*packet{
		5: {to: target, cookie: 0x0102030405060708, sent: time.Now(), back: back},
	}}
	return k, back
}

func reply(tb testing.TB, typ icmp.Type, id, seq int, data []byte) []byte {
	tb.Helper()
	b, err := (&icmp.Message{Type: typ, Body: &icmp.Echo{ID: id, Seq: seq, Data: data}}).Marshal(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// TestForgedReplies: only what repeats the cookie, from the address asked, with
// our ID and number, once, is an answer.
func TestForgedReplies(t *testing.T) {
	cookie := []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 9}
	echo := ipv4.ICMPTypeEchoReply
	for _, tc := range []struct {
		name string
		msg  []byte
		from netip.Addr
		want int
	}{
		{"ours", reply(t, echo, 77, 5, cookie), target, 1},
		{"other sender", reply(t, echo, 77, 5, cookie), netip.MustParseAddr("192.0.2.8"), 0},
		{"other id", reply(t, echo, 78, 5, cookie), target, 0},
		{"other number", reply(t, echo, 77, 6, cookie), target, 0},
		{"other cookie", reply(t, echo, 77, 5, bytes.Repeat([]byte{1}, 10)), target, 0},
		{"no payload", reply(t, echo, 77, 5, nil), target, 0},
		{"short payload", reply(t, echo, 77, 5, cookie[:7]), target, 0},
		{"a request", reply(t, ipv4.ICMPTypeEcho, 77, 5, cookie), target, 0},
		{"cut", reply(t, echo, 77, 5, cookie)[:5], target, 0},
		{"nothing", nil, target, 0},
	} {
		k, back := waiting()
		k.handle(tc.msg, 60, tc.from, time.Now())
		k.handle(tc.msg, 60, tc.from, time.Now()) // the second is a duplicate
		if len(back) != tc.want {
			t.Errorf("%s: %d answers, want %d", tc.name, len(back), tc.want)
		}
	}
}

// unreachable is what a router says of an echo request of ours.
func unreachable(tb testing.TB, to netip.Addr, id, seq uint16) []byte {
	tb.Helper()
	q := make([]byte, 28)
	q[0] = 0x45
	copy(q[16:], to.AsSlice())
	q[20] = 8
	binary.BigEndian.PutUint16(q[24:], id)
	binary.BigEndian.PutUint16(q[26:], seq)
	b, err := (&icmp.Message{Type: ipv4.ICMPTypeDestinationUnreachable, Code: 1, Body: &icmp.DstUnreach{Data: q}}).Marshal(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func TestUnreachable(t *testing.T) {
	router := netip.MustParseAddr("198.51.100.1")
	for _, tc := range []struct {
		name string
		msg  []byte
		want int
	}{
		{"ours", unreachable(t, target, 77, 5), 1},
		{"other host", unreachable(t, router, 77, 5), 0},
		{"other id", unreachable(t, target, 78, 5), 0},
		{"other number", unreachable(t, target, 77, 9), 0},
	} {
		k, back := waiting()
		k.handle(tc.msg, 0, router, time.Now())
		if len(back) != tc.want {
			t.Fatalf("%s: %d answers, want %d", tc.name, len(back), tc.want)
		}
		if tc.want == 0 {
			continue
		}
		p := prober{}
		a := p.judge(Echoes{Sent: 1, Unreachable: (<-back).unreachable}, nil)
		if a.Verdict != probes.Down || a.Reason != probes.ICMPUnreachable {
			t.Errorf("%v %s", a.Verdict, a.Reason)
		}
	}
}

// TestObservationsAreLegal: what every observation promises.
func TestObservationsAreLegal(t *testing.T) {
	for _, engine := range []string{engineProBing, engineShared} {
		inNamespace(t, nobody, func() {
			for _, host := range []string{"127.0.0.1", "::1", "192.0.2.99", "198.51.100.7", "224.0.0.1"} {
				probetest.Check(t, Kind(probetest.NewWire(t, nil)), look(t, host, engine, 300*time.Millisecond, nil))
			}
		})
	}
}

// TestTwoAddresses: each address of a name has its own answer, both families.
func TestTwoAddresses(t *testing.T) {
	testneed.Root(t)
	d := probetest.StartDNS(t)
	d.Set("hai.example", netip.MustParseAddr("127.0.0.9"), netip.MustParseAddr("::1"), netip.MustParseAddr("224.0.0.1"))
	o := askWith(t, probetest.NewWire(t, d), func(s *Settings) { s.Host = "hai.example" })
	if len(o.Parts) != 3 || o.Verdict != probes.Up {
		t.Fatalf("%v %s %+v", o.Verdict, o.Detail, o.Parts)
	}
	for _, p := range o.Parts {
		want := probes.Up
		if p.Address.Addr().IsMulticast() {
			want = probes.Unknown // counts for nothing beside the others
		}
		if p.Verdict != want {
			t.Errorf("%s: %v %s", p.Address, p.Verdict, p.Detail)
		}
	}
}

func FuzzHandle(f *testing.F) {
	f.Add(reply(f, ipv4.ICMPTypeEchoReply, 77, 5, bytes.Repeat([]byte{7}, 24)), false)
	f.Add(unreachable(f, target, 77, 5), false)
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0x60}, true)
	f.Fuzz(func(t *testing.T, b []byte, six bool) {
		k, back := waiting()
		if six {
			k.key.family = 1
		}
		k.handle(b, 1, target, time.Now())
		for len(back) > 0 {
			h := <-back
			if h.unreachable == "" && !bytes.Contains(b, []byte{1, 2, 3, 4, 5, 6, 7, 8}) {
				t.Fatalf("a reply without the cookie: %x", b)
			}
		}
	})
}

var _ probes.Targeted = (*Settings)(nil)
