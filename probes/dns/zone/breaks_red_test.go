package zone_test

import (
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"watchpost.example/probes/dns/dnslab"
)

const (
	govNS2  = "127.53.2.2"
	govNS2N = "ns2.gov.vn."
)

// redModes are faults, and oddities of healthy servers, that no list named:
// found by playing against the probe with real and with hostile servers.
func redModes() breaks {
	all := breaks{}
	for _, part := range []breaks{redParents(), redServers(), redManners(), redTransport(), redContent(), redResolvers()} {
		maps.Copy(all, part)
	}
	return all
}

func (l *lab) silent(addr string) {
	l.later(func() { l.Server(addr).NoTCP, l.Server(addr).NoUDP = true, true })
}

func redParents() breaks {
	return breaks{
		"parent-server-dead":    func(l *lab) { l.silent(govNS2) },
		"parent-server-refuses": func(l *lab) { l.fault(govNS2, rcode(dns.RcodeRefused)) },
		"parent-server-denies": func(l *lab) {
			l.fault(govNS2, func(x *dnslab.Exchange) {
				if dns.IsSubDomain(unit, x.Name) {
					x.Reply.Rcode, x.Reply.Authoritative, x.Reply.Ns, x.Reply.Extra = dns.RcodeNameError, true, nil, nil
				}
			})
		},
		"parent-one-evil": func(l *lab) {
			l.fault(govNS2, func(x *dnslab.Exchange) {
				if dns.IsSubDomain(unit, x.Name) && x.Type == dns.TypeNS {
					x.Reply.Ns = append([]dns.RR{dnslab.RR(unit + " 300 IN NS ns1.ncc.vn.")}, signatures(x.Reply.Ns)...)
					x.Reply.Extra = nil
				}
			})
			l.later(func() { l.Server("127.53.4.1").Zones[unit] = l.Data[unit] })
		},
		"root-one-denies": func(l *lab) {
			l.fault("127.53.0.2", func(x *dnslab.Exchange) {
				if x.Name == "vn." {
					x.Reply.Rcode, x.Reply.Authoritative, x.Reply.Ns, x.Reply.Extra = dns.RcodeNameError, true, nil, nil
				}
			})
		},
		"parent-all-refuse": func(l *lab) {
			l.fault("127.53.2.1", rcode(dns.RcodeRefused))
			l.fault(govNS2, rcode(dns.RcodeRefused))
		},
		"glue-missing-all": func(l *lab) {
			l.Unit().Delegation = func(rrs []dns.RR) []dns.RR {
				return swap(swap(rrs, "ns1.donvi.gov.vn.", ""), "ns2.donvi.gov.vn.", "")
			}
		},
		"glue-wrong-all": func(l *lab) {
			l.Unit().Delegation = func(rrs []dns.RR) []dns.RR {
				return swap(swap(rrs, "ns1.donvi.gov.vn.", "127.53.3.8"), "ns2.donvi.gov.vn.", "127.53.3.9")
			}
		},
		"withdrawn-glue-left": func(l *lab) {
			l.Unit().Delegation = func(rrs []dns.RR) []dns.RR {
				var out []dns.RR
				for _, rr := range rrs {
					if rr.Header().Rrtype == dns.TypeA {
						out = append(out, rr)
					}
				}
				return out
			}
			l.Unit().DS = func([]dns.RR) []dns.RR { return nil }
		},
		"ns-ring": func(l *lab) {
			l.plan.Baseline = nil
			l.Unit().Delegation = func([]dns.RR) []dns.RR {
				return []dns.RR{dnslab.RR(unit + " 300 IN NS ns1.a.gov.vn."), dnslab.RR(unit + " 300 IN NS ns2.a.gov.vn.")}
			}
			l.Zones["gov.vn."].Records = append(l.Zones["gov.vn."].Records, "a.gov.vn. 300 IN NS ns1.donvi.gov.vn.", "a.gov.vn. 300 IN NS ns2.donvi.gov.vn.")
		},
		"ns-in-zone-missing": func(l *lab) {
			l.plan.Baseline = nil
			l.Unit().Delegation = func(rrs []dns.RR) []dns.RR {
				return append(rrs, dnslab.RR(unit+" 3600 IN NS ns3.donvi.gov.vn."))
			}
			l.Unit().ApexNS = func(rrs []string) []string { return append(rrs, unit+" 3600 IN NS ns3.donvi.gov.vn.") }
		},
		"one-address": func(l *lab) {
			l.plan.Baseline = nil
			l.Unit().NS[1].Addr = ns1
		},
	}
}

