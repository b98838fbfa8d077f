package zone

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"watchpost.example/probes/dns/dnswire"
	"watchpost.example/probes/dns/walk"
)

// The bounds of one look.
const (
	// MaxServers bounds the server addresses of a zone that are asked.
	MaxServers = 24
	// MaxWatched bounds the names and types.
	MaxWatched = 64
	// MaxParentQueries bounds the queries to the parent's servers in one look.
	MaxParentQueries = 3
	// MaxHosts bounds the name server names that are resolved.
	MaxHosts = 16
	// MaxTargets bounds the CNAME, NS and MX targets that are followed.
	MaxTargets = 24
	// inFlight is how many queries one server has to bear at a time.
	inFlight = 4
)

// asker is one look at work.
type asker struct {
	*Env
	t       Target
	l       *Look
	session *dnswire.Session
	ours    *dnswire.Session // with our resolvers
}

// look asks all there is to ask.
func (e *Env) look(ctx context.Context, t Target) *Look {
	l := &Look{Zone: t.Zone, Watched: t.Watched, NamesOnly: t.NamesOnly, At: time.Now(), Random: randomLabel() + "." + strings.TrimPrefix(t.Zone, ".")}
	a := &asker{e, t, l, e.client.Session(), e.own.Session()}
	cuts := a.askChain(ctx, l)
	if l.ChainErr == nil {
		if !l.NoParent {
			a.askParents(ctx, cuts[len(cuts)-1])
		}
		a.collectHosts(ctx, cuts)
		a.askServers(ctx)
	}
	var wg sync.WaitGroup
	wg.Go(func() { a.askResolvers(ctx) })
	wg.Go(func() { a.askTargets(ctx) })
	wg.Wait()
	a.finish()
	return l
}

// again asks the servers once more, for the second look that a change needs.
// Parents aren't troubled again: they were asked at two servers, or twice.
func (e *Env) again(ctx context.Context, t Target, first *Look) *Look {
	l := *first
	l.At, l.Servers, l.Resolvers = time.Now(), nil, nil
	l.Random = randomLabel() + "." + strings.TrimPrefix(t.Zone, ".")
	a := &asker{e, t, &l, e.client.Session(), e.own.Session()}
	for _, s := range first.Servers {
		l.Servers = append(l.Servers, &Server{Name: s.Name, Addr: s.Addr, InParent: s.InParent, InChild: s.InChild, Hygiene: s.Hygiene})
	}
	a.eachServer(ctx, l.Servers)
	a.askResolvers(ctx)
	a.finish()
	return &l
}

// finish hears the late replies and counts.
func (a *asker) finish() {
	a.session.Drain(a.linger)
	a.ours.Drain(0)
	a.l.Queries += a.session.Queries() + a.ours.Queries()
}

func randomLabel() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	return "wp-" + hex.EncodeToString(b[:])
}

// askParents reads the delegation from several of the parent's servers, at
// most MaxParentQueries in all, beginning at another one each look.
func (a *asker) askParents(ctx context.Context, up walk.Cut) {
	type at struct {
		name string
		addr netip.AddrPort
	}
	var all []at
	for _, ns := range up.Servers {
		addrs, err := a.walker.Addresses(ctx, ns)
		if err != nil {
			continue // a server of the parent without an address is the parent's affair
		}
		for _, ip := range addrs {
			all = append(all, at{ns.Name, netip.AddrPortFrom(ip, a.walker.Port())})
		}
	}
	turn := a.walker.Turn()
	for i := range min(len(all), walk.MaxServers) {
		if a.l.ToParent >= MaxParentQueries {
			break
		}
		s := all[(turn+i)%len(all)]
		a.askParent(ctx, s.name, s.addr)
	}
	if len(all) == 1 && a.l.ToParent < MaxParentQueries { // the second look at the only server
		a.askParent(ctx, all[0].name, all[0].addr)
	}
}

func (a *asker) askParent(ctx context.Context, name string, addr netip.AddrPort) {
	p := Parent{Name: name, Addr: addr}
	p.NS = a.toParent(ctx, addr, dnswire.TypeNS)
	if m := p.NS.Msg(); m != nil && a.l.ToParent < MaxParentQueries {
		_, ns := walk.Referral(up(a.l), a.l.Zone, m)
		told := ns != nil && (len(dnswire.Set(m.Ns, a.l.Zone, dnswire.TypeDS)) > 0 || hasDenial(m) || !trusted(a.l))
		if !told && m.Rcode != dnswire.RcodeNXDomain {
			p.DS = a.toParent(ctx, addr, dnswire.TypeDS)
		}
	}
	a.l.Parents = append(a.l.Parents, p)
}

