package dnssec

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha1" // RSASHA1 (5, 7) zones still exist, and are reported as weak
	_ "crypto/sha256"
	_ "crypto/sha512"
	"encoding/base64"
	"math/big"

	"github.com/miekg/dns"
)

// verifySignature does the arithmetic of one signature by one key.
func verifySignature(k *dns.DNSKEY, data []byte, signature string) bool {
	sig, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return false
	}
	key, err := base64.StdEncoding.DecodeString(k.PublicKey)
	if err != nil {
		return false
	}
	switch k.Algorithm {
	case dns.ECDSAP256SHA256:
		return verifyECDSA(elliptic.P256(), crypto.SHA256, key, data, sig)
	case dns.ECDSAP384SHA384:
		return verifyECDSA(elliptic.P384(), crypto.SHA384, key, data, sig)
	case dns.ED25519:
		return len(key) == ed25519.PublicKeySize && ed25519.Verify(key, data, sig)
	case dns.RSASHA1, dns.RSASHA1NSEC3SHA1:
		return verifyRSA(crypto.SHA1, key, data, sig)
	case dns.RSASHA256:
		return verifyRSA(crypto.SHA256, key, data, sig)
	case dns.RSASHA512:
		return verifyRSA(crypto.SHA512, key, data, sig)
	}
	return false
}

func digest(h crypto.Hash, data []byte) []byte {
	w := h.New()
	_, _ = w.Write(data) // a hash never fails
	return w.Sum(nil)
}

// verifyECDSA takes key and signature as RFC 6605 section 4 writes them: two
// numbers of the curve's size, one after the other, and nothing else.
func verifyECDSA(curve elliptic.Curve, h crypto.Hash, key, data, sig []byte) bool {
	size := curve.Params().BitSize / 8
	if len(key) != 2*size || len(sig) != 2*size {
		return false
	}
	pub, err := ecdsa.ParseUncompressedPublicKey(curve, append([]byte{4}, key...))
	if err != nil {
		return false
	}
	r, s := new(big.Int).SetBytes(sig[:size]), new(big.Int).SetBytes(sig[size:])
	return ecdsa.Verify(pub, digest(h, data), r, s)
}

// rsaKey reads RFC 3110 section 2. ok is false for what no validator takes:
// a modulus below 512 bits or above MaxRSABits, an exponent above 64 bits
// (OpenSSL's limit, and a bound of the work).
func rsaKey(key []byte) (n, e *big.Int, ok bool) {
	if len(key) < 3 {
		return nil, nil, false
	}
	explen, off := int(key[0]), 1
	if explen == 0 {
		explen, off = int(key[1])<<8|int(key[2]), 3
	}
	if explen == 0 || off+explen >= len(key) {
		return nil, nil, false
	}
	e, n = new(big.Int).SetBytes(key[off:off+explen]), new(big.Int).SetBytes(key[off+explen:])
	ok = e.BitLen() > 1 && e.BitLen() <= 64 && n.BitLen() >= 512 && n.BitLen() <= MaxRSABits
	return n, e, ok
}

// verifyRSA is RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2.2). crypto/rsa refuses
// keys below 1024 bits and exponents above 31 bits, and rightly so for secrets;
// here it would call a zone bogus that every validator takes. What it refuses
// is computed in the open, which costs nothing: all of it is public.
func verifyRSA(h crypto.Hash, key, data, sig []byte) bool {
	n, e, ok := rsaKey(key)
	if !ok || len(sig) != (n.BitLen()+7)/8 {
		return false
	}
	sum := digest(h, data)
	if n.BitLen() >= 1024 && e.BitLen() <= 31 {
		return rsa.VerifyPKCS1v15(&rsa.PublicKey{N: n, E: int(e.Int64())}, h, sum, sig) == nil
	}
	want := pkcs1(h, sum, len(sig))
	s := new(big.Int).SetBytes(sig)
	if want == nil || s.Cmp(n) >= 0 {
		return false
	}
	return bytes.Equal(s.Exp(s, e, n).FillBytes(make([]byte, len(sig))), want)
}

// pkcs1 is EMSA-PKCS1-v1_5 (RFC 8017 section 9.2); nil when it doesn't fit.
func pkcs1(h crypto.Hash, sum []byte, size int) []byte {
	prefix := map[crypto.Hash]string{
		crypto.SHA1:   "\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14",
		crypto.SHA256: "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20",
		crypto.SHA512: "\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40",
	}[h]
	pad := size - 3 - len(prefix) - len(sum)
	if pad < 8 {
		return nil
	}
	out := append([]byte{0, 1}, bytes.Repeat([]byte{0xff}, pad)...)
	out = append(append(out, 0), prefix...)
	return append(out, sum...)
}
