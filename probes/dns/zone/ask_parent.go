package zone

import (
	"context"
	"errors"
	"net/netip"
	"sync"

	"watchpost.example/probes/dns/dnswire"
	"watchpost.example/probes/dns/walk"
)

// askParents reads the delegation from several of the parent's servers,
// beginning at another one each look: MaxParentQueries in all, and more only
// while no server gives the delegation.
func (a *asker) askParents(ctx context.Context, up walk.Cut) {
	all := a.parentServers(ctx, up)
	if len(all) == 0 {
		return
	}
	if len(all) == 1 { // the second look at the only server
		all = append(all, all[0])
	}
	n := 1
	if a.l.ToParent == 0 && all[0].Addr != all[1].Addr { // one query is kept for the DS
		n = 2
	}
	a.askParentNS(ctx, all[:n])
	all = all[n:]
	a.askParentDS(ctx)
	for i := range a.l.Parents { // a datagram may have been lost
		if p := &a.l.Parents[i]; errors.Is(p.NS.Err, dnswire.ErrTimeout) && a.l.ToParent < MaxParentQueries {
			p.NS = a.toParent(ctx, p.Addr, dnswire.TypeNS)
			a.l.ToParent++
			a.askParentDS(ctx)
		}
	}
	for len(all) > 0 && a.l.ToParent < MaxParentQueries {
		a.askParentNS(ctx, all[:1])
		all = all[1:]
	}
	for len(all) > 0 && !a.anyDelegation() && len(a.l.Parents) < maxParentTries {
		n := min(len(all), 3, maxParentTries-len(a.l.Parents))
		a.askParentNS(ctx, all[:n])
		all = all[n:]
		a.askParentDS(ctx)
	}
}

// parentServers gives the addresses of the parent's servers in this look's order.
func (a *asker) parentServers(ctx context.Context, up walk.Cut) []Parent {
	ctx, cancel := context.WithTimeout(ctx, MaxResolveTime)
	defer cancel()
	found := make([][]Parent, len(up.Servers))
	var wg sync.WaitGroup
	for i, ns := range up.Servers {
		wg.Go(func() {
			addrs, err := a.walker.Addresses(ctx, ns)
			if err != nil {
				return // a server of the parent without an address is the parent's affair
			}
			for _, ip := range addrs {
				found[i] = append(found[i], Parent{Name: ns.Name, Addr: netip.AddrPortFrom(ip, a.walker.Port())})
			}
		})
	}
	wg.Wait()
	var all []Parent
	turn := a.walker.Turn()
	// The first address of every server before the second of any: two addresses
	// of one machine are one opinion.
	for k := 0; len(all) < walk.MaxServers; k++ {
		more := false
		for i := range found {
			if l := found[(turn+i)%len(found)]; k < len(l) {
				all, more = append(all, l[k]), true
			}
		}
		if !more {
			break
		}
	}
	return all[:min(len(all), walk.MaxServers)]
}

// askParentNS asks these servers at once.
func (a *asker) askParentNS(ctx context.Context, servers []Parent) {
	got := make([]Parent, len(servers))
	var wg sync.WaitGroup
	for i, p := range servers {
		wg.Go(func() {
			p.NS = a.toParent(ctx, p.Addr, dnswire.TypeNS)
			got[i] = p
		})
	}
	wg.Wait()
	a.l.ToParent += len(got)
	a.l.Parents = append(a.l.Parents, got...)
}

// askParentDS asks for the DS where the answer to NS did not tell of it, at one
// server at least and at others while there are queries left.
func (a *asker) askParentDS(ctx context.Context) {
	told := false
	for i := range a.l.Parents {
		p := &a.l.Parents[i]
		m := p.NS.Msg()
		if m == nil || p.DS.Reply != nil || len(delegated(a.l, m)) == 0 {
			told = told || p.DS.Reply != nil
			continue
		}
		_, ns := walk.Referral(up(a.l), a.l.Zone, m)
		if ns != nil && (len(dnswire.Set(m.Ns, a.l.Zone, dnswire.TypeDS)) > 0 || hasDenial(m) || !trusted(a.l)) {
			told = true
			continue
		}
		if told && a.l.ToParent >= MaxParentQueries {
			continue
		}
		p.DS = a.toParent(ctx, p.Addr, dnswire.TypeDS)
		a.l.ToParent++
		told = p.DS.OK()
	}
}

func (a *asker) toParent(ctx context.Context, addr netip.AddrPort, t uint16) Exchange {
	r, err := a.once.Ask(ctx, addr, dnswire.Query{Name: a.l.Zone, Type: t, DO: true})
	return Exchange{r, err}
}

func (a *asker) anyDelegation() bool {
	for _, p := range a.l.Parents {
		if m := p.NS.Msg(); m != nil && len(delegated(a.l, m)) > 0 {
			return true
		}
	}
	return false
}
