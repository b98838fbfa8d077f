package dns

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/dnswire"
	"watchpost.example/probes/wire"
)

// The ways to compare the records found with those of expect.answers.
const (
	matchExact    = "exact"    // these and no others
	matchSubset   = "subset"   // none but these
	matchSuperset = "superset" // all of these, and perhaps others
	matchAny      = "any"      // at least one of these
)

func matches() []string { return []string{matchExact, matchSubset, matchSuperset, matchAny} }

// expectation is Expect made ready.
type expectation struct {
	rcode         int
	answers       []string // data as of dataOf, sorted, distinct
	match         string
	pattern       *regexp.Regexp // nil = none
	authoritative bool
	min           int
}

// judge sets verdict, reason, detail and findings from a reply. It is pure.
func judge(a *wire.Answer, e expectation, r *dnswire.Reply) {
	a.Verdict, a.Reason, a.Detail = verdict(e, r)
	if a.Verdict == probes.Down {
		a.Attach("text/plain; charset=utf-8", []byte(text(r.Msg)))
	}
	if n := r.Strays.ID + r.Strays.Question + r.Strays.Garbage; n > 0 {
		a.Findings = append(a.Findings, probes.Finding{
			Reason: probes.DNSGarbage, Severity: probes.Ticket, Record: r.Query.String(),
			Expected: "no datagram but the answer", Found: strconv.Itoa(n) + " that answer nothing we asked: a forger, or a broken device on the way",
		})
	}
}

func verdict(e expectation, r *dnswire.Reply) (probes.Verdict, probes.Reason, string) {
	m := r.Msg
	if m.Rcode != e.rcode {
		return probes.Down, rcodeReason(m.Rcode), "the server says " + dnswire.RcodeName(m.Rcode) + ", expected " + dnswire.RcodeName(e.rcode)
	}
	if m.Truncated {
		if reason, _ := explain(r.TCPErr); reason.Ours() {
			return probes.Unknown, reason, "the answer is cut off over UDP, and we could not ask over TCP"
		}
		return probes.Down, probes.DNSTruncated, "the answer is cut off over UDP and can't be had over TCP"
	}
	if e.authoritative && !m.Authoritative {
		return probes.Down, probes.DNSAnswer, "the server answers without authority (no AA flag)"
	}
	if e.rcode != dnswire.RcodeSuccess {
		return probes.Up, probes.OK, ""
	}
	found := answered(r)
	if why := e.differs(found); why != "" {
		reason := probes.DNSAnswer
		if t := r.Query.Type; len(found) == 0 && (t == dnswire.TypeA || t == dnswire.TypeAAAA) {
			reason = probes.DNSNoAddress
		}
		return probes.Down, reason, probes.Clip(why, probes.MaxDetail)
	}
	return probes.Up, probes.OK, ""
}

func rcodeReason(rcode int) probes.Reason {
	switch rcode {
	case dnswire.RcodeNXDomain:
		return probes.DNSNXDomain
	case dnswire.RcodeServFail:
		return probes.DNSServFail
	case dnswire.RcodeRefused:
		return probes.DNSRefused
	}
	return probes.DNSRcode
}

// maxAliases bounds the chain of aliases that is followed in one answer.
const maxAliases = 16

// answered is the data of the type asked for, at the end of the aliases that
// begin at the name asked. Records beside that chain are not believed.
func answered(r *dnswire.Reply) []string {
	name := r.Query.Name
	for range maxAliases {
		if set := dnswire.Set(r.Msg.Answer, name, r.Query.Type); len(set) > 0 {
			out := make([]string, 0, len(set))
			for _, rr := range set {
				out = append(out, dataOf(rr))
			}
			slices.Sort(out)
			return slices.Compact(out)
		}
		alias := dnswire.Set(r.Msg.Answer, name, dnswire.TypeCNAME)
		if len(alias) == 0 {
			return nil
		}
		name = dnswire.Target(alias[0])
	}
	return nil
}

// dataOf is a record's data as expect.answers and expect.regexp see it: the
// canonical text of the zone file; of a TXT record the text itself, whose cuts
// every 255 bytes mean nothing (RFC 7208 3.3).
func dataOf(rr dnswire.RR) string {
	if rr.Header().Rrtype == dnswire.TypeTXT {
		return dnswire.Text(rr)
	}
	return dnswire.Rdata(rr)
}

