package zone_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/dnslab"
	"watchpost.example/probes/dns/dnssec"
	"watchpost.example/probes/dns/zone"
)

// thousand is the flood of each case: what 64 KiB hold, and more than any
// honest zone has.
const thousand = 1000

// flood gives keys that nobody has the private half of, all of one key tag when
// tag is not 0. They are Ed25519's size: a thousand fill 48 KiB.
func flood(n int, alg uint8, tag uint16) []dns.RR {
	size := map[uint8]int{dns.ED25519: 32, dns.ECDSAP256SHA256: 64}[alg]
	var out []dns.RR
	for i := range n {
		raw := make([]byte, size)
		raw[0], raw[2], raw[4] = byte(i), byte(i>>8), 1
		k := &dns.DNSKEY{Hdr: dns.RR_Header{Name: unit, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600}, Flags: 256, Protocol: 3, Algorithm: alg}
		for tries := 0; tag != 0 && tries < 4; tries++ { // the tag is a sum of 16-bit words, carried
			k.PublicKey = base64.StdEncoding.EncodeToString(raw)
			w := uint16(raw[6])<<8 | uint16(raw[7])
			w += tag - k.KeyTag()
			raw[6], raw[7] = byte(w>>8), byte(w)
		}
		k.PublicKey = base64.StdEncoding.EncodeToString(raw)
		out = append(out, k)
	}
	return out
}

// zskTag is the key tag of the zone-signing key of the unit.
func zskTag(l *lab) uint16 { return l.Unit().Keys[1].KeyTag() }

// junk puts n signatures before the right ones over a type at a name, each
// other than the rest; size is of the signature.
func junk(d *dnslab.Data, name string, t uint16, n, size int) {
	var model *dns.RRSIG
	for _, rr := range d.RRs {
		if s, ok := rr.(*dns.RRSIG); ok && s.TypeCovered == t && s.Hdr.Name == name {
			model = s
		}
	}
	for i := range n {
		s := dns.Copy(model).(*dns.RRSIG)
		raw := make([]byte, size)
		raw[0], raw[1], raw[2] = byte(i), byte(i>>8), 1
		s.Signature = base64.StdEncoding.EncodeToString(raw)
		d.RRs = append([]dns.RR{s}, d.RRs...)
	}
	d.Each(func(dns.RR) {})
}

