package tls_test

import (
	"context"
	stdtls "crypto/tls"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/probetest"
	"watchpost.example/probes/tls"
	"watchpost.example/probes/wire"
)

func prober(tb testing.TB, w *wire.Wire, set func(*tls.Settings)) probes.Prober {
	tb.Helper()
	return probetest.Prober(tb, tls.Kind(w), set)
}

func look(tb testing.TB, p probes.Prober) probes.Observation {
	tb.Helper()
	return probetest.Look(tb, p, 2*time.Second)
}

func newCA(tb testing.TB) *probetest.CA {
	tb.Helper()
	ca, err := probetest.NewCA("TLS")
	if err != nil {
		tb.Fatal(err)
	}
	return ca
}

func issue(tb testing.TB, ca *probetest.CA, s probetest.Spec) probetest.Leaf {
	tb.Helper()
	l, err := ca.Issue(s)
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

func serve(tb testing.TB, addr string, l probetest.Leaf) *probetest.Server {
	tb.Helper()
	s, err := probetest.ServeTLS(addr, func(string) probetest.Leaf { return l }, func(net.Conn, <-chan struct{}) {})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

func trusting(tb testing.TB, ca *probetest.CA, d *probetest.DNS) *wire.Wire {
	tb.Helper()
	return probetest.NewWire(tb, d, func(o *wire.Options) { o.Roots = ca.Pool() })
}

func TestContract(t *testing.T) {
	for _, proto := range []string{"", "smtp", "mysql", "ldap", "xmpp"} { // the shapes: lines, frames, BER, XML
		t.Run("starttls "+proto, func(t *testing.T) {
			probetest.Contract(t, probetest.Subject{Kind: tls.Kind, Prober: func(tb testing.TB, w *wire.Wire, addr string) probes.Prober {
				tb.Helper()
				return prober(tb, w, func(s *tls.Settings) { s.Address, s.StartTLS = addr, proto })
			}})
		})
	}
}

func TestFaultsAreToldApart(t *testing.T) {
	ca, other := newCA(t), newCA(t)
	now := time.Now()
	good := func(change func(*probetest.Spec)) probetest.Spec {
		s := probetest.Spec{Names: []string{"127.0.0.1", "portal.example"}}
		change(&s)
		return s
	}
	for _, c := range []struct {
		name     string
		from     *probetest.CA
		spec     probetest.Spec
		v        probes.Verdict
		r        probes.Reason
		findings []probes.Reason
	}{
		{"good", ca, good(func(*probetest.Spec) {}), probes.Up, probes.OK, nil},
		{"good RSA", ca, good(func(s *probetest.Spec) { s.RSABits = 2048 }), probes.Up, probes.OK, nil},
		{"expired", ca, good(func(s *probetest.Spec) { s.NotBefore, s.NotAfter = now.AddDate(0, -4, 0), now.AddDate(0, 0, -3) }), probes.Down, probes.TLSExpired, nil},
		{"not yet", ca, good(func(s *probetest.Spec) { s.NotBefore, s.NotAfter = now.AddDate(0, 0, 1), now.AddDate(0, 4, 0) }), probes.Down, probes.TLSNotYet, nil},
		{"other host", ca, probetest.Spec{Names: []string{"other.example"}}, probes.Down, probes.TLSHost, nil},
		{"common name only", ca, probetest.Spec{Names: []string{"127.0.0.1"}, CommonNameOnly: true}, probes.Down, probes.TLSHost, nil},
		{"self-signed", ca, good(func(s *probetest.Spec) { s.SelfSigned = true }), probes.Down, probes.TLSSelfSigned, nil},
		{"unknown root", other, good(func(*probetest.Spec) {}), probes.Down, probes.TLSUntrusted, nil},
		{"unknown root, presented", other, good(func(s *probetest.Spec) { s.WithRoot = true }), probes.Down, probes.TLSUntrusted, nil},
		{"intermediate missing", ca, good(func(s *probetest.Spec) { s.WithoutIntermediate = true }), probes.Degraded, probes.TLSChain, nil},
		{"reversed", ca, good(func(s *probetest.Spec) { s.Reversed = true }), probes.Down, probes.TLSChainOrder, nil},
		{"weak key", ca, good(func(s *probetest.Spec) { s.RSABits = 1024 }), probes.Degraded, probes.TLSWeakKey, nil},
		{"SHA-1", ca, good(func(s *probetest.Spec) { s.SHA1 = true }), probes.Down, probes.TLSWeakSig, nil},
		{"10000 names", ca, good(func(s *probetest.Spec) {
			for i := range 10000 {
				s.Names = append(s.Names, "n"+strconv.Itoa(i)+".portal.example")
			}
		}), probes.Up, probes.OK, nil},
		{"ends soon", ca, good(func(s *probetest.Spec) { s.NotBefore, s.NotAfter = now.AddDate(0, -3, 0), now.AddDate(0, 0, 10) }), probes.Up, probes.OK, []probes.Reason{probes.TLSExpiring}},
		{"short life, fresh", ca, good(func(s *probetest.Spec) { s.NotBefore, s.NotAfter = now.AddDate(0, 0, -1), now.AddDate(0, 0, 5) }), probes.Up, probes.OK, nil},
		{"short life, old", ca, good(func(s *probetest.Spec) { s.NotBefore, s.NotAfter = now.AddDate(0, 0, -5), now.AddDate(0, 0, 1) }), probes.Up, probes.OK, []probes.Reason{probes.TLSExpiring}},
		{"intermediate ends soon", ca, good(func(s *probetest.Spec) { s.IntermediateNotAfter = now.AddDate(0, 0, 9) }), probes.Up, probes.OK, []probes.Reason{probes.TLSExpiring}},
		{"intermediate expired", ca, good(func(s *probetest.Spec) { s.IntermediateNotAfter = now.AddDate(0, 0, -9) }), probes.Down, probes.TLSExpired, nil},
		{"expired, other host, weak", ca, probetest.Spec{Names: []string{"other.example"}, NotBefore: now.AddDate(0, -4, 0), NotAfter: now.AddDate(0, 0, -3), RSABits: 1024}, probes.Down, probes.TLSExpired, []probes.Reason{probes.TLSHost, probes.TLSWeakKey}},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := serve(t, "127.0.0.1:0", issue(t, c.from, c.spec))
			w := trusting(t, ca, nil)
			p := prober(t, w, func(s *tls.Settings) { s.Address = srv.Addr() })
			for range 2 { // the second look is from the book
				o := look(t, p)
				if o.Verdict != c.v || o.Reason != c.r {
					t.Errorf("%s %q (%s), want %s %q", o.Verdict, o.Reason, o.Detail, c.v, c.r)
				}
				var got []probes.Reason
				for _, f := range o.Findings {
					got = append(got, f.Reason)
				}
				if !slices.Equal(got, c.findings) {
					t.Errorf("findings %q, want %q", got, c.findings)
				}
				for _, f := range []probes.FactName{probes.FactTLSVersion, probes.FactTLSEarliestExpiry, probes.FactTLSLeafNotAfter, probes.FactTLSLeafNotBefore, probes.FactTLSLeafLifetimeFraction} {
					if _, ok := o.Facts.Get(f); !ok {
						t.Errorf("fact %d is missing", f)
					}
				}
				if v, ok := o.Facts.Get(probes.FactTLSLastChainExpiry); ok && v < 0 {
					t.Errorf("last chain expiry %v", v)
				}
				if (c.r != probes.OK || c.findings != nil) != (len(o.Evidence) == 1) {
					t.Errorf("%d pieces of evidence", len(o.Evidence))
				}
				probetest.Check(t, tls.Kind(w), o)
			}
		})
	}
}

