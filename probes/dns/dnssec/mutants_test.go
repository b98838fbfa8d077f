package dnssec

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// Each condition of the validator that another one stands behind is tested
// where it is alone.

func TestSignerAndLabels(t *testing.T) {
	t.Parallel()
	const zone = "donvi.gov.vn."
	k := newKey(t, zone, 256)
	keys := []*dns.DNSKEY{k.key}
	ask := func(set []dns.RR, s *dns.RRSIG) Outcome {
		return VerifyRRset(zone, set, []*dns.RRSIG{s}, keys, now, DefaultBudget())
	}
	outside := records(t, "www.khac.vn. 300 IN A 192.0.2.1")
	expect(t, ask(outside, k.sign(t, outside)), Bogus, SigSigner)

	// A wildcard above the zone is not the zone's to sign.
	wild, made := records(t, "*.vn. 300 IN A 192.0.2.1"), records(t, "www.donvi.gov.vn. 300 IN A 192.0.2.1")
	s := k.sign(t, wild)
	s.Hdr.Name = made[0].Header().Name
	expect(t, ask(made, s), Bogus, SigLabels)

	s = k.sign(t, made)
	s.Labels++
	expect(t, ask(made, s), Bogus, SigLabels)
}

func TestKeysThatMayNotSign(t *testing.T) {
	t.Parallel()
	const zone = "donvi.gov.vn."
	set := records(t, "www.donvi.gov.vn. 300 IN A 192.0.2.1")
	for _, c := range []struct {
		name   string
		change func(k *dns.DNSKEY)
		cause  Cause
	}{
		{"revoked", func(k *dns.DNSKEY) { k.Flags |= dns.REVOKE }, KeyRevoked},
		{"no zone key", func(k *dns.DNSKEY) { k.Flags = 1 }, KeyNotZone},
		{"protocol 2", func(k *dns.DNSKEY) { k.Protocol = 2 }, KeyNotZone},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			k, good := newKey(t, zone, 257), newKey(t, zone, 256)
			c.change(k.key)
			one := []*dns.DNSKEY{k.key}
			expect(t, VerifyRRset(zone, set, []*dns.RRSIG{k.sign(t, set)}, one, now, DefaultBudget()), Bogus, c.cause)
			// Named by a DS it is no way in.
			keySet := []dns.RR{k.key, good.key}
			_, o := VerifyKeys(zone, Anchor{DS: []*dns.DS{k.key.ToDS(2)}}, []*dns.DNSKEY{k.key, good.key}, []*dns.RRSIG{k.sign(t, keySet)}, now, DefaultBudget())
			expect(t, o, Bogus, c.cause)
			_, o = VerifyKeys(zone, Anchor{DS: []*dns.DS{k.key.ToDS(2)}}, []*dns.DNSKEY{k.key, good.key}, nil, now, DefaultBudget())
			expect(t, o, Bogus, c.cause) // which is to be mended before any signature
			// Beside a good one it is published, and signs no data.
			trusted, o := VerifyKeys(zone, Anchor{DS: []*dns.DS{good.key.ToDS(2)}}, []*dns.DNSKEY{k.key, good.key}, []*dns.RRSIG{good.sign(t, keySet)}, now, DefaultBudget())
			expect(t, o, Secure, None)
			if len(trusted) != 1 || trusted[0] != good.key {
				t.Errorf("%d keys may sign", len(trusted))
			}
		})
	}
}

// Servers answer in the case that they were asked in.
func TestDSOfAKeyInMixedCase(t *testing.T) {
	t.Parallel()
	k := newKey(t, "donvi.gov.vn.", 257)
	set := []dns.RR{k.key}
	sig := k.sign(t, set)
	mixed := dns.Copy(k.key).(*dns.DNSKEY)
	mixed.Hdr.Name = "DonVi.gOv.vn."
	_, o := VerifyKeys("donvi.gov.vn.", Anchor{DS: []*dns.DS{k.key.ToDS(2)}}, []*dns.DNSKEY{mixed}, []*dns.RRSIG{sig}, now, DefaultBudget())
	expect(t, o, Secure, None)
}

func TestAnotherKeyOfTheAnchorsAlgorithm(t *testing.T) {
	t.Parallel()
	const zone = "donvi.gov.vn."
	k, other := newKey(t, zone, 257), newKey(t, zone, 257)
	_, o := VerifyKeys(zone, Anchor{Keys: []*dns.DNSKEY{other.key}}, []*dns.DNSKEY{k.key}, []*dns.RRSIG{k.sign(t, []dns.RR{k.key})}, now, DefaultBudget())
	expect(t, o, Bogus, DSNoKey)
}

// The span of the last record goes over the end and begins anew; that of the
// only one holds everything but itself.
func TestNSEC3SpanOverTheEnd(t *testing.T) {
	t.Parallel()
	const zone, name = "donvi.gov.vn.", "khong.donvi.gov.vn."
	h := dns.HashName(name, 1, 0, "")
	low, high := strings.Repeat("0", 32), strings.Repeat("V", 32)
	for _, c := range []struct {
		owner, next string
		covers      bool
	}{
		{low, high, true},
		{high, low, false}, // neither after the last nor before the first
		{high, h[:31] + "V", h[31] != 'V'},
		{h[:31] + "0", low, h[31] != '0'},
		{low, low, true},
		{h, h, false},
		{h, high, false},
		{low, h, false},
	} {
		n := &dns.NSEC3{Hdr: dns.RR_Header{Name: c.owner + "." + zone}, Hash: 1, HashLength: 20, NextDomain: c.next}
		p := nsec3s{zone: zone, list: []*dns.NSEC3{n}, budget: DefaultBudget(), spent: new(bool)}
		if got := p.cover(name) != nil; got != c.covers {
			t.Errorf("%s to %s covers %s: %v", c.owner, c.next, h, got)
		}
	}
}

func TestNSEC3OfUnknownFlags(t *testing.T) {
	t.Parallel()
	const zone = "donvi.gov.vn."
	n := &dns.NSEC3{
		Hdr:  dns.RR_Header{Name: strings.Repeat("0", 32) + "." + zone, Rrtype: dns.TypeNSEC3, Class: dns.ClassINET},
		Hash: 1, Flags: 1, HashLength: 20, NextDomain: strings.Repeat("V", 32),
	}
	if !goodNSEC3(n, zone) {
		t.Error("opt-out is known")
	}
	if n.Flags = 2; goodNSEC3(n, zone) {
		t.Error("RFC 5155 section 8.2: unknown flags are ignored with their record")
	}
}

// The parent's record at a cut speaks of the DS and of nothing else there.
func TestNoDataAtACut(t *testing.T) {
	t.Parallel()
	for _, nsec3 := range []bool{false, true} {
		z := newZone(t, "gov.vn.", nsec3, false)
		expect(t, ProveNoData("gov.vn.", "sub.gov.vn.", dns.TypeA, z.denial, z.keys(), now, DefaultBudget()), Bogus, DenialWrong)
		expect(t, ProveNoData("gov.vn.", "sub.gov.vn.", dns.TypeDS, z.denial, z.keys(), now, DefaultBudget()), Secure, None)
	}
}
