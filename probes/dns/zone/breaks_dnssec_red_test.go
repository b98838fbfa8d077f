package zone_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"watchpost.example/probes/dns/dnslab"
)

// redSecurity are states of DNSSEC beyond the list, broken and only odd; what
// each should give was written into modes_dnssec.tsv before it was run.
func redSecurity() breaks {
	all := breaks{}
	for _, part := range []breaks{redSignatures(), redKeys(), redAlgorithms(), redRollovers(), redDenial(), redAliases(), redTrust()} {
		maps.Copy(all, part)
	}
	return all
}

// each changes every signature over a type at a name; covered 0 = all types.
func each(d *dnslab.Data, name string, covered uint16, fn func(s *dns.RRSIG)) {
	d.Each(func(rr dns.RR) {
		if s, ok := rr.(*dns.RRSIG); ok && (covered == 0 || s.TypeCovered == covered) && (name == "" || s.Hdr.Name == name) {
			fn(s)
		}
	})
}

func (l *lab) after(fn func(d *dnslab.Data)) { l.Unit().After = fn }

// watch adds a name to the check, and to what the witnesses are asked.
func (l *lab) watch(name string, t uint16) {
	l.plan.Watched = append(l.plan.Watched, zoneWatch(name, t))
	l.ask(name, t)
}

// ask adds a question to the witnesses, who are asked three otherwise.
func (l *lab) ask(name string, t uint16) { l.asks = append(l.asks, zoneWatch(name, t)) }

// add puts records into the unit's zone and forgets the baseline.
func (l *lab) add(rrs ...string) {
	l.Unit().Records = append(l.Unit().Records, rrs...)
	l.plan.Baseline = nil
}

func redSignatures() breaks {
	return breaks{
		"sig-split": func(l *lab) {
			l.ask(unit, dns.TypeMX)
			l.Unit().PerServer = map[string]func(*dnslab.Data){
				"ns1.donvi.gov.vn.": func(d *dnslab.Data) { d.DropSigs(www, dns.TypeA) },
				ns2N:                func(d *dnslab.Data) { d.DropSigs(unit, dns.TypeMX) },
			}
		},
		"sig-old-ns2": func(l *lab) { l.on(ns2N, func(d *dnslab.Data) { d.Anew(d.Keys, nil, l.Life(-40*day, -3*day)) }) },
		"sig-future-ns2": func(l *lab) {
			l.on(ns2N, func(d *dnslab.Data) { d.Anew(d.Keys, nil, l.Life(2*time.Hour, 30*day)) })
		},
		"sig-missing-ns": func(l *lab) {
			l.ask(unit, dns.TypeNS)
			l.after(func(d *dnslab.Data) { d.DropSigs(unit, dns.TypeNS) })
		},
		"sig-missing-mx": func(l *lab) {
			l.ask(unit, dns.TypeMX)
			l.after(func(d *dnslab.Data) { d.DropSigs(unit, dns.TypeMX) })
		},
		"sig-missing-host": func(l *lab) {
			l.ask(ns2N, dns.TypeA)
			l.after(func(d *dnslab.Data) { d.DropSigs(ns2N, dns.TypeA) })
		},
		"sig-labels-over": func(l *lab) {
			l.after(func(d *dnslab.Data) { each(d, www, dns.TypeA, func(s *dns.RRSIG) { s.Labels++ }) })
		},
		"sig-labels-under": func(l *lab) {
			l.after(func(d *dnslab.Data) { each(d, www, dns.TypeA, func(s *dns.RRSIG) { s.Labels-- }) })
		},
		"sig-original-ttl": func(l *lab) {
			l.after(func(d *dnslab.Data) { each(d, www, dns.TypeA, func(s *dns.RRSIG) { s.OrigTtl++ }) })
		},
		"sig-signer-below": func(l *lab) {
			l.after(func(d *dnslab.Data) { each(d, www, dns.TypeA, func(s *dns.RRSIG) { s.SignerName = www }) })
		},
		"sig-signer-beside": func(l *lab) {
			l.after(func(d *dnslab.Data) { each(d, www, dns.TypeA, func(s *dns.RRSIG) { s.SignerName = "khac.gov.vn." }) })
		},
		"sig-soa-of-negatives": func(l *lab) {
			for _, a := range []string{ns1, ns2} {
				l.fault(a, func(x *dnslab.Exchange) {
					x.Reply.Ns = slices.DeleteFunc(x.Reply.Ns, func(rr dns.RR) bool {
						s, ok := rr.(*dns.RRSIG)
						return ok && s.TypeCovered == dns.TypeSOA
					})
				})
			}
		},
		"sig-old-ones-left": func(l *lab) {
			l.after(func(d *dnslab.Data) {
				for i := range 12 {
					d.RRs = append(d.SignSet([]dns.RR{dnslab.RR(www + " 300 IN A 127.99.0.1")}, l.Life(-40*day, -time.Duration(i+1)*day)), d.RRs...)
				}
				d.Each(func(dns.RR) {})
			})
		},
		"sig-long-life": func(l *lab) { l.Unit().Life = l.Life(-day, 700*day) },
		"ttl-above-signed": func(l *lab) {
			l.after(func(d *dnslab.Data) {
				d.Each(func(rr dns.RR) {
					if h := rr.Header(); h.Name == www && h.Rrtype == dns.TypeA {
						h.Ttl = 900
					}
				})
			})
		},
	}
}

