package dns

import (
	"fmt"
	"net/netip"
	"net/url"
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
	// Name is the name asked for; an international one becomes A-labels.
	Name string `yaml:"name" json:"name" doc:"name to ask for"`
	// Type is a DNS type by its word; "" = A.
	Type string `yaml:"type,omitempty" json:"type,omitempty" doc:"DNS type, such as A, AAAA, MX or SOA; default A, SOA for a system dns://zone"`
	// Server is host or host:port; every address of the host is asked. "" =
	// each of our resolvers.
	Server string `yaml:"server,omitempty" json:"server,omitempty" doc:"server to ask, host or host:port; our resolvers when absent"`
	// Transport is auto (UDP, then TCP when truncated), udp or tcp.
	Transport string `yaml:"transport,omitempty" json:"transport,omitempty" doc:"auto, udp or tcp"`
	// Recursion sets the RD flag.
	Recursion bool `yaml:"recursion" json:"recursion" doc:"ask the server to resolve; default true"`
	// Expect is what the answer must be.
	Expect Expect `yaml:"expect,omitempty" json:"expect,omitzero" doc:"what the answer must be"`
	// RequireAll makes one address that is Down the verdict of the check.
	RequireAll bool `yaml:"require_all,omitempty" json:"require_all,omitempty" doc:"one bad address makes the check down instead of degraded"`

	wire    *wire.Wire
	clients *clients
}

// Expect is what the answer must be.
type Expect struct {
	// Rcode is NOERROR unless another is meant, such as NXDOMAIN.
	Rcode string `yaml:"rcode,omitempty" json:"rcode,omitempty" doc:"rcode; default NOERROR"`
	// Answers are the data of the records, without name and TTL; empty = any.
	Answers []string `yaml:"answers,omitempty" json:"answers,omitempty" doc:"data of the records expected, as in a zone file"`
	// Match is exact, subset, superset or any.
	Match string `yaml:"match,omitempty" json:"match,omitempty" doc:"exact (these and no others), subset (none but these), superset (these, perhaps others) or any (one of these)"`
	// Regexp is RE2 on each record's data; "" = none.
	Regexp string `yaml:"regexp,omitempty" json:"regexp,omitempty" doc:"regular expression that every record must match, or one with match any or superset"`
	// Authoritative asks for the AA flag.
	Authoritative bool `yaml:"authoritative,omitempty" json:"authoritative,omitempty" doc:"the answer must have the AA flag"`
	// MinAnswers is how many records of the type must come at least.
	MinAnswers int `yaml:"min_answers" json:"min_answers" doc:"records at least; default 1, 0 allows an empty answer"`
}

// maxExpected bounds the records that can be expected.
const maxExpected = 256

// SetTarget asks for the host of the system's URL, and for the SOA record when
// that is dns://zone.
func (s *Settings) SetTarget(rawURL string) {
	u, err := url.Parse(rawURL)
	if err != nil || s.Name != "" {
		return
	}
	s.Name = u.Hostname()
	if u.Scheme == "dns" && s.Type == "" {
		s.Type = "SOA"
	}
}

// typeWord is the type asked for.
func (s *Settings) typeWord() string {
	if s.Type == "" {
		return "A"
	}
	return strings.ToUpper(s.Type)
}

// Instance is "name TYPE at server".
func (s *Settings) Instance() string {
	out := probes.Clip(strings.TrimSuffix(s.Name, "."), 253) + " " + s.typeWord()
	if name, err := canonicalName(s.Name); err == nil && name != "." {
		out = strings.TrimSuffix(name, ".") + " " + s.typeWord()
	}
	if s.Server != "" {
		out += " at " + s.Server
	}
	return out
}

// canonicalName is the name as asked for: lower case, A-labels, final dot.
func canonicalName(name string) (string, error) {
	plain := strings.IndexFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
	if !plain {
		a, err := wire.ASCIIName(name)
		return a + ".", err
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return "", fmt.Errorf("%s is an address", probes.Quote(name, 60))
	}
	if !dnswire.ValidName(name) || strings.Contains(name, "://") {
		return "", fmt.Errorf("%s can't be a name", probes.Quote(name, 100))
	}
	return dnswire.Name(name), nil
}

