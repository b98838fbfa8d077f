package dnssec

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/miekg/dns"
)

// canonicalSet is a record set in the canonical form of RFC 4034 section 6, as
// signatures see it: made once, whatever the number of signatures over it.
type canonicalSet struct {
	owner  []byte // wire form, lower case
	labels int    // of the owner, a leading "*" counted
	fixed  [4]byte
	rdata  [][]byte // sorted, without duplicates
}

// newCanonicalSet wants records of one owner and type, as rrset gives them; ok
// is false when one can't be packed.
func newCanonicalSet(set []dns.RR) (c canonicalSet, ok bool) {
	h := set[0].Header()
	owner, ok := wireName(h.Name)
	if !ok {
		return c, false
	}
	c.owner, c.labels = owner, dns.CountLabel(h.Name)
	binary.BigEndian.PutUint16(c.fixed[:], h.Rrtype)
	binary.BigEndian.PutUint16(c.fixed[2:], h.Class)
	for _, rr := range set {
		d, ok := canonicalRdata(rr)
		if !ok {
			return c, false
		}
		c.rdata = append(c.rdata, d)
	}
	slices.SortFunc(c.rdata, bytes.Compare)
	c.rdata = slices.CompactFunc(c.rdata, bytes.Equal)
	return c, true
}

// canonicalRdata packs the data of a record, uncompressed and with the names of
// the types of RFC 4034 section 6.2 in lower case (RFC 6840 section 5.1: not
// NSEC's, and HINFO has none).
func canonicalRdata(rr dns.RR) ([]byte, bool) {
	c := dns.Copy(rr)
	lowerNames(c)
	c.Header().Name = "."
	buf := make([]byte, dns.Len(c)+1)
	n, err := dns.PackRR(c, buf, 0, nil, false)
	// The root's name is 1 byte, then 10 of type, class, TTL and length.
	if err != nil || n < 11 {
		return nil, false
	}
	return buf[11:n], true
}

func lowerNames(rr dns.RR) {
	for _, n := range embedded(rr) {
		*n = canonical(*n)
	}
}

// embedded gives the domain names in the data of the types that RFC 4034
// section 6.2 lists, as far as the wire library knows the type.
func embedded(rr dns.RR) []*string {
	switch r := rr.(type) {
	case *dns.NS:
		return []*string{&r.Ns}
	case *dns.CNAME:
		return []*string{&r.Target}
	case *dns.DNAME:
		return []*string{&r.Target}
	case *dns.PTR:
		return []*string{&r.Ptr}
	case *dns.MX:
		return []*string{&r.Mx}
	case *dns.SRV:
		return []*string{&r.Target}
	case *dns.SOA:
		return []*string{&r.Ns, &r.Mbox}
	case *dns.NAPTR:
		return []*string{&r.Replacement}
	}
	return embeddedOld(rr)
}

// embeddedOld is the rest of the list: types that hardly any zone has.
func embeddedOld(rr dns.RR) []*string {
	switch r := rr.(type) {
	case *dns.MD:
		return []*string{&r.Md}
	case *dns.MF:
		return []*string{&r.Mf}
	case *dns.MB:
		return []*string{&r.Mb}
	case *dns.MG:
		return []*string{&r.Mg}
	case *dns.MR:
		return []*string{&r.Mr}
	case *dns.MINFO:
		return []*string{&r.Rmail, &r.Email}
	case *dns.RP:
		return []*string{&r.Mbox, &r.Txt}
	case *dns.AFSDB:
		return []*string{&r.Hostname}
	case *dns.RT:
		return []*string{&r.Host}
	case *dns.PX:
		return []*string{&r.Map822, &r.Mapx400}
	case *dns.KX:
		return []*string{&r.Exchanger}
	}
	return nil
}

// signedData is what a signature over the set signs (RFC 4034 section 3.1.8.1);
// ok is false when the signature counts more labels than the owner has.
func (c canonicalSet) signedData(s *dns.RRSIG) (data []byte, ok bool) {
	signer, ok := wireName(s.SignerName)
	owner, fits := c.ownerFor(int(s.Labels))
	if !ok || !fits {
		return nil, false
	}
	data = binary.BigEndian.AppendUint16(make([]byte, 0, 512), s.TypeCovered)
	data = append(data, s.Algorithm, s.Labels)
	data = binary.BigEndian.AppendUint32(data, s.OrigTtl)
	data = binary.BigEndian.AppendUint32(data, s.Expiration)
	data = binary.BigEndian.AppendUint32(data, s.Inception)
	data = binary.BigEndian.AppendUint16(data, s.KeyTag)
	data = append(data, signer...)
	for _, d := range c.rdata {
		data = append(append(data, owner...), c.fixed[:]...)
		data = binary.BigEndian.AppendUint32(data, s.OrigTtl)
		data = binary.BigEndian.AppendUint16(data, uint16(len(d)))
		data = append(data, d...)
	}
	return data, true
}

// ownerFor is the owner as it was signed: with fewer labels than the name has,
// the wildcard that made it (RFC 4035 section 5.3.2).
func (c canonicalSet) ownerFor(labels int) ([]byte, bool) {
	if labels > c.labels {
		return nil, false
	}
	rest := c.owner
	for range c.labels - labels {
		rest = rest[1+int(rest[0]):]
	}
	if labels == c.labels || labels == c.labels-1 && c.owner[0] == 1 && c.owner[1] == '*' {
		return c.owner, true // "*" itself isn't counted
	}
	return append([]byte{1, '*'}, rest...), true
}