func (a *asker) toParent(ctx context.Context, addr netip.AddrPort, t uint16) Exchange {
	// One datagram: the next server is the second try.
	r, err := a.walker.Client().Ask(ctx, addr, dnswire.Query{Name: a.l.Zone, Type: t, DO: true})
	a.l.ToParent++
	return Exchange{r, err}
}

// up is the name of the parent zone, "." for the root itself.
func up(l *Look) string {
	if len(l.Chain) == 0 {
		return "."
	}
	return l.Chain[len(l.Chain)-1].Zone
}

// trusted tells whether the parent's answers can be validated.
func trusted(l *Look) bool { return len(l.Chain) > 0 && len(l.Chain[len(l.Chain)-1].Keys) > 0 }

func hasDenial(m *dnswire.Msg) bool {
	return slices.ContainsFunc(m.Ns, func(rr dnswire.RR) bool {
		t := rr.Header().Rrtype
		return t == dnswire.TypeNSEC || t == dnswire.TypeNSEC3
	})
}

// collectHosts gathers the servers' names and addresses as the parent gives them.
func (a *asker) collectHosts(ctx context.Context, cuts []walk.Cut) {
	if a.l.NoParent {
		for _, ns := range cuts[0].Servers {
			a.host(ctx, ns.Name, ns.Glue, true)
		}
		return
	}
	for _, p := range a.l.Parents {
		m := p.NS.Msg()
		if m == nil {
			continue
		}
		set := delegated(a.l, m)
		for _, rr := range set {
			n := dnswire.Target(rr)
			a.host(ctx, n, walk.Glue(up(a.l), n, m.Extra), true)
		}
	}
}

// delegated is the NS set that a reply of the parent gives: the referral, or
// the zone's own set where one server serves both.
func delegated(l *Look, m *dnswire.Msg) []dnswire.RR {
	if _, ns := walk.Referral(up(l), l.Zone, m); ns != nil {
		return ns
	}
	return dnswire.Set(m.Answer, l.Zone, dnswire.TypeNS)
}

// host notes a server name and its addresses; it resolves the name itself when
// it lies outside the zone.
func (a *asker) host(ctx context.Context, name string, glue []netip.Addr, parent bool) {
	i := slices.IndexFunc(a.l.Hosts, func(h Host) bool { return h.Name == name })
	if i < 0 {
		if len(a.l.Hosts) == MaxHosts {
			return
		}
		h := Host{Name: name}
		if !dnswire.Under(a.l.Zone, name) || len(glue) == 0 {
			h.Own, h.Alias, h.Err = a.resolve(ctx, name)
		}
		a.l.Hosts = append(a.l.Hosts, h)
		i = len(a.l.Hosts) - 1
	}
	h := &a.l.Hosts[i]
	if parent {
		h.InParent = true
	} else {
		h.InChild = true
	}
	for _, g := range glue {
		if !slices.Contains(h.Glue, g) && len(h.Glue) < walk.MaxServers {
			h.Glue = append(h.Glue, g)
		}
	}
	addrs := h.Glue
	if len(h.Own) > 0 {
		addrs = h.Own
	}
	for _, ip := range addrs {
		a.server(h.Name, ip, parent)
	}
}

func (a *asker) server(name string, ip netip.Addr, parent bool) {
	addr := netip.AddrPortFrom(ip, a.walker.Port())
	for _, s := range a.l.Servers {
		if s.Name == name && s.Addr == addr {
			s.InParent, s.InChild = s.InParent || parent, s.InChild || !parent
			return
		}
	}
	if len(a.l.Servers) < MaxServers {
		a.l.Servers = append(a.l.Servers, &Server{Name: name, Addr: addr, InParent: parent, InChild: !parent})
	}
}

// resolve asks the authority for a server's addresses.
func (a *asker) resolve(ctx context.Context, name string) (addrs []netip.Addr, alias string, err error) {
	for _, t := range []uint16{dnswire.TypeA, dnswire.TypeAAAA} {
		ans, e := a.walker.Lookup(ctx, name, t)
		if len(ans.Aliases) > 0 {
			alias = ans.Aliases[0]
		}
		if e != nil && (err == nil || len(addrs) == 0) {
			err = e
		}
		for _, rr := range ans.Records {
			if ip := dnswire.Addr(rr); ip.IsValid() && len(addrs) < walk.MaxServers {
				addrs = append(addrs, ip)
			}
		}
	}
	if len(addrs) > 0 {
		err = nil
	}
	return addrs, alias, err
}
