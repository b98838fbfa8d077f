package source

import (
	"fmt"

	yaml "go.yaml.in/yaml/v4"
)

type pair struct{ key, value *yaml.Node }

// resolve follows aliases. Chains are as short as the walker allows.
func resolve(n *yaml.Node) *yaml.Node {
	for i := 0; n != nil && n.Kind == yaml.AliasNode && i < MaxDepth; i++ {
		n = n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool {
	return n != nil && n.Kind == yaml.ScalarNode && n.Tag == "!!null"
}

func isMerge(k *yaml.Node) bool {
	return k.Kind == yaml.ScalarNode && k.Value == "<<" && k.Tag == "!!merge"
}

// pairs lists a mapping's keys and values with merges (<<) put in their place:
// what the mapping says itself wins over what is merged.
func pairs(n *yaml.Node) []pair { return mergedPairs(n, 0) }

func mergedPairs(n *yaml.Node, depth int) []pair {
	if n == nil || n.Kind != yaml.MappingNode || depth > MaxDepth {
		return nil
	}
	own := make([]pair, 0, len(n.Content)/2)
	var merged []pair
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if !isMerge(k) {
			if k.Kind == yaml.ScalarNode { // others the walker has reported
				own = append(own, pair{k, v})
			}
			continue
		}
		from := []*yaml.Node{v}
		if r := resolve(v); r != nil && r.Kind == yaml.SequenceNode {
			from = r.Content
		}
		for _, f := range from {
			merged = append(merged, mergedPairs(resolve(f), depth+1)...)
		}
	}
	if len(merged) == 0 {
		return own
	}
	said := make(map[string]bool, len(own))
	for _, p := range own {
		said[p.key.Value] = true
	}
	for _, p := range merged {
		if !said[p.key.Value] {
			said[p.key.Value] = true
			own = append(own, p)
		}
	}
	return own
}

// walker checks what must hold before anything can be decoded: bounded size
// with aliases counted as often as used, no cycle, no key twice, keys that are
// texts, and only the tags of plain YAML.
type walker struct {
	doc      *Document
	sizes    map[*yaml.Node]int // memo; -1 while inside, which means a cycle
	problems Problems
	fatal    bool
}

func (w *walker) report(n *yaml.Node, format string, args ...any) {
	if len(w.problems) < maxProblems {
		w.problems = append(w.problems, Problem{Position: Position{w.doc.Name, n.Line, n.Column}, Text: fmt.Sprintf(format, args...)})
	}
}

func (w *walker) stop(n *yaml.Node, format string, args ...any) {
	if !w.fatal {
		w.problems = nil
		w.report(n, format, args...)
		w.fatal = true
	}
}

func (w *walker) size(n *yaml.Node, depth int) int {
	switch {
	case n == nil || w.fatal:
		return 0
	case depth > MaxDepth:
		w.stop(n, "nested more than %d deep", MaxDepth)
		return 0
	}
	if s, seen := w.sizes[n]; seen {
		if s < 0 {
			w.stop(n, "the alias *%s contains itself", n.Value)
		}
		return s
	}
	w.sizes[n] = -1
	total := 1
	if n.Kind == yaml.AliasNode {
		total = w.alias(n, depth)
	} else {
		w.tag(n)
		w.keys(n)
		for _, c := range n.Content {
			total = min(total+w.size(c, depth+1), 2*MaxNodes)
		}
	}
	w.sizes[n] = total
	return total
}

func (w *walker) alias(n *yaml.Node, depth int) int {
	if w.sizes[n.Alias] < 0 {
		w.stop(n, "the alias *%s contains itself", n.Value)
		return 0
	}
	return w.size(n.Alias, depth+1)
}

func (w *walker) tag(n *yaml.Node) {
	switch n.Tag {
	case "", "!", "!!str", "!!int", "!!float", "!!bool", "!!null", "!!map", "!!seq", "!!merge", "!!timestamp":
	default:
		w.report(n, "the tag %s is not used here; remove it", quote(n.Tag))
		w.doc.bad[n] = true
	}
}

func (w *walker) keys(n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		return
	}
	first := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		switch {
		case isMerge(k):
			if r := resolve(n.Content[i+1]); r == nil || r.Kind == yaml.ScalarNode {
				w.report(k, "<< merges a mapping: write <<: *name")
			}
		case k.Kind != yaml.ScalarNode:
			w.report(k, "a key must be a plain word, not %s", what(k))
		case first[k.Value] > 0:
			w.report(k, "key %s stands twice, first in line %d; keep one", quote(k.Value), first[k.Value])
		default:
			first[k.Value] = k.Line
		}
	}
}
