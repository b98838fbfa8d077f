package zone

import (
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"watchpost.example/inventory/source"
	"watchpost.example/probes"
	"watchpost.example/probes/dns/dnswire"
)

// Settings of a dns_zone check.
type Settings struct {
	// Zone is the zone's name.
	Zone string `yaml:"zone" json:"zone" doc:"the zone to watch"`
	// Names are watched beside the zone's own, www and _dmarc: "name" or "name TYPE".
	Names []string `yaml:"names,omitempty" json:"names,omitempty" doc:"further names to watch, as name or name TYPE"`
	// Baseline is the path of the approved state; "" = none.
	Baseline string `yaml:"baseline_file,omitempty" json:"baseline_file,omitempty" doc:"file of the approved state (watchpost baseline learn)"`
	// Resolvers are asked for the same names.
	Resolvers []string `yaml:"resolvers,omitempty" json:"resolvers,omitempty" doc:"recursive resolvers to compare with, as address or \"address operator\""`
	// Slow is the median answer above which a server is slow.
	Slow probes.Duration `yaml:"slow,omitempty" json:"slow,omitempty" doc:"median answer above which a server is slow"`
	// Registration is a dated manual entry.
	Registration RegistrationSettings `yaml:"registration,omitempty" json:"registration,omitzero" doc:"registration of the domain, entered by a person"`

	env *Env
}

// RegistrationSettings is the manual entry: the registry of .vn has no open
// source that may be asked by machines.
type RegistrationSettings struct {
	Expires string   `yaml:"expires,omitempty" json:"expires,omitempty" doc:"last day of the registration, such as 2027-09-02"`
	By      string   `yaml:"by,omitempty" json:"by,omitempty" doc:"who entered it"`
	Entered string   `yaml:"entered,omitempty" json:"entered,omitempty" doc:"when it was entered, such as 2026-11-22"`
	Locks   []string `yaml:"locks,omitempty" json:"locks,omitempty" doc:"EPP states that must be set, such as serverTransferProhibited"`
}

// NameSettings of a dns_name check.
type NameSettings struct {
	// Name is the watched name; its zone is found by walking from the root.
	Name string `yaml:"name" json:"name" doc:"the name to watch"`
	// Types are asked, A and AAAA when absent.
	Types []string `yaml:"types,omitempty" json:"types,omitempty" doc:"DNS types to ask, A and AAAA when absent"`
	// Baseline is the path of the approved state of its zone; "" = none.
	Baseline string `yaml:"baseline_file,omitempty" json:"baseline_file,omitempty" doc:"file of the approved state of its zone"`
	// Resolvers are asked for the same name.
	Resolvers []string `yaml:"resolvers,omitempty" json:"resolvers,omitempty" doc:"recursive resolvers to compare with, as address or \"address operator\""`

	env *Env
}

// SetTarget takes the registrable domain of the system's URL.
func (s *Settings) SetTarget(rawURL string) {
	if u, err := url.Parse(rawURL); err == nil && s.Zone == "" {
		if s.Zone = strings.TrimSuffix(registrable(u.Hostname()), "."); s.Zone == "" {
			s.Zone = u.Hostname()
		}
	}
}

// SetTarget takes the host of the system's URL.
func (s *NameSettings) SetTarget(rawURL string) {
	if u, err := url.Parse(rawURL); err == nil && s.Name == "" {
		s.Name = u.Hostname()
	}
}

// Instance is the zone.
func (s *Settings) Instance() string { return strings.TrimSuffix(s.Zone, ".") }

// Instance is the name.
func (s *NameSettings) Instance() string { return strings.TrimSuffix(s.Name, ".") }

type problems []probes.Problem

func (p *problems) add(field, found, expected string, similar ...string) {
	*p = append(*p, probes.Problem{Field: field, Found: found, Expected: expected, Similar: similar})
}

func (p *problems) name(field, v string) {
	v = wireName(v)
	if !dnswire.ValidName(v) || strings.ContainsAny(v, " /:") {
		p.add(field, probes.Quote(v, 100), "a name such as so-y-te.example")
	}
}

func (p *problems) resolvers(l []string) {
	if len(l) > MaxResolvers {
		p.add("resolvers", strconv.Itoa(len(l))+" resolvers", "at most "+strconv.Itoa(MaxResolvers))
	}
	for _, r := range l {
		if _, _, ok := readResolver(r); !ok {
			p.add("resolvers", probes.Quote(r, 60), "an address such as 192.0.2.53 or [2001:db8::53]:53, and behind a space who runs it")
		}
	}
}

// noTable is the cure of a baseline that nobody can judge.
const noTable = "dns: asn_table in watchpost.yaml (--dns.asn-table on the command line): a file of first address, last address, AS number, such as iptoasn's"

func (p *problems) baseline(path, zone string, e *Env) {
	b, err := loadBaseline(path, e)
	switch {
	case errors.Is(err, errNoTable):
		p.add("baseline_file", "a policy by AS numbers, and no table of them", noTable)
	case err != nil:
		const want = "a file written by watchpost baseline learn"
		list, ok := errors.AsType[source.Problems](err)
		if !ok {
			p.add("baseline_file", probes.Quote(err.Error(), 300), want)
		}
		for _, mistake := range list { // each with its place
			p.add("baseline_file", probes.Clip(mistake.Error(), 300), want)
		}
	case b != nil && zone != "" && b.Zone != dnswire.Name(zone):
		p.add("baseline_file", "a baseline of "+probes.Quote(b.Zone, 100), "one of "+zone)
	}
}

