package dnssec

import (
	"crypto"
	"crypto/rand"
	"encoding/base64"
	"math/big"
	"slices"
	"testing"

	"github.com/miekg/dns"
)

// rsaSigner makes RSA keys that crypto/rsa refuses to make: short ones, and
// with exponents that it doesn't take.
type rsaSigner struct {
	key  *dns.DNSKEY
	n, d *big.Int
	hash crypto.Hash
}

func newRSA(tb testing.TB, zone string, alg uint8, bits int, e *big.Int) rsaSigner {
	tb.Helper()
	one := big.NewInt(1)
	for {
		p, err := rand.Prime(rand.Reader, bits/2)
		if err != nil {
			tb.Fatal(err)
		}
		q, err := rand.Prime(rand.Reader, bits-bits/2)
		if err != nil {
			tb.Fatal(err)
		}
		n := new(big.Int).Mul(p, q)
		d := new(big.Int).ModInverse(e, new(big.Int).Mul(p.Sub(p, one), q.Sub(q, one)))
		if d == nil || n.BitLen() != bits {
			continue
		}
		text := append(append([]byte{byte(len(e.Bytes()))}, e.Bytes()...), n.Bytes()...)
		k := &dns.DNSKEY{
			Hdr:   dns.RR_Header{Name: zone, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600},
			Flags: 256, Protocol: 3, Algorithm: alg, PublicKey: base64.StdEncoding.EncodeToString(text),
		}
		return rsaSigner{k, n, d, map[uint8]crypto.Hash{5: crypto.SHA1, 7: crypto.SHA1, 8: crypto.SHA256, 10: crypto.SHA512}[alg]}
	}
}

func (r rsaSigner) sign(tb testing.TB, set []dns.RR) *dns.RRSIG {
	tb.Helper()
	h := set[0].Header()
	s := &dns.RRSIG{
		Hdr:         dns.RR_Header{Name: h.Name, Rrtype: dns.TypeRRSIG, Class: dns.ClassINET, Ttl: h.Ttl},
		TypeCovered: h.Rrtype, Algorithm: r.key.Algorithm, Labels: uint8(dns.CountLabel(h.Name)), OrigTtl: h.Ttl,
		Inception: uint32(now.Unix() - 60), Expiration: uint32(now.Unix() + 60), KeyTag: r.key.KeyTag(), SignerName: r.key.Hdr.Name,
	}
	data, ok := mustForm(tb, set).signedData(s)
	em := pkcs1(r.hash, digest(r.hash, data), (r.n.BitLen()+7)/8)
	if !ok || em == nil {
		tb.Fatal("the key is too short for the hash")
	}
	sig := new(big.Int).Exp(new(big.Int).SetBytes(em), r.d, r.n)
	s.Signature = base64.StdEncoding.EncodeToString(sig.FillBytes(make([]byte, len(em))))
	return s
}

