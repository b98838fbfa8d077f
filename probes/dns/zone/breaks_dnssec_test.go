package zone_test

import (
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"watchpost.example/probes/dns/dnslab"
	"watchpost.example/probes/dns/dnssec"
	"watchpost.example/probes/dns/zone"
)

func anchors(t *testing.T, text string) *dnssec.Anchors {
	t.Helper()
	a, err := dnssec.ParseAnchors(strings.NewReader(text), "anchor")
	if err != nil {
		t.Fatal(err)
	}
	return &a
}

func zoneWatch(name string, t uint16) zone.Watch { return zone.Watch{Name: name, Type: t} }

func signatureModes() breaks {
	return breaks{
		"parent-sig-expired": func(l *lab) { l.Zones["gov.vn."].Life = l.Life(-40*day, -3*day) },
		"root-anchor-old": func(l *lab) {
			l.other = dnslab.NewKey(".", dns.ECDSAP256SHA256, true).DNSKEY.String()
		},
		"sig-expired": func(l *lab) {
			l.Unit().After = func(d *dnslab.Data) { resignAllBut(d, l.Life(-40*day, -3*day), dns.TypeDNSKEY) }
		},
		"sig-future": func(l *lab) {
			l.Unit().After = func(d *dnslab.Data) { resignAllBut(d, l.Life(3*day, 30*day), dns.TypeDNSKEY) }
		},
		"dnskey-sig-expired": func(l *lab) {
			l.Unit().After = func(d *dnslab.Data) { d.Resign(unit, dns.TypeDNSKEY, l.Life(-40*day, -3*day)) }
		},
		"sig-soon":      func(l *lab) { l.Unit().Life = l.Life(-28*day, 2*day) },
		"sig-missing-a": func(l *lab) { l.Unit().After = func(d *dnslab.Data) { d.DropSigs(www, dns.TypeA) } },
		"sig-corrupt-a": func(l *lab) { l.Unit().After = func(d *dnslab.Data) { corrupt(d, www, dns.TypeA) } },
		"dnskey-sig-missing": func(l *lab) {
			l.Unit().After = func(d *dnslab.Data) { d.DropSigs(unit, dns.TypeDNSKEY) }
		},
		"unsigned-ns2": func(l *lab) {
			l.on(ns2N, func(d *dnslab.Data) { d.Drop("", dns.TypeRRSIG, dns.TypeNSEC, dns.TypeDNSKEY) })
		},
	}
}

func resignAllBut(d *dnslab.Data, life dnslab.Life, but uint16) {
	kept := d.Clone()
	d.Drop("", dns.TypeRRSIG)
	d.SignAll(life)
	d.DropSigs("", but)
	for _, rr := range kept.RRs {
		if s, ok := rr.(*dns.RRSIG); ok && s.TypeCovered == but {
			d.RRs = append(d.RRs, rr)
		}
	}
	d.Each(func(dns.RR) {})
}

// corrupt changes a byte of the signatures; covered 0 = of every type.
func corrupt(d *dnslab.Data, name string, covered uint16) {
	d.Each(func(rr dns.RR) {
		if s, ok := rr.(*dns.RRSIG); ok && s.TypeCovered == covered && (name == "" || s.Hdr.Name == name) {
			if s.Signature[4] == 'A' {
				s.Signature = s.Signature[:4] + "B" + s.Signature[5:]
			} else {
				s.Signature = s.Signature[:4] + "A" + s.Signature[5:]
			}
		}
	})
}

