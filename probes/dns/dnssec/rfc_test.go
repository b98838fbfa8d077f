package dnssec_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"watchpost.example/probes/dns/dnslab"
	"watchpost.example/probes/dns/dnssec"
)

// The example zone of RFC 4035 appendix A and RFC 5155 appendix A, names and
// types as there, signed anew: the keys of 2004 and 2008 are too short for
// anybody, and the RFCs' own records run in TestUnboundScenarios.
const rfcZone = `
example. 3600 IN SOA ns1.example. bugs.x.w.example. 1 3600 300 3600000 3600
example. 3600 IN NS ns1.example.
example. 3600 IN NS ns2.example.
example. 3600 IN MX 1 xx.example.
a.example. 3600 IN NS ns1.a.example.
a.example. 3600 IN DS 58470 5 1 3079F1593EBAD6DC121E202A8B766A6A4837206C
ns1.a.example. 3600 IN A 192.0.2.5
ai.example. 3600 IN A 192.0.2.9
ai.example. 3600 IN HINFO "KLH-10" "ITS"
ai.example. 3600 IN AAAA 2001:db8::f00:baa9
ns1.example. 3600 IN A 192.0.2.1
ns2.example. 3600 IN A 192.0.2.2
*.w.example. 3600 IN MX 1 ai.example.
x.w.example. 3600 IN MX 1 xx.example.
x.y.w.example. 3600 IN MX 1 xx.example.
xx.example. 3600 IN A 192.0.2.10
xx.example. 3600 IN HINFO "KLH-10" "TOPS-20"
xx.example. 3600 IN AAAA 2001:db8::f00:baaa
`

var rfcNow = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// rfcServer serves the zone and gives the keys that the chain would trust.
func rfcServer(n3 *dnslab.NSEC3, more ...string) (*dnslab.Server, *dnslab.Data, []*dns.DNSKEY) {
	d := &dnslab.Data{Name: "example."}
	for line := range strings.Lines(rfcZone) {
		if line = strings.TrimSpace(line); line != "" {
			d.Add(line)
		}
	}
	d.Add(more...)
	keys := []*dnslab.Key{dnslab.NewKey("example.", 13, true), dnslab.NewKey("example.", 13, false)}
	d.Sign(keys, n3, dnslab.Life{From: rfcNow.Add(-time.Hour), Until: rfcNow.Add(time.Hour)})
	return &dnslab.Server{Zones: map[string]*dnslab.Data{"example.": d}}, d, []*dns.DNSKEY{keys[0].DNSKEY, keys[1].DNSKEY}
}

type rfcCase struct {
	section string
	name    string
	qtype   uint16
	child   string // a referral: what is asked of its DS
	rcode   int
	status  dnssec.Status
	cause   dnssec.Cause
}

func (c rfcCase) run(t *testing.T, s *dnslab.Server, keys []*dns.DNSKEY) {
	t.Helper()
	q := new(dns.Msg).SetQuestion(c.name, c.qtype)
	q.SetEdns0(1232, true)
	m := s.Answer(q)
	if m.Rcode != c.rcode || m.Authoritative == (c.child != "") {
		t.Fatalf("the lab's answer is not the RFC's:\n%v", m)
	}
	judge := func(m *dns.Msg) dnssec.Outcome {
		switch {
		case c.child == "":
			return dnssec.VerifyResponse("example.", c.name, c.qtype, m, keys, rfcNow, dnssec.DefaultBudget())
		case slices.ContainsFunc(m.Ns, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeDS }):
			var set []dns.RR
			var sigs []*dns.RRSIG
			for _, rr := range m.Ns {
				if s, ok := rr.(*dns.RRSIG); ok && s.TypeCovered == dns.TypeDS {
					sigs = append(sigs, s)
				} else if rr.Header().Rrtype == dns.TypeDS {
					set = append(set, rr)
				}
			}
			return dnssec.VerifyRRset("example.", set, sigs, keys, rfcNow, dnssec.DefaultBudget())
		}
		return dnssec.ProveNoDS("example.", c.child, m.Ns, keys, rfcNow, dnssec.DefaultBudget())
	}
	if o := judge(m); o.Status != c.status || o.Cause != c.cause {
		t.Errorf("got %v %q (%s), want %v %q\n%v", o.Status, o.Cause, o.Detail, c.status, c.cause, m)
	}
	// Each part of it is needed: without any one signature it proves nothing.
	if c.status == dnssec.Bogus {
		return
	}
	for i, rr := range slices.Concat(m.Answer, m.Ns) {
		sig, ok := rr.(*dns.RRSIG)
		if !ok || c.child != "" && sig.TypeCovered == dns.TypeNS {
			continue
		}
		less := m.Copy()
		if i < len(m.Answer) {
			less.Answer = slices.Delete(less.Answer, i, i+1)
		} else {
			less.Ns = slices.Delete(less.Ns, i-len(m.Answer), i-len(m.Answer)+1)
		}
		if o := judge(less); o.Status == dnssec.Secure || c.cause != dnssec.OptOut && o.Status != dnssec.Bogus {
			t.Errorf("without the signature over the %s of %s: %v %q", dns.TypeToString[sig.TypeCovered], sig.Hdr.Name, o.Status, o.Cause)
		}
	}
}