// signatures keeps the DS, and what signs, of a referral.
func signatures(rrs []dns.RR) []dns.RR {
	var out []dns.RR
	for _, rr := range rrs {
		if t := rr.Header().Rrtype; t != dns.TypeNS {
			out = append(out, rr)
		}
	}
	return out
}

func redServers() breaks {
	storm := func(r int) func(*lab) {
		return func(l *lab) { l.fault(ns2, rcode(r)) }
	}
	return breaks{
		"storm-notimp":   storm(dns.RcodeNotImplemented),
		"storm-formerr":  storm(dns.RcodeFormatError),
		"storm-yxdomain": storm(dns.RcodeYXDomain),
		"storm-badvers": func(l *lab) {
			l.fault(ns2, func(x *dnslab.Exchange) {
				if x.Query.IsEdns0() == nil { // no room for a rcode above 15
					rcode(dns.RcodeFormatError)(x)
					return
				}
				rcode(dns.RcodeBadVers)(x)
			})
		},
		"soa-other-owner": func(l *lab) {
			l.fault(ns2, func(x *dnslab.Exchange) {
				if x.Type == dns.TypeSOA && len(x.Reply.Answer) > 0 {
					x.Reply.Answer = []dns.RR{dnslab.RR("gov.vn. 300 IN SOA ns1.gov.vn. a.gov.vn. 9 1 1 1 1")}
				}
			})
		},
		"two-soas": func(l *lab) {
			l.fault(ns2, func(x *dnslab.Exchange) {
				if x.Type == dns.TypeSOA {
					x.Reply.Answer = append(x.Reply.Answer, dnslab.RR(unit+" 300 IN SOA ns9.donvi.gov.vn. a.donvi.gov.vn. 9 1 1 1 1"))
				}
			})
		},
		"serial-zero": func(l *lab) { l.on(ns2N, func(d *dnslab.Data) { setSerial(l, d, 0) }) },
		"serial-half": func(l *lab) { l.on(ns2N, func(d *dnslab.Data) { setSerial(l, d, 1<<31+1) }) },
		"soa-only": func(l *lab) {
			l.fault(ns2, func(x *dnslab.Exchange) {
				if x.Type != dns.TypeSOA && !x.TCP {
					x.Raw = [][]byte{}
				}
			})
		},
		"aaaa-dropped": func(l *lab) {
			l.fault(ns2, func(x *dnslab.Exchange) {
				if x.Type == dns.TypeAAAA && !x.TCP {
					x.Raw = [][]byte{}
				}
			})
		},
		"aaaa-nxdomain": func(l *lab) {
			l.plan.Baseline, l.Unit().Unsigned = nil, true
			l.fault(ns2, func(x *dnslab.Exchange) {
				if x.Type == dns.TypeAAAA && x.Name == www {
					x.Reply.Rcode = dns.RcodeNameError
				}
			})
		},
		"recursion-ra": func(l *lab) {
			l.later(func() {
				l.Server(ns2).Recurse = func(m *dns.Msg) { m.RecursionAvailable, m.Rcode = true, dns.RcodeRefused }
			})
		},
		"recursion-fails": func(l *lab) {
			l.later(func() {
				l.Server(ns2).Recurse = func(m *dns.Msg) { m.RecursionAvailable, m.Rcode = true, dns.RcodeServerFailure }
			})
		},
		"recursion-thinks": func(l *lab) {
			l.fault(ns2, func(x *dnslab.Exchange) {
				x.Reply.RecursionAvailable = true
				if x.Name == "vn." {
					x.Raw = [][]byte{}
				}
			})
		},
		"poison": func(l *lab) {
			l.fault(ns1, func(x *dnslab.Exchange) {
				if x.Name == www && x.Type == dns.TypeA {
					x.Reply.Answer = append(x.Reply.Answer, dnslab.RR("ngan-hang.vn. 86400 IN A "+evil))
					x.Reply.Ns = append(x.Reply.Ns, dnslab.RR("vn. 86400 IN NS ns.evil.vn."))
				}
			})
		},
	}
}

func setSerial(l *lab, d *dnslab.Data, n uint32) {
	d.Each(func(rr dns.RR) {
		if s, ok := rr.(*dns.SOA); ok {
			s.Serial = n
		}
	})
	d.Resign(unit, dns.TypeSOA, l.life())
}

