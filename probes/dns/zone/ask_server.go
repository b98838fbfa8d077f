package zone

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"watchpost.example/probes/dns/dnswire"
)

// askServers asks the servers that the parent names, then those that only the
// zone itself names.
func (a *asker) askServers(ctx context.Context) {
	named := len(a.l.Hosts)
	a.askHosts(ctx, 0)
	first := slices.Clone(a.l.Servers)
	var fresh []*Server
	for _, s := range first {
		if m := s.NS.Msg(); m != nil {
			for _, rr := range dnswire.Set(m.Answer, a.l.Zone, dnswire.TypeNS) {
				fresh = append(fresh, a.childHost(dnswire.Target(rr), named, first)...)
			}
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() { a.eachServer(ctx, fresh) })
	a.askHosts(ctx, named)
	wg.Wait()
}

// childHost notes a server that the zone names. It gives the addresses that
// only the zone gives for a name that the parent has too: they are asked as well.
func (a *asker) childHost(name string, named int, asked []*Server) (fresh []*Server) {
	i := a.host(name, nil, false)
	if i < 0 || i >= named {
		return nil
	}
	for _, s := range a.l.Servers {
		s.InChild = s.InChild || s.Name == name
	}
	for _, s := range asked {
		for _, m := range hostAnswers(s, i) {
			for _, rr := range m.Answer {
				if ip := dnswire.Addr(rr); ip.IsValid() && dnswire.Name(rr.Header().Name) == name {
					if n := a.server(name, ip, false); n != nil {
						fresh = append(fresh, n)
					}
				}
			}
		}
	}
	return fresh
}

func hostAnswers(s *Server, host int) []*dnswire.Msg {
	var out []*dnswire.Msg
	for j := 2 * host; j < 2*host+2 && j < len(s.Hosts); j++ {
		if m := s.Hosts[j].Msg(); m != nil {
			out = append(out, m)
		}
	}
	return out
}

// eachServer asks all at once; an address under two names is asked once.
func (a *asker) eachServer(ctx context.Context, servers []*Server) {
	// The sockets listen on until the look is finished, so no cancel before.
	ctx, cancel := context.WithTimeout(ctx, MaxServerTime)
	var wg sync.WaitGroup
	twins := map[*Server]*Server{}
	seen := map[netip.AddrPort]*Server{}
	for _, s := range servers {
		if other := seen[s.Addr]; other != nil {
			twins[s] = other
			continue
		}
		seen[s.Addr] = s
		wg.Go(func() { a.askServer(ctx, s) })
	}
	wg.Wait()
	a.mu.Lock()
	a.cancels = append(a.cancels, cancel)
	a.mu.Unlock()
	for s, other := range twins {
		name, inParent, inChild := s.Name, s.InParent, s.InChild
		*s = *other
		s.Name, s.InParent, s.InChild = name, inParent, inChild
	}
}

// askServer asks one address all there is to ask; a server that doesn't speak
// for the zone is asked no more than the SOA.
func (a *asker) askServer(ctx context.Context, s *Server) {
	a.askSOA(ctx, s)
	if !s.Answers() {
		return
	}
	var wg sync.WaitGroup
	if !a.l.NamesOnly {
		wg.Go(func() { a.hygiene(ctx, s) })
	}
	jobs := a.jobs(s)
	next := make(chan job)
	var lost atomic.Int32
	for range inFlight {
		wg.Go(func() {
			for j := range next {
				if lost.Load() >= MaxLost {
					continue // not asked
				}
				*j.to = a.ask(ctx, s, a.manner(s, j.q))
				if errors.Is(j.to.Err, dnswire.ErrTimeout) || errors.Is(j.to.Err, dnswire.ErrGarbage) {
					lost.Add(1)
				}
			}
		})
	}
	// In another order each time: a server that limits its answers must not
	// always withhold the same.
	for _, i := range rand.Perm(len(jobs)) {
		next <- jobs[i]
	}
	close(next)
	wg.Wait()
	a.calmly(ctx, s, jobs)
	a.askCuts(ctx, s)
	a.overTCP(ctx, s)
}

// calmly asks a few lost questions once more, one at a time: a server may have
// limited the rate of its answers to us.
func (a *asker) calmly(ctx context.Context, s *Server, jobs []job) {
	if !s.SOATCP.OK() || s.lost() {
		return
	}
	left := 2
	for _, j := range jobs {
		if left > 0 && errors.Is(j.to.Err, dnswire.ErrTimeout) && !unasked(*j.to) {
			left--
			*j.to = a.ask(ctx, s, a.manner(s, j.q))
		}
	}
}

// askSOA finds whether and how the server speaks for the zone.
func (a *asker) askSOA(ctx context.Context, s *Server) {
	var wg sync.WaitGroup
	wg.Go(func() {
		s.SOATCP = a.ask(ctx, s, dnswire.Query{Name: a.l.Zone, Type: dnswire.TypeSOA, DO: true, Transport: dnswire.TCP})
	})
	done := make(chan struct{})
	wg.Go(func() {
		defer close(done)
		s.SOA = a.ask(ctx, s, dnswire.Query{Name: a.l.Zone, Type: dnswire.TypeSOA, DO: true, NSID: true, Cookie: true, Transport: dnswire.UDP})
	})
	if s.hopeless {
		wg.Wait()
		s.zone = a.l.Zone
		s.OverTCP = !s.SOA.OK() && s.SOATCP.OK()
		return
	}
	eased := a.easeIfMute(ctx, s, done)
	wg.Wait()
	s.zone = a.l.Zone
	if speaks(a.l.Zone, s.SOA) || cutShort(s.SOA) {
		return
	}
	a.manners(ctx, s, eased)
}

// easeIfMute asks in simpler ways beside a question that takes long or got no
// answer of use; where the door is closed, no manner opens it.
func (a *asker) easeIfMute(ctx context.Context, s *Server, done <-chan struct{}) [3]Exchange {
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-done:
		if speaks(a.l.Zone, s.SOA) || cutShort(s.SOA) || errors.Is(s.SOA.Err, dnswire.ErrDial) || errors.Is(s.SOA.Err, dnswire.ErrRefused) {
			return [3]Exchange{}
		}
	case <-t.C:
	}
	return a.ease(ctx, s)
}

