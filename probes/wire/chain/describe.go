package chain

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"

	"watchpost.example/probes"
)

// Bounds of what is kept of remote text.
const (
	maxNames = 32
	maxName  = 256
)

// describe is the chain in the form that people and metrics need.
func describe(certs []*x509.Certificate) []probes.Certificate {
	out := make([]probes.Certificate, len(certs))
	for i, c := range certs {
		sum := sha256.Sum256(c.Raw)
		out[i] = probes.Certificate{
			Subject:   probes.Clip(c.Subject.String(), maxName),
			Issuer:    probes.Clip(c.Issuer.String(), maxName),
			Names:     names(c),
			SHA256:    hex.EncodeToString(sum[:]),
			NotBefore: c.NotBefore, NotAfter: c.NotAfter,
			KeyType: KeyType(c.PublicKey), IsCA: c.IsCA,
		}
		if c.SerialNumber != nil {
			out[i].Serial = probes.Clip(c.SerialNumber.Text(16), 64)
		}
	}
	return out
}

func names(c *x509.Certificate) []string {
	var out []string
	for _, n := range c.DNSNames {
		if len(out) == maxNames {
			return out
		}
		out = append(out, probes.Clip(n, maxName))
	}
	for _, ip := range c.IPAddresses {
		if len(out) == maxNames {
			return out
		}
		out = append(out, ip.String())
	}
	return out
}

// KeyType names a public key as people do: "RSA 2048", "ECDSA P-256".
func KeyType(pub any) string {
	switch k := pub.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", k.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA " + k.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return "unknown"
}

// PEM is the chain as presented, for the evidence store; at most limit bytes,
// whole certificates only.
func PEM(certs []*x509.Certificate, limit int) []byte {
	var out []byte
	for _, c := range certs {
		b := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
		if len(out)+len(b) > limit {
			break
		}
		out = append(out, b...)
	}
	return out
}
