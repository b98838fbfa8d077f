package probetest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"
)

// CA is a test authority: a root and the intermediate that issues.
type CA struct {
	Root         *x509.Certificate
	Intermediate *x509.Certificate
	rootKey      crypto.Signer
	key          crypto.Signer // of the intermediate
}

// Leaf is what a server presents and its key.
type Leaf struct {
	Chain []*x509.Certificate // as presented
	Key   crypto.Signer
}

// TLS is the leaf for a tls.Config.
func (l Leaf) TLS() tls.Certificate {
	c := tls.Certificate{PrivateKey: l.Key}
	for _, x := range l.Chain {
		c.Certificate = append(c.Certificate, x.Raw)
	}
	return c
}

// Spec says how a leaf shall be; the zero Spec with names is a good one of 90
// days of which a third has passed.
type Spec struct {
	Names     []string // DNS names and literal addresses
	NotBefore time.Time
	NotAfter  time.Time
	RSABits   int  // 0 = ECDSA P-256
	SHA1      bool // sign with SHA-1, as crypto/x509 refuses to
	// SelfSigned signs the leaf with its own key.
	SelfSigned bool
	// WithoutIntermediate leaves it out of what is presented; the leaf names
	// where it can be fetched (AIA), as public ones do.
	WithoutIntermediate bool
	// Reversed presents the chain the wrong way round.
	Reversed bool
	// WithRoot presents the root too, which servers need not do.
	WithRoot bool
	// CommonNameOnly leaves the subject alternative names out.
	CommonNameOnly bool
	// IntermediateNotAfter issues from an intermediate of its own that ends
	// then; zero = the CA's.
	IntermediateNotAfter time.Time
}

// NewCA makes an authority that is valid from ten years ago for twenty.
func NewCA(name string) (*CA, error) {
	ca := &CA{}
	var err error
	if ca.rootKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	now := time.Now()
	t := authority(name+" Root", now.AddDate(-10, 0, 0), now.AddDate(10, 0, 0))
	if ca.Root, err = sign(t, t, ca.rootKey.Public(), ca.rootKey); err != nil {
		return nil, err
	}
	ca.Intermediate, ca.key, err = ca.intermediate(name+" Issuing", now.AddDate(5, 0, 0))
	return ca, err
}

func authority(name string, from, to time.Time) *x509.Certificate {
	return &x509.Certificate{
		Subject:   pkix.Name{CommonName: name, Organization: []string{"Watchpost Test"}},
		NotBefore: from.Truncate(time.Second), NotAfter: to.Truncate(time.Second),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
}

func (ca *CA) intermediate(name string, to time.Time) (*x509.Certificate, crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	t := authority(name, time.Now().AddDate(-5, 0, 0), to)
	t.IssuingCertificateURL = []string{"http://ca.example/root.der"}
	c, err := sign(t, ca.Root, key.Public(), ca.rootKey)
	return c, key, err
}

// Pool is the root as a pool of trust.
func (ca *CA) Pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(ca.Root)
	return p
}

// RootPEM is the root for a roots_file.
func (ca *CA) RootPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Root.Raw})
}

// Issue makes a leaf.
func (ca *CA) Issue(s Spec) (Leaf, error) {
	var l Leaf
	if len(s.Names) == 0 {
		return l, errors.New("a leaf needs a name")
	}
	key, err := leafKey(s.RSABits)
	if err != nil {
		return l, err
	}
	l.Key = key
	t := leafTemplate(s)
	issuer, issuerKey := ca.Intermediate, ca.key
	if !s.IntermediateNotAfter.IsZero() {
		if issuer, issuerKey, err = ca.intermediate("Watchpost Test Short Issuing", s.IntermediateNotAfter); err != nil {
			return l, err
		}
	}
	if s.SelfSigned {
		issuer, issuerKey = t, key
		t.IssuingCertificateURL = nil
	}
	leaf, err := sign(t, issuer, key.Public(), issuerKey)
	if err != nil {
		return l, err
	}
	if s.SHA1 {
		if leaf, err = resignSHA1(leaf, issuerKey); err != nil {
			return l, err
		}
	}
	l.Chain = []*x509.Certificate{leaf}
	if !s.SelfSigned && !s.WithoutIntermediate {
		l.Chain = append(l.Chain, issuer)
	}
	if s.WithRoot {
		l.Chain = append(l.Chain, ca.Root)
	}
	if s.Reversed {
		for i, j := 0, len(l.Chain)-1; i < j; i, j = i+1, j-1 {
			l.Chain[i], l.Chain[j] = l.Chain[j], l.Chain[i]
		}
	}
	return l, nil
}

