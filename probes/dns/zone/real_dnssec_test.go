package zone_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"watchpost.example/internal/testneed"
	"watchpost.example/probes/dns/zone"
)

// richZone has what real zones have: wildcards, empty non-terminals, aliases
// within and into a delegated zone on the same servers, a DNAME.
const richZone = `donvi.gov.vn. 3600 IN SOA ns1.donvi.gov.vn. quantri.donvi.gov.vn. 7 7200 3600 1209600 300
donvi.gov.vn. 3600 IN NS ns1.donvi.gov.vn.
donvi.gov.vn. 3600 IN NS ns2.donvi.gov.vn.
ns1.donvi.gov.vn. 3600 IN A 127.53.3.1
ns2.donvi.gov.vn. 3600 IN A 127.53.3.2
www.donvi.gov.vn. 300 IN A 127.99.0.1
Donvi.gov.VN. 300 IN MX 10 WWW.donvi.gov.vn.
*.dai.donvi.gov.vn. 300 IN A 127.99.0.2
*.bi-danh.donvi.gov.vn. 300 IN CNAME www.donvi.gov.vn.
a.b.tang.donvi.gov.vn. 300 IN A 127.99.0.3
cong.donvi.gov.vn. 300 IN CNAME www.donvi.gov.vn.
moi.donvi.gov.vn. 300 IN CNAME www.phong.donvi.gov.vn.
cu.donvi.gov.vn. 300 IN DNAME dai.donvi.gov.vn.
phong.donvi.gov.vn. 3600 IN NS ns1.donvi.gov.vn.
phong.donvi.gov.vn. 3600 IN NS ns2.donvi.gov.vn.
`

const childZone = `phong.donvi.gov.vn. 3600 IN SOA ns1.donvi.gov.vn. quantri.donvi.gov.vn. 1 7200 3600 1209600 300
phong.donvi.gov.vn. 3600 IN NS ns1.donvi.gov.vn.
phong.donvi.gov.vn. 3600 IN NS ns2.donvi.gov.vn.
www.phong.donvi.gov.vn. 300 IN A 127.99.0.4
`

