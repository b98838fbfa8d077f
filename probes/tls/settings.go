package tls

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/wire"
	"watchpost.example/probes/wire/chain"
)

// Settings of a tls check.
type Settings struct {
	// Address is host:port; without a port 443, or the STARTTLS protocol's own.
	Address string `yaml:"address" json:"address" doc:"host:port to connect to; the port defaults to 443 or that of the STARTTLS protocol"`
	// ServerName is sent as SNI and must be in the certificate; "" = the host of Address.
	ServerName string `yaml:"server_name,omitempty" json:"server_name,omitempty" doc:"name to ask for and to find in the certificate; default the host of address"`
	// StartTLS is the protocol spoken before TLS; "" = TLS from the first byte.
	StartTLS string `yaml:"starttls,omitempty" json:"starttls,omitempty" doc:"smtp, imap, pop3, ftp, ldap, postgres, mysql or xmpp"`
	// RootsFile is PEM certificates trusted beside the machine's; "" = none.
	RootsFile string `yaml:"roots_file,omitempty" json:"roots_file,omitempty" doc:"PEM file of roots trusted beside the system's"`
	// Warn is how long before the end of a certificate a ticket is written.
	Warn probes.Duration `yaml:"warn,omitempty" json:"warn,omitempty" doc:"finding this long before a certificate ends, or at a third of its life if that is less; default 21d"`
	// Page is how long before the end a person is woken.
	Page probes.Duration `yaml:"page,omitempty" json:"page,omitempty" doc:"urgent finding this long before a certificate ends, or at a sixth of its life if that is less; default 3d"`
	// RequireAll makes one address that is Down the verdict of the check.
	RequireAll bool `yaml:"require_all,omitempty" json:"require_all,omitempty" doc:"one bad address makes the check down instead of degraded"`

	wire *wire.Wire
}

func defaults(w *wire.Wire) *Settings {
	return &Settings{wire: w, Warn: probes.Duration(21 * 24 * time.Hour), Page: probes.Duration(3 * 24 * time.Hour)}
}

// ports is the usual port of each STARTTLS protocol; "" is TLS itself.
func ports() map[string]string {
	return map[string]string{
		"": "443", "smtp": "25", "imap": "143", "pop3": "110", "ftp": "21", "ldap": "389",
		"postgres": "5432", "mysql": "3306", "xmpp": "5222",
	}
}

// SetTarget takes host and port of the system's URL.
func (s *Settings) SetTarget(rawURL string) {
	if s.Address != "" {
		return
	}
	u, err := url.Parse(rawURL)
	if err != nil || u.Hostname() == "" {
		return
	}
	s.Address = u.Hostname()
	if p := u.Port(); p != "" && s.StartTLS == "" {
		s.Address = net.JoinHostPort(u.Hostname(), p)
	}
}

// address is Address with its port filled in.
func (s *Settings) address() string {
	if _, _, err := net.SplitHostPort(s.Address); err == nil || s.Address == "" {
		return s.Address
	}
	host := s.Address
	if len(host) > 2 && host[0] == '[' && host[len(host)-1] == ']' {
		host = host[1 : len(host)-1]
	}
	return net.JoinHostPort(host, ports()[s.StartTLS])
}

// Problems lists all that is wrong.
func (s *Settings) Problems() []probes.Problem {
	var out []probes.Problem
	words := slices.Sorted(maps.Keys(dialogues()))
	if _, ok := dialogues()[s.StartTLS]; s.StartTLS != "" && !ok {
		out = append(out, probes.Problem{Field: "starttls", Found: probes.Quote(s.StartTLS, 40), Expected: fmt.Sprintf("one of %v", words), Similar: words})
	} else if _, _, bad := wire.SplitAddress(s.address()); bad != "" {
		out = append(out, probes.Problem{Field: "address", Found: probes.Quote(s.Address, 100) + ": " + bad, Expected: "host or host:port such as portal.example:443"})
	}
	if s.ServerName != "" {
		if _, bad := wire.HostName(s.ServerName); bad != "" {
			out = append(out, probes.Problem{Field: "server_name", Found: bad, Expected: "a host name such as portal.example"})
		}
	}
	if _, err := s.wire.BookWith(s.RootsFile); err != nil {
		out = append(out, probes.Problem{Field: "roots_file", Found: err.Error(), Expected: "a readable PEM file with at least one certificate"})
	}
	if s.Warn.D() <= 0 {
		out = append(out, probes.Problem{Field: "warn", Found: s.Warn.String(), Expected: "a time above zero such as 21d"})
	}
	if s.Page.D() <= 0 || s.Page > s.Warn {
		out = append(out, probes.Problem{Field: "page", Found: s.Page.String(), Expected: "a time above zero and not longer than warn (" + s.Warn.String() + ")"})
	}
	return out
}

// Prober makes the prober.
func (s *Settings) Prober() (probes.Prober, error) {
	host, port, bad := wire.SplitAddress(s.address())
	if bad != "" {
		return nil, &wire.Error{Detail: "address " + probes.Quote(s.Address, 100) + ": " + bad}
	}
	book, err := s.wire.BookWith(s.RootsFile)
	if err != nil {
		return nil, fmt.Errorf("reading roots_file: %w", err)
	}
	name := host
	if s.ServerName != "" {
		if name, bad = wire.HostName(s.ServerName); bad != "" {
			return nil, &wire.Error{Detail: "server_name: " + bad}
		}
	}
	return &prober{
		wire: s.wire, host: host, port: port, name: name, starttls: dialogues()[s.StartTLS],
		config: wire.TLSConfig(name), book: book,
		policy:     chain.Policy{Warn: s.Warn.D(), Page: s.Page.D()},
		requireAll: s.RequireAll,
	}, nil
}

// Instance is the address with its port.
func (s *Settings) Instance() string { return s.address() }

var (
	_ probes.Settings = (*Settings)(nil)
	_ probes.Targeted = (*Settings)(nil)
)
