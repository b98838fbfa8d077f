package inventory

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"watchpost.example/inventory/source"
	"watchpost.example/probes"
)

// key is one key of a file as its struct describes it; the one source of both
// the JSON Schema and the reference.
type key struct {
	name, kind, preset, doc string
	required                bool
	schema                  map[string]any
	inner                   reflect.Type // struct of a mapping or of a list's items; nil else
	list                    bool
}

// describe lists the keys of a struct; preset holds the values that it starts
// with, where there are any.
func describe(t reflect.Type, preset reflect.Value) []key {
	var keys []key
	for i := range t.NumField() {
		f := t.Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case !f.IsExported(), name == "-", opts == "self", f.Type == reflect.TypeFor[source.Value]():
			continue
		case opts == "inline":
			var inner reflect.Value
			if preset.IsValid() {
				inner = preset.Field(i)
			}
			keys = append(keys, describe(f.Type, inner)...)
			continue
		case name == "":
			name = strings.ToLower(f.Name)
		}
		k := key{name: name, doc: f.Tag.Get("doc"), preset: f.Tag.Get("default"), required: f.Tag.Get("required") != ""}
		k.schema, k.kind, k.inner, k.list = typeOf(f.Type)
		if k.preset == "" && preset.IsValid() {
			k.preset = shown(preset.Field(i))
		}
		if before, after, ok := strings.Cut(k.doc, "; default "); ok && k.preset == "" {
			k.doc, k.preset = before, after
		} else if ok {
			k.doc = before
		}
		if words := f.Tag.Get("enum"); words != "" {
			k.schema["enum"] = strings.Split(words, ",")
		}
		keys = append(keys, k)
	}
	return keys
}

// shown is a default value as it would be written, "" for a zero one.
func shown(v reflect.Value) string {
	if !v.IsValid() || v.IsZero() || v.Kind() == reflect.Struct || v.Kind() == reflect.Map {
		return ""
	}
	switch x := v.Interface().(type) {
	case probes.Duration:
		return short(x.D())
	case time.Duration:
		return short(x)
	case []string:
		return "[" + strings.Join(x, ", ") + "]"
	}
	if v.Kind() == reflect.Slice || v.Kind() == reflect.Bool || v.CanInt() || v.CanUint() || v.CanFloat() || v.Kind() == reflect.String {
		return fmt.Sprint(v.Interface())
	}
	return ""
}

// typeOf gives a type's schema and its name in the operator's words.
func typeOf(t reflect.Type) (schema map[string]any, kind string, inner reflect.Type, list bool) {
	text := func(kind string, more ...any) (map[string]any, string, reflect.Type, bool) {
		s := map[string]any{"type": "string"}
		for i := 0; i+1 < len(more); i += 2 {
			s[fmt.Sprint(more[i])] = more[i+1]
		}
		return s, kind, nil, false
	}
	switch t {
	case reflect.TypeFor[probes.Duration](), reflect.TypeFor[time.Duration]():
		return text("duration", "pattern", `^([0-9]+d|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+)$`)
	case reflect.TypeFor[Size]():
		return text("size", "pattern", `^[0-9]+(\.[0-9]+)? *([KMGT]i?B|[kmgt]i?b)$`)
	case reflect.TypeFor[netip.Addr]():
		return text("IP address")
	case reflect.TypeFor[netip.Prefix]():
		return text("range (CIDR)")
	}
	if t.Kind() == reflect.Pointer {
		return typeOf(t.Elem())
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return map[string]any{"type": []string{"string", "number"}}, "text", nil, false
	}
	return plainType(t)
}

func plainType(t reflect.Type) (schema map[string]any, kind string, inner reflect.Type, list bool) {
	switch t.Kind() {
	case reflect.Bool:
		return map[string]any{"type": "boolean"}, "true or false", nil, false
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return map[string]any{"type": "integer"}, "whole number", nil, false
	case reflect.Float32, reflect.Float64:
		return map[string]any{"type": "number"}, "number", nil, false
	case reflect.Slice:
		items, kind, inner, _ := typeOf(t.Elem())
		return map[string]any{"type": "array", "items": items}, "list of " + kind, inner, true
	case reflect.Map:
		values, kind, _, _ := typeOf(t.Elem())
		return map[string]any{"type": "object", "additionalProperties": values}, "mapping to " + kind, nil, false
	case reflect.Struct:
		return map[string]any{"type": "object"}, "mapping", t, false
	default:
		return map[string]any{"type": []string{"string", "number", "boolean"}}, "text", nil, false
	}
}

// schemas makes the JSON Schema of structs, with the kinds' settings where
// checks and kinds' defaults stand.
type schemas struct {
	kinds []probes.Kind
}