// manners keeps the way in which the server does speak, for all that follows.
func (a *asker) manners(ctx context.Context, s *Server, eased [3]Exchange) {
	switch {
	case speaks(a.l.Zone, eased[0]):
		s.Eased, s.NoOptions = eased[0], true
	case speaks(a.l.Zone, eased[1]):
		s.Eased, s.NoOptions, s.KeepCase = eased[1], true, true
	case speaks(a.l.Zone, eased[2]):
		s.Bare, s.Plain, s.KeepCase = eased[2], true, true
	}
	s.hopeless = s.SOA.Reply != nil && !s.SOA.OK() && !slices.ContainsFunc(eased[:], Exchange.OK)
	if (s.Plain || s.KeepCase) && !speaks(a.l.Zone, s.SOATCP) {
		q := a.manner(s, dnswire.Query{Name: a.l.Zone, Type: dnswire.TypeSOA})
		q.Transport = dnswire.TCP
		s.SOATCP = a.ask(ctx, s, q)
	}
	s.OverTCP = !s.SOA.OK() && !s.Plain && !s.Eased.OK() && s.SOATCP.OK()
}

// cutShort is a reply that TCP has to complete.
func cutShort(x Exchange) bool { return x.OK() && x.Msg().Truncated }

// ease asks for the SOA in simpler ways, all at once: without options, without
// mixed case, without EDNS. Which of them works tells what was in the way.
func (a *asker) ease(ctx context.Context, s *Server) [3]Exchange {
	q := dnswire.Query{Name: a.l.Zone, Type: dnswire.TypeSOA, DO: true, Transport: dnswire.UDP}
	ways := [3]dnswire.Query{q, q, q}
	ways[1].KeepCase = true
	ways[2].KeepCase, ways[2].NoEDNS = true, true
	var got [3]Exchange
	var wg sync.WaitGroup
	for i, w := range ways {
		wg.Go(func() { got[i] = a.ask(ctx, s, w) })
	}
	wg.Wait()
	return got
}

// speaks tells whether a reply is the zone's SOA, given with authority.
func speaks(zone string, x Exchange) bool {
	return x.Rcode() == dnswire.RcodeSuccess && x.Msg().Authoritative && soaOf(zone, x.Msg()) != nil
}

// soaOf is the zone's own SOA in an answer; nil when there is none.
func soaOf(zone string, m *dnswire.Msg) *dnswire.SOA {
	return dnswire.FirstSOA(dnswire.Set(m.Answer, zone, dnswire.TypeSOA))
}

// overTCP asks again over one TCP connection what was answered over UDP: who
// forges datagrams, or changes them on the way, seldom does it to both. One
// connection and no new name cost a server less than one lookup with TLS costs
// a web server, so all names are asked in every look. Servers that close after
// the first answer get one name more a look, another each time.
func (a *asker) overTCP(ctx context.Context, s *Server) {
	if !s.SOATCP.OK() || s.OverTCP {
		return
	}
	var to []*Exchange
	var qs []dnswire.Query
	add := func(x *Exchange, into *Exchange) {
		if x.OK() && x.Reply.Transport == dnswire.UDP && x.Reply.TCPErr == nil {
			q := a.manner(s, x.Reply.Query)
			q.Transport = dnswire.TCP
			to, qs = append(to, into), append(qs, q)
		}
	}
	s.TCP = make([]Exchange, len(s.Watched))
	turn := a.walker.Turn()
	for i := range s.Watched {
		i = (turn + i) % len(s.Watched)
		add(&s.Watched[i], &s.TCP[i])
	}
	if !a.l.NamesOnly {
		add(&s.NS, &s.NSTCP)
	}
	if len(qs) == 0 {
		return
	}
	replies, errs := a.session.AskAll(ctx, s.Addr, qs)
	for i := range replies {
		*to[i] = Exchange{replies[i], errs[i]}
	}
}

