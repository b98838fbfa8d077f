package http

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/wire"
)

// played is a connection that says what it was given and hears nothing.
type played struct {
	net.Conn
	say io.Reader
}

func (p played) Read(b []byte) (int, error)  { return p.say.Read(b) }
func (p played) Write(b []byte) (int, error) { return len(b), nil }

func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n\r\n\x78\x9c\x03\x00\x00\x00\x00\x01",
		"HTTP/1.1 302 Found\r\nLocation: //[::1\r\nSet-Cookie: a=b\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 404 Not Found\r\n\r\n",
		"\x00\x01\x02", "HTTP", "",
	} {
		f.Add([]byte(s))
	}
	w, err := wire.New(wire.Options{Resolvers: []string{"127.0.0.1:1"}})
	if err != nil {
		f.Fatal(err)
	}
	s := Kind(w).New().(*Settings)
	s.URL, s.BodyLimit, s.Expect.Body = "http://portal.example/", 4096, "ok"
	made, err := s.Prober()
	if err != nil {
		f.Fatal(err)
	}
	p := made.(*prober)
	f.Fuzz(func(t *testing.T, answer []byte) {
		l := &look{prober: p, started: time.Now()}
		x := &exchange{url: p.url, length: -1}
		rq := request{url: p.url, method: "GET"}
		x.err = l.overHTTP1(played{say: bytes.NewReader(answer)}, rq, x)
		l.parts, l.err = []*exchange{x}, x.err
		if x.err == nil && redirect(x.status) {
			_, l.err = l.next(rq, x)
		}
		var a wire.Answer
		judge(&a, l)
		if (a.Verdict == probes.Up) != (a.Reason == probes.OK) || len(a.Detail) > probes.MaxDetail || int64(len(x.body)) > p.bodyLimit {
			t.Errorf("%s %q %q, %d bytes kept", a.Verdict, a.Reason, a.Detail, len(x.body))
		}
	})
}
