package zone_test

import (
	"fmt"
	"testing"

	"github.com/miekg/dns"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/dnslab"
)

// Zones in good health must be silent, with and without a baseline, or nobody
// reads the findings any more.
func TestHealthyZonesHaveNoFinding(t *testing.T) {
	keys := healthyKeys()
	cases := map[string]func(w *dnslab.World){
		"nsec":          func(*dnslab.World) {},
		"nsec3":         func(w *dnslab.World) { w.Unit().NSEC3 = &dnslab.NSEC3{} },
		"nsec3 opt-out": func(w *dnslab.World) { w.Unit().NSEC3 = &dnslab.NSEC3{OptOut: true} },
		"parents nsec3": func(w *dnslab.World) {
			w.Zones["vn."].NSEC3, w.Zones["gov.vn."].NSEC3 = &dnslab.NSEC3{OptOut: true}, &dnslab.NSEC3{}
		},
		"unsigned":        func(w *dnslab.World) { w.Unit().Unsigned = true },
		"parent unsigned": func(w *dnslab.World) { w.Unit().Unsigned, w.Zones["gov.vn."].Unsigned = true, true },
		"one key for all": func(w *dnslab.World) { w.Unit().Keys = w.Unit().Keys[:1] },
		"rsa":             func(w *dnslab.World) { w.Unit().Keys = []*dnslab.Key{dnslab.NewKey(unit, dns.RSASHA256, true)} },
		"parent serves child": func(w *dnslab.World) {
			w.Zones["gov.vn."].NS = []dnslab.NS{{Name: "ns1.vn.", Addr: "127.53.1.1"}, {Name: "ns2.vn.", Addr: "127.53.1.2"}}
			w.Unit().NS = w.Zones["gov.vn."].NS
		},
		"servers of a provider": func(w *dnslab.World) {
			w.Unit().NS = []dnslab.NS{{Name: "ns1.ncc.vn.", Addr: "127.53.4.1"}, {Name: "ns2.ncc.vn.", Addr: "127.53.4.2"}}
		},
		"double DS, both keys published": func(w *dnslab.World) {
			k := dnslab.NewKey(unit, 13, true)
			k.Silent = true
			w.Unit().Keys = append(w.Unit().Keys, k)
		},
		"double DS, both keys sign": func(w *dnslab.World) { w.Unit().Keys = append(w.Unit().Keys, dnslab.NewKey(unit, 13, true)) },
		"new zone-signing key":      func(w *dnslab.World) { w.Unit().Keys = append(w.Unit().Keys, dnslab.NewKey(unit, 13, false)) },
		"rotating order": func(w *dnslab.World) {
			for i := range 4 {
				w.Unit().Records = append(w.Unit().Records, fmt.Sprintf("xoay.donvi.gov.vn. 30 IN A 127.99.1.%d", i))
			}
		},
	}
	for name, brk := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world(keys)
			brk(w)
			w.Start(t)
			b := learn(t, w)
			for _, p := range []bool{false, true} {
				pl := plan(nil)
				if p {
					pl = plan(b)
				}
				o := env(t, w).Check(t.Context(), pl)
				if len(o.Judgement.Findings) > 0 {
					t.Errorf("baseline %v:\n%s", p, lines(o.Judgement.Findings))
				}
				if v, r, d := o.Verdict(); v != probes.Up {
					t.Errorf("verdict %v %v %s", v, r, d)
				}
				want := "secure"
				if w.Unit().Unsigned {
					want = "insecure"
				}
				if o.Judgement.Zone.Word != want {
					t.Errorf("dnssec %+v, want %s", o.Judgement.Zone, want)
				}
				if o.Look.ToParent > 3 {
					t.Errorf("%d queries to the parent", o.Look.ToParent)
				}
				if r := o.Result(); r.Exit != 0 {
					t.Errorf("exit %d", r.Exit)
				}
			}
		})
	}
}
