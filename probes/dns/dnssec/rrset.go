package dnssec

import (
	"slices"
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
	owner, rrtype := canonical(set[0].Header().Name), set[0].Header().Rrtype
	name := dns.TypeToString[rrtype] + " of " + owner
	clean := rrset(set, owner, rrtype)
	if len(set) > MaxRecords {
		return bogus(WorkLimit, "there are more than %d %s records", MaxRecords, name)
	}
	if len(clean) == 0 {
		return bogus(Malformed, "the %s records are not one set", name)
	}
	if len(keys) > MaxKeys {
		return bogus(WorkLimit, "the %s records would have to be tried with %d keys, more than %d", name, len(keys), MaxKeys)
	}
	form, ok := newCanonicalSet(clean)
	if !ok {
		return bogus(Malformed, "the %s records have no canonical form", name)
	}
	v := verifier{zone: canonical(zone), owner: owner, name: name, set: form, ring: newRing(keys), now: now, budget: b}
	best := bogus(SigMissing, "there is no signature over the %s records", name)
	for _, s := range sigs {
		if s.TypeCovered != rrtype || !sameName(s.Hdr.Name, owner) {
			continue
		}
		o := v.verify(s)
		if o.Status != Bogus || o.Cause == WorkLimit {
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
	return slices.Index([]Cause{SigMissing, SigLabels, SigSigner, KeyMissing, KeyNotZone, KeyRevoked, SigNotYet, SigExpired, SigInvalid}, c)
}

// ring is the zone's keys with their tags, computed once.
type ring []ringKey

type ringKey struct {
	key *dns.DNSKEY
	tag uint16
}

func newRing(keys []*dns.DNSKEY) ring {
	r := make(ring, 0, len(keys))
	for _, k := range keys {
		r = append(r, ringKey{k, k.KeyTag()})
	}
	return r
}

// verifier tries the signatures over one set.
type verifier struct {
	zone, owner string // canonical
	name        string // of the set, for people
	set         canonicalSet
	ring        ring
	now         time.Time
	budget      *Budget
	tried       int
}

// verify tries a single signature with every key that it can mean.
func (v *verifier) verify(s *dns.RRSIG) Outcome {
	// RFC 4035 section 5.3.1. The library compares the signer as a string's
	// end, which lets "ov.vn." sign for "gov.vn."; here it must be the zone.
	if !sameName(s.SignerName, v.zone) || !within(v.owner, v.zone) {
		return bogus(SigSigner, "the %s records are signed by %s, not by the zone %s", v.name, canonical(s.SignerName), v.zone)
	}
	owned := dns.CountLabel(v.owner)
	if isWildcard(v.owner) {
		owned--
	}
	if int(s.Labels) > owned || int(s.Labels) < dns.CountLabel(v.zone) {
		return bogus(SigLabels, "the signature over the %s records counts %d labels, the name has %d", v.name, s.Labels, owned)
	}
	keys, o := v.keysFor(s)
	if len(keys) == 0 {
		return o
	}
	if o := period(v.name, s, v.now); o.Status == Bogus {
		return o
	}
	data, ok := v.set.signedData(s)
	if !ok {
		return bogus(Malformed, "the signature over the %s records has no canonical form", v.name)
	}
	for _, k := range keys {
		good, o := v.try(k, s, data)
		if o.Cause != None {
			return o
		}
		if good {
			out := secure()
			out.KeyTag, out.Algorithm, out.Expires = s.KeyTag, s.Algorithm, expiry(s, v.now)
			if int(s.Labels) < owned {
				out.Labels = int(s.Labels)
			}
			return out
		}
	}
	return bogus(SigInvalid, "the signature of key %d over the %s records does not verify", s.KeyTag, v.name)
}

// try does the arithmetic; o says when there was too much of it.
func (v *verifier) try(k *dns.DNSKEY, s *dns.RRSIG, data []byte) (good bool, o Outcome) {
	if v.tried++; v.tried > MaxAttempts {
		return false, bogus(WorkLimit, "the %s records have more signatures and keys of one key tag than validators try (%d)", v.name, MaxAttempts)
	}
	good, spent := v.budget.verified(k, s.Signature, data)
	if spent {
		return false, indeterminate(WorkLimit, "too many signatures had to be tried before the %s records", v.name)
	}
	return good, Outcome{}
}

func isWildcard(owner string) bool { return len(owner) > 1 && owner[0] == '*' && owner[1] == '.' }

// keysFor gives the keys that the signature can mean, or the reason why there
// is none.
func (v *verifier) keysFor(s *dns.RRSIG) ([]*dns.DNSKEY, Outcome) {
	var fit []*dns.DNSKEY
	out := bogus(KeyMissing, "the %s records are signed by key %d, which the zone does not publish or trust", v.name, s.KeyTag)
	for _, k := range v.ring {
		if k.key.Algorithm != s.Algorithm || k.tag != s.KeyTag {
			continue
		}
		switch {
		case k.key.Flags&dns.REVOKE != 0:
			out = bogus(KeyRevoked, "the %s records are signed by key %d, which is revoked", v.name, s.KeyTag)
		case k.key.Flags&dns.ZONE == 0 || k.key.Protocol != 3:
			out = bogus(KeyNotZone, "the %s records are signed by key %d, which is no zone key", v.name, s.KeyTag)
		case usable(k.key):
			fit = append(fit, k.key)
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
