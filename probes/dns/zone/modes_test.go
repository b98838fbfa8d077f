package zone_test

import (
	"bufio"
	"net/netip"
	"os"
	"strings"
	"testing"

	"watchpost.example/probes/dns/baseline"
	"watchpost.example/probes/dns/dnslab"
	"watchpost.example/probes/dns/zone"
)

// lab is a world to be broken, and what the check is told besides.
type lab struct {
	*dnslab.World
	plan   *zone.Plan
	other  string // another trust anchor
	serves []func()
	asks   []zone.Watch // beyond what the witnesses are asked anyway
}

// later runs once the servers exist and before they answer.
func (l *lab) later(fn func()) { l.serves = append(l.serves, fn) }

// fault breaks the exchanges of a server.
func (l *lab) fault(addr string, f dnslab.Fault) {
	l.later(func() { l.Server(addr).Faults = append(l.Server(addr).Faults, f) })
}

func (l *lab) resolver(addr string, f func(x *dnslab.Exchange)) {
	l.later(func() { l.Server(addr).Faults = append(l.Server(addr).Faults, l.resolving, f) })
	l.plan.Resolvers = append(l.plan.Resolvers, netip.AddrPortFrom(netip.MustParseAddr(addr), 0))
}

// resolving answers like a resolver that knows the unit's zone.
func (l *lab) resolving(x *dnslab.Exchange) {
	right := l.Server(ns1).Answer(x.Query)
	right.Authoritative, right.RecursionAvailable, right.Ns = false, true, nil
	x.Reply = right
}

// row is a line of testdata/modes.tsv.
type row struct{ mode, verdict, dnssec, server, reason, severity string }

func table(t *testing.T) map[string][]row {
	t.Helper()
	out := map[string][]row{}
	for _, file := range []string{"testdata/modes.tsv", "testdata/modes_dnssec.tsv"} {
		readTable(t, file, out)
	}
	return out
}

func readTable(t *testing.T, file string, out map[string][]row) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if strings.HasPrefix(sc.Text(), "#") || strings.TrimSpace(sc.Text()) == "" {
			continue
		}
		c := strings.Fields(sc.Text())
		if len(c) != 6 {
			t.Fatalf("%s: %q has %d columns, not 6", file, sc.Text(), len(c))
		}
		out[c[0]] = append(out[c[0]], row{c[0], c[1], c[2], c[3], c[4], c[5]})
	}
}

// Every break mode has its verdict, server and Reason written down, and gets
// exactly that one (a mode may have several rows; findings that no row names
// are an error too).
func TestModes(t *testing.T) {
	keys := healthyKeys()
	base := learn(t, world(keys).Start(t))
	rows := table(t)
	for name := range rows {
		if modes()[name] == nil {
			t.Errorf("modes.tsv names %s, which no test breaks", name)
		}
	}
	for name, brk := range modes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := rows[name]
			o := runMode(t, keys, base, brk)
			if want == nil {
				v, _, _ := o.Verdict()
				t.Fatalf("no row in modes.tsv: verdict %v, dnssec %s\n%s", v, o.Judgement.Zone.Word, lines(o.Judgement.Findings))
			}
			compareMode(t, want, o)
		})
	}
}

func runMode(t *testing.T, keys map[string][]*dnslab.Key, base *baseline.Zone, brk func(*lab)) zone.Outcome {
	t.Helper()
	p := plan(base)
	l := &lab{World: world(keys), plan: &p}
	brk(l)
	l.Build()
	for _, fn := range l.serves {
		fn()
	}
	l.Start(t)
	for i, r := range p.Resolvers {
		p.Resolvers[i] = netip.AddrPortFrom(r.Addr(), l.Port)
	}
	return env(t, l.World, func(o *zone.Options) {
		if l.other != "" {
			o.Anchors = anchors(t, l.other)
		}
	}).Check(t.Context(), p)
}

func compareMode(t *testing.T, want []row, o zone.Outcome) {
	t.Helper()
	fitsSchema(t, o.Result())
	v, _, detail := o.Verdict()
	got := o.Judgement.Findings
	bad := v.String() != want[0].verdict || o.Judgement.Zone.Word != want[0].dnssec
	used := make([]bool, len(got))
	for _, r := range want {
		if r.reason == "-" {
			continue
		}
		found := false
		for i, f := range got {
			if string(f.Reason) == r.reason && (r.server == "-" && f.Server == "" || r.server == "*" || short(f.Server) == r.server) && f.Severity.String() == r.severity {
				used[i], found = true, true
			}
		}
		if !found {
			bad = true
			t.Errorf("not found: %s at %s (%s)", r.reason, r.server, r.severity)
		}
	}
	for i, u := range used {
		if !u {
			bad = true
			t.Errorf("not expected: %s at %s (%s)", got[i].Reason, short(got[i].Server), got[i].Severity)
		}
	}
	if bad {
		t.Errorf("verdict %v, dnssec %s; want %s, %s: %s\n%s", v, o.Judgement.Zone.Word, want[0].verdict, want[0].dnssec, detail, lines(got))
	}
}

// short is the first label: "ns2.donvi.gov.vn." is ns2.
func short(server string) string {
	if server == "" {
		return "-"
	}
	return strings.Replace(strings.TrimSuffix(strings.TrimSuffix(server, "."), ".donvi.gov.vn"), ".gov.vn", "", 1)
}
