package source

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Position is a place in a file. Line and Column count from 1, columns in
// characters (not bytes), as editors show them; 0 means the file as a whole.
type Position struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

// String is file:line:col, or the file alone when no line is known.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return p.File + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column)
}

// Problem is one mistake of the operator's: where, whose, and what to do.
type Problem struct {
	Position
	Who  string `json:"who,omitempty"` // unit/system/check or the like; "" = nobody's in particular
	Text string `json:"text"`          // one line: found, expected, did you mean
}

// Error is "file:line:col: who: text", without the parts that are empty.
func (p Problem) Error() string {
	s := p.Position.String()
	if s != "" {
		s += ": "
	}
	if p.Who != "" {
		s += p.Who + ": "
	}
	return s + p.Text
}

// Problems is every mistake found. A nil or empty one means that all is well.
type Problems []Problem

// Error is one Problem a line, in the order of the slice.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Err is the problems as an error, nil when there are none.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}

// Unwrap gives each Problem to errors.Is and errors.As.
func (ps Problems) Unwrap() []error {
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = p
	}
	return errs
}

// For names whose the problems are, where that is not yet said.
func (ps Problems) For(who string) Problems {
	for i := range ps {
		if ps[i].Who == "" {
			ps[i].Who = who
		}
	}
	return ps
}

// Join puts lists together, sorted by position, and keeps one of those that say
// the same of the same place: a bad default is told once, not once a check.
func Join(lists ...Problems) Problems {
	all := slices.Concat(lists...)
	slices.SortStableFunc(all, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Text, b.Text))
	})
	return slices.CompactFunc(all, func(a, b Problem) bool { return a.Position == b.Position && a.Text == b.Text })
}
