package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"watchpost.example/probes/dns/dnslab"
	"watchpost.example/probes/dns/zone"
)

// What a script that calls `watchpost probe ZONE` builds on: the exit status,
// the JSON, and an end within --timeout.
func TestProbeZoneExitStatus(t *testing.T) {
	t.Parallel()
	silent := func(x *dnslab.Exchange) { x.Raw = [][]byte{} }
	cases := map[string]struct {
		brk     func(w *dnslab.World)
		zone    string
		more    []string
		code    int
		reason  string // of a finding; "" = none
		verdict string
		said    string // of bad use
	}{
		"healthy":         {zone: "donvi.gov.vn", verdict: "up"},
		"shouted":         {zone: "DONVI.Gov.VN.", verdict: "up"},
		"the root":        {zone: ".", verdict: "up"},
		"a top level":     {zone: "vn", verdict: "up"},
		"a server lies":   {brk: lie, zone: "donvi.gov.vn", code: 1, reason: "dns_transport_differs", verdict: "up"},
		"no such zone":    {zone: "khong-co.gov.vn", code: 1, reason: "dns_delegation_gone", verdict: "down"},
		"a name, no zone": {zone: "www.donvi.gov.vn", code: 2, said: "probe donvi.gov.vn"},
		"no name at all":  {zone: "a..b", code: 2, said: "zone"},
		"no resolver":     {zone: "donvi.gov.vn", more: []string{"--dns.resolver", "dns.example"}, code: 2, said: "resolvers"},
		"an unknown flag": {zone: "donvi.gov.vn", more: []string{"--dns.hints", "x"}, code: 2, said: "--dns.hints"},
		"the root is silent": {brk: func(w *dnslab.World) {
			w.Server("127.53.0.1").Faults = []dnslab.Fault{silent}
			w.Server("127.53.0.2").Faults = []dnslab.Fault{silent}
		}, zone: "donvi.gov.vn", more: []string{"--timeout", "2s"}, code: 3, verdict: "unknown"},
		"our time runs out": {brk: func(w *dnslab.World) {
			for _, s := range w.Servers {
				s.Faults = []dnslab.Fault{func(x *dnslab.Exchange) { x.Delay = 400 * time.Millisecond }}
			}
		}, zone: "donvi.gov.vn", more: []string{"--timeout", "1s"}, code: 3, verdict: "unknown"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := dnslab.Healthy().Build()
			if c.brk != nil {
				c.brk(w)
			}
			w.Start(t)
			dir := t.TempDir()
			args := append([]string{
				"probe", c.zone, "--json", "--dns.root-hints", write(t, dir, "hints", w.Hints()),
				"--dns.trust-anchor", write(t, dir, "anchor", w.Anchor()), "--dns.port", fmt.Sprint(w.Port),
			}, c.more...)
			start := time.Now()
			code, out, errOut := run(t, args...)
			if took := time.Since(start); slices.Contains(c.more, "--timeout") && took > 6*time.Second {
				t.Errorf("took %v", took)
			}
			if code != c.code {
				t.Fatalf("exit %d, want %d\n%s%s", code, c.code, out, errOut)
			}
			if code == 2 {
				if !strings.Contains(errOut, c.said) || out != "" {
					t.Errorf("%q and on standard output %q; want a word of %q", errOut, out, c.said)
				}
				return
			}
			var r zone.Result
			if err := json.Unmarshal([]byte(out), &r); err != nil {
				t.Fatalf("%v in %s", err, out)
			}
			found := slices.ContainsFunc(r.Findings, func(f zone.Finding) bool { return string(f.Reason) == c.reason })
			if r.Verdict.String() != c.verdict || r.Exit != code || found != (c.reason != "") {
				t.Errorf("verdict %v, exit %d in the JSON, findings %+v; want %s and %q", r.Verdict, r.Exit, r.Findings, c.verdict, c.reason)
			}
		})
	}
}

// lie makes ns2 tell another address over TCP.
func lie(w *dnslab.World) {
	w.Server("127.53.3.2").Faults = []dnslab.Fault{func(x *dnslab.Exchange) {
		if x.TCP && x.Name == "www.donvi.gov.vn." && x.Type == dns.TypeA {
			x.Reply.Answer = []dns.RR{dnslab.RR(x.Query.Question[0].Name + " 300 IN A 127.99.6.66")}
		}
	}}
}
