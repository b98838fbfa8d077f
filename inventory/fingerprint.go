package inventory

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"watchpost.example/inventory/source"
	"watchpost.example/probes"
)

// fingerprint hashes what matters to asking: kind, target, settings, timing.
// Names, contacts, levels, windows, comments and order do not matter.
func fingerprint(c *probes.Check, effective map[string]any) string {
	b, err := json.Marshal(struct {
		Kind, Instance string
		Settings       map[string]any
		Timing         []any
	}{c.Kind, c.Instance, effective, []any{c.Interval, c.Timeout, c.Confirm}})
	if err != nil { // plain data always marshals; if not, the check is new each time
		b = []byte(err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// merge lays b over a, mapping by mapping.
func merge(a map[string]any, b any) {
	m, ok := b.(map[string]any)
	if !ok {
		return
	}
	for k, v := range m {
		if inner, ok := v.(map[string]any); ok {
			if old, ok := a[k].(map[string]any); ok {
				merge(old, inner)
				continue
			}
		}
		a[k] = v
	}
}

// anchor makes the relative paths that a layer gives (keys that end in _file,
// _files or _dir) relative to the file they stand in, not to wherever the
// program was started.
func anchor(into probes.Settings, from source.Value) {
	r := reflect.ValueOf(into)
	if r.Kind() != reflect.Pointer || r.Elem().Kind() != reflect.Struct || from.IsZero() {
		return
	}
	dir := filepath.Dir(from.At().File)
	join := func(v reflect.Value) {
		if v.Kind() == reflect.String && v.String() != "" && !filepath.IsAbs(v.String()) {
			v.SetString(filepath.Join(dir, v.String()))
		}
	}
	for i := range r.Elem().NumField() {
		key, _, _ := strings.Cut(r.Elem().Type().Field(i).Tag.Get("yaml"), ",")
		f := r.Elem().Field(i)
		if !f.CanSet() || !from.Has(key) || !strings.HasSuffix(key, "_file") && !strings.HasSuffix(key, "_files") && !strings.HasSuffix(key, "_dir") {
			continue
		}
		join(f)
		for j := range sliceLen(f) {
			join(f.Index(j))
		}
	}
}

func sliceLen(v reflect.Value) int {
	if v.Kind() != reflect.Slice {
		return 0
	}
	return v.Len()
}

// set puts a profile's settings into a kind's, leaving out what it has not.
func set(into probes.Settings, settings map[string]any) {
	words := source.Words(into)
	for k, v := range settings {
		if !slices.Contains(words, k) {
			delete(settings, k)
			continue
		}
		b, err := json.Marshal(map[string]any{k: v}) // JSON is YAML
		if err != nil {
			continue
		}
		if doc, _ := source.Parse("profile", b); doc != nil && len(doc.Decode(into)) > 0 {
			delete(settings, k)
		}
	}
}

// Changes is what a reload means for the schedule.
type Changes struct {
	Added   []*probes.Check // new ids
	Removed []*probes.Check // of the old inventory
	Changed []*probes.Check // of the new one: same id, other fingerprint
	Kept    []*probes.Check // of the new one: schedule and state go on
}

// Diff compares two inventories; nil stands for an empty one.
func Diff(old, now *Inventory) Changes {
	var c Changes
	before := map[probes.ID]*probes.Check{}
	if old != nil {
		for _, k := range old.Checks {
			before[k.ID] = k
		}
	}
	if now != nil {
		for _, k := range now.Checks {
			was, known := before[k.ID]
			switch {
			case !known:
				c.Added = append(c.Added, k)
			case was.Fingerprint != k.Fingerprint:
				c.Changed = append(c.Changed, k)
			default:
				c.Kept = append(c.Kept, k)
			}
			delete(before, k.ID)
		}
	}
	for _, k := range before {
		c.Removed = append(c.Removed, k)
	}
	slices.SortFunc(c.Removed, func(a, b *probes.Check) int { return compareID(a.ID, b.ID) })
	return c
}