func keyModes() breaks {
	return breaks{
		"ds-wrong-digest": func(l *lab) {
			l.Unit().DS = func(ds []dns.RR) []dns.RR {
				d := ds[0].(*dns.DS)
				d.Digest = strings.Repeat("0", 60) + d.Digest[60:]
				return ds
			}
		},
		"ds-stale-key": func(l *lab) { l.Unit().DS = func([]dns.RR) []dns.RR { return []dns.RR{stranger().ToDS(dns.SHA256)} } },
		"ds-alg-mismatch": func(l *lab) {
			l.Unit().DS = func(ds []dns.RR) []dns.RR { ds[0].(*dns.DS).Algorithm = dns.RSASHA256; return ds }
		},
		"ds-no-dnskey": func(l *lab) {
			k := l.Unit().Keys[0]
			l.Unit().Unsigned = true
			l.Unit().DS = func([]dns.RR) []dns.RR { return []dns.RR{k.ToDS(dns.SHA256)} }
		},
		"ds-sha1-only": func(l *lab) { l.Unit().Digest = dns.SHA1; l.plan.Baseline = nil },
		"ds-unknown-digest": func(l *lab) {
			l.Unit().DS = func(ds []dns.RR) []dns.RR { ds[0].(*dns.DS).DigestType = 99; return ds }
			l.plan.Baseline = nil
		},
		"zsk-missing": func(l *lab) {
			l.Unit().After = func(d *dnslab.Data) { dropKey(d, 256); d.Resign(unit, dns.TypeDNSKEY, l.life()) }
		},
		"ksk-missing": func(l *lab) {
			l.Unit().After = func(d *dnslab.Data) { dropKey(d, 257); d.Resign(unit, dns.TypeDNSKEY, l.life()) }
		},
		"alg-rsasha1": func(l *lab) {
			l.Unit().Keys = []*dnslab.Key{dnslab.NewKey(unit, dns.RSASHA1, true)}
			l.plan.Baseline = nil
		},
		"alg-unknown": func(l *lab) {
			l.Unit().After = func(d *dnslab.Data) {
				d.Each(func(rr dns.RR) {
					switch r := rr.(type) {
					case *dns.DNSKEY:
						r.Algorithm = 200
					case *dns.RRSIG:
						r.Algorithm = 200
					}
				})
			}
			l.Unit().DS = func([]dns.RR) []dns.RR {
				k := *l.Unit().Keys[0].DNSKEY
				k.Algorithm = 200
				return []dns.RR{k.ToDS(dns.SHA256)}
			}
			l.Unit().Keys = []*dnslab.Key{dnslab.NewKey(unit, dns.ECDSAP256SHA256, true)}
			l.plan.Baseline = nil
		},
		"cds-mismatch": func(l *lab) {
			l.Unit().Records = append(l.Unit().Records, strings.Replace(stranger().ToDS(dns.SHA256).String(), "\tDS\t", "\tCDS\t", 1))
		},
	}
}

func dropKey(d *dnslab.Data, flags uint16) {
	var out []dns.RR
	for _, rr := range d.RRs {
		if k, ok := rr.(*dns.DNSKEY); !ok || k.Flags != flags {
			out = append(out, rr)
		}
	}
	d.RRs = out
	d.Each(func(dns.RR) {})
}

func denialModes() breaks {
	nsec3 := func(n *dnslab.NSEC3, after func(d *dnslab.Data)) func(*lab) {
		return func(l *lab) { l.Unit().NSEC3, l.Unit().After = n, after }
	}
	return breaks{
		"nsec-zone":     func(l *lab) { l.Unit().NSEC3 = nil },
		"nsec3-zone":    nsec3(&dnslab.NSEC3{}, nil),
		"nsec3-opt-out": nsec3(&dnslab.NSEC3{OptOut: true}, nil),
		"nsec3-stripped": nsec3(&dnslab.NSEC3{}, func(d *dnslab.Data) {
			d.Drop("", dns.TypeNSEC3)
			d.DropSigs("", dns.TypeNSEC3)
		}),
		"nsec3-sig-corrupt": nsec3(&dnslab.NSEC3{}, func(d *dnslab.Data) { corrupt(d, "", dns.TypeNSEC3) }),
		"nsec3-hole": nsec3(&dnslab.NSEC3{}, func(d *dnslab.Data) {
			// Only the apex's own record is left: it proves the encloser and no more.
			own := strings.ToLower(dns.HashName(unit, 1, 0, ""))
			var out []dns.RR
			for _, rr := range d.RRs {
				n := rr.Header().Name
				s, isSig := rr.(*dns.RRSIG)
				if (rr.Header().Rrtype == dns.TypeNSEC3 || isSig && s.TypeCovered == dns.TypeNSEC3) && !strings.HasPrefix(n, own) {
					continue
				}
				out = append(out, rr)
			}
			d.RRs = out
			d.Each(func(dns.RR) {})
		}),
		"nsec3-iter-150": nsec3(&dnslab.NSEC3{Iterations: 150}, nil),
		"nsec3-iter-500": nsec3(&dnslab.NSEC3{Iterations: 500}, nil),
		"nsec3-salt":     nsec3(&dnslab.NSEC3{Salt: "aabb"}, nil),
	}
}

