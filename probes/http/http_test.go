package http_test

import (
	"context"
	"fmt"
	"net"
	stdhttp "net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/http"
	"watchpost.example/probes/probetest"
	"watchpost.example/probes/wire"
)

func prober(tb testing.TB, w *wire.Wire, set func(*http.Settings)) probes.Prober {
	tb.Helper()
	return probetest.Prober(tb, http.Kind(w), set)
}

func look(tb testing.TB, p probes.Prober) probes.Observation {
	tb.Helper()
	return probetest.Look(tb, p, 2*time.Second)
}

func want(tb testing.TB, o probes.Observation, v probes.Verdict, r probes.Reason) {
	tb.Helper()
	if o.Verdict != v || o.Reason != r {
		tb.Errorf("%s %q (%s), want %s %q", o.Verdict, o.Reason, o.Detail, v, r)
	}
}

func TestContract(t *testing.T) {
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			probetest.Contract(t, probetest.Subject{Kind: http.Kind, Prober: func(tb testing.TB, w *wire.Wire, addr string) probes.Prober {
				tb.Helper()
				return prober(tb, w, func(s *http.Settings) { s.URL, s.Expect.Body = scheme+"://"+addr+"/", "welcome" })
			}})
		})
	}
}

// Each way of failing has its own reason; a table, so that a runbook can rest on it.
func TestMisbehaviourReasons(t *testing.T) {
	reasons := map[string]probes.Reason{
		"accepts and says nothing":          probes.HTTPTimeout,
		"drips a byte a second":             probes.HTTPTimeout,
		"closes at once":                    probes.TCPClosed,
		"resets after the request":          probes.TCPReset,
		"sends garbage":                     probes.HTTPProtocol,
		"sends for ever":                    probes.HTTPProtocol,
		"sends a header without end":        probes.HTTPTooLarge,
		"sends headers without end":         probes.HTTPTooLarge,
		"sends a body without end":          probes.OK,
		"sends chunks without end":          probes.OK,
		"sends a malformed chunk":           probes.HTTPProtocol,
		"ends the body early":               probes.HTTPEarlyEnd,
		"sends interim answers without end": probes.HTTPProtocol,
		"sends a gzip bomb":                 probes.HTTPBadEncode,
		"redirects in a circle":             probes.HTTPRedirect,
		"redirects without end":             probes.HTTPRedirect,
		"speaks HTTP on a TLS port":         probes.HTTPStatus,
	}
	w := probetest.NewWire(t, nil)
	for _, m := range probetest.Misbehaviours() {
		reason, ok := reasons[m.Name]
		if !ok {
			continue
		}
		delete(reasons, m.Name)
		t.Run(m.Name, func(t *testing.T) {
			srv := probetest.Start(t, m.Handle)
			ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
			defer cancel()
			o := prober(t, w, func(s *http.Settings) { s.URL = "http://" + srv.Addr() + "/" }).Probe(ctx)
			v := probes.Down
			if reason == probes.OK {
				v = probes.Up
			}
			if m.Name == "closes at once" && o.Reason == probes.TCPReset {
				o.Reason = probes.TCPClosed // whether our request was on its way decides
			}
			want(t, o, v, reason)
		})
	}
	if len(reasons) > 0 {
		t.Errorf("no such misbehaviour: %v", reasons)
	}
}

