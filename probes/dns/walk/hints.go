package walk

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"watchpost.example/probes/dns/dnswire"
)

// NS is a name server of a delegation and the addresses that came with it.
type NS struct {
	Name string       // canonical
	Glue []netip.Addr // nil: the name has to be resolved
}

// Hints are the servers of the root.
type Hints []NS

// ErrNoHints is what hints without any server with an address give, wrapped.
var ErrNoHints = errors.New("no root server with an address")

// ParseHints reads root hints in zone-file form (named.root): NS records of
// the root and A or AAAA records of their names. name stands in errors.
func ParseHints(name string, r io.Reader) (Hints, error) {
	rrs, err := dnswire.ParseZone(name, r)
	if err != nil {
		return nil, fmt.Errorf("reading root hints: %w", err)
	}
	var h Hints
	for _, rr := range rrs {
		if rr.Header().Rrtype == dnswire.TypeNS && rr.Header().Name == "." {
			h = append(h, NS{Name: dnswire.Target(rr)})
		}
	}
	for i := range h {
		h[i].Glue = addresses(rrs, h[i].Name)
	}
	h = slices.DeleteFunc(h, func(n NS) bool { return len(n.Glue) == 0 })
	if len(h) == 0 {
		return nil, fmt.Errorf("reading root hints %s: %w; it needs lines such as\n. 3600000 NS a.root.example.\na.root.example. 3600000 A 192.0.2.1", name, ErrNoHints)
	}
	return h, nil
}

// addresses picks the A and AAAA of a name out of a section.
func addresses(section []dnswire.RR, name string) []netip.Addr {
	var out []netip.Addr
	for _, t := range []uint16{dnswire.TypeA, dnswire.TypeAAAA} {
		for _, rr := range dnswire.Set(section, name, t) {
			if a := dnswire.Addr(rr); a.IsValid() && len(out) < MaxServers {
				out = append(out, a)
			}
		}
	}
	return out
}

// DefaultHints are the root servers of the Internet (named.root of 2026).
func DefaultHints() Hints {
	var h Hints
	for line := range strings.Lines(rootServers) {
		f := strings.Fields(line)
		h = append(h, NS{Name: f[0] + ".root-servers.net.", Glue: []netip.Addr{netip.MustParseAddr(f[1]), netip.MustParseAddr(f[2])}})
	}
	return h
}

const rootServers = `a 198.41.0.4 2001:503:ba3e::2:30
b 170.247.170.2 2801:1b8:10::b
c 192.33.4.12 2001:500:2::c
d 199.7.91.13 2001:500:2d::d
e 192.203.230.10 2001:500:a8::e
f 192.5.5.241 2001:500:2f::f
g 192.112.36.4 2001:500:12::d0d
h 198.97.190.53 2001:500:1::53
i 192.36.148.17 2001:7fe::53
j 192.58.128.30 2001:503:c27::2:30
k 193.0.14.129 2001:7fd::1
l 199.7.83.42 2001:500:9f::42
m 202.12.27.33 2001:dc3::35
`