func redKeys() breaks {
	// flagged publishes the key-signing key with other flags, and a DS of it.
	flagged := func(change func(k *dns.DNSKEY)) func(*lab) {
		return func(l *lab) {
			l.plan.Baseline = nil
			l.Unit().Keys = []*dnslab.Key{dnslab.NewKey(unit, 13, true), dnslab.NewKey(unit, 13, false)}
			k := l.Unit().Keys[0]
			change(k.DNSKEY)
			l.Unit().DS = func([]dns.RR) []dns.RR { return []dns.RR{k.ToDS(dns.SHA256)} }
		}
	}
	return breaks{
		"ksk-revoked":      flagged(func(k *dns.DNSKEY) { k.Flags |= dns.REVOKE }),
		"key-no-zone-flag": flagged(func(k *dns.DNSKEY) { k.Flags = 1 }),
		"key-protocol":     flagged(func(k *dns.DNSKEY) { k.Protocol = 2 }),
		"dnskey-by-zsk-only": func(l *lab) {
			l.after(func(d *dnslab.Data) {
				all := d.Keys
				d.Keys = all[1:]
				d.Resign(unit, dns.TypeDNSKEY, l.life())
				d.Keys = all
			})
		},
		"key-tags-collide": func(l *lab) { // one in 65,536 pairs of keys does
			l.after(func(d *dnslab.Data) {
				d.RRs = append(flood(1, dns.ECDSAP256SHA256, zskTag(l)), d.RRs...)
				d.Each(func(dns.RR) {})
				d.Resign(unit, dns.TypeDNSKEY, l.life())
			})
		},
		"key-tags-collide-many": func(l *lab) {
			l.after(func(d *dnslab.Data) { collide(d); d.Resign(unit, dns.TypeDNSKEY, l.life()) })
		},
		"dnskey-large": func(l *lab) {
			for range 6 {
				k := dnslab.NewKey(unit, dns.RSASHA256, false)
				k.Silent = true
				l.Unit().Keys = append(l.Unit().Keys, k)
			}
		},
		"key-standby": func(l *lab) {
			k := dnslab.NewKey(unit, 13, true)
			k.Silent = true
			l.Unit().Keys = append(l.Unit().Keys, k)
			l.Unit().DS = func(ds []dns.RR) []dns.RR { return ds[:1] }
		},
		"key-old-revoked": func(l *lab) { // RFC 5011: the former key says that it is no more
			k := dnslab.NewKey(unit, 13, true)
			k.Flags |= dns.REVOKE
			l.Unit().Keys = append(l.Unit().Keys, k)
			l.Unit().DS = func(ds []dns.RR) []dns.RR { return ds[:1] }
		},
		"dnskey-unanswered-ns2": func(l *lab) {
			l.fault(ns2, func(x *dnslab.Exchange) {
				if x.Type == dns.TypeDNSKEY {
					x.Raw = [][]byte{}
				}
			})
		},
	}
}