// A short key or an odd exponent makes a zone weak, not bogus: every validator
// takes it.
func TestRSAKeysOfAllSizes(t *testing.T) {
	t.Parallel()
	const zone = "donvi.gov.vn."
	set := records(t, "www.donvi.gov.vn. 300 IN A 192.0.2.1")
	f4, three := big.NewInt(65537), big.NewInt(3)
	long := new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 40), big.NewInt(15))
	huge := new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 72), big.NewInt(15))
	for _, c := range []struct {
		name   string
		alg    uint8
		bits   int
		e      *big.Int
		status Status
		cause  Cause
	}{
		{"512 bits", dns.RSASHA256, 512, f4, Secure, None},
		{"768 bits, SHA-1", dns.RSASHA1, 768, f4, Secure, None},
		{"1000 bits, SHA-512", dns.RSASHA512, 1000, f4, Secure, None},
		{"1024 bits", dns.RSASHA256, 1024, f4, Secure, None},
		{"1280 bits, exponent 3", dns.RSASHA1NSEC3SHA1, 1280, three, Secure, None},
		{"1024 bits, exponent of 41 bits", dns.RSASHA256, 1024, long, Secure, None},
		{"1024 bits, exponent of 73 bits", dns.RSASHA256, 1024, huge, Bogus, KeyMissing},
		{"504 bits", dns.RSASHA256, 504, f4, Bogus, KeyMissing},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			k := newRSA(t, zone, c.alg, c.bits, c.e)
			s := k.sign(t, set)
			expect(t, VerifyRRset(zone, set, []*dns.RRSIG{s}, []*dns.DNSKEY{k.key}, now, DefaultBudget()), c.status, c.cause)
			if got := KeyBits(k.key); got != c.bits {
				t.Errorf("%d bits", got)
			}
			if c.status != Secure {
				// As the only key that a DS names it makes the zone insecure.
				_, o := VerifyKeys(zone, Anchor{DS: []*dns.DS{k.key.ToDS(2)}}, []*dns.DNSKEY{k.key}, nil, now, DefaultBudget())
				expect(t, o, Insecure, AlgUnsupported)
				return
			}
			other := records(t, "www.donvi.gov.vn. 300 IN A 192.0.2.2")
			expect(t, VerifyRRset(zone, other, []*dns.RRSIG{s}, []*dns.DNSKEY{k.key}, now, DefaultBudget()), Bogus, SigInvalid)
			for name, change := range map[string]func(b []byte) []byte{
				"longer by a zero": func(b []byte) []byte { return append([]byte{0}, b...) },
				"shorter":          func(b []byte) []byte { return b[1:] },
				"plus the modulus": func(b []byte) []byte {
					return new(big.Int).Add(new(big.Int).SetBytes(b), k.n).Bytes()
				},
				"one": func(b []byte) []byte { return append(make([]byte, len(b)-1), 1) },
			} {
				raw, err := base64.StdEncoding.DecodeString(s.Signature)
				if err != nil {
					t.Fatal(err)
				}
				bad := dns.Copy(s).(*dns.RRSIG)
				bad.Signature = base64.StdEncoding.EncodeToString(change(raw))
				if o := VerifyRRset(zone, set, []*dns.RRSIG{bad}, []*dns.DNSKEY{k.key}, now, DefaultBudget()); o.Cause != SigInvalid {
					t.Errorf("a signature %s: %+v", name, o)
				}
			}
		})
	}
}

// The wildcard must be the closest one: a longer name that exists takes its
// place (RFC 4592 section 3.3.1, RFC 4035 section 5.3.4).
func TestWildcardDeeperThanItReaches(t *testing.T) {
	t.Parallel()
	const zone = "donvi.gov.vn."
	zsk := newKey(t, zone, 256)
	keys := []*dns.DNSKEY{zsk.key}
	wild := records(t, "*.donvi.gov.vn. 300 IN A 192.0.2.9")
	sig := zsk.sign(t, wild)
	answer := func(name string) []dns.RR {
		made := records(t, name+" 300 IN A 192.0.2.9")
		s := dns.Copy(sig).(*dns.RRSIG)
		s.Hdr.Name = name
		return []dns.RR{made[0], s}
	}
	nsec := func(owner, next string) []dns.RR {
		n := records(t, owner+" 300 IN NSEC "+next+" A RRSIG NSEC")
		return []dns.RR{n[0], zsk.sign(t, n)}
	}
	ask := func(name string, proof []dns.RR) Outcome {
		return VerifyResponse(zone, name, dns.TypeA, &dns.Msg{Answer: answer(name), Ns: proof}, keys, now, DefaultBudget())
	}
	// kho exists; what is below it is not the apex's wildcard's.
	expect(t, ask("x.kho.donvi.gov.vn.", nsec("kho.donvi.gov.vn.", "lam.donvi.gov.vn.")), Bogus, WildcardUnproof)
	expect(t, ask("x.kho.donvi.gov.vn.", nsec("khi.donvi.gov.vn.", "a.kho.donvi.gov.vn.")), Bogus, WildcardUnproof)
	expect(t, ask("x.khong.donvi.gov.vn.", nsec("kho.donvi.gov.vn.", "lam.donvi.gov.vn.")), Secure, None)
}

