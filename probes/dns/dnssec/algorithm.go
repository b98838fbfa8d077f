package dnssec

import (
	"encoding/base64"

	"github.com/miekg/dns"
)

// AlgorithmSupported tells whether signatures of the algorithm can be verified
// here. One that can't makes a zone Insecure, never Bogus (RFC 6840 section 5.2).
func AlgorithmSupported(alg uint8) bool {
	switch alg {
	case dns.RSASHA1, dns.RSASHA1NSEC3SHA1, dns.RSASHA256, dns.RSASHA512,
		dns.ECDSAP256SHA256, dns.ECDSAP384SHA384, dns.ED25519:
		return true
	}
	return false
}

// DigestSupported tells the same of a DS digest type.
func DigestSupported(digest uint8) bool {
	return digest == dns.SHA1 || digest == dns.SHA256 || digest == dns.SHA384
}

// KeyBits gives the strength that people know of a key: the modulus of RSA,
// the curve of the others; 0 when unknown.
func KeyBits(k *dns.DNSKEY) int {
	switch k.Algorithm {
	case dns.RSASHA1, dns.RSASHA1NSEC3SHA1, dns.RSASHA256, dns.RSASHA512, dns.RSAMD5:
		key, err := base64.StdEncoding.DecodeString(k.PublicKey)
		if n, _, _ := rsaKey(key); err == nil && n != nil {
			return n.BitLen()
		}
	case dns.ECDSAP256SHA256, dns.ED25519:
		return 256
	case dns.ECDSAP384SHA384:
		return 384
	}
	return 0
}

// usable tells whether crypto can work with the key at all: an algorithm that
// we know and a key that it can load.
func usable(k *dns.DNSKEY) bool {
	switch k.Algorithm {
	case dns.ECDSAP256SHA256, dns.ECDSAP384SHA384, dns.ED25519:
		return true
	case dns.RSASHA1, dns.RSASHA1NSEC3SHA1, dns.RSASHA256, dns.RSASHA512:
		key, err := base64.StdEncoding.DecodeString(k.PublicKey)
		_, _, ok := rsaKey(key)
		return err == nil && ok
	}
	return false
}