// A zone that makes validators work is named for it, and costs us no more than
// the bounds that README states.
func TestHostileSecurity(t *testing.T) {
	cases := map[string]struct {
		brk  func(l *lab)
		want probes.Reason // at ns1; "" = nothing is wrong with it
		word string
	}{
		"a thousand keys": {func(l *lab) {
			l.after(func(d *dnslab.Data) {
				d.RRs = append(d.RRs, flood(thousand, dns.ED25519, 0)...)
				d.Each(func(dns.RR) {})
				d.Resign(unit, dns.TypeDNSKEY, l.life())
			})
		}, "dns_work_limit", "bogus"},
		"a thousand keys of one tag": {func(l *lab) {
			l.after(func(d *dnslab.Data) {
				d.RRs = append(d.RRs, flood(thousand, dns.ED25519, zskTag(l))...)
				d.Each(func(dns.RR) {})
				d.Resign(unit, dns.TypeDNSKEY, l.life())
			})
		}, "dns_work_limit", "bogus"},
		"a thousand signatures": {func(l *lab) {
			l.after(func(d *dnslab.Data) { junk(d, www, dns.TypeA, thousand, 8) })
		}, "dns_work_limit", "bogus"},
		"as many whole signatures as fit": {func(l *lab) {
			l.after(func(d *dnslab.Data) { junk(d, www, dns.TypeA, 550, 64) })
		}, "dns_work_limit", "bogus"},
		"a thousand signatures over the keys": {func(l *lab) {
			l.after(func(d *dnslab.Data) { junk(d, unit, dns.TypeDNSKEY, thousand, 8) })
		}, "dns_work_limit", "bogus"},
		"KeyTrap": {func(l *lab) { // every answer: 80 keys of one tag times 90 signatures
			l.after(func(d *dnslab.Data) {
				d.RRs = append(flood(80, dns.ECDSAP256SHA256, zskTag(l)), d.RRs...)
				d.Each(func(dns.RR) {})
				d.Resign(unit, dns.TypeDNSKEY, l.life())
				for _, s := range slices.Clone(d.RRs) {
					if r, ok := s.(*dns.RRSIG); ok && r.TypeCovered != dns.TypeDNSKEY && r.Hdr.Name != "" {
						junk(d, r.Hdr.Name, r.TypeCovered, 90, 64)
					}
				}
			})
		}, "dns_work_limit", "bogus"},
		"NSEC3 with 65535 iterations": {func(l *lab) { l.Unit().NSEC3 = &dnslab.NSEC3{Iterations: 65535} }, "dns_nsec3_iterations", "insecure"},
		"NSEC3 with 150 iterations and deep names": {func(l *lab) {
			l.Unit().NSEC3 = &dnslab.NSEC3{Iterations: 150}
			for i := range 40 {
				l.watch(strings.Repeat("a.", 100)+fmt.Sprintf("sau%d.", i)+unit, dns.TypeA)
			}
		}, "dns_work_limit", "indeterminate"},
		"NSEC3 with a salt of 255 octets": {func(l *lab) { l.Unit().NSEC3 = &dnslab.NSEC3{Salt: strings.Repeat("ab", 255)} }, "dns_nsec3_salt", "secure"},
		"a chain of 200 aliases": {func(l *lab) {
			l.fault(ns1, func(x *dnslab.Exchange) {
				if x.Name != www || x.Type != dns.TypeA {
					return
				}
				x.Reply.Answer = nil
				at := www
				for i := range 200 {
					next := fmt.Sprintf("c%d.%s", i, unit)
					set := []dns.RR{dnslab.RR(at + " 300 IN CNAME " + next)}
					x.Reply.Answer = append(append(x.Reply.Answer, set...), l.Data[unit].SignSet(set, l.life())...)
					at = next
				}
			})
		}, "dns_malformed", "bogus"},
		"a DNAME that makes names grow": {func(l *lab) {
			l.add("cu.donvi.gov.vn. 300 IN DNAME a.cu.donvi.gov.vn.")
			l.watch("x.cu."+unit, dns.TypeA)
		}, "dns_malformed", "bogus"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := plan(nil)
			p.ConfirmAfter = -1
			l := &lab{World: world(healthyKeys()), plan: &p}
			c.brk(l)
			l.Build()
			for _, fn := range l.serves {
				fn()
			}
			l.Start(t)
			e := env(t, l.World, func(o *zone.Options) { o.Timeout = 3 * time.Second })
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			o := e.Check(ctx, p)
			start := cpuTime(t)
			j := zone.Judge(o.Look, nil, zone.Limits{Proven: &dnssec.Proven{}}, o.Look.At)
			cpu := cpuTime(t) - start
			found := slices.ContainsFunc(j.Findings, func(f zone.Finding) bool {
				return f.Reason == c.want && short(f.Server) == "ns1"
			})
			if !found || j.Zone.Word != c.word {
				t.Errorf("%s, want %s and %s at ns1:\n%s", j.Zone.Word, c.word, c.want, lines(j.Findings))
			}
			// 2 servers of 256 verifications and 256 hashes are 2 × 25 ms.
			if cpu > 150*time.Millisecond {
				t.Errorf("judging took %v of CPU", cpu)
			}
			if o.Look.Queries > 400 || o.Took > 15*time.Second {
				t.Errorf("%d queries in %v", o.Look.Queries, o.Took)
			}
			t.Logf("%v of CPU to judge, %d queries", cpu.Round(100*time.Microsecond), o.Look.Queries)
		})
	}
}
