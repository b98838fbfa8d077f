// Package http is the kind that fetches a page from each address of a site,
// follows its redirects, judges the certificate on the way, and compares the
// answer with what was expected. See README.md.
package http

import (
	"bufio"
	"context"
	stdtls "crypto/tls"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/publicsuffix"

	"watchpost.example/probes"
	"watchpost.example/probes/wire"
	"watchpost.example/probes/wire/chain"
)

// Kind is the kind "http" on w.
func Kind(w *wire.Wire) probes.Kind {
	e := &engine{wire: w}
	e.readers.New = func() any { return bufio.NewReaderSize(nil, 4096) }
	e.buffers.New = func() any { b := make([]byte, 16<<10); return &b }
	return probes.Kind{
		Name: "http",
		Doc:  "fetches a page from each address, with redirects, and judges status, headers, body, time and certificate",
		New:  func() probes.Settings { return defaults(e) },
	}
}

// engine is what all checks of the kind share.
type engine struct {
	wire    *wire.Wire
	readers sync.Pool // *bufio.Reader
	buffers sync.Pool // *[]byte
}

// prober asks; made by Settings.Prober only.
type prober struct {
	*engine
	url        *url.URL
	host       string // in A-label form, without port
	port       uint16
	method     string
	headers    http.Header
	body       []byte
	secret     secret
	want       expectation
	follow     bool
	maxHops    int
	bodyLimit  int64
	slow       time.Duration
	alpn       []string
	config     *stdtls.Config
	book       *chain.Book
	policy     chain.Policy
	requireAll bool
}

// Probe fetches from every address.
func (p *prober) Probe(ctx context.Context) probes.Observation {
	o := wire.EachAddress(ctx, p.wire, p.host, p.port, p.requireAll, p.ask)
	wire.CompareCertificates(&o)
	return o
}

func (p *prober) ask(ctx context.Context, ap netip.AddrPort) (a wire.Answer) {
	l := &look{prober: p, first: ap, started: time.Now()}
	l.run(ctx)
	l.took = time.Since(l.started)
	judge(&a, l)
	return a
}

// look is one fetch from one address, over all its redirects. judge reads it.
type look struct {
	*prober
	first   netip.AddrPort
	started time.Time

	took      time.Duration
	phases    probes.Phases
	hops      []string
	parts     []*exchange // one per hop, the last is what counts
	err       error       // what ended the look; nil = an answer was read
	downgrade string      // the address that an https hop led to in clear
	jar       http.CookieJar
	faulty    bool // some hop's certificate is not to be trusted
}

// errRedirect is a redirect that is not followed; its text is for people.
type errRedirect struct{ why string }

func (e errRedirect) Error() string { return e.why }

// run follows hop after hop until an answer that is none, or an error.
func (l *look) run(ctx context.Context) {
	rq := request{url: l.url, method: l.method, body: l.body}
	ap := l.first
	seen := make(map[string]bool, 1)
	for {
		x := l.exchange(ctx, rq, ap)
		l.parts = append(l.parts, x)
		l.faulty = l.faulty || x.untrusted()
		if l.err = x.err; l.err != nil || !l.follow || !redirect(x.status) {
			return
		}
		next, err := l.next(rq, x)
		if err != nil || next == nil {
			l.err = err
			return
		}
		l.hops = append(l.hops, probes.Clip(next.url.String(), 300))
		if len(l.hops) > l.maxHops {
			l.err = errRedirect{"the redirects do not end: more than " + plural(l.maxHops, "hop")}
			return
		}
		key := next.method + " " + next.url.String() + " " + l.cookies(next.url)
		if seen[key] {
			l.err = errRedirect{"the redirects run in a circle, at " + probes.Quote(next.url.String(), 160)}
			return
		}
		seen[key] = true
		if ap, l.err = l.address(ctx, next.url, ap); l.err != nil {
			return
		}
		rq = *next
	}
}

func redirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// next makes the request that a redirect asks for; nil when the answer has no
// Location and so is itself the answer.
func (l *look) next(now request, x *exchange) (*request, error) {
	loc := x.header.Get("Location")
	if loc == "" {
		return nil, nil
	}
	u, err := target(now.url, loc)
	if err != nil {
		return nil, err
	}
	if now.url.Scheme == "https" && u.Scheme == "http" && l.downgrade == "" {
		l.downgrade = u.String()
	}
	l.keepCookies(now.url, x.header)
	n := &request{url: u, method: now.method, body: now.body}
	switch {
	case x.status == http.StatusSeeOther && now.method != http.MethodHead,
		(x.status == http.StatusMovedPermanently || x.status == http.StatusFound) && now.method == http.MethodPost:
		n.method, n.body = http.MethodGet, nil // as browsers do (RFC 9110 15.4)
	case len(n.body) > 0 && !sameOrigin(l.url, u):
		return nil, errRedirect{"the redirect would carry the request's body to another host, " + probes.Quote(u.Host, 100)}
	}
	return n, nil
}

// target reads a Location header.
func target(from *url.URL, loc string) (*url.URL, error) {
	if len(loc) > maxLocation {
		return nil, errRedirect{"the redirect's address is too long: " + probes.Quote(loc, 120)}
	}
	u, err := from.Parse(loc)
	if err != nil {
		return nil, errRedirect{"the redirect leads to what is no address: " + probes.Quote(loc, 120)}
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errRedirect{"the redirect leads to " + probes.Quote(loc, 120) + ", which is neither http nor https"}
	}
	u.User, u.Fragment = nil, "" // a redirect can't give us credentials
	host, bad := wire.HostName(u.Hostname())
	if bad != "" {
		return nil, errRedirect{"the redirect leads to a host that can't be: " + bad}
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return nil, errRedirect{"the redirect leads to a port that can't be: " + probes.Quote(p, 20)}
		}
	}
	setHost(u, host)
	return u, nil
}

// maxLocation bounds a Location header, in bytes.
const maxLocation = 8 << 10

// address chooses whom to ask for the next hop: the same server while the host
// and port stay, else an address of the new host, of the same family if there
// is one, so that a v6 look stays a v6 look.
func (l *look) address(ctx context.Context, u *url.URL, before netip.AddrPort) (netip.AddrPort, error) {
	port := portOf(u)
	if u.Hostname() == l.host {
		return netip.AddrPortFrom(l.first.Addr(), port), nil
	}
	start := time.Now()
	addrs, err := l.wire.Resolve(ctx, u.Hostname())
	l.phases[probes.Resolve] += time.Since(start)
	if err != nil {
		return before, err
	}
	for _, a := range addrs {
		if err := l.wire.AllowedHop(before.Addr(), a); err != nil {
			return before, errRedirect{"the redirect leads to a forbidden place: " + err.Error()}
		}
	}
	for _, a := range addrs {
		if a.Is4() == l.first.Addr().Is4() {
			return netip.AddrPortFrom(a, port), nil
		}
	}
	return netip.AddrPortFrom(addrs[0], port), nil
}

// keepCookies makes the jar at the first cookie; it is thrown away with the look.
func (l *look) keepCookies(u *url.URL, h http.Header) {
	if len(h["Set-Cookie"]) == 0 {
		return
	}
	if l.jar == nil {
		jar, err := cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List})
		if err != nil {
			return // New has no way to fail
		}
		l.jar = jar
	}
	set := (&http.Response{Header: h}).Cookies()
	l.jar.SetCookies(u, set[:min(len(set), maxCookies)])
}

// maxCookies bounds the cookies taken of one answer.
const maxCookies = 50

func (l *look) cookies(u *url.URL) string {
	if l.jar == nil {
		return ""
	}
	var s []string
	for _, c := range l.jar.Cookies(u) {
		s = append(s, c.Name+"="+c.Value)
	}
	return strings.Join(s, "; ")
}

func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && a.Hostname() == b.Hostname() && portOf(a) == portOf(b)
}
