package chain

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"watchpost.example/probes"
)

// Policy is what a check demands beyond the rules that hold for everyone.
type Policy struct {
	// Warn and Page are how long before the end of a certificate a ticket is
	// written and a person is woken. A certificate of short life is judged by
	// its share instead: a third and a sixth of its lifetime, when that is
	// less, because a 47-day certificate is always within 30 days of its end
	// and a 6-day one always within 7.
	Warn, Page time.Duration
	// Browser says that the users are browsers, which refuse TLS 1.0 and 1.1
	// altogether: then an old protocol is Down, else Degraded.
	Browser bool
}

// Fault is one thing wrong with a chain.
type Fault struct {
	Reason   probes.Reason
	Verdict  probes.Verdict // Down, Degraded; Up for what is a finding only
	Severity probes.Severity
	Detail   string // a sentence; remote text in it is quoted
	Record   string // the certificate concerned, quoted
	Expected string
	Found    string
}

// Judgement is what a chain and its connection tell.
type Judgement struct {
	Certificates []probes.Certificate
	Facts        probes.Facts
	Faults       []Fault // the gravest first
}

// Judge looks at what a completed handshake presented for host. The facts are
// complete whatever the faults are. host is a name in A-label form or a
// literal address; "" leaves the name unjudged.
func (b *Book) Judge(s tls.ConnectionState, host string, now time.Time, p Policy) Judgement {
	certs := s.PeerCertificates
	if len(certs) == 0 {
		return Judgement{Faults: []Fault{{
			Reason: probes.TLSHandshake, Verdict: probes.Down, Severity: probes.PageNow,
			Detail: "the server presented no certificate",
		}}}
	}
	pg := b.look(certs, now)
	j := Judgement{Certificates: pg.certs, Facts: facts(s, pg.trust, now)}
	c := &court{certs: certs, trust: pg.trust, host: host, now: now, policy: p}
	c.period()
	c.name()
	c.path()
	c.strength()
	c.protocol(s.Version)
	c.expiring()
	slices.SortStableFunc(c.faults, func(a, b Fault) int {
		if a.Verdict != b.Verdict {
			return int(b.Verdict) - int(a.Verdict)
		}
		return int(b.Severity) - int(a.Severity)
	})
	j.Faults = c.faults
	return j
}

func facts(s tls.ConnectionState, t trust, now time.Time) probes.Facts {
	leaf := s.PeerCertificates[0]
	f := make(probes.Facts, 0, 12)
	f = append(
		f,
		probes.Fact{Name: probes.FactTLSVersion, Value: float64(s.Version)},
		probes.Fact{Name: probes.FactTLSCipher, Value: float64(s.CipherSuite)},
		probes.Fact{Name: probes.FactTLSEarliestExpiry, Value: unix(earliest(s.PeerCertificates))},
		probes.Fact{Name: probes.FactTLSLeafNotBefore, Value: unix(leaf.NotBefore)},
		probes.Fact{Name: probes.FactTLSLeafNotAfter, Value: unix(leaf.NotAfter)},
		probes.Fact{Name: probes.FactTLSLeafLifetimeFraction, Value: fraction(leaf, now)},
	)
	if !t.lastExpiry.IsZero() {
		f = append(f, probes.Fact{Name: probes.FactTLSLastChainExpiry, Value: unix(t.lastExpiry)})
	}
	return f
}

func unix(t time.Time) float64 { return float64(t.Unix()) }

// lifetime is never 0, so that it divides.
func lifetime(c *x509.Certificate) time.Duration {
	return max(c.NotAfter.Sub(c.NotBefore), time.Second)
}

func fraction(c *x509.Certificate, now time.Time) float64 {
	return min(max(c.NotAfter.Sub(now).Seconds()/lifetime(c).Seconds(), 0), 1)
}

// court is one judging; its methods add faults.
type court struct {
	certs  []*x509.Certificate
	trust  trust
	host   string
	now    time.Time
	policy Policy
	faults []Fault
}

func (c *court) add(f Fault) { c.faults = append(c.faults, f) }