// job is a query and where its answer goes.
type job struct {
	to *Exchange
	q  dnswire.Query
}

// jobs are the queries to a server that speaks for the zone.
func (a *asker) jobs(s *Server) []job {
	jobs := []job{{&s.DNSKEY, dnswire.Query{Name: a.l.Zone, Type: dnswire.TypeDNSKEY}}}
	s.Watched = make([]Exchange, len(a.l.Watched))
	for i, w := range a.l.Watched {
		jobs = append(jobs, job{&s.Watched[i], dnswire.Query{Name: w.Name, Type: w.Type}})
	}
	if a.l.NamesOnly {
		return jobs
	}
	jobs = append(jobs, job{&s.NS, dnswire.Query{Name: a.l.Zone, Type: dnswire.TypeNS}},
		job{&s.CDS, dnswire.Query{Name: a.l.Zone, Type: dnswire.TypeCDS}},
		job{&s.CDNSKEY, dnswire.Query{Name: a.l.Zone, Type: dnswire.TypeCDNSKEY}},
		job{&s.Random, dnswire.Query{Name: a.l.Random, Type: dnswire.TypeA}},
		job{&s.NoData, dnswire.Query{Name: a.l.Zone, Type: dnswire.TypeHINFO}})
	a.mu.Lock() // other names are still being resolved
	hosts := slices.Clone(a.l.Hosts)
	a.mu.Unlock()
	s.Hosts = make([]Exchange, 2*len(hosts))
	for i, h := range hosts {
		if dnswire.Under(a.l.Zone, h.Name) {
			jobs = append(jobs, job{&s.Hosts[2*i], dnswire.Query{Name: h.Name, Type: dnswire.TypeA}},
				job{&s.Hosts[2*i+1], dnswire.Query{Name: h.Name, Type: dnswire.TypeAAAA}})
		}
	}
	return jobs
}

// manner is how this server has to be asked.
func (a *asker) manner(s *Server, q dnswire.Query) dnswire.Query {
	q.DO, q.NoEDNS, q.KeepCase = !s.Plain, s.Plain, s.KeepCase
	if s.OverTCP {
		q.Transport = dnswire.TCP
	}
	return q
}

func (a *asker) ask(ctx context.Context, s *Server, q dnswire.Query) Exchange {
	r, err := a.session.Ask(ctx, s.Addr, q)
	return Exchange{r, err}
}

// hygiene asks what is asked once a day only, because it is a rudeness to ask
// it more often.
func (a *asker) hygiene(ctx context.Context, s *Server) {
	key := a.l.Zone + " " + s.Addr.String()
	if s.Hygiene != nil {
		return // the second look
	}
	if h := a.memory.hygiene(key, a.l.At); h != nil {
		s.Hygiene = h
		return
	}
	h := &Hygiene{At: a.l.At}
	soa := dnswire.Query{Name: a.l.Zone, Type: dnswire.TypeSOA, KeepCase: s.KeepCase, Transport: dnswire.UDP}
	var wg sync.WaitGroup
	if !s.Plain {
		version, option := soa, soa
		version.Version, option.Unknown = 1, true
		wg.Go(func() { h.Version = a.ask(ctx, s, version) })
		wg.Go(func() { h.Option = a.ask(ctx, s, option) })
	}
	if s.SOATCP.OK() {
		wg.Go(func() { h.Transfer = a.transfer(ctx, s) })
	}
	wg.Go(func() {
		h.Recursion = a.ask(ctx, s, dnswire.Query{Name: a.foreign(), Type: dnswire.TypeNS, RD: true, NoEDNS: true, KeepCase: s.KeepCase})
	})
	wg.Wait()
	if ctx.Err() != nil {
		return // it was not asked all; tomorrow is too late for the rest
	}
	s.Hygiene = h
	a.memory.keepHygiene(key, h)
}

// transfer tells how many records the first message of a transfer has; 0 = none
// is given. Ask reads one message and closes: the zone's content is none of ours.
func (a *asker) transfer(ctx context.Context, s *Server) int {
	x := a.ask(ctx, s, dnswire.Query{Name: a.l.Zone, Type: dnswire.TypeAXFR, NoEDNS: true, KeepCase: s.KeepCase, Transport: dnswire.TCP})
	if x.Rcode() != dnswire.RcodeSuccess || len(x.Msg().Answer) == 0 || dnswire.FirstSOA(x.Msg().Answer[:1]) == nil {
		return 0
	}
	return len(x.Msg().Answer)
}

// foreign is a name that no server of the zone should resolve for a stranger:
// the top-level zone above it, asked for its servers. An authority answers it
// with a referral, REFUSED or its own data, a resolver with an answer without AA.
func (a *asker) foreign() string {
	if len(a.l.Chain) > 1 {
		return a.l.Chain[1].Zone
	}
	return "."
}
