package zone

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/dnssec"
	"watchpost.example/probes/dns/dnswire"
)

// delegationSigner is D4 and H2 for a delegation with DS.
func (j *judge) delegationSigner() {
	ds := j.trust.DS
	if len(ds) == 0 || j.l.NamesOnly {
		return
	}
	j.approvedDS(ds)
	fits := j.published()
	good := slices.ContainsFunc(ds, fits)
	name, addr := j.parentServer()
	f := Finding{Severity: probes.Ticket, Server: name, Address: addr, Record: j.l.Zone + " DS"}
	for _, d := range ds {
		// Approved is what the operator knows of, such as a standby key's; in a
		// bogus zone the fault has been named.
		if good && !fits(d) && j.out.Zone.Status != dnssec.Bogus && !slices.Contains(canonicalDS(j.b.Parent.DS), dnswire.Rdata(d)) {
			f.Reason, f.Expected, f.Found = DSStale, "a key of the zone for every DS", "no key for "+dnswire.Rdata(d)
			j.add(f)
		}
	}
	if !slices.ContainsFunc(ds, func(d *dnswire.DS) bool { return d.DigestType != 1 }) {
		f.Reason, f.Expected, f.Found = DSDigestWeak, "SHA-256 (digest type 2)", "SHA-1 only: "+words(dsTexts(ds))
		j.add(f)
	}
	if len(ds) > 1 && good && slices.ContainsFunc(ds[1:], func(d *dnswire.DS) bool { return d.KeyTag != ds[0].KeyTag }) {
		j.note("a key roll-over is under way: the parent has " + strconv.Itoa(len(ds)) + " DS records")
	}
}

// published gives the test whether a DS names a key that a server publishes, or
// that a CDS asks for.
func (j *judge) published() func(d *dnswire.DS) bool {
	var keys []*dnswire.DNSKEY
	var cds []string
	for _, s := range j.answering {
		keys = append(keys, keyRecords(j.l.Zone, s.DNSKEY.Msg())...)
		cds = append(cds, cdsTexts(j, s)...)
	}
	return func(d *dnswire.DS) bool {
		return slices.Contains(cds, dnswire.Rdata(d)) || slices.ContainsFunc(keys, func(k *dnswire.DNSKEY) bool { return fitsKey(d, k) })
	}
}

// fitsKey tells whether a DS names a key; of a digest unknown here, tag and
// algorithm have to do.
func fitsKey(d *dnswire.DS, k *dnswire.DNSKEY) bool {
	if d.KeyTag != k.KeyTag() || d.Algorithm != k.Algorithm {
		return false
	}
	c := k.ToDS(d.DigestType)
	return c == nil || !dnssec.DigestSupported(d.DigestType) || dnswire.Rdata(c) == dnswire.Rdata(d)
}

// parentServer is one of the parent's that gave the DS.
func (j *judge) parentServer() (name, addr string) {
	for _, p := range j.l.Parents {
		if p.NS.OK() || p.DS.OK() {
			return p.Name, address(p.Addr)
		}
	}
	return "", ""
}

// approvedDS is H2. A DS that was added and names a key that the approved one
// vouches for is a roll-over under way; anything else is a change of trust.
func (j *judge) approvedDS(ds []*dnswire.DS) {
	want := j.b.Parent.DS
	got := dsTexts(ds)
	if len(want) == 0 || slices.Equal(got, canonicalDS(want)) {
		return
	}
	want = canonicalDS(want)
	name, addr := j.parentServer()
	f := Finding{Reason: ParentDSChanged, Severity: probes.PageNow, Server: name, Address: addr, Record: j.l.Zone + " DS", Expected: words(want), Found: words(got)}
	for _, p := range j.l.Parents {
		f.packets = append(f.packets, p.NS)
	}
	gone := slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(got, w) })
	if !gone && j.out.Zone.Status == dnssec.Secure {
		if j.addedVouched(ds, want) {
			j.note("a key roll-over is under way: the parent's new DS names a key that the approved one vouches for")
			return
		}
		f.Severity = probes.Ticket
	}
	j.add(f)
}

// addedVouched tells whether every added DS names a key in a key set, or a CDS,
// that validates by the approved DS alone: at one server, because several
// signers (RFC 8901) have each a key set of their own signing.
func (j *judge) addedVouched(ds []*dnswire.DS, want []string) bool {
	var old, added []*dnswire.DS
	for _, d := range ds {
		if slices.Contains(want, dnswire.Rdata(d)) {
			old = append(old, d)
		} else {
			added = append(added, d)
		}
	}
	for _, s := range j.answering {
		m := s.DNSKEY.Msg()
		if m == nil {
			continue
		}
		keys, o := verifyKeys(j.l.Zone, dnssec.Anchor{DS: old}, m, j.now, j.budget())
		if o.Status != dnssec.Secure {
			continue
		}
		added = slices.DeleteFunc(added, func(d *dnswire.DS) bool {
			return slices.ContainsFunc(keys, func(k *dnswire.DNSKEY) bool { return fitsKey(d, k) }) || j.inCDS(s, d)
		})
	}
	return len(old) > 0 && len(added) == 0
}

func (j *judge) inCDS(s *Server, d *dnswire.DS) bool {
	m := s.CDS.Msg()
	return m != nil && slices.Contains(dnswire.RdataSet(dnswire.Set(m.Answer, j.l.Zone, dnswire.TypeCDS)), dnswire.Rdata(d))
}

func canonicalDS(l []string) []string {
	var rrs []dnswire.RR
	for _, s := range l {
		if rr, err := dnswire.NewRR(". 0 IN DS " + s); err == nil && rr != nil {
			rrs = append(rrs, rr)
		}
	}
	return dnswire.RdataSet(rrs)
}

