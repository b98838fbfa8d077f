package wire

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"reflect"
	"strings"
	"syscall"

	"watchpost.example/probes"
	"watchpost.example/probes/wire/chain"
)

// TLSConfig is the configuration of a capturing handshake: it accepts every
// certificate and everything from TLS 1.0 on, RSA key exchange included, so
// that what the server presents is known and judged afterwards. It keeps no
// sessions, because a resumed one presents no certificate. Make one per prober
// and use it for every look; it may be shared.
func TLSConfig(serverName string, alpn ...string) *tls.Config {
	var suites []uint16
	for _, s := range tls.CipherSuites() {
		suites = append(suites, s.ID)
	}
	for _, s := range tls.InsecureCipherSuites() {
		suites = append(suites, s.ID)
	}
	return &tls.Config{
		ServerName:         serverName,
		NextProtos:         alpn,
		MinVersion:         tls.VersionTLS10,
		CipherSuites:       suites,
		InsecureSkipVerify: true, // judged by chain.Book afterwards
	}
}

// Handshake makes TLS of c, which must come from Wire.Dial so that it is
// bounded in time. The state is given also with an error, with whatever was
// presented before it, so that a chain in the wrong order, which fails the
// handshake itself, can be judged.
//
// Errors are *Error: TLSTimeout, TLSPlaintext (the server answers something
// readable), TLSLegacyOnly (it refuses by alert 40, 70 or 71 everything that
// crypto/tls speaks), TLSHandshake for the rest.
func Handshake(c net.Conn, cfg *tls.Config) (*tls.Conn, tls.ConnectionState, error) {
	asked := false
	var seen tls.ConnectionState
	cfg = cfg.Clone()
	cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked = true
		return &tls.Certificate{}, nil
	}
	cfg.VerifyConnection = func(s tls.ConnectionState) error {
		seen = s
		return nil
	}
	t := tls.Client(c, cfg)
	// The connection ends with the look by itself; a context here would start a
	// goroutine for every handshake.
	if err := t.Handshake(); err != nil { //nolint:noctx // see above
		return nil, seen, tlsError(err, asked)
	}
	return t, t.ConnectionState(), nil
}

// TLS alerts (RFC 8446 6) that say "nothing that you speak".
const (
	alertHandshakeFailure     = 40
	alertProtocolVersion      = 70
	alertInsufficientSecurity = 71
	alertUnrecognizedName     = 112
	alertNoApplication        = 120
)

func tlsError(err error, clientCert bool) error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if rec, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return notTLS(rec)
	}
	if n, ok := remoteAlert(err); ok {
		return alertError(n, err, clientCert)
	}
	r, detail := probes.TLSHandshake, ""
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		r, detail = probes.TLSTimeout, "TLS handshake: no answer within the time allowed"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		detail = "TLS handshake: the server reset the connection"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		detail = "TLS handshake: the server closed the connection"
	case strings.Contains(err.Error(), "unsupported protocol version"), strings.Contains(err.Error(), "512-bit"):
		r, detail = probes.TLSLegacyOnly, "TLS handshake: the server speaks only what current clients refuse: "+probes.Quote(err.Error(), 120)
	default:
		if cl := Classify(err); cl.Ours() {
			return &Error{Reason: cl, Detail: "TLS handshake", Err: err}
		}
		detail = "TLS handshake: " + probes.Quote(err.Error(), 200)
	}
	return &Error{Reason: r, Detail: detail}
}

// notTLS tells readable text from binary garbage by the five bytes that
// crypto/tls took for a record header.
func notTLS(rec tls.RecordHeaderError) error {
	head := rec.RecordHeader[:]
	for _, b := range head {
		if (b < 0x20 || b > 0x7e) && b != '\r' && b != '\n' && b != '\t' {
			return &Error{Reason: probes.TLSHandshake, Detail: "TLS handshake: the server sent bytes that are not TLS: " + fmt.Sprintf("% x", head)}
		}
	}
	return &Error{Reason: probes.TLSPlaintext, Detail: "the server does not speak TLS here; it said " + probes.Quote(string(head), 5)}
}

