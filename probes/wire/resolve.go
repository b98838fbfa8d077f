package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"watchpost.example/probes"
)

// Resolve gives every IPv4 and IPv6 address of host, sorted and without
// doubles. Both families are asked always. An address literal passes through;
// "localhost" and names below it are loopback (RFC 6761 6.3); an
// internationalised name becomes its A-labels; all else goes to the resolvers
// as an absolute name. /etc/hosts and search lists are not consulted, because
// a watcher must see what the public sees.
//
// Errors are *Error. DNSNXDomain, DNSNoAddress, DNSServFail and DNSTimeout are
// facts about the name. When no resolver of ours answers even a question about
// the root, it is OursResolver and says nothing about the name.
//
// Answers are cached for their TTL, at least 1 s and at most a minute, and
// callers who ask for the same name at the same time share one look-up.
func (w *Wire) Resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	name, err := ASCIIName(host)
	if err != nil {
		return nil, &Error{Reason: probes.DNSNXDomain, Detail: err.Error()}
	}
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}, nil
	}
	addrs, err := w.resolver.lookup(ctx, name)
	if err != nil {
		return nil, err
	}
	return slices.Clone(addrs), nil // callers cut and sort; the cache keeps its own
}

// ASCIIName turns a host name into the lower-case A-label form without a final
// dot, or says why it can't be a name. Underscores are allowed, because hosts
// with them exist.
func ASCIIName(host string) (string, error) {
	h := strings.TrimSuffix(host, ".")
	if h == "" {
		return "", errors.New("the host name is empty")
	}
	if !plainASCII(h) {
		p := idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(false))
		a, err := p.ToASCII(h)
		if err != nil {
			return "", fmt.Errorf("host name %s: %w", probes.Quote(host, 100), err)
		}
		h = a
	}
	h = strings.ToLower(h)
	if len(h) > 253 {
		return "", fmt.Errorf("host name %s: %d bytes, at most 253 are possible", probes.Quote(host, 60), len(h))
	}
	for label := range strings.SplitSeq(h, ".") {
		if label == "" || len(label) > 63 {
			return "", fmt.Errorf("host name %s: a label is empty or longer than 63 bytes", probes.Quote(host, 100))
		}
		for i := range len(label) {
			c := label[i]
			if c != '-' && c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
				return "", fmt.Errorf("host name %s: %s can't stand in a host name", probes.Quote(host, 100), probes.Quote(string(rune(c)), 4))
			}
		}
	}
	return h, nil
}

func plainASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return !strings.Contains(strings.ToLower(s), "xn--")
}

// Cache bounds.
const (
	minTTL       = time.Second
	maxTTL       = time.Minute
	maxNegative  = 30 * time.Second // so that a mended zone shows soon
	cacheEntries = 1 << 15
)

// entry is one name in the cache; done is closed when the flight has landed.
type entry struct {
	done    chan struct{}
	addrs   []netip.Addr
	err     error
	expires time.Time
	// retry is set when the leader's own context ended, so that what it got
	// says nothing to those who waited.
	retry bool
}

// lookup is the cache and the single flight. The leader works in its own
// goroutine, the caller's, so that nothing is left behind when it gives up;
// then one of those who waited leads.
func (r *resolver) lookup(ctx context.Context, name string) ([]netip.Addr, error) {
	for {
		r.mu.Lock()
		e := r.cache[name]
		if e == nil || e.landed() && (e.retry || !time.Now().Before(e.expires)) {
			e = &entry{done: make(chan struct{})}
			r.makeRoom()
			r.cache[name] = e
			r.mu.Unlock()
			r.lead(ctx, name, e)
			return e.addrs, e.err
		}
		r.mu.Unlock()
		select {
		case <-e.done:
			if !e.retry {
				return e.addrs, e.err
			}
		case <-ctx.Done():
			return nil, waitError(ctx, name)
		}
		if ctx.Err() != nil {
			return nil, waitError(ctx, name)
		}
	}
}

// lead asks and lands the flight, also when asking panics.
func (r *resolver) lead(ctx context.Context, name string, e *entry) {
	e.retry = true
	e.err = &Error{Reason: probes.OursPanic, Detail: "the resolver panicked"}
	defer close(e.done)
	addrs, ttl, err := r.ask(ctx, name)
	e.addrs, e.err = addrs, err
	e.expires = time.Now().Add(ttl)
	e.retry = err != nil && ctx.Err() != nil
}

func (e *entry) landed() bool {
	select {
	case <-e.done:
		return true
	default:
		return false
	}
}

func waitError(ctx context.Context, name string) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return &Error{Reason: probes.OursCanceled, Detail: "resolving " + name + ": canceled"}
	}
	return &Error{Reason: probes.OursResolver, Detail: "resolving " + name + ": our resolvers did not answer in time"}
}

// makeRoom keeps the cache bounded: first what expired, then whatever the map
// gives, which is random enough. Called with mu held.
func (r *resolver) makeRoom() {
	if len(r.cache) < cacheEntries {
		return
	}
	now, dropped := time.Now(), 0
	for k, e := range r.cache {
		if e.landed() && now.After(e.expires) {
			delete(r.cache, k)
			dropped++
		}
	}
	for k, e := range r.cache {
		if dropped >= cacheEntries/16 {
			return
		}
		if e.landed() {
			delete(r.cache, k)
			dropped++
		}
	}
}

// SplitAddress reads "host:port" and "[v6]:port". bad says what is wrong with
// it, "" = nothing. The host is given back in A-label form.
func SplitAddress(s string) (host string, port uint16, bad string) {
	h, p, err := net.SplitHostPort(s)
	if err != nil {
		if s == "" {
			return "", 0, "it is empty"
		}
		return "", 0, "it is not host:port"
	}
	n, err := strconv.ParseUint(p, 10, 16)
	if err != nil || n == 0 {
		return "", 0, "the port is not a number from 1 to 65535"
	}
	host, bad = HostName(h)
	return host, uint16(n), bad
}

// HostName checks a literal address or a name, and gives the address as it is
// and the name in A-label form. bad says what is wrong, "" = nothing.
func HostName(h string) (host, bad string) {
	if a, err := netip.ParseAddr(h); err == nil {
		return a.String(), ""
	}
	host, err := ASCIIName(h)
	if err != nil {
		return "", err.Error()
	}
	if last := host[strings.LastIndexByte(host, '.')+1:]; strings.Trim(last, "0123456789") == "" {
		return "", "it looks like an IPv4 address and is none"
	}
	return host, ""
}
