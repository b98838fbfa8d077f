package http

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"watchpost.example/probes"
	"watchpost.example/probes/wire"
	"watchpost.example/probes/wire/chain"
)

// Settings of an http check.
type Settings struct {
	URL     string            `yaml:"url" json:"url" doc:"full address of the page"`
	Method  string            `yaml:"method,omitempty" json:"method,omitempty" doc:"request method; default GET"`
	Headers map[string]string `yaml:"headers,omitempty" json:"headers,omitempty" doc:"headers to send, to this origin only; no secrets here"`
	Body    string            `yaml:"body,omitempty" json:"body,omitempty" doc:"request body"`

	Username     string `yaml:"username,omitempty" json:"username,omitempty" doc:"user of basic authentication"`
	PasswordFile string `yaml:"password_file,omitempty" json:"password_file,omitempty" doc:"file with the password of basic authentication, read at each look"`
	BearerFile   string `yaml:"bearer_file,omitempty" json:"bearer_file,omitempty" doc:"file with a bearer token, read at each look"`

	Expect Expect `yaml:"expect,omitempty" json:"expect,omitzero" doc:"what the answer must be"`

	FollowRedirects bool            `yaml:"follow_redirects" json:"follow_redirects" doc:"follow redirects; default true"`
	MaxRedirects    int             `yaml:"max_redirects,omitempty" json:"max_redirects,omitempty" doc:"redirects followed at most; default 10"`
	BodyLimit       int             `yaml:"body_limit,omitempty" json:"body_limit,omitempty" doc:"bytes of the decoded body that are read; default 1048576"`
	Slow            probes.Duration `yaml:"slow,omitempty" json:"slow,omitempty" doc:"slower than this is degraded; default never"`
	HTTP2           bool            `yaml:"http2,omitempty" json:"http2,omitempty" doc:"offer HTTP/2; default false"`
	RootsFile       string          `yaml:"roots_file,omitempty" json:"roots_file,omitempty" doc:"PEM file of roots trusted beside the system's"`
	Warn            probes.Duration `yaml:"warn,omitempty" json:"warn,omitempty" doc:"finding this long before a certificate ends; default 21d"`
	Page            probes.Duration `yaml:"page,omitempty" json:"page,omitempty" doc:"urgent finding this long before a certificate ends; default 3d"`
	RequireAll      bool            `yaml:"require_all,omitempty" json:"require_all,omitempty" doc:"one bad address makes the check down instead of degraded"`

	engine *engine
}

// Expect is what the answer must be.
type Expect struct {
	Status  []string          `yaml:"status,omitempty" json:"status,omitempty" doc:"codes, classes or ranges: 200, 2xx, 200-299; default 2xx"`
	Body    string            `yaml:"body,omitempty" json:"body,omitempty" doc:"regular expression that the body must match"`
	BodyNot string            `yaml:"body_not,omitempty" json:"body_not,omitempty" doc:"regular expression that the body must not match"`
	Headers map[string]string `yaml:"headers,omitempty" json:"headers,omitempty" doc:"regular expression for each header that must be there"`
}

const maxBodyLimit = 64 << 20

func defaults(e *engine) *Settings {
	return &Settings{
		engine: e, FollowRedirects: true, MaxRedirects: 10, BodyLimit: 1 << 20,
		Warn: probes.Duration(21 * 24 * time.Hour), Page: probes.Duration(3 * 24 * time.Hour),
	}
}

// SetTarget takes the system's URL when it is http or https.
func (s *Settings) SetTarget(rawURL string) {
	if u, err := url.Parse(rawURL); s.URL == "" && err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		s.URL = rawURL
	}
}

