package dnswire

import (
	"fmt"
	"io"

	"github.com/miekg/dns"
)

// MaxZoneFile bounds what ParseZone reads, in records.
const MaxZoneFile = 10000

// ParseZone reads records in zone-file form without $INCLUDE; relative names
// are relative to the root. name stands in errors, which give the line.
func ParseZone(name string, r io.Reader) ([]RR, error) {
	zp := dns.NewZoneParser(r, ".", name)
	zp.SetDefaultTTL(3600)
	var out []RR
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		if len(out) == MaxZoneFile {
			return nil, fmt.Errorf("%s: more than %d records", name, MaxZoneFile)
		}
		rr.Header().Name = Name(rr.Header().Name)
		out = append(out, rr)
	}
	return out, zp.Err()
}

// NewRR reads one record in zone-file form.
func NewRR(s string) (RR, error) { return dns.NewRR(s) }
