package show

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMarks is how many combining marks may follow one letter; Vietnamese in
// decomposed form needs two.
const maxMarks = 3

// Safe makes remote text fit to be shown: control and escape bytes, characters
// that turn the direction of writing or take no space, and invalid UTF-8 appear
// as \x1b or \u{202e}; heaps of combining marks are cut; at most limit
// characters are kept, then "…".
func Safe(s string, limit int) string {
	var b strings.Builder
	marks, n := 0, 0
	for i, r := range s {
		if n == limit {
			b.WriteString("…")
			break
		}
		if unicode.Is(unicode.M, r) {
			if marks++; marks > maxMarks {
				continue
			}
		} else {
			marks = 0
		}
		n++
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u{%x}`, r)
		}
	}
	return b.String()
}
