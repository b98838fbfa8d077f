package zone_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/dnslab"
	"watchpost.example/probes/dns/dnssec"
	"watchpost.example/probes/dns/dnswire"
	"watchpost.example/probes/dns/walk"
	"watchpost.example/probes/dns/zone"
)

// The table of bounds in README.md says what the code keeps.
func TestBoundsAreAsStated(t *testing.T) {
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	budget := dnssec.DefaultBudget()
	for _, want := range []string{
		fmt.Sprintf("| server addresses of the zone | %d, of %d names |", zone.MaxServers, zone.MaxHosts),
		fmt.Sprintf("| watched names and types | %d |", zone.MaxWatched),
		fmt.Sprintf("| targets of CNAME, NS and MX followed | %d |", zone.MaxTargets),
		fmt.Sprintf("| resolvers | %d |", zone.MaxResolvers),
		fmt.Sprintf("| way from the root to the parent | %.0f s, %d queries, %d names within names, %d aliases;", zone.MaxWalkTime.Seconds(), walk.MaxQueries, walk.MaxDepth, walk.MaxAliases),
		fmt.Sprintf("| queries to the parent's servers | %d, and up to 8 servers", zone.MaxParentQueries),
		fmt.Sprintf("| %.0f s each, all at once, %d queries a name |", zone.MaxResolveTime.Seconds(), walk.MaxQueries),
		fmt.Sprintf("| one server, all questions | %.0f s, 4 questions at a time, none more after %d stayed unanswered |", zone.MaxServerTime.Seconds(), zone.MaxLost),
		fmt.Sprintf("| one question | 3 s, 2 datagrams, %d stray replies, 64 KiB |", dnswire.MaxStrays),
		fmt.Sprintf("| validation at one server | %d signature verifications, %d NSEC3 hashes |", budget.Verifications, budget.Hashes),
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("README.md does not say: %s", want)
		}
	}
}

// A hostile server eats neither time nor memory, and none of the others' time:
// what the good server says is all there.
func TestHostileServerCostsTheOthersNothing(t *testing.T) {
	loop := func(x *dnslab.Exchange) []byte { // an answer whose name points at itself
		b := packed(new(dns.Msg).SetReply(x.Query))
		binary.BigEndian.PutUint16(b[6:], 1)
		return append(b, 0xc0, byte(len(b)), 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 1, 2, 3, 4)
	}
	huge := func(x *dnslab.Exchange) []byte {
		m := new(dns.Msg).SetReply(x.Query)
		m.Authoritative = true
		b := packed(m)
		n := (65535 - len(b)) / 16
		binary.BigEndian.PutUint16(b[6:], uint16(n))
		for i := range n { // each owner is the question's name
			b = append(b, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 66, byte(i>>8), byte(i))
		}
		return b
	}
	cases := map[string]struct {
		fault   dnslab.Fault
		queries int
	}{
		"silence":       {func(x *dnslab.Exchange) { x.Raw = [][]byte{} }, 100},
		"slow for all":  {func(x *dnslab.Exchange) { x.Delay = 240 * time.Millisecond }, 150},
		"stalls late":   {func(x *dnslab.Exchange) { stallAfterSOA(x) }, 130},
		"compression":   {func(x *dnslab.Exchange) { x.Raw = [][]byte{loop(x)} }, 120},
		"64 KiB":        {func(x *dnslab.Exchange) { giant(x, huge) }, 260}, // it names 4,000 addresses of itself
		"rcode storm":   {func(x *dnslab.Exchange) { rcode(int(x.Query.Id % 11))(x) }, 150},
		"every id":      {func(x *dnslab.Exchange) { ids(x) }, 150},
		"TCP half done": {func(x *dnslab.Exchange) { half(x) }, 150},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := plan(nil)
			p.ConfirmAfter = -1
			l := &lab{World: dnslab.Healthy(), plan: &p}
			l.fault(ns1, c.fault)
			l.Build()
			for _, fn := range l.serves {
				fn()
			}
			l.Start(t)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			start := time.Now()
			o := env(t, l.World, func(o *zone.Options) { o.Timeout = 250 * time.Millisecond }).Check(ctx, p)
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			mb := (after.TotalAlloc - before.TotalAlloc) >> 20
			// A question may take 250 ms here, twelve times less than in earnest: a
			// server's bound of 12 s is 48 questions long, and nothing needs so many.
			if took > 8*time.Second || o.Look.Queries > c.queries || mb > 100 {
				t.Errorf("took %v, %d queries, %d MB", took, o.Look.Queries, mb)
			}
			good := 0
			for _, s := range o.Look.Servers {
				if s.Name != ns2N {
					continue
				}
				for i := range s.Watched {
					if s.Watched[i].OK() && s.TCP[i].OK() {
						good++
					}
				}
			}
			if good != len(p.Watched) {
				t.Errorf("of the good server %d of %d answers are there", good, len(p.Watched))
			}
			if v, _, _ := o.Verdict(); name != "slow for all" && name != "64 KiB" && v == probes.Up {
				t.Errorf("nothing is wrong?\n%s", lines(o.Judgement.Findings))
			}
			t.Logf("%v, %d queries, %d MB, %d findings", took.Round(time.Millisecond), o.Look.Queries, mb, len(o.Judgement.Findings))
		})
	}
}

