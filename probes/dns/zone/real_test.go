package zone_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"watchpost.example/internal/testneed"
	"watchpost.example/probes/dns/dnswire"
	"watchpost.example/probes/dns/zone"
)

// hierarchy is root, vn, gov.vn and donvi.gov.vn signed by BIND's tools and
// served by named and, at ns2 of the unit, by nsd: the probe must fit servers
// and signatures that we did not write.
type hierarchy struct {
	dir     string
	signing []string // for dnssec-signzone, of the unit's zone
	noDS    bool
	stale   bool // nsd keeps an older version
	open    bool // named lets anybody transfer
}

func TestRealServers(t *testing.T) {
	for _, p := range []string{"named", "nsd", "dnssec-keygen", "dnssec-signzone"} {
		testneed.Program(t, p)
	}
	if !inNamespace(t) {
		return
	}
	now := time.Now().UTC()
	stamp := func(d time.Duration) string { return now.Add(d).Format("20060102150405") }
	for _, c := range []struct {
		name  string
		h     hierarchy
		wants []string // server and reason
		word  string
	}{
		{"nsec", hierarchy{}, nil, "secure"},
		{"nsec3", hierarchy{signing: []string{"-3", "-", "-H", "0"}}, nil, "secure"},
		{"nsec3 with opt-out", hierarchy{signing: []string{"-3", "-", "-H", "0", "-A"}}, nil, "secure"},
		{"nsec3 iterations", hierarchy{signing: []string{"-3", "-", "-H", "10"}}, []string{"ns1 dns_nsec3_costly", "ns2 dns_nsec3_costly"}, "secure"},
		{"signatures expired", hierarchy{signing: []string{"-P", "-s", stamp(-40 * day), "-e", stamp(-3 * day)}}, []string{"ns1 dns_dnskey_sig_expired", "ns2 dns_dnskey_sig_expired"}, "bogus"},
		{"no DS", hierarchy{noDS: true}, []string{"* dns_ds_missing"}, "insecure"},
		{"stale secondary", hierarchy{stale: true}, []string{"ns2 dns_serial_lag"}, "secure"},
		{"open transfer", hierarchy{open: true}, []string{"ns1 dns_transfer_open"}, "secure"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.h.dir = t.TempDir()
			r := c.h.serve(t)
			res, err := zone.Run(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range res.Findings {
				got = append(got, short(f.Server)+" "+string(f.Reason))
			}
			if c.wants != nil && strings.HasPrefix(c.wants[0], "* ") && len(got) == 1 {
				_, reason, _ := strings.Cut(got[0], " ")
				got[0] = "* " + reason
			}
			if strings.Join(got, ", ") != strings.Join(c.wants, ", ") || res.DNSSEC.Word != c.word {
				t.Errorf("found %q, %s; want %q, %s\n%+v", got, res.DNSSEC.Word, c.wants, c.word, res.Findings)
			}
		})
	}
}

func (h hierarchy) serve(t *testing.T) zone.Request {
	t.Helper()
	unitZone := `donvi.gov.vn. 3600 IN SOA ns1.donvi.gov.vn. quantri.donvi.gov.vn. SERIAL 7200 3600 1209600 300
donvi.gov.vn. 3600 IN NS ns1.donvi.gov.vn.
donvi.gov.vn. 3600 IN NS ns2.donvi.gov.vn.
ns1.donvi.gov.vn. 3600 IN A 127.53.3.1
ns2.donvi.gov.vn. 3600 IN A 127.53.3.2
www.donvi.gov.vn. 300 IN A ADDRESS
donvi.gov.vn. 300 IN MX 10 www.donvi.gov.vn.
`
	text := func(serial, address string) string {
		return strings.NewReplacer("SERIAL", serial, "ADDRESS", address).Replace(unitZone)
	}
	keys := map[string]bool{}
	new1 := h.sign(t, unit, "unit.new", text("2", "127.99.0.1"), keys, h.signing)
	old := new1
	if h.stale {
		old = h.sign(t, unit, "unit.old", text("1", "127.99.0.7"), keys, h.signing)
	}
	ds := h.read(t, "dsset-donvi.gov.vn.")
	if h.noDS {
		ds = ""
	}
	glue := func(zone, net string) string {
		return fmt.Sprintf("%s 3600 IN NS ns1.%s\nns1.%s 3600 IN A 127.53.%s.1\n", zone, zone, zone, net)
	}
	soa := func(zone, host string) string {
		return fmt.Sprintf("%s 3600 IN SOA %s hostmaster.%s 1 7200 3600 1209600 300\n", zone, host, host)
	}
	gov := h.sign(t, "gov.vn.", "gov", soa("gov.vn.", "ns1.gov.vn.")+glue("gov.vn.", "2")+strings.Join(strings.SplitAfter(unitZone, "\n")[1:5], "")+ds, keys, nil)
	vn := h.sign(t, "vn.", "vn", soa("vn.", "ns1.vn.")+glue("vn.", "1")+glue("gov.vn.", "2")+h.read(t, "dsset-gov.vn."), keys, nil)
	root := h.sign(t, ".", "root", soa(".", "a.root.")+". 3600 IN NS a.root.\na.root. 3600 IN A 127.53.0.1\n"+glue("vn.", "1")+h.read(t, "dsset-vn."), keys, nil)
	h.named(t, "127.53.0.1", ".", root)
	h.named(t, "127.53.1.1", "vn.", vn)
	h.named(t, "127.53.2.1", "gov.vn.", gov)
	h.named(t, "127.53.3.1", unit, new1)
	h.nsd(t, "127.53.3.2", unit, old)
	hints := h.write(t, "hints", ". 3600000 IN NS a.root.\na.root. 3600000 IN A 127.53.0.1\n")
	return zone.Request{Zone: "donvi.gov.vn", HintsFile: hints, AnchorFile: filepath.Join(h.dir, "dsset-."), Timeout: time.Second}
}

