package zone

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/dnssec"
	"watchpost.example/probes/dns/dnswire"
	"watchpost.example/probes/dns/walk"
)

// security is layer b: each server's answers validated by themselves, from the
// anchor down.
func (j *judge) security() {
	j.out.Servers = make([]State, len(j.l.Servers))
	for i := range j.out.Servers {
		j.out.Servers[i] = State{Word: dnssec.Indeterminate.String()}
	}
	j.trustInZone()
	switch {
	case j.parentO.Status == dnssec.Secure && len(j.trust.DS)+len(j.trust.Keys) > 0:
		j.validateServers()
		j.delegationSigner()
	default:
		j.out.Zone = stateOf(j.parentO)
		for i, s := range j.l.Servers {
			if s.Answers() {
				j.out.Servers[i] = j.out.Zone
			}
		}
		j.unsignedDelegation()
	}
	j.downgrade()
	if j.l.NamesOnly {
		return
	}
	j.burden()
	j.keys()
	j.cds()
	j.nsec3()
}

// trustInZone finds what the parent's servers prove of the zone's keys: a DS
// set, or that there is none.
func (j *judge) trustInZone() {
	if len(j.l.Trust.DS)+len(j.l.Trust.Keys) > 0 {
		j.trust, j.parentO = j.l.Trust, dnssec.Outcome{Status: dnssec.Secure, Labels: -1}
		return
	}
	if j.l.NoParent || len(j.l.Chain) == 0 {
		j.parentO = dnssec.Outcome{Status: dnssec.Indeterminate, Cause: dnssec.NoAnchor, Detail: "no trust anchor at or above the zone", Labels: -1}
		return
	}
	k := j.l.Chain[len(j.l.Chain)-1]
	if k.Outcome.Status != dnssec.Secure {
		j.parentO = k.Outcome
		return
	}
	j.trustByParents(k)
}

// trustByParents reads the DS set, or the proof that there is none, from each
// server of the parent that was asked.
func (j *judge) trustByParents(k Link) {
	j.parentO = dnssec.Outcome{Status: dnssec.Indeterminate, Detail: "no server of the parent gave the DS", Labels: -1}
	var fails []Finding
	var proofs []string
	for _, p := range j.l.Parents {
		x, ok := j.saysDS(p)
		if !ok {
			continue
		}
		ds, o := dsOf(k, j.l.Zone, x.Msg(), j.now, j.budget())
		if o.Status == dnssec.Bogus {
			fails = append(fails, Finding{
				Reason: CauseReason(o.Cause), Severity: probes.Today, Zone: k.Zone, Server: p.Name, Address: address(p.Addr), Record: j.l.Zone + " DS",
				Expected: "a DS set, or the proof that there is none, that validates", Found: o.Detail, packets: []Exchange{x},
			})
			if j.parentO.Status == dnssec.Indeterminate {
				j.parentO = o
			}
			continue
		}
		proofs = append(proofs, strings.Join(dsTexts(ds), ", "))
		if len(j.trust.DS) == 0 {
			j.trust.DS, j.parentO = ds, o
		}
	}
	j.parentSays(proofs, fails)
}

// saysDS gives the reply of a parent's server that tells of the DS: not one that
// serves the zone too and was not asked for it.
func (j *judge) saysDS(p Parent) (Exchange, bool) {
	x := p.NS
	if p.DS.Reply != nil {
		x = p.DS
	}
	return x, x.Rcode() == dnswire.RcodeSuccess && (p.DS.Reply != nil || refers(j.l, x.Msg()))
}

func refers(l *Look, m *dnswire.Msg) bool {
	_, ns := walk.Referral(up(l), l.Zone, m)
	return ns != nil
}

// parentSays adds what is wrong with the DS at the parent: broken everywhere
// (its fault, and one finding), at some servers, or not the same.
func (j *judge) parentSays(proofs []string, fails []Finding) {
	if len(proofs) == 0 && len(fails) > 0 {
		f := fails[0]
		f.Found = string(f.Reason) + ": " + f.Found
		f.Reason, f.Severity = ParentBroken, probes.PageNow
		j.add(f)
		return
	}
	for _, f := range fails {
		j.add(f)
	}
	slices.Sort(proofs)
	if proofs = slices.Compact(proofs); len(proofs) > 1 {
		j.add(Finding{Reason: ParentDiffers, Severity: probes.Today, Zone: up(j.l), Record: j.l.Zone + " DS", Expected: "the same DS set at every server of the parent", Found: words(proofs)})
	}
}

func dsTexts(set []*dnswire.DS) []string {
	var rrs []dnswire.RR
	for _, d := range set {
		rrs = append(rrs, d)
	}
	return dnswire.RdataSet(rrs)
}

