package inventory

import (
	"slices"
	"strings"

	"watchpost.example/inventory/source"
	"watchpost.example/probes"
)

// dependencies resolves depends_on in full and finds what is not there and
// what goes in a circle.
func (b *builder) dependencies() {
	keys := make([]string, 0, len(b.systems))
	for k, e := range b.systems {
		if probes.ValidName(e.Unit.ID) && probes.ValidName(e.ID) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, e := range b.order {
		good := e.DependsOn[:0]
		for i, d := range e.DependsOn {
			if e.file.Self.Bad("depends_on", i) || d == "" {
				continue
			}
			key := d
			if !strings.Contains(d, "/") {
				key = e.Unit.ID + "/" + d
			}
			at := e.file.Self.At("depends_on", i)
			switch {
			case b.systems[key] == nil:
				if near := source.DidYouMean(key, keys); !b.holes || near != "" {
					b.report(at, e.Key(), "depends_on "+quoted(d)+": there is no such system; write unit/system"+near)
				}
				continue
			case slices.Contains(good, key):
				b.report(at, e.Key(), "depends_on names "+quoted(d)+" twice")
				continue
			}
			good = append(good, key)
		}
		e.DependsOn = good
	}
	b.circles()
}

// circles reports each circle once, at the system of it that the files name
// first; what merely leads into a circle is innocent.
func (b *builder) circles() {
	state := map[string]int{} // 1 = on the path, 2 = done
	var path []string
	var visit func(key string)
	visit = func(key string) {
		state[key] = 1
		path = append(path, key)
		for _, d := range b.systems[key].DependsOn {
			switch state[d] {
			case 0:
				visit(d)
			case 1:
				b.circle(path[slices.Index(path, d):])
			}
		}
		path = path[:len(path)-1]
		state[key] = 2
	}
	for _, e := range b.order {
		if state[e.Key()] == 0 {
			visit(e.Key())
		}
	}
}

func (b *builder) circle(keys []string) {
	first := b.systems[keys[0]]
	at := first.file.Self.At("depends_on")
	if len(keys) == 1 {
		b.report(at, first.Key(), "depends_on names the system itself")
		return
	}
	shown := keys
	if len(shown) > 8 {
		shown = append(slices.Clone(keys[:7]), "…")
	}
	b.report(at, first.Key(), "depends_on goes in a circle: "+strings.Join(shown, " → ")+" → "+keys[0])
}