// Only the zone's last NSEC may point backwards, and only to the apex.
func TestNSECThatPointsNowhere(t *testing.T) {
	t.Parallel()
	const zone = "donvi.gov.vn."
	zsk := newKey(t, zone, 256)
	prove := func(next string) Outcome {
		n := records(t, "donvi.gov.vn. 300 IN NSEC "+next+" SOA NS RRSIG NSEC")
		if next == zone {
			n = records(t, "an.donvi.gov.vn. 300 IN NSEC "+next+" A RRSIG NSEC", "donvi.gov.vn. 300 IN NSEC an.donvi.gov.vn. SOA NS RRSIG NSEC")
		}
		proof := []dns.RR{n[0], zsk.sign(t, n[:1])}
		if len(n) > 1 {
			proof = append(proof, n[1], zsk.sign(t, n[1:]))
		}
		return ProveNXDOMAIN(zone, "khong.donvi.gov.vn.", proof, []*dns.DNSKEY{zsk.key}, now, DefaultBudget())
	}
	expect(t, prove(zone), Secure, None) // the last one, with the wildcard denied by the first
	expect(t, prove("zz.donvi.gov.vn."), Secure, None)
	expect(t, prove("gov.vn."), Bogus, DenialWrong)
	expect(t, prove("zz.example."), Bogus, DenialWrong)
	expect(t, prove("zz.vn."), Bogus, DenialWrong) // behind all names of the zone, and not of it

	n := records(t, "kho.donvi.gov.vn. 300 IN NSEC an.donvi.gov.vn. A RRSIG NSEC", "donvi.gov.vn. 300 IN NSEC an.donvi.gov.vn. SOA NS RRSIG NSEC")
	back := []dns.RR{n[0], zsk.sign(t, n[:1]), n[1], zsk.sign(t, n[1:])}
	expect(t, ProveNXDOMAIN(zone, "tin.donvi.gov.vn.", back, []*dns.DNSKEY{zsk.key}, now, DefaultBudget()), Bogus, DenialWrong)
}

// Octets above 127 are no letters: their order is theirs (RFC 4034 section 6.1).
func TestOrderOfOctets(t *testing.T) {
	t.Parallel()
	// "Đ" is C4 90 in UTF-8, "đ" C4 91; 0xC4 alone is no UTF-8 at all.
	for _, p := range [][2]string{{`\196\144.vn.`, `\196\145.vn.`}, {`\196.vn.`, `\197.vn.`}, {`z.vn.`, `\128.vn.`}, {`\255.vn.`, `a.\255.vn.`}} {
		if compareNames(p[0], p[1]) >= 0 || compareNames(p[1], p[0]) <= 0 {
			t.Errorf("%s does not come before %s", p[0], p[1])
		}
	}
	if compareNames("A.vn.", "a.VN.") != 0 {
		t.Error("ASCII letters have no case")
	}
}

func TestDNAME(t *testing.T) {
	t.Parallel()
	const zone = "donvi.gov.vn."
	zsk := newKey(t, zone, 256)
	keys := []*dns.DNSKEY{zsk.key}
	signed := func(lines ...string) []dns.RR {
		set := records(t, lines...)
		return append(set, zsk.sign(t, set))
	}
	away := signed("cu.donvi.gov.vn. 300 IN DNAME cdn.example.")
	made := records(t, "www.cu.donvi.gov.vn. 300 IN CNAME www.cdn.example.")
	forged := records(t, "www.cu.donvi.gov.vn. 300 IN CNAME www.kegian.example.")
	wild := signed("*.donvi.gov.vn. 300 IN DNAME cdn.example.")
	for _, rr := range wild {
		rr.Header().Name = "cu.donvi.gov.vn."
	}
	ask := func(qtype uint16, parts ...[]dns.RR) Outcome {
		return VerifyResponse(zone, "www.cu.donvi.gov.vn.", qtype, &dns.Msg{Answer: slices.Concat(parts...)}, keys, now, DefaultBudget())
	}
	expect(t, ask(dns.TypeA, away, made), Secure, None)
	expect(t, ask(dns.TypeCNAME, away, made), Secure, None)
	expect(t, ask(dns.TypeA, away, forged), Bogus, SigInvalid)
	expect(t, ask(dns.TypeCNAME, away, forged), Bogus, SigInvalid)
	expect(t, ask(dns.TypeA, away[:1], made), Bogus, SigMissing)
	expect(t, ask(dns.TypeA, wild, made), Bogus, WildcardUnproof)
}

// A server that ends its answer with an alias says nothing of the target.
func TestAliasAlone(t *testing.T) {
	t.Parallel()
	const zone = "donvi.gov.vn."
	z := newZone(t, zone, true, false)
	alias := records(t, "alias.donvi.gov.vn. 300 IN CNAME www.donvi.gov.vn.")
	m := &dns.Msg{Answer: append(alias, z.zsk.sign(t, alias))}
	ask := func() Outcome {
		return VerifyResponse(zone, "alias.donvi.gov.vn.", dns.TypeA, m, z.keys(), now, DefaultBudget())
	}
	expect(t, ask(), Secure, None)
	soa := records(t, "donvi.gov.vn. 3600 IN SOA ns1 host 1 7200 900 1209600 300")
	m.Ns = append(soa, z.zsk.sign(t, soa)) // now it claims that there is nothing
	expect(t, ask(), Bogus, DenialMissing)
	m.Ns, m.Rcode = nil, dns.RcodeNameError
	expect(t, ask(), Bogus, DenialMissing)
}

// A server of a zone and of one below it gives data of both in one answer.
func TestDataOfTheZoneBelow(t *testing.T) {
	t.Parallel()
	const zone, below = "donvi.gov.vn.", "sub.donvi.gov.vn."
	z, sub := newZone(t, zone, true, false), newZone(t, below, false, false)
	alias := records(t, "alias.donvi.gov.vn. 300 IN CNAME www.sub.donvi.gov.vn.")
	www := records(t, "www.sub.donvi.gov.vn. 300 IN A 192.0.2.9")
	m := &dns.Msg{Answer: slices.Concat(alias, []dns.RR{z.zsk.sign(t, alias)}, www, []dns.RR{sub.zsk.sign(t, www)})}
	ask := func(name string, cuts ...string) Outcome {
		return VerifyResponse(zone, name, dns.TypeA, m, z.keys(), now, DefaultBudget(), cuts...)
	}
	expect(t, ask("alias."+zone), Bogus, SigSigner)
	expect(t, ask("alias."+zone, below), Secure, None)
	expect(t, ask("www."+below, below), Indeterminate, OtherZone)
	expect(t, ask("alias."+zone, "ub.donvi.gov.vn."), Bogus, SigSigner)

	cut := func(child string, m *dns.Msg) bool { return IsCut(zone, child, m, z.keys(), now, DefaultBudget()) }
	if !cut(below, &dns.Msg{Ns: z.denial}) || cut("www."+zone, &dns.Msg{Ns: z.denial}) || cut("safe."+zone, &dns.Msg{Ns: z.denial}) {
		t.Error("sub has no DS and is a cut, www is none, and of safe nothing is proven")
	}
	ds := records(t, "safe.donvi.gov.vn. 300 IN DS 1 13 2 00000000000000000000000000000000000000000000000000000000000000ff")
	if !cut("safe."+zone, &dns.Msg{Answer: append(ds, z.zsk.sign(t, ds))}) || cut("safe."+zone, &dns.Msg{Answer: ds}) {
		t.Error("a signed DS proves the cut, an unsigned one doesn't")
	}
}
