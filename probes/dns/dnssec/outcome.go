package dnssec

import "fmt"

// Status is the validation status of RFC 4033 section 5.
type Status uint8

const (
	// Indeterminate means that it could not be told: no trust anchor, a record
	// that was not fetched, or the Budget was used up. The zero value.
	Indeterminate Status = iota
	// Secure means that a chain of signatures leads from the anchor to the data.
	Secure
	// Insecure means that the chain ends in a proof that there is none: no DS,
	// or only algorithms that this validator does not know.
	Insecure
	// Bogus means that there should be a valid signature or proof and is not.
	Bogus
)

// String gives the lower-case word of RFC 4033.
func (s Status) String() string {
	switch s {
	case Indeterminate:
		return "indeterminate"
	case Secure:
		return "secure"
	case Insecure:
		return "insecure"
	case Bogus:
		return "bogus"
	}
	return fmt.Sprintf("status(%d)", uint8(s))
}

// Cause says why a Status is what it is: a word from a closed list.
type Cause string

// The causes.
const (
	None Cause = ""

	SigMissing Cause = "sig_missing"  // no RRSIG over the record set
	SigExpired Cause = "sig_expired"  // every usable signature has expired
	SigNotYet  Cause = "sig_not_yet"  // every usable signature begins in the future
	SigInvalid Cause = "sig_invalid"  // the arithmetic says no
	SigSigner  Cause = "sig_signer"   // signed in the name of another zone
	SigLabels  Cause = "sig_labels"   // more labels signed than the owner has
	KeyMissing Cause = "key_missing"  // signed by a key that the zone does not publish
	KeyRevoked Cause = "key_revoked"  // signed by a revoked key only
	KeyNotZone Cause = "key_not_zone" // signed by a key without the ZONE flag

	DNSKEYMissing    Cause = "dnskey_missing"     // DS in the parent, no DNSKEY in the child
	DNSKEYUnsigned   Cause = "dnskey_unsigned"    // the key set has no signature by a key that the DS names
	DNSKEYSigExpired Cause = "dnskey_sig_expired" // that signature expired
	DNSKEYSigNotYet  Cause = "dnskey_sig_not_yet" // that signature begins in the future
	DNSKEYSigInvalid Cause = "dnskey_sig_invalid" // that signature does not verify
	DSNoKey          Cause = "ds_no_key"          // no DNSKEY has the key tag of any DS
	DSDigest         Cause = "ds_digest"          // the key tag is there, the digest is another
	DSAlgorithm      Cause = "ds_algorithm"       // the key tag is there, the algorithm is another

	DenialMissing   Cause = "denial_missing"   // no NSEC or NSEC3 in a negative answer
	DenialUnsigned  Cause = "denial_unsigned"  // they have no valid signature
	DenialWrong     Cause = "denial_wrong"     // they prove something else than is claimed
	WildcardUnproof Cause = "wildcard_unproof" // a wildcard's answer without the proof that nothing is closer

	UnsignedDelegation Cause = "unsigned_delegation" // proven: no DS
	OptOut             Cause = "opt_out"             // RFC 5155: an NSEC3 span that leaves unsigned delegations out
	AlgUnsupported     Cause = "alg_unsupported"     // only algorithms or digests unknown to us
	NSEC3Iterations    Cause = "nsec3_iterations"    // above MaxNSEC3Iterations (RFC 9276 3.2)

	WorkLimit Cause = "work_limit" // the Budget is used up
	NoAnchor  Cause = "no_anchor"  // no trust anchor above the name
	Malformed Cause = "malformed"  // records that no honest server sends
	OtherZone Cause = "other_zone" // the name is not of the zone that was to be judged
)

// Outcome is what a validation says.
type Outcome struct {
	Status Status
	Cause  Cause
	// Detail is one English sentence for people; names and numbers in it come
	// from the zone and are in presentation form (escaped).
	Detail string
	// KeyTag and Algorithm name the key that signed; 0 when none did.
	KeyTag    uint16
	Algorithm uint8
	// Expires is the Unix second when the used signature ends; 0 = none used.
	Expires int64
	// Labels is the RRSIG's label count when the data came from a wildcard, so
	// that a proof is due; -1 otherwise.
	Labels int
}

func secure() Outcome { return Outcome{Status: Secure, Labels: -1} }

func bogus(c Cause, format string, a ...any) Outcome {
	return Outcome{Status: Bogus, Cause: c, Detail: fmt.Sprintf(format, a...), Labels: -1}
}

func insecure(c Cause, format string, a ...any) Outcome {
	return Outcome{Status: Insecure, Cause: c, Detail: fmt.Sprintf(format, a...), Labels: -1}
}

func indeterminate(c Cause, format string, a ...any) Outcome {
	return Outcome{Status: Indeterminate, Cause: c, Detail: fmt.Sprintf(format, a...), Labels: -1}
}