// validateServers validates every server's answers and rolls the zone's state up.
func (j *judge) validateServers() {
	worst, bad, unsupported := dnssec.Outcome{Status: dnssec.Indeterminate, Detail: "no server answers", Labels: -1}, 0, false
	for i, s := range j.l.Servers {
		if !s.Answers() {
			continue
		}
		o := j.validate(s)
		j.out.Servers[i] = stateOf(o)
		if o.Status == dnssec.Bogus {
			bad++
		}
		unsupported = unsupported || o.Cause == dnssec.AlgUnsupported
		// A server that could not be told says nothing of the zone.
		if o.Status != dnssec.Indeterminate && (worst.Status == dnssec.Indeterminate || rank(o.Status) > rank(worst.Status)) {
			worst = o
		}
	}
	j.out.Zone = stateOf(worst)
	if unsupported {
		j.add(Finding{Reason: CauseReason(dnssec.AlgUnsupported), Severity: probes.Today, Record: j.l.Zone + " DS", Expected: "an algorithm and digest that all validators know", Found: words(dsTexts(j.trust.DS))})
	}
	if bad > 0 && bad == len(j.answering) {
		for i, f := range j.out.Findings {
			if f.Zone == j.l.Zone && validates(f.Reason) {
				j.out.Findings[i].Severity = probes.PageNow // nobody who validates sees the zone
			}
		}
	}
}

// validates tells whether a reason says that an answer is bogus.
func validates(r probes.Reason) bool {
	return r == ServerUnsigned || r == SigsStripped || slices.ContainsFunc(causes(), func(c dnssec.Cause) bool { return CauseReason(c) == r })
}

func rank(s dnssec.Status) int {
	return map[dnssec.Status]int{dnssec.Secure: 0, dnssec.Indeterminate: 1, dnssec.Insecure: 2, dnssec.Bogus: 3}[s]
}

// validate judges one server: its key set first, because all hangs on it, then
// every answer.
func (j *judge) validate(s *Server) dnssec.Outcome {
	if s.Plain { // found already: EDNS doesn't get through
		return dnssec.Outcome{Status: dnssec.Bogus, Cause: dnssec.SigMissing, Detail: "no signatures without EDNS", Labels: -1}
	}
	m := s.DNSKEY.Msg()
	if m == nil || ignorable(s.DNSKEY) || m.Rcode != dnswire.RcodeSuccess {
		return dnssec.Outcome{Status: dnssec.Indeterminate, Detail: "the server did not give its DNSKEY", Labels: -1}
	}
	keys, o := verifyKeys(j.l.Zone, j.trust, m, j.now, j.budget())
	if o.Status == dnssec.Bogus || o.Cause == dnssec.WorkLimit {
		j.bogusKeys(s, o)
		return o
	}
	if o.Status != dnssec.Secure {
		return o
	}
	return j.validateAnswers(s, keys, o)
}

// cuts gives the names where the server proves that another zone begins.
func (j *judge) cuts(s *Server, keys []*dnswire.DNSKEY, b *dnssec.Budget) []string {
	var out []string
	for _, x := range s.Cuts {
		if x.judgeable() && dnssec.IsCut(j.l.Zone, x.Reply.Query.Name, x.Msg(), keys, j.now, b) {
			out = append(out, x.Reply.Query.Name)
		}
	}
	return out
}

func (j *judge) bogusKeys(s *Server, o dnssec.Outcome) {
	reason, expected := CauseReason(o.Cause), "a DNSKEY set that the parent's DS vouches for"
	if len(j.trust.DS) > 0 {
		expected += " (" + words(dsTexts(j.trust.DS)) + ")"
	}
	switch {
	case o.Cause == dnssec.DNSKEYMissing && j.signed():
		reason = ServerUnsigned
	case o.Cause == dnssec.DNSKEYUnsigned && !hasSignatures(s):
		reason = SigsStripped
	}
	j.server(s, reason, probes.Today, j.l.Zone+" DNSKEY", expected, o.Detail, s.DNSKEY)
}

func hasSignatures(s *Server) bool {
	for _, x := range s.all() {
		if m := x.Msg(); m != nil {
			for _, rr := range slices.Concat(m.Answer, m.Ns) {
				if rr.Header().Rrtype == dnswire.TypeRRSIG {
					return true
				}
			}
		}
	}
	return false
}

// validateAnswers validates all that the server said; what fails for one cause
// is one finding that names the records.
func (j *judge) validateAnswers(s *Server, keys []*dnswire.DNSKEY, total dnssec.Outcome) dnssec.Outcome {
	var fails []failure
	least, apexFails := total.Expires, false
	budget := j.budget()
	cuts := j.cuts(s, keys, budget)
	for _, x := range slices.Concat([]Exchange{s.first(), s.NS, s.CDS, s.CDNSKEY, s.Random, s.NoData}, s.Watched, s.Hosts) {
		if !x.judgeable() {
			continue
		}
		q := x.Reply.Query
		o := dnssec.VerifyResponse(j.l.Zone, q.Name, q.Type, x.Msg(), keys, j.now, budget, cuts...)
		if o.Expires != 0 && o.Status == dnssec.Secure && (least == 0 || o.Expires < least) {
			least = o.Expires
		}
		if o.Status == dnssec.Secure || o.Cause == dnssec.OptOut || o.Cause == dnssec.OtherZone {
			continue
		}
		if rank(o.Status) > rank(total.Status) {
			total = o
		}
		apexFails = apexFails || q.Type == dnswire.TypeSOA && o.Status == dnssec.Bogus
		fails = gather(fails, o, x, strings.Replace(q.String(), j.l.Random, "(random label)."+j.l.Zone, 1))
	}
	if len(fails) > 0 && !hasSignatures(s) {
		fails = fails[:1]
		fails[0].o.Cause = dnssec.SigMissing
	}
	j.failures(s, fails, apexFails)
	j.life(s, least)
	return total
}

