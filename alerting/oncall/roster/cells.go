package roster

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"
)

// decodeText gives the text of a file as people's programs save it: UTF-8 with or
// without a mark, UTF-16 ("Unicode text" of Excel), or Windows-1258, the code page
// of a Vietnamese Windows, which any other bytes are taken for.
func decodeText(b []byte) (string, error) {
	switch {
	case len(b) >= 2 && b[0] == 0xFF && b[1] == 0xFE:
		return fromUTF16(b[2:], func(p []byte) uint16 { return uint16(p[0]) | uint16(p[1])<<8 }), nil
	case len(b) >= 2 && b[0] == 0xFE && b[1] == 0xFF:
		return fromUTF16(b[2:], func(p []byte) uint16 { return uint16(p[1]) | uint16(p[0])<<8 }), nil
	case utf8.Valid(b):
		return norm.NFC.String(strings.TrimPrefix(string(b), "\ufeff")), nil
	}
	s, err := charmap.Windows1258.NewDecoder().Bytes(b)
	if err != nil {
		return "", errors.New("it is neither UTF-8 nor Windows-1258; save it as \"CSV UTF-8\"")
	}
	return norm.NFC.String(string(s)), nil
}

func fromUTF16(b []byte, unit func([]byte) uint16) string {
	u := make([]uint16, 0, len(b)/2)
	for ; len(b) >= 2; b = b[2:] {
		u = append(u, unit(b))
	}
	return norm.NFC.String(string(utf16.Decode(u)))
}

// separator is what stands between the cells of a CSV file: Excel writes a
// semicolon where the comma is the decimal sign, as in Việt Nam. A first line
// "sep=;" says it; else what the first lines have most of.
func separator(text string) (sep rune, rest string) {
	if line, after, ok := strings.Cut(text, "\n"); ok {
		if s, ok := strings.CutPrefix(strings.TrimSpace(line), "sep="); ok && utf8.RuneCountInString(s) == 1 {
			r, _ := utf8.DecodeRuneInString(s)
			return r, after
		}
	}
	head := text
	for i, n := 0, 0; i < len(text); i++ {
		if text[i] == '\n' {
			if n++; n == 10 {
				head = text[:i]
				break
			}
		}
	}
	sep = ','
	for _, r := range ";\t" {
		if strings.Count(head, string(r)) > strings.Count(head, string(sep)) {
			sep = r
		}
	}
	return sep, text
}

// serial reads the number by which a spreadsheet keeps a date or a time of day.
func serial(s string) (float64, bool) {
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil && n >= 0 && n < 100000 && !strings.ContainsAny(s, "eExXnN_")
}

var (
	weekday   = regexp.MustCompile(`^(thu (hai|ba|tu|nam|sau|bay|[2-7])|t[2-7]|chu nhat|cn|(mon|tues?|wed(nes)?|thur?s?|fri|sat(ur)?|sun)(day)?)[ ,.]+`)
	dayFirst  = regexp.MustCompile(`^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})$`)
	yearFirst = regexp.MustCompile(`^(\d{4})[/.-](\d{1,2})[/.-](\d{1,2})$`)
	shortYear = regexp.MustCompile(`^\d{1,2}[/.-]\d{1,2}([/.-]\d{2})?$`)
)

// day reads a date as people write it: "Thứ Bảy, 29/8/2026", "29.8.2026",
// "2026-08-29", or a spreadsheet's number. Where the year is short or missing the
// day and the month can't be told apart for certain, so it is refused.
func (im *importer) day(s string) (time.Time, error) {
	s = strings.TrimSpace(s)
	if n, ok := serial(s); ok && n > 20000 {
		return im.excel(n)
	}
	plain := strings.ToLower(unaccent(s))
	plain = strings.TrimSpace(strings.TrimPrefix(weekday.ReplaceAllString(plain, ""), "ngay "))
	var y, m, d string
	switch {
	case dayFirst.MatchString(plain):
		p := dayFirst.FindStringSubmatch(plain)
		d, m, y = p[1], p[2], p[3]
	case yearFirst.MatchString(plain):
		p := yearFirst.FindStringSubmatch(plain)
		y, m, d = p[1], p[2], p[3]
	case shortYear.MatchString(plain):
		return time.Time{}, fmt.Errorf("%q: write the year with four digits, such as 29/8/2026; without it day and month can be mistaken for each other", s)
	default:
		return time.Time{}, fmt.Errorf("%q is not a date such as 29/8/2026 or 2026-08-29", s)
	}
	n := make([]int, 3)
	for i, x := range []string{y, m, d} {
		n[i], _ = strconv.Atoi(x) // the pattern has digits only
	}
	t := time.Date(n[0], time.Month(n[1]), n[2], 0, 0, 0, 0, im.zone)
	if t.Day() != n[2] || int(t.Month()) != n[1] {
		return time.Time{}, fmt.Errorf("%q does not exist: day first, then month, such as 29/8/2026", s)
	}
	return t, nil
}

