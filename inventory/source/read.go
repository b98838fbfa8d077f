package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"
)

// Bounds of one file. An inventory of 10,000 checks is about 2 MB and four deep.
const (
	MaxSize  = 16 << 20 // bytes
	MaxDepth = 64       // nesting
	MaxNodes = 2 << 20  // values, aliases counted as often as they are used
)

// Read reads a file. The document is nil when the text could not be understood
// at all; it is there, beside the problems, when decoding can go on and find more.
func Read(path string) (*Document, Problems) {
	whole := Position{File: path}
	f, err := os.Open(path)
	if err != nil {
		return nil, Problems{{Position: whole, Text: "cannot be opened: " + plain(err)}}
	}
	defer func() { _ = f.Close() }() // only read from
	b, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, Problems{{Position: whole, Text: "cannot be read: " + plain(err)}}
	}
	return Parse(path, b)
}

// plain is the cause of a file error without the path, which stands before it.
func plain(err error) string {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		err = pe.Err
	}
	return err.Error()
}

// Parse is Read for bytes; name stands in the positions. A text without any
// value is a document too, an empty one.
func Parse(name string, b []byte) (*Document, Problems) {
	whole := Position{File: name}
	if len(b) > MaxSize {
		return nil, Problems{{Position: whole, Text: fmt.Sprintf("is larger than %d MB; split it into several files", MaxSize>>20)}}
	}
	if p, bad := notText(name, b); bad {
		return nil, Problems{p}
	}
	nodes, err := load(b)
	if err != nil {
		return nil, Problems{broken(whole, err)}
	}
	doc := &Document{Name: name, bad: map[*yaml.Node]bool{}, unknown: map[*yaml.Node]bool{}}
	doc.Value = Value{doc: doc}
	if len(nodes) == 0 || len(nodes[0].Content) == 0 {
		return doc, nil
	}
	if len(nodes) > 1 {
		n := nodes[1]
		return nil, Problems{{Position: Position{name, n.Line, n.Column}, Text: "a second document begins here; keep one document a file (remove the --- line or split the file)"}}
	}
	doc.node = nodes[0].Content[0]
	w := walker{doc: doc, sizes: map[*yaml.Node]int{}}
	if w.size(doc.node, 0) > MaxNodes && !w.fatal {
		w.stop(doc.node, "aliases (*name) blow this file up to more than a million values; write the parts out")
	}
	if w.fatal {
		return nil, w.problems
	}
	return doc, w.problems
}

// load turns the library's possible panic on hostile text into an error.
func load(b []byte) (nodes []*yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("this is not YAML: %v", r)
		}
	}()
	l, err := yaml.NewLoader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	for len(nodes) < 2 {
		n := new(yaml.Node)
		err := l.Load(n)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

// notText finds what cannot be YAML text at all, with its place.
func notText(name string, b []byte) (Problem, bool) {
	at := func(i int) Position {
		line := bytes.Count(b[:i], []byte("\n")) + 1
		begin := bytes.LastIndexByte(b[:i], '\n') + 1
		return Position{name, line, utf8.RuneCount(b[begin:i]) + 1}
	}
	if bytes.HasPrefix(b, []byte("PK\x03\x04")) {
		return Problem{Position: Position{File: name}, Text: "this is a spreadsheet or zip file, not YAML; turn it into inventory with: watchpost import " + name}, true
	}
	if bytes.HasPrefix(b, []byte{0xff, 0xfe}) || bytes.HasPrefix(b, []byte{0xfe, 0xff}) {
		return Problem{Position: Position{File: name}, Text: "is UTF-16 text; save it as UTF-8"}, true
	}
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			return Problem{Position: at(i), Text: fmt.Sprintf("byte 0x%02x is not UTF-8 text; save the file as UTF-8", b[i])}, true
		case r < ' ' && r != '\n' && r != '\r' && r != '\t':
			return Problem{Position: at(i), Text: fmt.Sprintf("control character 0x%02x is not allowed here", b[i])}, true
		}
		i += n
	}
	return Problem{}, false
}

// broken puts the library's report on broken YAML into the house's form.
func broken(whole Position, err error) Problem {
	if all, ok := errors.AsType[*yaml.LoadErrors](err); ok && len(all.Errors) > 0 {
		err = all.Errors[0]
	}
	le, ok := errors.AsType[*yaml.LoadError](err)
	if !ok {
		return Problem{Position: whole, Text: strings.TrimPrefix(err.Error(), "yaml: ")}
	}
	p := Problem{Position: Position{whole.File, le.Mark.Line, le.Mark.Column}, Text: inWords(le.Message)}
	if le.ContextMark.Line > 0 && le.ContextMark.Line != le.Mark.Line {
		p.Text += fmt.Sprintf(" (%s from line %d on)", strings.TrimPrefix(le.ContextMsg, "while "), le.ContextMark.Line)
	}
	return p
}

// inWords adds the cure to the YAML errors that operators meet.
func inWords(msg string) string {
	for _, k := range []struct{ has, say string }{
		{"mapping values are not allowed", `unexpected ":"; put the text in quotes if it contains ": ", and check the indentation`},
		{"did not find expected key", "the indentation does not fit the lines above; keys of one mapping begin in one column"},
		{"did not find expected '-' indicator", `the indentation does not fit the lines above; items of one list begin with "-" in one column`},
		{"cannot start any token", "this character cannot begin a value: indent with spaces, not tabs, and put a text that begins with @, ` or % in quotes"},
		{"did not find expected ',' or ']'", `the list that begins with "[" is not closed with "]"`},
		{"did not find expected ',' or '}'", `the mapping that begins with "{" is not closed with "}"`},
		{"found unexpected end of stream", "a quoted text is not closed before the end of the file"},
		{"found unknown escape character", `unknown escape after "\" in double quotes; use single quotes, in which "\" means itself`},
		{"did not find expected alphabetic", `put a text that begins with "*" or "&" in quotes`},
		{"could not find expected ':'", `a ":" is missing after a key`},
		{"expected <document start>", "the indentation does not fit the lines above; keys of one mapping begin in one column"},
	} {
		if strings.Contains(msg, k.has) {
			return k.say
		}
	}
	if name, ok := strings.CutPrefix(msg, "unknown anchor '"); ok {
		name, _, _ = strings.Cut(name, "'")
		return fmt.Sprintf(`the alias *%s has no anchor &%s above it; put a text that begins with "*" in quotes`, name, name)
	}
	return "not readable as YAML: " + strings.TrimPrefix(msg, "yaml: ")
}
