package zone

import (
	"context"
	"slices"

	"watchpost.example/probes/dns/dnswire"
)

// MaxCuts bounds the names that a server is asked the DS of, to see whether
// what it says without the zone's signature is of a zone further down.
const MaxCuts = 8

// askCuts asks for the DS of each name where another zone may begin: a server
// that holds a zone and one delegated from it gives data of both in one answer,
// with the signatures of each. Whether there is a cut is what the parent side
// proves, not what the answer looks like.
func (a *asker) askCuts(ctx context.Context, s *Server) {
	if s.Plain || len(keyRecords(a.l.Zone, s.DNSKEY.Msg())) == 0 {
		return
	}
	var names []string
	for _, x := range slices.Concat(s.Watched, s.Hosts) {
		if m := x.Msg(); m != nil && m.Authoritative {
			for _, n := range foreignNames(a.l.Zone, m) {
				names = append(names, between(a.l.Zone, n)...)
			}
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	for _, n := range names[:min(len(names), MaxCuts)] {
		s.Cuts = append(s.Cuts, a.ask(ctx, s, a.manner(s, dnswire.Query{Name: n, Type: dnswire.TypeDS})))
	}
}

// foreignNames gives the owners below the zone whose records the zone did not
// sign: answers, and the SOA of a negative one.
func foreignNames(zone string, m *dnswire.Msg) []string {
	var out []string
	for i, section := range [][]dnswire.RR{m.Answer, m.Ns} {
		for _, rr := range section {
			t, n := rr.Header().Rrtype, dnswire.Name(rr.Header().Name)
			if n == zone || !dnswire.Under(zone, n) || t == dnswire.TypeRRSIG || i == 1 && t != dnswire.TypeSOA {
				continue
			}
			if !slices.ContainsFunc(dnswire.Sigs(section, n, t), func(s *dnswire.RRSIG) bool { return dnswire.Name(s.SignerName) == zone }) {
				out = append(out, n)
			}
		}
	}
	return out
}

// between gives the names below zone down to name, the highest first.
func between(zone, name string) []string {
	return dnswire.Ancestors(name)[dnswire.Labels(zone)+1:]
}
