package dns_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	mdns "github.com/miekg/dns"

	"watchpost.example/probes"
	"watchpost.example/probes/dns"
	"watchpost.example/probes/dns/dnslab"
	"watchpost.example/probes/probetest"
	"watchpost.example/probes/wire"
)

func prober(tb testing.TB, w *wire.Wire, set func(*dns.Settings)) probes.Prober {
	tb.Helper()
	s := dns.Kind(w).New().(*dns.Settings)
	set(s)
	if p := s.Problems(); len(p) > 0 {
		tb.Fatalf("problems: %+v", p)
	}
	p, err := s.Prober()
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func look(t *testing.T, p probes.Prober) probes.Observation {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 600*time.Millisecond)
	defer cancel()
	return p.Probe(ctx)
}

func TestContract(t *testing.T) {
	probetest.Contract(t, probetest.Subject{Kind: dns.Kind, Prober: func(tb testing.TB, w *wire.Wire, addr string) probes.Prober {
		tb.Helper()
		return prober(tb, w, func(s *dns.Settings) { s.Name, s.Server, s.Transport = "www.donvi.gov.vn", addr, "tcp" })
	}})
}

// server is a healthy authority for donvi.gov.vn, broken by a fault.
func server(t *testing.T, f dnslab.Fault, change ...func(*dnslab.Server)) string {
	t.Helper()
	w := dnslab.Healthy()
	w.Unit().Records = append(w.Unit().Records, `to.donvi.gov.vn. 60 IN TXT "`+strings.Repeat(strings.Repeat("x", 200)+`" "`, 12)+`"`)
	w.Build()
	s := w.Server("127.53.3.1")
	if f != nil {
		s.Faults = append(s.Faults, f)
	}
	for _, c := range change {
		c(s)
	}
	w.Start(t)
	return s.Addr.String()
}

func TestVerdicts(t *testing.T) {
	w := probetest.NewWire(t, nil)
	expect := func(match string, records ...string) func(*dns.Settings) {
		return func(s *dns.Settings) { s.Expect.Match, s.Expect.Records = match, records }
	}
	cases := []struct {
		name    string
		fault   dnslab.Fault
		set     func(*dns.Settings)
		verdict probes.Verdict
		reason  probes.Reason
	}{
		{"answers", nil, nil, probes.Up, ""},
		{"exact", nil, expect("exact", "127.99.0.1"), probes.Up, ""},
		{"another address", nil, expect("exact", "127.99.0.2"), probes.Down, probes.DNSAnswer},
		{"one too few", nil, expect("exact", "127.99.0.1", "127.99.0.2"), probes.Down, probes.DNSAnswer},
		{"subset", nil, expect("subset", "127.99.0.1", "127.99.0.2"), probes.Up, ""},
		{"regexp", nil, expect("regexp", `^127\.99\.`), probes.Up, ""},
		{"regexp misses", nil, expect("regexp", `^10\.`), probes.Down, probes.DNSAnswer},
		{"no such name", nil, func(s *dns.Settings) { s.Name = "khong.donvi.gov.vn" }, probes.Down, probes.DNSNXDomain},
		{"NXDOMAIN is meant", nil, func(s *dns.Settings) { s.Name, s.Expect.Rcode = "khong.donvi.gov.vn", "NXDOMAIN" }, probes.Up, ""},
		{"no such type", nil, func(s *dns.Settings) { s.Type = "AAAA" }, probes.Down, probes.DNSNoAddress},
		{"alias", nil, func(s *dns.Settings) { s.Name, s.Expect.Records = "cong.donvi.gov.vn", []string{"127.99.0.1"} }, probes.Up, ""},
		{"foreign zone", nil, func(s *dns.Settings) { s.Name = "example.com" }, probes.Down, probes.DNSRefused},
		{"large answer", nil, func(s *dns.Settings) { s.Name, s.Type = "to.donvi.gov.vn", "TXT" }, probes.Up, ""},
		{"large answer, UDP only", nil, func(s *dns.Settings) { s.Name, s.Type, s.Transport = "to.donvi.gov.vn", "TXT", "udp" }, probes.Down, probes.DNSTruncated},
		{"serial", nil, func(s *dns.Settings) { s.Name, s.Type = "donvi.gov.vn", "SOA" }, probes.Up, ""},
		{"authority", nil, func(s *dns.Settings) { s.Expect.Authoritative = true }, probes.Up, ""},
		{"no authority", func(x *dnslab.Exchange) { x.Reply.Authoritative = false }, func(s *dns.Settings) { s.Expect.Authoritative = true }, probes.Down, probes.DNSAnswer},
		{"servfail", func(x *dnslab.Exchange) { x.Reply.Rcode = mdns.RcodeServerFailure }, nil, probes.Down, probes.DNSServFail},
		{"notimp", func(x *dnslab.Exchange) { x.Reply.Rcode = mdns.RcodeNotImplemented }, nil, probes.Down, probes.DNSRcode},
		{"silent", func(x *dnslab.Exchange) { x.Raw = [][]byte{} }, nil, probes.Down, probes.DNSTimeout},
		{"garbage", func(x *dnslab.Exchange) { x.Raw = [][]byte{[]byte("\x00\x00garbage garbage")} }, nil, probes.Down, probes.DNSGarbage},
		{"wrong id", func(x *dnslab.Exchange) { x.Reply.Id++ }, nil, probes.Down, probes.DNSGarbage},
		{"wrong question", func(x *dnslab.Exchange) { x.Reply.Question[0].Name = "evil.example." }, nil, probes.Down, probes.DNSGarbage},
		{"huge", huge, nil, probes.Down, probes.DNSAnswer},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			at := server(t, c.fault)
			o := look(t, prober(t, w, func(s *dns.Settings) {
				s.Name, s.Server, s.Recursion = "www.donvi.gov.vn", at, false
				if c.set != nil {
					c.set(s)
				}
				if c.name == "huge" {
					s.Expect.Records = []string{"127.99.0.1"}
				}
			}))
			if o.Verdict != c.verdict || o.Reason != c.reason {
				t.Errorf("%s %q (%s), want %s %q", o.Verdict, o.Reason, o.Detail, c.verdict, c.reason)
			}
			probetest.Check(t, dns.Kind(w), o)
			if v, ok := o.Facts.Get(probes.FactDNSSerial); c.name == "serial" && (!ok || v != 1) {
				t.Errorf("serial %v %v", v, ok)
			}
		})
	}
}

