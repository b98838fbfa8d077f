package dnssec

import (
	"encoding/base64"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func TestVerifyRRset(t *testing.T) {
	t.Parallel()
	const name = "donvi.gov.vn."
	zsk, other := newKey(t, name, 256), newKey(t, name, 256)
	keys := []*dns.DNSKEY{zsk.key}
	set := records(t, "www.donvi.gov.vn. 300 IN A 192.0.2.1", "www.donvi.gov.vn. 300 IN A 192.0.2.2")
	at := func(d time.Duration) uint32 { return uint32(now.Add(d).Unix()) }
	good := zsk.sign(t, set)
	expired := zsk.sign(t, set, func(r *dns.RRSIG) { r.Expiration = at(-time.Second) })
	future := zsk.sign(t, set, func(r *dns.RRSIG) { r.Inception = at(time.Second) })
	corrupt := dns.Copy(good).(*dns.RRSIG)
	corrupt.Signature = expired.Signature
	short := dns.Copy(good).(*dns.RRSIG)
	short.Signature = "AAAA"
	// The library halves whatever it gets: zeros in front of both halves pass there.
	raw, err := base64.StdEncoding.DecodeString(good.Signature)
	if err != nil {
		t.Fatal(err)
	}
	padded := dns.Copy(good).(*dns.RRSIG)
	padded.Signature = base64.StdEncoding.EncodeToString(slices.Concat([]byte{0}, raw[:32], []byte{0}, raw[32:]))
	mixed := records(t, "WWW.donvi.GOV.vn. 300 IN A 192.0.2.1", "www.donvi.gov.vn. 99 IN A 192.0.2.2", "www.donvi.gov.vn. 300 IN A 192.0.2.1")

	tests := []struct {
		name   string
		set    []dns.RR
		sigs   []*dns.RRSIG
		keys   []*dns.DNSKEY
		status Status
		cause  Cause
	}{
		{"good", set, []*dns.RRSIG{good}, keys, Secure, None},
		{"mixed case, another TTL and a duplicate", mixed, []*dns.RRSIG{good}, keys, Secure, None},
		{"bad ones before the good one", set, []*dns.RRSIG{expired, corrupt, good}, keys, Secure, None},
		{"none", set, nil, keys, Bogus, SigMissing},
		{"expired by a second", set, []*dns.RRSIG{expired}, keys, Bogus, SigExpired},
		{"begins in a second", set, []*dns.RRSIG{future}, keys, Bogus, SigNotYet},
		{"corrupt", set, []*dns.RRSIG{corrupt}, keys, Bogus, SigInvalid},
		{"of the wrong size", set, []*dns.RRSIG{short}, keys, Bogus, SigInvalid},
		{"padded", set, []*dns.RRSIG{padded}, keys, Bogus, SigInvalid},
		{"changed data", set[:1], []*dns.RRSIG{good}, keys, Bogus, SigInvalid},
		{"key not published", set, []*dns.RRSIG{other.sign(t, set)}, keys, Bogus, KeyMissing},
		{"signature of another type", set, []*dns.RRSIG{zsk.sign(t, records(t, "www.donvi.gov.vn. 300 IN AAAA ::1"))}, keys, Bogus, SigMissing},
		{"no records", nil, []*dns.RRSIG{good}, keys, Bogus, Malformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := VerifyRRset(name, tt.set, tt.sigs, tt.keys, now, DefaultBudget())
			expect(t, o, tt.status, tt.cause)
			if o.Status == Secure && (o.KeyTag != zsk.key.KeyTag() || o.Expires != now.Add(240*time.Hour).Unix() || o.Labels != -1) {
				t.Errorf("got %+v", o)
			}
		})
	}
}