func site(t *testing.T, h stdhttp.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func TestExpectations(t *testing.T) {
	w := probetest.NewWire(t, nil)
	s := site(t, func(rw stdhttp.ResponseWriter, r *stdhttp.Request) {
		rw.Header().Set("X-Frame-Options", "DENY")
		rw.Header().Set("Set-Cookie", "session=hush")
		if r.URL.Path == "/500" {
			rw.WriteHeader(stdhttp.StatusInternalServerError)
		}
		_, _ = fmt.Fprint(rw, "<h1>Trang chủ: dịch vụ công</h1>")
	})
	for _, c := range []struct {
		name string
		set  func(*http.Settings)
		v    probes.Verdict
		r    probes.Reason
	}{
		{"plain", func(*http.Settings) {}, probes.Up, probes.OK},
		{"500", func(s *http.Settings) { s.URL += "500" }, probes.Down, probes.HTTPStatus},
		{"500 expected", func(s *http.Settings) { s.URL += "500"; s.Expect.Status = []string{"2xx", "500"} }, probes.Up, probes.OK},
		{"range", func(s *http.Settings) { s.Expect.Status = []string{"201-299"} }, probes.Down, probes.HTTPStatus},
		{"body", func(s *http.Settings) { s.Expect.Body = "dịch vụ công" }, probes.Up, probes.OK},
		{"body missing", func(s *http.Settings) { s.Expect.Body = "nộp hồ sơ" }, probes.Down, probes.HTTPBody},
		{"body forbidden", func(s *http.Settings) { s.Expect.BodyNot = "<h1>" }, probes.Down, probes.HTTPBody},
		{"header", func(s *http.Settings) { s.Expect.Headers = map[string]string{"x-frame-options": "DENY|SAMEORIGIN"} }, probes.Up, probes.OK},
		{"header differs", func(s *http.Settings) { s.Expect.Headers = map[string]string{"X-Frame-Options": "^SAMEORIGIN$"} }, probes.Down, probes.HTTPHeader},
		{"header missing", func(s *http.Settings) { s.Expect.Headers = map[string]string{"Strict-Transport-Security": ""} }, probes.Down, probes.HTTPHeader},
		{"slow", func(s *http.Settings) { s.Slow = probes.Duration(time.Nanosecond) }, probes.Degraded, probes.HTTPSlow},
		{"head", func(s *http.Settings) { s.Method = "HEAD" }, probes.Up, probes.OK},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := look(t, prober(t, w, func(x *http.Settings) { x.URL = s.URL + "/"; c.set(x) }))
			want(t, o, c.v, c.r)
			probetest.Check(t, http.Kind(w), o)
			if c.v == probes.Down {
				if len(o.Evidence) != 1 || !strings.Contains(string(o.Evidence[0].Bytes), "dịch vụ công") {
					t.Errorf("evidence: %+v", o.Evidence)
				} else if strings.Contains(string(o.Evidence[0].Bytes), "hush") {
					t.Error("the evidence holds a session cookie")
				}
			}
		})
	}
}

