package inventory

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"watchpost.example/inventory/source"
	"watchpost.example/probes"
)

// system builds one system with its checks; nil when nothing can be said of it.
func (b *builder) system(u *probes.Unit, f *systemFile, n int, above []*Defaults) *probes.System {
	if f.Self.IsZero() {
		b.holes = true
		return nil
	}
	unit := cmp.Or(u.ID, "?")
	who := unit + "/" + cmp.Or(f.ID, "system #"+strconv.Itoa(n+1))
	target, err := systemTarget(f)
	if err != nil {
		b.report(f.Self.At("url"), who, "url "+quoted(redact(f.URL))+" "+err.Error())
	}
	id := f.ID
	if id == "" && target != nil && !f.Self.Mistyped() && !f.Self.Bad("id") {
		id = hostID(target.Hostname())
		who = unit + "/" + id
	}
	b.trees = append(b.trees, entry{f.Self, who})
	s := &probes.System{Unit: u, ID: id, Name: cmp.Or(f.Name, id), URL: f.URL, Level: f.Level, Owner: f.Owner, DependsOn: slices.Clone(f.DependsOn)}
	if id != "" || f.URL == "" && len(f.Checks) > 0 { // without either there is nothing to check, which is said below
		b.name(f.Self, who, "system", id, f.Name)
	}
	b.systemValues(f, who)
	levels := append([]*Defaults{&f.Defaults}, above...)
	s.Maintenance = b.windows(who, f.Maintenance, location(f.TimeZone, levels))
	if e := (&systemEntry{s, f}); u.ID != "" && id != "" {
		b.order = append(b.order, e)
		if b.systems[s.Key()] == nil {
			b.systems[s.Key()] = e
		}
	}
	b.checks(s, f, target, who, levels)
	return s
}

// systemValues checks the plain values of a system.
func (b *builder) systemValues(f *systemFile, who string) {
	if (f.Level < 0 || f.Level > 5 || f.Level == 0 && f.Self.Has("level")) && !f.Self.Bad("level") {
		b.report(f.Self.At("level"), who, fmt.Sprintf("level %d is not a security level; levels are 1 to 5", f.Level))
	}
	b.defaults(&f.Defaults, who)
	if f.TimeZone != "" {
		if _, err := zone(f.TimeZone); err != nil {
			b.report(f.Self.At("time_zone"), who, "time_zone "+quoted(f.TimeZone)+" "+err.Error())
		}
	}
}

// plan is a check to be built: from the profile, from the file, or both.
type plan struct {
	id      string
	profile *profileCheck
	file    *checkFile
}

func (b *builder) checks(s *probes.System, f *systemFile, target *url.URL, who string, levels []*Defaults) {
	plans := b.planned(f, target, who)
	seen := map[string]source.Position{}
	for i := range f.Checks {
		c := &f.Checks[i]
		id := cmp.Or(c.ID, c.Kind)
		cwho := who + "/" + cmp.Or(id, "check #"+strconv.Itoa(i+1))
		b.trees = append(b.trees, entry{c.Self, cwho})
		if c.Self.IsZero() || c.Self.Bad("id") || c.Self.Bad("kind") {
			continue
		}
		if id != "" && !b.name(c.Self, cwho, "check", id, "") {
			continue
		}
		if at, twice := seen[id]; twice && id != "" {
			b.report(c.Self.At("id"), cwho, "the check id "+quoted(id)+" is already used at "+at.String()+"; give this one an id of its own")
			continue
		}
		seen[id] = c.Self.At("id")
		if j := slices.IndexFunc(plans, func(p plan) bool { return p.id == id && p.profile != nil }); j >= 0 {
			plans[j].file = c
			continue
		}
		plans = append(plans, plan{id: id, file: c})
	}
	for _, p := range plans {
		if c := b.check(s, f, p, target, who, levels); c != nil {
			s.Checks = append(s.Checks, c)
			b.inv.Checks = append(b.inv.Checks, c)
		}
	}
}

// systemTarget is the system's URL, nil when it has none or a wrong one.
func systemTarget(f *systemFile) (*url.URL, error) {
	if f.URL == "" {
		return nil, nil
	}
	u, err := parseURL(f.URL)
	if err != nil {
		return nil, err
	}
	return u, nil
}

// profileName settles which profile a system has; "" means none because of a
// mistake that is reported.
func (b *builder) profileName(f *systemFile, target *url.URL, who string) string {
	name := f.Profile
	switch {
	case f.Self.Bad("profile") || f.Self.Bad("checks") || f.Self.Bad("url"):
		return ""
	case name != "" && b.profiles[name] == nil:
		b.report(f.Self.At("profile"), who, "unknown profile "+quoted(name)+source.OneOf(name, profileNames()))
		return ""
	case len(f.Checks) > 0 && (name == "" || name == profileNone):
		return profileNone
	case name == profileNone || f.URL == "":
		if !f.Self.Mistyped() {
			b.idle(f, who)
		}
		return ""
	case target == nil:
		return "" // the URL was reported
	case name == "":
		return profileOf[target.Scheme]
	}
	return name
}

// idle reports a system that would never be asked anything.
func (b *builder) idle(f *systemFile, who string) {
	switch f.Profile {
	case profileNone:
		b.report(f.Self.At("profile"), who, "has nothing to check: profile is none and no checks are listed")
	case "":
		b.report(f.Self.At(), who, "has nothing to check: give a url such as https://portal.example/, or checks")
	default:
		b.report(f.Self.At("profile"), who, "profile "+f.Profile+" needs a url")
	}
}

// planned is what the profile brings.
func (b *builder) planned(f *systemFile, target *url.URL, who string) []plan {
	name := b.profileName(f, target, who)
	if name == "" {
		return nil
	}
	b.selection(f, name, who)
	var plans []plan
	for i := range b.profiles[name] {
		c := &b.profiles[name][i]
		if (c.When != nil && !c.When(target)) || (c.Optional && !slices.Contains(f.With, c.ID)) || slices.Contains(f.Without, c.ID) {
			continue
		}
		if _, known := b.kinds[c.Kind]; known {
			plans = append(plans, plan{id: c.ID, profile: c})
		}
	}
	if len(plans) == 0 && len(f.Without) == 0 && name != profileNone {
		b.report(f.Self.At("url"), who, "profile "+name+" has no kind of check in this watchpost; known kinds: "+strings.Join(b.kindNames, ", "))
	}
	return plans
}

// selection checks the words of with and without.
func (b *builder) selection(f *systemFile, profile, who string) {
	all := b.profiles[profile]
	for _, l := range []struct {
		key   string
		words []string
		legal []string
	}{{"with", f.With, checkIDs(all, true)}, {"without", f.Without, checkIDs(all, false)}} {
		for i, w := range l.words {
			if slices.Contains(l.legal, w) || f.Self.Bad(l.key, i) {
				continue
			}
			text := "profile " + profile + " has no such check"
			if l.key == "with" {
				text = "profile " + profile + " has no such optional check"
			}
			b.report(f.Self.At(l.key, i), who, l.key+" "+quoted(w)+": "+text+source.OneOf(w, l.legal))
		}
	}
}