func stallAfterSOA(x *dnslab.Exchange) {
	if x.Type != dns.TypeSOA {
		x.Raw = [][]byte{}
	}
}

func giant(x *dnslab.Exchange, huge func(*dnslab.Exchange) []byte) {
	if x.Type == dns.TypeSOA {
		return
	}
	if x.TCP {
		x.Raw = [][]byte{huge(x)}
		return
	}
	x.Reply.Truncated, x.Reply.Answer = true, nil
}

// ids answers with replies of many other ids before silence, as a forger who guesses.
func ids(x *dnslab.Exchange) {
	for i := range 200 {
		m := x.Reply.Copy()
		m.Id += uint16(i + 1)
		x.Raw = append(x.Raw, packed(m))
	}
}

// half sends a message over TCP that ends before its stated length.
func half(x *dnslab.Exchange) {
	if !x.TCP {
		x.Reply.Truncated, x.Reply.Answer = true, nil
		return
	}
	x.Raw = [][]byte{packed(x.Reply)[:14]}
}

// Many units behind one broken parent are one group of alerts: the labels that
// say where are the parent's, the same for all of them.
func TestOneBrokenParentIsOneAlertGroup(t *testing.T) {
	for name, c := range map[string]struct {
		brk    func(l *lab)
		reason probes.Reason
		where  string
	}{
		"signatures": {func(l *lab) { l.Zones["gov.vn."].Life = l.Life(-60*day, -day) }, zone.ParentBroken, "gov.vn."},
		"silence":    {func(l *lab) { l.silent("127.53.2.1"); l.silent(govNS2) }, zone.ParentUnreachable, "gov.vn."},
		"above":      {func(l *lab) { l.silent("127.53.1.1"); l.silent("127.53.1.2") }, zone.ParentUnreachable, "vn."},
		"withdrawn": {func(l *lab) {
			for _, a := range []string{"127.53.1.1", "127.53.1.2"} {
				l.fault(a, func(x *dnslab.Exchange) {
					if dns.IsSubDomain("gov.vn.", x.Name) {
						x.Reply.Rcode, x.Reply.Authoritative, x.Reply.Ns, x.Reply.Extra = dns.RcodeNameError, true, nil, nil
					}
				})
			}
		}, zone.DelegationGone, "gov.vn."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := plan(nil)
			l := &lab{World: dnslab.Healthy(), plan: &p}
			l.Add(&dnslab.Zone{Name: "khac.gov.vn.", NS: []dnslab.NS{{Name: "ns1.khac.gov.vn.", Addr: "127.53.5.1"}, {Name: "ns2.khac.gov.vn.", Addr: "127.53.5.2"}}})
			c.brk(l)
			l.Build()
			for _, fn := range l.serves {
				fn()
			}
			l.Start(t)
			e := env(t, l.World)
			groups := map[string]bool{}
			for _, z := range []string{unit, "khac.gov.vn."} {
				p := zone.Plan{Target: zone.Target{Zone: z, Watched: zone.DefaultWatch(z, nil)}, ConfirmAfter: -1}
				for _, f := range e.Check(t.Context(), p).Observation().Findings {
					groups[string(f.Reason)+" "+f.Severity.String()+" "+f.Where] = true
				}
			}
			if want := string(c.reason) + " page " + c.where; len(groups) != 1 || !groups[want] {
				t.Errorf("groups %v, want only %q", groups, want)
			}
		})
	}
}