func TestRedirects(t *testing.T) {
	d := probetest.StartDNS(t)
	d.Set("portal.example", netip.MustParseAddr("127.0.0.1"))
	d.Set("elsewhere.example", netip.MustParseAddr("127.0.0.1"))
	w := probetest.NewWire(t, d)
	var auth, cookie []string
	s := site(t, func(rw stdhttp.ResponseWriter, r *stdhttp.Request) {
		auth = append(auth, r.Host+r.Header.Get("Authorization")+r.Header.Get("X-Own"))
		cookie = append(cookie, r.Header.Get("Cookie"))
		_, port, _ := net.SplitHostPort(r.Host)
		switch r.URL.Path {
		case "/login":
			stdhttp.SetCookie(rw, &stdhttp.Cookie{Name: "sid", Value: "7"})
			stdhttp.Redirect(rw, r, "/home", stdhttp.StatusFound)
		case "/away":
			stdhttp.Redirect(rw, r, "http://elsewhere.example:"+port+"/home", stdhttp.StatusFound)
		case "/same": // sets a cookie and sends back to itself, as many portals do
			if _, err := r.Cookie("seen"); err != nil {
				stdhttp.SetCookie(rw, &stdhttp.Cookie{Name: "seen", Value: "1"})
				stdhttp.Redirect(rw, r, "/same", stdhttp.StatusFound)
			}
		case "/circle":
			stdhttp.Redirect(rw, r, "/circle", stdhttp.StatusFound)
		case "/js":
			rw.Header().Set("Location", "javascript:alert(1)")
			rw.WriteHeader(stdhttp.StatusFound)
		}
	})
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	base := "http://portal.example:" + u.Port()
	secret := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(secret, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ask := func(path string, set func(*http.Settings)) probes.Observation {
		auth, cookie = nil, nil
		return look(t, prober(t, w, func(x *http.Settings) {
			x.URL, x.Username, x.PasswordFile = base+path, "watch", secret
			x.Headers = map[string]string{"X-Own": "mine"}
			if set != nil {
				set(x)
			}
		}))
	}
	o := ask("/login", nil)
	want(t, o, probes.Up, probes.OK)
	if len(cookie) != 2 || cookie[1] != "sid=7" || len(o.Parts[0].Hops) != 1 {
		t.Errorf("cookies %q, hops %q", cookie, o.Parts[0].Hops)
	}
	if v, _ := o.Facts.Get(probes.FactHTTPRedirects); v != 1 {
		t.Errorf("redirects %v", v)
	}
	o = ask("/away", nil)
	want(t, o, probes.Up, probes.OK)
	if len(auth) != 2 || !strings.Contains(auth[0], "Basic ") || strings.Contains(auth[1], "Basic") || strings.Contains(auth[1], "mine") {
		t.Errorf("secrets or own headers crossed hosts: %q", auth)
	}
	want(t, ask("/same", nil), probes.Up, probes.OK)
	o = ask("/circle", nil)
	want(t, o, probes.Down, probes.HTTPRedirect)
	if len(auth) > 3 {
		t.Errorf("a circle was run through %d times", len(auth))
	}
	want(t, ask("/js", nil), probes.Down, probes.HTTPRedirect)
	want(t, ask("/login", func(x *http.Settings) { x.FollowRedirects = false }), probes.Down, probes.HTTPStatus)
	want(t, ask("/login", func(x *http.Settings) { x.MaxRedirects = 0 }), probes.Down, probes.HTTPRedirect)

	if err := os.Remove(secret); err != nil {
		t.Fatal(err)
	}
}

// A redirect to an inner address is refused even though the first one is allowed.
func TestRedirectToForbiddenPlace(t *testing.T) {
	d := probetest.StartDNS(t)
	d.Set("inner.example", netip.MustParseAddr("127.0.0.9"))
	w := probetest.NewWire(t, d, func(o *wire.Options) { o.Guard = wire.PublicOnly(netip.MustParsePrefix("127.0.0.1/32")) })
	asked := 0
	inner, err := probetest.Serve("127.0.0.9:0", func(net.Conn, <-chan struct{}) { asked++ })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = inner.Close() }()
	for _, to := range []string{"http://" + inner.Addr() + "/", "http://inner.example/", "http://169.254.169.254/latest/meta-data/", "http://[::ffff:127.0.0.9]/"} {
		s := site(t, func(rw stdhttp.ResponseWriter, r *stdhttp.Request) { stdhttp.Redirect(rw, r, to, stdhttp.StatusFound) })
		o := look(t, prober(t, w, func(x *http.Settings) { x.URL = s.URL }))
		want(t, o, probes.Down, probes.HTTPRedirect)
	}
	if asked > 0 {
		t.Error("the forbidden server was connected to")
	}
}

