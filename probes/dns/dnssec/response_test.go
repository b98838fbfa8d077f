package dnssec

import (
	"fmt"
	"slices"
	"testing"

	"github.com/miekg/dns"
)

func TestVerifyResponse(t *testing.T) {
	t.Parallel()
	const name = "donvi.gov.vn."
	for _, mode := range []struct {
		name          string
		nsec3, optOut bool
	}{{"NSEC", false, false}, {"NSEC3", true, false}, {"NSEC3 opt-out", true, true}} {
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel()
			z := newZone(t, name, mode.nsec3, mode.optOut)
			a := func(owner string) []dns.RR { return records(t, owner+".donvi.gov.vn. 300 IN A 192.0.2.2") }
			cname := records(t, "alias.donvi.gov.vn. 300 IN CNAME www.donvi.gov.vn.")
			away := records(t, "out.donvi.gov.vn. 300 IN CNAME cdn.example.")
			dname := records(t, "old.donvi.gov.vn. 300 IN DNAME donvi.gov.vn.")
			synth := records(t, "www.old.donvi.gov.vn. 300 IN CNAME www.donvi.gov.vn.")
			loop := [][]dns.RR{records(t, "l1.donvi.gov.vn. 60 IN CNAME l2.donvi.gov.vn."), records(t, "l2.donvi.gov.vn. 60 IN CNAME l1.donvi.gov.vn.")}
			synthesized := z.answer(t, 0, dname, a("www"))
			synthesized.Answer = append(synthesized.Answer, synth...)

			// In an opt-out zone a denial is only as good as its span.
			deny := Secure
			var denyCause Cause
			if mode.optOut {
				deny, denyCause = Insecure, OptOut
			}
			tests := []struct {
				name   string
				q      string
				qtype  uint16
				msg    *dns.Msg
				status Status
				cause  Cause
			}{
				{"positive", "www", dns.TypeA, z.answer(t, 0, a("www")), Secure, None},
				{"CNAME within", "alias", dns.TypeA, z.answer(t, 0, cname, a("www")), Secure, None},
				{"CNAME asked itself", "alias", dns.TypeCNAME, z.answer(t, 0, cname), Secure, None},
				{"CNAME away", "out", dns.TypeA, z.answer(t, 0, away), Secure, None},
				{"CNAME circle", "l1", dns.TypeA, z.answer(t, 0, loop...), Bogus, Malformed},
				{"DNAME with its unsigned CNAME", "www.old", dns.TypeA, synthesized, Secure, None},
				{"nodata", "www", dns.TypeAAAA, z.answer(t, 0), Secure, None},
				{"nodata claimed for a type that is there", "www", dns.TypeA, z.answer(t, 0), Bogus, DenialWrong},
				{"nodata where a CNAME is", "alias", dns.TypeA, z.answer(t, 0), Bogus, DenialWrong},
				{"nodata of an empty non-terminal", "b.ent", dns.TypeA, z.answer(t, 0), Secure, None},
				{"nodata by wildcard", "x.wild", dns.TypeAAAA, z.answer(t, 0), deny, denyCause},
				{"nodata by wildcard for a type it has", "x.wild", dns.TypeA, z.answer(t, 0), deny2(mode.optOut), denyCause2(mode.optOut)},
				{"nxdomain", "random", dns.TypeA, z.answer(t, dns.RcodeNameError), deny, denyCause},
				{"nxdomain of a name that exists", "www", dns.TypeA, z.answer(t, dns.RcodeNameError), Bogus, DenialWrong},
				{"nxdomain of an empty non-terminal", "b.ent", dns.TypeA, z.answer(t, dns.RcodeNameError), Bogus, DenialWrong},
				{"nxdomain under a wildcard", "x.wild", dns.TypeA, z.answer(t, dns.RcodeNameError), Bogus, DenialWrong},
				{"nxdomain below a cut", "x.safe", dns.TypeA, z.answer(t, dns.RcodeNameError), Bogus, DenialWrong},
				{"nxdomain below a DNAME", "x.old", dns.TypeA, z.answer(t, dns.RcodeNameError), Bogus, DenialWrong},
				{"nxdomain without proof", "random", dns.TypeA, &dns.Msg{MsgHdr: dns.MsgHdr{Rcode: dns.RcodeNameError}}, Bogus, DenialMissing},
				{"nodata without proof", "www", dns.TypeAAAA, &dns.Msg{}, Bogus, DenialMissing},
				{"proof without signatures", "random", dns.TypeA, &dns.Msg{MsgHdr: dns.MsgHdr{Rcode: dns.RcodeNameError}, Ns: slices.DeleteFunc(slices.Clone(z.denial), func(r dns.RR) bool { return r.Header().Rrtype == dns.TypeRRSIG })}, Bogus, DenialUnsigned},
			}
			for _, tt := range tests {
				t.Run(tt.name, func(t *testing.T) {
					t.Parallel()
					expect(t, VerifyResponse(name, tt.q+"."+name, tt.qtype, tt.msg, z.keys(), now, DefaultBudget()), tt.status, tt.cause)
				})
			}
		})
	}
}

