package walk_test

import (
	"testing"

	"watchpost.example/probes/dns/dnslab"
	"watchpost.example/probes/dns/dnswire"
	"watchpost.example/probes/dns/walk"
)

// What the walk was told is not asked for; what is no delegation of the zone is
// not believed.
func TestTell(t *testing.T) {
	w := dnslab.Healthy().Start(t)
	wk := walker(t, w)
	cuts, err := wk.Above(t.Context(), "donvi.gov.vn.")
	if err != nil {
		t.Fatal(err)
	}
	up := cuts[len(cuts)-1]
	var m *dnswire.Msg
	if err := wk.Ask(t.Context(), up, dnswire.Query{Name: "donvi.gov.vn.", Type: dnswire.TypeNS, DO: true}, func(r *dnswire.Reply) bool { m = r.Msg; return true }); err != nil {
		t.Fatal(err)
	}
	if wk.Tell(up, "khac.gov.vn.", m) || wk.Tell(walk.Cut{Zone: "ncc.vn."}, "donvi.gov.vn.", &dnswire.Msg{}) {
		t.Error("took what is no delegation of the zone")
	}
	if !wk.Tell(up, "donvi.gov.vn.", m) {
		t.Fatal("did not take the delegation")
	}
	before := w.Servers["127.53.2.1"].Queries.Load() + w.Servers["127.53.2.2"].Queries.Load()
	if c, err := wk.Chain(t.Context(), "www.donvi.gov.vn."); err != nil || c[len(c)-1].Zone != "donvi.gov.vn." {
		t.Error(c, err)
	}
	if n := w.Servers["127.53.2.1"].Queries.Load() + w.Servers["127.53.2.2"].Queries.Load() - before; n != 0 {
		t.Errorf("%d queries to the parent", n)
	}
}
