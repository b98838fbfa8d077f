package source

import (
	"encoding"
	"fmt"
	"maps"
	"reflect"
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// maxProblems bounds what one Decode reports: nobody reads more.
const maxProblems = 1000

// Decode fills v, a pointer to a struct, map or slice, from the value and
// reports all that does not fit: unknown keys, wrong types, texts that a type
// refuses. What fits is set, whatever stands beside it; what is not given
// keeps the value it had, so defaults are set before.
//
// Fields are named by their `yaml` tag (or their lower-cased name) and may be
// structs (`,inline` too), pointers, slices, maps with text keys, texts,
// numbers, booleans, any, time.Duration, Value, and whatever implements
// encoding.TextUnmarshaler; an error of the latter should read as the end of
// "key value: ...". Aliases and merges (<<) are followed.
func (v Value) Decode(into any) Problems {
	if v.node == nil {
		return nil
	}
	d := decoder{doc: v.doc, more: v.more}
	d.value(v.node, reflect.ValueOf(into).Elem(), "")
	return d.problems
}

var (
	valueType = reflect.TypeFor[Value]()
	textType  = reflect.TypeFor[encoding.TextUnmarshaler]()
)

type decoder struct {
	doc      *Document
	more     []string // words legal beside the mapping that is decoded first
	problems Problems
}

// tail leaves out what the position says already: "units[0].systems[2].url" is
// "url" to whoever looks at it.
func tail(name string) string {
	if i := strings.LastIndex(name, "]."); i >= 0 {
		return name[i+2:]
	}
	return name
}

func (d *decoder) bad(n *yaml.Node, format string, args ...any) {
	d.doc.bad[n] = true
	d.report(n, fmt.Sprintf(format, args...))
}

func (d *decoder) report(n *yaml.Node, text string) {
	if len(d.problems) < maxProblems {
		d.problems = append(d.problems, Problem{Position: Position{d.doc.Name, n.Line, n.Column}, Text: text})
	}
}

// value decodes one node; name is how the operator would call it ("timeout",
// "status[1]"), "" for the root.
func (d *decoder) value(n *yaml.Node, to reflect.Value, name string) {
	at := n
	n = resolve(n)
	if n == nil || d.doc.bad[n] {
		return
	}
	if to.Type() == valueType {
		to.Set(reflect.ValueOf(Value{doc: d.doc, node: at}))
		return
	}
	if isNull(n) {
		return // "key:" with nothing behind it is a key not given
	}
	if to.Kind() == reflect.Pointer {
		if to.IsNil() {
			to.Set(reflect.New(to.Type().Elem()))
		}
		d.value(at, to.Elem(), name)
		return
	}
	if to.CanAddr() && to.Addr().Type().Implements(textType) {
		d.text(at, n, to, name)
		return
	}
	d.plain(at, n, to, name)
}

func (d *decoder) plain(at, n *yaml.Node, to reflect.Value, name string) {
	switch to.Kind() {
	case reflect.Struct:
		if d.want(at, n, yaml.MappingNode, name, false) {
			d.mapping(n, to, name)
		}
	case reflect.Map:
		if d.want(at, n, yaml.MappingNode, name, false) {
			d.table(n, to, name)
		}
	case reflect.Slice:
		if d.want(at, n, yaml.SequenceNode, name, to.Type().Elem().Kind() != reflect.Struct) {
			d.list(n, to, name)
		}
	case reflect.Interface:
		to.Set(reflect.ValueOf(generic(n, 0)))
	default:
		if d.want(at, n, yaml.ScalarNode, name, false) {
			if text := scalar(n, to); text != "" {
				d.bad(at, "%s", sentence(tail(name), n.Value, text))
			}
		}
	}
}

// want reports a node of another kind than the type needs.
// simple says that a single value may be meant as a list of one.
func (d *decoder) want(at, n *yaml.Node, kind yaml.Kind, name string, simple bool) bool {
	if n.Kind == kind {
		return true
	}
	hint := ""
	if simple && n.Kind == yaml.ScalarNode && len(n.Value) <= 60 && !strings.ContainsAny(n.Value, "\r\n") {
		hint = ": write [" + n.Value + "]"
	}
	expected := map[yaml.Kind]string{yaml.MappingNode: "a mapping (key: value)", yaml.SequenceNode: "a list", yaml.ScalarNode: "a single value"}[kind]
	if name = tail(name); name != "" {
		name += " "
	}
	d.bad(at, "%sis %s, expected %s%s", name, what(n), expected, hint)
	return false
}

// what names a node's kind for people.
func what(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	default:
		return "the value " + quote(n.Value)
	}
}