func redAlgorithms() breaks {
	both := func(keys ...*dnslab.Key) func(*lab) {
		return func(l *lab) { l.Unit().Keys, l.plan.Baseline = keys, nil }
	}
	alg := func(a uint8) func(*lab) {
		return func(l *lab) {
			l.Unit().Keys, l.plan.Baseline = []*dnslab.Key{dnslab.NewKey(unit, a, true), dnslab.NewKey(unit, a, false)}, nil
		}
	}
	return breaks{
		"alg-8": alg(8), "alg-10": alg(10), "alg-14": alg(14), "alg-15": alg(15),
		"alg-7": alg(7),
		"alg-16": func(l *lab) {
			k := *l.Unit().Keys[0].DNSKEY
			k.Algorithm = 16
			l.Unit().DS = func([]dns.RR) []dns.RR { return []dns.RR{k.ToDS(dns.SHA256)} }
			l.plan.Baseline = nil
		},
		"rsa-1024":  both(dnslab.NewShortKey(unit, 1024)),
		"ds-sha384": func(l *lab) { l.Unit().Digest, l.plan.Baseline = dns.SHA384, nil },
		"alg-ksk-13-zsk-8": func(l *lab) {
			l.Unit().Keys, l.plan.Baseline = []*dnslab.Key{dnslab.NewKey(unit, 13, true), dnslab.NewKey(unit, 8, false)}, nil
		},
		"ds-two-algs-one-dead": func(l *lab) {
			l.plan.Baseline = nil
			l.Unit().DS = func(ds []dns.RR) []dns.RR { return append(ds, dnslab.NewKey(unit, 8, true).ToDS(dns.SHA256)) }
		},
		"ds-sha1-and-broken-sha256": func(l *lab) { // RFC 4509 section 3
			l.plan.Baseline = nil
			l.Unit().DS = func(ds []dns.RR) []dns.RR {
				weak := l.Unit().Keys[0].ToDS(dns.SHA1)
				d := ds[0].(*dns.DS)
				d.Digest = strings.Repeat("0", len(d.Digest))
				return append(ds, weak)
			}
		},
	}
}

