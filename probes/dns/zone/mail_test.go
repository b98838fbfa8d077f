package zone_test

import (
	"strings"
	"testing"

	"watchpost.example/probes/dns/zone"
)

func TestSPF(t *testing.T) {
	for text, weak := range map[string]string{
		"v=spf1 -all": "", "v=spf1 mx ip4:192.0.2.0/24 ~all": "", "v=spf1 redirect=_spf.example": "", "V=SPF1 -ALL": "",
		"v=spf1 +all": "+all", "v=spf1 all": "+all", "v=spf1 ?all": "?all", "v=spf1 mx": "no all", "v=spf1 nonsense -all": "can't be read",
		"v=spf10 +all": "", "v=spf1 " + strings.Repeat("include:a.example ", 11) + "-all": "look-up",
		"v=spf1 exp=e.example -all": "", "v=spf1 mx -all +all": "",
	} {
		if got := zone.ReadSPF([]string{"other", text}).Weak(); (got == "") != (weak == "") || !strings.Contains(got, weak) {
			t.Errorf("%q: %q, want %q", text, got, weak)
		}
	}
	if got := zone.ReadSPF([]string{"v=spf1 -all", "v=spf1 mx -all"}).Weak(); !strings.Contains(got, "2 SPF records") {
		t.Error(got)
	}
}

func TestDMARC(t *testing.T) {
	for text, want := range map[string]zone.DMARC{
		"v=DMARC1; p=reject; rua=mailto:a@b.example": {Policy: "reject", Reports: "mailto:a@b.example"},
		"v=DMARC1;p=None":                  {Policy: "none"},
		"v=DMARC1; rua=mailto:a@b.example": {Policy: "", Reports: "mailto:a@b.example", Problem: "x"},
		"v=spf1 -all":                      {},
	} {
		got := zone.ReadDMARC([]string{text})
		if (got.Problem == "") != (want.Problem == "") || want.Problem == "" && got != want {
			t.Errorf("%q: %+v", text, got)
		}
	}
	if zone.ReadDMARC([]string{"v=DMARC1; p=none", "v=DMARC1; p=reject"}).Problem == "" {
		t.Error("two records are none")
	}
}

func FuzzMail(f *testing.F) {
	for _, s := range []string{"v=spf1 +all", "v=spf1 include:a ?all", "v=DMARC1; p=none", "v=spf1 -", "v=spf1 =", "v=DMARC1;;=;p"} {
		f.Add(s, s)
	}
	f.Fuzz(func(_ *testing.T, a, b string) {
		_ = zone.ReadSPF([]string{a, b}).Weak()
		_ = zone.ReadDMARC([]string{a, b})
	})
}
