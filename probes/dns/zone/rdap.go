package zone

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/openrdap/rdap"
	"github.com/openrdap/rdap/bootstrap"
)

// The bounds of one RDAP question.
const (
	rdapTimeout   = 5 * time.Second
	maxRDAPBody   = 1 << 20
	maxRDAPHops   = 3
	maxBootstrap  = 4 << 20
	maxRDAPStates = 32
)

// RDAP asks registries' RDAP services (RFC 9083), each for the top-level
// domains that a bootstrap file names it for. It is for gTLDs; .vn has no such
// service. It keeps nothing: Options.Registries are asked once a day.
type RDAP struct {
	client  *rdap.Client
	servers map[string]*url.URL // by top-level domain
}

// ErrRDAP is a failed RDAP query or a bootstrap file with mistakes, wrapped.
var ErrRDAP = errors.New("RDAP")

// errHTTPS is for a service that sends elsewhere than to an https address.
var errHTTPS = errors.New("sent on to an address that is not https, or too often")

// ReadBootstrap reads IANA's list of RDAP services (RFC 9224, the file
// rdap/dns.json of data.iana.org): the https address for each domain. The list
// is never fetched by us.
func ReadBootstrap(path string) (map[string]*url.URL, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: bootstrap: %w", ErrRDAP, err)
	}
	defer func() { _ = f.Close() }() // only read
	var list struct {
		Services [][][]string `json:"services"`
	}
	if err := json.NewDecoder(io.LimitReader(f, maxBootstrap)).Decode(&list); err != nil {
		return nil, fmt.Errorf("%w: bootstrap %s is no list as IANA's rdap/dns.json: %w", ErrRDAP, path, err)
	}
	out := map[string]*url.URL{}
	for _, s := range list.Services {
		if len(s) != 2 {
			continue // other registries' lists have a contact in front
		}
		for _, u := range s[1] {
			at, err := url.Parse(u)
			if err != nil || at.Scheme != "https" || at.Host == "" {
				continue
			}
			for _, d := range s[0] {
				if d = strings.ToLower(strings.Trim(d, ".")); d != "" && out[d] == nil {
					out[d] = at
				}
			}
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: bootstrap %s names no service with an https address", ErrRDAP, path)
	}
	return out, nil
}

// NewRDAP makes a source for the domains of a bootstrap file. The transport
// opens the connections: the caller's has a guard against being sent inwards.
func NewRDAP(transport http.RoundTripper, servers map[string]*url.URL) *RDAP {
	hc := &http.Client{Transport: bounded{transport}, Timeout: rdapTimeout, CheckRedirect: func(req *http.Request, via []*http.Request) error {
		if len(via) > maxRDAPHops || req.URL.Scheme != "https" {
			return errHTTPS
		}
		return nil
	}}
	// The library fills what is missing at the first question, so that two at a
	// time would race; the empty bootstrap is never used.
	return &RDAP{&rdap.Client{HTTP: hc, Bootstrap: &bootstrap.Client{}, Verbose: func(string) {}, UserAgent: "watchpost"}, servers}
}

// bounded ends a body that is too long with an error.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(req)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, maxRDAPBody)
	}
	return resp, err
}

// Registration asks the domain's registry.
func (r *RDAP) Registration(ctx context.Context, domain string) (*Registration, error) {
	domain = strings.TrimSuffix(domain, ".")
	at := r.servers[domain[strings.LastIndexByte(domain, '.')+1:]]
	if at == nil {
		return nil, nil // the interface's word for "not mine"
	}
	ctx, cancel := context.WithTimeout(ctx, rdapTimeout)
	defer cancel()
	u := *at // the library writes to it
	resp, err := r.client.Do(rdap.NewDomainRequest(domain).WithServer(&u).WithContext(ctx))
	if err != nil {
		for _, h := range resp.HTTP { // the library's own words leave the cause out
			if h.Error != nil {
				err = fmt.Errorf("%w: %w", err, h.Error)
			}
		}
		return nil, fmt.Errorf("%w: asking %s for %s: %w", ErrRDAP, at.Host, domain, err)
	}
	d, ok := resp.Object.(*rdap.Domain)
	if !ok || d.LDHName != "" && !strings.EqualFold(strings.TrimSuffix(d.LDHName, "."), domain) {
		return nil, fmt.Errorf("%w: %s answered for something else than %s", ErrRDAP, at.Host, domain)
	}
	return ReadRDAP(domain, d, time.Now()), nil
}

// ReadRDAP takes the end and the states out of an RDAP domain.
func ReadRDAP(domain string, d *rdap.Domain, now time.Time) *Registration {
	out := &Registration{Domain: domain, Source: "rdap", At: now, Status: []string{}}
	for _, e := range d.Events {
		if e.Action != "expiration" {
			continue
		}
		if t, err := time.Parse(time.RFC3339, e.Date); err == nil {
			out.Expires = t
		}
	}
	for i, s := range d.Status {
		if i < maxRDAPStates {
			out.Status = append(out.Status, clean(s)) // "client transfer prohibited" (RFC 8056)
		}
	}
	return out
}

var _ RegistrationSource = (*RDAP)(nil)