// remoteAlert finds the number of the alert that the server sent. crypto/tls
// keeps its alert type to itself, so the number is read by reflection.
func remoteAlert(err error) (uint8, bool) {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Op != "remote error" || op.Err == nil {
		return 0, false
	}
	v := reflect.ValueOf(op.Err)
	if v.Kind() != reflect.Uint8 {
		return 0, false
	}
	return uint8(v.Uint()), true
}

func alertError(n uint8, err error, clientCert bool) error {
	e := &Error{Reason: probes.TLSHandshake, Detail: fmt.Sprintf("the server refused the TLS handshake with alert %d (%s)", n, strings.TrimPrefix(err.Error(), "remote error: tls: "))}
	switch n {
	case alertHandshakeFailure, alertProtocolVersion, alertInsufficientSecurity:
		if clientCert {
			e.Detail += "; it asks for a client certificate"
			break
		}
		e.Reason = probes.TLSLegacyOnly
		e.Detail += ": it shares no version or cipher with current clients (TLS 1.0 to 1.3 were offered)"
	case alertUnrecognizedName:
		e.Detail += ": it does not know this server name"
	case alertNoApplication:
		e.Detail += ": it does not speak the application protocol offered"
	}
	return e
}

// FailTLS is Fail for a handshake that did not complete: when what was presented
// before it broke explains the failure, that is the reason.
func (a *Answer) FailTLS(j chain.Judgement, presented []*x509.Certificate, err error) {
	a.Fail("TLS", err)
	if a.Verdict == probes.Unknown || len(presented) == 0 {
		return
	}
	if len(j.Faults) > 0 && j.Faults[0].Verdict == probes.Down {
		a.Verdict = probes.Up // so that the fault takes its place
	}
	a.Judge(j, presented)
}

// Judge applies a judgement to the answer: the certificates and facts always;
// of the faults the gravest becomes verdict, reason and detail when it is worse
// than what stands, all others become findings. The presented chain is kept as
// evidence when there is a fault.
func (a *Answer) Judge(j chain.Judgement, presented []*x509.Certificate) {
	a.Certificates = j.Certificates
	a.Facts = append(a.Facts, j.Facts...)
	hash := ""
	if len(j.Faults) > 0 && len(presented) > 0 {
		hash = a.Attach("application/x-pem-file", chain.PEM(presented, probes.MaxEvidence))
	}
	for i, f := range j.Faults {
		if i == 0 && f.Verdict > a.Verdict && f.Verdict != probes.Up {
			a.Verdict, a.Reason = f.Verdict, f.Reason
			a.Detail = probes.Clip(f.Detail, probes.MaxDetail)
			continue
		}
		a.Findings = append(a.Findings, probes.Finding{
			Reason: f.Reason, Severity: f.Severity, Record: f.Record,
			Expected: f.Expected, Found: f.Found, Evidence: hash,
		})
	}
}

// CompareCertificates adds a finding when addresses of one name present
// different server certificates: a cluster that was renewed by half.
func CompareCertificates(o *probes.Observation) {
	var first *probes.Part
	for i := range o.Parts {
		p := &o.Parts[i]
		if len(p.Certificates) == 0 {
			continue
		}
		if first == nil {
			first = p
			continue
		}
		a, b := first.Certificates[0], p.Certificates[0]
		if a.SHA256 == b.SHA256 {
			continue
		}
		o.Findings = append(o.Findings, probes.Finding{
			Reason: probes.TLSCertsDiffer, Severity: probes.Ticket, Where: p.Address.String(),
			Record:   probes.Quote(b.Subject, 100),
			Expected: "the certificate of " + first.Address.String() + ", until " + a.NotAfter.UTC().Format("2006-01-02"),
			Found:    "another one, until " + b.NotAfter.UTC().Format("2006-01-02"),
		})
	}
}
