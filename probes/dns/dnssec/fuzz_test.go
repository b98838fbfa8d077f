package dnssec

import (
	"testing"

	"github.com/miekg/dns"
)

// FuzzCanonicalForm signs what the wire library reads, with that library, and
// verifies it here: two canonical forms that were written apart.
func FuzzCanonicalForm(f *testing.F) {
	const zone = "gov.vn."
	k := newKeyAlg(f, zone, 256, dns.ED25519, 256)
	for _, lines := range [][]string{
		{"www.donvi.gov.vn. 300 IN A 192.0.2.1", "WWW.donvi.gov.vn. 300 IN A 192.0.2.2"},
		{"*.gov.vn. 300 IN MX 10 Mail.Gov.VN.", "*.gov.vn. 300 IN MX 9 b.gov.vn."},
		{"gov.vn. 300 IN SOA NS1.gov.vn. Host.gov.vn. 1 2 3 4 5"},
		{`gov.vn. 300 IN NAPTR 1 2 "S" "SIP+D2U" "" _Sip.gov.vn.`, `gov.vn. 300 IN NAPTR 1 1 "s" "x" "!.*!y!" .`},
		{"gov.vn. 300 IN NSEC A.gov.vn. NS SOA RRSIG NSEC"},
		{`gov.vn. 300 IN HINFO "Mixed" "CASE"`},
		{`gov.vn. 300 IN TXT "a" "B\200"`},
		{`gov.vn. 300 IN CAA 0 issue "CA.example"`},
		{"_25._tcp.gov.vn. 300 IN TLSA 3 1 1 " + "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"},
		{"gov.vn. 300 IN SVCB 1 Svc.gov.vn. alpn=h2"},
		{"gov.vn. 300 IN SRV 1 2 3 T.gov.vn."},
		{`gov.vn. 300 IN TYPE65534 \# 3 ABCDEF`},
	} {
		m := &dns.Msg{Answer: records(f, lines...)}
		b, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var m dns.Msg
		if m.Unpack(b) != nil || len(m.Answer) == 0 {
			return
		}
		h := m.Answer[0].Header()
		set := rrset(m.Answer, h.Name, h.Rrtype)
		if len(set) == 0 || !within(h.Name, zone) || h.Rrtype == dns.TypeRRSIG {
			return
		}
		ttl := set[0].Header().Ttl
		for _, rr := range set {
			rr.Header().Ttl = ttl
		}
		r := &dns.RRSIG{
			Hdr: dns.RR_Header{Ttl: ttl}, Algorithm: k.key.Algorithm, KeyTag: k.key.KeyTag(), SignerName: zone,
			Inception: uint32(now.Unix() - 1), Expiration: uint32(now.Unix() + 1),
		}
		if r.Sign(k.priv, set) != nil {
			return
		}
		if o := VerifyRRset(zone, m.Answer, []*dns.RRSIG{r}, []*dns.DNSKEY{k.key}, now, DefaultBudget()); o.Status != Secure {
			t.Errorf("%+v\n%v", o, set)
		}
	})
}

// FuzzProofs: nothing that a stranger writes proves anything, and whatever is
// signed is judged without a panic and within the budget.
func FuzzProofs(f *testing.F) {
	const zone = "gov.vn."
	k := newKeyAlg(f, zone, 256, dns.ED25519, 256)
	for _, lines := range [][]string{
		{"gov.vn. 300 IN NSEC z.gov.vn. NS SOA RRSIG NSEC"},
		{"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.gov.vn. 300 IN NSEC3 1 1 2 ab 2t7b4g4vsa5smi47k61mv5bv1a22bojr NS SOA"},
	} {
		b, err := (&dns.Msg{Ns: records(f, lines...)}).Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, "x.y.gov.vn.", uint16(1), uint8(3))
	}
	f.Fuzz(func(t *testing.T, b []byte, name string, qtype uint16, labels uint8) {
		var m dns.Msg
		if _, ok := dns.IsDomainName(name); !ok || m.Unpack(b) != nil {
			return
		}
		name = dns.Fqdn(name)
		prove := func(b *Budget) []Outcome {
			keys := []*dns.DNSKEY{k.key}
			return []Outcome{
				ProveNXDOMAIN(zone, name, m.Ns, keys, now, b), ProveNoData(zone, name, qtype, m.Ns, keys, now, b),
				ProveWildcard(zone, name, int(labels), m.Ns, keys, now, b), ProveNoDS(zone, name, m.Ns, keys, now, b),
			}
		}
		for _, o := range prove(DefaultBudget()) {
			if o.Status == Secure || o.Status == Insecure {
				t.Errorf("proven by a stranger: %+v", o)
			}
		}
		for _, rr := range m.Ns {
			if h := rr.Header(); h.Class == dns.ClassINET && h.Rrtype != dns.TypeRRSIG && within(h.Name, zone) {
				set := rrset(m.Ns, h.Name, h.Rrtype)
				r := &dns.RRSIG{Algorithm: k.key.Algorithm, KeyTag: k.key.KeyTag(), SignerName: zone, Inception: uint32(now.Unix() - 1), Expiration: uint32(now.Unix() + 1)}
				if r.Sign(k.priv, set[:1]) == nil {
					m.Ns = append(m.Ns, r)
				}
			}
		}
		budget := DefaultBudget()
		for _, o := range prove(budget) {
			if o.Status == Secure && !within(name, zone) {
				t.Errorf("%s is not of the zone and is proven: %+v", name, o)
			}
		}
	})
}
