package dnslab

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Zone is a zone to be built. Its hooks are the places where a test breaks it.
type Zone struct {
	Name    string
	NS      []NS
	Records []string // in zone-file form, beside SOA, NS and the servers' addresses
	Serial  uint32   // 0 = 1
	Expire  uint32   // SOA expire; 0 = 1209600
	Minimum uint32   // negative TTL; 0 = 300

	Unsigned bool
	NSEC3    *NSEC3
	Keys     []*Key // nil = one key-signing and one zone-signing key, P-256
	Life     Life   // zero = from an hour ago to 30 days from now
	Digest   uint8  // of the DS; 0 = SHA-256

	Before     func(d *Data)               // on the unsigned records
	After      func(d *Data)               // on the signed zone, all servers
	PerServer  map[string]func(d *Data)    // on one server's copy, by the server's name
	DS         func(ds []dns.RR) []dns.RR  // on what the parent gets
	Delegation func(rrs []dns.RR) []dns.RR // on the NS and glue that the parent gets
	ApexNS     func(rrs []string) []string // on the NS records of the zone itself
}

// NS is a server of a zone: a name and an address of 127/8. Host is the name
// without an address record when it lies outside the zone.
type NS struct {
	Name string
	Addr string
}

// World is a hierarchy under construction, then running.
type World struct {
	Zones   map[string]*Zone
	Data    map[string]*Data
	Servers map[string]*Server // by address
	Port    uint16             // set before Start: of all servers; else a free one
	now     time.Time
}

// Healthy gives root, vn, gov.vn and donvi.gov.vn with two servers each, signed
// with NSEC, and an outside provider zone ncc.vn. Nothing runs until Start.
func Healthy() *World {
	w := &World{Zones: map[string]*Zone{}, now: time.Now()}
	w.Add(&Zone{Name: ".", NS: []NS{{"a.root.", "127.53.0.1"}, {"b.root.", "127.53.0.2"}}})
	w.Add(&Zone{Name: "vn.", NS: []NS{{"ns1.vn.", "127.53.1.1"}, {"ns2.vn.", "127.53.1.2"}}})
	w.Add(&Zone{Name: "gov.vn.", NS: []NS{{"ns1.gov.vn.", "127.53.2.1"}, {"ns2.gov.vn.", "127.53.2.2"}}})
	w.Add(&Zone{Name: "ncc.vn.", NS: []NS{{"ns1.ncc.vn.", "127.53.4.1"}, {"ns2.ncc.vn.", "127.53.4.2"}}, Records: []string{
		"www.ncc.vn. 300 IN A 127.99.0.9", "mail.ncc.vn. 300 IN A 127.99.0.25",
	}})
	w.Add(&Zone{Name: "donvi.gov.vn.", NS: []NS{{"ns1.donvi.gov.vn.", "127.53.3.1"}, {"ns2.donvi.gov.vn.", "127.53.3.2"}}, Records: []string{
		"donvi.gov.vn. 300 IN A 127.99.0.1",
		"donvi.gov.vn. 300 IN AAAA ::ffff:7f63:1",
		"donvi.gov.vn. 300 IN MX 10 mail.donvi.gov.vn.",
		`donvi.gov.vn. 300 IN TXT "v=spf1 mx ip4:127.99.0.0/24 -all"`,
		`donvi.gov.vn. 300 IN CAA 0 issue "ca.example"`,
		`_dmarc.donvi.gov.vn. 300 IN TXT "v=DMARC1; p=reject; rua=mailto:dmarc@donvi.gov.vn"`,
		"www.donvi.gov.vn. 300 IN A 127.99.0.1",
		"mail.donvi.gov.vn. 300 IN A 127.99.0.25",
		"cong.donvi.gov.vn. 300 IN CNAME www.donvi.gov.vn.",
	}})
	return w
}

// Unit is the zone that most modes break.
func (w *World) Unit() *Zone { return w.Zones["donvi.gov.vn."] }

// Add puts a zone into the world.
func (w *World) Add(z *Zone) { w.Zones[z.Name] = z }

// Now is when the world was made; lives are counted from it.
func (w *World) Now() time.Time { return w.now }

// Life gives a validity relative to Now.
func (w *World) Life(from, until time.Duration) Life {
	return Life{w.now.Add(from), w.now.Add(until)}
}

// Build signs all zones from the leaves up, without serving them.
func (w *World) Build() *World {
	if w.Data != nil {
		return w
	}
	w.Data, w.Servers = map[string]*Data{}, map[string]*Server{}
	var names []string
	for n := range w.Zones {
		names = append(names, n)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(dns.CountLabel(b)-dns.CountLabel(a), strings.Compare(a, b)) })
	handed := map[string][]dns.RR{} // to the parent: NS, glue, DS
	for _, n := range names {
		w.build(w.Zones[n], handed)
	}
	return w
}

