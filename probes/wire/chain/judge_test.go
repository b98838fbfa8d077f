package chain_test

import (
	"crypto/tls"
	"crypto/x509"
	"slices"
	"testing"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/probetest"
	"watchpost.example/probes/wire/chain"
)

var policy = chain.Policy{Warn: 21 * 24 * time.Hour, Page: 3 * 24 * time.Hour}

func state(l probetest.Leaf) tls.ConnectionState {
	return tls.ConnectionState{PeerCertificates: l.Chain, Version: tls.VersionTLS13}
}

func first(j chain.Judgement) (probes.Verdict, probes.Reason) {
	if len(j.Faults) == 0 {
		return probes.Up, probes.OK
	}
	return j.Faults[0].Verdict, j.Faults[0].Reason
}

// The book remembers that a chain is good, and must forget it the moment a
// certificate of it ends, the leaf or the intermediate.
func TestTimePassesOverTheBook(t *testing.T) {
	ca, err := probetest.NewCA("Time")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	end := now.Add(100 * 24 * time.Hour)
	for _, c := range []struct {
		name        string
		leaf, inter time.Time
	}{
		{"leaf", end, end.AddDate(1, 0, 0)},
		{"intermediate", end.AddDate(0, 1, 0), end},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := ca.Issue(probetest.Spec{Names: []string{"portal.example"}, NotAfter: c.leaf, IntermediateNotAfter: c.inter})
			if err != nil {
				t.Fatal(err)
			}
			b := chain.NewBook(ca.Pool())
			last := end.Truncate(time.Second) // certificates know whole seconds
			for _, step := range []struct {
				at time.Time
				v  probes.Verdict
				r  probes.Reason
			}{
				{now, probes.Up, probes.OK},
				{now.Add(time.Minute), probes.Up, probes.OK},
				{last.Add(-10 * 24 * time.Hour), probes.Up, probes.TLSExpiring},
				{last, probes.Up, probes.TLSExpiring},
				{last.Add(time.Second), probes.Down, probes.TLSExpired},
				{last.Add(time.Hour), probes.Down, probes.TLSExpired},
				{now, probes.Up, probes.OK}, // a clock that was set back
				{now.AddDate(0, -3, 0), probes.Down, probes.TLSNotYet},
			} {
				if v, r := first(b.Judge(state(l), "portal.example", step.at, policy)); v != step.v || r != step.r {
					t.Errorf("at %s: %s %q, want %s %q", step.at.Sub(now), v, r, step.v, step.r)
				}
			}
		})
	}
}

// One chain serves many names; what is remembered of it is not the name.
func TestNameIsNotRemembered(t *testing.T) {
	ca, err := probetest.NewCA("Name")
	if err != nil {
		t.Fatal(err)
	}
	l, err := ca.Issue(probetest.Spec{Names: []string{"portal.example", "*.portal.example"}})
	if err != nil {
		t.Fatal(err)
	}
	b := chain.NewBook(ca.Pool())
	for name, want := range map[string]probes.Reason{
		"portal.example": probes.OK, "www.portal.example": probes.OK, "a.b.portal.example": probes.TLSHost, "other.example": probes.TLSHost, "": probes.OK,
	} {
		if _, r := first(b.Judge(state(l), name, time.Now(), policy)); r != want {
			t.Errorf("%q: %q, want %q", name, r, want)
		}
	}
	if _, r := first(chain.NewBook(x509.NewCertPool()).Judge(state(l), "portal.example", time.Now(), policy)); r != probes.TLSUntrusted {
		t.Errorf("a book without that root: %q", r)
	}
}

func TestUrgencyGrows(t *testing.T) {
	ca, err := probetest.NewCA("Urgency")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	day := 24 * time.Hour
	for _, c := range []struct {
		life, left time.Duration
		want       []probes.Severity
	}{
		{398 * day, 22 * day, nil},
		{398 * day, 20 * day, []probes.Severity{probes.Ticket}},
		{398 * day, 6 * day, []probes.Severity{probes.Today}},
		{398 * day, 2 * day, []probes.Severity{probes.PageNow}},
		{47 * day, 18 * day, nil}, // within 21 days, yet more than a third is left
		{47 * day, 15 * day, []probes.Severity{probes.Ticket}},
		{6 * day, 3 * day, nil},
		{6 * day, 36 * time.Hour, []probes.Severity{probes.Ticket}},
		{6 * day, 12 * time.Hour, []probes.Severity{probes.PageNow}},
	} {
		l, err := ca.Issue(probetest.Spec{Names: []string{"portal.example"}, NotBefore: now.Add(c.left - c.life), NotAfter: now.Add(c.left)})
		if err != nil {
			t.Fatal(err)
		}
		var got []probes.Severity
		for _, f := range chain.NewBook(ca.Pool()).Judge(state(l), "portal.example", now, policy).Faults {
			got = append(got, f.Severity)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("life %s, left %s: %v, want %v", c.life, c.left, got, c.want)
		}
	}
}

func TestOldProtocolForBrowsers(t *testing.T) {
	ca, err := probetest.NewCA("Old")
	if err != nil {
		t.Fatal(err)
	}
	l, err := ca.Issue(probetest.Spec{Names: []string{"portal.example"}})
	if err != nil {
		t.Fatal(err)
	}
	s := state(l)
	s.Version = tls.VersionTLS11
	p := policy
	for _, browser := range []bool{false, true} {
		p.Browser = browser
		want := probes.Degraded
		if browser {
			want = probes.Down
		}
		if v, r := first(chain.NewBook(ca.Pool()).Judge(s, "portal.example", time.Now(), p)); v != want || r != probes.TLSProtocol {
			t.Errorf("browser %v: %s %q", browser, v, r)
		}
	}
}

func FuzzJudge(f *testing.F) {
	ca, err := probetest.NewCA("Fuzz")
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []probetest.Spec{{}, {SelfSigned: true}, {SHA1: true}, {Reversed: true}, {RSABits: 1024, CommonNameOnly: true}} {
		s.Names = []string{"portal.example"}
		l, err := ca.Issue(s)
		if err != nil {
			f.Fatal(err)
		}
		var der []byte
		for _, c := range l.Chain {
			der = append(der, c.Raw...)
		}
		f.Add(der)
	}
	now := time.Now()
	b := chain.NewBook(ca.Pool())
	f.Fuzz(func(t *testing.T, der []byte) {
		certs, err := x509.ParseCertificates(der)
		if err != nil || len(certs) == 0 {
			return
		}
		j := b.Judge(tls.ConnectionState{PeerCertificates: certs}, "portal.example", now, policy)
		legal := probes.SharedReasons()
		for _, x := range j.Faults {
			if !slices.Contains(legal, x.Reason) {
				t.Errorf("reason %q", x.Reason)
			}
		}
		if v, ok := j.Facts.Get(probes.FactTLSLeafLifetimeFraction); !ok || v < 0 || v > 1 {
			t.Errorf("fraction %v %v", v, ok)
		}
	})
}