// Problems lists all that is wrong.
func (s *Settings) Problems() []probes.Problem {
	out := make([]probes.Problem, 0, 4)
	bad := func(field, found, expected string) {
		out = append(out, probes.Problem{Field: field, Found: found, Expected: expected})
	}
	if _, why := parseTarget(s.URL); why != "" {
		bad("url", probes.Quote(s.URL, 120)+": "+why, "a full address such as https://portal.example/")
	}
	if s.Method != "" && !slices.Contains(methods(), s.Method) {
		out = append(out, probes.Problem{Field: "method", Found: probes.Quote(s.Method, 20), Expected: "one of " + strings.Join(methods(), ", "), Similar: methods()})
	}
	s.headerProblems(bad)
	s.secretProblems(bad)
	s.expectProblems(bad)
	s.limitProblems(bad)
	if _, err := s.engine.wire.BookWith(s.RootsFile); err != nil {
		bad("roots_file", err.Error(), "a readable PEM file with at least one certificate")
	}
	return out
}

func methods() []string { return []string{"GET", "HEAD", "POST", "PUT", "OPTIONS"} }

func (s *Settings) headerProblems(bad func(field, found, expected string)) {
	for _, k := range sortedKeys(s.Headers) {
		field := "headers." + k
		canonical := http.CanonicalHeaderKey(k)
		switch {
		case !httpguts.ValidHeaderFieldName(k) || !httpguts.ValidHeaderFieldValue(s.Headers[k]):
			bad(field, probes.Quote(k+": "+s.Headers[k], 80), "a header name and a value without control characters")
		case canonical == "Authorization" || canonical == "Proxy-Authorization":
			bad(field, "a secret in the inventory", "username with password_file, or bearer_file")
		case slices.Contains([]string{"Connection", "Content-Length", "Transfer-Encoding", "Accept-Encoding", "Te", "Trailer", "Upgrade"}, canonical):
			bad(field, probes.Quote(k, 40), "no header that frames the message; these are set by the probe")
		}
	}
}

func (s *Settings) secretProblems(bad func(field, found, expected string)) {
	if (s.Username == "") != (s.PasswordFile == "") {
		bad("password_file", "only one of username and password_file", "both or none")
	}
	if s.BearerFile != "" && s.Username != "" {
		bad("bearer_file", "basic authentication and a bearer token at once", "one of the two")
	}
	if strings.Contains(s.Username, ":") {
		bad("username", probes.Quote(s.Username, 40), "a user name without a colon")
	}
	for field, path := range map[string]string{"password_file": s.PasswordFile, "bearer_file": s.BearerFile} {
		if _, err := readSecret(path); path != "" && err != nil {
			bad(field, err.Error(), "a readable file that holds the secret on one line")
		}
	}
}

func (s *Settings) expectProblems(bad func(field, found, expected string)) {
	for i, c := range s.Expect.Status {
		if _, ok := parseClass(c); !ok {
			bad("expect.status["+strconv.Itoa(i)+"]", probes.Quote(c, 20), "a code such as 200, a class such as 2xx, or a range such as 200-204")
		}
	}
	re := func(field, s string) {
		if _, err := regexp.Compile(s); err != nil {
			bad(field, probes.Quote(s, 100)+": "+err.Error(), "a regular expression in RE2 syntax")
		}
	}
	re("expect.body", s.Expect.Body)
	re("expect.body_not", s.Expect.BodyNot)
	for _, k := range sortedKeys(s.Expect.Headers) {
		if !httpguts.ValidHeaderFieldName(k) {
			bad("expect.headers."+k, probes.Quote(k, 60), "a header name")
		}
		re("expect.headers."+k, s.Expect.Headers[k])
	}
	if s.Method == http.MethodHead && s.Expect.Body != "" {
		bad("expect.body", "an expectation on the body of a HEAD answer, which has none", "method GET")
	}
}

func (s *Settings) limitProblems(bad func(field, found, expected string)) {
	if s.MaxRedirects < 0 || s.MaxRedirects > 50 {
		bad("max_redirects", strconv.Itoa(s.MaxRedirects), "0 to 50")
	}
	if s.BodyLimit < 1 || s.BodyLimit > maxBodyLimit {
		bad("body_limit", strconv.Itoa(s.BodyLimit), "1 to 67108864 bytes")
	}
	if s.Slow < 0 {
		bad("slow", s.Slow.String(), "a time such as 3s, or 0s for never")
	}
	if s.Warn <= 0 {
		bad("warn", s.Warn.String(), "a time above zero such as 21d")
	}
	if s.Page <= 0 || s.Page > s.Warn {
		bad("page", s.Page.String(), "a time above zero and not longer than warn ("+s.Warn.String()+")")
	}
}

