package inventory

import (
	"net/url"
	"slices"
	"strings"

	"watchpost.example/inventory/source"
	"watchpost.example/probes"
)

// layer is one place that a check's settings come from.
type layer struct {
	value source.Value
	who   string
}

// check builds one check; nil when it has problems or none is to be built.
func (b *builder) check(s *probes.System, f *systemFile, p plan, target *url.URL, system string, levels []*Defaults) *probes.Check {
	self, kindName := f.Self, ""
	who := system + "/" + p.id
	if p.profile != nil {
		kindName = p.profile.Kind
	}
	if p.file != nil {
		self = p.file.Self
		switch {
		case p.file.Kind == "" && kindName == "":
			b.kindless(p, f, who)
			return nil
		case p.file.Kind != "" && kindName != "" && p.file.Kind != kindName:
			b.report(self.At("kind"), who, "kind "+quoted(p.file.Kind)+": the profile's check "+quoted(p.id)+" is of kind "+kindName+"; give this one an id of its own, or leave it out with without: ["+p.id+"]")
			return nil
		case kindName == "":
			kindName = p.file.Kind
		}
	}
	kind, ok := b.kinds[kindName]
	if !ok {
		b.report(self.At("kind"), who, "unknown kind "+quoted(kindName)+source.OneOf(kindName, b.kindNames))
		return nil
	}
	c := &probes.Check{ID: probes.ID{Unit: s.Unit.ID, System: s.ID, Check: p.id}, System: s, Kind: kindName}
	known := len(b.problems)
	b.times(c, b.timings(p, kindName, who, levels))
	settings := kind.New()
	effective, sound := b.settle(settings, p, self, target, kindName, who, levels, f)
	if !sound || len(b.problems) > known {
		return nil
	}
	prober, err := settings.Prober()
	if err != nil {
		b.report(self.At(), who, oneLine(err.Error()))
		return nil
	}
	c.Prober, c.Instance = prober, settings.Instance()
	c.Fingerprint = fingerprint(c, effective)
	return c
}

// kindless reports a check that does not say how to ask.
func (b *builder) kindless(p plan, f *systemFile, who string) {
	for _, k := range p.file.Settings.Keys() {
		if _, near := source.Nearest(k, []string{"kind"}); near {
			b.report(p.file.Settings.KeyAt(k), who, "unknown key "+quoted(k)+`; did you mean "kind"?`)
			return
		}
	}
	text := "the check has no kind; kinds are " + strings.Join(b.kindNames, ", ")
	if u, err := parseURL(f.URL); err == nil && f.Profile == "" {
		name := profileOf[u.Scheme]
		if slices.Contains(checkIDs(b.profiles[name], false), p.id) {
			text += "; to change the check " + quoted(p.id) + " of the profile, add profile: " + name + " to the system"
		}
	}
	b.report(p.file.Self.At(), who, text)
}

// timings lists the levels, most specific first.
func (b *builder) timings(p plan, kind, who string, levels []*Defaults) []timing {
	var out []timing
	if p.file != nil {
		own := timing{p.file.Self, who, p.file.Interval, p.file.Timeout, &p.file.Confirm}
		b.sane(&own)
		out = append(out, own)
	}
	for _, d := range levels {
		if k, ok := d.Kinds[kind]; ok {
			confirm := k.Confirm
			out = append(out, timing{k.Self, d.who, k.Interval, k.Timeout, &confirm})
		}
		out = append(out, timing{d.Self, d.who, d.Interval, d.Timeout, &d.Confirm})
	}
	return out
}

// settle decodes the settings from the most general layer to the most special
// and reports what is wrong with them where it was written. It also gives the
// effective settings as plain data, for the fingerprint.
func (b *builder) settle(into probes.Settings, p plan, self source.Value, target *url.URL, kind, who string, levels []*Defaults, f *systemFile) (map[string]any, bool) {
	var layers []layer
	for _, d := range slices.Backward(levels) {
		if k, ok := d.Kinds[kind]; ok {
			layers = append(layers, layer{k.Settings, d.who})
		}
	}
	effective := map[string]any{}
	for _, l := range layers {
		_ = l.value.Decode(into) // reported where the defaults were read
		anchor(into, l.value)
		merge(effective, l.value.Plain())
	}
	if p.profile != nil && p.profile.Settings != nil && target != nil {
		own := p.profile.Settings(target)
		set(into, own)
		merge(effective, own)
	}
	var decoded source.Problems
	if p.file != nil {
		decoded = p.file.Settings.Decode(into).For(who)
		anchor(into, p.file.Settings)
		merge(effective, p.file.Settings.Plain())
		layers = append(layers, layer{p.file.Settings, who})
	}
	if t, ok := into.(probes.Targeted); ok && target != nil {
		u := target
		if p.profile != nil && p.profile.Target != nil {
			u = p.profile.Target(target)
		}
		t.SetTarget(u.String())
		effective[" target"] = u.String() // no key has a space
	}
	b.problems = append(b.problems, decoded...)
	slices.Reverse(layers)
	sound := b.judge(into.Problems(), layers, self, who, f)
	return effective, sound && len(decoded) == 0
}

// judge maps a kind's own problems to places and drops what follows from
// mistakes that were reported already.
func (b *builder) judge(problems []probes.Problem, layers []layer, self source.Value, who string, f *systemFile) bool {
	mistaken := false
	for _, l := range layers {
		mistaken = mistaken || l.value.Tainted() || l.value.Mistyped()
	}
	for _, p := range problems {
		path := source.Path(p.Field)
		l, written := origin(layers, path)
		switch {
		case written && (l.value.Tainted(path...) || l.value.Get(path[0]).Mistyped()):
			// reported by the decoder
		case written:
			b.report(l.value.At(path...), l.who, complaint(p))
		case !mistaken && !b.urlReported(f):
			b.report(self.At(), who, complaint(p))
		}
	}
	return len(problems) == 0
}

// origin is the most special layer that gives the key.
func origin(layers []layer, path []any) (layer, bool) {
	for _, l := range layers {
		if len(path) > 0 && l.value.Has(path[0]) {
			return l, true
		}
	}
	return layer{}, false
}

// urlReported tells that the system's URL is wrong, so that a missing target
// is no news.
func (b *builder) urlReported(f *systemFile) bool {
	if f.Self.Bad("url") {
		return true
	}
	_, err := parseURL(f.URL)
	return f.URL != "" && err != nil
}

// complaint writes a kind's problem in one line.
func complaint(p probes.Problem) string {
	text := p.Field
	switch {
	case p.Field == "" && p.Found == "":
		text = "expected " + p.Expected
	case p.Field == "":
		text = "found " + p.Found + ", expected " + p.Expected
	case p.Found == "" && p.Expected == "":
		text += " is wrong"
	case p.Found == "", strings.HasPrefix(p.Found, `"":`):
		text += " is missing: expected " + p.Expected
	case p.Expected == "":
		text += " " + p.Found
	default:
		text += ": found " + p.Found + ", expected " + p.Expected
	}
	if len(p.Similar) > 0 {
		text += source.DidYouMean(strings.Trim(p.Found, `"`), p.Similar)
	}
	return oneLine(text)
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