func redManners() breaks {
	option := func(m *dns.Msg, code uint16) bool {
		if o := m.IsEdns0(); o != nil {
			for _, e := range o.Option {
				if e.Option() == code {
					return true
				}
			}
		}
		return false
	}
	var down atomic.Uint32
	return breaks{
		"case-dropped": func(l *lab) {
			l.fault(ns2, func(x *dnslab.Exchange) {
				if x.Query.Question[0].Name != x.Name {
					x.Raw = [][]byte{}
				}
			})
		},
		"case-refused": func(l *lab) {
			l.fault(ns2, func(x *dnslab.Exchange) {
				if x.Query.Question[0].Name != x.Name {
					rcode(dns.RcodeRefused)(x)
				}
			})
		},
		"options-formerr": func(l *lab) {
			l.fault(ns2, func(x *dnslab.Exchange) {
				if option(x.Query, dns.EDNS0COOKIE) {
					x.Reply = new(dns.Msg).SetRcodeFormatError(x.Query)
				}
			})
		},
		"options-dropped": func(l *lab) {
			l.fault(ns2, func(x *dnslab.Exchange) {
				if option(x.Query, dns.EDNS0COOKIE) {
					x.Raw = [][]byte{}
				}
			})
		},
		"badcookie": func(l *lab) {
			l.fault(ns2, func(x *dnslab.Exchange) {
				o := x.Query.IsEdns0()
				if o == nil || x.TCP {
					return
				}
				for _, e := range o.Option {
					c, ok := e.(*dns.EDNS0_COOKIE)
					if !ok {
						continue
					}
					if len(c.Cookie) == 16 {
						rcode(dns.RcodeBadCookie)(x)
						x.Reply.Rcode = dns.RcodeBadCookie
					}
					r := x.Reply.IsEdns0()
					r.Option = append(r.Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: c.Cookie[:16] + "0102030405060708"})
				}
			})
		},
		"shouting": func(l *lab) {
			l.fault(ns2, func(x *dnslab.Exchange) {
				x.Reply = x.Reply.Copy() // its records are the zone's own
				for _, rr := range slices.Concat(x.Reply.Answer, x.Reply.Ns) {
					rr.Header().Name = strings.ToUpper(rr.Header().Name)
				}
			})
		},
		"minimal": func(l *lab) {
			l.fault(ns2, func(x *dnslab.Exchange) {
				if len(x.Reply.Answer) > 0 {
					x.Reply.Ns = nil
				}
			})
		},
		"ttl-counts-down": func(l *lab) {
			for _, addr := range []string{ns1, ns2} {
				l.fault(addr, func(x *dnslab.Exchange) {
					if x.Name == www && x.Type == dns.TypeA {
						left := 28 - down.Add(1)%29
						for _, rr := range x.Reply.Answer {
							rr.Header().Ttl = left
						}
					}
				})
			}
		},
	}
}

func redTransport() breaks {
	return breaks{
		"tc-partial": func(l *lab) {
			l.fault(ns2, func(x *dnslab.Exchange) {
				if x.Type == dns.TypeSOA && !x.TCP {
					x.Reply.Truncated, x.Reply.Answer = true, unsigned(x.Reply.Answer)
				}
			})
		},
		"tc-on-tcp": func(l *lab) {
			l.fault(ns2, func(x *dnslab.Exchange) {
				if x.Type == dns.TypeDNSKEY {
					x.Reply.Truncated, x.Reply.Answer = true, nil
				}
			})
		},
		"tc-on-tcp-soa": func(l *lab) {
			l.fault(ns2, func(x *dnslab.Exchange) {
				if x.TCP && x.Type == dns.TypeSOA {
					x.Reply.Truncated = true
				}
			})
		},
		"tcp-lies": func(l *lab) {
			l.fault(ns2, func(x *dnslab.Exchange) {
				if x.TCP && x.Name == www && x.Type == dns.TypeA {
					x.Reply.Answer = []dns.RR{dnslab.RR(x.Query.Question[0].Name + " 300 IN A " + evil)}
				}
			})
		},
		"tcp-lame": func(l *lab) {
			l.fault(ns2, func(x *dnslab.Exchange) {
				if x.TCP {
					rcode(dns.RcodeRefused)(x)
				}
			})
		},
		"tcp-ns-lies": func(l *lab) {
			l.fault(ns2, func(x *dnslab.Exchange) {
				if x.TCP && x.Type == dns.TypeNS {
					x.Reply.Answer = []dns.RR{dnslab.RR(x.Query.Question[0].Name + " 300 IN NS ns.evil.vn.")}
				}
			})
		},
		"tcp-trickles": func(l *lab) {
			l.fault(ns2, func(x *dnslab.Exchange) {
				if x.TCP && x.Type != dns.TypeSOA {
					x.Raw = [][]byte{}
				}
			})
		},
	}
}

