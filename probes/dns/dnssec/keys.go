package dnssec

import (
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// VerifyKeys says whether the DNSKEY set of zone is proven by what is trusted
// of it (the parent's validated DS set, or an Anchor), and gives the keys that
// may sign the zone's data: those with the ZONE flag that are not revoked.
//
// It is Insecure when no trusted DS has an algorithm and digest known here (RFC
// 4035 section 5.2), and Bogus in all other failures. One good DS is enough.
func VerifyKeys(zone string, trust Anchor, keys []*dns.DNSKEY, sigs []*dns.RRSIG, now time.Time, b *Budget) ([]*dns.DNSKEY, Outcome) {
	ds := knownDS(trust.DS)
	if len(ds) == 0 && len(trust.Keys) == 0 {
		if len(trust.DS) == 0 {
			return nil, indeterminate(NoAnchor, "nothing is trusted of %s", canonical(zone))
		}
		return nil, insecure(AlgUnsupported, "no DS of %s has an algorithm and digest that is known here", canonical(zone))
	}
	if len(keys) == 0 {
		return nil, bogus(DNSKEYMissing, "the parent has a DS for %s, the zone has no DNSKEY", canonical(zone))
	}
	set := make([]dns.RR, 0, len(keys))
	for _, k := range keys {
		set = append(set, k)
	}
	if len(keys) > MaxKeys {
		return nil, bogus(WorkLimit, "%s publishes %d keys or more; validators refuse sets of more than %d records", canonical(zone), len(keys), MaxKeys)
	}
	entry, unloadable, o := entryKeys(zone, ds, trust.Keys, keys)
	if len(entry) == 0 {
		if unloadable {
			return nil, insecure(AlgUnsupported, "the only keys of %s that a DS names can't be used here", canonical(zone))
		}
		return nil, o
	}
	got := VerifyRRset(zone, set, sigs, entry, now, b)
	if got.Status != Secure {
		return nil, dnskeyFailure(zone, got)
	}
	var trusted []*dns.DNSKEY
	for _, k := range keys {
		if k.Flags&dns.ZONE != 0 && k.Flags&dns.REVOKE == 0 && k.Protocol == 3 {
			trusted = append(trusted, k)
		}
	}
	return trusted, got
}

// knownDS keeps the DS records that can be used, without SHA-1 digests where a
// better one stands beside them (RFC 4509 section 3).
func knownDS(set []*dns.DS) []*dns.DS {
	var strong, weak []*dns.DS
	for i, d := range set {
		if i >= MaxDS {
			break
		}
		switch {
		case !AlgorithmSupported(d.Algorithm) || !DigestSupported(d.DigestType):
		case d.DigestType == dns.SHA1:
			weak = append(weak, d)
		default:
			strong = append(strong, d)
		}
	}
	for _, w := range weak {
		shadowed := false
		for _, s := range strong {
			shadowed = shadowed || s.Algorithm == w.Algorithm && s.KeyTag == w.KeyTag
		}
		if !shadowed {
			strong = append(strong, w)
		}
	}
	return strong
}

// entryKeys gives the zone's keys that the DS set or the anchor names, whether
// some of them can't be loaded, and why there are none.
func entryKeys(zone string, ds []*dns.DS, anchors, keys []*dns.DNSKEY) (entry []*dns.DNSKEY, unloadable bool, why Outcome) {
	why = bogus(DSNoKey, "no DNSKEY of %s has the key tag of any DS", canonical(zone))
	if len(ds) > 0 {
		why.Detail += " (" + tags(ds) + ")"
	}
	for _, k := range keys {
		named, c := named(k, ds, anchors)
		switch {
		case !named && (c == DSDigest || c == DSAlgorithm && why.Cause == DSNoKey):
			why = bogus(c, "the DS with key tag %d does not fit the DNSKEY of %s", k.KeyTag(), canonical(zone))
		case !named:
		case k.Flags&dns.REVOKE != 0:
			why = bogus(KeyRevoked, "the key %d of %s that is trusted is revoked", k.KeyTag(), canonical(zone))
		case k.Flags&dns.ZONE == 0 || k.Protocol != 3:
			why = bogus(KeyNotZone, "the key %d of %s that is trusted is no zone key", k.KeyTag(), canonical(zone))
		case !usable(k):
			unloadable = true
		default:
			entry = append(entry, k)
		}
	}
	return entry, unloadable, why
}

// named tells whether an anchor or a DS names the key, and if only a key tag
// fits, what differs.
func named(k *dns.DNSKEY, ds []*dns.DS, anchors []*dns.DNSKEY) (ok bool, why Cause) {
	for _, a := range anchors {
		if a.Algorithm == k.Algorithm && a.PublicKey == k.PublicKey {
			return true, None
		}
	}
	for _, d := range ds {
		fits, c := names(d, k)
		if fits {
			return true, None
		}
		if c == DSDigest || why == None {
			why = c
		}
	}
	return false, why
}

// names tells whether the DS names the key, and if only the tag fits, what
// differs (RFC 4034 section 5.2).
func names(d *dns.DS, k *dns.DNSKEY) (bool, Cause) {
	if d.KeyTag != k.KeyTag() {
		return false, None
	}
	if d.Algorithm != k.Algorithm {
		return false, DSAlgorithm
	}
	c := dns.Copy(k).(*dns.DNSKEY)
	c.Hdr.Name = canonical(d.Hdr.Name)
	got := c.ToDS(d.DigestType)
	if got == nil || !strings.EqualFold(got.Digest, d.Digest) {
		return false, DSDigest
	}
	return true, None
}

func tags(ds []*dns.DS) string {
	var b strings.Builder
	for i, d := range ds {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.Itoa(int(d.KeyTag)))
	}
	return b.String()
}

// dnskeyFailure turns a failure over the DNSKEY set into the causes of its own:
// the whole zone hangs on it, and another person mends it.
func dnskeyFailure(zone string, o Outcome) Outcome {
	switch o.Cause {
	case SigMissing, KeyMissing:
		o.Cause = DNSKEYUnsigned
		o.Detail = "the DNSKEY records of " + canonical(zone) + " are not signed by a key that the parent's DS names"
	case SigExpired:
		o.Cause = DNSKEYSigExpired
	case SigNotYet:
		o.Cause = DNSKEYSigNotYet
	case SigInvalid:
		o.Cause = DNSKEYSigInvalid
	}
	return o
}
