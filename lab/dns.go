package lab

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"watchpost.example/probes"
)

// The zone that the lab's unit runs by itself, on a primary and a secondary
// that has not taken over the newest version.
const (
	unitZone    = "donvi." + Zone
	newSerial   = 2026111502
	staleSerial = 2026110801
)

// zone is the lab's resolver: it knows the names of the lab and no others.
type zone struct {
	server  string // host:port
	mu      sync.Mutex
	records map[string][]netip.Addr
}

// add gives host.lab.example its addresses.
func (z *zone) add(host string, addrs ...netip.Addr) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.records[dns.Fqdn(host+"."+Zone)] = addrs
}

// ServeDNS answers as a recursive resolver does.
func (z *zone) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg).SetReply(q)
	m.RecursionAvailable = true
	if len(q.Question) != 1 {
		m.Rcode = dns.RcodeFormatError
		_ = w.WriteMsg(m) // the client asks again
		return
	}
	name := strings.ToLower(q.Question[0].Name)
	z.mu.Lock()
	addrs, ok := z.records[name]
	z.mu.Unlock()
	switch typ := q.Question[0].Qtype; {
	case name == "." && typ == dns.TypeNS: // how a resolver is asked whether it lives
		m.Answer = append(m.Answer, &dns.NS{Hdr: head(".", dns.TypeNS), Ns: "ns." + Zone + "."})
	case !ok && name != dns.Fqdn(Zone):
		m.Rcode = dns.RcodeNameError
	default:
		m.Answer = addresses(q.Question[0].Name, typ, addrs)
	}
	_ = w.WriteMsg(m) // the client asks again
}

func head(name string, typ uint16) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: typ, Class: dns.ClassINET, Ttl: 60}
}

// addresses gives the records of one family; in the case of letters that was
// asked, because a resolver may check it.
func addresses(name string, typ uint16, addrs []netip.Addr) []dns.RR {
	var out []dns.RR
	for _, a := range addrs {
		if typ == dns.TypeA && a.Is4() {
			out = append(out, &dns.A{Hdr: head(name, typ), A: a.AsSlice()})
		}
	}
	return out
}

// authority is one name server of the unit's zone.
type authority struct {
	serial uint32
	www    netip.Addr
	ns     [2]netip.Addr
}

// ServeDNS answers with authority.
func (a *authority) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg).SetReply(q)
	m.Authoritative = true
	soa := &dns.SOA{
		Hdr: head(dns.Fqdn(unitZone), dns.TypeSOA), Ns: "ns1." + dns.Fqdn(unitZone), Mbox: "quantri." + dns.Fqdn(unitZone),
		Serial: a.serial, Refresh: 3600, Retry: 600, Expire: 604800, Minttl: 60,
	}
	if len(q.Question) == 1 {
		a.answer(m, q.Question[0], soa)
	} else {
		m.Rcode = dns.RcodeFormatError
	}
	_ = w.WriteMsg(m) // the client asks again
}

func (a *authority) answer(m *dns.Msg, q dns.Question, soa *dns.SOA) {
	name := strings.ToLower(q.Name)
	switch {
	case !dns.IsSubDomain(dns.Fqdn(unitZone), name):
		m.Authoritative, m.Rcode = false, dns.RcodeRefused
		return
	case name == dns.Fqdn(unitZone):
		switch q.Qtype {
		case dns.TypeSOA:
			m.Answer = append(m.Answer, soa)
		case dns.TypeNS:
			for i := range a.ns {
				m.Answer = append(m.Answer, &dns.NS{Hdr: head(q.Name, dns.TypeNS), Ns: fmt.Sprintf("ns%d.%s", i+1, dns.Fqdn(unitZone))})
			}
		}
	case name == "www."+dns.Fqdn(unitZone):
		m.Answer = addresses(q.Name, q.Qtype, []netip.Addr{a.www})
	case name == "ns1."+dns.Fqdn(unitZone):
		m.Answer = addresses(q.Name, q.Qtype, a.ns[:1])
	case name == "ns2."+dns.Fqdn(unitZone):
		m.Answer = addresses(q.Name, q.Qtype, a.ns[1:])
	default:
		m.Rcode = dns.RcodeNameError
	}
	if len(m.Answer) == 0 {
		m.Ns = append(m.Ns, soa)
	}
}

// serveDNS answers on UDP and TCP of the same free port of addr.
func (l *Lab) serveDNS(ctx context.Context, addr netip.Addr, h dns.Handler) (string, error) {
	var last error
	for range 20 {
		ln, err := new(net.ListenConfig).Listen(ctx, "tcp", netip.AddrPortFrom(addr, 0).String())
		if err != nil {
			return "", err
		}
		pc, err := new(net.ListenConfig).ListenPacket(ctx, "udp", ln.Addr().String())
		if err != nil {
			last = err
			_ = ln.Close() // another port is tried
			continue
		}
		for _, s := range []*dns.Server{{Listener: ln, Handler: h}, {PacketConn: pc, Handler: h}} {
			up := make(chan struct{})
			s.NotifyStartedFunc = func() { close(up) }
			go func() { _ = s.ActivateAndServe() }() // ends by Shutdown
			<-up
			l.closers = append(l.closers, shutdown{s})
		}
		return ln.Addr().String(), nil
	}
	return "", last
}

type shutdown struct{ *dns.Server }

// Close ends the server.
func (s shutdown) Close() error { return s.Shutdown() }

// startDNS starts the resolver.
func (l *Lab) startDNS(ctx context.Context) (*zone, error) {
	z := &zone{records: make(map[string][]netip.Addr)}
	var err error
	z.server, err = l.serveDNS(ctx, l.addr(), z)
	return z, err
}

// names is the unit's own zone: the secondary's serial lags, and it still gives
// the address that the web server had before.
func (l *Lab) names(ctx context.Context) error {
	first, second := l.addr(), l.addr()
	now, before := l.addr(), l.addr()
	servers := make([]string, 2)
	var err error
	if servers[0], err = l.serveDNS(ctx, first, &authority{newSerial, now, [2]netip.Addr{first, second}}); err != nil {
		return err
	}
	if servers[1], err = l.serveDNS(ctx, second, &authority{staleSerial, before, [2]netip.Addr{first, second}}); err != nil {
		return err
	}
	l.anchors = append(l.anchors, servers[0])
	ask := func(server string) string {
		return fmt.Sprintf("server: %q\nname: www.%s\ntype: A\nexpect: {answers: [%q]}", server, unitZone, now)
	}
	l.systems = append(l.systems, system{
		unit: unitCentre, id: "ten-mien", name: "Tên miền " + unitZone, level: 3, profile: "none",
		checks: []check{
			{id: "ns1", kind: "dns", settings: ask(servers[0]), expect: []Expectation{{Verdict: probes.Up, Why: "the primary gives the newest record"}}},
			{id: "ns2", kind: "dns", settings: ask(servers[1]), expect: []Expectation{{Verdict: probes.Down, Reason: probes.DNSAnswer, Why: "the secondary still gives the address of last week"}}},
		},
	})
	return nil
}
