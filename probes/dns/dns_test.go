package dns_test

import (
	"context"
	"fmt"
	"net"
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
	return probetest.Prober(tb, dns.Kind(w), set)
}

func look(t *testing.T, p probes.Prober) probes.Observation {
	t.Helper()
	return probetest.Look(t, p, 600*time.Millisecond)
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
	w.Unit().Records = append(w.Unit().Records, `spf.donvi.gov.vn. 60 IN TXT "v=spf1" " -all"`,
		"thu.donvi.gov.vn. 60 IN MX 10 xn--th-e0a.donvi.gov.vn.", "xn--th-e0a.donvi.gov.vn. 60 IN A 127.99.0.3")
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
	expect := func(match string, answers ...string) func(*dns.Settings) {
		return func(s *dns.Settings) { s.Expect.Match, s.Expect.Answers = match, answers }
	}
	asks := func(name, typ string, change ...func(*dns.Expect)) func(*dns.Settings) {
		return func(s *dns.Settings) {
			s.Name, s.Type = name, typ
			for _, c := range change {
				c(&s.Expect)
			}
		}
	}
	pattern := func(match, re string) func(*dns.Settings) {
		return func(s *dns.Settings) { s.Expect.Match, s.Expect.Regexp = match, re }
	}
	atLeast := func(n int) func(*dns.Expect) { return func(e *dns.Expect) { e.MinAnswers = n } }
	answers := func(l ...string) func(*dns.Expect) { return func(e *dns.Expect) { e.Answers = l } }
	two := func(x *dnslab.Exchange) {
		if x.Name == "www.donvi.gov.vn." {
			x.Reply.Answer = append(x.Reply.Answer, dnslab.RR("www.donvi.gov.vn. 60 IN A 127.99.0.9"))
		}
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
		{"exact, one too few", nil, expect("exact", "127.99.0.1", "127.99.0.2"), probes.Down, probes.DNSAnswer},
		{"exact, one too many", two, expect("exact", "127.99.0.1"), probes.Down, probes.DNSAnswer},
		{"exact, in another order", two, expect("exact", "127.99.0.9", "127.99.0.1"), probes.Up, ""},
		{"subset", nil, expect("subset", "127.99.0.1", "127.99.0.2"), probes.Up, ""},
		{"subset, a stranger", two, expect("subset", "127.99.0.1", "127.99.0.2"), probes.Down, probes.DNSAnswer},
		{"superset", two, expect("superset", "127.99.0.1"), probes.Up, ""},
		{"superset, one missing", two, expect("superset", "127.99.0.1", "127.99.0.2"), probes.Down, probes.DNSAnswer},
		{"any", two, expect("any", "127.99.0.9", "127.99.0.2"), probes.Up, ""},
		{"any, none", two, expect("any", "127.99.0.2"), probes.Down, probes.DNSAnswer},
		{"regexp", nil, pattern("exact", `^127\.99\.`), probes.Up, ""},
		{"regexp misses", nil, pattern("exact", `^10\.`), probes.Down, probes.DNSAnswer},
		{"regexp, one of two", two, pattern("exact", `\.9$`), probes.Down, probes.DNSAnswer},
		{"regexp, one is enough", two, pattern("any", `\.9$`), probes.Up, ""},
		{"enough", two, asks("www.donvi.gov.vn", "A", atLeast(2)), probes.Up, ""},
		{"not enough", nil, asks("www.donvi.gov.vn", "A", atLeast(2)), probes.Down, probes.DNSAnswer},
		{"empty is meant", nil, asks("www.donvi.gov.vn", "AAAA", atLeast(0)), probes.Up, ""},
		{"text without quotation marks", nil, asks("spf.donvi.gov.vn", "TXT", answers("v=spf1 -all")), probes.Up, ""},
		{"text in pieces", nil, asks("spf.donvi.gov.vn", "TXT", answers(`"v=sp" "f1 -all"`)), probes.Up, ""},
		{"international data", nil, asks("thu.donvi.gov.vn", "MX", answers("10 thư.donvi.gov.vn")), probes.Up, ""},
		{"international name", nil, asks("thư.donvi.gov.vn", "A"), probes.Up, ""},
		{"strange records beside", func(x *dnslab.Exchange) {
			x.Reply.Answer = append(x.Reply.Answer, dnslab.RR("evil.example. 60 IN A 127.99.0.66"))
		}, expect("exact", "127.99.0.1"), probes.Up, ""},
		{"alias loop", func(x *dnslab.Exchange) {
			x.Reply.Answer = []mdns.RR{dnslab.RR("www.donvi.gov.vn. 60 IN CNAME a.donvi.gov.vn."), dnslab.RR("a.donvi.gov.vn. 60 IN CNAME www.donvi.gov.vn.")}
		}, nil, probes.Down, probes.DNSNoAddress},
		{"before EDNS", func(x *dnslab.Exchange) {
			if x.Query.IsEdns0() != nil {
				x.Reply = &mdns.Msg{MsgHdr: mdns.MsgHdr{Id: x.Query.Id, Response: true, Rcode: mdns.RcodeFormatError}}
			}
		}, nil, probes.Up, ""},
		{"another case of letters over UDP, the truth over TCP", func(x *dnslab.Exchange) {
			if !x.TCP {
				x.Reply.Question[0].Name = x.Name
				x.Reply.Answer = []mdns.RR{dnslab.RR("www.donvi.gov.vn. 60 IN A 127.99.0.66")}
			}
		}, expect("exact", "127.99.0.1"), probes.Up, ""},
		{"no such name", nil, func(s *dns.Settings) { s.Name = "khong.donvi.gov.vn" }, probes.Down, probes.DNSNXDomain},
		{"NXDOMAIN is meant", nil, func(s *dns.Settings) { s.Name, s.Expect.Rcode = "khong.donvi.gov.vn", "NXDOMAIN" }, probes.Up, ""},
		{"no such type", nil, func(s *dns.Settings) { s.Type = "AAAA" }, probes.Down, probes.DNSNoAddress},
		{"alias", nil, func(s *dns.Settings) { s.Name, s.Expect.Answers = "cong.donvi.gov.vn", []string{"127.99.0.1"} }, probes.Up, ""},
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
					s.Expect.Answers = []string{"127.99.0.1"}
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

// Two addresses of one server with different serials: each answers rightly, and
// the one that stays behind is a finding.
func TestSerialLag(t *testing.T) {
	d := probetest.StartDNS(t)
	lab := dnslab.Healthy()
	lab.Build()
	lab.Server("127.53.3.2").Faults = []dnslab.Fault{func(x *dnslab.Exchange) {
		for _, rr := range x.Reply.Answer {
			if soa, ok := rr.(*mdns.SOA); ok {
				soa.Serial = 4294967290 // older than 1 (RFC 1982)
			}
		}
	}}
	lab.Start(t)
	d.Set("ns.donvi.example", lab.Server("127.53.3.1").Addr.Addr(), lab.Server("127.53.3.2").Addr.Addr())
	o := look(t, prober(t, probetest.NewWire(t, d), func(s *dns.Settings) {
		s.Server = fmt.Sprintf("ns.donvi.example:%d", lab.Port)
		s.SetTarget("dns://donvi.gov.vn")
	}))
	if o.Verdict != probes.Up || len(o.Findings) != 1 || o.Findings[0].Reason != probes.DNSSerialLag || o.Findings[0].Where != lab.Server("127.53.3.2").Addr.String() {
		t.Errorf("%s with %+v", o.Verdict, o.Findings)
	}
	for i, want := range []float64{1, 4294967290} {
		if v, ok := o.Parts[i].Facts.Get(probes.FactDNSSerial); !ok || v != want {
			t.Errorf("%s: serial %v %v", o.Parts[i].Address, v, ok)
		}
	}
}

// What a Part says: phases, facts, records and, on failure, the message.
func TestWhatIsKept(t *testing.T) {
	w := probetest.NewWire(t, nil)
	at := server(t, func(x *dnslab.Exchange) {
		x.Reply.Answer = append(x.Reply.Answer, dnslab.RR(`www.donvi.gov.vn. 60 IN TXT "\027[31mred\010line"`))
	})
	for _, transport := range []string{"udp", "tcp"} {
		o := look(t, prober(t, w, func(s *dns.Settings) {
			s.Name, s.Server, s.Transport, s.Expect.Answers = "www.donvi.gov.vn", at, transport, []string{"127.99.0.2"}
		}))
		p := o.Parts[0]
		if p.Phases[probes.Connect] <= 0 || p.Phases[probes.Processing] <= 0 {
			t.Errorf("%s: phases %v", transport, p.Phases)
		}
		for name, want := range map[probes.FactName]float64{
			probes.FactDNSQuerySuccess: 1, probes.FactDNSRcode: 0, probes.FactDNSAnswerRRs: 2, probes.FactDNSAdditionalRRs: 0, probes.FactIPProtocol: 4,
		} {
			if v, ok := p.Facts.Get(name); !ok || v != want {
				t.Errorf("%s: fact %v is %v %v, want %v", transport, name, v, ok, want)
			}
		}
		if len(p.Answers) != 2 || p.Answers[0] != "www.donvi.gov.vn. 300 IN A 127.99.0.1" {
			t.Errorf("%s: answers %q", transport, p.Answers)
		}
		if len(o.Evidence) != 1 || !strings.Contains(string(o.Evidence[0].Bytes), "127.99.0.1") || strings.ContainsAny(string(o.Evidence[0].Bytes), "\x1b\t\r") {
			t.Errorf("%s: evidence %+v", transport, o.Evidence)
		}
		if want := `found "127.99.0.1" instead of "127.99.0.2"`; o.Detail != want {
			t.Errorf("%s: detail %s", transport, o.Detail)
		}
	}
}

// A forger's datagram before the answer changes nothing and is told.
func TestForgeryIsAFinding(t *testing.T) {
	at := server(t, func(x *dnslab.Exchange) {
		forged := x.Reply.Copy()
		forged.Id++
		forged.Answer = []mdns.RR{dnslab.RR("www.donvi.gov.vn. 60 IN A 127.99.0.66")}
		for _, m := range []*mdns.Msg{forged, x.Reply} {
			b, err := m.Pack()
			if err != nil {
				panic(err)
			}
			x.Raw = append(x.Raw, b)
		}
	})
	o := look(t, prober(t, probetest.NewWire(t, nil), func(s *dns.Settings) {
		s.Name, s.Server, s.Expect.Answers = "www.donvi.gov.vn", at, []string{"127.99.0.1"}
	}))
	if o.Verdict != probes.Up || len(o.Findings) != 1 || o.Findings[0].Reason != probes.DNSGarbage || o.Findings[0].Where != at {
		t.Errorf("%s (%s) with %+v", o.Verdict, o.Detail, o.Findings)
	}
}

func TestProblems(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(s *dns.Settings)
		want string // the fields
	}{
		"all at once": {func(s *dns.Settings) {
			s.Name, s.Type, s.Server, s.Transport, s.Expect.Rcode, s.Expect.Match, s.Expect.Regexp, s.Expect.MinAnswers = "a..b", "QUAD", "x:y:z", "quic", "NOPE", "about", "(", -1
		}, "name type server transport expect.rcode expect.match expect.regexp expect.min_answers"},
		"no address": {func(s *dns.Settings) {
			s.Expect.Answers = []string{"192.0.2.1", "300.1.1.1", "", "192.0.2.1\n$INCLUDE /etc/passwd"}
		}, "expect.answers[1] expect.answers[2] expect.answers[3]"},
		"name is address":   {func(s *dns.Settings) { s.Name = "192.0.2.1" }, "name"},
		"a URL":             {func(s *dns.Settings) { s.Name = "https://a.example/" }, "name"},
		"meta type":         {func(s *dns.Settings) { s.Type = "AXFR" }, "type"},
		"type ANY":          {func(s *dns.Settings) { s.Type = "ANY" }, "type"},
		"impossible":        {func(s *dns.Settings) { s.Expect.Answers, s.Expect.MinAnswers = []string{"192.0.2.1"}, 2 }, "expect.min_answers"},
		"contradiction":     {func(s *dns.Settings) { s.Expect.Rcode, s.Expect.Regexp = "NXDOMAIN", "." }, "expect.rcode"},
		"server":            {func(s *dns.Settings) { s.Server = "ns1.example:0" }, "server"},
		"none":              {func(s *dns.Settings) { s.Server = "2001:db8::53" }, ""},
		"none, in brackets": {func(s *dns.Settings) { s.Server = "[2001:db8::53]" }, ""},
		"none, the root":    {func(s *dns.Settings) { s.Name, s.Type = ".", "ns" }, ""},
	} {
		s := dns.Kind(probetest.NewWire(t, nil)).New().(*dns.Settings)
		s.Name = "a.example"
		c.set(s)
		var fields []string
		for _, p := range s.Problems() {
			fields = append(fields, p.Field)
		}
		if got := strings.Join(fields, " "); got != c.want {
			t.Errorf("%s: problems with %q, want %q", name, got, c.want)
		}
	}
}

func TestTarget(t *testing.T) {
	for target, want := range map[string]string{
		"dns://donvi.example": "donvi.example SOA", "https://portal.example:8443/x": "portal.example A", "dns://đơnvị.example": "xn--nv-pma09cu08i.example SOA",
	} {
		s := dns.Kind(probetest.NewWire(t, nil)).New().(*dns.Settings)
		s.SetTarget(target)
		if got := s.Instance(); len(s.Problems()) > 0 || got != want {
			t.Errorf("%s gives %q, want %q; %+v", target, got, want, s.Problems())
		}
		s.SetTarget("dns://other.example")
		if got := s.Instance(); got != want {
			t.Errorf("an explicit name gave way: %q", got)
		}
	}
}

func BenchmarkProbe(b *testing.B) {
	at := quick(b)
	p := prober(b, probetest.NewWire(b, nil), func(s *dns.Settings) {
		s.Name, s.Server, s.Expect.Answers = "www.bench.example", at, []string{"192.0.2.1"}
	})
	for b.Loop() {
		ctx, cancel := context.WithTimeout(b.Context(), time.Second)
		if o := p.Probe(ctx); o.Verdict != probes.Up {
			b.Fatal(o.Detail)
		}
		cancel()
	}
}

// BenchmarkBare is the protocol alone: one question and its answer.
func BenchmarkBare(b *testing.B) {
	at := quick(b)
	for b.Loop() {
		if _, err := mdns.Exchange(new(mdns.Msg).SetQuestion("www.bench.example.", mdns.TypeA), at); err != nil {
			b.Fatal(err)
		}
	}
}

// quick is a server that answers every question with one address.
func quick(b *testing.B) string {
	b.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	up := make(chan struct{})
	s := &mdns.Server{PacketConn: pc, NotifyStartedFunc: func() { close(up) }, Handler: mdns.HandlerFunc(func(w mdns.ResponseWriter, q *mdns.Msg) {
		m := new(mdns.Msg).SetReply(q)
		m.Answer = []mdns.RR{&mdns.A{Hdr: mdns.RR_Header{Name: q.Question[0].Name, Rrtype: mdns.TypeA, Class: mdns.ClassINET, Ttl: 60}, A: net.IPv4(192, 0, 2, 1)}}
		_ = w.WriteMsg(m) // the client fails
	})}
	go func() { _ = s.ActivateAndServe() }() // ends by Shutdown
	<-up
	b.Cleanup(func() { _ = s.Shutdown() }) // nothing is waiting
	return pc.LocalAddr().String()
}
