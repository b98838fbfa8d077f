package baseline

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
)

// ASN is the number of an autonomous system, written 64500 or AS64500.
type ASN uint32

// UnmarshalText reads either form.
func (a *ASN) UnmarshalText(b []byte) error {
	s := string(b)
	if len(s) > 2 && strings.EqualFold(s[:2], "AS") {
		s = s[2:]
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n == 0 {
		return fmt.Errorf("%q is no AS number such as AS64500", b)
	}
	*a = ASN(n)
	return nil
}

// String is AS64500.
func (a ASN) String() string { return "AS" + strconv.FormatUint(uint64(a), 10) }

// Table tells which autonomous system an address belongs to, from a file; nothing
// is asked of anybody. The zero value knows none. It is read-only once made.
type Table struct {
	v4 []span4
	v6 []span6
}

// The spans are sorted and don't overlap; both ends belong to them.
type (
	span4 struct {
		from, to uint32
		asn      ASN
	}
	span6 struct {
		from, to [16]byte
		asn      ASN
	}
)

// Bounds of a table's file.
const (
	maxTableFile = 256 << 20
	maxTableRows = 4_000_000
	maxTableBad  = 20 // mistakes that are told
)

// ErrTable is a table with mistakes; all that are told stand in its text.
var ErrTable = errors.New("AS table")

// ReadTable reads a table in one of the usual forms, by line:
//
//	192.0.2.0 192.0.2.255 64500 ...   iptoasn's ip2asn-*.tsv: first, last, AS number, what follows is ignored
//	192.0.2.0/24 64500                pyasn's, and CSV with a heading such as GeoLite2's
//
// Fields are separated by tabs, spaces or commas; # and ; begin a comment; AS 0
// is "not routed". Prefixes may nest: the longest counts.
func ReadTable(path string) (*Table, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTable, err)
	}
	defer func() { _ = f.Close() }() // only read
	return ParseTable(path, f)
}

// ParseTable is ReadTable on a stream; name stands in errors.
func ParseTable(name string, r io.Reader) (*Table, error) {
	p := tableParser{name: name}
	sc := bufio.NewScanner(io.LimitReader(r, maxTableFile))
	sc.Buffer(make([]byte, 0, 4096), 64<<10)
	for line := 1; sc.Scan(); line++ {
		if line == 1 && bytes.HasPrefix(sc.Bytes(), []byte{0x1f, 0x8b}) {
			return nil, fmt.Errorf("%w: %s is compressed: unpack it first (gunzip)", ErrTable, name)
		}
		if len(p.rows4)+len(p.rows6) > maxTableRows {
			return nil, fmt.Errorf("%w: %s has more than %d rows", ErrTable, name, maxTableRows)
		}
		p.line(line, sc.Text())
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("%w: reading %s: %w", ErrTable, name, err)
	}
	if p.bad > 0 {
		if p.bad > maxTableBad {
			p.mistakes = append(p.mistakes, fmt.Sprintf("%s: and %d more such lines", name, p.bad-maxTableBad))
		}
		return nil, fmt.Errorf("%w:\n%s", ErrTable, strings.Join(p.mistakes, "\n"))
	}
	t := &Table{}
	for _, s := range flatten(p.rows4) {
		t.v4 = append(t.v4, span4{four(s.from), four(s.to), s.asn})
	}
	for _, s := range flatten(p.rows6) {
		t.v6 = append(t.v6, span6{s.from.As16(), s.to.As16(), s.asn})
	}
	if len(t.v4)+len(t.v6) == 0 {
		return nil, fmt.Errorf("%w: %s has no rows such as \"192.0.2.0 192.0.2.255 64500\" or \"192.0.2.0/24 64500\"", ErrTable, name)
	}
	return t, nil
}

// AS gives the system of an address; 0 = in none that the table knows.
func (t *Table) AS(a netip.Addr) ASN {
	if t == nil || !a.IsValid() {
		return 0
	}
	if a = a.Unmap(); a.Is4() {
		n := four(a)
		i, _ := slices.BinarySearchFunc(t.v4, n, func(s span4, n uint32) int { return cmp.Compare(s.to, n) })
		if i < len(t.v4) && t.v4[i].from <= n {
			return t.v4[i].asn
		}
		return 0
	}
	b := a.As16()
	i, _ := slices.BinarySearchFunc(t.v6, b, func(s span6, b [16]byte) int { return bytes.Compare(s.to[:], b[:]) })
	if i < len(t.v6) && bytes.Compare(t.v6[i].from[:], b[:]) <= 0 {
		return t.v6[i].asn
	}
	return 0
}

