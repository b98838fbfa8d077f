// Package words writes what people read and hear: the short text for SMS, the
// whole text for push and e-mail, the sentences for the ear, and the lines of a
// timeline, in Vietnamese and in English.
package words

import (
	"strings"
	"unicode"
)

// ShortMost is the length of one SMS in GSM 03.38 characters.
const ShortMost = 160

// letters maps the letters of Vietnamese to those of ASCII.
var letters = strings.NewReplacer(pairs(map[string]string{
	"a": "àáảãạăằắẳẵặâầấẩẫậ", "e": "èéẻẽẹêềếểễệ", "i": "ìíỉĩị", "o": "òóỏõọôồốổỗộơờớởỡợ",
	"u": "ùúủũụưừứửữự", "y": "ỳýỷỹỵ", "d": "đð",
})...)

func pairs(m map[string]string) []string {
	var out []string
	for base, accented := range m {
		for _, c := range accented {
			out = append(out, string(c), base, string(unicode.ToUpper(c)), strings.ToUpper(base))
		}
	}
	return out
}

// Fold takes the accents off and leaves only characters that cost one place in
// an SMS: the part of GSM 03.38's basic set that ASCII has, too. Line breaks
// become spaces, everything unknown becomes '?', runs of spaces become one.
func Fold(s string) string {
	s = plainOf.Replace(letters.Replace(s))
	var b strings.Builder
	space := true
	for _, c := range s {
		c = plain(c)
		switch {
		case c < 0: // combining accents of decomposed text
		case c == ' ':
			if !space {
				b.WriteByte(' ')
			}
			space = true
		default:
			b.WriteRune(c)
			space = false
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// plainOf gives the ASCII stand-ins of marks that people and rules use.
var plainOf = strings.NewReplacer(
	"–", "-", "—", "-", "−", "-", "‑", "-", "~", "-",
	"“", `"`, "”", `"`, "„", `"`, "«", `"`, "»", `"`,
	"‘", "'", "’", "'", "`", "'", "´", "'", "^", "'",
	"…", ".", "→", ">", "[", "(", "{", "(", "]", ")", "}", ")", "|", "/", `\`, "/",
)

func plain(c rune) rune {
	switch {
	case unicode.Is(unicode.Mn, c):
		return -1
	case unicode.IsSpace(c) || unicode.IsControl(c):
		return ' '
	case c > 126:
		return '?'
	}
	return c
}

// GSM tells whether every character is in the part of GSM 03.38 that Fold keeps.
func GSM(s string) bool {
	for _, c := range s {
		if c < ' ' || c > 126 || strings.ContainsRune("[]{}|\\~^`", c) {
			return false
		}
	}
	return true
}

// Cut shortens s to at most n characters, at a space when one is near, and
// marks the cut with "..".
func Cut(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	if n <= 2 {
		return string(r[:max(n, 0)])
	}
	cut := n - 2
	for i := cut; i > cut-12 && i > 0; i-- {
		if r[i] == ' ' {
			cut = i
			break
		}
	}
	return strings.TrimRight(string(r[:cut]), " ,.;:/-") + ".."
}