func TestRootsFile(t *testing.T) {
	ca := newCA(t)
	srv := serve(t, "127.0.0.1:0", issue(t, ca, probetest.Spec{Names: []string{"127.0.0.1"}}))
	w := probetest.NewWire(t, nil)
	path := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(path, ca.RootPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	if o := look(t, prober(t, w, func(s *tls.Settings) { s.Address, s.RootsFile = srv.Addr(), path })); o.Verdict != probes.Up {
		t.Errorf("with the root: %s %s", o.Reason, o.Detail)
	}
	if o := look(t, prober(t, w, func(s *tls.Settings) { s.Address = srv.Addr() })); o.Verdict != probes.Down {
		t.Errorf("without the root: %s %s", o.Verdict, o.Reason)
	}
}

func TestCertificatesDiffer(t *testing.T) {
	ca, d := newCA(t), probetest.StartDNS(t)
	first := serve(t, "127.0.0.1:0", issue(t, ca, probetest.Spec{Names: []string{"portal.example"}}))
	port := strconv.Itoa(int(first.AddrPort().Port()))
	serve(t, "127.0.0.2:"+port, issue(t, ca, probetest.Spec{Names: []string{"portal.example"}, NotAfter: time.Now().AddDate(0, 0, -1)}))
	probetest.TwoAddresses(d, "portal.example")
	o := look(t, prober(t, trusting(t, ca, d), func(s *tls.Settings) { s.Address = "portal.example:" + port }))
	if o.Verdict != probes.Degraded || o.Reason != probes.PartlyDown {
		t.Errorf("%s %q (%s)", o.Verdict, o.Reason, o.Detail)
	}
	if !slices.ContainsFunc(o.Findings, func(f probes.Finding) bool {
		return f.Reason == probes.TLSCertsDiffer && f.Where == "127.0.0.2:"+port
	}) {
		t.Errorf("findings %+v", o.Findings)
	}
}

// Two checks with different names on one server keep their own SNI.
func TestNamesDoNotMix(t *testing.T) {
	ca := newCA(t)
	leaves := map[string]probetest.Leaf{}
	for _, n := range []string{"a.example", "b.example"} {
		leaves[n] = issue(t, ca, probetest.Spec{Names: []string{n}})
	}
	srv, err := probetest.ServeTLS("127.0.0.1:0", func(name string) probetest.Leaf { return leaves[name] }, func(net.Conn, <-chan struct{}) {})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = srv.Close() }()
	w := trusting(t, ca, nil)
	var wg sync.WaitGroup
	for n := range leaves {
		p := prober(t, w, func(s *tls.Settings) { s.Address, s.ServerName = srv.Addr(), n })
		for range 20 {
			wg.Go(func() {
				if o := look(t, p); o.Verdict != probes.Up || o.Parts[0].Certificates[0].Names[0] != n {
					t.Errorf("%s: %s (%s)", n, o.Reason, o.Detail)
				}
			})
		}
	}
	wg.Wait()
}