func four(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

// span is a row of the file.
type span struct {
	from, to netip.Addr
	asn      ASN
}

type tableParser struct {
	name         string
	rows4, rows6 []span
	mistakes     []string
	bad          int
}

func (p *tableParser) line(n int, text string) {
	text, _, _ = strings.Cut(text, "#")
	if text = strings.TrimSpace(strings.TrimPrefix(text, "\ufeff")); text == "" || text[0] == ';' {
		return
	}
	f := strings.FieldsFunc(text, func(r rune) bool { return r == '\t' || r == ' ' || r == ',' })
	if n == 1 && len(f) > 1 && !strings.ContainsAny(f[0], ".:/0123456789") {
		return // a heading
	}
	s, err := row(f)
	if err != nil {
		if p.bad++; p.bad <= maxTableBad {
			p.mistakes = append(p.mistakes, fmt.Sprintf("%s:%d: %v", p.name, n, err))
		}
		return
	}
	switch {
	case s.asn == 0: // not routed
	case s.from.Is4():
		p.rows4 = append(p.rows4, s)
	default:
		p.rows6 = append(p.rows6, s)
	}
}

func row(f []string) (span, error) {
	for i := range f {
		f[i] = strings.Trim(f[i], `"`)
	}
	var s span
	var err error
	number := ""
	switch {
	case len(f) >= 2 && strings.Contains(f[0], "/"):
		pr, perr := netip.ParsePrefix(f[0])
		if perr != nil {
			return s, fmt.Errorf("%.60q is no prefix such as 192.0.2.0/24", f[0])
		}
		s.from, s.to, number = pr.Masked().Addr(), last(pr.Masked()), f[1]
	case len(f) >= 3:
		if s.from, err = addr(f[0]); err == nil {
			s.to, err = addr(f[1])
		}
		if err != nil {
			return s, err
		}
		if s.from.Is4() != s.to.Is4() || s.to.Less(s.from) {
			return s, fmt.Errorf("%s is not the beginning of a range that ends at %s", f[0], f[1])
		}
		number = f[2]
	default:
		return s, fmt.Errorf("%.60q is neither \"first last AS\" nor \"prefix AS\"", strings.Join(f, " "))
	}
	number = strings.TrimPrefix(strings.ToUpper(number), "AS")
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil {
		return s, fmt.Errorf("%.60q is no AS number", number)
	}
	s.asn = ASN(n)
	return s, nil
}

// addr reads an address, or IPv4 as one number (ip2asn-v4-u32).
func addr(s string) (netip.Addr, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return a.Unmap(), nil
	}
	if n, err := strconv.ParseUint(s, 10, 32); err == nil {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(n))
		return netip.AddrFrom4(b), nil
	}
	return netip.Addr{}, fmt.Errorf("%.60q is no address", s)
}

// last is the highest address of a prefix.
func last(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b) // 4 or 16 bytes
	return a
}

// flatten makes spans that may lie within each other into ones that don't: the
// innermost counts.
func flatten(rows []span) []span {
	slices.SortStableFunc(rows, func(a, b span) int { return cmp.Or(a.from.Compare(b.from), b.to.Compare(a.to)) })
	var out, open []span
	var at netip.Addr // what is before it is told
	emit := func(to netip.Addr, asn ASN) {
		if at.IsValid() && at.Compare(to) <= 0 {
			out = append(out, span{at, to, asn})
			at = to.Next()
		}
	}
	for _, r := range rows {
		for len(open) > 0 && open[len(open)-1].to.Less(r.from) {
			emit(open[len(open)-1].to, open[len(open)-1].asn)
			open = open[:len(open)-1]
		}
		if len(open) > 0 && at.IsValid() && at.Less(r.from) {
			emit(r.from.Prev(), open[len(open)-1].asn)
		}
		if len(open) == 0 || !at.IsValid() || at.Less(r.from) {
			at = r.from
		}
		open = append(open, r)
	}
	for i := range slices.Backward(open) {
		emit(open[i].to, open[i].asn)
	}
	return out
}