func redRollovers() breaks {
	cds := func(k *dns.DNSKEY) string {
		return strings.Replace(k.ToDS(dns.SHA256).String(), "\tDS\t", "\tCDS\t", 1)
	}
	cdnskey := func(k *dns.DNSKEY) string {
		return strings.Replace(k.String(), "\tDNSKEY\t", "\tCDNSKEY\t", 1)
	}
	return breaks{
		"roll-zsk-prepublish": func(l *lab) {
			k := dnslab.NewKey(unit, 13, false)
			k.Silent = true
			l.Unit().Keys = append(l.Unit().Keys, k)
		},
		"roll-zsk-double": func(l *lab) { l.Unit().Keys = append(l.Unit().Keys, dnslab.NewKey(unit, 13, false)) },
		"roll-alg-signatures-first": func(l *lab) { // RFC 6781 section 4.1.4, step 2
			fresh := dnslab.NewKey(unit, 8, false)
			l.after(func(d *dnslab.Data) {
				old := d.Keys
				d.Keys = []*dnslab.Key{fresh}
				extra := d.Clone()
				extra.Drop("", dns.TypeRRSIG)
				extra.SignAll(l.life())
				for _, rr := range extra.RRs {
					if s, ok := rr.(*dns.RRSIG); ok && s.TypeCovered != dns.TypeDNSKEY {
						d.RRs = append([]dns.RR{rr}, d.RRs...)
					}
				}
				d.Keys = old
				d.Each(func(dns.RR) {})
			})
		},
		"roll-alg-both": func(l *lab) {
			l.Unit().Keys = append(l.Unit().Keys, dnslab.NewKey(unit, 8, true), dnslab.NewKey(unit, 8, false))
			l.Unit().DS = func(ds []dns.RR) []dns.RR { return ds[:1] }
		},
		"roll-alg-both-ds": func(l *lab) {
			l.Unit().Keys = append(l.Unit().Keys, dnslab.NewKey(unit, 8, true), dnslab.NewKey(unit, 8, false))
		},
		"multi-signer": func(l *lab) { // RFC 8901 model 1
			a, b := l.Unit().Keys[1], dnslab.NewKey(unit, 13, false)
			ksk := l.Unit().Keys[0]
			l.Unit().PerServer = map[string]func(*dnslab.Data){}
			for name, z := range map[string][2]*dnslab.Key{"ns1.donvi.gov.vn.": {a, b}, ns2N: {b, a}} {
				other := *z[1]
				other.Silent = true
				l.Unit().PerServer[name] = func(d *dnslab.Data) { d.Anew([]*dnslab.Key{ksk, z[0], &other}, nil, l.life()) }
			}
		},
		"multi-signer-nsec-and-nsec3": func(l *lab) { // model 2: keys of both at both
			k := l.Unit().Keys
			other := []*dnslab.Key{dnslab.NewKey(unit, 13, true), dnslab.NewKey(unit, 13, false)}
			quiet := func(keys []*dnslab.Key) (out []*dnslab.Key) {
				for _, k := range keys {
					c := *k
					c.Silent = true
					out = append(out, &c)
				}
				return out
			}
			l.Unit().PerServer = map[string]func(*dnslab.Data){
				"ns1.donvi.gov.vn.": func(d *dnslab.Data) { d.Anew(append(quiet(other), k...), nil, l.life()) },
				ns2N:                func(d *dnslab.Data) { d.Anew(append(quiet(k), other...), &dnslab.NSEC3{}, l.life()) },
			}
			l.Unit().DS = func(ds []dns.RR) []dns.RR { return append(ds, other[0].ToDS(dns.SHA256)) }
		},
		"multi-signer-key-forgotten": func(l *lab) { // ns2 signs with a key that ns1's set has, and its own has not
			k := l.Unit().Keys
			fresh := dnslab.NewKey(unit, 13, false)
			l.on(ns2N, func(d *dnslab.Data) {
				d.Anew([]*dnslab.Key{k[0], fresh}, nil, l.life())
				d.Drop(unit, dns.TypeDNSKEY)
				d.RRs = append(d.RRs, k[0].DNSKEY, k[1].DNSKEY)
				d.Each(func(dns.RR) {})
				d.Resign(unit, dns.TypeDNSKEY, l.life())
			})
		},
		"cds-in-step": func(l *lab) {
			k := l.Unit().Keys[0].DNSKEY
			l.add(cds(k), cdnskey(k))
		},
		"cds-delete": func(l *lab) {
			l.add(unit+" 300 IN CDS 0 0 0 00", unit+" 300 IN CDNSKEY 0 3 0 AA==")
		},
		"cds-delete-done": func(l *lab) { // the parent has followed: nothing is left to say
			l.add(unit+" 300 IN CDS 0 0 0 00", unit+" 300 IN CDNSKEY 0 3 0 AA==")
			l.Unit().Unsigned = true
		},
		"cds-not-cdnskey": func(l *lab) {
			l.Unit().Keys = []*dnslab.Key{dnslab.NewKey(unit, 13, true), dnslab.NewKey(unit, 13, true), dnslab.NewKey(unit, 13, false)}
			l.add(cds(l.Unit().Keys[0].DNSKEY), cdnskey(l.Unit().Keys[1].DNSKEY))
		},
		"cds-with-standby": func(l *lab) { // RFC 7344 section 4.1: the set as a whole keeps the delegation
			l.add(cds(l.Unit().Keys[0].DNSKEY), cds(stranger().DNSKEY))
		},
		"cds-one-server-only": func(l *lab) {
			k := l.Unit().Keys[0].DNSKEY
			l.plan.Baseline = nil
			l.Unit().Before = func(d *dnslab.Data) { d.Add(cds(k)) }
			l.on(ns2N, func(d *dnslab.Data) {
				d.Drop(unit, dns.TypeCDS)
				d.Anew(d.Keys, nil, l.life())
			})
		},
	}
}

