package wire

import (
	"fmt"
	"net/netip"

	"watchpost.example/probes"
)

// Guard says which addresses may be asked. It is a value; the zero Guard is
// PublicOnly(), so that forgetting it is safe. It judges addresses and not
// names, at the moment of dialling, so a name that changes its address between
// check and use (DNS rebinding) gains nothing.
type Guard struct {
	all    bool
	allow  []netip.Prefix
	deny   []netip.Prefix
	inward bool
}

// AllowAll lets every address be asked: for a lab, tests, and machines whose
// inventory is written by the people who own the inner network.
func AllowAll() Guard { return Guard{all: true} }

// PublicOnly refuses every address that the public Internet can't reach or
// that belongs to the machine's own surroundings (loopback, private, CGNAT,
// link-local, cloud metadata, multicast, documentation; also when wrapped in
// NAT64, 6to4, Teredo or an IPv4-mapped address), except those in allow.
func PublicOnly(allow ...netip.Prefix) Guard { return Guard{allow: allow} }

// Deny is g that also refuses the networks, whatever g allows.
func (g Guard) Deny(nets ...netip.Prefix) Guard {
	g.deny = append(append([]netip.Prefix(nil), g.deny...), nets...)
	return g
}

// AllowInward is g that lets a redirect lead from a public address to one of
// the inner network.
func (g Guard) AllowInward() Guard {
	g.inward = true
	return g
}

// Hop gives nil when a server at from may send us on to to. A public server
// must not steer the prober into the inner network, even where the inventory
// itself may name addresses there.
func (g Guard) Hop(from, to netip.Addr) error {
	if err := g.Check(to); err != nil {
		return err
	}
	outside, why := special(from.WithZone("").Unmap()) == "", special(to.WithZone("").Unmap())
	if outside && why != "" && !g.inward {
		return blocked(to, "a public server sends us to it, and it is "+why)
	}
	return nil
}

// Check gives nil when addr may be asked, else an *Error with OursBlocked that
// names the rule.
func (g Guard) Check(addr netip.Addr) error {
	a := addr.WithZone("").Unmap()
	for _, p := range g.deny {
		if p.Contains(a) {
			return blocked(addr, "denied by "+p.String())
		}
	}
	if g.all {
		return nil
	}
	if !addr.IsValid() {
		return blocked(addr, "not an address")
	}
	for _, p := range g.allow {
		if p.Contains(a) {
			return nil
		}
	}
	if why := special(a); why != "" {
		return blocked(addr, why)
	}
	if inner, ok := embedded(a); ok {
		if err := g.Check(inner); err != nil {
			return blocked(addr, "wraps "+inner.String())
		}
	}
	return nil
}

func blocked(a netip.Addr, why string) error {
	return &Error{
		Reason: probes.OursBlocked,
		Detail: fmt.Sprintf("address %s may not be asked: %s (allow its network in the guard if it is meant)", a, why),
	}
}

// specials is the IANA special-purpose registries (RFC 6890 and later) and
// what clouds put outside them. A list in the code and not a variable that
// somebody could change.
func specials() []specialNet {
	return []specialNet{
		{"0.0.0.0/8", "this network"},
		{"10.0.0.0/8", "private"},
		{"100.64.0.0/10", "carrier-grade NAT"},
		{"127.0.0.0/8", "loopback"},
		{"169.254.0.0/16", "link-local or cloud metadata"},
		{"168.63.129.16/32", "cloud metadata"},
		{"172.16.0.0/12", "private"},
		{"192.0.0.0/24", "protocol assignments"},
		{"192.0.2.0/24", "documentation"},
		{"192.88.99.0/24", "6to4 relay"},
		{"192.168.0.0/16", "private"},
		{"198.18.0.0/15", "benchmarking"},
		{"198.51.100.0/24", "documentation"},
		{"203.0.113.0/24", "documentation"},
		{"224.0.0.0/4", "multicast"},
		{"240.0.0.0/4", "reserved or broadcast"},
		{"::/96", "loopback, unspecified or IPv4-compatible"},
		{"64:ff9b:1::/48", "local NAT64"},
		{"100::/64", "discard"},
		{"2001:2::/48", "benchmarking"},
		{"2001:10::/28", "ORCHID"},
		{"2001:20::/28", "ORCHID"},
		{"2001:db8::/32", "documentation"},
		{"3fff::/20", "documentation"},
		{"5f00::/16", "segment routing"},
		{"fc00::/7", "unique local"},
		{"fe80::/10", "link-local"},
		{"fec0::/10", "site-local"},
		{"ff00::/8", "multicast"},
	}
}

type specialNet struct{ prefix, why string }

// special names what makes a special, or "".
func special(a netip.Addr) string {
	for _, s := range specialTable {
		if s.prefix.Contains(a) {
			return s.why
		}
	}
	return ""
}

// specialTable is specials parsed once; nobody writes it.
var specialTable = func() []struct {
	prefix netip.Prefix
	why    string
} {
	var t []struct {
		prefix netip.Prefix
		why    string
	}
	for _, s := range specials() {
		t = append(t, struct {
			prefix netip.Prefix
			why    string
		}{netip.MustParsePrefix(s.prefix), s.why})
	}
	return t
}()

// embedded gives the IPv4 address that an IPv6 address carries to a
// translator: NAT64 (RFC 6052), 6to4 (RFC 3056), Teredo (RFC 4380).
func embedded(a netip.Addr) (netip.Addr, bool) {
	if !a.Is6() {
		return netip.Addr{}, false
	}
	b := a.As16()
	four := func(i int) netip.Addr { return netip.AddrFrom4([4]byte(b[i : i+4])) }
	switch {
	case b[0] == 0x00 && b[1] == 0x64 && b[2] == 0xff && b[3] == 0x9b:
		return four(12), true
	case b[0] == 0x20 && b[1] == 0x02:
		return four(2), true
	case b[0] == 0x20 && b[1] == 0x01 && b[2] == 0 && b[3] == 0:
		for i := 12; i < 16; i++ {
			b[i] ^= 0xff // Teredo stores the client's address inverted
		}
		return four(12), true
	}
	return netip.Addr{}, false
}
