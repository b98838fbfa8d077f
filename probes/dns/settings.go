package dns

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/dnswire"
	"watchpost.example/probes/wire"
)

// Settings of a dns check.
type Settings struct {
	// Name is the name asked for.
	Name string `yaml:"name" json:"name" doc:"name to ask for"`
	// Type is a DNS type by its word.
	Type string `yaml:"type,omitempty" json:"type,omitempty" doc:"DNS type, such as A, AAAA, MX or SOA"`
	// Server is host or host:port; every address of the host is asked. "" =
	// each resolver of /etc/resolv.conf.
	Server string `yaml:"server,omitempty" json:"server,omitempty" doc:"server to ask, host or host:port; the system's resolvers when absent"`
	// Transport is auto (UDP, then TCP when truncated), udp or tcp.
	Transport string `yaml:"transport,omitempty" json:"transport,omitempty" doc:"auto, udp or tcp"`
	// Recursion sets the RD flag; turn it off for an authoritative server.
	Recursion bool `yaml:"recursion" json:"recursion" doc:"ask the server to resolve; false for an authoritative one"`
	// Expect is what the answer must be.
	Expect Expect `yaml:"expect,omitempty" json:"expect,omitempty" doc:"what the answer must be"`
	// RequireAll makes one address that is Down the verdict of the check.
	RequireAll bool `yaml:"require_all,omitempty" json:"require_all,omitempty" doc:"one bad address makes the check down instead of degraded"`

	wire    *wire.Wire
	clients *clients
}

// Expect is what the answer must be.
type Expect struct {
	// Rcode is NOERROR unless another is meant, such as NXDOMAIN.
	Rcode string `yaml:"rcode,omitempty" json:"rcode,omitempty" doc:"rcode, such as NOERROR or NXDOMAIN"`
	// Records are the data of the records, without name and TTL; empty = any.
	Records []string `yaml:"records,omitempty" json:"records,omitempty" doc:"data of the records expected, as in a zone file"`
	// Match is exact, subset, has or regexp.
	Match string `yaml:"match,omitempty" json:"match,omitempty" doc:"exact, subset, has or regexp"`
	// Authoritative asks for the AA flag.
	Authoritative bool `yaml:"authoritative,omitempty" json:"authoritative,omitempty" doc:"the answer must have the AA flag"`
}

// maxRecords bounds the records that can be expected.
const maxRecords = 256

// SetTarget asks for the host of the system's URL.
func (s *Settings) SetTarget(rawURL string) {
	if u, err := url.Parse(rawURL); err == nil && s.Name == "" {
		s.Name = u.Hostname()
	}
}

// Instance is "name TYPE at server".
func (s *Settings) Instance() string {
	out := strings.TrimSuffix(s.Name, ".") + " " + strings.ToUpper(s.Type)
	if s.Server != "" {
		out += " at " + s.Server
	}
	return out
}

// Problems lists all that is wrong.
func (s *Settings) Problems() []probes.Problem {
	var out []probes.Problem
	add := func(field, found, expected string, similar ...string) {
		out = append(out, probes.Problem{Field: field, Found: found, Expected: expected, Similar: similar})
	}
	if !dnswire.ValidName(s.Name) || strings.ContainsAny(s.Name, " /") {
		add("name", probes.Quote(s.Name, 100), "a name such as www.portal.example, at most 63 bytes a label")
	}
	if _, ok := dnswire.TypeNumber(s.Type); !ok {
		add("type", probes.Quote(s.Type, 40), "a DNS type", "A", "AAAA", "MX", "NS", "SOA", "TXT", "CNAME", "CAA", "SRV", "PTR", "DS", "DNSKEY")
	}
	if s.Server != "" {
		if _, _, bad := wire.SplitAddress(withPort(s.Server)); bad != "" {
			add("server", probes.Quote(s.Server, 100)+": "+bad, "a host or host:port such as ns1.portal.example or [2001:db8::53]:53")
		}
	}
	if !slices.Contains([]string{"auto", "udp", "tcp"}, s.Transport) {
		add("transport", probes.Quote(s.Transport, 40), "auto, udp or tcp", "auto", "udp", "tcp")
	}
	if _, ok := dnswire.RcodeNumber(s.Expect.Rcode); !ok {
		add("expect.rcode", probes.Quote(s.Expect.Rcode, 40), "an rcode", "NOERROR", "NXDOMAIN", "REFUSED", "SERVFAIL")
	}
	if !slices.Contains(matches(), s.Expect.Match) {
		add("expect.match", probes.Quote(s.Expect.Match, 40), "exact, subset, has or regexp", matches()...)
	}
	if len(s.Expect.Records) > maxRecords {
		add("expect.records", strconv.Itoa(len(s.Expect.Records))+" records", "at most "+strconv.Itoa(maxRecords))
	}
	if _, err := s.expectation(); err != nil && len(out) == 0 {
		add("expect.records", err.Error(), "data as in a zone file, such as 192.0.2.1 or \"10 mail.portal.example.\"; with match: regexp, expressions")
	}
	return out
}

