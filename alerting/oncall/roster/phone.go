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
	var b strings.Builder
	for i, c := range strings.TrimSpace(s) {
		switch {
		case c >= '0' && c <= '9', c == '+' && i == 0:
			b.WriteRune(c)
		case c == ' ' || c == '.' || c == '-' || c == '(' || c == ')' || c == '\u00a0':
		default:
			return "", fmt.Errorf("%q: %w", s, ErrPhone)
		}
	}
	n := b.String()
	switch {
	case strings.HasPrefix(n, "+"):
	case strings.HasPrefix(n, "00"):
		n = "+" + n[2:]
	case strings.HasPrefix(n, "0"):
		n = "+84" + n[1:]
	case strings.HasPrefix(n, "84") && len(n) == 11:
		n = "+" + n
	case strings.HasPrefix(n, "1800"), strings.HasPrefix(n, "1900"):
		// Service numbers have no international form; they stay as they are dialled.
		if len(n) < 8 || len(n) > 10 {
			return "", fmt.Errorf("%q: %w", s, ErrPhone)
		}
		return n, nil
	default:
		return "", fmt.Errorf("%q: %w", s, ErrPhone)
	}
	digits := n[1:]
	if len(digits) < 7 || len(digits) > 15 || digits[0] == '0' {
		return "", fmt.Errorf("%q: %w", s, ErrPhone)
	}
	if rest, ok := strings.CutPrefix(digits, "84"); ok {
		if !vietnamese(rest) {
			return "", fmt.Errorf("%q: %w", s, ErrPhone)
		}
	}
	return n, nil
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