func TestNotTLS(t *testing.T) {
	want := map[string]probes.Reason{
		"speaks HTTP on a TLS port":         probes.TLSPlaintext,
		"refuses TLS by alert":              probes.TLSLegacyOnly,
		"accepts and says nothing":          probes.TLSTimeout,
		"drips TLS":                         probes.TLSTimeout,
		"closes at once":                    probes.TLSHandshake,
		"sends garbage":                     probes.TLSHandshake,
		"sends garbage after the TLS hello": probes.TLSHandshake,
	}
	w := probetest.NewWire(t, nil)
	for _, m := range probetest.Misbehaviours() {
		r, ok := want[m.Name]
		if !ok {
			continue
		}
		t.Run(m.Name, func(t *testing.T) {
			srv := probetest.Start(t, m.Handle)
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if o := prober(t, w, func(s *tls.Settings) { s.Address = srv.Addr() }).Probe(ctx); o.Reason != r || o.Verdict != probes.Down {
				t.Errorf("%s %q (%s), want %q", o.Verdict, o.Reason, o.Detail, r)
			}
		})
	}
}

func TestOldProtocol(t *testing.T) {
	ca := newCA(t)
	leaf := issue(t, ca, probetest.Spec{Names: []string{"127.0.0.1"}, RSABits: 2048})
	srv := probetest.Start(t, func(c net.Conn, _ <-chan struct{}) {
		s := stdtls.Server(c, &stdtls.Config{Certificates: []stdtls.Certificate{leaf.TLS()}, MinVersion: stdtls.VersionTLS10, MaxVersion: stdtls.VersionTLS10, CipherSuites: []uint16{stdtls.TLS_RSA_WITH_AES_128_CBC_SHA}}) // the old server that is wanted
		_ = s.Handshake()                                                                                                                                                                                                    // the prober closes after it
	})
	o := look(t, prober(t, trusting(t, ca, nil), func(s *tls.Settings) { s.Address = srv.Addr() }))
	if o.Verdict != probes.Degraded || o.Reason != probes.TLSProtocol {
		t.Errorf("%s %q (%s)", o.Verdict, o.Reason, o.Detail)
	}
}

func TestProblemsAreAllTold(t *testing.T) {
	s := tls.Kind(probetest.NewWire(t, nil)).New().(*tls.Settings)
	s.Address, s.StartTLS, s.RootsFile, s.Page = "portal.example", "smpt", "/nonexistent.pem", s.Warn+1
	var fields []string
	for _, p := range s.Problems() {
		fields = append(fields, p.Field)
	}
	if want := []string{"starttls", "roots_file", "page"}; !slices.Equal(fields, want) {
		t.Errorf("got %q, want %q", fields, want)
	}
}

func BenchmarkProbe(b *testing.B) {
	ca := newCA(b)
	srv := serve(b, "127.0.0.1:0", issue(b, ca, probetest.Spec{Names: []string{"127.0.0.1"}}))
	p := prober(b, trusting(b, ca, nil), func(s *tls.Settings) { s.Address = srv.Addr() })
	for b.Loop() {
		if o := look(b, p); o.Verdict != probes.Up {
			b.Fatal(o.Detail)
		}
	}
}

// BenchmarkBare is the protocol alone: connect, shake hands, verify, close.
func BenchmarkBare(b *testing.B) {
	ca := newCA(b)
	srv := serve(b, "127.0.0.1:0", issue(b, ca, probetest.Spec{Names: []string{"127.0.0.1"}}))
	cfg := &stdtls.Config{RootCAs: ca.Pool(), ServerName: "127.0.0.1", MinVersion: stdtls.VersionTLS12}
	for b.Loop() {
		c, err := net.DialTimeout("tcp", srv.Addr(), time.Second)
		if err != nil {
			b.Fatal(err)
		}
		if err := stdtls.Client(c, cfg).Handshake(); err != nil {
			b.Fatal(err)
		}
		_ = c.Close()
	}
}
