package exporter

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"watchpost.example/probes"
)

// ErrForbidden is what a target gives that /probe may not ask.
var ErrForbidden = errors.New("this target may not be probed")

// allowed gives nil when the target is of the inventory or of the allow-lists.
func (o ProbeOptions) allowed(target string) error {
	host, port, ok := hostPort(target)
	if !ok {
		return fmt.Errorf("%w: %s has no host that can be checked", ErrForbidden, probes.Quote(target, 128))
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		for _, p := range o.Allow {
			if p.Contains(addr.Unmap()) {
				return nil
			}
		}
	}
	for _, n := range o.AllowNames {
		n = strings.ToLower(n)
		if below, wild := strings.CutPrefix(n, "*"); n == host || wild && strings.HasPrefix(below, ".") && strings.HasSuffix(host, below) {
			return nil
		}
	}
	if o.Board != nil && o.inInventory(host, port) {
		return nil
	}
	return fmt.Errorf("%w: %s is not of the inventory: add it there, or to the names and networks that /probe may ask", ErrForbidden, probes.Quote(target, 128))
}

// inInventory tells whether a system or check names the host, and the port if
// there is one that is not of the web. Otherwise /probe would be a port scanner
// of every system.
func (o ProbeOptions) inInventory(host, port string) bool {
	named := func(s string) bool {
		h, p, ok := hostPort(s)
		return ok && h == host && (port == "" || port == p || port == "80" || port == "443")
	}
	for _, u := range o.Board.Units() {
		for _, s := range u.Systems {
			if named(s.URL) || slices.ContainsFunc(s.Checks, func(c *probes.Check) bool { return instanceNames(c.Instance, named) }) {
				return true
			}
		}
	}
	return false
}

// instanceNames looks at every word of an instance, since some read
// "zone at server".
func instanceNames(instance string, named func(string) bool) bool {
	return slices.ContainsFunc(strings.Fields(instance), named)
}

// hostPort finds the host of a URL, host:port, host or address, lower case and
// without the root's dot. A text that two parsers could read differently is
// refused.
func hostPort(target string) (host, port string, ok bool) {
	if target == "" || len(target) > 2048 || strings.ContainsFunc(target, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\\' }) {
		return "", "", false
	}
	if addr, err := netip.ParseAddr(target); err == nil {
		return addr.WithZone("").String(), "", true
	}
	full := target
	if !strings.Contains(target, "://") {
		full = "none://" + target
	}
	u, err := url.Parse(full)
	if err != nil || u.User != nil || !hostLike(u.Hostname()) {
		return "", "", false
	}
	return strings.TrimSuffix(strings.ToLower(u.Hostname()), "."), u.Port(), true
}

// hostLike tells whether s can be a host name or address.
func hostLike(s string) bool {
	return s != "" && len(s) <= 253 && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r == 0x7f || strings.ContainsRune(`/\@#?%"'<>`, r)
	})
}
