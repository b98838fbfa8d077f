package probetest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Server is a TCP server whose every connection is handled by one function.
type Server struct {
	listener net.Listener
	wg       sync.WaitGroup
	mu       sync.Mutex
	conns    map[net.Conn]struct{}
	closed   chan struct{}
}

// Serve starts a server on address ("127.0.0.1:0"). handle owns the connection
// until it returns; then it is closed. stop is closed when the server ends.
func Serve(address string, handle func(c net.Conn, stop <-chan struct{})) (*Server, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, err
	}
	s := &Server{listener: l, conns: make(map[net.Conn]struct{}), closed: make(chan struct{})}
	s.wg.Go(func() { s.accept(handle) })
	return s, nil
}

// Addr is "host:port".
func (s *Server) Addr() string { return s.listener.Addr().String() }

// AddrPort is Addr as a value.
func (s *Server) AddrPort() netip.AddrPort { return netip.MustParseAddrPort(s.Addr()) }

// Close ends every connection and waits.
func (s *Server) Close() error {
	close(s.closed)
	err := s.listener.Close()
	s.mu.Lock()
	for c := range s.conns {
		_ = c.Close() // being closed is its purpose
	}
	s.mu.Unlock()
	s.wg.Wait()
	return err
}

func (s *Server) accept(handle func(net.Conn, <-chan struct{})) {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue
		}
		s.mu.Lock()
		s.conns[c] = struct{}{}
		s.mu.Unlock()
		s.wg.Go(func() {
			handle(c, s.closed)
			_ = c.Close() // closed twice when the server ends
			s.mu.Lock()
			delete(s.conns, c)
			s.mu.Unlock()
		})
	}
}

// Misbehaviour is one way of being a bad server.
type Misbehaviour struct {
	Name   string
	Handle func(c net.Conn, stop <-chan struct{})
}

