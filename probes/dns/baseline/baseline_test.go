package baseline_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"watchpost.example/probes/dns/baseline"
)

func sample() *baseline.Zone {
	at := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	return &baseline.Zone{
		Zone: "donvi.gov.vn.", Learned: baseline.Stamp{By: "ca trực 1", At: at}, Approved: baseline.Stamp{By: "tổ trưởng", At: at, Note: `sau khi "chuyển" máy chủ`},
		Security: "secure", Serial: 7,
		Parent: baseline.Delegation{NS: []string{"ns1.donvi.gov.vn."}, DS: []string{"1 13 2 " + strings.Repeat("AB", 32)}, Glue: []baseline.Glue{{Name: "ns1.donvi.gov.vn.", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}}},
		NS:     []string{"ns1.donvi.gov.vn."}, SOA: baseline.SOA{MName: "ns1.donvi.gov.vn.", RName: "quantri.donvi.gov.vn."},
		DNSKEY: []string{"257 3 13 AAAA"}, Signatures: baseline.Signatures{Validity: 2592000, Least: 1000000},
		Records: []baseline.Record{
			{Name: "donvi.gov.vn.", Type: "TXT", Policy: baseline.Exact, Values: []string{`"v=spf1 -all" "ba \"dấu\" \\ \009"`}, TTL: 300},
			{Name: "www.donvi.gov.vn.", Type: "A", Policy: baseline.Within, Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, ASN: []baseline.ASN{64500}, Suffixes: []string{"cdn.example."}},
		},
		Random:  &baseline.Random{Rcode: "NXDOMAIN"},
		Changes: []baseline.Change{{From: at, Until: at.Add(time.Hour), By: "a", SecondBy: "b", Why: "đổi DNS"}},
	}
}

func TestFileRoundTrip(t *testing.T) {
	z := sample()
	path := t.TempDir() + "/z.yaml"
	if err := baseline.Save(path, z); err != nil {
		t.Fatal(err)
	}
	got, err := baseline.Load(path)
	if err != nil {
		t.Fatalf("%v\n%s", err, baseline.Encode(z))
	}
	// TXT values come back in the canonical escapes of zone files.
	z.Records[0].Values = got.Records[0].Values
	if d := cmp.Diff(z, got, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}), cmpopts.IgnoreUnexported(baseline.Record{})); d != "" {
		t.Error(d)
	}
}

func TestMistakesAreAllSaid(t *testing.T) {
	_, err := baseline.Parse("z.yaml", []byte(`zone: donvi.gov.vn
security: maybe
records:
- name: www
  type: A
  policy: exakt
  values: [not-an-address]
changes:
- {from: 2026-11-22T00:00:00Z, until: 2026-11-21T00:00:00Z, by: a, second_by: a}
colour: red
`))
	if err == nil {
		t.Fatal("taken")
	}
	for _, want := range []string{"z.yaml:2:", "secure", "exact", "not-an-address", "two different people", "before until", "colour"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no word of %q in:\n%v", want, err)
		}
	}
}

func TestMatch(t *testing.T) {
	nets := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	for name, c := range map[string]struct {
		r     baseline.Record
		found []string
		want  bool
	}{
		"exact":            {baseline.Record{Values: []string{"a", "b"}}, []string{"a", "b"}, true},
		"exact, one more":  {baseline.Record{Values: []string{"a"}}, []string{"a", "b"}, false},
		"exact, one less":  {baseline.Record{Values: []string{"a", "b"}}, []string{"a"}, false},
		"exact, none":      {baseline.Record{}, nil, true},
		"subset":           {baseline.Record{Policy: baseline.Subset, Values: []string{"a", "b"}}, []string{"b"}, true},
		"subset, strange":  {baseline.Record{Policy: baseline.Subset, Values: []string{"a"}}, []string{"b"}, false},
		"subset, all gone": {baseline.Record{Policy: baseline.Subset, Values: []string{"a"}}, nil, false},
		"within":           {baseline.Record{Policy: baseline.Within, Networks: nets}, []string{"192.0.2.77"}, true},
		"outside":          {baseline.Record{Policy: baseline.Within, Networks: nets}, []string{"198.51.100.1"}, false},
		"suffix":           {baseline.Record{Policy: baseline.Within, Suffixes: []string{"cdn.example."}}, []string{"a.cdn.example."}, true},
		"not quite suffix": {baseline.Record{Policy: baseline.Within, Suffixes: []string{"cdn.example."}}, []string{"evilcdn.example."}, false},
		"ignore":           {baseline.Record{Policy: baseline.Ignore}, []string{"x"}, true},
	} {
		if ok, _, _ := c.r.Match(c.found); ok != c.want {
			t.Errorf("%s: %v", name, ok)
		}
	}
}

func TestChangeNeedsTwo(t *testing.T) {
	z := sample()
	at := z.Changes[0].From
	if !z.Changing(at) || z.Changing(at.Add(time.Hour)) || z.Changing(at.Add(-time.Second)) {
		t.Error("window")
	}
	z.Changes[0].SecondBy = "a"
	if z.Changing(at) {
		t.Error("one person can't announce a change alone")
	}
}
