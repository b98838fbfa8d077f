package smpp

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// gsm is the default alphabet of GSM 03.38 and gsmExt what follows an escape.
const gsm = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"

const escape = 0x1B

var gsmExt = map[rune]byte{'\f': 0x0A, '^': 0x14, '{': 0x28, '}': 0x29, '\\': 0x2F, '[': 0x3C, '~': 0x3D, ']': 0x3E, '|': 0x40, '€': 0x65}

// toGSM gives the text in the default alphabet, one character a byte as SMS
// centres take it; ok is false when a letter is not in it.
func toGSM(text string) (out []byte, ok bool) {
	table := map[rune]byte{}
	n := byte(0)
	for _, r := range gsm {
		table[r] = n
		n++
	}
	for _, r := range text {
		if b, has := table[r]; has && b != escape {
			out = append(out, b)
		} else if b, has := gsmExt[r]; has {
			out = append(out, escape, b)
		} else {
			return nil, false
		}
	}
	return out, true
}

func fromGSM(b []byte) string {
	table := []rune(gsm)
	var s strings.Builder
	for i := 0; i < len(b); i++ {
		c := b[i] & 0x7F
		if c == escape && i+1 < len(b) {
			i++
			for r, e := range gsmExt {
				if e == b[i] {
					s.WriteRune(r)
				}
			}
			continue
		}
		s.WriteRune(table[c])
	}
	return s.String()
}

func toUCS2(text string) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(text)) {
		out = append(out, byte(u>>8), byte(u))
	}
	return out
}

func fromUCS2(b []byte) string {
	var u []uint16
	for ; len(b) >= 2; b = b[2:] {
		u = append(u, uint16(b[0])<<8|uint16(b[1]))
	}
	return string(utf16.Decode(u))
}

// decode reads a text by its data_coding (section 5.2.19; GSM 03.38 section 4
// for the groups with a message class). Octets of no known alphabet are taken
// as text when they look like it: a reply is better read than lost.
func decode(coding byte, b []byte) string {
	switch alphabet(coding) {
	case 0:
		return fromGSM(b)
	case 8:
		return strings.TrimPrefix(fromUCS2(b), "\ufeff")
	case 3: // ASCII, Latin-1
		return fromLatin1(b)
	}
	for _, c := range b {
		if c < ' ' && c != '\n' && c != '\r' || c == 0x7F {
			return ""
		}
	}
	if utf8.Valid(b) {
		return string(b)
	}
	return fromLatin1(b)
}

func fromLatin1(b []byte) string {
	r := make([]rune, len(b))
	for i, c := range b {
		r[i] = rune(c)
	}
	return string(r)
}

// alphabet is 0 for GSM's, 3 for Latin-1, 8 for UCS-2, 4 for anything else.
func alphabet(coding byte) byte {
	switch {
	case coding == 0 || coding == 8:
		return coding
	case coding == 1 || coding == 3:
		return 3
	case coding&0xF0 == 0x10: // with a class: flash
		return [...]byte{0, 4, 8, 4}[coding>>2&3]
	case coding&0xF0 == 0xF0:
		return [...]byte{0, 4}[coding>>2&1]
	}
	return 4
}

// part is one SMS of a message.
type part struct {
	esm, coding byte
	body        []byte
}

// split makes one SMS, or several with a header that joins them (GSM 03.40
// section 9.2.3.24.1). ref tells messages to one phone apart.
func split(text string, ref byte, most int) []part {
	body, ok := toGSM(text)
	coding, whole, each := byte(0), 160, 153
	if !ok {
		body, coding, whole, each = toUCS2(text), 8, 140, 134
	}
	if len(body) <= whole {
		return []part{{0, coding, body}}
	}
	var out []part
	for len(body) > 0 && len(out) < most {
		n := min(each, len(body))
		switch {
		case n == len(body):
		case coding == 0 && body[n-1] == escape && (n < 2 || body[n-2] != escape):
			n-- // an escape and its letter stay together
		case coding == 8 && body[n-2]&0xFC == 0xD8:
			n -= 2 // so do the halves of a pair
		}
		out = append(out, part{0x40, coding, body[:n]})
		body = body[n:]
	}
	for i := range out {
		head := []byte{5, 0, 3, ref, byte(len(out)), byte(i + 1)}
		out[i].body = append(head, out[i].body...)
	}
	return out
}