func redTrust() breaks {
	return breaks{
		"island": func(l *lab) { l.Unit().DS, l.plan.Baseline = none, nil },
		"island-under-unsigned": func(l *lab) {
			l.Zones["gov.vn."].Unsigned, l.plan.Baseline = true, nil
		},
		"unsigned-under-unsigned": func(l *lab) {
			l.Zones["gov.vn."].Unsigned, l.Unit().Unsigned, l.plan.Baseline = true, true, nil
		},
		"unsigned-by-opt-out": func(l *lab) {
			l.Zones["gov.vn."].NSEC3, l.Unit().Unsigned, l.plan.Baseline = &dnslab.NSEC3{OptOut: true}, true, nil
		},
		"parent-ds-sig-expired": func(l *lab) {
			l.Zones["gov.vn."].After = func(d *dnslab.Data) { d.Resign(unit, dns.TypeDS, l.Life(-40*day, -3*day)) }
		},
		"parent-no-ds-proof-corrupt": func(l *lab) {
			l.Unit().Unsigned, l.plan.Baseline = true, nil
			l.Zones["gov.vn."].After = func(d *dnslab.Data) { corrupt(d, unit, dns.TypeNSEC) }
		},
		"parent-denies-its-delegation": func(l *lab) {
			l.Unit().Unsigned, l.plan.Baseline = true, nil
			l.Zones["gov.vn."].After = func(d *dnslab.Data) {
				for _, rr := range d.RRs {
					if n, ok := rr.(*dns.NSEC); ok && n.Hdr.Name == unit {
						n.TypeBitMap = []uint16{dns.TypeRRSIG, dns.TypeNSEC}
					}
				}
				d.Resign(unit, dns.TypeNSEC, l.life())
			}
		},
		"parent-one-without-ds": func(l *lab) {
			l.plan.Baseline = nil
			l.fault("127.53.2.2", func(x *dnslab.Exchange) {
				drop := func(rr dns.RR) bool {
					s, ok := rr.(*dns.RRSIG)
					return rr.Header().Name == unit && (rr.Header().Rrtype == dns.TypeDS || ok && s.TypeCovered == dns.TypeDS)
				}
				x.Reply.Ns, x.Reply.Answer = slices.DeleteFunc(x.Reply.Ns, drop), slices.DeleteFunc(x.Reply.Answer, drop)
			})
		},
		"parent-rolls": func(l *lab) {
			for _, z := range []string{"vn.", "gov.vn."} {
				l.Zones[z].Keys = append(l.Zones[z].Keys, dnslab.NewKey(z, 13, true), dnslab.NewKey(z, 13, false))
			}
		},
		"grandparent-sig-expired": func(l *lab) { l.Zones["vn."].Life = l.Life(-40*day, -3*day) },
		"root-two-anchors": func(l *lab) {
			l.later(func() {
				l.other = dnslab.NewKey(".", 13, true).DNSKEY.String() + "\n" + l.Data["."].Keys[0].DNSKEY.String()
			})
		},
	}
}

