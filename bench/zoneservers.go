package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/miekg/dns"

	"watchpost.example/probes/dns/dnslab"
)

// hierarchy is root, vn, gov.vn and the units' zones, signed with P-256 and NSEC.
type hierarchy struct {
	dir           string
	hints, anchor string // in zone-file form
	units         []string
	world         *dnslab.World
}

func buildHierarchy(n int, dir string) (*hierarchy, error) {
	w := dnslab.Healthy()
	delete(w.Zones, "donvi.gov.vn.")
	h := &hierarchy{dir: dir, world: w}
	for i := range n {
		zone := fmt.Sprintf("donvi%04d.gov.vn.", i)
		h.units = append(h.units, zone)
		w.Add(&dnslab.Zone{Name: zone, NS: []dnslab.NS{{Name: "ns1." + zone, Addr: "127.53.3.1"}, {Name: "ns2." + zone, Addr: "127.53.3.2"}}, Records: unitRecords(zone)})
	}
	w.Build()
	h.hints, h.anchor = w.Hints(), w.Anchor()
	for name, d := range w.Data {
		var b strings.Builder
		for _, rr := range d.RRs {
			b.WriteString(rr.String() + "\n")
		}
		if err := os.WriteFile(h.file(name), []byte(b.String()), 0o600); err != nil {
			return nil, err
		}
	}
	return h, nil
}

func (h *hierarchy) file(zone string) string { return filepath.Join(h.dir, "zone-"+zone+"txt") }

// unitRecords is what a unit's zone holds: the eight names that are always
// watched and eight more.
func unitRecords(zone string) []string {
	out := []string{
		zone + " 300 IN A 127.99.0.1",
		zone + " 300 IN MX 10 mail." + zone,
		zone + ` 300 IN TXT "v=spf1 mx ip4:127.99.0.0/24 -all"`,
		zone + ` 300 IN CAA 0 issue "ca.example"`,
		"_dmarc." + zone + ` 300 IN TXT "v=DMARC1; p=reject; rua=mailto:dmarc@` + strings.TrimSuffix(zone, ".") + `"`,
		"www." + zone + " 300 IN A 127.99.0.1",
		"mail." + zone + " 300 IN A 127.99.0.25",
	}
	for i := range 8 {
		out = append(out, fmt.Sprintf("cong%d.%s 300 IN A 127.99.1.%d", i, zone, i+1))
	}
	return out
}

// serve starts one NSD for each server of each zone above, and two for the units.
func (h *hierarchy) serve(ctx context.Context) ([]*exec.Cmd, error) {
	var out []*exec.Cmd
	for _, s := range []struct {
		zones []string
		addrs []string
	}{
		{[]string{"."}, []string{"127.53.0.1", "127.53.0.2"}},
		{[]string{"vn."}, []string{"127.53.1.1", "127.53.1.2"}},
		{[]string{"gov.vn."}, []string{"127.53.2.1", "127.53.2.2"}},
		{[]string{"ncc.vn."}, []string{"127.53.4.1", "127.53.4.2"}},
		{h.units, []string{"127.53.3.1"}},
		{h.units, []string{"127.53.3.2"}},
	} {
		c, err := h.nsd(s.addrs, s.zones)
		if err != nil {
			return out, err
		}
		out = append(out, c)
		last := s.zones[len(s.zones)-1]
		for _, a := range s.addrs {
			if err := waitFor(ctx, "NSD on "+a, func() bool { return answers(a, last) }); err != nil {
				return out, fmt.Errorf("%w\n%s", err, tail(h.dir))
			}
		}
	}
	return out, nil
}

func answers(addr, zone string) bool {
	m := new(dns.Msg)
	m.SetQuestion(zone, dns.TypeSOA)
	r, err := dns.Exchange(m, addr+":53")
	return err == nil && r.Rcode == dns.RcodeSuccess && len(r.Answer) > 0
}

func (h *hierarchy) nsd(addrs, zones []string) (*exec.Cmd, error) {
	name := "nsd-" + addrs[0]
	var b strings.Builder
	b.WriteString("server:\n username: \"\"\n chroot: \"\"\n database: \"\"\n server-count: 1\n rrl-ratelimit: 0\n rrl-whitelist-ratelimit: 0\n")
	fmt.Fprintf(&b, " zonesdir: %q\n pidfile: \"%s/%s.pid\"\n xfrdfile: \"%s/%s.xfrd\"\n zonelistfile: \"%s/%s.list\"\n", h.dir, h.dir, name, h.dir, name, h.dir, name)
	for _, a := range addrs {
		b.WriteString(" ip-address: " + a + "\n")
	}
	b.WriteString("remote-control:\n control-enable: no\n")
	for _, z := range zones {
		fmt.Fprintf(&b, "zone:\n name: %q\n zonefile: %q\n", z, h.file(z))
	}
	conf := filepath.Join(h.dir, name+".conf")
	if err := os.WriteFile(conf, []byte(b.String()), 0o600); err != nil {
		return nil, err
	}
	return spawn(h.dir, name, "nsd", nil, "-d", "-c", conf)
}
