package lab

import (
	"context"
	"slices"
	"time"

	"github.com/miekg/dns"

	"watchpost.example/probes"
)

// standin asks one server for one A record. It serves as long as kinds.All has
// no dns kind, so that the lab's name servers are tried by somebody.
type standin struct {
	Server string `yaml:"server"`
	Name   string `yaml:"name"`
	Type   string `yaml:"type"`
	Expect struct {
		Answers []string `yaml:"answers"`
	} `yaml:"expect"`
}

func (s *standin) Problems() []probes.Problem     { return nil }
func (s *standin) Prober() (probes.Prober, error) { return s, nil }
func (s *standin) Instance() string               { return s.Name + " at " + s.Server }
func (s *standin) Probe(ctx context.Context) probes.Observation {
	m := new(dns.Msg).SetQuestion(dns.Fqdn(s.Name), dns.TypeA)
	r, _, err := (&dns.Client{Timeout: time.Second}).ExchangeContext(ctx, m, s.Server)
	if err != nil || len(r.Answer) != 1 {
		return probes.Observation{Verdict: probes.Down, Reason: probes.DNSTimeout}
	}
	if a, ok := r.Answer[0].(*dns.A); !ok || a.A.String() != s.Expect.Answers[0] {
		return probes.Observation{Verdict: probes.Down, Reason: probes.DNSAnswer}
	}
	return probes.Observation{Verdict: probes.Up}
}

// complete adds the stand-in where it is needed.
func complete(all []probes.Kind) []probes.Kind {
	if slices.ContainsFunc(all, func(k probes.Kind) bool { return k.Name == "dns" }) {
		return all
	}
	return append(all, probes.Kind{Name: "dns", New: func() probes.Settings { return &standin{} }})
}