// onlineSigner answers every negative question with records made for it: white
// lies (RFC 4470), or black ones (RFC 9824).
func (l *lab) onlineSigner(black bool) {
	for _, a := range []string{ns1, ns2} {
		l.fault(a, func(x *dnslab.Exchange) {
			d := l.Data[unit]
			if x.Query.IsEdns0() == nil || !x.Reply.Authoritative || len(x.Reply.Answer) > 0 || !dns.IsSubDomain(unit, x.Name) {
				return
			}
			var made []*dns.NSEC
			nsec := func(owner, next string, types ...uint16) {
				types = append(types, dns.TypeRRSIG, dns.TypeNSEC)
				slices.Sort(types)
				made = append(made, &dns.NSEC{Hdr: dns.RR_Header{Name: owner, Rrtype: dns.TypeNSEC, Class: dns.ClassINET, Ttl: 300}, NextDomain: next, TypeBitMap: types})
			}
			label, rest, _ := strings.Cut(x.Name, ".")
			switch {
			case x.Reply.Rcode == dns.RcodeSuccess:
				nsec(x.Name, `\000.`+x.Name, typesAt(d, x.Name)...)
			case black:
				x.Reply.Rcode = dns.RcodeSuccess
				nsec(x.Name, `\000.`+x.Name)
				made[0].TypeBitMap = append(made[0].TypeBitMap, 128) // NXNAME
			default:
				before := label[:len(label)-1] + string(label[len(label)-1]-1) + "~"
				nsec(before+"."+rest, label+"-."+rest)
				nsec(`\).`+unit, `+.`+unit)
			}
			x.Reply.Ns = slices.DeleteFunc(x.Reply.Ns, func(rr dns.RR) bool {
				s, ok := rr.(*dns.RRSIG)
				return rr.Header().Rrtype == dns.TypeNSEC || ok && s.TypeCovered == dns.TypeNSEC
			})
			for _, n := range made {
				x.Reply.Ns = append(append(x.Reply.Ns, n), d.SignSet([]dns.RR{n}, l.life())...)
			}
		})
	}
}

