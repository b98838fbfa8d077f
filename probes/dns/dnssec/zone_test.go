package dnssec

import (
	"crypto"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// now is the moment of every test: nothing here reads the wall clock.
var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// signer is a zone's key with what signs.
type signer struct {
	key  *dns.DNSKEY
	priv crypto.Signer
}

func newKey(tb testing.TB, zone string, flags uint16) signer {
	tb.Helper()
	return newKeyAlg(tb, zone, flags, dns.ECDSAP256SHA256, 256)
}

func newKeyAlg(tb testing.TB, zone string, flags uint16, alg uint8, bits int) signer {
	tb.Helper()
	k := &dns.DNSKEY{
		Hdr:   dns.RR_Header{Name: zone, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600},
		Flags: flags, Protocol: 3, Algorithm: alg,
	}
	p, err := k.Generate(bits)
	if err != nil {
		tb.Fatal(err)
	}
	return signer{k, p.(crypto.Signer)}
}

// sig changes a signature before it is made.
type sig func(*dns.RRSIG)

func (s signer) sign(tb testing.TB, set []dns.RR, change ...sig) *dns.RRSIG {
	tb.Helper()
	r := &dns.RRSIG{
		Hdr:       dns.RR_Header{Ttl: set[0].Header().Ttl},
		Algorithm: s.key.Algorithm, KeyTag: s.key.KeyTag(), SignerName: s.key.Hdr.Name,
		Inception: uint32(now.Add(-time.Hour).Unix()), Expiration: uint32(now.Add(240 * time.Hour).Unix()),
	}
	for _, c := range change {
		c(r)
	}
	if err := r.Sign(s.priv, set); err != nil {
		tb.Fatal(err)
	}
	return r
}

func records(tb testing.TB, lines ...string) []dns.RR {
	tb.Helper()
	var out []dns.RR
	for _, l := range lines {
		rr, err := dns.NewRR(l)
		if err != nil {
			tb.Fatalf("%s: %v", l, err)
		}
		out = append(out, rr)
	}
	return out
}

// zone is a small signed zone held as lists, with NSEC or NSEC3.
type zone struct {
	name   string
	ksk    signer
	zsk    signer
	denial []dns.RR // NSEC or NSEC3 with their signatures
	data   []dns.RR
}

const donvi = `
@ 3600 IN SOA ns1 host 1 7200 900 1209600 300
@ 3600 IN NS ns1
ns1 300 IN A 192.0.2.1
www 300 IN A 192.0.2.2
alias 300 IN CNAME www
out 300 IN CNAME cdn.example.
*.wild 300 IN A 192.0.2.3
a.b.ent 300 IN A 192.0.2.4
sub 300 IN NS ns.sub
ns.sub 300 IN A 192.0.2.5
safe 300 IN NS ns.safe
safe 300 IN DS 1 13 2 00000000000000000000000000000000000000000000000000000000000000ff
ns.safe 300 IN A 192.0.2.6
old 300 IN DNAME donvi.gov.vn.
`

func newZone(tb testing.TB, name string, nsec3, optOut bool) *zone {
	tb.Helper()
	z := &zone{name: name, ksk: newKey(tb, name, 257), zsk: newKey(tb, name, 256)}
	zp := dns.NewZoneParser(strings.NewReader(donvi), name, "")
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		z.data = append(z.data, rr)
	}
	if zp.Err() != nil {
		tb.Fatal(zp.Err())
	}
	z.chain(tb, nsec3, optOut)
	return z
}

// types collects what the denial chain must list: every authoritative name,
// cuts included, glue not, empty non-terminals for NSEC3.
func (z *zone) types(nsec3, optOut bool) map[string][]uint16 {
	out := map[string][]uint16{}
	for _, rr := range z.data {
		n := rr.Header().Name
		glue := strings.HasPrefix(n, "ns.sub.") || strings.HasPrefix(n, "ns.safe.")
		if glue || nsec3 && optOut && strings.HasPrefix(n, "sub.") {
			continue
		}
		if !slices.Contains(out[n], rr.Header().Rrtype) {
			out[n] = append(out[n], rr.Header().Rrtype)
		}
		for p := parent(n); nsec3 && within(p, z.name); p = parent(p) {
			if _, ok := out[p]; !ok {
				out[p] = nil
			}
			if p == "." {
				break
			}
		}
	}
	return out
}

func (z *zone) chain(tb testing.TB, nsec3, optOut bool) {
	tb.Helper()
	types := z.types(nsec3, optOut)
	var names []string
	for n := range types {
		names = append(names, n)
	}
	hash := func(n string) string { return strings.ToLower(dns.HashName(n, dns.SHA1, 0, "")) }
	if nsec3 {
		slices.SortFunc(names, func(a, b string) int { return strings.Compare(hash(a), hash(b)) })
	} else {
		slices.SortFunc(names, compareNames)
	}
	for i, n := range names {
		next := names[(i+1)%len(names)]
		bits := append(slices.Clone(types[n]), dns.TypeRRSIG)
		if len(types[n]) == 0 || slices.Equal(types[n], []uint16{dns.TypeNS}) {
			bits = slices.Clone(types[n])
		}
		var rr dns.RR
		if nsec3 {
			slices.Sort(bits)
			flags := uint8(0)
			if optOut {
				flags = 1
			}
			rr = &dns.NSEC3{
				Hdr:  dns.RR_Header{Name: hash(n) + "." + z.name, Rrtype: dns.TypeNSEC3, Class: dns.ClassINET, Ttl: 300},
				Hash: dns.SHA1, Flags: flags, HashLength: 20, NextDomain: strings.ToUpper(hash(next)), TypeBitMap: bits,
			}
		} else {
			bits = append(bits, dns.TypeNSEC)
			slices.Sort(bits)
			rr = &dns.NSEC{Hdr: dns.RR_Header{Name: n, Rrtype: dns.TypeNSEC, Class: dns.ClassINET, Ttl: 300}, NextDomain: next, TypeBitMap: bits}
		}
		z.denial = append(z.denial, rr, z.zsk.sign(tb, []dns.RR{rr}))
	}
}

// answer builds the signed answer for records of the zone's file; the whole
// denial chain rides along, as a generous server's would.
func (z *zone) answer(tb testing.TB, rcode int, sets ...[]dns.RR) *dns.Msg {
	tb.Helper()
	m := &dns.Msg{MsgHdr: dns.MsgHdr{Rcode: rcode}, Ns: z.denial}
	for _, set := range sets {
		m.Answer = append(m.Answer, set...)
		if set[0].Header().Rrtype != dns.TypeCNAME || !strings.HasPrefix(set[0].Header().Name, "x.old.") {
			m.Answer = append(m.Answer, z.zsk.sign(tb, set))
		}
	}
	return m
}

func (z *zone) keys() []*dns.DNSKEY { return []*dns.DNSKEY{z.ksk.key, z.zsk.key} }

func (z *zone) keySet() []dns.RR { return []dns.RR{z.ksk.key, z.zsk.key} }

func (z *zone) trust(digest uint8) Anchor { return Anchor{DS: []*dns.DS{z.ksk.key.ToDS(digest)}} }

func expect(tb testing.TB, o Outcome, s Status, c Cause) {
	tb.Helper()
	if o.Status != s || o.Cause != c {
		tb.Errorf("got %v %q (%s), want %v %q", o.Status, o.Cause, o.Detail, s, c)
	}
}