// TestRealSigners asks zones that other people's signers signed and served, by
// way of the command line's own entrance: in good health they are silent, and
// what is broken in the file is found at the server that has the file.
func TestRealSigners(t *testing.T) {
	for _, p := range []string{"named", "knotd", "keymgr", "dnssec-keygen", "dnssec-signzone"} {
		testneed.Program(t, p)
	}
	if !inNamespace(t) {
		return
	}
	drop := func(sub string) func(string) string {
		return func(text string) string {
			var out []string
			for line := range strings.Lines(text) {
				if !strings.Contains(line, sub) {
					out = append(out, line)
				}
			}
			return strings.Join(out, "")
		}
	}
	for _, c := range []struct {
		name  string
		alg   string // of dnssec-keygen; "" = Knot signs
		knot  string // its zone's settings
		more  []string
		spoil func(text string) string // of the file at ns2, after it was signed
		wants []string
	}{
		{name: "BIND, RSA-SHA-256", alg: "RSASHA256"},
		{name: "BIND, RSA-SHA-512", alg: "RSASHA512"},
		{name: "BIND, P-384, NSEC3", alg: "ECDSAP384SHA384", more: []string{"-3", "-", "-H", "0"}},
		{name: "BIND, Ed25519", alg: "ED25519"},
		{name: "BIND, opt-out", alg: "ECDSAP256SHA256", more: []string{"-3", "-", "-H", "0", "-A"}},
		{name: "BIND, RSA-SHA-1", alg: "NSEC3RSASHA1", wants: []string{"ns1 dns_algorithm_weak", "ns2 dns_algorithm_weak"}},
		{name: "Knot, NSEC", knot: "dnssec-signing: on"},
		{name: "Knot, NSEC3", knot: "dnssec-signing: on\n   dnssec-policy: hashed"},
		{name: "Knot, signing each answer", knot: "module: mod-onlinesign"},
		{name: "no signature over MX at ns2", alg: "ECDSAP256SHA256", spoil: drop("RRSIG\tMX"), wants: []string{"ns2 dns_sig_missing"}},
		{name: "no signature over NS at ns2", alg: "ECDSAP256SHA256", spoil: drop("RRSIG\tNS "), wants: []string{"ns2 dns_sig_missing"}},
		{name: "no signature over the DNAME at ns2", alg: "ECDSAP256SHA256", spoil: drop("RRSIG\tDNAME"), wants: []string{"ns2 dns_sig_missing"}},
		{name: "a wildcard tampered with at ns2", alg: "ECDSAP256SHA256", spoil: func(s string) string { return strings.ReplaceAll(s, "127.99.0.2", "127.99.6.66") }, wants: []string{"ns2 dns_sig_invalid"}},
		{name: "a key changed at ns2", alg: "RSASHA256", spoil: func(s string) string { return strings.ReplaceAll(s, "DNSKEY\t256 3 8 AwEAA", "DNSKEY\t256 3 8 AwEAB") }, wants: []string{"ns2 dns_dnskey_sig_invalid"}},
		{name: "NSEC denies what exists at ns2", alg: "ECDSAP256SHA256", spoil: func(s string) string {
			return strings.ReplaceAll(s, "NSEC\twww.donvi.gov.vn.", "NSEC\twwx.donvi.gov.vn.")
		}, wants: []string{"ns2 dns_denial_unsigned"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := hierarchy{dir: t.TempDir()}
			child := h.write(t, "phong", childZone)
			var ds string
			if c.alg != "" {
				ds = h.bindSigns(t, c.alg, c.more, child, c.spoil)
			} else {
				ds = h.knotSigns(t, c.knot, child)
			}
			r := h.above(t, ds)
			r.Names = []string{"bat-ky.dai", "bat-ky.dai AAAA", "x.y.bi-danh", "tang", "b.tang TXT", "cong", "moi", "www.phong", "x.cu", "x.cu CNAME", "khong-co", "phong DS"}
			res, err := zone.Run(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range res.Findings {
				got = append(got, short(f.Server)+" "+string(f.Reason))
			}
			word := "secure"
			if c.spoil != nil {
				word = "bogus"
			}
			if strings.Join(got, ", ") != strings.Join(c.wants, ", ") || res.DNSSEC.Word != word {
				t.Errorf("found %q, %s; want %q, %s\n%+v", got, res.DNSSEC.Word, c.wants, word, res.Findings)
			}
		})
	}
}

// bindSigns signs the unit's zone with dnssec-signzone and serves it by named
// at ns1 and by knotd at ns2; it gives the DS.
func (h hierarchy) bindSigns(t *testing.T, alg string, more []string, child string, spoil func(string) string) string {
	t.Helper()
	bits := []string(nil)
	if strings.Contains(alg, "RSA") {
		bits = []string{"-b", "2048"}
	}
	for _, kind := range [][]string{{"-f", "KSK"}, nil} {
		args := append([]string{"-q", "-K", h.dir, "-a", alg}, bits...)
		h.run(t, "dnssec-keygen", append(append(args, kind...), unit)...)
	}
	path := h.write(t, "unit", richZone)
	args := append([]string{"-q", "-S", "-O", "full", "-K", h.dir, "-d", h.dir, "-o", unit, "-N", "keep"}, more...)
	h.run(t, "dnssec-signzone", append(args, "-f", path+".signed", path)...)
	second := path + ".signed"
	if spoil != nil {
		was := h.read(t, "unit.signed")
		text := spoil(was)
		if text == was {
			t.Fatal("nothing was spoilt:\n" + was)
		}
		second = h.write(t, "unit.spoilt", text)
	}
	h.namedZones(t, "127.53.3.1", map[string]string{unit: path + ".signed", "phong." + unit: child})
	h.knot(t, "127.53.3.2", fmt.Sprintf(" - domain: %s\n   file: %q\n   zonefile-load: whole\n   semantic-checks: off\n - domain: phong.%s\n   file: %q\n", unit, second, unit, child))
	return h.read(t, "dsset-donvi.gov.vn.")
}

// knotSigns lets Knot sign and serve at both addresses.
func (h hierarchy) knotSigns(t *testing.T, settings, child string) string {
	t.Helper()
	path := h.write(t, "unit", richZone)
	h.address(t, "127.53.3.2")
	h.knot(t, "127.53.3.1", fmt.Sprintf(" - domain: %s\n   file: %q\n   zonefile-load: difference-no-serial\n   journal-content: all\n   zonefile-sync: -1\n   %s\n - domain: phong.%s\n   file: %q\n", unit, path, settings, unit, child))
	cmd := exec.CommandContext(t.Context(), testneed.Program(t, "keymgr"), "-c", filepath.Join(h.dir, "127.53.3.1.conf"), unit, "ds")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(strings.TrimSpace(string(out)), " DS ", " 3600 IN DS ") + "\n"
}

// knot starts knotd at an address, and at ns2's too when it stands alone.
func (h hierarchy) knot(t *testing.T, addr, zones string) {
	t.Helper()
	h.address(t, addr)
	listen := addr + "@53"
	if addr == "127.53.3.1" {
		listen += ", 127.53.3.2@53"
	}
	if err := os.MkdirAll(filepath.Join(h.dir, "db"), 0o700); err != nil {
		t.Fatal(err)
	}
	conf := h.write(t, addr+".conf", fmt.Sprintf(`server:
 listen: [ %s ]
 rundir: %q
log:
 - target: stderr
   any: warning
database:
 storage: "%s/db"
policy:
 - id: hashed
   nsec3: on
   nsec3-iterations: 0
   nsec3-salt-length: 0
zone:
%s`, listen, h.dir, h.dir, zones))
	h.daemon(t, addr, unit, "knotd", "-c", conf)
}

func (h hierarchy) namedZones(t *testing.T, addr string, zones map[string]string) {
	t.Helper()
	h.address(t, addr)
	text := fmt.Sprintf("options { directory %q; listen-on port 53 { %s; }; listen-on-v6 { none; }; recursion no; allow-transfer { none; };\n pid-file none; session-keyfile none; dnssec-validation no; notify no; };\ncontrols { };\n", h.dir, addr)
	for name, file := range zones {
		text += fmt.Sprintf("zone %q { type primary; file %q; };\n", name, file)
	}
	h.daemon(t, addr, unit, "named", "-g", "-n", "1", "-c", h.write(t, addr+".conf", text))
}

// above serves root, vn and gov.vn, signed by BIND's tools, with a DS of the unit.
func (h hierarchy) above(t *testing.T, ds string) zone.Request {
	t.Helper()
	keys := map[string]bool{}
	soa := func(zone, host string) string {
		return fmt.Sprintf("%s 3600 IN SOA %s hostmaster.%s 1 7200 3600 1209600 300\n", zone, host, host)
	}
	ns := func(zone, net string) string {
		return fmt.Sprintf("%s 3600 IN NS ns1.%s\nns1.%s 3600 IN A 127.53.%s.1\n", zone, zone, zone, net)
	}
	delegation := strings.Join(strings.SplitAfter(richZone, "\n")[1:5], "")
	gov := h.sign(t, "gov.vn.", "gov", soa("gov.vn.", "ns1.gov.vn.")+ns("gov.vn.", "2")+delegation+ds, keys, []string{"-3", "-", "-H", "0", "-A"})
	vn := h.sign(t, "vn.", "vn", soa("vn.", "ns1.vn.")+ns("vn.", "1")+ns("gov.vn.", "2")+h.read(t, "dsset-gov.vn."), keys, nil)
	root := h.sign(t, ".", "root", soa(".", "a.root.")+". 3600 IN NS a.root.\na.root. 3600 IN A 127.53.0.1\n"+ns("vn.", "1")+h.read(t, "dsset-vn."), keys, nil)
	h.named(t, "127.53.0.1", ".", root)
	h.named(t, "127.53.1.1", "vn.", vn)
	h.named(t, "127.53.2.1", "gov.vn.", gov)
	hints := h.write(t, "hints", ". 3600000 IN NS a.root.\na.root. 3600000 IN A 127.53.0.1\n")
	return zone.Request{Zone: "donvi.gov.vn", HintsFile: hints, AnchorFile: filepath.Join(h.dir, "dsset-."), Timeout: time.Second}
}
