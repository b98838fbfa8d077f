package zone_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/idna"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/dnslab"
	"watchpost.example/probes/dns/dnswire"
	"watchpost.example/probes/dns/zone"
)

// Private addresses are a fault below parents that the Internet routes to, not
// in a hierarchy that is private as a whole, and not when they are approved.
func TestPrivateAddresses(t *testing.T) {
	w := dnslab.Healthy().Build()
	for _, a := range []string{"127.53.1.1", "127.53.1.2"} {
		w.Server(a).Faults = []dnslab.Fault{func(x *dnslab.Exchange) {
			for _, rr := range x.Reply.Extra {
				if a, ok := rr.(*dns.A); ok && strings.HasSuffix(rr.Header().Name, ".gov.vn.") {
					a.A = net.IPv4(203, 119, 2, a.A.To4()[3])
				}
			}
		}}
	}
	w.Start(t)
	inside := func(o *zone.Options) {
		o.Dialer = dnswire.DialFunc(func(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error) {
			if b := to.Addr().As4(); b[0] == 203 {
				to = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 53, b[2], b[3]}), to.Port())
			}
			return dnswire.NetDialer().Dial(ctx, network, to)
		})
	}
	private := func(p zone.Plan, change ...func(*zone.Options)) (records []string) {
		for _, f := range env(t, w, change...).Check(t.Context(), p).Judgement.Findings {
			if f.Reason != zone.AddressPrivate || f.Severity != probes.Ticket {
				t.Errorf("%s", lines([]zone.Finding{f}))
			}
			records = append(records, short(f.Server)+" "+f.Record)
		}
		return records
	}
	if got := fmt.Sprint(private(plan(nil), inside)); !strings.Contains(got, "ns1 ns1.donvi.gov.vn. A/AAAA") || !strings.Contains(got, "ns2 www.donvi.gov.vn. A") {
		t.Errorf("found %s", got)
	}
	b, err := env(t, w, inside).Learn(t.Context(), plan(nil), "x", "")
	if err != nil {
		t.Fatal(err)
	}
	if got := private(plan(b), inside); len(got) > 0 {
		t.Errorf("approved: %v", got)
	}
}

// A zone may be written in its own script.
func TestNamesInAnyScript(t *testing.T) {
	name := "đơnvị.gov.vn"
	a, err := idna.ToASCII(name)
	if err != nil {
		t.Fatal(err)
	}
	w := dnslab.Healthy()
	w.Add(&dnslab.Zone{Name: a + ".", NS: []dnslab.NS{{Name: "ns1." + a + ".", Addr: "127.53.5.1"}, {Name: "ns2." + a + ".", Addr: "127.53.5.2"}}, Records: []string{
		"www." + a + ". 300 IN A 127.99.0.1",
	}})
	r := request(t, w.Start(t))
	for _, r.Zone = range []string{name, "ĐƠNVỊ.GOV.VN.", a} {
		res, err := zone.Run(t.Context(), r)
		if err != nil || res.Exit != 0 || res.Zone != a+"." {
			t.Errorf("%s: %v, exit %d, zone %s", r.Zone, err, res.Exit, res.Zone)
		}
	}
}

// A name that is no zone is bad use and not a zone that was withdrawn.
func TestPlainNameIsBadUse(t *testing.T) {
	w := dnslab.Healthy().Start(t)
	r := request(t, w)
	r.Zone = "www.donvi.gov.vn"
	if _, err := zone.Run(t.Context(), r); !errors.Is(err, zone.ErrUse) || !strings.Contains(err.Error(), "probe donvi.gov.vn") {
		t.Errorf("%v", err)
	}
	if _, _, err := zone.Learn(t.Context(), r, filepath.Join(t.TempDir(), "b"), "x", ""); !errors.Is(err, zone.ErrUse) {
		t.Errorf("learn: %v", err)
	}
}

// A second look that our own deadline cuts short neither confirms nor refutes:
// a server that could not be asked any more is not dead.
func TestSecondLookCutShort(t *testing.T) {
	w := dnslab.Healthy().Build()
	var slow atomic.Bool
	for _, a := range []string{ns1, ns2} {
		w.Server(a).Faults = []dnslab.Fault{func(x *dnslab.Exchange) {
			if slow.Load() {
				x.Delay = 5 * time.Second
			}
			if x.Name == www && x.Type == dns.TypeA {
				slow.Store(true) // from the first look's end on
				x.Reply.Answer = nil
			}
		}}
	}
	p := plan(nil)
	p.ConfirmAfter = 150 * time.Millisecond
	e := env(t, w.Start(t), func(o *zone.Options) { o.Timeout = 5 * time.Second })
	ctx, cancel := context.WithTimeout(t.Context(), 900*time.Millisecond)
	defer cancel()
	o := e.Check(ctx, p)
	for _, f := range o.Judgement.Findings {
		if f.Reason == zone.ServerDead || f.Reason == zone.ServerNoTCP || f.Reason == probes.DNSTimeout {
			t.Errorf("%s", lines([]zone.Finding{f}))
		}
	}
}

// A server that limits the rate of its answers leaves now this question out and
// now that one: none of them is lost.
func TestRateLimitIsNoFault(t *testing.T) {
	w := dnslab.Healthy().Build()
	look := 0
	w.Server(ns2).Faults = []dnslab.Fault{func(x *dnslab.Exchange) {
		if x.TCP {
			return
		}
		if x.Type == dns.TypeSOA && x.Query.IsEdns0() != nil && len(x.Query.IsEdns0().Option) == 2 { // NSID and cookie: a look begins
			look++
		}
		if look == 1 && x.Type == dns.TypeMX || look == 2 && x.Type == dns.TypeTXT {
			x.Raw = [][]byte{}
		}
	}}
	o := env(t, w.Start(t), func(o *zone.Options) { o.Timeout = time.Second }).Check(t.Context(), plan(nil))
	if look != 2 || len(o.Judgement.Findings) > 0 {
		t.Errorf("%d looks\n%s", look, lines(o.Judgement.Findings))
	}
}