// TestLibraryTraps shows, one by one, where the library's own check says yes
// and the validator must say no (research: dns.md 4.2).
func TestLibraryTraps(t *testing.T) {
	t.Parallel()
	const zone = "donvi.gov.vn."
	set := records(t, "www.donvi.gov.vn. 300 IN A 192.0.2.1")

	t.Run("signer is the end of a label", func(t *testing.T) {
		t.Parallel()
		for _, evil := range []string{"vn.", "ov.vn.", "gov.vn."} {
			k := newKey(t, evil, 256)
			s := k.sign(t, set)
			if err := s.Verify(k.key, set); err != nil {
				t.Fatalf("the library refuses %s now: this trap is gone: %v", evil, err)
			}
			expect(t, VerifyRRset(zone, set, []*dns.RRSIG{s}, []*dns.DNSKEY{k.key}, now, DefaultBudget()), Bogus, SigSigner)
		}
	})
	t.Run("revoked key", func(t *testing.T) {
		t.Parallel()
		k := newKey(t, zone, 256|dns.REVOKE)
		s := k.sign(t, set)
		if err := s.Verify(k.key, set); err != nil {
			t.Fatal(err)
		}
		expect(t, VerifyRRset(zone, set, []*dns.RRSIG{s}, []*dns.DNSKEY{k.key}, now, DefaultBudget()), Bogus, KeyRevoked)
	})
	t.Run("signature of 1970", func(t *testing.T) {
		t.Parallel()
		k := newKey(t, zone, 256)
		s := k.sign(t, set, func(r *dns.RRSIG) { r.Inception, r.Expiration = 1, 2 })
		if err := s.Verify(k.key, set); err != nil {
			t.Fatal(err)
		}
		expect(t, VerifyRRset(zone, set, []*dns.RRSIG{s}, []*dns.DNSKEY{k.key}, now, DefaultBudget()), Bogus, SigExpired)
	})
	t.Run("wildcard without proof", func(t *testing.T) {
		t.Parallel()
		z := newZone(t, zone, false, false)
		wild := records(t, "*.wild.donvi.gov.vn. 300 IN A 192.0.2.3")
		s := z.zsk.sign(t, wild)
		made := records(t, "deep.er.wild.donvi.gov.vn. 300 IN A 192.0.2.3")
		s.Hdr.Name = made[0].Header().Name
		if err := s.Verify(z.zsk.key, made); err != nil {
			t.Fatal(err)
		}
		m := &dns.Msg{Answer: []dns.RR{made[0], s}}
		expect(t, VerifyResponse(zone, "deep.er.wild.donvi.gov.vn.", dns.TypeA, m, z.keys(), now, DefaultBudget()), Bogus, WildcardUnproof)
		m.Ns = z.denial
		expect(t, VerifyResponse(zone, "deep.er.wild.donvi.gov.vn.", dns.TypeA, m, z.keys(), now, DefaultBudget()), Secure, None)
	})
	t.Run("NSEC3 of an unknown hash covers all", func(t *testing.T) {
		t.Parallel()
		n := &dns.NSEC3{
			Hdr:  dns.RR_Header{Name: "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.donvi.gov.vn.", Rrtype: dns.TypeNSEC3, Class: dns.ClassINET},
			Hash: 6, HashLength: 20, NextDomain: "00000000000000000000000000000000",
		}
		if !n.Cover("www.donvi.gov.vn.") {
			t.Fatal("the library does not say covered any more: this trap is gone")
		}
		if goodNSEC3(n, zone) {
			t.Error("a record with hash 6 may not be used")
		}
	})
	t.Run("NSEC3 with a lower-case next hash", func(t *testing.T) {
		t.Parallel()
		k := newKey(t, zone, 256)
		n := &dns.NSEC3{
			Hdr:  dns.RR_Header{Name: "00000000000000000000000000000000.donvi.gov.vn.", Rrtype: dns.TypeNSEC3, Class: dns.ClassINET, Ttl: 300},
			Hash: 1, HashLength: 20, NextDomain: "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv",
		}
		p := nsec3s{zone: zone, list: []*dns.NSEC3{n}, budget: DefaultBudget(), spent: new(bool)}
		if p.cover("www."+zone) == nil {
			t.Error("the span of all hashes must cover, whatever its case")
		}
		_ = k
	})
	t.Run("key with a tag that collides", func(t *testing.T) {
		t.Parallel()
		k := newKey(t, zone, 256)
		s := k.sign(t, set)
		var keys []*dns.DNSKEY
		for range MaxKeys {
			keys = append(keys, k.key)
		}
		bad := dns.Copy(s).(*dns.RRSIG)
		bad.Expiration++
		var sigs []*dns.RRSIG
		for range 1000 {
			sigs = append(sigs, bad)
		}
		b := &Budget{Verifications: 1 << 20, Hashes: 0}
		expect(t, VerifyRRset(zone, set, sigs, keys, now, b), Bogus, WorkLimit)
		if used := 1<<20 - b.Verifications; used > MaxAttempts {
			t.Errorf("%d verifications were spent, at most %d are allowed", used, MaxAttempts)
		}
		expect(t, VerifyRRset(zone, set, sigs, keys, now, &Budget{Verifications: 3}), Indeterminate, WorkLimit)
		expect(t, VerifyRRset(zone, set, sigs, append(keys, k.key), now, DefaultBudget()), Bogus, WorkLimit)
	})
}

func TestCanonicalOrder(t *testing.T) {
	t.Parallel()
	// RFC 4034 section 6.1.
	want := []string{
		"example.", "a.example.", "yljkjljk.a.example.", "Z.a.example.", "zABC.a.EXAMPLE.",
		"z.example.", `\001.z.example.`, "*.z.example.", `\200.z.example.`,
	}
	for i := range want {
		for j := range want {
			if got := compareNames(want[i], want[j]); (got < 0) != (i < j) || (got == 0) != (i == j) {
				t.Errorf("compare %s with %s: %d", want[i], want[j], got)
			}
		}
	}
}

func TestNSEC3Hash(t *testing.T) {
	t.Parallel()
	// RFC 5155 appendix A: salt aabbccdd, 12 iterations.
	for name, want := range map[string]string{
		"example.":       "0P9MHAVEQVM6T7VBL5LOP2U3T2RP3TOM",
		"a.example.":     "35MTHGPGCU1QG68FAB165KLNSNK3DPVL",
		"ai.example.":    "GJEQE526PLBF1G8MKLP59ENFD789NJGI",
		"*.w.example.":   "R53BQ7CC2UVMUBFU5OCMM6PERS9TK9EN",
		"x.y.w.EXAMPLE.": "2VPTU5TIMAMQTTGL4LUU9KG21E0AOR3S",
	} {
		p := nsec3s{list: []*dns.NSEC3{{Hash: 1, Iterations: 12, Salt: "aabbccdd"}}, budget: DefaultBudget(), spent: new(bool)}
		if got := p.hash(name); got != want {
			t.Errorf("H(%s) = %s, want %s", name, got, want)
		}
	}
}
