package zone

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/openrdap/rdap"

	"watchpost.example/probes/dns/walk"
)

// rdapLife is how long an RDAP answer is kept: registries are asked once a day.
const rdapLife = 24 * time.Hour

// RDAP asks the registry's RDAP service (RFC 9083) for domains of the suffixes
// it was made for. It is for gTLDs; .vn has no such service.
type RDAP struct {
	client   *rdap.Client
	suffixes []string

	mu   sync.Mutex
	kept map[string]*Registration
}

// ErrRDAP is a failed RDAP query, wrapped.
var ErrRDAP = errors.New("RDAP")

// NewRDAP makes a source for domains below suffixes such as "com" and "org".
// transport nil = http.DefaultTransport; the caller's has a guard and bounds.
func NewRDAP(transport http.RoundTripper, suffixes ...string) *RDAP {
	return &RDAP{client: &rdap.Client{HTTP: &http.Client{Transport: transport, Timeout: 15 * time.Second}}, suffixes: suffixes}
}

// Registration asks, at most once a day for a domain.
func (r *RDAP) Registration(ctx context.Context, domain string) (*Registration, error) {
	domain = strings.TrimSuffix(domain, ".")
	covered := false
	for _, s := range r.suffixes {
		covered = covered || strings.HasSuffix(domain, "."+strings.TrimPrefix(s, "."))
	}
	if !covered {
		return nil, nil // the interface's word for "not mine"
	}
	r.mu.Lock()
	k := r.kept[domain]
	r.mu.Unlock()
	if k != nil && time.Since(k.At) < rdapLife {
		return k, nil
	}
	req := rdap.NewDomainRequest(domain).WithContext(ctx)
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w: asking for %s: %w", ErrRDAP, domain, err)
	}
	d, ok := resp.Object.(*rdap.Domain)
	if !ok {
		return nil, fmt.Errorf("%w: the answer for %s is no domain", ErrRDAP, domain)
	}
	return r.keep(domain, ReadRDAP(domain, d, time.Now())), nil
}

func (r *RDAP) keep(domain string, k *Registration) *Registration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kept == nil || len(r.kept) > walk.MaxCache {
		r.kept = make(map[string]*Registration)
	}
	r.kept[domain] = k
	return k
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
		if i < 32 {
			out.Status = append(out.Status, clean(s)) // "client transfer prohibited" (RFC 8056)
		}
	}
	return out
}