// differs says how the found records break the expectation; "" = they don't.
func (e expectation) differs(found []string) string {
	switch {
	case len(found) < e.min && len(found) == 0:
		return "no record of the type asked for" + e.wanted()
	case len(found) < e.min:
		return fmt.Sprintf("%d records, expected at least %d: found %s", len(found), e.min, quoted(found))
	}
	if why := e.unmatched(found); why != "" {
		return why
	}
	if len(e.answers) == 0 {
		return ""
	}
	strange := without(found, e.answers)
	missing := without(e.answers, found)
	switch e.match {
	case matchAny:
		if len(missing) == len(e.answers) && len(found) > 0 {
			return "found " + quoted(found) + ", none of what is expected: " + quoted(e.answers)
		}
		return ""
	case matchSubset:
		missing = nil
	case matchSuperset:
		strange = nil
	}
	switch {
	case len(strange) > 0 && len(missing) > 0:
		return "found " + quoted(strange) + " instead of " + quoted(missing)
	case len(strange) > 0:
		return "found beside what is expected: " + quoted(strange)
	case len(missing) > 0:
		return "missing: " + quoted(missing)
	}
	return ""
}

// unmatched says which records break the pattern: with match any or superset
// one that matches is enough, else every one must.
func (e expectation) unmatched(found []string) string {
	if e.pattern == nil {
		return ""
	}
	bad := slices.DeleteFunc(slices.Clone(found), e.pattern.MatchString)
	if len(bad) == 0 || len(bad) < len(found) && (e.match == matchAny || e.match == matchSuperset) {
		return ""
	}
	return "found " + quoted(bad) + ", expected to match " + probes.Quote(e.pattern.String(), 120)
}

func (e expectation) wanted() string {
	if len(e.answers) == 0 {
		return ""
	}
	return "; expected " + quoted(e.answers)
}

// without is a without what b holds too; both sorted or not.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

// quoted makes a list of remote text safe for Detail: six of them, bounded.
func quoted(l []string) string {
	var b strings.Builder
	for i, s := range l {
		if i == 6 {
			b.WriteString(", …")
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(probes.Quote(s, 80))
	}
	return b.String()
}

// explain tells whose fault it is that no answer came, and why.
func explain(err error) (probes.Reason, string) {
	const asking = "asking"
	e, told := errors.AsType[*wire.Error](err)
	switch {
	case err == nil:
		return probes.OK, ""
	case told && e.Reason.Ours():
		return e.Reason, wire.Explain(asking, err)
	case wire.Classify(err) == probes.OursCanceled:
		return probes.OursCanceled, "canceled"
	case errors.Is(err, dnswire.ErrMismatch):
		return probes.DNSGarbage, "only replies to another question or with another id came"
	case errors.Is(err, dnswire.ErrGarbage):
		return probes.DNSGarbage, "what came is no DNS message"
	case errors.Is(err, dnswire.ErrTimeout):
		return probes.DNSTimeout, "no answer within the time allowed"
	}
	// Joined errors stand on lines of their own.
	return wire.Classify(err), strings.ReplaceAll(wire.Explain(asking, err), "\n", ": ")
}

// text is the whole message for people, as dig shows it, at most
// probes.MaxEvidence bytes: a message of 64 KiB can unfold to megabytes.
func text(m *dnswire.Msg) string {
	var b strings.Builder
	head := m.MsgHdr
	b.WriteString(head.String())
	for _, q := range m.Question {
		b.WriteString("\n;; question\n;" + q.String())
	}
	for _, s := range []struct {
		name string
		rrs  []dnswire.RR
	}{{"answer", m.Answer}, {"authority", m.Ns}, {"additional", m.Extra}} {
		if len(s.rrs) > 0 {
			b.WriteString("\n;; " + s.name)
		}
		for _, rr := range s.rrs {
			if b.Len() > probes.MaxEvidence {
				break
			}
			b.WriteString("\n" + rr.String())
		}
	}
	return probes.Clip(clean(b.String()), probes.MaxEvidence)
}

// clean leaves printable ASCII and line ends: whatever the record type, nothing
// of it can move a terminal's cursor. Tabs become blanks.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r == '\n' || r >= ' ' && r < 0x7f:
			return r
		}
		return '?'
	}, s)
}
