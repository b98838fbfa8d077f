package chain

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"watchpost.example/probes"
)

// path judges the way from the leaf to a trusted root. crypto/x509 has one
// error, "unknown authority", for what an administrator mends in four
// different ways; the cases are told apart here.
func (c *court) path() {
	if c.trust.err == nil {
		c.order()
		return
	}
	leaf := c.certs[0]
	if inv, ok := errors.AsType[x509.CertificateInvalidError](c.trust.err); ok && c.known(inv) {
		return
	}
	for _, f := range c.faults {
		if f.Reason == probes.TLSChainOrder {
			return // a reversed chain can't be verified; its order says it all
		}
	}
	f := Fault{Verdict: probes.Down, Severity: probes.PageNow, Record: title(leaf), Expected: "a path to a trusted root"}
	if weak := weakSignature(c.certs); weak != nil {
		f.Reason, f.Record = probes.TLSWeakSig, title(weak)
		f.Found = weak.SignatureAlgorithm.String()
		f.Detail = fmt.Sprintf("certificate %s is signed with %s, which no client accepts any more", f.Record, f.Found)
		c.add(f)
		return
	}
	top, presented := c.climb()
	switch {
	case SelfSigned(leaf):
		f.Reason = probes.TLSSelfSigned
		f.Found = "self-signed"
		f.Detail = "the certificate is signed by itself and by no authority"
	case presented && SelfSigned(top):
		f.Reason = probes.TLSUntrusted
		f.Found = "root " + title(top)
		f.Detail = "the chain ends at root " + title(top) + ", which is not among the trusted roots"
	case c.unknownAuthority() && top == leaf && len(top.IssuingCertificateURL) > 0:
		// The leaf's issuer is not presented, and authorities do not issue from
		// their root. Above a presented intermediate the next one up is the root
		// as a rule, so there an unknown issuer is an untrusted root.
		// Chrome, Edge and Safari fetch it by that address; curl, Java and many
		// phones' apps do not. So it answers some of its users.
		f.Reason, f.Verdict, f.Severity = probes.TLSChain, probes.Degraded, probes.Today
		f.Record = title(top)
		f.Expected = "the certificate of " + probes.Quote(top.Issuer.CommonName, 80) + " in the chain"
		f.Found = fmt.Sprintf("%d certificates, its issuer not among them", len(c.certs))
		f.Detail = "an intermediate certificate is missing: " + title(top) + " was issued by " +
			probes.Quote(top.Issuer.CommonName, 80) + ", which the server does not present (browsers that fetch it themselves do not notice)"
	default:
		f.Reason = probes.TLSUntrusted
		f.Found = probes.Quote(c.trust.err.Error(), 160)
		f.Detail = "no path to a trusted root from " + title(top) + ", issued by " + probes.Quote(top.Issuer.CommonName, 80) + ", which is neither presented nor a trusted root: " + f.Found
	}
	c.add(f)
}

func (c *court) unknownAuthority() bool {
	_, ok := errors.AsType[x509.UnknownAuthorityError](c.trust.err)
	return ok
}

// known handles an invalid certificate on the only path: expired ones were
// found by period already.
func (c *court) known(inv x509.CertificateInvalidError) bool {
	if inv.Reason != x509.Expired {
		return false
	}
	for _, f := range c.faults {
		if f.Reason == probes.TLSExpired || f.Reason == probes.TLSNotYet {
			return true
		}
	}
	return false
}

// climb follows issuers from the leaf through what was presented, as far as it
// goes. presented is false when the issuer of top is missing.
func (c *court) climb() (top *x509.Certificate, presented bool) {
	top = c.certs[0]
	for range c.certs {
		if bytes.Equal(top.RawSubject, top.RawIssuer) {
			return top, true
		}
		next := c.issuer(top)
		if next == nil {
			return top, false
		}
		top = next
	}
	return top, false
}

func (c *court) issuer(of *x509.Certificate) *x509.Certificate {
	for _, x := range c.certs {
		if x != of && bytes.Equal(x.RawSubject, of.RawIssuer) && of.CheckSignatureFrom(x) == nil {
			return x
		}
	}
	return nil
}

// order finds a chain that verifies but comes in another order than RFC 5246
// 7.4.2 demands, which old clients refuse and RFC 8446 4.4.2 forgives.
func (c *court) order() {
	for i, x := range c.certs[:len(c.certs)-1] {
		next := c.certs[i+1]
		if bytes.Equal(x.RawIssuer, next.RawSubject) {
			continue
		}
		for _, later := range c.certs[i+1:] {
			if bytes.Equal(x.RawIssuer, later.RawSubject) && !SelfSigned(x) {
				c.add(Fault{
					Reason: probes.TLSChainOrder, Verdict: probes.Up, Severity: probes.Note, Record: title(x),
					Detail:   "the chain is out of order; old clients refuse it",
					Expected: title(later) + " after " + title(x), Found: title(next),
				})
				return
			}
		}
	}
}

// SelfSigned tells whether the certificate is signed by its own key.
func SelfSigned(x *x509.Certificate) bool {
	if !bytes.Equal(x.RawSubject, x.RawIssuer) {
		return false
	}
	err := x.CheckSignature(x.SignatureAlgorithm, x.RawTBSCertificate, x.Signature)
	if _, insecure := errors.AsType[x509.InsecureAlgorithmError](err); insecure {
		return true // can't be checked any more; by its names it is
	}
	return err == nil
}

// weakSignature finds a certificate signed with a broken hash; a self-signed
// one's signature protects nothing and does not count.
func weakSignature(certs []*x509.Certificate) *x509.Certificate {
	for _, x := range certs {
		if bytes.Equal(x.RawSubject, x.RawIssuer) {
			continue
		}
		switch x.SignatureAlgorithm {
		case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
			return x
		}
	}
	return nil
}

// strength judges keys: crypto/tls accepts RSA with 1024 bits without a word.
func (c *court) strength() {
	for _, x := range c.certs {
		if !weakKey(x.PublicKey) {
			continue
		}
		c.add(Fault{
			Reason: probes.TLSWeakKey, Verdict: probes.Degraded, Severity: probes.Today, Record: title(x),
			Detail:   "certificate " + title(x) + " has a weak key: " + KeyType(x.PublicKey),
			Expected: "RSA of 2048 bits or more, or ECDSA P-256 or more", Found: KeyType(x.PublicKey),
		})
		return
	}
}

func weakKey(pub any) bool {
	switch k := pub.(type) {
	case *rsa.PublicKey:
		return k.N.BitLen() < 2048 || k.E < 3
	case *ecdsa.PublicKey:
		return k.Curve.Params().BitSize < 256
	}
	return false
}

// protocol judges the version. Everything from 1.0 to 1.3 was offered, so an
// old one means that the server has nothing newer.
func (c *court) protocol(v uint16) {
	if v == 0 || v >= tls.VersionTLS12 {
		return
	}
	f := Fault{
		Reason: probes.TLSProtocol, Verdict: probes.Degraded, Severity: probes.Today,
		Detail:   "the server speaks nothing newer than " + tls.VersionName(v),
		Expected: "TLS 1.2 or 1.3", Found: tls.VersionName(v),
	}
	if c.policy.Browser {
		f.Verdict, f.Severity = probes.Down, probes.PageNow
		f.Detail += ", which browsers refuse"
	}
	c.add(f)
}