// A wildcard that has the type does not deny it; only an opt-out span then
// leaves the question open.
func deny2(optOut bool) Status {
	if optOut {
		return Insecure
	}
	return Bogus
}

func denyCause2(optOut bool) Cause {
	if optOut {
		return OptOut
	}
	return DenialWrong
}

func TestProveNoDS(t *testing.T) {
	t.Parallel()
	const name = "gov.vn."
	for _, nsec3 := range []bool{false, true} {
		for _, optOut := range []bool{false, true} {
			if optOut && !nsec3 {
				continue
			}
			t.Run(fmt.Sprintf("nsec3=%v optout=%v", nsec3, optOut), func(t *testing.T) {
				t.Parallel()
				z := newZone(t, name, nsec3, optOut)
				prove := func(child string) Outcome {
					return ProveNoDS(name, child+"."+name, z.denial, z.keys(), now, DefaultBudget())
				}
				want := UnsignedDelegation
				if optOut {
					want = OptOut
				}
				expect(t, prove("sub"), Insecure, want)
				expect(t, prove("safe"), Bogus, DenialWrong) // it has a DS
				expect(t, prove("www"), Secure, None)        // no cut at all
				expect(t, ProveNoDS(name, "sub."+name, nil, z.keys(), now, DefaultBudget()), Bogus, DenialMissing)
				// The child's own apex may not speak for the parent (RFC 6840 4.4).
				apex := newZone(t, "sub."+name, nsec3, false)
				expect(t, ProveNoDS("sub."+name, "sub."+name, apex.denial, apex.keys(), now, DefaultBudget()), Bogus, DenialWrong)
			})
		}
	}
}

func TestNSEC3Limits(t *testing.T) {
	t.Parallel()
	const name = "donvi.gov.vn."
	zsk := newKey(t, name, 256)
	make3 := func(iterations uint16) []dns.RR {
		n := &dns.NSEC3{
			Hdr:  dns.RR_Header{Name: "00000000000000000000000000000000.donvi.gov.vn.", Rrtype: dns.TypeNSEC3, Class: dns.ClassINET, Ttl: 300},
			Hash: 1, Iterations: iterations, HashLength: 20, NextDomain: "VVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVV",
		}
		return []dns.RR{n, zsk.sign(t, []dns.RR{n})}
	}
	keys := []*dns.DNSKEY{zsk.key}
	expect(t, ProveNXDOMAIN(name, "x."+name, make3(151), keys, now, DefaultBudget()), Insecure, NSEC3Iterations)
	expect(t, ProveNXDOMAIN(name, "x."+name, make3(150), keys, now, DefaultBudget()), Bogus, DenialWrong)
	deep := "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z." + name
	b := &Budget{Verifications: 10, Hashes: 5}
	expect(t, ProveNXDOMAIN(name, deep, make3(150), keys, now, b), Indeterminate, WorkLimit)
}

