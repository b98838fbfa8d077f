package roster

import (
	"errors"
	"fmt"
	"strings"
)

// ErrPhone is what a text gives that is no telephone number, wrapped.
var ErrPhone = errors.New("not a telephone number such as 0900 000 001 or +84900000001")

// Phone brings a number to E.164: spaces, dots, dashes and brackets are dropped,
// 00 becomes +, a national 0 becomes +84. Numbers of Việt Nam are checked for
// their length (nine digits after +84 for mobile, nine or ten for a fixed line,
// seven or eight for 1800/1900); others for 7 to 15 digits, as E.164 has it.
func Phone(s string) (string, error) {
	n, ok := digits(s)
	if ok {
		n, ok = international(n)
	}
	if !ok {
		return "", fmt.Errorf("%q: %w", s, ErrPhone)
	}
	return n, nil
}

// digits drops the marks that people write between digits.
func digits(s string) (string, bool) {
	var b strings.Builder
	for i, c := range strings.TrimSpace(s) {
		switch {
		case c >= '0' && c <= '9', c == '+' && i == 0:
			b.WriteRune(c)
		case strings.ContainsRune(" .-()\u00a0", c):
		default:
			return "", false
		}
	}
	return b.String(), true
}

func international(n string) (string, bool) {
	switch {
	case strings.HasPrefix(n, "1800"), strings.HasPrefix(n, "1900"):
		// Service numbers have no international form; they stay as they are dialled.
		return n, len(n) >= 8 && len(n) <= 10
	case strings.HasPrefix(n, "+"):
		n = n[1:]
	case strings.HasPrefix(n, "00"):
		n = n[2:]
	case strings.HasPrefix(n, "0"):
		n = "84" + n[1:]
	case strings.HasPrefix(n, "84") && len(n) == 11:
	default:
		return "", false
	}
	if len(n) < 7 || len(n) > 15 || n[0] == '0' {
		return "", false
	}
	rest, home := strings.CutPrefix(n, "84")
	return "+" + n, !home || vietnamese(rest)
}

// vietnamese checks the part after +84: mobiles begin with 3, 5, 7, 8, 9 and
// have nine digits, fixed lines with 2 and have nine or ten.
func vietnamese(rest string) bool {
	if rest == "" {
		return false
	}
	switch rest[0] {
	case '3', '5', '7', '8', '9':
		return len(rest) == 9
	case '2':
		return len(rest) == 9 || len(rest) == 10
	}
	return false
}

// Telephone tells whether a channel's addresses are telephone numbers.
func Telephone(channel string) bool {
	switch channel {
	case "sms", "voice", "smpp", "sip":
		return true
	}
	return false
}

// Mask hides all but the last three characters of an address, for logs and the
// journal.
func Mask(address string) string {
	r := []rune(address)
	if len(r) <= 3 {
		return "…"
	}
	return "…" + string(r[len(r)-3:])
}