// Misbehaviours is all of them. Those that speak HTTP first read the request.
func Misbehaviours() []Misbehaviour {
	return []Misbehaviour{
		{"accepts and says nothing", silent},
		{"drips a byte a second", drip("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 100000))},
		{"drips TLS", drip("\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03" + strings.Repeat("\x00", 1<<14))},
		{"closes at once", func(net.Conn, <-chan struct{}) {}},
		{"resets", reset},
		{"resets after the request", func(c net.Conn, stop <-chan struct{}) { readSome(c); reset(c, stop) }},
		{"sends garbage", send("\x00\xff\xfe\x80garbage\x00\r\n\r\n")},
		{"sends for ever", forever([]byte(strings.Repeat("A", 4096)))},
		{"half-closes", halfClose},
		{"sends a header without end", prefixed("HTTP/1.1 200 OK\r\nX-Long: ", []byte(strings.Repeat("a", 4096)))},
		{"sends headers without end", prefixed("HTTP/1.1 200 OK\r\n", []byte("X-A: b\r\n"))},
		{"sends a body without end", prefixed("HTTP/1.1 200 OK\r\n\r\n", []byte(strings.Repeat("b", 4096)))},
		{"sends chunks without end", prefixed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", []byte(strings.Repeat("1\r\nx\r\n", 2000)))},
		{"sends a malformed chunk", send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n")},
		{"ends the body early", send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort")},
		{"sends interim answers without end", prefixed("", []byte("HTTP/1.1 100 Continue\r\n\r\n"))},
		{"sends a gzip bomb", bomb(Bomb(4 << 20))},
		{"redirects in a circle", send("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")},
		{"redirects without end", redirectOn},
		{"speaks HTTP on a TLS port", send("HTTP/1.1 400 Bad Request\r\n\r\nThe plain HTTP request was sent to HTTPS port")},
		{"sends garbage after the TLS hello", send("\x16\x03\x03\x00\x04\x02\x00\x00\x00\xde\xad\xbe\xef")},
		{"refuses TLS by alert", send("\x15\x03\x01\x00\x02\x02\x28")},
		{"sends a TLS record larger than allowed", send("\x16\x03\x03\xff\xff" + strings.Repeat("\x00", 1<<16))},
		{"banner lines without end", prefixed("", []byte("220-more\r\n"))},
	}
}

func silent(_ net.Conn, stop <-chan struct{}) { <-stop }

func readSome(c net.Conn) {
	var b [2048]byte
	_, _ = c.Read(b[:]) // whatever it was
}

func reset(c net.Conn, _ <-chan struct{}) {
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0) // then Close sends RST
	}
}

func send(s string) func(net.Conn, <-chan struct{}) {
	return func(c net.Conn, _ <-chan struct{}) {
		readSome(c)
		_, _ = io.WriteString(c, s) // the prober may have left
		if t, ok := c.(*net.TCPConn); ok {
			_ = t.CloseWrite() // so that the close is no reset
		}
		_, _ = io.Copy(io.Discard, c) // until the prober closes
	}
}

func drip(s string) func(net.Conn, <-chan struct{}) {
	return func(c net.Conn, stop <-chan struct{}) {
		t := time.NewTicker(100 * time.Millisecond) // a tenth of a second: tests last a second
		defer t.Stop()
		for i := range len(s) {
			if _, err := c.Write([]byte{s[i]}); err != nil {
				return
			}
			select {
			case <-t.C:
			case <-stop:
				return
			}
		}
	}
}

func forever(b []byte) func(net.Conn, <-chan struct{}) {
	return func(c net.Conn, _ <-chan struct{}) {
		for {
			if _, err := c.Write(b); err != nil {
				return
			}
		}
	}
}

func prefixed(head string, b []byte) func(net.Conn, <-chan struct{}) {
	return func(c net.Conn, stop <-chan struct{}) {
		if head != "" {
			readSome(c)
		}
		if _, err := io.WriteString(c, head); err == nil {
			forever(b)(c, stop)
		}
	}
}

func halfClose(c net.Conn, stop <-chan struct{}) {
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.CloseWrite() // that is the misbehaviour
	}
	<-stop
}

func bomb(body []byte) func(net.Conn, <-chan struct{}) {
	return send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + string(body))
}

// Bomb is n zero bytes, gzipped: about a thousandth of that.
func Bomb(n int) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	zeros := make([]byte, 64<<10)
	for ; n > 0; n -= len(zeros) {
		_, _ = z.Write(zeros[:min(n, len(zeros))]) // a bytes.Buffer never fails
	}
	_ = z.Close() // likewise
	return b.Bytes()
}

func redirectOn(c net.Conn, _ <-chan struct{}) {
	line, err := bufio.NewReader(c).ReadString('\n')
	f := strings.Fields(line)
	if err != nil || len(f) < 2 {
		return
	}
	_, _ = fmt.Fprintf(c, "HTTP/1.1 302 Found\r\nLocation: %sx\r\nContent-Length: 0\r\n\r\n", f[1]) // the prober may have left
}

// ServeTLS is Serve behind a handshake with the leaf that pick gives for the
// server name asked.
func ServeTLS(address string, pick func(name string) Leaf, handle func(c net.Conn, stop <-chan struct{})) (*Server, error) {
	cfg := &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			c := pick(h.ServerName).TLS()
			return &c, nil
		},
	}
	return Serve(address, func(c net.Conn, stop <-chan struct{}) {
		t := tls.Server(c, cfg)
		if t.HandshakeContext(context.Background()) == nil {
			handle(t, stop)
			_ = t.CloseWrite() // a polite end; the prober may have left
		}
	})
}

// Answer is a handler that reads one request and sends s.
func Answer(s string) func(net.Conn, <-chan struct{}) {
	return func(c net.Conn, _ <-chan struct{}) {
		readSome(c)
		_, _ = io.WriteString(c, s) // the prober may have left
	}
}