// excel makes a spreadsheet's number a moment of the roster's zone.
func (im *importer) excel(n float64) (time.Time, error) {
	t, err := excelize.ExcelDateToTime(n, im.from1904)
	if err != nil {
		return time.Time{}, fmt.Errorf("%v is no date", n)
	}
	t = t.Round(time.Minute)
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), 0, 0, im.zone), nil
}

var ofDay = regexp.MustCompile(`^(\d{1,2})(?:[:hg.](\d{2})?)?(?::\d{2})?(?:phut|ph|p|gio)?$`)

// timeOfDay reads "7h30", "07:30:00", "7 giờ 30", "17", "24h" or the fraction of
// a day by which a spreadsheet keeps it, in minutes after midnight.
func timeOfDay(s string) (int, error) {
	bad := fmt.Errorf("%q is not a time of day such as 7h30 or 17:00", s)
	if n, ok := serial(s); ok && (n < 1 || n > 24) && strings.ContainsAny(s, ".0") {
		minutes := int((n-float64(int(n)))*24*60 + 0.5)
		return minutes % (24 * 60), nil
	}
	plain := strings.ReplaceAll(strings.ToLower(unaccent(s)), " ", "")
	plain = strings.Replace(plain, "gio", "h", 1)
	p := ofDay.FindStringSubmatch(plain)
	if p == nil {
		return 0, bad
	}
	h, _ := strconv.Atoi(p[1]) // the pattern has digits only
	m, _ := strconv.Atoi("0" + p[2])
	if h > 24 || m > 59 || h == 24 && m > 0 {
		return 0, bad
	}
	return h*60 + m, nil
}

var between = regexp.MustCompile(`(?i)\s*(?:-|–|—|→|đến|den|to)\s*`)

// span reads "17h00 - 7h30" or "Ca 1 (7h30-17h)".
func span(s string) (from, to string, err error) {
	if _, inner, ok := strings.Cut(s, "("); ok && strings.ContainsAny(inner, "0123456789") {
		s = strings.TrimSuffix(strings.TrimSpace(inner), ")")
	}
	s = strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(s), "từ "), "Từ ")
	parts := between.Split(norm.NFC.String(s), -1)
	if len(parts) != 2 {
		return "", "", fmt.Errorf("%q is not a span of time such as 17h00 - 7h30", s)
	}
	return parts[0], parts[1], nil
}

// addressed are the words of courtesy before a name.
var addressed = regexp.MustCompile(`(?i)(^|[\s,;+&(])(đ/c|đc|đồng chí|ông|bà|anh|chị|mr|ms)[.:]?\s+`)

// splitNames takes "Trực: đ/c An (0900 000 001), Bình" apart.
func splitNames(s string) []string {
	s = norm.NFC.String(s)
	if _, after, ok := strings.Cut(s, ":"); ok {
		s = after
	}
	for addressed.MatchString(s) {
		s = addressed.ReplaceAllString(s, "$1")
	}
	s = strings.NewReplacer(" và ", ",", " and ", ",").Replace(s)
	var out []string
	for _, n := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(",;/&+\n\r", r) }) {
		if n = strings.TrimSpace(n); n != "" {
			out = append(out, n)
		}
	}
	return out
}

// nameAndPhone takes "An (0900 000 001)" or "An - 0900 000 001" apart; phone is ""
// when none stands there.
func nameAndPhone(s string) (name, phone string) {
	i := strings.IndexFunc(s, func(r rune) bool { return unicode.IsDigit(r) || r == '+' })
	if i < 0 {
		return s, ""
	}
	n, err := telephone(strings.Trim(s[i:], " ()[]"))
	if err != nil {
		return s, ""
	}
	return strings.TrimRight(s[:i], " -–:([.đtĐTSs"), n
}

// telephone is Phone that also knows the leading zero which a spreadsheet takes
// off a number that it was not told to be text.
func telephone(s string) (string, error) {
	n, err := Phone(s)
	if d, ok := digits(s); err != nil && ok && len(d) == 9 && slices.Contains([]byte("35789"), d[0]) {
		return Phone("0" + d)
	}
	return n, err
}
