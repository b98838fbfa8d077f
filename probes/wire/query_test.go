package wire

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// reply builds an answer to q, changed by edit.
func reply(tb testing.TB, q question, edit func(*dnsmessage.Message)) []byte {
	tb.Helper()
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: q.id, Response: true},
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(q.name), Type: q.typ, Class: dnsmessage.ClassINET}},
	}
	if edit != nil {
		edit(&m)
	}
	b, err := m.Pack()
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func rr(name string, ttl uint32, body dnsmessage.ResourceBody) dnsmessage.Resource {
	return dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name), Class: dnsmessage.ClassINET, TTL: ttl}, Body: body}
}

func TestParseReply(t *testing.T) {
	q := question{id: 7, name: "pOrTaL.example.", typ: dnsmessage.TypeA}
	a := func(last byte) *dnsmessage.AResource { return &dnsmessage.AResource{A: [4]byte{192, 0, 2, last}} }
	alias := func(to string) *dnsmessage.CNAMEResource {
		return &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(to)}
	}
	soa := &dnsmessage.SOAResource{NS: dnsmessage.MustNewName("ns.example."), MBox: dnsmessage.MustNewName("h.example."), MinTTL: 9}
	for _, c := range []struct {
		name string
		edit func(*dnsmessage.Message)
		n    int
		ttl  time.Duration
		err  error
	}{
		{"answer", func(m *dnsmessage.Message) {
			m.Answers = []dnsmessage.Resource{rr(q.name, 30, a(1)), rr(q.name, 20, a(2))}
		}, 2, 20 * time.Second, nil},
		{"alias", func(m *dnsmessage.Message) {
			m.Answers = []dnsmessage.Resource{rr(q.name, 5, alias("web.example.")), rr("WEB.example.", 30, a(1))}
		}, 1, 5 * time.Second, nil},
		{"record of another name", func(m *dnsmessage.Message) { m.Answers = []dnsmessage.Resource{rr("evil.example.", 30, a(1))} }, 0, minTTL, nil},
		{"empty with SOA", func(m *dnsmessage.Message) { m.Authorities = []dnsmessage.Resource{rr("example.", 100, soa)} }, 0, 9 * time.Second, nil},
		{"NXDOMAIN", func(m *dnsmessage.Message) {
			m.RCode = dnsmessage.RCodeNameError
			m.Authorities = []dnsmessage.Resource{rr("example.", 4, soa)}
		}, 0, 4 * time.Second, nil},
		{"other id", func(m *dnsmessage.Message) { m.ID = 8 }, 0, 0, errNotOurs},
		{"a question", func(m *dnsmessage.Message) { m.Response = false }, 0, 0, errNotOurs},
		{"other type", func(m *dnsmessage.Message) { m.Questions[0].Type = dnsmessage.TypeAAAA }, 0, 0, errNotOurs},
		{"other name", func(m *dnsmessage.Message) { m.Questions[0].Name = dnsmessage.MustNewName("evil.example.") }, 0, 0, errNotOurs},
		{"case lost", func(m *dnsmessage.Message) { m.Questions[0].Name = dnsmessage.MustNewName("portal.example.") }, 0, 0, errByTCP},
		{"truncated", func(m *dnsmessage.Message) { m.Truncated = true }, 0, 0, errByTCP},
		{"no EDNS", func(m *dnsmessage.Message) { m.RCode = dnsmessage.RCodeFormatError }, 0, 0, errByTCP},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := parseReply(reply(t, q, c.edit), q, false)
			if !errors.Is(err, c.err) || len(f.addrs) != c.n || err == nil && f.ttl != c.ttl {
				t.Errorf("%+v, %v", f, err)
			}
		})
	}
	if _, err := parseReply(reply(t, q, func(m *dnsmessage.Message) {
		for range 20 {
			m.Answers = append(m.Answers, rr(q.name, 5, alias(q.name)))
		}
	}), q, true); err == nil {
		t.Error("aliases in a circle were followed")
	}
}

func TestQuestionMixesCase(t *testing.T) {
	seen := map[string]bool{}
	for range 50 {
		q := newQuestion("portal.example", dnsmessage.TypeA)
		if !strings.EqualFold(q.name, "portal.example.") {
			t.Fatalf("name %q", q.name)
		}
		seen[q.name] = true
	}
	if len(seen) < 10 {
		t.Errorf("only %d forms in 50 questions", len(seen))
	}
	if b, err := newQuestion("portal.example", dnsmessage.TypeA).pack(true); err != nil || binary.BigEndian.Uint16(b) != 0 {
		t.Errorf("packed %x, %v", b, err)
	}
}

func FuzzParseReply(f *testing.F) {
	q := question{id: 7, name: "portal.example.", typ: dnsmessage.TypeAAAA}
	f.Add(reply(f, q, func(m *dnsmessage.Message) {
		m.Answers = []dnsmessage.Resource{rr(q.name, 30, &dnsmessage.AAAAResource{AAAA: netip.MustParseAddr("2001:db8::1").As16()})}
	}), false)
	f.Add([]byte{0, 7, 0x80, 0}, true)
	f.Fuzz(func(t *testing.T, msg []byte, tcp bool) {
		got, err := parseReply(msg, q, tcp)
		if err != nil && (got.answered || got.addrs != nil) {
			t.Errorf("an error and an answer: %+v", got)
		}
		if got.ttl < 0 || got.ttl > maxTTL && got.rcode == dnsmessage.RCodeSuccess && len(got.addrs) > 0 {
			t.Errorf("ttl %s", got.ttl)
		}
	})
}

func TestResolvConf(t *testing.T) {
	got, err := parseResolvConf(strings.NewReader("# c\nsearch example\nnameserver 192.0.2.53\nnameserver fe80::1%eth0\nnameserver bad\nnameserver\n"))
	if err != nil || len(got) != 2 || got[0] != netip.MustParseAddrPort("192.0.2.53:53") {
		t.Errorf("%v, %v", got, err)
	}
}
