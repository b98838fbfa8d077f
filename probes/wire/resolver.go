package wire

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"watchpost.example/probes"
)

// resolver asks recursive resolvers.
type resolver struct {
	wire    *Wire
	servers []netip.AddrPort
	first   atomic.Uint32 // index of the server that answered last

	mu    sync.Mutex
	cache map[string]*entry
}

func newResolver(w *Wire, servers []string) (*resolver, error) {
	r := &resolver{wire: w, cache: make(map[string]*entry)}
	for _, s := range servers {
		ap, err := netip.ParseAddrPort(s)
		if err != nil {
			return nil, fmt.Errorf("resolver %q: expected a literal address with port, such as 192.0.2.53:53 or [2001:db8::53]:53", s)
		}
		r.servers = append(r.servers, ap)
	}
	if len(servers) > 0 {
		return r, nil
	}
	f, err := os.Open("/etc/resolv.conf")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("finding our resolvers: %w (name them in the configuration instead)", err)
	}
	if err == nil {
		defer func() { _ = f.Close() }() // read only
		if r.servers, err = parseResolvConf(f); err != nil {
			return nil, fmt.Errorf("reading /etc/resolv.conf: %w", err)
		}
	}
	if len(r.servers) == 0 { // resolv.conf(5): without a nameserver line, the local one
		r.servers = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:53"), netip.MustParseAddrPort("[::1]:53")}
	}
	return r, nil
}

// parseResolvConf takes the nameserver lines of resolv.conf(5), at most 8.
func parseResolvConf(rd io.Reader) ([]netip.AddrPort, error) {
	var out []netip.AddrPort
	sc := bufio.NewScanner(rd)
	for sc.Scan() && len(out) < 8 {
		f := strings.Fields(sc.Text())
		if len(f) < 2 || f[0] != "nameserver" {
			continue
		}
		if a, err := netip.ParseAddr(f[1]); err == nil {
			out = append(out, netip.AddrPortFrom(a, 53))
		}
	}
	return out, sc.Err()
}

// Timing of the attempts: each server is asked twice, and what is left of the
// look's time is shared so that a part of it remains for the probe itself.
const (
	rounds     = 2
	maxAttempt = 1500 * time.Millisecond
	minAttempt = 50 * time.Millisecond
	sanityTime = 400 * time.Millisecond
)

// family is what is known of one record type after the attempts so far.
type family struct {
	answered bool
	addrs    []netip.Addr
	ttl      time.Duration
	rcode    dnsmessage.RCode
}

// ask resolves name. ttl says how long the result, an error too, may be kept.
func (r *resolver) ask(ctx context.Context, name string) (addrs []netip.Addr, ttl time.Duration, err error) {
	var fam [2]family
	var heard bool // some server said something, however useless
	last := errors.New("no resolver was asked")
	n := len(r.servers)
	start := int(r.first.Load())
	for i := range rounds * n {
		if ctx.Err() != nil {
			break
		}
		idx := (start + i) % n
		got, aerr := r.attempt(ctx, name, r.servers[idx], attemptTime(ctx, rounds*n-i), fam)
		if aerr != nil {
			last = aerr
			if Classify(aerr) == probes.OursCanceled {
				return nil, minTTL, &Error{Reason: probes.OursCanceled, Detail: "resolving " + name + ": canceled"}
			}
		}
		for k := range got {
			if !got[k].answered {
				continue
			}
			heard = true
			// SERVFAIL and REFUSED may be that server's own trouble: the next
			// one may know better, and a real answer is never replaced.
			if !fam[k].settled() {
				fam[k] = got[k]
			}
		}
		if fam[0].settled() && fam[1].settled() {
			r.first.Store(uint32(idx))
			break
		}
	}
	return r.conclude(ctx, name, fam, heard, last)
}

// settled tells whether the answer is one that another server would repeat.
func (f family) settled() bool {
	return f.answered && (f.rcode == dnsmessage.RCodeSuccess || f.rcode == dnsmessage.RCodeNameError)
}

// conclude turns what was heard into addresses or a reasoned error.
func (r *resolver) conclude(ctx context.Context, name string, fam [2]family, heard bool, last error) ([]netip.Addr, time.Duration, error) {
	var addrs []netip.Addr
	ttl := maxTTL
	for _, f := range fam {
		if f.settled() {
			addrs = append(addrs, f.addrs...)
			ttl = min(ttl, f.ttl)
		}
	}
	if len(addrs) > 0 {
		slices.SortFunc(addrs, netip.Addr.Compare)
		return slices.Compact(addrs), max(ttl, minTTL), nil
	}
	negative := min(max(ttl, minTTL), maxNegative)
	both := fam[0].settled() && fam[1].settled()
	switch {
	case both && (fam[0].rcode == dnsmessage.RCodeNameError || fam[1].rcode == dnsmessage.RCodeNameError):
		return nil, negative, &Error{Reason: probes.DNSNXDomain, Detail: "the name " + name + " does not exist (NXDOMAIN)"}
	case both:
		return nil, negative, &Error{Reason: probes.DNSNoAddress, Detail: "the name " + name + " has neither an A nor an AAAA record"}
	case ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled):
		return nil, minTTL, waitError(ctx, name)
	case heard:
		return nil, minTTL, rcodeError(name, fam)
	}
	if r.alive(ctx) {
		return nil, minTTL, &Error{Reason: probes.DNSTimeout, Detail: "resolving " + name + ": our resolvers answer, but not for this name; its own name servers are probably silent"}
	}
	r.wire.log.Warn("no resolver answers", "name", name, "error", last)
	return nil, minTTL, &Error{Reason: probes.OursResolver, Detail: "resolving " + name + ": none of our resolvers answers", Err: last}
}

// rcodeError names the rcode that every server gave.
func rcodeError(name string, fam [2]family) error {
	f := fam[0]
	if !f.answered || f.settled() {
		f = fam[1]
	}
	if !f.answered { // one family empty, the other silent
		return &Error{Reason: probes.DNSTimeout, Detail: "resolving " + name + ": one address family is empty and the question for the other stays unanswered"}
	}
	switch f.rcode {
	case dnsmessage.RCodeServerFailure:
		return &Error{Reason: probes.DNSServFail, Detail: "resolving " + name + ": SERVFAIL (its zone or its DNSSEC is broken, or its name servers are silent)"}
	case dnsmessage.RCodeRefused:
		return &Error{Reason: probes.OursResolver, Detail: "resolving " + name + ": our resolvers refuse to answer us (REFUSED)"}
	}
	return &Error{Reason: probes.DNSRcode, Detail: fmt.Sprintf("resolving %s: rcode %d", name, f.rcode)}
}

// alive asks the resolvers for the name servers of the root, which every one
// of them knows by heart. It tells a dead resolver (ours) from a dead zone
// (theirs). attemptTime left it a share of the look's time.
func (r *resolver) alive(ctx context.Context) bool {
	for i, s := range r.servers {
		t := sanityTime
		if d, ok := ctx.Deadline(); ok {
			t = min(t, time.Until(d)/time.Duration(len(r.servers)-i+1))
		}
		if t <= 0 || ctx.Err() != nil {
			return false
		}
		if r.sane(ctx, s, t) {
			return true
		}
	}
	return false
}

func attemptTime(ctx context.Context, left int) time.Duration {
	d, ok := ctx.Deadline()
	if !ok {
		return maxAttempt
	}
	// One share stays for the sanity question, two for the probe itself.
	return min(max(time.Until(d)/time.Duration(left+3), minAttempt), maxAttempt)
}