// withPort adds the port of DNS to a bare host.
func withPort(server string) string {
	if a, err := netip.ParseAddr(strings.Trim(server, "[]")); err == nil {
		return netip.AddrPortFrom(a, 53).String()
	}
	if !strings.Contains(server, ":") {
		return server + ":53"
	}
	return server
}

func (s *Settings) expectation() (expectation, error) {
	rcode, _ := dnswire.RcodeNumber(s.Expect.Rcode)
	e := expectation{rcode: rcode, match: s.Expect.Match, authoritative: s.Expect.Authoritative}
	for _, v := range s.Expect.Records {
		if e.match == matchRegexp {
			re, err := regexp.Compile(v)
			if err != nil {
				return e, fmt.Errorf("%s: %w", probes.Quote(v, 80), err)
			}
			e.patterns = append(e.patterns, re)
			continue
		}
		rr, err := dnswire.NewRR(". 0 IN " + strings.ToUpper(s.Type) + " " + v)
		if err != nil || rr == nil {
			return e, fmt.Errorf("%s is no %s record's data", probes.Quote(v, 80), strings.ToUpper(s.Type))
		}
		e.values = append(e.values, dnswire.Rdata(rr))
	}
	return e, nil
}

// errNoResolver is a machine without resolvers.
var errNoResolver = errors.New("no nameserver line in /etc/resolv.conf: give the check a server")

// Prober makes the prober.
func (s *Settings) Prober() (probes.Prober, error) {
	e, err := s.expectation()
	if err != nil {
		return nil, err
	}
	t, ok := dnswire.TypeNumber(s.Type)
	if !ok {
		return nil, fmt.Errorf("type %s is no DNS type", probes.Quote(s.Type, 40))
	}
	p := &prober{wire: s.wire, clients: s.clients, expect: e, all: s.RequireAll, query: dnswire.Query{
		Name: dnswire.Name(s.Name), Type: t, RD: s.Recursion,
		// Resolvers in the field mangle the case of names; authorities must not.
		KeepCase:  s.Recursion,
		Transport: map[string]dnswire.Transport{"udp": dnswire.UDP, "tcp": dnswire.TCP}[s.Transport],
	}}
	if s.Server == "" {
		p.resolvers, err = systemResolvers("/etc/resolv.conf")
		return p, err
	}
	var bad string
	if p.host, p.port, bad = wire.SplitAddress(withPort(s.Server)); bad != "" {
		return nil, fmt.Errorf("server %s: %s", probes.Quote(s.Server, 100), bad)
	}
	return p, nil
}

// systemResolvers reads the nameserver lines of resolv.conf(5), three at most.
func systemResolvers(path string) ([]netip.AddrPort, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the system's resolvers: %w", err)
	}
	var out []netip.AddrPort
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != "nameserver" || len(out) == 3 {
			continue
		}
		if a, err := netip.ParseAddr(f[1]); err == nil {
			out = append(out, netip.AddrPortFrom(a, 53))
		}
	}
	if len(out) == 0 {
		return nil, errNoResolver
	}
	return out, nil
}

var (
	_ probes.Settings = (*Settings)(nil)
	_ probes.Targeted = (*Settings)(nil)
)
