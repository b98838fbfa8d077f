package http

import (
	"bufio"
	"bytes"
	"context"
	stdtls "crypto/tls"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/wire"
	"watchpost.example/probes/wire/chain"
)

// request is one hop to be asked.
type request struct {
	url    *url.URL
	method string
	body   []byte
}

// exchange is one hop asked: what came back, however far it came.
type exchange struct {
	url    *url.URL
	err    error
	status int
	proto  float64 // 1, 1.1, 2
	text   string  // the status line's words
	header http.Header
	length int64 // -1 = not said

	body      []byte // the part that is kept
	size      int64  // decoded bytes read
	truncated bool   // the body goes on behind the limit

	tls       *stdtls.ConnectionState
	judgement chain.Judgement
}

// untrusted tells whether the certificate is such that no secret may follow it.
func (x *exchange) untrusted() bool {
	for _, f := range x.judgement.Faults {
		if f.Verdict != probes.Up && f.Reason != probes.TLSWeakKey && f.Reason != probes.TLSProtocol {
			return true
		}
	}
	return false
}

// Errors that the judge tells apart.
var (
	errHeadTooLarge = errors.New("the header is longer than 64 KiB")
	errNotHTTP      = errors.New("the answer is not HTTP")
	errEarlyEnd     = errors.New("the answer ended before its end")
	errEncoding     = errors.New("the body can't be decoded")
	errBomb         = errors.New("the body is a decompression bomb")
	errHTTPTimeout  = errors.New("the answer did not come within the time allowed")
)

// Limits.
const (
	maxHead     = 64 << 10 // bytes of status line and headers
	maxInterim  = 5        // 1xx answers before the real one
	keepOfBody  = 4 << 10  // bytes kept when no expectation needs more
	bombRatio   = 100      // decoded bytes a coded byte may become, and
	bombMinimum = 256 << 10
)

// exchange asks one hop at ap on a connection of its own and closes it.
func (l *look) exchange(ctx context.Context, rq request, ap netip.AddrPort) *exchange {
	x := &exchange{url: rq.url, length: -1}
	start := time.Now()
	c, err := l.wire.Dial(ctx, "tcp", ap)
	l.phases[probes.Connect] += time.Since(start)
	if err != nil {
		x.err = err
		return x
	}
	defer func() { _ = c.Close() }() // everything was read by then
	if rq.url.Scheme == "https" {
		start = time.Now()
		t, s, err := wire.Handshake(c, l.configFor(rq.url.Hostname()))
		l.phases[probes.TLS] += time.Since(start)
		if len(s.PeerCertificates) > 0 || err == nil {
			x.tls = &s
			x.judgement = l.book.Judge(s, rq.url.Hostname(), time.Now(), l.policy)
		}
		if err != nil {
			x.err = err
			return x
		}
		if s.NegotiatedProtocol == "h2" {
			x.err = l.overHTTP2(ctx, t, rq, x)
			return x
		}
		c = t
	}
	x.err = l.overHTTP1(c, rq, x)
	return x
}

func (l *look) configFor(host string) *stdtls.Config {
	if host == l.host && l.config != nil {
		return l.config
	}
	return wire.TLSConfig(host, l.alpn...)
}

// overHTTP1 is one request and one answer (RFC 9112). It is written out here
// and not left to http.Transport, which starts two goroutines and a pool for
// every look and knows neither where the header's limit was hit nor when the
// first byte came.
func (l *look) overHTTP1(c net.Conn, rq request, x *exchange) error {
	var b bytes.Buffer
	if err := l.write(&b, rq, x.untrusted()); err != nil {
		return err
	}
	_, werr := c.Write(b.Bytes())
	if werr != nil && wire.Classify(werr).Ours() {
		return werr
	}
	// A server may answer and close before it has read all, so the answer is
	// looked for even when writing failed.
	sent := time.Now()
	m := &meter{r: c, left: maxHead}
	br := l.readers.Get().(*bufio.Reader) //nolint:forcetypeassert // the pool holds nothing else
	br.Reset(m)
	defer func() { br.Reset(nil); l.readers.Put(br) }()
	head, err := br.Peek(5)
	first := time.Now()
	l.phases[probes.Processing] += first.Sub(sent)
	if err != nil && len(head) == 0 {
		if werr != nil {
			err = werr
		}
		return stage(err)
	}
	defer func() { l.phases[probes.Transfer] += time.Since(first) }()
	if !bytes.HasPrefix([]byte("HTTP/"), head) {
		more, _ := br.Peek(min(br.Buffered(), 64)) // what is there already, for the people
		return &wire.Error{Reason: probes.HTTPProtocol, Detail: "the answer is not HTTP; it begins " + probes.Quote(string(more), 64)}
	}
	res, err := readHead(br, rq.method) //nolint:bodyclose // it is a view of c, which exchange closes
	if err != nil {
		// The parser takes a line that was cut off for a malformed one, so what
		// cut it off is asked first.
		if m.err != nil && !errors.Is(m.err, io.EOF) {
			err = m.err
		}
		return headError(err)
	}
	m.left = 2*l.bodyLimit + maxHead // chunk framing needs more than the body
	return l.take(res, rq.method, x)
}

