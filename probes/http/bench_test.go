package http_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	stdhttp "net/http"
	"testing"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/http"
	"watchpost.example/probes/probetest"
	"watchpost.example/probes/wire"
)

// page is what both sides of the benchmark fetch: 2 KiB of HTML.
var page = func() string {
	body := make([]byte, 2048)
	for i := range body {
		body[i] = 'x'
	}
	return "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nServer: bench\r\nDate: Sun, 22 Nov 2026 00:00:00 GMT\r\nContent-Length: 2048\r\nConnection: close\r\n\r\n" + string(body)
}()

func benchServer(b *testing.B, secure bool) (*probetest.Server, *probetest.CA) {
	b.Helper()
	ca, err := probetest.NewCA("Bench")
	if err != nil {
		b.Fatal(err)
	}
	leaf, err := ca.Issue(probetest.Spec{Names: []string{"127.0.0.1"}, RSABits: 2048})
	if err != nil {
		b.Fatal(err)
	}
	if !secure {
		return probetest.Start(b, probetest.Answer(page)), ca
	}
	s, err := probetest.ServeTLS("127.0.0.1:0", func(string) probetest.Leaf { return leaf }, probetest.Answer(page))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s, ca
}

func benchProbe(b *testing.B, secure bool) {
	b.Helper()
	srv, ca := benchServer(b, secure)
	scheme := "http://"
	if secure {
		scheme = "https://"
	}
	w := probetest.NewWire(b, nil, func(o *wire.Options) { o.Roots = ca.Pool() })
	p := prober(b, w, func(s *http.Settings) { s.URL = scheme + srv.Addr() + "/" })
	b.ReportAllocs()
	for b.Loop() {
		ctx, cancel := context.WithTimeout(b.Context(), 5*time.Second)
		if o := p.Probe(ctx); o.Verdict != probes.Up {
			b.Fatal(o.Reason, o.Detail)
		}
		cancel()
	}
}

// benchBare is the protocol alone: dial, one exchange, close.
func benchBare(b *testing.B, secure bool) {
	b.Helper()
	srv, ca := benchServer(b, secure)
	cfg := &tls.Config{RootCAs: ca.Pool(), ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}
	b.ReportAllocs()
	for b.Loop() {
		c, err := net.DialTimeout("tcp", srv.Addr(), 5*time.Second)
		if err != nil {
			b.Fatal(err)
		}
		raw := c
		if secure {
			c = tls.Client(c, cfg)
		}
		rq, err := stdhttp.NewRequest(stdhttp.MethodGet, "http://"+srv.Addr()+"/", nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := rq.Write(c); err != nil {
			b.Fatal(err)
		}
		res, err := stdhttp.ReadResponse(bufio.NewReader(c), rq)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			b.Fatal(err)
		}
		_ = raw.Close()
	}
}

func BenchmarkProbe(b *testing.B) {
	b.Run("http", func(b *testing.B) { benchProbe(b, false) })
	b.Run("https", func(b *testing.B) { benchProbe(b, true) })
}

func BenchmarkBare(b *testing.B) {
	b.Run("http", func(b *testing.B) { benchBare(b, false) })
	b.Run("https", func(b *testing.B) { benchBare(b, true) })
}
