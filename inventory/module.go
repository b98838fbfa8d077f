package inventory

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"watchpost.example/inventory/source"
	"watchpost.example/probes"
)

// ProbeModule is a way of asking over /probe: a kind with its settings and
// without a target, which the scrape brings.
type ProbeModule struct {
	Self     source.Value     `yaml:",self"`
	Kind     string           `yaml:"kind" doc:"How to ask. Its own settings stand beside these keys, without a target: that comes with the scrape." default:"of the built-in module of this name"`
	Timeout  *probes.Duration `yaml:"timeout" doc:"Hard end of a look, when the scraper would wait longer." default:"the scraper's"`
	Settings source.Value     `yaml:",inline"`
}

// BuiltinModules are the modules of /probe that are there by themselves, by
// name, with their kinds; the names are those of blackbox_exporter's example.
func BuiltinModules() map[string]string {
	return map[string]string{
		"http_2xx": "http", "http": "http", "tcp_connect": "tcp", "tcp": "tcp", "icmp": "icmp",
		"tls_connect": "tls", "tls": "tls", "dns": "dns", "dns_zone": "dns_zone", "dns_name": "dns_name",
	}
}

// Fill decodes the module's settings over the defaults of its kind. What is
// wrong with them was told when the file was read.
func (m ProbeModule) Fill(into probes.Settings) {
	_ = m.Settings.Decode(into)
	anchor(into, m.Settings)
}

// moduleName is what may stand in a URL without being escaped.
var moduleName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,63}$`)

// targetKeys are the settings that a scrape brings.
func targetKeys() []string { return []string{"url", "address", "host", "zone", "server"} }

// modules checks probe_modules and settles each one's kind.
func (b *builder) modules(s *Server) {
	for _, name := range slices.Sorted(maps.Keys(s.ProbeModules)) {
		m := s.ProbeModules[name]
		if m.Self.IsZero() {
			continue // no mapping, which was told
		}
		who := "probe_modules/" + name
		if !moduleName.MatchString(name) {
			b.report(m.Self.At(), "probe_modules", "the module name "+quoted(name)+" can't stand in an address: use letters, digits, \"_\", \"-\" and \".\", at most 63")
			continue
		}
		if m.Kind == "" {
			m.Kind = BuiltinModules()[name]
		}
		s.ProbeModules[name] = m
		kind, known := b.kinds[m.Kind]
		switch {
		case m.Self.Bad("kind"):
			continue
		case m.Kind == "":
			b.report(m.Self.At(), who, "the module has no kind; kinds are "+strings.Join(b.kindNames, ", "))
			continue
		case !known:
			b.report(m.Self.At("kind"), who, "unknown kind "+quoted(m.Kind)+source.OneOf(m.Kind, b.kindNames))
			continue
		}
		if m.Timeout != nil && (m.Timeout.D() < minTimeout || m.Timeout.D() > 2*time.Minute) && !m.Self.Bad("timeout") {
			b.report(m.Self.At("timeout"), who, fmt.Sprintf("timeout %s is out of range: %s to 2m", short(m.Timeout.D()), short(minTimeout)))
		}
		b.module(m, kind, who)
	}
}

// module checks the settings of one module with a target in their place.
func (b *builder) module(m ProbeModule, kind probes.Kind, who string) {
	into := kind.New()
	decoded := m.Settings.Decode(into).For(who)
	b.problems = append(b.problems, decoded...)
	anchor(into, m.Settings)
	fixed := false
	for _, k := range targetKeys() {
		unknown := slices.ContainsFunc(decoded, func(p source.Problem) bool { return p.Position == m.Settings.KeyAt(k) })
		if m.Settings.Has(k) && !unknown {
			b.report(m.Settings.KeyAt(k), who, k+" comes with each scrape, as the parameter target: leave it out")
			fixed = true
		}
	}
	if t, ok := into.(probes.Targeted); ok && !fixed {
		t.SetTarget("https://target.example:443/")
	}
	for _, p := range into.Problems() {
		path := source.Path(p.Field)
		switch {
		case len(path) > 0 && m.Settings.Has(path[0]):
			if !m.Settings.Tainted(path...) && !m.Settings.Get(path[0]).Mistyped() {
				b.report(m.Settings.At(path...), who, complaint(p))
			}
		case !fixed && !m.Self.Tainted() && !m.Self.Mistyped():
			b.report(m.Self.At(), who, complaint(p))
		}
	}
}
