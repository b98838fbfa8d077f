package zone

import (
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
)

// wireName turns a name as people write it ("Đơn-Vị.example") into the form of
// the wire; what is no such name comes back as it is, for others to refuse.
func wireName(s string) string {
	s = strings.TrimSpace(s)
	for _, c := range []byte(s) {
		if c >= 0x80 {
			p := idna.New(idna.MapForLookup(), idna.StrictDomainName(false)) // names such as _dmarc too
			if a, err := p.ToASCII(strings.TrimSuffix(s, ".")); err == nil {
				return a
			}
			break
		}
	}
	return s
}

// readResolver reads "192.0.2.53", "192.0.2.53:5353" or "192.0.2.53 operator":
// an address and, behind it, who runs it.
func readResolver(s string) (addr netip.AddrPort, operator string, ok bool) {
	at, operator, _ := strings.Cut(strings.TrimSpace(s), " ")
	operator = strings.TrimSpace(operator)
	if len(operator) > 63 {
		return netip.AddrPort{}, "", false
	}
	addr, ok = resolverAddr(at)
	return addr, operator, ok
}