func (j *judge) failures(s *Server, fails []failure, apex bool) {
	for _, f := range fails {
		if f.o.Cause == dnssec.DenialUnsigned && apex {
			continue // not the denial's own fault: the zone's signatures fail as a whole
		}
		j.server(s, CauseReason(f.o.Cause), probes.Today, listed(f.records), "an answer that validates", f.o.Detail, f.x, s.DNSKEY)
	}
}

// failure is what fails for one cause at one server.
type failure struct {
	o       dnssec.Outcome
	records []string
	x       Exchange
}

func gather(fails []failure, o dnssec.Outcome, x Exchange, record string) []failure {
	i := slices.IndexFunc(fails, func(f failure) bool { return f.o.Cause == o.Cause })
	if i < 0 {
		return append(fails, failure{o, []string{record}, x})
	}
	fails[i].records = append(fails[i].records, record)
	return fails
}

// judgeable tells whether a reply is an answer of the authority, whole.
func (x Exchange) judgeable() bool {
	return x.OK() && !ignorable(x) && x.Msg().Authoritative && (x.Rcode() == dnswire.RcodeSuccess || x.Rcode() == dnswire.RcodeNXDomain)
}

func listed(l []string) string {
	if len(l) > 4 {
		return strings.Join(l[:4], ", ") + fmt.Sprintf(" and %d more", len(l)-4)
	}
	return strings.Join(l, ", ")
}

// life is D3: how long the shortest signature still holds.
func (j *judge) life(s *Server, expires int64) {
	if expires == 0 {
		return
	}
	left := time.Unix(expires, 0).Sub(j.now)
	if j.out.SignatureLeft == 0 || left < j.out.SignatureLeft {
		j.out.SignatureLeft = left
	}
	validity := validityOf(s, expires)
	ticket, today, page := j.lifeLimits(validity, onlineSigner(s))
	sev := probes.Ticket
	switch {
	case left >= ticket:
		return
	case left < page:
		sev = probes.PageNow
	case left < today:
		sev = probes.Today
	}
	j.server(s, SigSoon, sev, j.l.Zone+" RRSIG", "at least "+days(ticket)+" left", days(left)+" left, until "+time.Unix(expires, 0).UTC().Format(time.RFC3339), s.SOA)
}

// lifeLimits gives the limits: the operator's, else from the zone's habit (half
// the least ever seen), else a third of the signatures' validity within 3 and 7
// days. An online signer makes short signatures by intent.
func (j *judge) lifeLimits(validity time.Duration, online bool) (ticket, today, page time.Duration) {
	const day = 24 * time.Hour
	if v := time.Duration(j.b.Signatures.Validity) * time.Second; v > 0 {
		validity = v
		online = online || v < 10*day
	}
	ticket, today, page = min(max(validity/3, 3*day), 7*day), 3*day, 12*time.Hour
	if online { // short by intent
		ticket = min(validity/4, 7*day)
		today = ticket / 2
	}
	if usual := j.usualLeast(); usual > 0 && usual/2 < ticket && (online || usual > 3*day) {
		ticket = usual / 2
	}
	ticket = cmp.Or(j.lim.SigNote, ticket)
	today = cmp.Or(j.lim.SigToday, min(today, ticket))
	page = cmp.Or(j.lim.SigPage, min(page, today/2))
	return ticket, today, page
}

// usualLeast is the shortest life that was ever seen and was no fault, by the
// baseline or by our memory; 0 = not known.
func (j *judge) usualLeast() time.Duration {
	usual := j.lim.Least
	if v := time.Duration(j.b.Signatures.Least) * time.Second; v > 0 && (usual == 0 || v < usual) {
		usual = v
	}
	return usual
}

func days(d time.Duration) string {
	if d < 48*time.Hour {
		return d.Round(time.Minute).String()
	}
	return fmt.Sprintf("%.1f days", d.Hours()/24)
}

// validityOf is the whole validity of the signature that ends first.
func validityOf(s *Server, expires int64) time.Duration {
	for _, x := range s.all() {
		m := x.Msg()
		if m == nil {
			continue
		}
		for _, rr := range slices.Concat(m.Answer, m.Ns) {
			if sig, ok := rr.(*dnswire.RRSIG); ok && int64(sig.Expiration) == expires&0xffffffff {
				return time.Duration(sig.Expiration-sig.Inception) * time.Second
			}
		}
	}
	return 0
}

// onlineSigner tells a signer that signs each answer: its NSEC names the very
// next name that could be.
func onlineSigner(s *Server) bool {
	m := s.Random.Msg()
	return m != nil && slices.ContainsFunc(m.Ns, func(rr dnswire.RR) bool {
		return strings.HasPrefix(dnswire.NextSecure(rr), `\000.`)
	})
}
