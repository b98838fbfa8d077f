package dnssec

import (
	"time"

	"github.com/miekg/dns"
)

// VerifyRRset says whether one of sigs proves rrset as data of zone at now.
// keys are the zone's keys that the chain trusts (VerifyKeys). Records of other
// owners or types than the first one's are an error of the caller and Bogus.
//
// When the data was made from a wildcard, Outcome.Labels is set and the caller
// owes ProveWildcard.
func VerifyRRset(zone string, set []dns.RR, sigs []*dns.RRSIG, keys []*dns.DNSKEY, now time.Time, b *Budget) Outcome {
	if len(set) == 0 {
		return bogus(Malformed, "there are no records to verify")
	}
	owner, rrtype := set[0].Header().Name, set[0].Header().Rrtype
	name := dns.TypeToString[rrtype] + " of " + canonical(owner)
	clean := rrset(set, owner, rrtype)
	if len(clean) == 0 || len(set) > MaxRecords {
		return bogus(Malformed, "the %s records are not one set of at most %d", name, MaxRecords)
	}
	best := bogus(SigMissing, "there is no signature over the %s records", name)
	looked := 0
	for _, s := range sigs {
		if s.TypeCovered != rrtype || !sameName(s.Hdr.Name, owner) {
			continue
		}
		if looked++; looked > MaxSignatures {
			break
		}
		o := verifyOne(zone, name, clean, s, keys, now, b)
		if o.Status != Bogus {
			return o
		}
		if weight(o.Cause) >= weight(best.Cause) {
			best = o
		}
	}
	return best
}

// weight orders causes by how near the signature came to being valid, so that
// the one reported is the one to mend.
func weight(c Cause) int {
	for i, w := range []Cause{SigMissing, SigLabels, SigSigner, KeyMissing, KeyNotZone, KeyRevoked, SigNotYet, SigExpired, SigInvalid} {
		if w == c {
			return i
		}
	}
	return -1
}

// verifyOne tries a single signature with every key that it can mean.
func verifyOne(zone, name string, set []dns.RR, s *dns.RRSIG, keys []*dns.DNSKEY, now time.Time, b *Budget) Outcome {
	owner := set[0].Header().Name
	// RFC 4035 section 5.3.1. The library compares the signer as a string's
	// end, which lets "ov.vn." sign for "gov.vn."; here it must be the zone.
	if !sameName(s.SignerName, zone) || !within(owner, zone) {
		return bogus(SigSigner, "the %s records are signed by %s, not by the zone %s", name, canonical(s.SignerName), canonical(zone))
	}
	owned := dns.CountLabel(owner)
	if isWildcard(owner) {
		owned--
	}
	if int(s.Labels) > owned || int(s.Labels) < dns.CountLabel(canonical(zone)) {
		return bogus(SigLabels, "the signature over the %s records counts %d labels, the name has %d", name, s.Labels, owned)
	}
	k, o := keyFor(name, s, keys)
	if len(k) == 0 {
		return o
	}
	if o := period(name, s, now); o.Status == Bogus {
		return o
	}
	sig := dns.Copy(s).(*dns.RRSIG)
	sig.Hdr.Name, sig.SignerName = canonical(s.Hdr.Name), canonical(s.SignerName)
	for _, key := range k {
		if !b.verify() {
			return indeterminate(WorkLimit, "too many signatures had to be tried for the %s records", name)
		}
		if signatureSizeFits(sig) && sig.Verify(key, set) == nil {
			out := secure()
			out.KeyTag, out.Algorithm, out.Expires = s.KeyTag, s.Algorithm, expiry(s, now)
			if int(s.Labels) < owned {
				out.Labels = int(s.Labels)
			}
			return out
		}
	}
	return bogus(SigInvalid, "the signature of key %d over the %s records does not verify", s.KeyTag, name)
}

func isWildcard(owner string) bool { return len(owner) > 1 && owner[0] == '*' && owner[1] == '.' }

// keyFor gives the keys that the signature can mean, canonical and bounded, or
// the reason why there is none.
func keyFor(name string, s *dns.RRSIG, keys []*dns.DNSKEY) ([]*dns.DNSKEY, Outcome) {
	var fit []*dns.DNSKEY
	out := bogus(KeyMissing, "the %s records are signed by key %d, which the zone does not publish or trust", name, s.KeyTag)
	for i, k := range keys {
		if i >= MaxKeys || len(fit) >= MaxKeysPerTag {
			break
		}
		if k.Algorithm != s.Algorithm || k.KeyTag() != s.KeyTag {
			continue
		}
		switch {
		case k.Flags&dns.REVOKE != 0:
			out = bogus(KeyRevoked, "the %s records are signed by key %d, which is revoked", name, s.KeyTag)
		case k.Flags&dns.ZONE == 0 || k.Protocol != 3:
			out = bogus(KeyNotZone, "the %s records are signed by key %d, which is no zone key", name, s.KeyTag)
		case usable(k):
			c := dns.Copy(k).(*dns.DNSKEY)
			c.Hdr.Name = canonical(k.Hdr.Name)
			fit = append(fit, c)
		}
	}
	return fit, out
}

// period checks the times in serial arithmetic (RFC 4034 section 3.1.5, RFC
// 1982), without tolerance: what has expired by our clock is reported, and the
// probe's own clock is watched elsewhere.
func period(name string, s *dns.RRSIG, now time.Time) Outcome {
	t := uint32(now.Unix()) // modulo 2^32 is what serial arithmetic wants
	switch {
	case int32(s.Expiration-t) < 0:
		return bogus(SigExpired, "the signature of key %d over the %s records expired at %s", s.KeyTag, name, when(expiry(s, now)))
	case int32(t-s.Inception) < 0:
		return bogus(SigNotYet, "the signature of key %d over the %s records begins at %s", s.KeyTag, name, when(now.Unix()+int64(int32(s.Inception-t))))
	}
	return Outcome{}
}

// expiry is the signature's end in Unix seconds, of the era nearest to now.
func expiry(s *dns.RRSIG, now time.Time) int64 {
	return now.Unix() + int64(int32(s.Expiration-uint32(now.Unix())))
}

func when(unix int64) string { return time.Unix(unix, 0).UTC().Format("2006-01-02 15:04 UTC") }