// unsignedDelegation judges a zone whose parent proves that it has no DS.
func (j *judge) unsignedDelegation() {
	if j.l.NamesOnly || j.parentO.Cause != dnssec.UnsignedDelegation && j.parentO.Cause != dnssec.OptOut {
		return
	}
	name, addr := j.parentServer()
	if want := j.b.Parent.DS; len(want) > 0 {
		j.add(Finding{Reason: ParentDSChanged, Severity: probes.PageNow, Server: name, Address: addr, Record: j.l.Zone + " DS", Expected: words(canonicalDS(want)), Found: "none, and the parent proves it"})
	}
	if k := j.l.Chain[len(j.l.Chain)-1]; k.Outcome.Status == dnssec.Insecure {
		if j.signed() {
			j.note("the zone is signed below " + k.Zone + ", which is not: nobody can validate it")
		}
		return
	}
	if j.signed() && j.b.Security != dnssec.Secure.String() && j.b.Security != dnssec.Insecure.String() && len(j.b.Parent.DS) == 0 {
		j.add(Finding{Reason: DSMissing, Severity: probes.Ticket, Server: name, Address: addr, Record: j.l.Zone + " DS", Expected: "a DS at the parent for the zone's keys", Found: "none: nobody validates the zone"})
	}
}

// downgrade is H3, and the keys of a zone that no DS vouches for.
func (j *judge) downgrade() {
	if j.out.Zone.Status != dnssec.Insecure {
		return
	}
	expected := ""
	switch was := j.lim.Secured; {
	case j.out.Zone.Reason == CauseReason(dnssec.NSEC3Iterations): // takes the proof from negative answers only
	case j.b.Security == dnssec.Secure.String():
		expected = "secure, as approved"
	case j.b.Security == "" && !was.IsZero():
		expected = "secure, as it was until " + was.UTC().Format(time.RFC3339) + " (a baseline can say that it is meant to be insecure)"
	}
	if expected != "" {
		at := j.l.Zone // or the zone above whose own delegation lost its DS: one finding for all below it
		if i := slices.IndexFunc(j.l.Chain, func(k Link) bool { return k.Outcome.Status == dnssec.Insecure }); i >= 0 {
			at = j.l.Chain[i].Zone
		}
		j.add(Finding{Reason: NoLongerSecure, Severity: probes.PageNow, Zone: at, Record: at + " DS", Expected: expected, Found: "insecure: " + j.out.Zone.Detail})
	}
	if len(j.b.DNSKEY) == 0 {
		return
	}
	for _, s := range j.answering {
		got := KeySigning(j.l.Zone, s.DNSKEY.Msg())
		if len(got) > 0 && !slices.Equal(got, slices.Sorted(slices.Values(j.b.DNSKEY))) {
			j.server(s, DNSKEYChanged, probes.Today, j.l.Zone+" DNSKEY", words(j.b.DNSKEY), words(got), s.DNSKEY)
		}
	}
}

// KeySigning gives the key-signing keys of a DNSKEY answer as the baseline has them.
func KeySigning(zone string, m *dnswire.Msg) []string {
	var rrs []dnswire.RR
	for _, k := range keyRecords(zone, m) {
		if k.Flags&1 == 1 {
			rrs = append(rrs, k)
		}
	}
	return dnswire.RdataSet(rrs)
}

// keys is D8: weak algorithms and short keys, one finding for the zone's worst server.
func (j *judge) keys() {
	for _, s := range j.answering {
		for _, k := range keyRecords(j.l.Zone, s.DNSKEY.Msg()) {
			why := ""
			switch bits := dnssec.KeyBits(k); {
			case k.Algorithm == 1 || k.Algorithm == 3 || k.Algorithm == 5 || k.Algorithm == 6 || k.Algorithm == 7 || k.Algorithm == 12:
				why = fmt.Sprintf("algorithm %d, which RFC 9904 forbids", k.Algorithm)
			case (k.Algorithm == 8 || k.Algorithm == 10) && bits > 0 && bits < 2048:
				why = fmt.Sprintf("RSA of %d bits", bits)
			default:
				continue
			}
			j.server(s, AlgorithmWeak, probes.Ticket, j.l.Zone+" DNSKEY", "ECDSA P-256 (13), Ed25519 (15) or RSA-SHA-256 of 2048 bits (8)", "key "+strconv.Itoa(int(k.KeyTag()))+": "+why, s.DNSKEY)
			break
		}
	}
}

func answerSet(x Exchange, name string, t uint16) []dnswire.RR {
	if x.Msg() == nil {
		return nil
	}
	return dnswire.Set(x.Msg().Answer, name, t)
}

// nsec3 is D7: parameters that cost everybody and protect nobody.
func (j *judge) nsec3() {
	for _, s := range j.answering {
		for _, x := range []Exchange{s.Random, s.NoData} {
			n := firstNSEC3(x)
			if n == nil {
				continue
			}
			if n.Iterations > 0 {
				j.server(s, NSEC3Costly, probes.Ticket, j.l.Zone+" NSEC3", "0 iterations (RFC 9276)", strconv.Itoa(int(n.Iterations)), x)
			}
			if n.Salt != "" && n.Salt != "-" {
				j.server(s, NSEC3Salt, probes.Note, j.l.Zone+" NSEC3", "no salt (RFC 9276)", n.Salt, x)
			}
			break
		}
	}
}

func firstNSEC3(x Exchange) *dnswire.NSEC3 {
	if m := x.Msg(); m != nil {
		for _, rr := range m.Ns {
			if n, ok := rr.(*dnswire.NSEC3); ok {
				return n
			}
		}
	}
	return nil
}
