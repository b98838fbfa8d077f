package walk_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"watchpost.example/probes/dns/dnslab"
	"watchpost.example/probes/dns/dnswire"
	"watchpost.example/probes/dns/walk"
)

func hints(t *testing.T, w *dnslab.World) walk.Hints {
	t.Helper()
	h, err := walk.ParseHints("hints", strings.NewReader(w.Hints()))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func walker(t *testing.T, w *dnslab.World) *walk.Walker {
	t.Helper()
	return walk.New(walk.Options{Hints: hints(t, w), Port: w.Port, Client: &dnswire.Client{Timeout: 300 * time.Millisecond, Attempts: 1}})
}

func zones(cuts []walk.Cut) string {
	var out []string
	for _, c := range cuts {
		out = append(out, c.Zone)
	}
	return strings.Join(out, " ")
}

func TestChain(t *testing.T) {
	w := dnslab.Healthy().Start(t)
	wk := walker(t, w)
	cuts, err := wk.Chain(t.Context(), "www.donvi.gov.vn")
	if err != nil || zones(cuts) != ". vn. gov.vn. donvi.gov.vn." {
		t.Fatalf("%s, %v", zones(cuts), err)
	}
	if s := cuts[3].Servers; len(s) != 2 || len(s[0].Glue) != 1 || s[0].Glue[0].String() != "127.53.3.1" {
		t.Errorf("servers %v", s)
	}
	above, err := wk.Above(t.Context(), "donvi.gov.vn")
	if err != nil || zones(above) != ". vn. gov.vn." {
		t.Errorf("above: %s, %v", zones(above), err)
	}
}

// The parents' servers are often the children's too: the cut between them is
// found all the same.
func TestChainWhenParentServesChild(t *testing.T) {
	w := dnslab.Healthy()
	w.Zones["gov.vn."].NS = []dnslab.NS{{Name: "ns1.vn.", Addr: "127.53.1.1"}, {Name: "ns2.vn.", Addr: "127.53.1.2"}}
	wk := walker(t, w.Start(t))
	cuts, err := wk.Chain(t.Context(), "donvi.gov.vn")
	if err != nil || zones(cuts) != ". vn. gov.vn. donvi.gov.vn." || !cuts[2].Child {
		t.Errorf("%s, %v, child %v", zones(cuts), err, cuts)
	}
}

func TestLookup(t *testing.T) {
	wk := walker(t, dnslab.Healthy().Start(t))
	a, err := wk.Lookup(t.Context(), "cong.donvi.gov.vn", dnswire.TypeA)
	if err != nil || a.Name != "www.donvi.gov.vn." || a.Zone != "donvi.gov.vn." || len(a.Records) != 1 {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := wk.Lookup(t.Context(), "khong.donvi.gov.vn", dnswire.TypeA); !errors.Is(err, walk.ErrGone) {
		t.Errorf("missing name: %v", err)
	}
	if _, err := wk.Lookup(t.Context(), "www.khongco.vn", dnswire.TypeA); !errors.Is(err, walk.ErrGone) {
		t.Errorf("missing zone: %v", err)
	}
	if _, err := wk.Lookup(t.Context(), "www.donvi.gov.vn", dnswire.TypeMX); !errors.Is(err, walk.ErrNoData) {
		t.Errorf("missing type: %v", err)
	}
}

func TestParentsAreAskedOnceForAll(t *testing.T) {
	w := dnslab.Healthy().Start(t)
	wk := walker(t, w)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			_, err := wk.Lookup(t.Context(), fmt.Sprintf("ten%d.donvi.gov.vn", i), dnswire.TypeA)
			if !errors.Is(err, walk.ErrGone) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, a := range []string{"127.53.0.1", "127.53.0.2", "127.53.1.1", "127.53.1.2"} {
		if n := w.Servers[a].Queries.Load(); n > 2 {
			t.Errorf("%s was asked %d times for 50 names", a, n)
		}
	}
}

func TestOneDeadServerIsStepedOver(t *testing.T) {
	w := dnslab.Healthy().Build()
	for _, a := range []string{"127.53.0.1", "127.53.1.1", "127.53.2.1", "127.53.3.1"} {
		w.Servers[a].Faults = []dnslab.Fault{func(x *dnslab.Exchange) { x.Reply.Rcode = dns.RcodeRefused; x.Reply.Answer, x.Reply.Ns = nil, nil }}
	}
	wk := walker(t, w.Start(t))
	if a, err := wk.Lookup(t.Context(), "www.donvi.gov.vn", dnswire.TypeA); err != nil || len(a.Records) != 1 {
		t.Errorf("%v, %v", a, err)
	}
}

func TestHostileLoopsEnd(t *testing.T) {
	cases := map[string]func(w *dnslab.World){
		"CNAME to itself": func(w *dnslab.World) {
			w.Unit().Records = append(w.Unit().Records, "dich.donvi.gov.vn. 300 IN CNAME dich.donvi.gov.vn.")
		},
		"CNAME in a ring": func(w *dnslab.World) {
			w.Unit().Records = append(w.Unit().Records, "dich.donvi.gov.vn. 300 IN CNAME b.donvi.gov.vn.", "b.donvi.gov.vn. 300 IN CNAME dich.donvi.gov.vn.")
		},
		"CNAME without end": func(w *dnslab.World) {
			for i := range 50 {
				w.Unit().Records = append(w.Unit().Records, fmt.Sprintf("c%d.donvi.gov.vn. 300 IN CNAME c%d.donvi.gov.vn.", i, i+1))
			}
			w.Unit().Records = append(w.Unit().Records, "dich.donvi.gov.vn. 300 IN CNAME c0.donvi.gov.vn.")
		},
		"two zones served by each other": func(w *dnslab.World) {
			w.Zones["gov.vn."].Records = []string{"a.gov.vn. 300 IN NS ns.b.gov.vn.", "b.gov.vn. 300 IN NS ns.a.gov.vn."}
			w.Unit().Records = append(w.Unit().Records, "dich.donvi.gov.vn. 300 IN CNAME www.a.gov.vn.")
		},
		"glueless upon glueless": func(w *dnslab.World) {
			for i := range 20 {
				for j := range 8 {
					w.Zones["gov.vn."].Records = append(w.Zones["gov.vn."].Records, fmt.Sprintf("g%d.gov.vn. 300 IN NS n%d.g%d.gov.vn.", i, j, i+1))
				}
			}
			w.Unit().Records = append(w.Unit().Records, "dich.donvi.gov.vn. 300 IN CNAME www.g0.gov.vn.")
		},
	}
	for name, brk := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := dnslab.Healthy()
			brk(w)
			w.Start(t)
			wk := walker(t, w)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			_, err := wk.Lookup(ctx, "dich.donvi.gov.vn", dnswire.TypeA)
			if !errors.Is(err, walk.ErrBounds) {
				t.Errorf("got %v, want the bounds", err)
			}
			var n int64
			for _, s := range w.Servers {
				n += s.Queries.Load()
			}
			if n > walk.MaxQueries {
				t.Errorf("%d queries", n)
			}
			t.Logf("%d queries", n)
		})
	}
}

func TestParseHints(t *testing.T) {
	for _, bad := range []string{"", "a.root. A 127.0.0.1", ". NS a.root.", "not a zone file ("} {
		if _, err := walk.ParseHints("x", strings.NewReader(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	if n := len(walk.DefaultHints()); n != 13 {
		t.Errorf("%d root servers", n)
	}
}