// A look at a v6 address stays with v6 when a redirect leads to another host,
// or it would say of one family what is true of the other.
func TestRedirectKeepsTheFamily(t *testing.T) {
	d := probetest.StartDNS(t)
	d.Set("both.example", netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback())
	var port string
	srv, err := probetest.Serve("[::1]:0", func(c net.Conn, _ <-chan struct{}) {
		b := make([]byte, 2048)
		n, _ := c.Read(b)
		if strings.HasPrefix(string(b[:n]), "GET /away") {
			_, _ = fmt.Fprintf(c, "HTTP/1.1 302 Found\r\nLocation: http://both.example:%s/\r\n\r\n", port)
			return
		}
		_, _ = fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = srv.Close() }()
	_, port, _ = net.SplitHostPort(srv.Addr())
	o := look(t, prober(t, probetest.NewWire(t, d), func(x *http.Settings) { x.URL = "http://" + srv.Addr() + "/away" }))
	want(t, o, probes.Up, probes.OK)
}

type tlsSite struct {
	ca  *probetest.CA
	srv *probetest.Server
	w   *wire.Wire
}

func secure(t *testing.T, spec probetest.Spec, handle func(net.Conn, <-chan struct{})) tlsSite {
	t.Helper()
	ca, err := probetest.NewCA("HTTP")
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := ca.Issue(spec)
	if err != nil {
		t.Fatal(err)
	}
	srv, err := probetest.ServeTLS("127.0.0.1:0", func(string) probetest.Leaf { return leaf }, handle)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	return tlsSite{ca, srv, probetest.NewWire(t, nil, func(o *wire.Options) { o.Roots = ca.Pool() })}
}

// An expired certificate makes the page down, yet what the page said and every
// fact of the certificate stay known; the secret is not given to it.
func TestExpiredCertificateKeepsTheFacts(t *testing.T) {
	var got string
	s := secure(t, probetest.Spec{Names: []string{"127.0.0.1"}, NotBefore: time.Now().AddDate(0, -3, 0), NotAfter: time.Now().Add(-time.Hour)},
		func(c net.Conn, _ <-chan struct{}) {
			b := make([]byte, 4096)
			n, _ := c.Read(b)
			got = string(b[:n])
			_, _ = c.Write([]byte("HTTP/1.1 503 Down\r\nContent-Length: 0\r\n\r\n"))
		})
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("t0ken"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := look(t, prober(t, s.w, func(x *http.Settings) { x.URL, x.BearerFile = "https://"+s.srv.Addr(), token }))
	want(t, o, probes.Down, probes.TLSExpired)
	if v, _ := o.Facts.Get(probes.FactHTTPStatusCode); v != 503 {
		t.Errorf("status %v", v)
	}
	if v, ok := o.Facts.Get(probes.FactTLSLeafNotAfter); !ok || v <= 0 {
		t.Errorf("leaf not after %v %v", v, ok)
	}
	if strings.Contains(got, "t0ken") {
		t.Error("the token went to a server whose certificate is not to be trusted")
	}
	if !slices.ContainsFunc(o.Findings, func(f probes.Finding) bool { return f.Reason == probes.HTTPStatus }) {
		t.Errorf("the page's own fault is not among the findings: %+v", o.Findings)
	}
	if len(o.Parts[0].Certificates) != 2 {
		t.Errorf("%d certificates", len(o.Parts[0].Certificates))
	}
}

func TestDowngradeIsAFinding(t *testing.T) {
	plain := site(t, func(stdhttp.ResponseWriter, *stdhttp.Request) {})
	s := secure(t, probetest.Spec{Names: []string{"127.0.0.1"}}, probetest.Answer("HTTP/1.1 301 Moved\r\nLocation: "+plain.URL+"\r\n\r\n"))
	o := look(t, prober(t, s.w, func(x *http.Settings) { x.URL = "https://" + s.srv.Addr() }))
	want(t, o, probes.Up, probes.OK)
	if len(o.Findings) != 1 || o.Findings[0].Reason != probes.HTTPDowngrade {
		t.Errorf("findings %+v", o.Findings)
	}
}

func TestHTTP2(t *testing.T) {
	s := httptest.NewUnstartedServer(stdhttp.HandlerFunc(func(rw stdhttp.ResponseWriter, r *stdhttp.Request) { _, _ = fmt.Fprint(rw, r.Proto) }))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	before := probetest.Resources()
	for _, c := range []struct {
		on      bool
		version float64
	}{{true, 2}, {false, 1.1}} {
		w := probetest.NewWire(t, nil)
		o := look(t, prober(t, w, func(x *http.Settings) { x.URL, x.HTTP2 = s.URL, c.on }))
		if v, _ := o.Facts.Get(probes.FactHTTPVersion); v != c.version {
			t.Errorf("http2 %v: version %v (%s)", c.on, v, o.Detail)
		}
	}
	probetest.Settle(t, before)
}

func TestGzipIsDecoded(t *testing.T) {
	w := probetest.NewWire(t, nil)
	body := probetest.Bomb(100_000) // below the least size of a bomb
	s := site(t, func(rw stdhttp.ResponseWriter, _ *stdhttp.Request) {
		rw.Header().Set("Content-Encoding", "gzip")
		_, _ = rw.Write(body)
	})
	o := look(t, prober(t, w, func(x *http.Settings) { x.URL, x.Expect.Body = s.URL, "^\\x00+$" }))
	want(t, o, probes.Up, probes.OK)
	if v, _ := o.Facts.Get(probes.FactHTTPUncompressedSize); v != 100_000 {
		t.Errorf("size %v", v)
	}
}
