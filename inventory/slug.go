package inventory

import (
	"cmp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// unaccent takes the accents off Vietnamese text and lower-cases it.
func unaccent(s string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(strings.ToLower(s)) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case r == 'đ':
			b.WriteByte('d')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Slug makes an id of a name: "Sở Y tế" becomes "so-y-te". It is "" when no
// letter or digit of the name can stand in an id.
func Slug(name string) string {
	var b strings.Builder
	gap := false
	for _, r := range unaccent(name) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || (r == '.' || r == '_') && b.Len() > 0 {
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			gap = false
			b.WriteRune(r)
			continue
		}
		gap = true
	}
	s := b.String()
	if len(s) > 63 {
		s = s[:63]
	}
	return strings.TrimRight(s, "-_.")
}

// hostID makes an id of an ASCII host: of its letters as people read them, or,
// in a script that has no letter in common with ids, of its ASCII form.
func hostID(ascii string) string {
	return cmp.Or(Slug(shownHost(ascii)), Slug(ascii), "system")
}