func (w *World) build(z *Zone, handed map[string][]dns.RR) {
	d := &Data{Name: z.Name}
	var deleg []dns.RR
	var apex []string
	for _, ns := range z.NS {
		apex = append(apex, fmt.Sprintf("%s 3600 IN NS %s", z.Name, ns.Name))
		deleg = append(deleg, RR(apex[len(apex)-1]))
		if dns.IsSubDomain(z.Name, ns.Name) {
			a := RR(fmt.Sprintf("%s 3600 IN A %s", ns.Name, ns.Addr))
			d.RRs, deleg = append(d.RRs, a), append(deleg, a)
		}
	}
	if z.ApexNS != nil {
		apex = z.ApexNS(apex)
	}
	d.Add(apex...)
	d.Add(fmt.Sprintf("%s 3600 IN SOA %s hostmaster.%s %d 7200 3600 %d %d", z.Name, z.NS[0].Name, strings.TrimPrefix(z.Name, "."),
		cmp.Or(z.Serial, 1), cmp.Or(z.Expire, 1209600), cmp.Or(z.Minimum, 300)))
	d.Add(z.Records...)
	d.RRs = append(d.RRs, handed[z.Name]...)
	d.reindex()
	if z.Before != nil {
		z.Before(d)
	}
	var ds []dns.RR
	if !z.Unsigned {
		if z.Keys == nil {
			z.Keys = []*Key{NewKey(z.Name, dns.ECDSAP256SHA256, true), NewKey(z.Name, dns.ECDSAP256SHA256, false)}
		}
		if z.Life == (Life{}) {
			z.Life = w.Life(-time.Hour, 30*24*time.Hour)
		}
		d.Sign(z.Keys, z.NSEC3, z.Life)
		for _, k := range z.Keys {
			if k.Flags&1 == 1 || len(z.Keys) == 1 {
				ds = append(ds, k.ToDS(cmp.Or(z.Digest, dns.SHA256)))
			}
		}
	}
	if z.DS != nil {
		ds = z.DS(ds)
	}
	if z.After != nil {
		z.After(d)
	}
	if z.Delegation != nil {
		deleg = z.Delegation(deleg)
	}
	w.Data[z.Name] = d
	w.place(z, d)
	if z.Name != "." {
		up := w.above(z.Name)
		handed[up] = append(append(handed[up], deleg...), ds...)
	}
}

func (w *World) above(name string) string {
	for n := parent(name); ; n = parent(n) {
		if w.Zones[n] != nil || n == "." {
			return n
		}
	}
}

func (w *World) place(z *Zone, d *Data) {
	for _, ns := range z.NS {
		s := w.Server(ns.Addr)
		s.Zones[z.Name] = d
		if fn := z.PerServer[ns.Name]; fn != nil {
			c := d.Clone()
			fn(c)
			s.Zones[z.Name] = c.reindex()
		}
	}
}

// Server gives the server at an address, a new one without zones if need be.
// Call it after Build.
func (w *World) Server(addr string) *Server {
	if s, ok := w.Servers[addr]; ok {
		return s
	}
	s := &Server{Addr: netip.AddrPortFrom(netip.MustParseAddr(addr), 0), Zones: map[string]*Data{}}
	w.Servers[addr] = s
	return s
}

// Start builds what is not built and serves until the test ends, all servers
// on one free port.
func (w *World) Start(tb testing.TB) *World {
	tb.Helper()
	w.Build()
	for range 50 {
		if w.listen() {
			for _, s := range w.Servers {
				s.serve(tb)
			}
			return w
		}
	}
	tb.Fatal("dnslab: no port is free on all addresses")
	return nil
}

func (w *World) listen() bool {
	port := w.Port
	var done []*Server
	for _, s := range w.Servers {
		s.Addr = netip.AddrPortFrom(s.Addr.Addr(), port)
		if !s.start() {
			for _, o := range done {
				_, _ = o.udp.Close(), o.tcp.Close()
			}
			return false
		}
		done = append(done, s)
		if port == 0 {
			p := s.udp.LocalAddr().(interface{ AddrPort() netip.AddrPort }).AddrPort().Port()
			if s.tcp.Addr().(interface{ AddrPort() netip.AddrPort }).AddrPort().Port() != p {
				_ = s.tcp.Close()
				s.Addr = netip.AddrPortFrom(s.Addr.Addr(), p)
				_ = s.udp.Close()
				if !s.start() {
					return false
				}
			}
			port = p
		}
	}
	w.Port = port
	return true
}

// Hints is the root's NS and addresses in zone-file form.
func (w *World) Hints() string {
	var b strings.Builder
	for _, ns := range w.Zones["."].NS {
		fmt.Fprintf(&b, ". 3600000 IN NS %s\n%s 3600000 IN A %s\n", ns.Name, ns.Name, ns.Addr)
	}
	return b.String()
}

// Anchor is the root's key-signing keys in zone-file form.
func (w *World) Anchor() string {
	var b strings.Builder
	for _, k := range w.Data["."].Keys {
		if k.Flags&1 == 1 {
			b.WriteString(k.DNSKEY.String() + "\n")
		}
	}
	return b.String()
}
