package zone_test

import (
	"maps"
	"strings"
	"time"

	"github.com/miekg/dns"

	"watchpost.example/probes/dns/dnslab"
)

const (
	ns1  = "127.53.3.1"
	ns2  = "127.53.3.2"
	ns2N = "ns2.donvi.gov.vn."
	www  = "www.donvi.gov.vn."
	evil = "127.99.6.66"
	day  = 24 * time.Hour
)

type breaks map[string]func(*lab)

// modes is every break mode by the name of research/dns.md, and some beyond.
func modes() breaks {
	all := breaks{}
	for _, part := range []breaks{delegationModes(), contentModes(), serverModes(), wireModes(), signatureModes(), keyModes(), denialModes(), beyondModes(), redModes(), redSecurity()} {
		maps.Copy(all, part)
	}
	return all
}

// replace swaps a record of the unit's zone before it is signed.
func (l *lab) replace(name string, t uint16, rrs ...string) {
	l.Unit().Before = func(d *dnslab.Data) {
		d.Drop(name, t)
		d.Add(rrs...)
	}
}

// on changes the zone at one server and signs the changed set anew.
func (l *lab) on(server string, fn func(d *dnslab.Data)) {
	l.Unit().PerServer = map[string]func(*dnslab.Data){server: fn}
}

func (l *lab) life() dnslab.Life { return l.Life(-time.Hour, 30*day) }

func provider() []dnslab.NS {
	return []dnslab.NS{{Name: "ns1.ncc.vn.", Addr: "127.53.4.1"}, {Name: "ns2.ncc.vn.", Addr: "127.53.4.2"}}
}

func stranger() *dnslab.Key { return dnslab.NewKey(unit, dns.ECDSAP256SHA256, true) }

func delegationModes() breaks {
	return breaks{
		"ok": func(*lab) {},
		"hijack-ns-signed": func(l *lab) {
			l.Unit().NS, l.Unit().Keys = provider(), nil
			l.replace(www, dns.TypeA, www+" 300 IN A "+evil)
		},
		"hijack-ns-insecure": func(l *lab) {
			l.Unit().NS, l.Unit().Unsigned = provider(), true
			l.replace(www, dns.TypeA, www+" 300 IN A "+evil)
		},
		"ns-extra-parent": func(l *lab) {
			l.Unit().Delegation = func(rrs []dns.RR) []dns.RR { return append(rrs, dnslab.RR(unit+" 3600 IN NS ns2.ncc.vn.")) }
		},
		"ns-extra-child": func(l *lab) {
			l.Unit().ApexNS = func(rrs []string) []string { return append(rrs, unit+" 3600 IN NS ns2.ncc.vn.") }
			l.later(func() { l.Server("127.53.4.2").Zones[unit] = l.Data[unit] })
		},
		"ns-cname": func(l *lab) {
			l.Zones["ncc.vn."].Records = append(l.Zones["ncc.vn."].Records, "bidanh.ncc.vn. 300 IN CNAME ns2.ncc.vn.")
			l.Unit().NS = append(l.Unit().NS, dnslab.NS{Name: "bidanh.ncc.vn.", Addr: "127.53.4.2"})
			l.plan.Baseline = nil
		},
		"glue-mismatch": func(l *lab) {
			l.Unit().Delegation = func(rrs []dns.RR) []dns.RR { return swap(rrs, "ns2.donvi.gov.vn.", "127.53.3.9") }
		},
		"glue-missing": func(l *lab) {
			l.Unit().Delegation = func(rrs []dns.RR) []dns.RR { return swap(rrs, "ns2.donvi.gov.vn.", "") }
		},
		"ds-removed": func(l *lab) { l.Unit().DS = func([]dns.RR) []dns.RR { return nil } },
		"ds-extra-stale": func(l *lab) {
			l.Unit().DS = func(ds []dns.RR) []dns.RR { return append(ds, stranger().ToDS(dns.SHA256)) }
		},
		"ksk-roll-double-ds": func(l *lab) {
			k := stranger()
			k.Silent = true
			l.Unit().Keys = append(l.Unit().Keys, k)
		},
	}
}