// readHead reads the answer's head and skips interim ones.
func readHead(br *bufio.Reader, method string) (*http.Response, error) {
	rq := &http.Request{Method: method}
	for range maxInterim + 1 {
		res, err := http.ReadResponse(br, rq)
		if err != nil {
			return nil, err
		}
		if res.StatusCode < 100 || res.StatusCode > 199 || res.StatusCode == http.StatusSwitchingProtocols {
			return res, nil
		}
	}
	return nil, errNotHTTP
}

func headError(err error) error {
	switch {
	case errors.Is(err, errHeadTooLarge):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errEarlyEnd
	case wire.Classify(err) == probes.TCPClosed: // not the network's: the parser's
		return &wire.Error{Reason: probes.HTTPProtocol, Detail: "the answer is not HTTP: " + probes.Quote(err.Error(), 160)}
	}
	return stage(err)
}

// stage calls a timeout by what it waited for.
func stage(err error) error {
	if !wire.Classify(err).Ours() && (errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded)) {
		return errHTTPTimeout
	}
	return err
}

// take reads head and body of an answer into x.
func (l *look) take(res *http.Response, method string, x *exchange) error {
	x.status, x.header, x.length = res.StatusCode, res.Header, res.ContentLength
	x.text = res.Status
	x.proto = float64(res.ProtoMajor)
	if res.ProtoMinor > 0 {
		x.proto += float64(res.ProtoMinor) / 10
	}
	if method == http.MethodHead || res.Body == nil {
		return nil
	}
	if l.follow && redirect(res.StatusCode) && res.Header.Get("Location") != "" {
		return nil // nobody reads the page behind a redirect
	}
	return l.read(res, x)
}

// write puts the request on the wire. Secrets and the check's own headers go
// to the origin that the check names and nowhere else, and secrets not to a
// certificate that is not to be trusted.
func (l *look) write(b *bytes.Buffer, rq request, untrusted bool) error {
	b.Grow(512)
	b.WriteString(rq.method)
	b.WriteByte(' ')
	b.WriteString(rq.url.RequestURI())
	b.WriteString(" HTTP/1.1\r\nHost: ")
	h, err := l.headersFor(rq, untrusted)
	if err != nil {
		return err
	}
	host := rq.url.Host
	if own := h.Get("Host"); own != "" {
		host = own
		h.Del("Host")
	}
	b.WriteString(host)
	b.WriteString("\r\nConnection: close\r\n")
	if len(rq.body) > 0 || rq.method == http.MethodPost || rq.method == http.MethodPut {
		b.WriteString("Content-Length: ")
		b.WriteString(strconv.Itoa(len(rq.body)))
		b.WriteString("\r\n")
	}
	if err := h.Write(b); err != nil {
		return err
	}
	b.WriteString("\r\n")
	b.Write(rq.body)
	return nil
}

// agent is an honest name: availability probes imitate nobody.
const agent = "watchpost (availability monitoring)"

func (l *look) headersFor(rq request, untrusted bool) (http.Header, error) {
	h := http.Header{"User-Agent": {agent}, "Accept": {"*/*"}, "Accept-Encoding": {"gzip, deflate"}}
	if sameOrigin(l.url, rq.url) {
		maps.Copy(h, l.headers)
		if !untrusted && !l.faulty {
			if err := l.secret.apply(h); err != nil {
				return nil, err
			}
		}
	}
	if c := l.cookies(rq.url); c != "" {
		h.Set("Cookie", c)
	}
	return h, nil
}

// overHTTP2 leaves the framing to the standard library, on the connection that
// we dialled and judged.
func (l *look) overHTTP2(ctx context.Context, t *stdtls.Conn, rq request, x *exchange) error {
	h, err := l.headersFor(rq, x.untrusted())
	if err != nil {
		return err
	}
	tr := &http.Transport{
		DialTLSContext:         func(context.Context, string, string) (net.Conn, error) { return t, nil },
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHead,
	}
	defer tr.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, rq.method, rq.url.String(), bytes.NewReader(rq.body))
	if err != nil {
		return err
	}
	if own := h.Get("Host"); own != "" {
		r.Host = own
		h.Del("Host")
	}
	r.Header = h
	sent := time.Now()
	res, err := tr.RoundTrip(r)
	first := time.Now()
	l.phases[probes.Processing] += first.Sub(sent)
	if err != nil {
		return headError(err)
	}
	defer func() { _ = res.Body.Close() }() // the connection goes with it
	err = l.take(res, rq.method, x)
	l.phases[probes.Transfer] += time.Since(first)
	return err
}

// meter bounds what may be read of a connection.
type meter struct {
	r    io.Reader
	left int64
	err  error // the first one
}

func (m *meter) Read(p []byte) (int, error) {
	if m.left <= 0 {
		if m.err == nil {
			m.err = errHeadTooLarge
		}
		return 0, errHeadTooLarge
	}
	if int64(len(p)) > m.left {
		p = p[:m.left]
	}
	n, err := m.r.Read(p)
	m.left -= int64(n)
	if m.err == nil {
		m.err = err
	}
	return n, err
}