// sentence joins name, found value and complaint.
func sentence(name, found, complaint string) string {
	if name == "" {
		return quote(found) + " " + complaint
	}
	return name + " " + quote(found) + " " + complaint
}

func (d *decoder) mapping(n *yaml.Node, to reflect.Value, name string) {
	more := d.more
	d.more = nil
	fields, rest := fieldsOf(to)
	for i := range to.NumField() {
		if _, opts, _ := strings.Cut(to.Type().Field(i).Tag.Get("yaml"), ","); opts == "self" && to.Field(i).Type() == valueType {
			to.Field(i).Set(reflect.ValueOf(Value{doc: d.doc, node: n}))
		}
	}
	words := make([]string, 0, len(fields))
	for w := range fields {
		words = append(words, w)
	}
	words = sorted(words)
	var left []*yaml.Node
	for _, p := range pairs(n) {
		f, ok := fields[p.key.Value]
		switch {
		case ok && f.Type() == valueType:
			f.Set(reflect.ValueOf(Value{doc: d.doc, key: p.key, node: p.value}))
		case ok:
			d.value(p.value, f, join(name, p.key.Value))
		case rest.IsValid():
			left = append(left, p.key, p.value)
		default:
			d.unknown(n, p.key, name, words, more)
		}
	}
	if rest.IsValid() {
		part := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: n.Line, Column: n.Column, Content: left}
		rest.Set(reflect.ValueOf(Value{doc: d.doc, node: part, more: words}))
	}
}

func (d *decoder) unknown(n, key *yaml.Node, name string, words, more []string) {
	d.doc.unknown[n] = true
	if name = tail(name); strings.HasSuffix(name, "]") {
		name = ""
	}
	if name != "" {
		name = " in " + name
	}
	all := append(append([]string{}, words...), more...)
	if _, near := Nearest(key.Value, all); near || len(words) == 0 {
		words = all
	}
	d.report(key, "unknown key "+quote(key.Value)+name+OneOf(key.Value, words))
}

func join(name, key string) string {
	if name == "" {
		return key
	}
	return name + "." + key
}

// fieldsOf maps yaml keys to a struct's fields, inlined structs included; rest
// is the inline Value, invalid if there is none.
func fieldsOf(s reflect.Value) (fields map[string]reflect.Value, rest reflect.Value) {
	fields = map[string]reflect.Value{}
	for i := range s.NumField() {
		sf := s.Type().Field(i)
		tag, opts, _ := strings.Cut(sf.Tag.Get("yaml"), ",")
		inline := opts == "inline"
		switch {
		case !sf.IsExported() && !sf.Anonymous, tag == "-", opts == "self":
		case inline && sf.Type == valueType:
			rest = s.Field(i)
		case inline:
			inner, r := fieldsOf(s.Field(i))
			maps.Copy(fields, inner)
			if r.IsValid() {
				rest = r
			}
		case sf.IsExported():
			if tag == "" {
				tag = strings.ToLower(sf.Name)
			}
			fields[tag] = s.Field(i)
		}
	}
	return fields, rest
}

func (d *decoder) list(n *yaml.Node, to reflect.Value, name string) {
	out := reflect.MakeSlice(to.Type(), len(n.Content), len(n.Content))
	for i, c := range n.Content {
		d.value(c, out.Index(i), name+"["+strconv.Itoa(i)+"]")
	}
	to.Set(out)
}

func (d *decoder) table(n *yaml.Node, to reflect.Value, name string) {
	if to.IsNil() {
		to.Set(reflect.MakeMap(to.Type()))
	}
	for _, p := range pairs(n) {
		v := reflect.New(to.Type().Elem()).Elem()
		if v.Type() == valueType {
			v.Set(reflect.ValueOf(Value{doc: d.doc, key: p.key, node: p.value}))
		} else {
			d.value(p.value, v, join(name, p.key.Value))
		}
		to.SetMapIndex(reflect.ValueOf(p.key.Value).Convert(to.Type().Key()), v)
	}
}
