package dnssec

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/miekg/dns"
)

// Anchor is what is trusted of a zone without proof: DS and DNSKEY records.
type Anchor struct {
	DS   []*dns.DS
	Keys []*dns.DNSKEY
}

// Anchors are the trust anchors by zone; the zero value has none.
type Anchors struct {
	zones map[string]Anchor
}

// rootAnchors are KSK-2017 (20326) and KSK-2024 (38696), both shipped so that
// the roll between them breaks nothing. Source: data.iana.org/root-anchors,
// read from Debian's dns-root-data 2024071801.
const rootAnchors = `. IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D
. IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16
`

// DefaultAnchors are the root's.
func DefaultAnchors() Anchors {
	a, err := ParseAnchors(strings.NewReader(rootAnchors), "built in")
	if err != nil {
		// The text is a constant of this file and is parsed by a test.
		panic("dnssec: built-in anchors: " + err.Error())
	}
	return a
}

// ErrNoAnchors is given for a file that holds no DS and no DNSKEY.
var ErrNoAnchors = errors.New("no DS and no DNSKEY record in it")

// ParseAnchors reads DS and DNSKEY records in zone-file form; file names them
// in errors. Other types are refused, so that a wrong file is noticed.
func ParseAnchors(r io.Reader, file string) (Anchors, error) {
	a := Anchors{zones: map[string]Anchor{}}
	zp := dns.NewZoneParser(io.LimitReader(r, 1<<20), ".", file)
	zp.SetDefaultTTL(0)
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		zone := canonical(rr.Header().Name)
		z := a.zones[zone]
		switch rr := rr.(type) {
		case *dns.DS:
			z.DS = append(z.DS, rr)
		case *dns.DNSKEY:
			z.Keys = append(z.Keys, rr)
		default:
			return Anchors{}, fmt.Errorf("trust anchors in %s: a %s record for %s; write DS or DNSKEY records", file, dns.TypeToString[rr.Header().Rrtype], zone)
		}
		a.zones[zone] = z
	}
	if err := zp.Err(); err != nil {
		return Anchors{}, fmt.Errorf("trust anchors: %w", err)
	}
	if len(a.zones) == 0 {
		return Anchors{}, fmt.Errorf("trust anchors in %s: %w", file, ErrNoAnchors)
	}
	return a, nil
}

// For gives the anchor of exactly this zone.
func (a Anchors) For(zone string) (Anchor, bool) {
	z, ok := a.zones[canonical(zone)]
	return z, ok
}

// Above gives the deepest zone with an anchor at or above name; ok is false
// when there is none.
func (a Anchors) Above(name string) (zone string, ok bool) {
	for _, n := range ancestors(name, ".") {
		if _, ok := a.zones[n]; ok {
			return n, true
		}
	}
	return "", false
}