// typeNumber finds a type that a record can have: no meta type (RFC 6895 3.1).
func typeNumber(word string) (uint16, bool) {
	t, ok := dnswire.TypeNumber(word)
	return t, ok && t != 0 && t != dnswire.TypeOPT && t < 128 || ok && t > 255 && t < 65535
}

// Problems lists all that is wrong.
func (s *Settings) Problems() []probes.Problem {
	var out []probes.Problem
	add := func(field, found, expected string, similar ...string) {
		out = append(out, probes.Problem{Field: field, Found: found, Expected: expected, Similar: similar})
	}
	if _, err := canonicalName(s.Name); err != nil {
		found := probes.Quote(s.Name, 100) + ": " + err.Error()
		add("name", found, "a name such as www.portal.example; for the name of an address its in-addr.arpa name and type PTR")
	}
	if _, ok := typeNumber(s.typeWord()); !ok {
		add("type", probes.Quote(s.Type, 40), "a DNS type such as A, AAAA, MX, NS, SOA or TXT", "A", "AAAA", "MX", "NS", "SOA", "TXT", "CNAME", "CAA", "SRV", "PTR", "DS", "DNSKEY", "TLSA", "SVCB", "HTTPS", "NAPTR")
	}
	if s.Server != "" {
		if _, _, bad := wire.SplitAddress(withPort(s.Server)); bad != "" {
			add("server", probes.Quote(s.Server, 100)+": "+bad, "a host or host:port such as ns1.portal.example or [2001:db8::53]:53")
		}
	}
	if !slices.Contains(transports(), s.Transport) {
		add("transport", probes.Quote(s.Transport, 40), "auto, udp or tcp", transports()...)
	}
	s.Expect.problems(s.typeWord(), add)
	return out
}

func transports() []string { return []string{"auto", "udp", "tcp"} }

func (e *Expect) problems(word string, add func(field, found, expected string, similar ...string)) {
	rcode, ok := dnswire.RcodeNumber(e.Rcode)
	if !ok {
		add("expect.rcode", probes.Quote(e.Rcode, 40), "an rcode such as NOERROR, NXDOMAIN or REFUSED", "NOERROR", "NXDOMAIN", "REFUSED", "SERVFAIL", "NOTIMP", "FORMERR", "NOTAUTH")
	}
	if !slices.Contains(matches(), e.Match) {
		add("expect.match", probes.Quote(e.Match, 40), "exact, subset, superset or any", matches()...)
	}
	e.answerProblems(word, add)
	if _, err := regexp.Compile(e.Regexp); err != nil {
		add("expect.regexp", probes.Quote(e.Regexp, 100)+": "+err.Error(), "a regular expression in RE2 syntax")
	}
	few := len(e.Answers) > 0 && (e.Match == matchExact || e.Match == matchSubset) && e.MinAnswers > len(e.Answers)
	if e.MinAnswers < 0 || e.MinAnswers > 1000 || few {
		add("expect.min_answers", strconv.Itoa(e.MinAnswers), "0 to 1000, and no more than the answers listed when no others are allowed")
	}
	if ok && rcode != dnswire.RcodeSuccess && (len(e.Answers) > 0 || e.Regexp != "") {
		add("expect.rcode", probes.Quote(e.Rcode, 40)+" together with answers or regexp", "NOERROR: no other rcode brings records")
	}
}

func (e *Expect) answerProblems(word string, add func(field, found, expected string, similar ...string)) {
	if len(e.Answers) > maxExpected {
		add("expect.answers", strconv.Itoa(len(e.Answers))+" records", "at most "+strconv.Itoa(maxExpected))
		return
	}
	t, known := typeNumber(word)
	if !known {
		return // told already
	}
	for i, v := range e.Answers {
		if _, err := expected(t, v); err != nil {
			add("expect.answers["+strconv.Itoa(i)+"]", probes.Quote(v, 80), "the data of a record of type "+word+" as in a zone file, such as "+example(t))
		}
	}
}

