package walk_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"watchpost.example/probes/dns/dnslab"
	"watchpost.example/probes/dns/dnswire"
	"watchpost.example/probes/dns/walk"
)

func deny(x *dnslab.Exchange) {
	x.Reply.Rcode, x.Reply.Authoritative = dns.RcodeNameError, true
	x.Reply.Answer, x.Reply.Ns, x.Reply.Extra = nil, nil, nil
}

// One server of a parent that denies what the other delegates, stale or lying,
// makes no zone vanish, whichever is asked first.
func TestOneDenialIsNotBelieved(t *testing.T) {
	for _, liar := range []string{"127.53.1.1", "127.53.1.2"} {
		w := dnslab.Healthy().Build()
		w.Servers[liar].Faults = []dnslab.Fault{deny}
		wk := walker(t, w.Start(t))
		for range 2 {
			if cuts, err := wk.Chain(t.Context(), "donvi.gov.vn"); err != nil || zones(cuts) != ". vn. gov.vn. donvi.gov.vn." {
				t.Errorf("%s lies: %s, %v", liar, zones(cuts), err)
			}
		}
	}
}

// A server that denies an empty non-terminal (against RFC 8020) keeps nobody
// from the zone below it: resolvers that ask for the whole name get there.
func TestDeniedEmptyNonTerminal(t *testing.T) {
	w := dnslab.Healthy()
	w.Add(&dnslab.Zone{Name: "x.y.gov.vn.", NS: []dnslab.NS{{Name: "ns1.x.y.gov.vn.", Addr: "127.53.5.1"}}})
	w.Build()
	for _, a := range []string{"127.53.2.1", "127.53.2.2"} {
		w.Servers[a].Faults = []dnslab.Fault{func(x *dnslab.Exchange) {
			if x.Name == "y.gov.vn." {
				deny(x)
			}
		}}
	}
	wk := walker(t, w.Start(t))
	if cuts, err := wk.Above(t.Context(), "x.y.gov.vn"); err != nil || zones(cuts) != ". vn. gov.vn." {
		t.Errorf("%s, %v", zones(cuts), err)
	}
	if _, err := wk.Above(t.Context(), "z.y.gov.vn"); !errors.Is(err, walk.ErrGone) {
		t.Errorf("a zone that is nowhere: %v", err)
	}
}

// Silent servers cost one wait, not one each, and are asked last from then on.
func TestSilentServersCostLittle(t *testing.T) {
	w := dnslab.Healthy()
	for i := range 4 {
		w.Zones["vn."].NS = append(w.Zones["vn."].NS, dnslab.NS{Name: "im" + string(rune('a'+i)) + ".vn.", Addr: "127.53.1." + string(rune('5'+i))})
	}
	w.Build()
	for i := range 4 {
		w.Server("127.53.1." + string(rune('5'+i))).Faults = []dnslab.Fault{func(x *dnslab.Exchange) { x.Raw = [][]byte{} }}
	}
	w.Start(t)
	h := walker(t, w) // its own servers wait 300 ms; in earnest it is 3 s
	start := time.Now()
	for _, name := range []string{"donvi.gov.vn", "ncc.vn", "khac.vn", "la.vn", "nua.vn", "cuoi.vn"} {
		if _, err := h.Chain(t.Context(), name); err != nil && !errors.Is(err, walk.ErrGone) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Six names at a rotating start of six servers, four of them silent.
	if took := time.Since(start); took > 2500*time.Millisecond {
		t.Errorf("took %v", took)
	}
}

// A server that thinks for long has the next one asked beside it.
func TestSlowServerIsPassed(t *testing.T) {
	w := dnslab.Healthy().Build()
	w.Servers["127.53.1.1"].Faults = []dnslab.Fault{func(x *dnslab.Exchange) { x.Delay = 4 * time.Second }}
	w.Start(t)
	wk := walk.New(walk.Options{Hints: hints(t, w), Port: w.Port, Client: &dnswire.Client{Timeout: 8 * time.Second, Attempts: 1}})
	start := time.Now()
	for range 2 { // whichever is first
		if _, err := wk.Chain(t.Context(), "ncc.vn"); err != nil {
			t.Error(err)
		}
		if _, err := wk.Chain(t.Context(), "khong-co.vn"); !errors.Is(err, walk.ErrGone) {
			t.Error(err)
		}
	}
	if took := time.Since(start); took > 6*time.Second {
		t.Errorf("took %v", took)
	}
}

// What was remembered and answers no more is walked anew: a parent that moved
// is found before its old TTL ends.
func TestMovedZoneIsFoundAgain(t *testing.T) {
	w := dnslab.Healthy().Build()
	var moved atomic.Bool
	for _, a := range []string{"127.53.0.1", "127.53.0.2"} {
		w.Servers[a].Faults = []dnslab.Fault{func(x *dnslab.Exchange) {
			if moved.Load() && dns.IsSubDomain("vn.", x.Name) {
				x.Reply.Ns = []dns.RR{dnslab.RR("vn. 3600 IN NS moi.vn.")}
				x.Reply.Extra = []dns.RR{dnslab.RR("moi.vn. 3600 IN A 127.53.1.9")}
			}
		}}
	}
	w.Server("127.53.1.9").Zones["vn."] = w.Data["vn."]
	refuse := func(x *dnslab.Exchange) {
		if moved.Load() {
			x.Reply = new(dns.Msg).SetRcode(x.Query, dns.RcodeRefused)
		}
	}
	w.Servers["127.53.1.1"].Faults, w.Servers["127.53.1.2"].Faults = []dnslab.Fault{refuse}, []dnslab.Fault{refuse}
	wk := walker(t, w.Start(t))
	if _, err := wk.Chain(t.Context(), "donvi.gov.vn"); err != nil {
		t.Fatal(err)
	}
	moved.Store(true)
	if cuts, err := wk.Chain(t.Context(), "ncc.vn"); err != nil || zones(cuts) != ". vn. ncc.vn." {
		t.Errorf("%s, %v", zones(cuts), err)
	}
}
