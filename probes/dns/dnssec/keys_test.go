package dnssec

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func TestVerifyKeys(t *testing.T) {
	t.Parallel()
	const name = "donvi.gov.vn."
	z := newZone(t, name, false, false)
	stranger := newKey(t, name, 257)
	sig := z.ksk.sign(t, z.keySet())
	ds := func(change func(*dns.DS)) Anchor {
		d := z.ksk.key.ToDS(dns.SHA256)
		change(d)
		return Anchor{DS: []*dns.DS{d}}
	}
	tests := []struct {
		name   string
		trust  Anchor
		keys   []*dns.DNSKEY
		sigs   []*dns.RRSIG
		status Status
		cause  Cause
	}{
		{"by DS SHA-256", z.trust(dns.SHA256), z.keys(), []*dns.RRSIG{sig}, Secure, None},
		{"by DS SHA-384", z.trust(dns.SHA384), z.keys(), []*dns.RRSIG{sig}, Secure, None},
		{"by DS SHA-1 alone", z.trust(dns.SHA1), z.keys(), []*dns.RRSIG{sig}, Secure, None},
		{"by a trusted key", Anchor{Keys: []*dns.DNSKEY{z.ksk.key}}, z.keys(), []*dns.RRSIG{sig}, Secure, None},
		{"double DS, the other key is not there yet", Anchor{DS: []*dns.DS{stranger.key.ToDS(2), z.ksk.key.ToDS(2)}}, z.keys(), []*dns.RRSIG{sig}, Secure, None},
		{"unknown algorithm only", ds(func(d *dns.DS) { d.Algorithm = 250 }), z.keys(), []*dns.RRSIG{sig}, Insecure, AlgUnsupported},
		{"unknown digest only", ds(func(d *dns.DS) { d.DigestType = 250 }), z.keys(), []*dns.RRSIG{sig}, Insecure, AlgUnsupported},
		{"Ed448 only", ds(func(d *dns.DS) { d.Algorithm = 16 }), z.keys(), []*dns.RRSIG{sig}, Insecure, AlgUnsupported},
		{"nothing trusted", Anchor{}, z.keys(), []*dns.RRSIG{sig}, Indeterminate, NoAnchor},
		{"wrong digest", ds(func(d *dns.DS) { d.Digest = strings.Repeat("00", 32) }), z.keys(), []*dns.RRSIG{sig}, Bogus, DSDigest},
		{"wrong algorithm", ds(func(d *dns.DS) { d.Algorithm = 8 }), z.keys(), []*dns.RRSIG{sig}, Bogus, DSAlgorithm},
		{"stale key", Anchor{DS: []*dns.DS{stranger.key.ToDS(2)}}, z.keys(), []*dns.RRSIG{sig}, Bogus, DSNoKey},
		{"no DNSKEY", z.trust(2), nil, nil, Bogus, DNSKEYMissing},
		{"unsigned DNSKEY", z.trust(2), z.keys(), nil, Bogus, DNSKEYUnsigned},
		{"signed by the ZSK only", z.trust(2), z.keys(), []*dns.RRSIG{z.zsk.sign(t, z.keySet())}, Bogus, DNSKEYUnsigned},
		{"expired", z.trust(2), z.keys(), []*dns.RRSIG{z.ksk.sign(t, z.keySet(), func(r *dns.RRSIG) { r.Expiration = uint32(now.Add(-time.Hour).Unix()) })}, Bogus, DNSKEYSigExpired},
		{"a key slipped in", z.trust(2), append(z.keys(), stranger.key), []*dns.RRSIG{sig}, Bogus, DNSKEYSigInvalid},
		{"too many keys", z.trust(2), make([]*dns.DNSKEY, MaxKeys+1), nil, Bogus, WorkLimit},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			keys, o := VerifyKeys(name, tt.trust, tt.keys, tt.sigs, now, DefaultBudget())
			expect(t, o, tt.status, tt.cause)
			if (o.Status == Secure) != (len(keys) == 2) {
				t.Errorf("%d keys came with status %v", len(keys), o.Status)
			}
		})
	}
}

func TestSHA1DSIsIgnoredBesideSHA256(t *testing.T) {
	t.Parallel()
	const name = "donvi.gov.vn."
	z := newZone(t, name, false, false)
	good, broken := z.ksk.key.ToDS(dns.SHA1), z.ksk.key.ToDS(dns.SHA256)
	broken.Digest = strings.Repeat("00", 32)
	// RFC 4509 section 3: the SHA-1 record may not rescue a broken SHA-256 one.
	_, o := VerifyKeys(name, Anchor{DS: []*dns.DS{good, broken}}, z.keys(), []*dns.RRSIG{z.ksk.sign(t, z.keySet())}, now, DefaultBudget())
	expect(t, o, Bogus, DSDigest)
}

func TestAnchors(t *testing.T) {
	t.Parallel()
	root, ok := DefaultAnchors().For(".")
	if !ok || len(root.DS) != 2 || root.DS[0].KeyTag != 20326 || root.DS[1].KeyTag != 38696 {
		t.Fatalf("got %+v", root)
	}
	// Debian's dns-root-data holds the keys themselves: they must fit our DS.
	f, err := os.Open("/usr/share/dns/root.key")
	if err == nil {
		defer func() { _ = f.Close() }() // only read
		keys, err := ParseAnchors(f, f.Name())
		if err != nil {
			t.Fatal(err)
		}
		shipped, _ := keys.For(".")
		for _, d := range root.DS {
			fits := false
			for _, k := range shipped.Keys {
				ok, _ := names(d, k)
				fits = fits || ok
			}
			if !fits {
				t.Errorf("no key of dns-root-data fits the built-in DS %d", d.KeyTag)
			}
		}
	}
	for text, want := range map[string]string{
		"": "no DS and no DNSKEY", "; nothing\n": "no DS and no DNSKEY", ". 60 IN A 192.0.2.1\n": "a A record", "garbage\n": "trust anchors",
	} {
		if _, err := ParseAnchors(strings.NewReader(text), "f"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
	a, err := ParseAnchors(strings.NewReader("vn. IN DS 1 13 2 "+strings.Repeat("00", 32)), "f")
	if err != nil {
		t.Fatal(err)
	}
	if z, ok := a.Above("www.donvi.gov.vn."); !ok || z != "vn." {
		t.Errorf("got %q %v", z, ok)
	}
	if _, ok := a.Above("www.example."); ok {
		t.Error("no anchor stands above www.example.")
	}
}