// expected reads the data of a record as dataOf writes it. A TXT record may
// stand without quotation marks; host names may be international.
func expected(t uint16, v string) (string, error) {
	v = strings.TrimSpace(v)
	if v == "" || strings.ContainsAny(v, "\r\n") {
		return "", fmt.Errorf("%s is not on one line", probes.Quote(v, 80))
	}
	switch t {
	case dnswire.TypeTXT:
		if v[0] != '"' {
			v = strconv.Quote(v)
			if len(v) > 256 || strings.IndexFunc(v, func(r rune) bool { return r > '~' }) >= 0 {
				return "", fmt.Errorf("%s must be quoted as in a zone file", probes.Quote(v, 80))
			}
		}
	case dnswire.TypeNS, dnswire.TypeCNAME, dnswire.TypePTR, dnswire.TypeMX, dnswire.TypeSRV:
		f := strings.Fields(v)
		if name, err := wire.ASCIIName(f[len(f)-1]); err == nil {
			f[len(f)-1] = name + "."
		}
		v = strings.Join(f, " ")
	}
	rr, err := dnswire.NewRR(". 0 IN " + dnswire.TypeName(t) + " " + v)
	if err != nil || rr == nil || rr.Header().Rrtype != t {
		return "", fmt.Errorf("%s is no data of %s", probes.Quote(v, 80), dnswire.TypeName(t))
	}
	return dataOf(rr), nil
}

// example is data of a type for error messages.
func example(t uint16) string {
	switch t {
	case dnswire.TypeA:
		return "192.0.2.1"
	case dnswire.TypeAAAA:
		return "2001:db8::1"
	case dnswire.TypeMX:
		return "10 mail.portal.example."
	case dnswire.TypeTXT:
		return `"v=spf1 -all"`
	case dnswire.TypeNS, dnswire.TypeCNAME, dnswire.TypePTR:
		return "ns1.portal.example."
	}
	return "dig +short shows"
}

// withPort adds the port of DNS to a bare host or address.
func withPort(server string) string {
	if a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(server, "["), "]")); err == nil {
		return netip.AddrPortFrom(a, 53).String()
	}
	if !strings.Contains(server, ":") {
		return server + ":53"
	}
	return server
}

// ready makes the expectation of what has no problems.
func (e *Expect) ready(t uint16) (expectation, error) {
	rcode, _ := dnswire.RcodeNumber(e.Rcode)
	out := expectation{rcode: rcode, match: e.Match, authoritative: e.Authoritative, min: e.MinAnswers}
	for _, v := range e.Answers {
		data, err := expected(t, v)
		if err != nil {
			return out, err
		}
		out.answers = append(out.answers, data)
	}
	slices.Sort(out.answers)
	out.answers = slices.Compact(out.answers)
	if e.Regexp == "" {
		return out, nil
	}
	var err error
	out.pattern, err = regexp.Compile(e.Regexp)
	return out, err
}

// Prober makes the prober.
func (s *Settings) Prober() (probes.Prober, error) {
	t, ok := typeNumber(s.typeWord())
	if !ok {
		return nil, fmt.Errorf("type %s is no DNS type", probes.Quote(s.Type, 40))
	}
	name, err := canonicalName(s.Name)
	if err != nil {
		return nil, err
	}
	e, err := s.Expect.ready(t)
	if err != nil {
		return nil, err
	}
	p := &prober{wire: s.wire, clients: s.clients, expect: e, all: s.RequireAll, query: dnswire.Query{
		Name: name, Type: t, RD: s.Recursion,
		Transport: map[string]dnswire.Transport{"udp": dnswire.UDP, "tcp": dnswire.TCP}[s.Transport],
	}}
	if s.Server == "" {
		p.resolvers = resolversOf(s.wire)
		return p, nil
	}
	var bad string
	if p.host, p.port, bad = wire.SplitAddress(withPort(s.Server)); bad != "" {
		return nil, fmt.Errorf("server %s: %s", probes.Quote(s.Server, 100), bad)
	}
	return p, nil
}

var (
	_ probes.Settings = (*Settings)(nil)
	_ probes.Targeted = (*Settings)(nil)
)