func typesAt(d *dnslab.Data, name string) []uint16 {
	var out []uint16
	for _, rr := range d.RRs {
		if h := rr.Header(); h.Name == name && h.Rrtype != dns.TypeRRSIG && h.Rrtype != dns.TypeNSEC {
			out = append(out, h.Rrtype)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func redDenial() breaks {
	next := func(to string) func(*lab) {
		return func(l *lab) {
			l.ask("wp-nhan."+unit, dns.TypeA)
			l.after(func(d *dnslab.Data) {
				for _, rr := range d.RRs { // the random label falls behind ns2
					if n, ok := rr.(*dns.NSEC); ok && n.Hdr.Name == ns2N {
						n.NextDomain = to
					}
				}
				d.Resign(ns2N, dns.TypeNSEC, l.life())
			})
		}
	}
	return breaks{
		"nsec-loop":        next("cong.donvi.gov.vn."),
		"nsec-out-of-zone": next("zz.vn."),
		"nsec-apex-missing": func(l *lab) {
			l.after(func(d *dnslab.Data) { d.Drop(unit, dns.TypeNSEC); d.DropSigs(unit, dns.TypeNSEC) })
		},
		"nsec3-salt-altered-ns2": func(l *lab) {
			l.Unit().NSEC3 = &dnslab.NSEC3{}
			l.on(ns2N, func(d *dnslab.Data) {
				d.Each(func(rr dns.RR) {
					if n, ok := rr.(*dns.NSEC3); ok {
						n.Salt, n.SaltLength = "ab", 1
					}
				})
			})
		},
		"nsec3-one-lost": func(l *lab) {
			// The record that covers the random label, whichever it is: each label
			// falls into another span, so the second look has to ask for the same.
			l.Unit().NSEC3 = &dnslab.NSEC3{}
			var first atomic.Pointer[string]
			for _, a := range []string{ns1, ns2} {
				l.fault(a, func(x *dnslab.Exchange) {
					if !strings.HasPrefix(x.Name, "wp-") {
						return
					}
					if first.CompareAndSwap(nil, &x.Name); *first.Load() != x.Name {
						return
					}
					cover := dns.HashName(x.Name, 1, 0, "")
					x.Reply.Ns = slices.DeleteFunc(x.Reply.Ns, func(rr dns.RR) bool {
						owner := strings.ToUpper(dns.SplitDomainName(rr.Header().Name)[0])
						n, ok := rr.(*dns.NSEC3)
						return ok && (owner < cover) == (cover < strings.ToUpper(n.NextDomain)) && len(x.Reply.Ns) > 4
					})
				})
			}
		},
		"nsec3-param-differs": func(l *lab) {
			l.Unit().NSEC3 = &dnslab.NSEC3{}
			l.after(func(d *dnslab.Data) {
				for _, rr := range d.RRs {
					if p, ok := rr.(*dns.NSEC3PARAM); ok {
						p.Iterations = 5
					}
				}
				d.Resign(unit, dns.TypeNSEC3PARAM, l.life())
			})
		},
		"nsec-and-nsec3": func(l *lab) {
			l.on(ns2N, func(d *dnslab.Data) { d.Anew(d.Keys, &dnslab.NSEC3{}, l.life()) })
		},
		"nsec-white-lies": func(l *lab) { l.onlineSigner(false) },
		"nsec-black-lies": func(l *lab) { l.onlineSigner(true) },
		"ent-nsec": func(l *lab) {
			l.add("a.b.tang.donvi.gov.vn. 300 IN A 127.99.0.1")
			l.watch("tang."+unit, dns.TypeA)
			l.watch("b.tang."+unit, dns.TypeTXT)
		},
		"ent-nsec3": func(l *lab) {
			l.Unit().NSEC3 = &dnslab.NSEC3{}
			l.add("a.b.tang.donvi.gov.vn. 300 IN A 127.99.0.1")
			l.watch("tang."+unit, dns.TypeA)
			l.watch("b.tang."+unit, dns.TypeTXT)
		},
		"nodata-denied-wrongly": func(l *lab) {
			l.ask(www, dns.TypeAAAA) // www's NSEC says that AAAA is there
			l.after(func(d *dnslab.Data) {
				for _, rr := range d.RRs {
					if n, ok := rr.(*dns.NSEC); ok && n.Hdr.Name == www {
						n.TypeBitMap = []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeRRSIG, dns.TypeNSEC}
					}
				}
				d.Resign(www, dns.TypeNSEC, l.life())
			})
		},
	}
}

func redAliases() breaks {
	wild := func(nsec3 *dnslab.NSEC3, rr string, types ...uint16) func(*lab) {
		return func(l *lab) {
			l.Unit().NSEC3 = nsec3
			l.add(rr)
			for _, t := range types {
				l.watch("bat-ky.dai."+unit, t)
			}
		}
	}
	strip := func(x *dnslab.Exchange) {
		if strings.HasPrefix(x.Name, "bat-ky.dai.") {
			x.Reply.Ns = nil
		}
	}
	below := func(z *dnslab.Zone) func(*lab) {
		return func(l *lab) {
			c := *z
			c.Name, c.NS = "phong.donvi.gov.vn.", []dnslab.NS{{Name: "ns1.phong.donvi.gov.vn.", Addr: ns1}, {Name: "ns2.phong.donvi.gov.vn.", Addr: ns2}}
			c.Records = []string{"www.phong.donvi.gov.vn. 300 IN A 127.99.0.1"}
			l.Add(&c)
			l.add("tang.donvi.gov.vn. 300 IN CNAME www.phong.donvi.gov.vn.")
			l.watch("tang."+unit, dns.TypeA)
			l.watch("www.phong."+unit, dns.TypeA)
			for _, a := range []string{ns1, ns2} { // as BIND and Knot do: the alias followed into the other zone
				l.fault(a, func(x *dnslab.Exchange) {
					if x.Name != "tang."+unit || x.Type != dns.TypeA {
						return
					}
					q := x.Query.Copy()
					q.Question[0].Name = "www.phong." + unit
					x.Reply.Answer = append(x.Reply.Answer, l.Server(a).Answer(q).Answer...)
				})
			}
		}
	}
	outside := func(change func(l *lab)) func(*lab) {
		return func(l *lab) {
			l.add("ngoai.donvi.gov.vn. 300 IN CNAME www.ncc.vn.")
			l.watch("ngoai."+unit, dns.TypeA)
			change(l)
		}
	}
	dname := func(change func(l *lab)) func(*lab) {
		return func(l *lab) {
			l.add("cu.donvi.gov.vn. 300 IN DNAME ncc.vn.")
			l.watch("www.cu."+unit, dns.TypeA)
			l.plan.Watched = append(l.plan.Watched, zoneWatch("www.cu."+unit, dns.TypeCNAME))
			change(l)
		}
	}
	return breaks{
		"wildcard-a":     wild(nil, "*.dai.donvi.gov.vn. 300 IN A 127.99.0.1", dns.TypeA, dns.TypeAAAA),
		"wildcard-a-3":   wild(&dnslab.NSEC3{}, "*.dai.donvi.gov.vn. 300 IN A 127.99.0.1", dns.TypeA, dns.TypeAAAA),
		"wildcard-cname": wild(nil, "*.dai.donvi.gov.vn. 300 IN CNAME www.donvi.gov.vn.", dns.TypeA, dns.TypeCNAME),
		"wildcard-unproven": func(l *lab) {
			wild(nil, "*.dai.donvi.gov.vn. 300 IN A 127.99.0.1", dns.TypeA)(l)
			l.fault(ns2, strip)
		},
		"wildcard-unproven-3": func(l *lab) {
			wild(&dnslab.NSEC3{}, "*.dai.donvi.gov.vn. 300 IN A 127.99.0.1", dns.TypeA)(l)
			l.fault(ns2, strip)
		},
		"below-signed":   below(&dnslab.Zone{}),
		"below-unsigned": below(&dnslab.Zone{Unsigned: true}),
		"below-bogus": func(l *lab) { // its own check's affair
			below(&dnslab.Zone{Life: l.Life(-40*day, -3*day)})(l)
		},
		"alias-outside":          outside(func(*lab) {}),
		"alias-outside-unsigned": outside(func(l *lab) { l.Zones["ncc.vn."].Unsigned = true }),
		"alias-alone": func(l *lab) { // a server that doesn't follow its own aliases
			l.fault(ns2, func(x *dnslab.Exchange) {
				if x.Name == "cong."+unit && x.Type == dns.TypeA {
					x.Reply.Answer = slices.DeleteFunc(x.Reply.Answer, func(rr dns.RR) bool { return rr.Header().Name != x.Name })
				}
			})
			l.watch("cong."+unit, dns.TypeA)
		},
		"alias-chain": func(l *lab) {
			for i := range 6 {
				l.add(fmt.Sprintf("c%d.donvi.gov.vn. 300 IN CNAME c%d.donvi.gov.vn.", i, i+1))
			}
			l.add("c6.donvi.gov.vn. 300 IN A 127.99.0.1")
			l.watch("c0."+unit, dns.TypeA)
		},
		"dname": dname(func(*lab) {}),
		"dname-unsigned": dname(func(l *lab) {
			l.after(func(d *dnslab.Data) { d.DropSigs("cu."+unit, dns.TypeDNAME) })
		}),
		"dname-alias-forged": dname(func(l *lab) {
			l.fault(ns2, func(x *dnslab.Exchange) {
				for _, rr := range x.Reply.Answer {
					if c, ok := rr.(*dns.CNAME); ok && strings.HasSuffix(c.Hdr.Name, ".cu."+unit) {
						c.Target = "mail.ncc.vn."
					}
				}
			})
		}),
	}
}