// sign makes keys once and signs a zone with BIND's tools; it gives the file.
func (h hierarchy) sign(t *testing.T, name, file, text string, keys map[string]bool, more []string) string {
	t.Helper()
	if !keys[name] {
		keys[name] = true
		h.run(t, "dnssec-keygen", "-q", "-K", h.dir, "-a", "ECDSAP256SHA256", "-f", "KSK", name)
		h.run(t, "dnssec-keygen", "-q", "-K", h.dir, "-a", "ECDSAP256SHA256", name)
	}
	path := h.write(t, file, text)
	args := append([]string{"-q", "-S", "-K", h.dir, "-d", h.dir, "-o", name, "-N", "keep"}, more...)
	h.run(t, "dnssec-signzone", append(args, "-f", path+".signed", path)...)
	return path + ".signed"
}

func (h hierarchy) run(t *testing.T, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), testneed.Program(t, program), args...)
	cmd.Dir = h.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", program, args, err, out)
	}
}

func (h hierarchy) write(t *testing.T, name, text string) string {
	t.Helper()
	p := filepath.Join(h.dir, name)
	if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func (h hierarchy) read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(h.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (h hierarchy) named(t *testing.T, addr, name, file string) {
	t.Helper()
	h.address(t, addr)
	transfer := "none"
	if h.open && name == unit {
		transfer = "any"
	}
	conf := h.write(t, addr+".conf", fmt.Sprintf(`options { directory %q; listen-on port 53 { %s; }; listen-on-v6 { none; }; recursion no; allow-transfer { %s; };
 pid-file none; session-keyfile none; dnssec-validation no; notify no; };
controls { };
zone %q { type primary; file %q; };
`, h.dir, addr, transfer, name, file))
	h.daemon(t, addr, name, "named", "-g", "-n", "1", "-c", conf)
}

func (h hierarchy) nsd(t *testing.T, addr, name, file string) {
	t.Helper()
	h.address(t, addr)
	conf := h.write(t, addr+".conf", fmt.Sprintf(`server:
 ip-address: %s
 username: ""
 chroot: ""
 database: ""
 zonesdir: %q
 pidfile: "%s/nsd.pid"
 xfrdfile: "%s/xfrd"
 zonelistfile: "%s/list"
 server-count: 1
remote-control:
 control-enable: no
zone:
 name: %q
 zonefile: %q
`, addr, h.dir, h.dir, h.dir, h.dir, name, file))
	h.daemon(t, addr, name, "nsd", "-d", "-c", conf)
}

// address puts an address on lo: named listens on those of an interface only.
func (h hierarchy) address(t *testing.T, addr string) {
	t.Helper()
	_ = exec.CommandContext(t.Context(), testneed.Program(t, "ip"), "addr", "add", addr+"/32", "dev", "lo").Run() // it may be there from the case before
}

func (h hierarchy) daemon(t *testing.T, addr, name, program string, args ...string) {
	t.Helper()
	log, err := os.Create(filepath.Join(h.dir, addr+".log"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, testneed.Program(t, program), args...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, h.dir
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 3 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = cmd.Wait(); _ = log.Close() }) // it was told to go
	c := &dnswire.Client{Timeout: 200 * time.Millisecond, Attempts: 1}
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	for range 200 {
		if r, err := c.Ask(t.Context(), netip.AddrPortFrom(netip.MustParseAddr(addr), 53), dnswire.Query{Name: name, Type: dns.TypeSOA}); err == nil && r.Msg.Authoritative {
			return
		}
		<-tick.C
	}
	t.Fatalf("%s did not start:\n%s", program, h.read(t, addr+".log"))
}
