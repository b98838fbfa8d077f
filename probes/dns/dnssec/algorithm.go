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

// rsaBits gives an RSA key's modulus length, 0 when it has none (RFC 3110
// section 2).
func rsaBits(k *dns.DNSKEY) int {
	b, err := base64.StdEncoding.DecodeString(k.PublicKey)
	if err != nil || len(b) < 3 {
		return 0
	}
	explen, off := int(b[0]), 1
	if explen == 0 {
		explen, off = int(b[1])<<8|int(b[2]), 3
	}
	// crypto/rsa takes exponents of up to 31 bits only.
	if explen == 0 || explen > 4 || off+explen >= len(b) {
		return 0
	}
	if explen == 4 && b[off] >= 0x80 {
		return 0
	}
	mod := b[off+explen:]
	for len(mod) > 0 && mod[0] == 0 {
		mod = mod[1:]
	}
	return len(mod) * 8
}

// KeyBits gives the strength that people know of a key: the modulus of RSA,
// the curve of the others; 0 when unknown.
func KeyBits(k *dns.DNSKEY) int {
	switch k.Algorithm {
	case dns.RSASHA1, dns.RSASHA1NSEC3SHA1, dns.RSASHA256, dns.RSASHA512, dns.RSAMD5:
		return rsaBits(k)
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
	if !AlgorithmSupported(k.Algorithm) {
		return false
	}
	switch k.Algorithm {
	case dns.ECDSAP256SHA256, dns.ECDSAP384SHA384, dns.ED25519:
		return true
	}
	bits := rsaBits(k)
	return bits >= 512 && bits <= MaxRSABits
}

// signatureSizeFits refuses ECDSA and EdDSA signatures of another length than
// theirs (RFC 6605 section 4, RFC 8080 section 4); the library halves whatever
// it gets.
func signatureSizeFits(s *dns.RRSIG) bool {
	b, err := base64.StdEncoding.DecodeString(s.Signature)
	if err != nil {
		return false
	}
	switch s.Algorithm {
	case dns.ECDSAP256SHA256, dns.ED25519:
		return len(b) == 64
	case dns.ECDSAP384SHA384:
		return len(b) == 96
	}
	return len(b) > 0
}