// title names a certificate for people.
func title(x *x509.Certificate) string {
	n := x.Subject.CommonName
	if n == "" && len(x.DNSNames) > 0 {
		n = x.DNSNames[0]
	}
	if n == "" {
		n = x.Subject.String()
	}
	return probes.Quote(n, 80)
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func span(d time.Duration) string {
	if d >= 48*time.Hour {
		return fmt.Sprintf("%d days", int(d/(24*time.Hour)))
	}
	return d.Round(time.Minute).String()
}

// period judges the validity of every certificate. Those above the leaf count
// for the verdict only when the path to a root needs them.
func (c *court) period() {
	for i, x := range c.certs {
		f := Fault{Record: title(x), Verdict: probes.Down, Severity: probes.PageNow}
		switch {
		case c.now.After(x.NotAfter):
			f.Reason = probes.TLSExpired
			f.Detail = fmt.Sprintf("certificate %s ended %s ago, on %s", f.Record, span(c.now.Sub(x.NotAfter)), day(x.NotAfter))
			f.Found, f.Expected = "valid until "+day(x.NotAfter), "a certificate that is valid now"
		case c.now.Before(x.NotBefore):
			f.Reason = probes.TLSNotYet
			f.Detail = fmt.Sprintf("certificate %s begins only in %s, on %s", f.Record, span(x.NotBefore.Sub(c.now)), day(x.NotBefore))
			f.Found, f.Expected = "valid from "+day(x.NotBefore), "a certificate that is valid now"
		default:
			continue
		}
		if i > 0 && c.trust.err == nil {
			f.Verdict, f.Severity = probes.Up, probes.Ticket
			f.Detail += "; the path to the root goes without it"
		}
		c.add(f)
	}
}

// name judges the host name, and tells a reversed chain from a foreign one.
func (c *court) name() {
	leaf := c.certs[0]
	if c.host == "" || leaf.VerifyHostname(c.host) == nil {
		return
	}
	for i, x := range c.certs[1:] {
		if leaf.IsCA && !x.IsCA && x.VerifyHostname(c.host) == nil {
			c.add(Fault{
				Reason: probes.TLSChainOrder, Verdict: probes.Down, Severity: probes.PageNow, Record: title(x),
				Detail:   fmt.Sprintf("the server's own certificate comes at place %d of the chain instead of first; clients take the first, which is the authority's", i+2),
				Expected: "server certificate first, then each issuer", Found: "authority " + title(leaf) + " first",
			})
			return
		}
	}
	found := "no names at all, only a common name that clients ignore"
	if n := names(leaf); len(n) > 0 {
		found = probes.Quote(strings.Join(n, " "), 160)
	}
	c.add(Fault{
		Reason: probes.TLSHost, Verdict: probes.Down, Severity: probes.PageNow, Record: title(leaf),
		Detail:   "the certificate is not for " + c.host + "; it is for " + found,
		Expected: c.host, Found: found,
	})
}

// expiring warns of certificates that will end: each one below the root that
// the best path needs, or without a path the leaf.
func (c *court) expiring() {
	needed := c.certs[:1]
	if n := len(c.trust.best); n > 2 {
		needed = c.trust.best[:n-1]
	}
	for _, x := range needed {
		left := x.NotAfter.Sub(c.now)
		if left < 0 || c.now.Before(x.NotBefore) {
			continue
		}
		life := lifetime(x)
		warn, page := c.policy.Warn, c.policy.Page
		warn, page = min(warn, life/3), min(page, life/6)
		if left >= warn && left >= page {
			continue
		}
		f := Fault{Reason: probes.TLSExpiring, Verdict: probes.Up, Severity: probes.Ticket, Record: title(x)}
		switch {
		case left < page:
			f.Severity = probes.PageNow
		case left < warn/3:
			f.Severity = probes.Today
		}
		f.Expected = "renewed " + span(warn) + " before its end"
		f.Found = fmt.Sprintf("ends in %s, on %s (%.0f %% of its life is left)", span(left), day(x.NotAfter), 100*fraction(x, c.now))
		f.Detail = "certificate " + f.Record + " " + f.Found
		c.add(f)
	}
}
