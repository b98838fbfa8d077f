package source

import (
	"reflect"
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// Document is one file that was understood as YAML. Its own methods are those
// of its root Value. It is not safe for concurrent use.
type Document struct {
	Value
	Name string // as given to Read or Parse

	bad     map[*yaml.Node]bool // values that a Decode could not take
	unknown map[*yaml.Node]bool // mappings in which a Decode met an unknown key
}

// Value is a part of a Document. A struct field of this type keeps the part
// for later; with the tag `yaml:",inline"` it keeps every key that no other
// field of the struct takes, so that a check's kind can be read first and its
// settings afterwards, as strictly and with the same positions. With the tag
// `yaml:",self"` it keeps the struct's own mapping whole, for the positions.
// The zero Value stands for what was not given.
type Value struct {
	doc  *Document
	key  *yaml.Node // nil for the root and items of lists
	node *yaml.Node // nil when not given
	// more is the words that stand beside an inline Value in its mapping: they
	// may be meant by a mistyped key, though they are not its own.
	more []string
}

// IsZero tells that nothing was given (nothing at all, or only "key:").
func (v Value) IsZero() bool {
	n := resolve(v.node)
	return n == nil || isNull(n) || n.Kind == yaml.MappingNode && len(n.Content) == 0
}

// At is the place of the value under the keys (string) and indexes (int) of
// path; of a block mapping or list, the place of its key. What is not there has
// the place of the nearest thing around it.
func (v Value) At(path ...any) Position {
	for i := range path {
		next, ok := v.step(path[i])
		if !ok {
			break
		}
		v = next
	}
	if v.doc == nil {
		return Position{}
	}
	n := v.node
	if n == nil {
		return Position{File: v.doc.Name}
	}
	block := n.Kind != yaml.ScalarNode && n.Kind != yaml.AliasNode && n.Style&yaml.FlowStyle == 0
	if v.key != nil && (block || isNull(n)) {
		n = v.key
	}
	return Position{v.doc.Name, n.Line, n.Column}
}

// KeyAt is the place of the key itself, for problems with the key.
func (v Value) KeyAt(path ...any) Position {
	for i := range path {
		next, ok := v.step(path[i])
		if !ok {
			return v.At()
		}
		v = next
	}
	if v.key == nil {
		return v.At()
	}
	return Position{v.doc.Name, v.key.Line, v.key.Column}
}

// Get is the value under path, the zero Value (with no place) if there is none.
func (v Value) Get(path ...any) Value {
	for _, p := range path {
		next, ok := v.step(p)
		if !ok {
			return Value{}
		}
		v = next
	}
	return v
}

// Has tells whether something was given under path.
func (v Value) Has(path ...any) bool {
	n := v.Get(path...).node
	return n != nil && !isNull(resolve(n))
}

// Tainted tells whether a Decode has reported the value under path, or
// something around or inside it, so that nothing more need be said of it.
func (v Value) Tainted(path ...any) bool {
	if v.doc == nil || len(v.doc.bad) == 0 {
		return false
	}
	g := v.Get(path...)
	return v.Bad(path...) || g.doc != nil && badInside(v.doc, g.node, 0)
}

// Bad is Tainted for the value itself and what is around it: it could not be
// taken at all.
func (v Value) Bad(path ...any) bool {
	for _, p := range path {
		if v.doc != nil && v.doc.bad[v.node] {
			return true
		}
		next, ok := v.step(p)
		if !ok {
			return false
		}
		v = next
	}
	return v.doc != nil && v.doc.bad[v.node]
}

func badInside(d *Document, n *yaml.Node, depth int) bool {
	if n == nil || depth > MaxDepth || len(d.bad) == 0 {
		return false
	}
	for _, c := range n.Content {
		if d.bad[c] || badInside(d, c, depth+1) {
			return true
		}
	}
	return false
}

// Mistyped tells whether a Decode met an unknown key in this mapping: what is
// missing in it is then probably the mistyped key.
func (v Value) Mistyped() bool { return v.doc != nil && v.doc.unknown[resolve(v.node)] }

// Items are the elements of a list; nil for anything else.
func (v Value) Items() []Value {
	n := resolve(v.node)
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	items := make([]Value, len(n.Content))
	for i, c := range n.Content {
		items[i] = Value{doc: v.doc, node: c}
	}
	return items
}

// Keys are the keys of a mapping in the order of the file; nil for anything else.
func (v Value) Keys() []string {
	var keys []string
	for _, p := range pairs(resolve(v.node)) {
		keys = append(keys, p.key.Value)
	}
	return keys
}

// Text is a scalar as it was written, without quotes; "" for anything else.
func (v Value) Text() string {
	if n := resolve(v.node); n != nil && n.Kind == yaml.ScalarNode && !isNull(n) {
		return n.Value
	}
	return ""
}

// Problem makes a problem of the value under path.
func (v Value) Problem(text string, path ...any) Problem {
	return Problem{Position: v.At(path...), Text: text}
}

func (v Value) step(p any) (Value, bool) {
	n := resolve(v.node)
	switch p := p.(type) {
	case int:
		if n != nil && n.Kind == yaml.SequenceNode && p >= 0 && p < len(n.Content) {
			return Value{doc: v.doc, node: n.Content[p]}, true
		}
	case string:
		for _, kv := range pairs(n) {
			if kv.key.Value == p {
				return Value{doc: v.doc, key: kv.key, node: kv.value}, true
			}
		}
	}
	return Value{}, false
}

// Path turns a dotted field such as "expect.status[1]" or "expect.status.1"
// into the path that At takes.
func Path(field string) []any {
	if field == "" {
		return nil
	}
	var path []any
	for _, part := range strings.FieldsFunc(field, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		if i, err := strconv.Atoi(part); err == nil {
			path = append(path, i)
			continue
		}
		path = append(path, part)
	}
	return path
}

// Holds tells whether p lies between the first and the last character that the
// value's parts begin with, aliases not followed.
func (v Value) Holds(p Position) bool {
	if v.doc == nil || v.node == nil || p.File != v.doc.Name {
		return false
	}
	first, last := v.node, v.node
	for n := v.node; len(n.Content) > 0; last = n {
		n = n.Content[len(n.Content)-1]
	}
	return !before(p, first) && (p.Line < last.Line || p.Line == last.Line && p.Column <= last.Column)
}

func before(p Position, n *yaml.Node) bool {
	return p.Line < n.Line || p.Line == n.Line && p.Column < n.Column
}

// Plain is the value as plain Go data: text, int, float64, bool, nil, []any and
// map[string]any.
func (v Value) Plain() any { return generic(v.node, 0) }

// Words are the keys that Decode knows in a struct (or a pointer to one),
// sorted; nil for anything else.
func Words(s any) []string {
	r := reflect.ValueOf(s)
	for r.Kind() == reflect.Pointer {
		r = r.Elem()
	}
	if r.Kind() != reflect.Struct {
		return nil
	}
	fields, _ := fieldsOf(r)
	words := make([]string, 0, len(fields))
	for w := range fields {
		words = append(words, w)
	}
	return sorted(words)
}
