package roster

import (
	"strings"
	"unicode"
)

// key compares names and headings: lower case, no accents, single spaces.
func key(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(unaccent(s)), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}), " ")
}

func slug(s string) string {
	var b strings.Builder
	for _, c := range strings.ReplaceAll(key(s), " ", "-") {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' {
			b.WriteRune(c)
		}
	}
	return strings.Trim(b.String()[:min(63, b.Len())], "-")
}

// unaccent takes Vietnamese accents off, composed or not.
func unaccent(s string) string {
	var b strings.Builder
	for _, c := range s {
		if unicode.Is(unicode.Mn, c) {
			continue
		}
		b.WriteRune(base(c))
	}
	return b.String()
}

func base(c rune) rune {
	for _, g := range []string{
		"aàáảãạăằắẳẵặâầấẩẫậ", "eèéẻẽẹêềếểễệ", "iìíỉĩị", "oòóỏõọôồốổỗộơờớởỡợ", "uùúủũụưừứửữự", "yỳýỷỹỵ", "dđ",
	} {
		if strings.ContainsRune(g, unicode.ToLower(c)) {
			return rune(g[0])
		}
	}
	return c
}
