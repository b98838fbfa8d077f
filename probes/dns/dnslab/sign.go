package dnslab

import (
	"crypto"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Key is a zone key with its private half.
type Key struct {
	*dns.DNSKEY
	Private crypto.Signer
	// Silent keys are published and sign nothing.
	Silent bool
}

// NewKey makes a key; sep makes it a key-signing key.
func NewKey(zone string, alg uint8, sep bool) *Key {
	k := &dns.DNSKEY{Hdr: dns.RR_Header{Name: zone, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600}, Flags: 256, Protocol: 3, Algorithm: alg}
	if sep {
		k.Flags = 257
	}
	bits := 2048
	switch alg {
	case dns.ECDSAP256SHA256, dns.ED25519:
		bits = 256
	case dns.ECDSAP384SHA384:
		bits = 384
	}
	return generate(k, bits)
}

// NewShortKey makes an RSA key of a size that nobody should choose.
func NewShortKey(zone string, bits int) *Key {
	k := &dns.DNSKEY{Hdr: dns.RR_Header{Name: zone, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600}, Flags: 257, Protocol: 3, Algorithm: dns.RSASHA256}
	return generate(k, bits)
}

func generate(k *dns.DNSKEY, bits int) *Key {
	p, err := k.Generate(bits)
	if err != nil {
		panic(err)
	}
	return &Key{DNSKEY: k, Private: p.(crypto.Signer)}
}

// NSEC3 chooses hashed denial.
type NSEC3 struct {
	Iterations uint16
	Salt       string // hex
	OptOut     bool
}

// Life is the validity of signatures.
type Life struct{ From, Until time.Time }

// Sign publishes the keys, builds the denial chain and signs everything.
func (d *Data) Sign(keys []*Key, n3 *NSEC3, life Life) {
	d.Keys = keys
	for _, k := range keys {
		d.RRs = append(d.RRs, k.DNSKEY)
	}
	if n3 != nil {
		salt := n3.Salt
		d.RRs = append(d.RRs, &dns.NSEC3PARAM{Hdr: hdr(d.Name, dns.TypeNSEC3PARAM), Hash: 1, Iterations: n3.Iterations, Salt: salt, SaltLength: uint8(len(salt) / 2)})
	}
	d.reindex()
	if n3 != nil {
		d.chain3(n3)
	} else {
		d.chain()
	}
	d.reindex()
	d.SignAll(life)
}

func hdr(name string, t uint16) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: t, Class: dns.ClassINET, Ttl: 300}
}

// secureNames lists the names that the denial chain holds: all but what lies
// below a cut; with empty non-terminals when ents is set.
func (d *Data) secureNames(ents bool) []string {
	var names []string
	for n := range d.index {
		if c := d.cut(n); c != "" && c != n {
			continue
		}
		names = append(names, n)
		for p := parent(n); ents && n != d.Name && p != d.Name && p != "."; p = parent(p) {
			names = append(names, p)
		}
	}
	slices.SortFunc(names, CompareNames)
	return slices.Compact(names)
}

func (d *Data) bitmap(n string, denial uint16) []uint16 {
	var types []uint16
	cut := d.cut(n) == n
	for t := range d.index[n] {
		if !cut || t == dns.TypeNS || t == dns.TypeDS {
			types = append(types, t)
		}
	}
	if len(types) > 0 && (!cut || len(d.get(n, dns.TypeDS)) > 0 || denial == dns.TypeNSEC) {
		types = append(types, dns.TypeRRSIG)
	}
	if denial == dns.TypeNSEC {
		types = append(types, denial)
	}
	slices.Sort(types)
	return types
}

func (d *Data) chain() {
	names := d.secureNames(false)
	for i, n := range names {
		d.RRs = append(d.RRs, &dns.NSEC{Hdr: hdr(n, dns.TypeNSEC), NextDomain: names[(i+1)%len(names)], TypeBitMap: d.bitmap(n, dns.TypeNSEC)})
	}
}

func (d *Data) chain3(n3 *NSEC3) {
	type entry struct{ hash, name string }
	var all []entry
	for _, n := range d.secureNames(true) {
		if n3.OptOut && d.cut(n) == n && len(d.get(n, dns.TypeDS)) == 0 {
			continue
		}
		all = append(all, entry{strings.ToLower(dns.HashName(n, 1, n3.Iterations, n3.Salt)), n})
	}
	slices.SortFunc(all, func(a, b entry) int { return strings.Compare(a.hash, b.hash) })
	for i, e := range all {
		rr := &dns.NSEC3{
			Hdr: hdr(e.hash+"."+strings.TrimPrefix(d.Name, "."), dns.TypeNSEC3), Hash: 1, Iterations: n3.Iterations,
			Salt: n3.Salt, SaltLength: uint8(len(n3.Salt) / 2), HashLength: 20,
			NextDomain: strings.ToUpper(all[(i+1)%len(all)].hash), TypeBitMap: d.bitmap(e.name, dns.TypeNSEC3),
		}
		if n3.OptOut {
			rr.Flags = 1
		}
		d.RRs = append(d.RRs, rr)
	}
}

// SignAll signs every authoritative set with the zone's keys.
func (d *Data) SignAll(life Life) {
	var sigs []dns.RR
	for name, types := range d.index {
		c := d.cut(name)
		for t, set := range types {
			below := c != "" && (c != name || t != dns.TypeDS && t != dns.TypeNSEC)
			if t == dns.TypeRRSIG || below {
				continue
			}
			sigs = append(sigs, d.SignSet(set, life)...)
		}
	}
	d.RRs = append(d.RRs, sigs...)
	d.reindex()
}

// SignSet signs one set: DNSKEY by the key-signing keys, all else by the others,
// or by all when there is one kind only.
func (d *Data) SignSet(set []dns.RR, life Life) []dns.RR {
	t := set[0].Header().Rrtype
	wantSEP := t == dns.TypeDNSKEY || t == dns.TypeCDS || t == dns.TypeCDNSKEY
	var out []dns.RR
	for _, k := range d.signers(wantSEP) {
		s := &dns.RRSIG{Algorithm: k.Algorithm, KeyTag: k.KeyTag(), SignerName: d.Name, Inception: uint32(life.From.Unix()), Expiration: uint32(life.Until.Unix())}
		if err := s.Sign(k.Private, set); err != nil {
			panic(err)
		}
		s.Hdr.Ttl = set[0].Header().Ttl
		out = append(out, s)
	}
	return out
}

func (d *Data) signers(sep bool) []*Key {
	var out []*Key
	for _, k := range d.Keys {
		if !k.Silent && k.Private != nil && (k.Flags&1 == 1) == sep {
			out = append(out, k)
		}
	}
	if len(out) == 0 {
		for _, k := range d.Keys {
			if !k.Silent && k.Private != nil {
				out = append(out, k)
			}
		}
	}
	return out
}

// Anew signs the zone again with other keys, denial or life: what a signer that
// takes over does.
func (d *Data) Anew(keys []*Key, n3 *NSEC3, life Life) {
	d.Drop("", dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeNSEC3PARAM, dns.TypeDNSKEY)
	d.Sign(keys, n3, life)
}

// Resign replaces the signatures over a type at a name.
func (d *Data) Resign(name string, t uint16, life Life) {
	d.DropSigs(name, t)
	d.RRs = append(d.RRs, d.SignSet(d.get(name, t), life)...)
	d.reindex()
}