// parseTarget reads the URL and brings its host into A-label form. why says
// what is wrong, "" = nothing.
func parseTarget(raw string) (u *url.URL, why string) {
	if raw == "" {
		return nil, "it is empty"
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, "it can't be parsed"
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, "it begins with neither http:// nor https://"
	case u.User != nil:
		return nil, "it holds a user name or password; use username and password_file"
	}
	host, bad := wire.HostName(u.Hostname())
	if bad != "" {
		return nil, bad
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return nil, "the port is not a number from 1 to 65535"
		}
	}
	setHost(u, host)
	u.Fragment = ""
	return u, ""
}

// setHost replaces the host of u, keeps its port unless it is the scheme's own.
func setHost(u *url.URL, host string) {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if p := u.Port(); p != "" && (u.Scheme != "http" || p != "80") && (u.Scheme != "https" || p != "443") {
		host += ":" + p
	}
	u.Host = host
}

// portOf is the port of u, its scheme's when it names none.
func portOf(u *url.URL) uint16 {
	if n, err := strconv.ParseUint(u.Port(), 10, 16); err == nil {
		return uint16(n)
	}
	if u.Scheme == "https" {
		return 443
	}
	return 80
}

// Prober makes the prober.
func (s *Settings) Prober() (probes.Prober, error) {
	u, why := parseTarget(s.URL)
	if why != "" {
		return nil, fmt.Errorf("url %q: %s", s.URL, why)
	}
	want, err := s.expectation()
	if err != nil {
		return nil, err
	}
	book, err := s.engine.wire.BookWith(s.RootsFile)
	if err != nil {
		return nil, fmt.Errorf("reading roots_file: %w", err)
	}
	p := &prober{
		engine: s.engine, url: u, host: u.Hostname(), port: portOf(u), method: s.Method, body: []byte(s.Body),
		headers: make(http.Header), secret: secret{s.Username, s.PasswordFile, s.BearerFile}, want: want,
		follow: s.FollowRedirects, maxHops: s.MaxRedirects, bodyLimit: int64(s.BodyLimit), slow: s.Slow.D(),
		alpn: []string{"http/1.1"}, book: book,
		policy:     chain.Policy{Warn: s.Warn.D(), Page: s.Page.D(), Browser: true},
		requireAll: s.RequireAll,
	}
	if p.method == "" {
		p.method = http.MethodGet
	}
	if s.HTTP2 {
		p.alpn = []string{"h2", "http/1.1"}
	}
	for k, v := range s.Headers {
		p.headers.Set(k, v)
	}
	if u.Scheme == "https" {
		p.config = wire.TLSConfig(p.host, p.alpn...)
	}
	return p, nil
}

func (s *Settings) expectation() (e expectation, err error) {
	e.words = s.Expect.Status
	if len(e.words) == 0 {
		e.words = []string{"2xx"}
	}
	for _, w := range e.words {
		c, ok := parseClass(w)
		if !ok {
			return e, fmt.Errorf("expect.status %q is no status", w)
		}
		e.status = append(e.status, c)
	}
	compile := func(s string) *regexp.Regexp {
		if s == "" || err != nil {
			return nil
		}
		var re *regexp.Regexp
		re, err = regexp.Compile(s)
		return re
	}
	e.body, e.bodyNot = compile(s.Expect.Body), compile(s.Expect.BodyNot)
	e.headers = make(map[string]*regexp.Regexp)
	for k, v := range s.Expect.Headers {
		if v == "" {
			v = "^" // the empty expectation: only be there
		}
		e.headers[http.CanonicalHeaderKey(k)] = compile(v)
	}
	return e, err
}

// Instance is the URL.
func (s *Settings) Instance() string { return s.URL }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return strconv.Itoa(n) + " " + word + "s"
}

var (
	_ probes.Settings = (*Settings)(nil)
	_ probes.Targeted = (*Settings)(nil)
)