// Problems lists all that is wrong.
func (s *Settings) Problems() []probes.Problem {
	var p problems
	p.name("zone", s.Zone)
	zone := wireName(s.Zone)
	for _, n := range s.Names {
		if _, ok := watchOf(n, zone); !ok {
			p.add("names", probes.Quote(n, 100), `a name below the zone, or "name TYPE" such as "mail MX"`)
		}
	}
	if len(s.Names) > MaxWatched-10 {
		p.add("names", strconv.Itoa(len(s.Names))+" names", "at most "+strconv.Itoa(MaxWatched-10))
	}
	p.resolvers(s.Resolvers)
	p.baseline(s.Baseline, zone, s.env)
	if s.Slow < 0 {
		p.add("slow", s.Slow.String(), "a duration above 0")
	}
	r := s.Registration
	for _, d := range []struct{ field, v string }{{"registration.expires", r.Expires}, {"registration.entered", r.Entered}} {
		if _, err := time.Parse(time.DateOnly, d.v); d.v != "" && err != nil {
			p.add(d.field, probes.Quote(d.v, 40), "a day such as 2027-09-02")
		}
	}
	if r.Expires != "" && (r.By == "" || r.Entered == "") {
		p.add("registration", "no by or no entered", "who entered the date, and when")
	}
	return p
}

// Problems lists all that is wrong.
func (s *NameSettings) Problems() []probes.Problem {
	var p problems
	p.name("name", s.Name)
	for _, t := range s.Types {
		if _, ok := dnswire.TypeNumber(t); !ok {
			p.add("types", probes.Quote(t, 40), "a DNS type", "A", "AAAA", "MX", "TXT", "CNAME", "CAA", "SRV")
		}
	}
	if len(s.Types) == 0 || len(s.Types) > 16 {
		p.add("types", strconv.Itoa(len(s.Types))+" types", "1 to 16")
	}
	p.resolvers(s.Resolvers)
	p.baseline(s.Baseline, "", s.env)
	return p
}

// watchOf reads "www", "www AAAA", "@ MX" or a full name below the zone.
func watchOf(s, zone string) (Watch, bool) {
	f := strings.Fields(s)
	if len(f) == 0 || len(f) > 2 {
		return Watch{}, false
	}
	w := Watch{Type: dnswire.TypeA}
	if len(f) == 2 {
		t, ok := dnswire.TypeNumber(f[1])
		if !ok {
			return Watch{}, false
		}
		w.Type = t
	}
	zone, f[0] = dnswire.Name(zone), wireName(f[0])
	switch {
	case f[0] == "@":
		w.Name = zone
	case dnswire.Under(zone, dnswire.Name(f[0])):
		w.Name = dnswire.Name(f[0])
	case strings.HasSuffix(f[0], "."):
		return Watch{}, false
	default:
		w.Name = dnswire.Name(f[0] + "." + strings.TrimPrefix(zone, "."))
	}
	return w, dnswire.ValidName(w.Name)
}

// Prober makes the prober.
func (s *Settings) Prober() (probes.Prober, error) {
	b, err := loadBaseline(s.Baseline, s.env)
	if err != nil {
		return nil, err
	}
	zone := dnswire.Name(wireName(s.Zone))
	p := Plan{Target: Target{Zone: zone, Watched: DefaultWatch(zone, b)}, Baseline: b}
	p.Resolvers, p.Operators = resolverAddrs(s.Resolvers)
	for _, n := range s.Names {
		if w, ok := watchOf(n, zone); ok && !slices.Contains(p.Watched, w) && len(p.Watched) < MaxWatched {
			p.Watched = append(p.Watched, w)
		}
	}
	p.Limits.Slow = s.Slow.D()
	p.Registration = s.Registration.entry(zone)
	return &prober{env: s.env, plan: p}, nil
}

// Prober makes the prober.
func (s *NameSettings) Prober() (probes.Prober, error) {
	b, err := loadBaseline(s.Baseline, s.env)
	if err != nil {
		return nil, err
	}
	p := Plan{Target: Target{NamesOnly: true}, Baseline: b}
	p.Resolvers, p.Operators = resolverAddrs(s.Resolvers)
	for _, t := range s.Types {
		if n, ok := dnswire.TypeNumber(t); ok {
			p.Watched = append(p.Watched, Watch{dnswire.Name(wireName(s.Name)), n})
		}
	}
	return &prober{env: s.env, plan: p, name: dnswire.Name(wireName(s.Name))}, nil
}

func resolverAddrs(l []string) (addrs []netip.AddrPort, operators []string) {
	for _, r := range l {
		if a, who, ok := readResolver(r); ok {
			addrs, operators = append(addrs, a), append(operators, who)
		}
	}
	return addrs, operators
}

// entry is the manual registration, nil when there is none.
func (r RegistrationSettings) entry(zone string) *Registration {
	if r.Expires == "" {
		return nil
	}
	expires, _ := lastMoment(r.Expires) // Problems has checked both
	entered, _ := time.ParseInLocation(time.DateOnly, r.Entered, hanoi())
	return &Registration{Domain: strings.TrimSuffix(zone, "."), Expires: expires, Source: "manual", By: r.By, At: entered, Locks: r.Locks}
}

var (
	_ probes.Settings = (*Settings)(nil)
	_ probes.Targeted = (*Settings)(nil)
	_ probes.Settings = (*NameSettings)(nil)
	_ probes.Targeted = (*NameSettings)(nil)
)
