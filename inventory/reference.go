package inventory

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"watchpost.example/probes"
)

const referenceHead = `Every key of watchpost.yaml and of the inventory files, made from the structs that the program reads
them into. Durations need a unit: 30s, 5m, 1m30s, 2h, 400d. Relative paths count from the file they stand in.
An unknown key is a mistake, reported with its place and the key that was probably meant.
`

// Reference renders all keys with type, default and meaning as Markdown, for
// CONFIGURATION.md; headings begin at level 2.
func Reference(kinds []probes.Kind) []byte {
	var b strings.Builder
	b.WriteString(referenceHead)
	b.WriteString("\n## watchpost.yaml\n\nHow this watchpost runs. Each key may be left out, and so may the file.\n\n")
	section(&b, reflect.TypeFor[Server](), reflect.Value{}, "###")
	fmt.Fprintf(&b, "\n### probe_modules\n\nEach module of `/probe` is a kind with settings, without a target. Built in: %s.\n\n", builtinModules())
	section(&b, reflect.TypeFor[ProbeModule](), reflect.Value{}, "####")
	b.WriteString("\n## inventory/*.yaml\n\nWhat is watched: units, their systems, the systems' checks.\n\n")
	section(&b, reflect.TypeFor[inventoryFile](), reflect.Value{}, "###")
	fmt.Fprintf(&b, "\n### Defaults\n\n`defaults` may stand in watchpost.yaml, in an inventory file, in a unit and in a system; the nearest one wins, key by key.\n\n")
	section(&b, reflect.TypeFor[Defaults](), reflect.Value{}, "####")
	b.WriteString("\n### confirm\n\n")
	section(&b, reflect.TypeFor[confirmFile](), reflect.Value{}, "####")
	b.WriteString("\n### Profiles\n\n| profile | from | checks | optional (`with`) |\n|---|---|---|---|\n")
	for _, name := range profileNames() {
		var from, always, optional []string
		for _, s := range schemes() {
			if profileOf[s] == name {
				from = append(from, s+"://")
			}
		}
		for _, c := range profiles()[name] {
			if c.Optional {
				optional = append(optional, c.ID)
				continue
			}
			always = append(always, c.ID)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, strings.Join(from, ", "), strings.Join(always, ", "), strings.Join(optional, ", "))
	}
	b.WriteString("\n## Kinds\n\nThe settings of a kind stand in the check beside `id`, `kind`, `interval`, `timeout` and `confirm`,\nand under `defaults: kinds:` for all checks of the kind.\n")
	sorted := slices.Clone(kinds)
	slices.SortFunc(sorted, func(x, y probes.Kind) int { return strings.Compare(x.Name, y.Name) })
	for _, k := range sorted {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n\n", k.Name, k.Doc)
		v := reflect.ValueOf(k.New())
		for v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		if v.Kind() == reflect.Struct {
			section(&b, v.Type(), v, "####")
		}
	}
	return []byte(b.String())
}

// builtinModules lists the modules that are there by themselves, by kind.
func builtinModules() string {
	byKind := map[string][]string{}
	for name, kind := range BuiltinModules() {
		byKind[kind] = append(byKind[kind], "`"+name+"`")
	}
	var out []string
	for _, kind := range slices.Sorted(maps.Keys(byKind)) {
		slices.Sort(byKind[kind])
		out = append(out, strings.Join(byKind[kind], " and ")+" ("+kind+")")
	}
	return strings.Join(out, ", ")
}

// section writes one table and then the ones of the mappings in it.
func section(b *strings.Builder, t reflect.Type, preset reflect.Value, heading string) {
	keys := describe(t, preset)
	b.WriteString("| key | type | default | meaning |\n|---|---|---|---|\n")
	for _, k := range keys {
		kind, doc := k.kind, k.doc
		if k.required {
			kind += ", needed"
		}
		switch k.inner {
		case reflect.TypeFor[Defaults]():
			doc += " See Defaults."
		case reflect.TypeFor[confirmFile]():
			doc += " See confirm."
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", k.name, kind, cell(k.preset), cell(doc))
	}
	for _, k := range keys {
		if k.inner == nil || k.inner == reflect.TypeFor[Defaults]() || k.inner == reflect.TypeFor[confirmFile]() {
			continue
		}
		fmt.Fprintf(b, "\n%s %s\n\n", heading, k.name)
		section(b, k.inner, reflect.Value{}, heading)
	}
}

func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }
