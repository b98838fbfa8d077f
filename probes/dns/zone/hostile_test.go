package zone_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/miekg/dns"

	"watchpost.example/probes/dns/dnslab"
	"watchpost.example/probes/dns/walk"
	"watchpost.example/probes/dns/zone"
)

// Whatever a name server does, a look ends in time, with bounded questions and
// memory, and says something about the server.
func TestHostileServers(t *testing.T) {
	cases := map[string]func(l *lab){
		"a hundred name servers": func(l *lab) {
			l.Unit().ApexNS = func(rrs []string) []string {
				for i := range 100 {
					rrs = append(rrs, fmt.Sprintf("%s 3600 IN NS ns%d.khong-co.vn.", unit, i))
				}
				return rrs
			}
		},
		"CNAME ring": func(l *lab) {
			l.replace(www, dns.TypeA, www+" 300 IN CNAME a.donvi.gov.vn.", "a.donvi.gov.vn. 300 IN CNAME "+www)
		},
		"huge TXT": func(l *lab) {
			l.Unit().Before = func(d *dnslab.Data) {
				for i := range 120 {
					d.Add(fmt.Sprintf(`%s 300 IN TXT "%d-%0240d"`, unit, i, i))
				}
			}
		},
		"drips": func(l *lab) {
			l.fault(ns1, func(x *dnslab.Exchange) { x.Delay = 10 * time.Second })
		},
		"floods": func(l *lab) {
			l.fault(ns1, func(x *dnslab.Exchange) {
				if !x.TCP {
					stray := x.Reply.Copy()
					stray.Id++
					for range 500 {
						x.Raw = append(x.Raw, packed(stray))
					}
				}
			})
		},
		"strange names": func(l *lab) {
			l.fault(ns1, func(x *dnslab.Exchange) {
				if x.Type == dns.TypeNS {
					x.Reply.Answer = append(x.Reply.Answer, dnslab.RR(unit+` 60 IN NS \027[31m\000evil\.x.vn.`))
				}
			})
		},
	}
	for name, brk := range cases {
		t.Run(name, func(t *testing.T) {
			p := plan(nil)
			p.ConfirmAfter = -1
			l := &lab{World: dnslab.Healthy(), plan: &p}
			brk(l)
			l.Build()
			for _, fn := range l.serves {
				fn()
			}
			l.Start(t)
			e := env(t, l.World)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			cpu := cpuTime(t)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			start := time.Now()
			o := e.Check(ctx, p)
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if took > 15*time.Second || o.Look.Queries > 400 {
				t.Errorf("took %v and %d queries", took, o.Look.Queries)
			}
			if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 400 {
				t.Errorf("allocated %d MB", mb)
			}
			if len(o.Look.Servers) > zone.MaxServers || len(o.Look.Hosts) > zone.MaxHosts || len(o.Look.Targets) > zone.MaxTargets {
				t.Errorf("%d servers, %d names, %d targets", len(o.Look.Servers), len(o.Look.Hosts), len(o.Look.Targets))
			}
			for _, f := range o.Judgement.Findings {
				for _, c := range f.Where() + f.Found + f.Record {
					if c < ' ' || c == 0x7f {
						t.Errorf("a control byte in %q", f.Where()+f.Found)
					}
				}
			}
			t.Logf("%v, %v CPU with the servers' own, %d queries, %d findings", took.Round(time.Millisecond), (cpuTime(t) - cpu).Round(time.Millisecond), o.Look.Queries, len(o.Judgement.Findings))
		})
	}
	if walk.MaxQueries > 100 {
		t.Error("the walk's own bound is stated as 80")
	}
}

// collide publishes keys of one key tag: swapping two even-placed bytes of a
// key keeps the sum that the tag is (RFC 4034 appendix B).
func collide(d *dnslab.Data) {
	var all []dns.RR
	for _, k := range d.Keys {
		raw := []byte(k.PublicKey)
		for i := 0; i < 40; i += 8 {
			c := *k.DNSKEY
			b := append([]byte(nil), raw...)
			// Four base64 letters are three bytes; two groups of them are six,
			// so whole groups swapped keep every byte's parity.
			copy(b[i:i+8], raw[i+8:i+16])
			copy(b[i+8:i+16], raw[i:i+8])
			c.PublicKey = string(b)
			if c.KeyTag() == k.KeyTag() {
				all = append(all, &c)
			}
		}
	}
	d.RRs = append(d.RRs, all...)
	d.Each(func(dns.RR) {})
}
