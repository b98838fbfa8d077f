package smpp

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"watchpost.example/alerting/channels/channeltest"
)

// smsc is a carrier's centre by rule.
type smsc struct {
	t      *testing.T
	l      net.Listener
	ca     string
	status map[uint32]uint32    // by command
	mute   map[uint32]bool      // commands that are never answered
	raw    func(net.Conn)       // all of it, instead
	bound  func(send func(pdu)) // after a bind
	got    chan pdu             // what came, but binds and enquiries
	binds  chan string          // passwords
	mu     sync.Mutex
	ids    []string // message ids to give, one after the other
}

func centre(t *testing.T, s *smsc, secure bool) *smsc {
	t.Helper()
	var err error
	if s.l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	s.t, s.got, s.binds = t, make(chan pdu, 100), make(chan string, 100)
	l := s.l
	if secure {
		hs := httptest.NewTLSServer(nil) // for its certificate of 127.0.0.1
		s.ca = filepath.Join(t.TempDir(), "ca.pem")
		err := os.WriteFile(s.ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: hs.Certificate().Raw}), 0o600)
		l = tls.NewListener(l, &tls.Config{Certificates: hs.TLS.Certificates})
		hs.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer func() { _ = conn.Close() }()
				stop := context.AfterFunc(t.Context(), func() { _ = conn.Close() })
				defer stop()
				if s.raw != nil {
					s.raw(conn)
					return
				}
				s.serve(conn)
			})
		}
	})
	t.Cleanup(func() { _ = s.l.Close(); wg.Wait() })
	return s
}

func (s *smsc) serve(conn net.Conn) {
	var mu sync.Mutex
	send := func(p pdu) {
		mu.Lock()
		defer mu.Unlock()
		_, _ = conn.Write(p.encode())
	}
	for {
		p, err := readPDU(conn)
		if err != nil {
			return
		}
		if s.mute[p.command] {
			continue
		}
		answer := pdu{command: p.command | response, status: s.status[p.command], sequence: p.sequence}
		switch p.command {
		case bindTransceiver:
			r := reader{b: p.body}
			r.text(16)
			s.binds <- r.text(65)
			answer.body = []byte("centre\x00")
		case submitSM:
			s.got <- p
			answer.body = append([]byte(s.id()), 0)
		case enquireLink:
		default:
			s.got <- p
		}
		if p.command&response == 0 {
			send(answer)
		}
		if p.command == bindTransceiver && answer.status == 0 && s.bound != nil {
			s.bound(send)
		}
		if p.command == unbind {
			return
		}
	}
}

func (s *smsc) id() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ids) == 0 {
		return "m1"
	}
	id := s.ids[0]
	s.ids = s.ids[1:]
	return id
}

func sender(t *testing.T, s *smsc, change func(*Settings)) *channel {
	t.Helper()
	set := Type().New().(*Settings)
	set.Server, set.SystemID, set.PasswordFile, set.Source = s.l.Addr().String(), "watchpost", channeltest.SecretFile(t), "TRUCBAN"
	if change != nil {
		change(set)
	}
	if p := set.Problems(); len(p) > 0 {
		t.Fatal(p)
	}
	c, err := set.Channel("sms", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return c.(*channel)
}

// message writes a deliver_sm.
func message(seq uint32, from string, esm, coding byte, body []byte, options ...byte) pdu {
	b := append([]byte{0, 1, 1}, from...)
	b = append(b, 0, 5, 0)
	b = append(b, "TRUCBAN\x00"...)
	b = append(b, esm, 0, 0, 0, 0, 0, 0, coding, 0, byte(len(body)))
	b = append(b, body...)
	return pdu{command: deliverSM, sequence: seq, body: append(b, options...)}
}

// submitted reads a submit_sm; its fields lie as in a deliver_sm.
func submitted(t *testing.T, s *smsc) delivered {
	t.Helper()
	select {
	case p := <-s.got:
		d, err := parseDeliver(p.body)
		if p.command != submitSM || err != nil {
			t.Fatalf("got command %#x, %v", p.command, err)
		}
		return d
	case <-time.After(5 * time.Second):
		t.Fatal("no submission came")
	}
	return delivered{}
}

func silent(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