func swap(rrs []dns.RR, name, addr string) []dns.RR {
	var out []dns.RR
	for _, rr := range rrs {
		switch {
		case rr.Header().Name != name || rr.Header().Rrtype != dns.TypeA:
			out = append(out, rr)
		case addr != "":
			out = append(out, dnslab.RR(name+" 3600 IN A "+addr))
		}
	}
	return out
}

func contentModes() breaks {
	return breaks{
		"tamper-a-signed": func(l *lab) { l.replace(www, dns.TypeA, www+" 300 IN A "+evil) },
		"tamper-a-all":    func(l *lab) { l.Unit().After = tamper },
		"tamper-a-ns2":    func(l *lab) { l.on(ns2N, tamper) },
		"mx-drift": func(l *lab) {
			l.on(ns2N, func(d *dnslab.Data) {
				d.Drop(unit, dns.TypeMX)
				d.Add(unit + " 300 IN MX 10 mail.ncc.vn.")
				d.Resign(unit, dns.TypeMX, l.life())
			})
		},
		"record-removed": func(l *lab) { l.replace(www, dns.TypeA) },
		"wildcard-added": func(l *lab) {
			l.Unit().Records = append(l.Unit().Records, "*.donvi.gov.vn. 300 IN A "+evil)
		},
		"ttl-drop":    func(l *lab) { l.replace(www, dns.TypeA, www+" 5 IN A 127.99.0.1") },
		"caa-removed": func(l *lab) { l.replace(unit, dns.TypeCAA) },
		"spf-weak":    func(l *lab) { l.replace(unit, dns.TypeTXT, unit+` 300 IN TXT "v=spf1 +all"`) },
		"dmarc-removed": func(l *lab) {
			l.replace("_dmarc."+unit, dns.TypeTXT)
		},
		"dangling-cname": func(l *lab) {
			l.plan.Watched = append(l.plan.Watched, zoneWatch("cu."+unit, dns.TypeCNAME))
			l.Unit().Records = append(l.Unit().Records, "cu.donvi.gov.vn. 300 IN CNAME khong-con.ncc.vn.")
		},
		"res-poison": func(l *lab) {
			l.resolver("127.53.8.1", func(x *dnslab.Exchange) {
				if x.Name == www && x.Type == dns.TypeA {
					x.Reply.Answer = []dns.RR{dnslab.RR(www + " 300 IN A " + evil)}
				}
			})
			l.resolver("127.53.8.2", func(*dnslab.Exchange) {})
		},
		"res-nx-rewrite": func(l *lab) {
			l.resolver("127.53.8.1", func(x *dnslab.Exchange) {
				if x.Reply.Rcode == dns.RcodeNameError {
					x.Reply.Rcode = dns.RcodeSuccess
					x.Reply.Answer = []dns.RR{dnslab.RR(x.Query.Question[0].Name + " 60 IN A " + evil)}
				}
			})
		},
	}
}

func tamper(d *dnslab.Data) {
	d.Each(func(rr dns.RR) {
		if a, ok := rr.(*dns.A); ok && a.Hdr.Name == www {
			a.A = []byte{127, 99, 6, 66}
		}
	})
}

func rcode(r int) dnslab.Fault {
	return func(x *dnslab.Exchange) {
		x.Reply.Rcode, x.Reply.Authoritative, x.Reply.Answer, x.Reply.Ns = r, false, nil, nil
	}
}

func older(l *lab, d *dnslab.Data) {
	d.Each(func(rr dns.RR) {
		if s, ok := rr.(*dns.SOA); ok {
			s.Serial = 4294967290 // older than 1, though a greater number
		}
	})
	d.Resign(unit, dns.TypeSOA, l.life())
}

