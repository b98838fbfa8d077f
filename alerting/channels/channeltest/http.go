package channeltest

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
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
	Refuse map[string]Refusal
	// Blind: every 2xx accepts, whatever stands in it.
	Blind bool
}

// Refusal is a 2xx answer that means no.
type Refusal struct {
	Answer http.HandlerFunc
	Want   Outcome
}

// row is a line of the table.
type row struct {
	name    string
	handler http.HandlerFunc
	want    Outcome
	within  time.Duration // of Send; 0 = 10 s
	after   time.Duration // Retry-After that must come through
}

// Rows are the lines of the table by name, for the READMEs.
func Rows() map[string]Outcome {
	out := map[string]Outcome{"a certificate of nobody known": Temporary, "accepts and says nothing": Temporary, "nobody listens": Temporary}
	for _, r := range (HTTP{}).rows() {
		out[r.name] = r.want
	}
	return out
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
		said := "no: " + r.URL.String() + " " + r.Header.Get("Authorization") + " " + string(body)
		for i := range 60 { // wherever it is cut, one of them is
			said += strings.Repeat(".", i) + Secret
		}
		_, _ = io.WriteString(w, said) // the asker may be gone
	}
}

func (h HTTP) rows() []row {
	odd := Temporary // an answer that is not the gateway's
	if h.Blind {
		odd = Accepted
	}
	out := []row{
		{name: "accepts", handler: h.Accept, want: Accepted},
		{name: "500", handler: status(500), want: Temporary},
		{name: "502", handler: status(502), want: Temporary},
		{name: "503 with Retry-After", handler: status(503, "Retry-After", "90"), want: Temporary, after: 90 * time.Second},
		{name: "429 with Retry-After", handler: status(429, "Retry-After", "7"), want: Temporary, after: 7 * time.Second},
		{name: "429 with a Retry-After of nonsense", handler: status(429, "Retry-After", "-1e9"), want: Temporary},
		{name: "400", handler: status(400), want: Permanent},
		{name: "401", handler: status(401), want: Permanent},
		{name: "403", handler: status(403), want: Permanent},
		{name: "404", handler: status(404), want: Permanent},
		{name: "closes at once", handler: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, want: Temporary},
		{name: "200 with a captive portal", handler: func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "<html><title>Wi-Fi</title></html>")
		}, want: odd},
		{name: "200 and a body that never ends", handler: drip, want: Temporary, within: 700 * time.Millisecond},
		{name: "200 and a gigabyte packed", handler: bomb, want: odd},
		{name: "headers without end", handler: flood, want: Temporary},
	}
	for name, r := range h.Refuse {
		out = append(out, row{name: name, handler: r.Answer, want: r.Want})
	}
	return out
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

// Run plays every row of the table.
func (h HTTP) Run(t *testing.T) {
	t.Helper()
	for _, r := range h.rows() {
		t.Run(r.name, func(t *testing.T) { t.Parallel(); h.play(t, r) })
	}
	t.Run("accepts and says nothing", func(t *testing.T) { t.Parallel(); h.silent(t) })
	t.Run("redirects to a stranger", func(t *testing.T) { t.Parallel(); h.redirects(t) })
	t.Run("a certificate of nobody known", func(t *testing.T) { t.Parallel(); h.strangeCertificate(t) })
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		r, err := h.Make(t, "http://127.0.0.1:1").Send(t.Context(), h.Address, Page())
		Check(t, r, err, Temporary)
	})
}

func (h HTTP) play(t *testing.T, r row) {
	t.Helper()
	srv := httptest.NewServer(r.handler)
	t.Cleanup(srv.Close)
	if r.within == 0 {
		r.within = 10 * time.Second
	}
	ctx, cancel := context.WithTimeout(t.Context(), r.within)
	defer cancel()
	begun := time.Now()
	c := h.Make(t, srv.URL)
	got, err := c.Send(ctx, h.Address, Page())
	Check(t, got, err, r.want)
	if after := alerting.RetryAfter(err); after != r.after {
		t.Errorf("to be left alone for %v, want %v", after, r.after)
	}
	health := c.Health(ctx)
	if Leaks(health.Detail) || len(health.Detail) > 1000 {
		t.Errorf("health: %.1100s", health.Detail)
	}
	if took := time.Since(begun); took > r.within+3*time.Second {
		t.Errorf("came back after %v", took)
	}
}

// silent is a server that accepts the connection and says nothing.
func (h HTTP) silent(t *testing.T) {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() }) // the test is over
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	begun := time.Now()
	r, err := h.Make(t, "http://"+l.Addr().String()).Send(ctx, h.Address, Page())
	Check(t, r, err, Temporary)
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("came back after %v, the deadline was 300 ms", took)
	}
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Errorf("came back before the deadline: %v", err)
	}
}

// redirects: neither page nor token goes to where a redirect leads.
func (h HTTP) redirects(t *testing.T) {
	t.Helper()
	var asked atomic.Int64
	stranger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(stranger.Close)
	for _, code := range []int{301, 302, 303, 307, 308} {
		srv := httptest.NewServer(http.RedirectHandler(stranger.URL, code))
		r, err := h.Make(t, srv.URL).Send(t.Context(), h.Address, Page())
		srv.Close()
		Check(t, r, err, Permanent)
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("the stranger was asked %d times", n)
	}
}

// strangeCertificate: nothing is said to a server that can't prove who it is.
func (h HTTP) strangeCertificate(t *testing.T) {
	t.Helper()
	var asked atomic.Int64
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // "bad certificate" is what we want
	srv.StartTLS()
	t.Cleanup(srv.Close)
	r, err := h.Make(t, srv.URL).Send(t.Context(), h.Address, Page())
	Check(t, r, err, Temporary)
	if err != nil && !strings.Contains(err.Error(), "certificate") {
		t.Errorf("the error does not speak of the certificate: %v", err)
	}
	if asked.Load() > 0 {
		t.Error("the page went to a server with a certificate of nobody known")
	}
}
