package channeltest

import (
	"bytes"
	"compress/gzip"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"watchpost.example/alerting"
)

// HTTP is what an HTTP channel's test gives: how to make it for a server, and
// the answer of that server when it accepts.
type HTTP struct {
	Make    func(t *testing.T, url string) alerting.Channel
	Address string
	Accept  http.HandlerFunc
	// Refuse are 2xx answers that mean no.
	Refuse []Refusal
	// Blind: every 2xx accepts, whatever stands in it.
	Blind bool
	// NoAddress is an address that the channel must refuse.
	NoAddress string
}

// Refusal is a 2xx answer that means no.
type Refusal struct {
	Name   string
	Answer http.HandlerFunc
	Want   Outcome
}

// status answers so, and quotes the credentials back, as careless gateways do;
// a second time where the text is cut.
func status(code int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // what came of it
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
		var said strings.Builder
		said.WriteString("no: " + r.URL.String() + " " + r.Header.Get("Authorization") + " " + string(body))
		for i := range 60 { // wherever it is cut, one of them is
			said.WriteString(strings.Repeat(".", i) + Secret)
		}
		_, _ = io.WriteString(w, said.String()) // the asker may be gone
	}
}

// Cases are the lines that every HTTP channel has.
func (h HTTP) Cases() []Case {
	odd := Temporary // an answer that is not the gateway's
	if h.Blind {
		odd = Accepted
	}
	out := []Case{
		h.line("accepts", h.Accept, Accepted),
		h.line("refuses for now: 500", status(500), Temporary),
		h.line("refuses for now: 502", status(502), Temporary),
		h.after(h.line("refuses for now: 503 with Retry-After", status(503, "Retry-After", "90"), Temporary), 90*time.Second),
		h.after(h.line("refuses for now: 429 with Retry-After", status(429, "Retry-After", "7"), Temporary), 7*time.Second),
		h.after(h.line("refuses for now: 429 with a Retry-After of nonsense", status(429, "Retry-After", "-1e9"), Temporary), 0),
		h.line("refuses for good: 400", status(400), Permanent),
		h.line("refuses for good: 401", status(401), Permanent),
		h.line("refuses for good: 403", status(403), Permanent),
		h.line("refuses for good: 404", status(404), Permanent),
	}
	for _, r := range h.Refuse {
		out = append(out, h.line(r.Name, r.Answer, r.Want))
	}
	slow := h.line("200 and a body that never ends", drip, Temporary)
	slow.Within = 700 * time.Millisecond
	return append(out,
		h.line("closes at once", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, Temporary),
		h.line("200 of a captive portal", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "<html><title>Wi-Fi</title></html>") // the asker may be gone
		}, odd),
		slow,
		h.line("200 and a gigabyte packed into a megabyte", bomb, odd),
		h.line("headers without end", flood, Temporary),
		h.redirects(),
		h.strangeCertificate(),
		h.silent(),
		Case{Name: "nobody listens", Make: h.at("http://127.0.0.1:1"), Address: h.Address, Want: Temporary},
		Case{Name: "an address that is none", Make: h.at("http://127.0.0.1:1"), Address: h.NoAddress, Want: Permanent},
	)
}

func (h HTTP) at(url string) func(*testing.T) alerting.Channel {
	return func(t *testing.T) alerting.Channel { t.Helper(); return h.Make(t, url) }
}

func (h HTTP) line(name string, handler http.HandlerFunc, want Outcome) Case {
	return Case{Name: name, Address: h.Address, Want: want, Make: func(t *testing.T) alerting.Channel {
		t.Helper()
		srv := httptest.NewServer(handler)
		t.Cleanup(srv.Close)
		return h.Make(t, srv.URL)
	}}
}

// after wants that the next hop's wish to be left alone comes through.
func (h HTTP) after(c Case, want time.Duration) Case {
	c.More = func(t *testing.T, _ alerting.Receipt, err error) {
		t.Helper()
		if got := alerting.RetryAfter(err); got != want {
			t.Errorf("to be left alone for %v, want %v", got, want)
		}
	}
	return c
}

// drip sends a byte now and then.
func drip(w http.ResponseWriter, r *http.Request) {
	for tick := time.Tick(20 * time.Millisecond); r.Context().Err() == nil; <-tick {
		if _, err := io.WriteString(w, " "); err != nil || http.NewResponseController(w).Flush() != nil {
			return
		}
	}
}

// bomb answers a mebibyte that unpacks to a gibibyte, asked or not.
func bomb(w http.ResponseWriter, _ *http.Request) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	zeros := make([]byte, 1<<20)
	for range 16 {
		_, _ = z.Write(zeros) // never fails
	}
	_ = z.Close()
	w.Header().Set("Content-Encoding", "gzip")
	for range 64 { // members of one file
		if _, err := w.Write(b.Bytes()); err != nil {
			return
		}
	}
}

// flood sends headers until the asker has enough.
func flood(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
	for line := "X-More: " + strings.Repeat("x", 1000) + "\r\n"; err == nil; {
		_, err = io.WriteString(conn, line)
	}
}

// silent is a server that takes the connection and says nothing.
func (h HTTP) silent() Case {
	return Case{Name: "takes it and says nothing", Address: h.Address, Want: Temporary, Within: 300 * time.Millisecond, Make: func(t *testing.T) alerting.Channel {
		t.Helper()
		var lc net.ListenConfig
		l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() }) // the test is over
		return h.Make(t, "http://"+l.Addr().String())
	}}
}

// redirects: neither page nor token goes to where a redirect leads.
func (h HTTP) redirects() Case {
	return Case{Name: "redirects to a stranger", Address: h.Address, Want: Permanent, Make: func(t *testing.T) alerting.Channel {
		t.Helper()
		var asked atomic.Int64
		stranger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
		t.Cleanup(stranger.Close)
		for _, code := range []int{301, 302, 303, 307} {
			srv := httptest.NewServer(http.RedirectHandler(stranger.URL, code))
			r, err := h.Make(t, srv.URL).Send(t.Context(), h.Address, Page())
			srv.Close()
			Check(t, r, err, Permanent)
		}
		t.Cleanup(func() {
			if n := asked.Load(); n > 0 {
				t.Errorf("the stranger was asked %d times", n)
			}
		})
		return h.line("", http.RedirectHandler(stranger.URL, http.StatusPermanentRedirect).ServeHTTP, Permanent).Make(t)
	}}
}

// strangeCertificate: nothing is said to a server that can't prove who it is.
func (h HTTP) strangeCertificate() Case {
	return Case{Name: "a certificate of nobody known", Address: h.Address, Want: Temporary, Words: "certificate", Make: func(t *testing.T) alerting.Channel {
		t.Helper()
		var asked atomic.Int64
		srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
		srv.Config.ErrorLog = log.New(io.Discard, "", 0) // "bad certificate" is what we want
		srv.StartTLS()
		t.Cleanup(func() {
			srv.Close()
			if asked.Load() > 0 {
				t.Error("the page went to a server with a certificate of nobody known")
			}
		})
		return h.Make(t, srv.URL)
	}}
}