func serverModes() breaks {
	return breaks{
		"dead-ns": func(l *lab) {
			l.later(func() { l.Server(ns2).NoTCP, l.Server(ns2).NoUDP = true, true })
		},
		"f-servfail":       func(l *lab) { l.fault(ns2, rcode(dns.RcodeServerFailure)) },
		"soa-expired-ns2":  func(l *lab) { l.fault(ns2, rcode(dns.RcodeServerFailure)) },
		"mixed-ns-refused": func(l *lab) { l.fault(ns2, rcode(dns.RcodeRefused)) },
		"lame-ns":          func(l *lab) { l.later(func() { delete(l.Server(ns2).Zones, unit) }) },
		"f-no-aa":          func(l *lab) { l.fault(ns2, func(x *dnslab.Exchange) { x.Reply.Authoritative = false }) },
		"f-upward-referral": func(l *lab) {
			l.fault(ns2, func(x *dnslab.Exchange) {
				x.Reply.Authoritative, x.Reply.Answer, x.Reply.Rcode = false, nil, dns.RcodeSuccess
				x.Reply.Ns = []dns.RR{dnslab.RR(". 3600 IN NS a.root.")}
			})
		},
		"serial-drift": func(l *lab) { l.on(ns2N, func(d *dnslab.Data) { older(l, d) }) },
		"stale-ns2": func(l *lab) {
			l.on(ns2N, func(d *dnslab.Data) {
				d.Drop(www, dns.TypeA)
				d.Add(www + " 300 IN A 127.99.0.77")
				d.Resign(www, dns.TypeA, l.life())
				older(l, d)
			})
		},
		"recursion-open": func(l *lab) {
			l.later(func() {
				l.Server(ns2).Recurse = func(m *dns.Msg) {
					m.RecursionAvailable = true
					m.Answer = []dns.RR{dnslab.RR("vn. 60 IN NS ns1.vn.")}
				}
			})
		},
		"axfr-open": func(l *lab) { l.later(func() { l.Server(ns2).XFR = true }) },
	}
}

func wireModes() breaks {
	return breaks{
		"f-spoof-a": func(l *lab) {
			l.fault(ns1, func(x *dnslab.Exchange) {
				if x.TCP || x.Name != www || x.Type != dns.TypeA {
					return
				}
				forged := x.Reply.Copy()
				forged.Answer = []dns.RR{dnslab.RR(x.Query.Question[0].Name + " 300 IN A " + evil)}
				x.Raw = [][]byte{packed(forged), packed(x.Reply)}
			})
		},
		"f-wrong-question": func(l *lab) {
			l.fault(ns1, func(x *dnslab.Exchange) {
				if !x.TCP && x.Name == www {
					x.Reply.Question[0].Name = "www.ncc.vn."
				}
			})
		},
		"f-case-fold": func(l *lab) {
			l.fault(ns2, func(x *dnslab.Exchange) { x.Reply.Question[0].Name = strings.ToLower(x.Reply.Question[0].Name) })
		},
		"f-ttl-zero": func(l *lab) {
			l.fault(ns2, func(x *dnslab.Exchange) {
				for _, rr := range x.Reply.Answer {
					rr.Header().Ttl = 0
				}
			})
		},
		"f-tcp-refused": func(l *lab) { l.later(func() { l.Server(ns2).NoTCP = true }) },
		"f-tc-no-tcp": func(l *lab) {
			l.later(func() { l.Server(ns2).NoTCP = true })
			l.fault(ns2, func(x *dnslab.Exchange) {
				if x.Type == dns.TypeDNSKEY {
					x.Reply.Truncated, x.Reply.Answer = true, nil
				}
			})
		},
		"f-edns-drop": func(l *lab) {
			l.fault(ns2, func(x *dnslab.Exchange) {
				if x.Query.IsEdns0() != nil && !x.TCP {
					x.Raw = [][]byte{}
				}
			})
		},
		"f-edns-formerr": func(l *lab) {
			l.fault(ns2, func(x *dnslab.Exchange) {
				if x.Query.IsEdns0() != nil {
					x.Reply = new(dns.Msg).SetRcodeFormatError(x.Query)
				}
			})
		},
		"f-rrsig-strip": func(l *lab) {
			l.fault(ns2, func(x *dnslab.Exchange) {
				x.Reply.Answer, x.Reply.Ns = unsigned(x.Reply.Answer), unsigned(x.Reply.Ns)
			})
		},
		"f-slow": func(l *lab) {
			l.fault(ns2, func(x *dnslab.Exchange) { x.Delay = 150 * time.Millisecond })
		},
	}
}

func unsigned(rrs []dns.RR) []dns.RR {
	var out []dns.RR
	for _, rr := range rrs {
		if t := rr.Header().Rrtype; t != dns.TypeRRSIG && t != dns.TypeNSEC && t != dns.TypeNSEC3 {
			out = append(out, rr)
		}
	}
	return out
}

func packed(m *dns.Msg) []byte {
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return b
}
