package chain

import (
	"crypto/sha256"
	"crypto/x509"
	"sync"
	"time"

	"watchpost.example/probes"
)

// Book verifies chains and remembers the result, because the same chain comes
// back at every look and verifying it costs more than asking for it. What is
// remembered is only that signatures lead to a root and between which moments
// all their certificates are valid; a chain is verified anew as soon as the
// moment of the look lies outside. Names and expiry are judged at every look.
type Book struct {
	roots *x509.CertPool
	mu    sync.Mutex
	pages map[[sha256.Size]byte]*page
}

// Bounds of the memory.
const (
	maxPages     = 20_000
	trustedFor   = 10 * time.Minute // so that a removed root is noticed
	untrustedFor = time.Minute
)

// page is what is known of one presented chain.
type page struct {
	certs []probes.Certificate
	trust trust
	// from and until bound the moments of judging for which trust holds.
	from, until time.Time
}

// trust is the outcome of building a path to a root.
type trust struct {
	err error // nil: trusted
	// lastExpiry is the latest moment until which some path to a root lasts;
	// zero when there is no path.
	lastExpiry time.Time
	// pathLen is the number of certificates below the root on the best path.
	best []*x509.Certificate
}

// NewBook makes an empty book; roots nil = the system's.
func NewBook(roots *x509.CertPool) *Book {
	return &Book{roots: roots, pages: make(map[[sha256.Size]byte]*page)}
}

// look gives the page of the chain for a look at now.
func (b *Book) look(certs []*x509.Certificate, now time.Time) *page {
	key := digest(certs)
	b.mu.Lock()
	p := b.pages[key]
	b.mu.Unlock()
	if p != nil && !now.Before(p.from) && now.Before(p.until) {
		return p
	}
	fresh := &page{trust: verify(certs, b.roots, now)}
	fresh.from, fresh.until = validity(certs, fresh.trust, now)
	if p != nil {
		fresh.certs = p.certs
	} else {
		fresh.certs = describe(certs)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for k := range b.pages {
		if len(b.pages) < maxPages {
			break
		}
		delete(b.pages, k)
	}
	b.pages[key] = fresh
	return fresh
}

func digest(certs []*x509.Certificate) (key [sha256.Size]byte) {
	h := sha256.New()
	for _, c := range certs {
		// DER carries its own length, so the concatenation is unambiguous.
		_, _ = h.Write(c.Raw) // never fails
	}
	h.Sum(key[:0])
	return key
}

// verify builds the paths at a moment when the leaf is valid, so that a leaf
// that has expired still tells whether it was trusted.
func verify(certs []*x509.Certificate, roots *x509.CertPool, now time.Time) trust {
	leaf := certs[0]
	inter := x509.NewCertPool()
	for _, c := range certs[1:] {
		inter.AddCert(c)
	}
	chains, err := leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: inter, CurrentTime: within(leaf, now),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	if err != nil {
		return trust{err: err}
	}
	t := trust{}
	for _, c := range chains {
		if end := earliest(c); end.After(t.lastExpiry) {
			t.lastExpiry, t.best = end, c
		}
	}
	return t
}

// within moves now to the nearest moment inside the certificate's validity.
func within(c *x509.Certificate, now time.Time) time.Time {
	switch {
	case now.Before(c.NotBefore):
		return c.NotBefore
	case now.After(c.NotAfter):
		return c.NotAfter
	}
	return now
}

func earliest(certs []*x509.Certificate) time.Time {
	end := certs[0].NotAfter
	for _, c := range certs[1:] {
		if c.NotAfter.Before(end) {
			end = c.NotAfter
		}
	}
	return end
}

// validity bounds the moments for which the outcome holds: no certificate of
// the chain or of its best path begins or ends in between, and the outcome is
// not older than allowed.
func validity(certs []*x509.Certificate, t trust, now time.Time) (from, until time.Time) {
	keep := trustedFor
	if t.err != nil {
		keep = untrustedFor
	}
	from, until = now.Add(-keep), now.Add(keep)
	edge := func(e time.Time) {
		if e.After(now) && e.Before(until) {
			until = e
		}
		if !e.After(now) && e.After(from) {
			from = e
		}
	}
	for _, l := range [][]*x509.Certificate{certs, t.best} {
		for _, c := range l {
			edge(c.NotBefore)
			edge(c.NotAfter.Add(time.Nanosecond)) // NotAfter itself is still valid
		}
	}
	return from, until
}

// Roots is a copy of the trusted roots, to which a check may add its own.
func (b *Book) Roots() *x509.CertPool {
	if b.roots != nil {
		return b.roots.Clone()
	}
	if p, err := x509.SystemCertPool(); err == nil { // a copy already
		return p
	}
	return x509.NewCertPool()
}
