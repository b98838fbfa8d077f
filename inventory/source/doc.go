// Package source reads the YAML that operators write. It is strict, it knows
// where everything stands, and it reports every mistake at once in the
// operator's words: file:line:col, what was found, what was expected and what
// was probably meant.
//
// It walks YAML nodes itself instead of using the YAML library's constructor,
// because that one stops short at three places where the message is the
// product: it names Go types, it has no "did you mean", and it cannot leave a
// part of a mapping to be decoded later (the kind first, its settings then)
// without losing either strictness or positions.
//
// Typical use:
//
//	doc, problems := source.Read("roster.yaml")
//	if doc != nil {
//		problems = append(problems, doc.Decode(&roster)...)
//	}
//	if err := problems.Err(); err != nil { ... }
package source
