package baseline_test

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"watchpost.example/probes/dns/baseline"
)

func table(t *testing.T, text string) *baseline.Table {
	t.Helper()
	tab, err := baseline.ParseTable("as.tsv", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

func TestTableForms(t *testing.T) {
	for name, text := range map[string]string{
		"iptoasn":        "192.0.2.0\t192.0.2.255\t64500\tVN\tTHU-NGHIEM, \"mot\"\n2001:db8::\t2001:db8:ffff:ffff:ffff:ffff:ffff:ffff\t64501\tVN\tHAI\n203.0.113.0\t203.0.113.255\t0\tNone\tNot routed\n",
		"iptoasn, u32":   "3221225984\t3221226239\t64500\tVN\tMOT\n2001:db8::\t2001:db8:ffff:ffff:ffff:ffff:ffff:ffff\t64501\tVN\tHAI\n",
		"pyasn":          "; IP-ASN32-DAT file\n; Original file\n192.0.2.0/24\t64500\n2001:db8::/32\t64501\n",
		"CSV, a heading": "\ufeffnetwork,autonomous_system_number,autonomous_system_organization\r\n192.0.2.0/24,64500,\"Mot, Hai\"\r\n2001:db8::/32,AS64501,Ba\r\n",
		"by hand":        "# our provider\n192.0.2.0/24   AS64500   # VN\n\n2001:db8::/32 as64501\n",
	} {
		tab := table(t, text)
		for a, want := range map[string]baseline.ASN{
			"192.0.2.0": 64500, "192.0.2.255": 64500, "::ffff:192.0.2.7": 64500, "192.0.1.255": 0, "192.0.3.0": 0, "203.0.113.7": 0,
			"2001:db8::1": 64501, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff": 64501, "2001:db9::": 0, "::": 0,
		} {
			if got := tab.AS(netip.MustParseAddr(a)); got != want {
				t.Errorf("%s: %s is in %v, want %v", name, a, got, want)
			}
		}
	}
	if (*baseline.Table)(nil).AS(netip.MustParseAddr("192.0.2.1")) != 0 || (&baseline.Table{}).AS(netip.Addr{}) != 0 {
		t.Error("no table knows something")
	}
}

func TestTableMistakes(t *testing.T) {
	_, err := baseline.ParseTable("as.tsv", strings.NewReader("192.0.2.0 192.0.2.255 64500\n192.0.2.300 192.0.2.1 7\nmay man\n192.0.2.9 192.0.2.1 7\n192.0.2.0/33 7\n192.0.2.0/24 x\n192.0.2.0/24 4294967296\n::1 192.0.2.1 5\n"))
	if !errors.Is(err, baseline.ErrTable) {
		t.Fatal(err)
	}
	for i, want := range []string{"as.tsv:2: \"192.0.2.300\" is no address", "as.tsv:3:", "as.tsv:4: 192.0.2.9 is not the beginning", "as.tsv:5: \"192.0.2.0/33\" is no prefix", "as.tsv:6: \"X\" is no AS", "as.tsv:7:", "as.tsv:8:"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%d: no word of %q in\n%v", i, want, err)
		}
	}
	for text, want := range map[string]string{
		"": "no rows", "\x1f\x8b\x08": "gunzip", strings.Repeat("xoan\n", 50): "and 30 more", "192.0.2.0/24 " + strings.Repeat("1", 70<<10): "too long",
	} {
		if _, err := baseline.ParseTable("as.tsv", strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	if _, err := baseline.ReadTable(t.TempDir() + "/none"); !errors.Is(err, baseline.ErrTable) || !strings.Contains(err.Error(), "none") {
		t.Error(err)
	}
}

// Nested and overlapping spans against a table that looks at each one.
func TestTableNests(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for round := range 300 {
		var text strings.Builder
		type row struct {
			p   netip.Prefix
			asn baseline.ASN
		}
		var rows []row
		for range 1 + rnd.IntN(12) {
			p := netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(rnd.IntN(256))}), 24+rnd.IntN(9)).Masked()
			if round%2 == 1 {
				p = netip.PrefixFrom(netip.AddrFrom16([16]byte{15: byte(rnd.IntN(256))}), 120+rnd.IntN(9)).Masked()
			}
			known := false
			for _, r := range rows {
				known = known || r.p == p
			}
			if !known {
				rows = append(rows, row{p, baseline.ASN(1 + rnd.IntN(5))})
				text.WriteString(p.String() + " " + strconv.Itoa(int(rows[len(rows)-1].asn)) + "\n")
			}
		}
		tab := table(t, text.String())
		for i := range 256 {
			a := netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})
			if round%2 == 1 {
				a = netip.AddrFrom16([16]byte{15: byte(i)})
			}
			var want baseline.ASN
			bits := -1
			for _, r := range rows {
				if r.p.Contains(a) && r.p.Bits() > bits {
					want, bits = r.asn, r.p.Bits()
				}
			}
			if got := tab.AS(a); got != want {
				t.Fatalf("%s is in %v, want %v of\n%s", a, got, want, text.String())
			}
		}
	}
}

func FuzzTable(f *testing.F) {
	f.Add("192.0.2.0\t192.0.2.255\t64500\n", "192.0.2.1")
	f.Add("::/0 1\n255.255.255.255/32 2\nffff::/16 3\n0.0.0.0 255.255.255.255 4", "255.255.255.255")
	f.Fuzz(func(t *testing.T, text, addr string) {
		tab, err := baseline.ParseTable("f", strings.NewReader(text))
		if err != nil {
			return
		}
		if a, err := netip.ParseAddr(addr); err == nil {
			tab.AS(a)
		}
	})
}