func redContent() breaks {
	return breaks{
		"wildcard-mx": func(l *lab) {
			l.Unit().Records = append(l.Unit().Records, "*.donvi.gov.vn. 300 IN MX 10 mail.donvi.gov.vn.")
		},
		"alias-ring": func(l *lab) {
			l.plan.Baseline = nil
			l.replace(www, dns.TypeA, www+" 300 IN CNAME a.donvi.gov.vn.", "a.donvi.gov.vn. 300 IN CNAME "+www)
		},
		"txt-differs-unsigned": func(l *lab) {
			l.plan.Baseline, l.Unit().Unsigned = nil, true
			l.on(ns2N, func(d *dnslab.Data) {
				d.Drop(unit, dns.TypeTXT)
				d.Add(unit + ` 300 IN TXT "v=spf1 mx ip4:127.99.9.0/24 -all"`)
			})
		},
		"alias-end-at-one": func(l *lab) {
			l.plan.Baseline, l.Unit().Unsigned = nil, true
			l.plan.Watched = append(l.plan.Watched, zoneWatch("cong."+unit, dns.TypeA))
			l.fault(ns2, func(x *dnslab.Exchange) {
				if x.Name == "cong."+unit && len(x.Reply.Answer) > 1 {
					x.Reply.Answer = x.Reply.Answer[:1]
				}
			})
		},
	}
}

func redResolvers() breaks {
	lie := func(x *dnslab.Exchange) {
		if x.Name == www && x.Type == dns.TypeA {
			x.Reply.Answer = []dns.RR{dnslab.RR(www + " 300 IN A " + evil)}
		}
	}
	return breaks{
		"resolvers-of-one-operator": func(l *lab) {
			l.resolver("127.53.8.1", lie)
			l.resolver("127.53.8.2", lie)
			l.plan.Operators = []string{"nha-mang", "nha-mang"}
		},
		"resolvers-of-two-operators": func(l *lab) {
			l.resolver("127.53.8.1", lie)
			l.resolver("127.53.8.2", lie)
			l.plan.Operators = []string{"nha-mang", "nha-mang-khac"}
		},
		"resolver-lies-aaaa": func(l *lab) {
			l.resolver("127.53.8.1", func(x *dnslab.Exchange) {
				if x.Name == www && x.Type == dns.TypeAAAA {
					x.Reply.Answer = []dns.RR{dnslab.RR(www + " 300 IN AAAA 2001:db8::66")}
				}
			})
		},
		"resolver-empty": func(l *lab) {
			l.resolver("127.53.8.1", func(x *dnslab.Exchange) {
				if x.Name == www {
					x.Reply.Answer, x.Reply.Rcode = nil, dns.RcodeNameError
				}
			})
		},
		"resolver-stale": func(l *lab) {
			l.resolver("127.53.8.1", func(x *dnslab.Exchange) {
				lie(x)
				o := x.Reply.IsEdns0()
				o.Option = append(o.Option, &dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeStaleAnswer})
			})
		},
		"resolver-old-but-signed": func(l *lab) {
			l.plan.Baseline = nil
			var old []dns.RR
			l.later(func() {
				c := l.Data[unit].Clone()
				c.Drop(www, dns.TypeA)
				c.Add(www + " 300 IN A 127.99.0.44")
				c.Resign(www, dns.TypeA, l.life())
				for _, rr := range c.RRs {
					s, sig := rr.(*dns.RRSIG)
					if rr.Header().Name == www && (rr.Header().Rrtype == dns.TypeA || sig && s.TypeCovered == dns.TypeA) {
						old = append(old, rr)
					}
				}
			})
			l.resolver("127.53.8.1", func(x *dnslab.Exchange) {
				if x.Name == www && x.Type == dns.TypeA {
					x.Reply.Answer = old
				}
			})
		},
		"resolver-strips": func(l *lab) {
			l.resolver("127.53.8.1", func(x *dnslab.Exchange) { x.Reply.Answer = unsigned(x.Reply.Answer) })
		},
		"resolver-dead": func(l *lab) {
			l.resolver("127.53.8.1", func(x *dnslab.Exchange) { x.Raw = [][]byte{} })
		},
		"resolver-slow": func(l *lab) {
			l.resolver("127.53.8.1", func(x *dnslab.Exchange) { x.Delay = 80 * time.Millisecond })
		},
	}
}