// TestDenialMadeFromAWildcard: an NSEC that a wildcard made denies nothing (RFC
// 4035 section 5.4).
func TestDenialMadeFromAWildcard(t *testing.T) {
	t.Parallel()
	const name = "donvi.gov.vn."
	zsk := newKey(t, name, 256)
	wild := records(t, "*.donvi.gov.vn. 300 IN NSEC donvi.gov.vn. A RRSIG NSEC")
	s := zsk.sign(t, wild)
	made := records(t, "www.donvi.gov.vn. 300 IN NSEC donvi.gov.vn. A RRSIG NSEC")
	s.Hdr.Name = made[0].Header().Name
	expect(t, ProveNoData(name, "www."+name, dns.TypeAAAA, []dns.RR{made[0], s}, []*dns.DNSKEY{zsk.key}, now, DefaultBudget()), Bogus, DenialWrong)
}

// TestNSEC3OfTwoParameters: hashes of different parameters can't be compared
// (RFC 5155 section 8.2).
func TestNSEC3OfTwoParameters(t *testing.T) {
	t.Parallel()
	const name = "donvi.gov.vn."
	zsk := newKey(t, name, 256)
	one := func(owner, salt, next string, types ...uint16) []dns.RR {
		n := &dns.NSEC3{
			Hdr:  dns.RR_Header{Name: owner + "." + name, Rrtype: dns.TypeNSEC3, Class: dns.ClassINET, Ttl: 300},
			Hash: 1, Salt: salt, SaltLength: uint8(len(salt) / 2), HashLength: 20, NextDomain: next, TypeBitMap: types,
		}
		return []dns.RR{n, zsk.sign(t, []dns.RR{n})}
	}
	// The apex hashed without salt matches; the span that would cover the rest
	// has a salt, so it may not be used.
	apex := dns.HashName(name, 1, 0, "")
	proof := append(one(apex, "", apex[:31]+"V", dns.TypeSOA, dns.TypeNS), one("00000000000000000000000000000000", "aabb", "VVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVV")...)
	o := ProveNXDOMAIN(name, "x."+name, proof, []*dns.DNSKEY{zsk.key}, now, DefaultBudget())
	x, w := dns.HashName("x."+name, 1, 0, ""), dns.HashName("*."+name, 1, 0, "")
	covered := func(h string) bool { return h > apex && h < apex[:31]+"V" }
	if covered(x) || covered(w) {
		t.Fatalf("the first span covers a name; choose another name")
	}
	expect(t, o, Bogus, DenialWrong)
}

func FuzzVerifyResponse(f *testing.F) {
	z := newZone(f, "donvi.gov.vn.", true, true)
	m := z.answer(f, 0, records(f, "www.donvi.gov.vn. 300 IN A 192.0.2.2"))
	wire, err := m.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(wire, "www.donvi.gov.vn.", uint16(1))
	f.Add(wire, "random.wild.donvi.gov.vn.", uint16(28))
	f.Fuzz(func(t *testing.T, b []byte, name string, qtype uint16) {
		var m dns.Msg
		if m.Unpack(b) != nil {
			return
		}
		if _, ok := dns.IsDomainName(name); !ok {
			return
		}
		o := VerifyResponse("donvi.gov.vn.", dns.Fqdn(name), qtype, &m, z.keys(), now, DefaultBudget())
		if o.Status == Secure && len(m.Answer)+len(m.Ns) == 0 {
			t.Errorf("an empty answer is secure: %+v", o)
		}
		var keys []*dns.DNSKEY
		var sigs []*dns.RRSIG
		for _, rr := range m.Answer {
			switch rr := rr.(type) {
			case *dns.DNSKEY:
				keys = append(keys, rr)
			case *dns.RRSIG:
				sigs = append(sigs, rr)
			}
		}
		if _, o := VerifyKeys("donvi.gov.vn.", DefaultAnchors().zones["."], keys, sigs, now, DefaultBudget()); o.Status == Secure {
			t.Errorf("keys that the root did not sign are secure")
		}
	})
}
