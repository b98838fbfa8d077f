package tcp

import (
	"net"
	"net/url"
	"regexp"
	"strconv"

	"watchpost.example/probes"
	"watchpost.example/probes/wire"
)

// Settings of a tcp check.
type Settings struct {
	// Address is host:port; the host a name, an IPv4 address or an IPv6 address in brackets.
	Address string `yaml:"address" json:"address" doc:"host:port to connect to"`
	// Send is written after connecting; "" = nothing.
	Send string `yaml:"send,omitempty" json:"send,omitempty" doc:"text written after connecting"`
	// Expect is a regular expression (RE2) that the first 16 KiB must match; "" = nothing is read.
	Expect string `yaml:"expect,omitempty" json:"expect,omitempty" doc:"regular expression that the banner must match"`
	// RequireAll makes one address that is Down the verdict of the check.
	RequireAll bool `yaml:"require_all,omitempty" json:"require_all,omitempty" doc:"one bad address makes the check down instead of degraded"`

	wire *wire.Wire
}

// SetTarget takes host and port of the system's URL; the port of http and
// https URLs is implied.
func (s *Settings) SetTarget(rawURL string) {
	if s.Address != "" {
		return
	}
	u, err := url.Parse(rawURL)
	if err != nil || u.Hostname() == "" {
		return
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "ftp": "21", "ssh": "22", "smtp": "25", "imaps": "993"}[u.Scheme]
	}
	s.Address = net.JoinHostPort(u.Hostname(), port)
}

// Problems lists all that is wrong.
func (s *Settings) Problems() []probes.Problem {
	var out []probes.Problem
	_, _, bad := wire.SplitAddress(s.Address)
	if bad != "" {
		out = append(out, probes.Problem{Field: "address", Found: probes.Quote(s.Address, 100) + ": " + bad, Expected: "host:port such as mail.portal.example:25 or [2001:db8::25]:25"})
	}
	if _, err := regexp.Compile(s.Expect); err != nil {
		out = append(out, probes.Problem{Field: "expect", Found: probes.Quote(s.Expect, 100) + ": " + err.Error(), Expected: "a regular expression in RE2 syntax"})
	}
	if len(s.Send) > maxBanner {
		out = append(out, probes.Problem{Field: "send", Found: strconv.Itoa(len(s.Send)) + " bytes", Expected: "at most 16384 bytes"})
	}
	return out
}

// Prober makes the prober.
func (s *Settings) Prober() (probes.Prober, error) {
	host, port, bad := wire.SplitAddress(s.Address)
	if bad != "" {
		return nil, &wire.Error{Detail: "address " + probes.Quote(s.Address, 100) + ": " + bad}
	}
	p := &prober{wire: s.wire, host: host, port: port, send: []byte(s.Send), requireAll: s.RequireAll}
	if s.Expect != "" {
		re, err := regexp.Compile(s.Expect)
		if err != nil {
			return nil, err
		}
		p.expect = expectation{re}
	}
	return p, nil
}

// Instance is the address.
func (s *Settings) Instance() string { return s.Address }

var (
	_ probes.Settings = (*Settings)(nil)
	_ probes.Targeted = (*Settings)(nil)
)
