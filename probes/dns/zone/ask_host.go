package zone

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"sync"

	"watchpost.example/probes/dns/dnswire"
	"watchpost.example/probes/dns/walk"
)

// collectHosts gathers the servers' names and glue as the parent gives them.
func (a *asker) collectHosts(cuts []walk.Cut) {
	if a.l.NoParent {
		for _, ns := range cuts[0].Servers {
			a.host(ns.Name, ns.Glue, true)
		}
		return
	}
	for _, p := range a.l.Parents {
		m := p.NS.Msg()
		if m == nil {
			continue
		}
		for _, rr := range delegated(a.l, m) {
			n := dnswire.Target(rr)
			a.host(n, walk.Glue(up(a.l), n, m.Extra), true)
		}
	}
	// Servers give a set in any order; people want to find a line where it was.
	slices.SortFunc(a.l.Hosts, func(x, y Host) int { return cmp.Compare(x.Name, y.Name) })
}

// host notes a server name and its glue; it gives the name's place, -1 when
// there are too many.
func (a *asker) host(name string, glue []netip.Addr, parent bool) int {
	i := slices.IndexFunc(a.l.Hosts, func(h Host) bool { return h.Name == name })
	if i < 0 {
		if len(a.l.Hosts) == MaxHosts {
			return -1
		}
		a.l.Hosts = append(a.l.Hosts, Host{Name: name})
		i = len(a.l.Hosts) - 1
	}
	h := &a.l.Hosts[i]
	h.InParent, h.InChild = h.InParent || parent, h.InChild || !parent
	for _, g := range glue {
		if !slices.Contains(h.Glue, g) && len(h.Glue) < walk.MaxServers {
			h.Glue = append(h.Glue, g)
		}
	}
	return i
}

// askHosts finds the addresses of the names from the given place on, all at
// once, and asks each address as soon as it is known: a name that resolves
// slowly costs the other servers nothing.
func (a *asker) askHosts(ctx context.Context, from int) {
	var wg sync.WaitGroup
	for i := from; i < len(a.l.Hosts); i++ {
		h := a.l.Hosts[i]
		wg.Go(func() {
			// Outside the zone the name's own zone speaks, not the glue.
			if !dnswire.Under(a.l.Zone, h.Name) || len(h.Glue) == 0 {
				rctx, cancel := context.WithTimeout(ctx, MaxResolveTime)
				h.Own, h.Alias, h.Err = a.resolve(rctx, h.Name)
				cancel()
			}
			addrs := h.Glue
			if len(h.Own) > 0 {
				addrs = h.Own
			}
			var fresh []*Server
			a.mu.Lock()
			a.l.Hosts[i].Own, a.l.Hosts[i].Alias, a.l.Hosts[i].Err = h.Own, h.Alias, h.Err
			for _, ip := range addrs {
				if s := a.server(h.Name, ip, h.InParent); s != nil {
					fresh = append(fresh, s)
				}
			}
			a.mu.Unlock()
			a.eachServer(ctx, fresh)
		})
	}
	wg.Wait()
	place := func(s *Server) int {
		return slices.IndexFunc(a.l.Hosts, func(h Host) bool { return h.Name == s.Name })
	}
	slices.SortStableFunc(a.l.Servers, func(x, y *Server) int {
		return cmp.Or(place(x)-place(y), x.Addr.Compare(y.Addr))
	})
}

// server notes an address of a server; nil when it is known already or one too
// many.
func (a *asker) server(name string, ip netip.Addr, parent bool) *Server {
	addr := netip.AddrPortFrom(ip, a.walker.Port())
	for _, s := range a.l.Servers {
		if s.Name == name && s.Addr == addr {
			s.InParent, s.InChild = s.InParent || parent, s.InChild || !parent
			return nil
		}
	}
	if len(a.l.Servers) == MaxServers {
		return nil
	}
	s := &Server{Name: name, Addr: addr, InParent: parent, InChild: !parent}
	a.l.Servers = append(a.l.Servers, s)
	return s
}

// resolve asks the authority for a server's addresses, both families at once.
func (a *asker) resolve(ctx context.Context, name string) (addrs []netip.Addr, alias string, err error) {
	types := []uint16{dnswire.TypeA, dnswire.TypeAAAA}
	answers, errs := make([]walk.Answer, len(types)), make([]error, len(types))
	var wg sync.WaitGroup
	for i, t := range types {
		wg.Go(func() { answers[i], errs[i] = a.walker.Lookup(ctx, name, t) })
	}
	wg.Wait()
	for i, ans := range answers {
		if len(ans.Aliases) > 0 {
			alias = ans.Aliases[0]
		}
		err = cmp.Or(err, errs[i])
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
