package dnswire_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"watchpost.example/probes/dns/dnswire"
)

// A lost datagram costs no second wait: the next goes out while we listen, and
// a late answer to the first counts too.
func TestSecondDatagramGoesOutEarly(t *testing.T) {
	var n atomic.Int32
	srv := packetServer(t, func(q *dns.Msg) [][]byte {
		if n.Add(1) == 1 {
			return nil // lost
		}
		return [][]byte{pack(t, answer(q, good))}
	})
	c := &dnswire.Client{Timeout: 2 * time.Second, Attempts: 2}
	start := time.Now()
	r, err := c.Ask(t.Context(), srv, dnswire.Query{Name: "www.donvi.example.", Type: dnswire.TypeA})
	if err != nil || r.Attempts != 2 || time.Since(start) > time.Second {
		t.Errorf("%v, %d datagrams, %v", err, r.Attempts, time.Since(start))
	}
}

// A silent server is silent after Timeout, however many datagrams were sent.
func TestSilenceTakesOneTimeout(t *testing.T) {
	srv := packetServer(t, func(*dns.Msg) [][]byte { return nil })
	c := &dnswire.Client{Timeout: 300 * time.Millisecond, Attempts: 3}
	start := time.Now()
	r, err := c.Ask(t.Context(), srv, dnswire.Query{Name: "www.donvi.example.", Type: dnswire.TypeA})
	if took := time.Since(start); !errors.Is(err, dnswire.ErrTimeout) || errors.Is(err, dnswire.ErrCut) || r.Attempts != 3 || took > 600*time.Millisecond {
		t.Errorf("%v, %d datagrams, %v", err, r.Attempts, took)
	}
}

// What ends by the caller's deadline or cancel says so: it is no fault of the server.
func TestOurOwnEndIsTold(t *testing.T) {
	srv := packetServer(t, func(*dns.Msg) [][]byte { return nil })
	c := &dnswire.Client{Timeout: 5 * time.Second, Attempts: 2}
	q := dnswire.Query{Name: ".", Type: dnswire.TypeNS}
	short, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := c.Ask(short, srv, q); !errors.Is(err, dnswire.ErrCut) {
		t.Errorf("deadline: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	time.AfterFunc(30*time.Millisecond, cancel)
	start := time.Now()
	if _, err := c.Ask(ended, srv, q); !errors.Is(err, dnswire.ErrCut) || time.Since(start) > time.Second {
		t.Errorf("cancel: %v after %v", err, time.Since(start))
	}
}

// Several queries over one connection: answers in any order, each to its own
// question; who closes early leaves the others unanswered, and says so.
func TestAskAll(t *testing.T) {
	names := []string{"a.example.", "b.example.", "c.example."}
	serve := func(order []int, stop int) func(c net.Conn, first []byte) {
		return func(c net.Conn, first []byte) {
			qs := []*dns.Msg{{}}
			if qs[0].Unpack(first) != nil {
				return
			}
			d := &dns.Conn{Conn: c}
			for range len(names) - 1 {
				q, err := d.ReadMsg()
				if err != nil {
					return
				}
				qs = append(qs, q)
			}
			for _, i := range order[:stop] {
				if b, err := answer(qs[i], qs[i].Question[0].Name+" 60 IN A 192.0.2."+string(rune('1'+i))).Pack(); err == nil {
					_, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...))
				}
			}
		}
	}
	var qs []dnswire.Query
	for _, n := range names {
		qs = append(qs, dnswire.Query{Name: n, Type: dnswire.TypeA})
	}
	for name, stop := range map[string]int{"all": 3, "one": 1} {
		srv := truncating(t)
		tcpBeside(t, srv, serve([]int{2, 0, 1}, stop))
		c := &dnswire.Client{Timeout: time.Second}
		replies, errs := c.AskAll(t.Context(), srv, qs)
		answered := 0
		for i, r := range replies {
			if errs[i] == nil {
				answered++
				if got := dnswire.RdataSet(r.Msg.Answer); len(got) != 1 || got[0] != "192.0.2."+string(rune('1'+i)) {
					t.Errorf("%s: %s got %v", name, names[i], got)
				}
			} else if !errors.Is(errs[i], dnswire.ErrClosed) {
				t.Errorf("%s: %s: %v", name, names[i], errs[i])
			}
		}
		if answered != stop {
			t.Errorf("%s: %d of %d answered", name, answered, stop)
		}
	}
}

// A large set is not compared all with all.
func TestLargeSets(t *testing.T) {
	var rrs []dns.RR
	for i := range 4000 {
		rrs = append(rrs, &dns.A{Hdr: dns.RR_Header{Name: "WWW.example.", Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(127, 1, byte(i>>8), byte(i))})
	}
	rrs = append(rrs, rrs...) // each twice
	start := time.Now()
	if n := len(dnswire.Set(rrs, "www.example.", dnswire.TypeA)); n != 4000 {
		t.Errorf("%d records", n)
	}
	if took := time.Since(start); took > 500*time.Millisecond {
		t.Errorf("took %v", took)
	}
}
