package zone_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"watchpost.example/probes/dns/baseline"
	"watchpost.example/probes/dns/dnslab"
	"watchpost.example/probes/dns/zone"
)

// What was learned is judged by at once: no finding. And a person's comment on
// a record, its policy and who learned it outlive the approval.
func TestLearnedIsFound(t *testing.T) {
	w := dnslab.Healthy()
	w.Unit().Records = append(w.Unit().Records, "ngoai.donvi.gov.vn. 300 IN CNAME www.ncc.vn.", "*.tam.donvi.gov.vn. 300 IN A 127.99.0.7")
	w.Start(t)
	r := request(t, w)
	r.Names = []string{"ngoai", "cong", "x.tam"}
	file := filepath.Join(t.TempDir(), "b.yaml")
	z, wrong, err := zone.Learn(t.Context(), r, file, "an", "")
	if err != nil || len(wrong) > 0 || len(z.Attention) > 0 {
		t.Fatal(err, wrong)
	}
	r.Baseline = file
	res, err := zone.Run(t.Context(), r)
	if err != nil || res.Exit != 0 {
		t.Fatal(err, res.Findings)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(b), "  policy: \"exact\"", "  note: \"vì sao\"\n  policy: \"exact\"", 1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r.Baseline = ""
	diff, err := zone.ApproveFile(t.Context(), r, file, "binh", "đã xem")
	if err != nil || len(diff) > 0 {
		t.Fatal(diff, err)
	}
	got, err := baseline.Load(file)
	if err != nil || got.Learned.By != "an" || got.Approved.By != "binh" || got.Approved.Note != "đã xem" || got.Records[0].Note != "vì sao" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := zone.DiffFile(t.Context(), zone.Request{Zone: "ncc.vn", HintsFile: r.HintsFile, AnchorFile: r.AnchorFile, Port: r.Port}, file); err == nil || !strings.Contains(err.Error(), "baseline of donvi.gov.vn") {
		t.Errorf("another zone's file: %v", err)
	}
}

// A zone that is not in order can be learned, and whoever approves is told.
func TestLearnedWithAttention(t *testing.T) {
	w := dnslab.Healthy()
	w.Unit().Life = w.Life(-29*day, 2*day)
	w.Start(t)
	file := filepath.Join(t.TempDir(), "b.yaml")
	z, wrong, err := zone.Learn(t.Context(), request(t, w), file, "an", "")
	if err != nil || len(wrong) == 0 {
		t.Fatal(err, wrong)
	}
	b, _ := os.ReadFile(file)
	if len(z.Attention) != len(wrong) || !strings.Contains(string(b), "not in order") || !strings.Contains(z.Attention[0], "dns_sig_soon") {
		t.Errorf("%q\n%s", z.Attention, b)
	}
	if again, err := baseline.Load(file); err != nil || len(again.Attention) != len(wrong) {
		t.Error(again, err)
	}
}

// Addresses that are approved by AS number, from the file to the finding.
func TestApprovedByASN(t *testing.T) {
	w := dnslab.Healthy().Start(t)
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	tab := file("as.tsv", "127.99.0.0\t127.99.0.255\t64500\tVN\tNCC\n")
	approved := func(asn string) string {
		return file("b.yaml", "zone: donvi.gov.vn\nrecords:\n- {name: www, type: A, policy: within, asn: ["+asn+"]}\n")
	}
	r := request(t, w)
	r.ASNTable = tab
	r.Baseline = approved("AS64500")
	if res, err := zone.Run(t.Context(), r); err != nil || res.Exit != 0 {
		t.Error(err, res.Findings)
	}
	r.Baseline = approved("64501")
	res, err := zone.Run(t.Context(), r)
	if err != nil || len(res.Findings) == 0 || res.Findings[0].Expected != "inside AS64501" || res.Findings[0].Reason != zone.RecordChanged {
		t.Error(err, res.Findings)
	}
	r.ASNTable = ""
	if _, err := zone.Run(t.Context(), r); err == nil || !strings.Contains(err.Error(), "asn_table") || !strings.Contains(err.Error(), "--dns.asn-table") {
		t.Errorf("without a table: %v", err)
	}
	// The same in an inventory's check.
	s := zone.Kinds(env(t, w))[0].New().(*zone.Settings)
	s.Zone, s.Baseline = "donvi.gov.vn", r.Baseline
	if p := s.Problems(); len(p) != 1 || !strings.Contains(p[0].Expected, "asn_table") {
		t.Errorf("%+v", p)
	}
}

// 20326 is to be revoked in January 2027: the pair that we ship goes on, and the
// old one alone is told as our own fault.
func TestRolledRootKey(t *testing.T) {
	w := dnslab.Healthy()
	old, now := dnslab.NewKey(".", dns.ECDSAP256SHA256, true), dnslab.NewKey(".", dns.ECDSAP256SHA256, true)
	before := old.ToDS(dns.SHA256).String() // the tag changes with the flag
	old.Flags |= dns.REVOKE                 // revoked, published and signing itself (RFC 5011 section 2.1)
	w.Zones["."].Keys = []*dnslab.Key{old, now, dnslab.NewKey(".", dns.ECDSAP256SHA256, false)}
	w.Start(t)
	for name, c := range map[string]struct {
		anchors string
		exit    int
		reason  string
	}{
		"both, as DS":     {before + "\n; bình luận\n" + now.ToDS(dns.SHA256).String() + "\n", 0, ""},
		"both, as DNSKEY": {unrevoked(old) + "\n\n" + now.DNSKEY.String() + " ; 2024\n", 0, ""},
		"DS and DNSKEY":   {now.DNSKEY.String() + "\n" + before + "\n", 0, ""},
		"the new alone":   {now.ToDS(dns.SHA256).String() + "\n", 0, ""},
		"the old alone":   {before + "\n", 1, "dns_anchor_mismatch"},
	} {
		r := request(t, w)
		if err := os.WriteFile(r.AnchorFile, []byte(c.anchors), 0o600); err != nil {
			t.Fatal(err)
		}
		res, err := zone.Run(context.WithoutCancel(t.Context()), r)
		if err != nil || res.Exit != c.exit || c.reason == "" && res.DNSSEC.Word != "secure" || c.reason != "" && string(res.Findings[0].Reason) != c.reason {
			t.Errorf("%s: %v, exit %d, %s\n%+v", name, err, res.Exit, res.DNSSEC.Word, res.Findings)
		}
	}
}

func unrevoked(k *dnslab.Key) string {
	c := dns.Copy(k.DNSKEY).(*dns.DNSKEY)
	c.Flags &^= dns.REVOKE
	return c.String()
}

// What people decided about a record outlives the approval of another's change.
func TestApproveKeepsDecisions(t *testing.T) {
	was := &baseline.Zone{Zone: unit, Learned: baseline.Stamp{By: "an"}, Changes: []baseline.Change{{By: "an"}}, Records: []baseline.Record{
		{Name: www, Type: "A", Policy: baseline.Exact, Values: []string{"192.0.2.1"}, Note: "máy cũ"},
		{Name: unit, Type: "A", Policy: baseline.Within, ASN: []baseline.ASN{64500}, Suffixes: []string{"cdn.example."}, Note: "CDN"},
		{Name: "rieng." + unit, Type: "TXT", Policy: baseline.Ignore},
	}}
	now := &baseline.Zone{Zone: unit, Learned: baseline.Stamp{By: "binh"}, Records: []baseline.Record{
		{Name: www, Type: "A", Policy: baseline.Exact, Values: []string{"192.0.2.2"}},
		{Name: unit, Type: "A", Policy: baseline.Subset, Values: []string{"198.51.100.1"}},
	}}
	got := zone.Approve(was, now, "chi", "")
	w, a := got.Records[0], got.Records[1]
	if w.Values[0] != "192.0.2.2" || w.Note != "máy cũ" || a.Policy != baseline.Within || len(a.ASN) != 1 || len(a.Suffixes) != 1 || a.Note != "CDN" ||
		len(got.Records) != 3 || got.Records[2].Policy != baseline.Ignore || len(got.Changes) != 1 || got.Approved.By != "chi" || got.Learned.By != "binh" {
		t.Errorf("%+v", got)
	}
}