func TestRFC4035AppendixB(t *testing.T) {
	t.Parallel()
	s, d, keys := rfcServer(nil, "b.example. 3600 IN NS ns1.b.example.", "ns1.b.example. 3600 IN A 192.0.2.7")
	// The chain of appendix A.
	order := []string{"example.", "a.example.", "ai.example.", "b.example.", "ns1.example.", "ns2.example.", "*.w.example.", "x.w.example.", "x.y.w.example.", "xx.example.", "example."}
	for _, rr := range d.RRs {
		if n, ok := rr.(*dns.NSEC); ok {
			if i := slices.Index(order, n.Hdr.Name); i < 0 || order[i+1] != n.NextDomain {
				t.Errorf("%s is followed by %s", n.Hdr.Name, n.NextDomain)
			}
		}
	}
	for _, c := range []rfcCase{
		{section: "B.1 answer", name: "x.w.example.", qtype: dns.TypeMX, status: dnssec.Secure},
		{section: "B.2 name error", name: "ml.example.", qtype: dns.TypeA, rcode: dns.RcodeNameError, status: dnssec.Secure},
		{section: "B.3 no data", name: "ns1.example.", qtype: dns.TypeMX, status: dnssec.Secure},
		{section: "B.4 referral to a signed zone", name: "mc.a.example.", qtype: dns.TypeMX, child: "a.example.", status: dnssec.Secure},
		{section: "B.5 referral to an unsigned zone", name: "mc.b.example.", qtype: dns.TypeMX, child: "b.example.", status: dnssec.Insecure, cause: dnssec.UnsignedDelegation},
		{section: "B.6 wildcard expansion", name: "a.z.w.example.", qtype: dns.TypeMX, status: dnssec.Secure},
		{section: "B.7 wildcard no data", name: "a.z.w.example.", qtype: dns.TypeAAAA, status: dnssec.Secure},
		// The child's own NSEC may not say that the parent has no DS.
		{section: "B.8 DS child zone no data", name: "example.", qtype: dns.TypeDS, status: dnssec.Bogus, cause: dnssec.DenialWrong},
	} {
		t.Run(c.section, func(t *testing.T) {
			t.Parallel()
			c.run(t, s, keys)
		})
	}
}

func TestRFC5155AppendixB(t *testing.T) {
	t.Parallel()
	for _, optOut := range []bool{true, false} { // the RFC's zone has the flag
		s, d, keys := rfcServer(&dnslab.NSEC3{Iterations: 12, Salt: "aabbccdd", OptOut: optOut},
			"c.example. 3600 IN NS ns1.c.example.", "ns1.c.example. 3600 IN A 192.0.2.7", "2t7b4g4vsa5smi47k61mv5bv1a22bojr.example. 3600 IN A 192.0.2.127")
		rests, why := dnssec.Secure, dnssec.None // what lies in a span
		delegation := dnssec.UnsignedDelegation
		if optOut {
			rests, why, delegation = dnssec.Insecure, dnssec.OptOut, dnssec.OptOut
			order := []string{"0p9mhaveqvm6t7vb", "2t7b4g4vsa5smi47", "2vptu5timamqttgl", "35mthgpgcu1qg68f", "b4um86eghhds6nea", "gjeqe526plbf1g8m", "ji6neoaepv8b5o6k", "k8udemvp1j2f7eg6", "kohar7mbb8dc2ce8", "q04jkcevqvmu85r0", "r53bq7cc2uvmubfu", "t644ebqk9bibcna8", "0p9mhaveqvm6t7vb"}
			for _, rr := range d.RRs {
				if n, ok := rr.(*dns.NSEC3); ok {
					if i := slices.Index(order, n.Hdr.Name[:16]); i < 0 || order[i+1] != strings.ToLower(n.NextDomain[:16]) {
						t.Errorf("%s is followed by %s", n.Hdr.Name, n.NextDomain)
					}
				}
			}
		}
		for _, c := range []rfcCase{
			{section: "B.1 name error", name: "a.c.x.w.example.", qtype: dns.TypeA, rcode: dns.RcodeNameError, status: rests, cause: why},
			{section: "B.2 no data", name: "ns1.example.", qtype: dns.TypeMX, status: dnssec.Secure},
			{section: "B.2.1 no data, empty non-terminal", name: "y.w.example.", qtype: dns.TypeA, status: dnssec.Secure},
			{section: "B.3 referral to an opt-out unsigned zone", name: "mc.c.example.", qtype: dns.TypeMX, child: "c.example.", status: dnssec.Insecure, cause: delegation},
			{section: "B.4 wildcard expansion", name: "a.z.w.example.", qtype: dns.TypeMX, status: rests, cause: why},
			{section: "B.5 wildcard no data", name: "a.z.w.example.", qtype: dns.TypeAAAA, status: rests, cause: why},
			{section: "B.6 DS child zone no data", name: "example.", qtype: dns.TypeDS, status: dnssec.Bogus, cause: dnssec.DenialWrong},
		} {
			name := c.section
			if !optOut {
				name += ", without the flag"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c.run(t, s, keys)
			})
		}
	}
}
