package zone

import (
	"context"
	"errors"
	"slices"
	"sync"

	"watchpost.example/probes/dns/dnswire"
)

// askServers asks the servers that the parent names, then those that only the
// zone itself names.
func (a *asker) askServers(ctx context.Context) {
	first := slices.Clone(a.l.Servers)
	a.eachServer(ctx, first)
	for _, s := range first {
		if m := s.NS.Msg(); m != nil {
			for _, rr := range dnswire.Set(m.Answer, a.l.Zone, dnswire.TypeNS) {
				a.childHost(ctx, dnswire.Target(rr), first)
			}
		}
	}
	a.eachServer(ctx, a.l.Servers[len(first):])
}

// childHost notes a server that the zone names; inside the zone its addresses
// are those that the zone's servers gave.
func (a *asker) childHost(ctx context.Context, name string, asked []*Server) {
	known := slices.ContainsFunc(a.l.Hosts, func(h Host) bool { return h.Name == name })
	a.host(ctx, name, nil, false)
	if known {
		for _, s := range a.l.Servers {
			s.InChild = s.InChild || s.Name == name
		}
		// An address that only the zone gives for a known server is asked too.
		i := slices.IndexFunc(a.l.Hosts, func(h Host) bool { return h.Name == name })
		for _, s := range asked {
			for _, x := range hostAnswers(s, i) {
				for _, rr := range x.Answer {
					if ip := dnswire.Addr(rr); ip.IsValid() && dnswire.Name(rr.Header().Name) == name {
						a.server(name, ip, false)
					}
				}
			}
		}
	}
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

func (a *asker) eachServer(ctx context.Context, servers []*Server) {
	var wg sync.WaitGroup
	for _, s := range servers {
		wg.Go(func() { a.askServer(ctx, s) })
	}
	wg.Wait()
}

// askServer asks one address all there is to ask; a server that doesn't speak
// for the zone is asked no more than the SOA.
func (a *asker) askServer(ctx context.Context, s *Server) {
	var wg sync.WaitGroup
	wg.Go(func() {
		s.SOA = a.ask(ctx, s, dnswire.Query{Name: a.l.Zone, Type: dnswire.TypeSOA, DO: true, NSID: true, Cookie: true, Transport: dnswire.UDP})
	})
	wg.Go(func() {
		s.SOATCP = a.ask(ctx, s, dnswire.Query{Name: a.l.Zone, Type: dnswire.TypeSOA, DO: true, Transport: dnswire.TCP})
	})
	wg.Wait()
	if needsBare(s.SOA) {
		s.Bare = a.ask(ctx, s, dnswire.Query{Name: a.l.Zone, Type: dnswire.TypeSOA, NoEDNS: true, Transport: dnswire.UDP})
		s.Plain = s.Bare.OK() && s.Bare.Rcode() == dnswire.RcodeSuccess
	}
	s.OverTCP = !s.SOA.OK() && !s.Plain && s.SOATCP.OK()
	if !s.Answers() {
		return
	}
	jobs := a.jobs(s)
	next := make(chan job)
	for range inFlight {
		wg.Go(func() {
			for j := range next {
				*j.to = a.ask(ctx, s, a.manner(s, j.q))
			}
		})
	}
	for _, j := range jobs {
		next <- j
	}
	close(next)
	wg.Wait()
	if !a.l.NamesOnly {
		a.hygiene(ctx, s)
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
	s.Hosts = make([]Exchange, 2*len(a.l.Hosts))
	for i, h := range a.l.Hosts {
		if dnswire.Under(a.l.Zone, h.Name) {
			jobs = append(jobs, job{&s.Hosts[2*i], dnswire.Query{Name: h.Name, Type: dnswire.TypeA}},
				job{&s.Hosts[2*i+1], dnswire.Query{Name: h.Name, Type: dnswire.TypeAAAA}})
		}
	}
	return jobs
}

// manner is how this server has to be asked.
func (a *asker) manner(s *Server, q dnswire.Query) dnswire.Query {
	q.DO, q.NoEDNS = !s.Plain, s.Plain
	if s.OverTCP {
		q.Transport = dnswire.TCP
	}
	return q
}

func (a *asker) ask(ctx context.Context, s *Server, q dnswire.Query) Exchange {
	r, err := a.session.Ask(ctx, s.Addr, q)
	return Exchange{r, err}
}

// needsBare tells whether EDNS may be what kept the server from answering.
func needsBare(x Exchange) bool {
	if x.OK() {
		return x.Rcode() == dnswire.RcodeFormErr || x.Rcode() == dnswire.RcodeNotImp || x.Rcode() == dnswire.RcodeBadVers
	}
	return errors.Is(x.Err, dnswire.ErrTimeout)
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
	if !s.Plain {
		h.Version = a.ask(ctx, s, dnswire.Query{Name: a.l.Zone, Type: dnswire.TypeSOA, Version: 1, Transport: dnswire.UDP})
		h.Option = a.ask(ctx, s, dnswire.Query{Name: a.l.Zone, Type: dnswire.TypeSOA, Unknown: true, Transport: dnswire.UDP})
	}
	if s.SOATCP.OK() {
		// Ask reads one message and closes: the zone's content is none of ours.
		if x := a.ask(ctx, s, dnswire.Query{Name: a.l.Zone, Type: dnswire.TypeAXFR, NoEDNS: true, Transport: dnswire.TCP}); x.OK() && x.Rcode() == dnswire.RcodeSuccess {
			if len(x.Msg().Answer) > 0 && dnswire.FirstSOA(x.Msg().Answer[:1]) != nil {
				h.Transfer = len(x.Msg().Answer)
			}
		}
	}
	h.Recursion = a.ask(ctx, s, dnswire.Query{Name: a.foreign(), Type: dnswire.TypeNS, RD: true, NoEDNS: true})
	s.Hygiene = h
	a.memory.keepHygiene(key, h)
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