func (s schemas) object(t reflect.Type, preset reflect.Value) map[string]any {
	props := map[string]any{}
	var required []string
	for _, k := range describe(t, preset) {
		props[k.name] = s.property(t, k)
		if k.required {
			required = append(required, k.name)
		}
	}
	o := map[string]any{"type": "object", "properties": props, "additionalProperties": false}
	if required != nil {
		o["required"] = required
	}
	if t == reflect.TypeFor[checkFile]() {
		return s.check(o)
	}
	return o
}

func (s schemas) property(owner reflect.Type, k key) map[string]any {
	p := k.schema
	switch {
	case k.name == "kinds" && owner == reflect.TypeFor[Defaults]():
		p = s.kindDefaults()
	case k.name == "probe_modules" && owner == reflect.TypeFor[Server]():
		p = map[string]any{"type": "object", "additionalProperties": s.check(s.object(reflect.TypeFor[ProbeModule](), reflect.Value{}))}
	case k.inner != nil && k.list:
		p = map[string]any{"type": "array", "items": s.object(k.inner, reflect.Value{})}
	case k.inner == reflect.TypeFor[Defaults](), k.inner == reflect.TypeFor[confirmFile]():
		p = map[string]any{"$ref": "#/$defs/" + map[bool]string{true: "defaults", false: "confirm"}[k.inner == reflect.TypeFor[Defaults]()]}
	case k.inner != nil:
		p = s.object(k.inner, reflect.Value{})
	}
	if k.name == "profile" && owner == reflect.TypeFor[systemFile]() {
		p["enum"] = profileNames()
	}
	if k.name == "level" && owner == reflect.TypeFor[systemFile]() {
		p["minimum"], p["maximum"] = 1, 5
	}
	if k.doc != "" {
		p["description"] = k.doc
		if k.preset != "" {
			p["description"] = strings.TrimSuffix(k.doc, ".") + ". Default: " + k.preset
		}
	}
	return p
}

// settings are the properties of a kind's settings.
func (s schemas) settings(k probes.Kind) map[string]any {
	v := reflect.ValueOf(k.New())
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return map[string]any{}
	}
	props, _ := s.object(v.Type(), v)["properties"].(map[string]any)
	return props
}

// check lets the settings of the named kind stand beside the check's own keys.
// Without a kind (a change of a profile's check) any kind's may.
func (s schemas) check(o map[string]any) map[string]any {
	delete(o, "additionalProperties")
	var names []string
	var rules []any
	for _, k := range s.kinds {
		names = append(names, k.Name)
		rules = append(rules, map[string]any{
			"if":   map[string]any{"properties": map[string]any{"kind": map[string]any{"const": k.Name}}, "required": []string{"kind"}},
			"then": map[string]any{"properties": s.settings(k)},
		})
	}
	rules = append(rules, map[string]any{"if": map[string]any{"not": map[string]any{"required": []string{"kind"}}}, "then": map[string]any{"additionalProperties": true}})
	slices.Sort(names)
	if props, ok := o["properties"].(map[string]any); ok {
		if kind, ok := props["kind"].(map[string]any); ok {
			kind["enum"] = names
		}
	}
	o["allOf"], o["unevaluatedProperties"] = rules, false
	return o
}

func (s schemas) kindDefaults() map[string]any {
	props := map[string]any{}
	for _, k := range s.kinds {
		o := s.object(reflect.TypeFor[kindDefaults](), reflect.Value{})
		if p, ok := o["properties"].(map[string]any); ok {
			maps.Copy(p, s.settings(k))
		}
		o["description"] = k.Doc
		props[k.Name] = o
	}
	return map[string]any{"type": "object", "properties": props, "additionalProperties": false}
}

// The names under which Schemas gives the files of inventory/schema.
const (
	ServerSchema    = "watchpost.schema.json"
	InventorySchema = "inventory.schema.json"
)

// Schemas makes the JSON Schemas (draft 2020-12) of watchpost.yaml and of
// inventory files for editors, by file name. They hold what a schema can say;
// `watchpost check` says the rest.
func Schemas(kinds []probes.Kind) map[string][]byte {
	s := schemas{kinds}
	out := map[string][]byte{}
	for name, t := range map[string]reflect.Type{ServerSchema: reflect.TypeFor[Server](), InventorySchema: reflect.TypeFor[inventoryFile]()} {
		o := s.object(t, reflect.Value{})
		o["$schema"] = "https://json-schema.org/draft/2020-12/schema"
		o["$id"] = "https://watchpost.example/schema/" + name
		o["title"] = map[string]string{ServerSchema: "watchpost.yaml: how this watchpost runs", InventorySchema: "inventory/*.yaml: what is watched"}[name]
		o["$defs"] = map[string]any{
			"defaults": s.object(reflect.TypeFor[Defaults](), reflect.Value{}),
			"confirm":  s.object(reflect.TypeFor[confirmFile](), reflect.Value{}),
		}
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(o); err != nil { // maps of texts always encode
			continue
		}
		out[name] = b.Bytes()
	}
	return out
}
