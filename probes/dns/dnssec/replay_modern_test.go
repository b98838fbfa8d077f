package dnssec

import (
	"crypto/dsa" //nolint:staticcheck // Unbound's scenarios of 2007 are signed with it
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// modern signs a scenario anew: DSA, which nobody validates any more, becomes
// P-256. A signature that held holds again, one that didn't stays broken.
func (s *scenario) modern(tb testing.TB) {
	tb.Helper()
	keys := s.successors(tb)
	dues := s.dues(tb, keys) // what held is noted before keys and DS change
	for _, d := range s.digests() {
		keys.renew(d)
	}
	for k, n := range keys {
		k.PublicKey, k.Algorithm = n.key.PublicKey, n.key.Algorithm
	}
	for _, d := range dues {
		d.sig.Algorithm, d.sig.KeyTag = d.by.key.Algorithm, d.by.key.KeyTag()
		signP256(tb, d.by, d.sig, rrset(*d.section, d.sig.Hdr.Name, d.sig.TypeCovered), d.holds)
	}
}

func isDSA(algorithm uint8) bool { return algorithm == dns.DSA || algorithm == dns.DSANSEC3SHA1 }

// successors are the keys that stand for the DSA keys of a scenario.
type successors map[*dns.DNSKEY]signer

func (s *scenario) successors(tb testing.TB) successors {
	tb.Helper()
	var all []*dns.DNSKEY
	for _, m := range s.says {
		for _, rr := range m.Answer {
			if k, ok := rr.(*dns.DNSKEY); ok {
				all = append(all, k)
			}
		}
	}
	for _, a := range s.anchors {
		all = append(all, a.Keys...)
	}
	made, out := map[string]signer{}, successors{}
	for _, k := range all {
		if !isDSA(k.Algorithm) {
			continue
		}
		id := canonical(k.Hdr.Name) + k.PublicKey
		if _, ok := made[id]; !ok {
			made[id] = newKey(tb, canonical(k.Hdr.Name), k.Flags)
		}
		out[k] = made[id]
	}
	return out
}

func (l successors) of(zone string, tag uint16) (*dns.DNSKEY, signer, bool) {
	for k, n := range l {
		if sameName(k.Hdr.Name, zone) && k.KeyTag() == tag {
			return k, n, true
		}
	}
	return nil, signer{}, false
}

// renew makes a DS name the successor of the key that it named.
func (l successors) renew(d *dns.DS) {
	if !isDSA(d.Algorithm) {
		return
	}
	d.Algorithm = dns.ECDSAP256SHA256
	k, n, ok := l.of(d.Hdr.Name, d.KeyTag)
	if !ok {
		return
	}
	was := *d
	was.Algorithm = k.Algorithm
	fits, _ := names(&was, k)
	d.KeyTag = n.key.KeyTag()
	if c := n.key.ToDS(d.DigestType); c != nil && fits {
		d.Digest = c.Digest
	} else {
		d.Digest = strings.Repeat("00", len(d.Digest)/2)
	}
}

func (s *scenario) digests() []*dns.DS {
	var out []*dns.DS
	for _, m := range s.says {
		for _, rr := range slices.Concat(m.Answer, m.Ns) {
			if d, ok := rr.(*dns.DS); ok {
				out = append(out, d)
			}
		}
	}
	for _, a := range s.anchors {
		out = append(out, a.DS...)
	}
	return out
}

// due is a signature to be made anew.
type due struct {
	sig     *dns.RRSIG
	section *[]dns.RR
	holds   bool
	by      signer
}

func (s *scenario) dues(tb testing.TB, keys successors) []due {
	tb.Helper()
	var out []due
	for _, m := range s.says {
		for _, section := range []*[]dns.RR{&m.Answer, &m.Ns} {
			for _, rr := range *section {
				sig, ok := rr.(*dns.RRSIG)
				if !ok || !isDSA(sig.Algorithm) {
					continue
				}
				k, n, ok := keys.of(sig.SignerName, sig.KeyTag)
				if !ok {
					continue
				}
				set := rrset(*section, sig.Hdr.Name, sig.TypeCovered)
				out = append(out, due{sig, section, len(set) > 0 && verifyDSA(tb, k, sig, set), n})
			}
		}
	}
	return out
}

// verifyDSA is RFC 2536, for nothing but reading these files.
func verifyDSA(tb testing.TB, k *dns.DNSKEY, sig *dns.RRSIG, set []dns.RR) bool {
	tb.Helper()
	b, err := base64.StdEncoding.DecodeString(k.PublicKey)
	r, err2 := base64.StdEncoding.DecodeString(sig.Signature)
	data, ok := mustForm(tb, set).signedData(sig)
	var der struct{ R, S *big.Int } // as the signer of most of them wrote it, against RFC 2536
	if len(r) == 41 {
		der.R, der.S = new(big.Int).SetBytes(r[1:21]), new(big.Int).SetBytes(r[21:])
	} else if _, err := asn1.Unmarshal(r, &der); err != nil {
		return false
	}
	if err != nil || err2 != nil || !ok || len(b) < 1 {
		return false
	}
	size := 64 + int(b[0])*8
	if len(b) != 21+3*size {
		return false
	}
	n := func(from, to int) *big.Int { return new(big.Int).SetBytes(b[from:to]) }
	pub := &dsa.PublicKey{Parameters: dsa.Parameters{Q: n(1, 21), P: n(21, 21+size), G: n(21+size, 21+2*size)}, Y: n(21+2*size, 21+3*size)}
	sum := sha1.Sum(data)
	return dsa.Verify(pub, sum[:], der.R, der.S)
}

func signP256(tb testing.TB, by signer, sig *dns.RRSIG, set []dns.RR, right bool) {
	tb.Helper()
	out := make([]byte, 64)
	if right {
		data, ok := mustForm(tb, set).signedData(sig)
		if !ok {
			tb.Fatalf("%v can't be signed", set[0])
		}
		sum := sha256.Sum256(data)
		r, s, err := ecdsa.Sign(rand.Reader, by.priv.(*ecdsa.PrivateKey), sum[:])
		if err != nil {
			tb.Fatal(err)
		}
		r.FillBytes(out[:32])
		s.FillBytes(out[32:])
	}
	sig.Signature = base64.StdEncoding.EncodeToString(out)
}