// huge answers with 1,500 records over TCP.
func huge(x *dnslab.Exchange) {
	for i := range 1500 {
		x.Reply.Answer = append(x.Reply.Answer, dnslab.RR(fmt.Sprintf("www.donvi.gov.vn. 60 IN A 10.0.%d.%d", i/250, i%250)))
	}
}

func TestEachAddressIsAsked(t *testing.T) {
	d := probetest.StartDNS(t)
	w := probetest.NewWire(t, d)
	lab := dnslab.Healthy()
	lab.Build()
	lab.Server("127.53.3.2").Faults = []dnslab.Fault{func(x *dnslab.Exchange) { x.Raw = [][]byte{} }}
	lab.Start(t)
	d.Set("ns.donvi.example", lab.Server("127.53.3.1").Addr.Addr(), lab.Server("127.53.3.2").Addr.Addr())
	for _, all := range []bool{false, true} {
		o := look(t, prober(t, w, func(s *dns.Settings) {
			s.Name, s.Server, s.RequireAll = "www.donvi.gov.vn", fmt.Sprintf("ns.donvi.example:%d", lab.Port), all
		}))
		want := probes.Degraded
		if all {
			want = probes.Down
		}
		if o.Verdict != want || len(o.Parts) != 2 {
			t.Errorf("require_all %v: %s with %d parts: %s", all, o.Verdict, len(o.Parts), o.Detail)
		}
	}
}

func TestProblems(t *testing.T) {
	s := dns.Kind(probetest.NewWire(t, nil)).New().(*dns.Settings)
	s.Name, s.Type, s.Server, s.Transport, s.Expect.Rcode, s.Expect.Match = "a..b", "QUAD", "x:y:z", "quic", "NOPE", "about"
	got := s.Problems()
	if len(got) != 6 {
		t.Errorf("%d problems, want 6: %+v", len(got), got)
	}
	s = dns.Kind(probetest.NewWire(t, nil)).New().(*dns.Settings)
	s.Name, s.Expect.Records = "a.example", []string{"300.1.1.1"}
	if got := s.Problems(); len(got) != 1 || got[0].Field != "expect.records" {
		t.Errorf("%+v", got)
	}
}
