package dnssec

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// What is remembered is the arithmetic alone: dates, flags and changed data
// are seen at every look.
func TestProven(t *testing.T) {
	t.Parallel()
	const zone = "donvi.gov.vn."
	zsk, other := newKey(t, zone, 256), newKey(t, zone, 256)
	set := records(t, "www.donvi.gov.vn. 300 IN A 192.0.2.1", "www.donvi.gov.vn. 300 IN A 192.0.2.2")
	good := zsk.sign(t, set)
	corrupt := dns.Copy(good).(*dns.RRSIG)
	corrupt.Signature = other.sign(t, set).Signature
	forged := dns.Copy(other.key).(*dns.DNSKEY)
	revoked := dns.Copy(zsk.key).(*dns.DNSKEY)
	revoked.Flags |= dns.REVOKE
	known := &Proven{}
	ask := func(set []dns.RR, s *dns.RRSIG, k *dns.DNSKEY, at time.Time, verifications int) Outcome {
		return VerifyRRset(zone, set, []*dns.RRSIG{s}, []*dns.DNSKEY{k}, at, &Budget{Verifications: verifications, Proven: known})
	}
	expect(t, ask(set, good, zsk.key, now, 0), Indeterminate, WorkLimit)
	expect(t, ask(set, good, zsk.key, now, 1), Secure, None)
	expect(t, ask(set, good, zsk.key, now, 0), Secure, None)
	expect(t, ask([]dns.RR{set[1], set[0]}, good, zsk.key, now, 0), Secure, None) // a set has no order

	expect(t, ask(set, good, zsk.key, now.Add(300*24*time.Hour), 1), Bogus, SigExpired)
	expect(t, ask(set, good, zsk.key, now.Add(-300*24*time.Hour), 1), Bogus, SigNotYet)
	expect(t, ask(set[:1], good, zsk.key, now, 1), Bogus, SigInvalid)
	expect(t, ask(set, corrupt, zsk.key, now, 1), Bogus, SigInvalid)
	expect(t, ask(set, corrupt, zsk.key, now, 0), Indeterminate, WorkLimit) // a wrong one is tried each time
	expect(t, ask(records(t, "www.donvi.gov.vn. 300 IN A 192.0.2.1", "www.donvi.gov.vn. 300 IN A 192.0.2.6"), good, zsk.key, now, 1), Bogus, SigInvalid)
	expect(t, ask(records(t, "mail.donvi.gov.vn. 300 IN A 192.0.2.1", "mail.donvi.gov.vn. 300 IN A 192.0.2.2"), good, zsk.key, now, 1), Bogus, SigMissing)
	if o := ask(set, good, forged, now, 1); o.Status != Bogus {
		t.Errorf("another key: %+v", o)
	}
	if o := ask(set, good, revoked, now, 1); o.Status != Bogus {
		t.Errorf("the key revoked: %+v", o)
	}
}

func TestProvenIsBounded(t *testing.T) {
	t.Parallel()
	p := &Proven{}
	var first, h [sha256.Size]byte
	first[31] = 1
	p.add(first)
	for i := range 3 * MaxProven {
		binary.BigEndian.PutUint64(h[:], uint64(i))
		p.add(h)
		if i%MaxProven == 0 && !p.holds(first) {
			t.Fatal("what is in use was forgotten")
		}
	}
	if n := len(p.now) + len(p.old); n > 2*MaxProven {
		t.Errorf("%d hashes", n)
	}
	binary.BigEndian.PutUint64(h[:], 7)
	if p.holds(h) {
		t.Error("what nobody asked for is kept for ever")
	}
}