func leafKey(bits int) (crypto.Signer, error) {
	if bits > 0 {
		return rsa.GenerateKey(rand.Reader, bits)
	}
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

func leafTemplate(s Spec) *x509.Certificate {
	t := &x509.Certificate{
		Subject:   pkix.Name{CommonName: s.Names[0]},
		NotBefore: s.NotBefore, NotAfter: s.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IssuingCertificateURL: []string{"http://ca.example/issuing.der"},
	}
	if t.NotBefore.IsZero() {
		t.NotBefore = time.Now().AddDate(0, 0, -30)
	}
	if t.NotAfter.IsZero() {
		t.NotAfter = time.Now().AddDate(0, 0, 60)
	}
	t.NotBefore, t.NotAfter = t.NotBefore.Truncate(time.Second), t.NotAfter.Truncate(time.Second)
	if s.CommonNameOnly {
		return t
	}
	for _, n := range s.Names {
		if ip := net.ParseIP(n); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, n)
		}
	}
	return t
}

func sign(t, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	t.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, t, parent, pub, key)
	if err != nil {
		return nil, fmt.Errorf("making the certificate of %s: %w", t.Subject, err)
	}
	return x509.ParseCertificate(der)
}

// resignSHA1 replaces the signature by one with SHA-1, by hand, because
// crypto/x509 no longer makes such certificates.
func resignSHA1(c *x509.Certificate, key crypto.Signer) (*x509.Certificate, error) {
	ecdsaSHA1 := pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 1}}
	var outer struct {
		TBS asn1.RawValue
		Alg pkix.AlgorithmIdentifier
		Sig asn1.BitString
	}
	if _, err := asn1.Unmarshal(c.Raw, &outer); err != nil {
		return nil, err
	}
	oldAlg, err := asn1.Marshal(outer.Alg)
	if err != nil {
		return nil, err
	}
	newAlg, err := asn1.Marshal(ecdsaSHA1)
	if err != nil {
		return nil, err
	}
	tbs, err := replaceAlgorithm(outer.TBS.FullBytes, oldAlg, newAlg)
	if err != nil {
		return nil, err
	}
	h := crypto.SHA1.New()
	_, _ = h.Write(tbs) // never fails
	sig, err := key.Sign(rand.Reader, h.Sum(nil), crypto.SHA1)
	if err != nil {
		return nil, err
	}
	der, err := asn1.Marshal(struct {
		TBS asn1.RawValue
		Alg pkix.AlgorithmIdentifier
		Sig asn1.BitString
	}{asn1.RawValue{FullBytes: tbs}, ecdsaSHA1, asn1.BitString{Bytes: sig, BitLength: 8 * len(sig)}})
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// replaceAlgorithm swaps the algorithm inside the signed part.
func replaceAlgorithm(tbs, old, repl []byte) ([]byte, error) {
	var raw asn1.RawValue
	if _, err := asn1.Unmarshal(tbs, &raw); err != nil {
		return nil, err
	}
	var out []byte
	rest, done := raw.Bytes, false
	for len(rest) > 0 {
		var el asn1.RawValue
		next, err := asn1.Unmarshal(rest, &el)
		if err != nil {
			return nil, err
		}
		b := el.FullBytes
		if !done && string(b) == string(old) {
			b, done = repl, true
		}
		out = append(out, b...)
		rest = next
	}
	if !done {
		return nil, errors.New("the signature algorithm was not found")
	}
	return asn1.Marshal(asn1.RawValue{Class: raw.Class, Tag: raw.Tag, IsCompound: true, Bytes: out})
}