// beyondModes are ours: what the list doesn't name and the principles do.
func beyondModes() breaks {
	return breaks{
		"delegation-gone": func(l *lab) { l.Unit().Delegation, l.Unit().DS = none, none },
		"parent-gone": func(l *lab) {
			l.Zones["gov.vn."].Delegation, l.Zones["gov.vn."].DS = none, none
		},
		"all-dead": func(l *lab) {
			l.later(func() {
				for _, a := range []string{ns1, ns2} {
					l.Server(a).NoTCP, l.Server(a).NoUDP = true, true
				}
			})
		},
		"all-refused":  func(l *lab) { l.fault(ns1, rcode(dns.RcodeRefused)); l.fault(ns2, rcode(dns.RcodeRefused)) },
		"udp-dead-ns2": func(l *lab) { l.later(func() { l.Server(ns2).NoUDP = true }) },
		"garbage-ns2": func(l *lab) {
			l.fault(ns2, func(x *dnslab.Exchange) { x.Raw = [][]byte{[]byte("HTTP/1.1 400 Bad Request")} })
		},
		"soa-truncated-no-tcp": func(l *lab) {
			l.later(func() { l.Server(ns2).NoTCP = true })
			l.fault(ns2, func(x *dnslab.Exchange) { x.Reply.Truncated, x.Reply.Answer = true, nil })
		},
		"soa-truncated": func(l *lab) {
			l.fault(ns2, func(x *dnslab.Exchange) {
				if !x.TCP {
					x.Reply.Truncated, x.Reply.Answer, x.Reply.Ns = true, nil, nil
				}
			})
		},
		"no-opt-ns2": func(l *lab) {
			l.fault(ns2, func(x *dnslab.Exchange) { x.Reply.Extra, x.Reply.Rcode = nil, x.Reply.Rcode&15 })
		},
		"cookie-altered": func(l *lab) {
			l.fault(ns2, func(x *dnslab.Exchange) {
				if o := x.Reply.IsEdns0(); o != nil && len(x.Query.IsEdns0().Option) > 1 {
					o.Option = append(o.Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "00000000000000000102030405060708"})
				}
			})
		},
		"soa-changed": func(l *lab) {
			l.Unit().Before = func(d *dnslab.Data) {
				d.Each(func(rr dns.RR) {
					if s, ok := rr.(*dns.SOA); ok {
						s.Mbox = "kegian.example."
					}
				})
			}
		},
		"dangling-free-domain": func(l *lab) {
			l.plan.Watched = append(l.plan.Watched, zoneWatch("cu."+unit, dns.TypeCNAME))
			l.Unit().Records = append(l.Unit().Records, "cu.donvi.gov.vn. 300 IN CNAME www.het-han.vn.")
		},
		"two-resolvers-lie": func(l *lab) {
			lie := func(x *dnslab.Exchange) {
				if x.Name == www && x.Type == dns.TypeA {
					x.Reply.Answer = []dns.RR{dnslab.RR(www + " 300 IN A " + evil)}
				}
			}
			l.resolver("127.53.8.1", lie)
			l.resolver("127.53.8.2", lie)
		},
		"resolver-filters": func(l *lab) {
			l.resolver("127.53.8.1", func(x *dnslab.Exchange) {
				if x.Name == www && x.Type == dns.TypeA {
					x.Reply.Rcode, x.Reply.Answer = dns.RcodeNameError, nil
					o := x.Reply.IsEdns0()
					o.Option = append(o.Option, &dns.EDNS0_EDE{InfoCode: 15, ExtraText: "blocked"})
				}
			})
		},
		"dmarc-lowered": func(l *lab) {
			l.replace("_dmarc."+unit, dns.TypeTXT, "_dmarc."+unit+` 300 IN TXT "v=DMARC1; p=none; rua=mailto:dmarc@donvi.gov.vn"`)
		},
		"parent-one-lies": func(l *lab) {
			l.fault("127.53.2.2", func(x *dnslab.Exchange) {
				for i, rr := range x.Reply.Ns {
					if rr.Header().Rrtype == dns.TypeNS && rr.Header().Name == unit {
						x.Reply.Ns[i] = dnslab.RR(unit + " 3600 IN NS ns2.ncc.vn.")
					}
				}
			})
			l.plan.Baseline = nil
		},
		"announced-change": func(l *lab) {
			b := *l.plan.Baseline
			b.Changes = append(b.Changes, announced(l.Now().Add(-time.Minute)))
			l.plan.Baseline = &b
			l.replace(www, dns.TypeA, www+" 300 IN A 127.99.0.2")
		},
		"signer-above": func(l *lab) {
			// A signature by gov.vn's key over a name of the unit: the library's
			// Verify takes it, because it compares signers as text.
			l.later(func() {
				up, d := l.Data["gov.vn."], l.Data[unit]
				d.DropSigs(www, dns.TypeA)
				d.RRs = append(d.RRs, up.SignSet([]dns.RR{dnslab.RR(www + " 300 IN A 127.99.0.1")}, l.life())...)
				d.Each(func(dns.RR) {})
			})
		},
	}
}

func none([]dns.RR) []dns.RR { return nil }
