package source

import (
	"slices"
	"strconv"
	"strings"
)

// Nearest finds the word of words that was probably meant by a mistyped one:
// at most a third of its letters wrong, missing, added or swapped with their
// neighbour (Damerau-Levenshtein distance, optimal string alignment), or else
// the first one that begins with it. Case is ignored, '-' counts as '_'. ok is false when nothing is near.
func Nearest(word string, words []string) (nearest string, ok bool) {
	if word == "" || len(word) > 64 {
		return "", false
	}
	w := fold(word)
	best := min(3, max(1, len(w)/3)) + 1
	for _, c := range words {
		if d := distance(w, fold(c)); d < best {
			nearest, best, ok = c, d, true
		}
	}
	for _, c := range words { // "password" may mean "password_file"
		if !ok && len(w) > 3 && strings.HasPrefix(string(fold(c)), string(w)) {
			nearest, ok = c, true
		}
	}
	return nearest, ok
}

// DidYouMean is `; did you mean "x"?` for the nearest word, and "" when nothing
// is near, so that it can end any message.
func DidYouMean(word string, words []string) string {
	if n, ok := Nearest(word, words); ok {
		return "; did you mean " + strconv.Quote(n) + "?"
	}
	return ""
}

// OneOf ends a message on a word from a closed list: the nearest one when
// there is one, and the whole list (up to 20) when there is not.
func OneOf(word string, words []string) string {
	if s := DidYouMean(word, words); s != "" {
		return s
	}
	if len(words) == 0 {
		return ""
	}
	rest := ""
	if len(words) > 20 {
		words, rest = words[:20], ", …"
	}
	return "; known: " + strings.Join(words, ", ") + rest
}

func fold(s string) []rune {
	return []rune(strings.ReplaceAll(strings.ToLower(s), "-", "_"))
}

// distance counts insertions, deletions, substitutions and swaps of
// neighbours. Three rows suffice.
func distance(a, b []rune) int {
	if len(b) > 256 {
		return len(b)
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// quote shows found text: quoted, on one line, at most 60 characters of it.
func quote(s string) string {
	if r := []rune(s); len(r) > 60 {
		return strconv.Quote(string(r[:60])) + "…"
	}
	return strconv.Quote(s)
}

// sorted is a sorted copy, for messages that must not depend on map order.
func sorted(words []string) []string { return slices.Sorted(slices.Values(words)) }
