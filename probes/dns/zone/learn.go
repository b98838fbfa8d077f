package zone

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/baseline"
	"watchpost.example/probes/dns/dnssec"
	"watchpost.example/probes/dns/dnswire"
)

// ErrCannotLearn is given when a zone is in no state to be approved, wrapped
// with why.
var ErrCannotLearn = errors.New("nothing to learn from")

// Learning asks this often at least, and goes on while addresses turn out to
// rotate, until learnQuiet asks brought nothing new.
const (
	learnLooks = 3
	learnQuiet = 12
	learnMost  = 60
)

// DefaultWatch is what is asked of a zone when nobody says otherwise, and all
// that the baseline (nil = none) approves.
func DefaultWatch(zone string, b *baseline.Zone) []Watch {
	zone = dnswire.Name(zone)
	under := func(label string) string {
		if zone == "." {
			return label + "."
		}
		return label + "." + zone
	}
	out := []Watch{
		{zone, dnswire.TypeA},
		{zone, dnswire.TypeAAAA},
		{zone, dnswire.TypeMX},
		{zone, dnswire.TypeTXT},
		{zone, dnswire.TypeCAA},
		{under("www"), dnswire.TypeA},
		{under("www"), dnswire.TypeAAAA},
		{under("_dmarc"), dnswire.TypeTXT},
	}
	if b == nil {
		return out
	}
	for _, r := range b.Records {
		t, ok := dnswire.TypeNumber(r.Type)
		if w := (Watch{r.Name, t}); ok && !slices.Contains(out, w) && len(out) < MaxWatched {
			out = append(out, w)
		}
	}
	return out
}

// Learn looks several times and proposes a baseline: what the zone says now.
// It refuses a zone that is bogus, gone or unreachable; a person approves the rest.
func (e *Env) Learn(ctx context.Context, p Plan, by, note string) (*baseline.Zone, error) {
	z, _, err := e.learn(ctx, p, by, note)
	return z, err
}

// learn is Learn, and what is wrong with the zone though something can be
// learned of it; the graver of it stands in the baseline too.
func (e *Env) learn(ctx context.Context, p Plan, by, note string) (*baseline.Zone, []Finding, error) {
	o := e.Check(ctx, p)
	top := newest(o.Look)
	switch {
	case o.Judgement.Untold != "":
		return nil, nil, fmt.Errorf("%w: %s", ErrCannotLearn, o.Judgement.Untold)
	case o.Judgement.Zone.Status == dnssec.Bogus:
		return nil, nil, fmt.Errorf("%w: the zone does not validate, and whoever validates gets no answer: %s", ErrCannotLearn, o.Judgement.Zone.Detail)
	case top == nil:
		_, _, why := o.Verdict()
		return nil, nil, fmt.Errorf("%w: no server speaks for the zone: %s", ErrCannotLearn, why)
	}
	z := e.lesson(ctx, o, top)
	z.Learned = baseline.Stamp{By: by, At: time.Now().UTC().Truncate(time.Second), Note: note}
	for _, f := range o.Judgement.Findings {
		if f.Severity >= probes.Ticket {
			z.Attention = append(z.Attention, string(f.Reason)+" at "+f.sentence())
		}
	}
	return z, o.Judgement.Findings, nil
}

// lesson is what an outcome says of the zone, and what a few more questions say
// of what varies.
func (e *Env) lesson(ctx context.Context, o Outcome, top *Server) *baseline.Zone {
	l := o.Look
	z := &baseline.Zone{Zone: l.Zone, Serial: serial(top)}
	if st := o.Judgement.Zone.Status; st == dnssec.Secure || st == dnssec.Insecure {
		z.Security = st.String()
	}
	d := delegationLine(l)
	z.Parent.NS, z.Parent.DS = d.NS, d.DS
	for _, h := range l.Hosts {
		if len(h.Glue) > 0 && h.InParent {
			g := baseline.Glue{Name: h.Name}
			for _, a := range addrSet(h.Glue) {
				g.Addresses = append(g.Addresses, netip.MustParseAddr(a))
			}
			z.Parent.Glue = append(z.Parent.Glue, g)
		}
	}
	z.NS = nsNames(l.Zone, top.NS.Msg())
	soa := top.soa()
	z.SOA = baseline.SOA{MName: dnswire.Name(soa.Ns), RName: dnswire.Name(soa.Mbox)}
	z.DNSKEY = KeySigning(l.Zone, top.DNSKEY.Msg())
	if left := o.Judgement.SignatureLeft; left > 0 {
		v := validityOf(top, l.At.Add(left).Unix())
		for _, d := range []int64{-1, 1} { // the look's moment and the judge's may lie a second apart
			if v == 0 {
				v = validityOf(top, l.At.Add(left).Unix()+d)
			}
		}
		z.Signatures.Validity = int64(v.Seconds())
	}
	if m := top.Random.Msg(); m != nil && (m.Rcode == dnswire.RcodeSuccess || m.Rcode == dnswire.RcodeNXDomain) {
		z.Random = &baseline.Random{Rcode: dnswire.RcodeName(m.Rcode), Values: valuesOf(Watch{l.Random, dnswire.TypeA}, m)}
	}
	for i, w := range l.Watched {
		z.Records = append(z.Records, e.learnRecord(ctx, l, i, w))
	}
	return z
}

func newest(l *Look) *Server {
	j := &judge{l: l}
	for _, s := range l.Servers {
		if s.Answers() {
			j.answering = append(j.answering, s)
		}
	}
	return j.newest()
}

// learnRecord asks all servers again and again: what varies is learned as a
// subset, what stays as exact.
func (e *Env) learnRecord(ctx context.Context, l *Look, i int, w Watch) baseline.Record {
	k := learner{w: w, r: baseline.Record{Name: w.Name, Type: dnswire.TypeName(w.Type), Policy: baseline.Exact}}
	top := newest(l)
	var servers []*Server
	for _, s := range l.Servers {
		if s.Answers() && serial(s) == serial(top) {
			k.take(s.Watched[i].Msg())
			servers = append(servers, s)
		}
	}
	quiet := 0
	for n := 0; len(servers) > 0 && n < learnMost && ctx.Err() == nil; n++ {
		if n >= learnLooks*len(servers) && (!k.varies || quiet >= learnQuiet) {
			break
		}
		s := servers[n%len(servers)]
		quiet++
		reply, err := e.client.Ask(ctx, s.Addr, dnswire.Query{Name: w.Name, Type: w.Type, DO: !s.Plain, NoEDNS: s.Plain})
		if err == nil && k.take(reply.Msg) {
			quiet = 0
		}
	}
	slices.Sort(k.r.Values)
	if k.varies {
		k.r.Policy = baseline.Subset
	}
	return k.r
}

// learner gathers what several answers to one question say.
type learner struct {
	w            Watch
	r            baseline.Record
	first        []string
	seen, varies bool
}

// take adds an answer; grew tells whether it brought something new.
func (k *learner) take(m *dnswire.Msg) (grew bool) {
	if m == nil || m.Rcode != dnswire.RcodeSuccess && m.Rcode != dnswire.RcodeNXDomain {
		return false
	}
	got := valuesOf(k.w, m)
	if !k.seen {
		k.first, k.seen = got, true
	}
	k.varies = k.varies || !slices.Equal(k.first, got)
	for _, v := range got {
		if !slices.Contains(k.r.Values, v) {
			k.r.Values = append(k.r.Values, v)
			grew = true
		}
	}
	if t, ok := dnswire.TTL(dnswire.Set(m.Answer, k.w.Name, k.w.Type)); ok {
		k.r.TTL = max(k.r.TTL, t)
	}
	return grew
}

// Diff compares an approved baseline with a newly learned one; each line says
// one difference in words. Empty = none.
func Diff(was, now *baseline.Zone) []string {
	var out []string
	say := func(what string, a, b []string) {
		a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
		for _, v := range a {
			if !slices.Contains(b, v) {
				out = append(out, "- "+what+" "+v)
			}
		}
		for _, v := range b {
			if !slices.Contains(a, v) {
				out = append(out, "+ "+what+" "+v)
			}
		}
	}
	say("security", []string{was.Security}, []string{now.Security})
	say("parent NS", canonicalNames(was.Parent.NS), canonicalNames(now.Parent.NS))
	say("parent DS", canonicalDS(was.Parent.DS), canonicalDS(now.Parent.DS))
	say("parent glue", glueLines(was), glueLines(now))
	say("NS", canonicalNames(was.NS), canonicalNames(now.NS))
	say("SOA", []string{was.SOA.MName + " " + was.SOA.RName}, []string{now.SOA.MName + " " + now.SOA.RName})
	say("DNSKEY", was.DNSKEY, now.DNSKEY)
	if was.Random != nil && now.Random != nil {
		say("random label", append([]string{was.Random.Rcode}, was.Random.Values...), append([]string{now.Random.Rcode}, now.Random.Values...))
	}
	for _, r := range was.Records {
		n, ok := now.Find(r.Name, r.Type)
		if ok {
			if match, _, _ := r.Match(n.Values); match {
				continue
			}
		}
		say(r.Name+" "+r.Type, r.Values, n.Values)
	}
	for _, n := range now.Records {
		if _, ok := was.Find(n.Name, n.Type); !ok && len(n.Values) > 0 {
			say(n.Name+" "+n.Type, nil, n.Values)
		}
	}
	return out
}

func glueLines(z *baseline.Zone) []string {
	var out []string
	for _, g := range z.Parent.Glue {
		out = append(out, g.Name+" "+strings.Join(addrSet(g.Addresses), ", "))
	}
	return out
}

// Approve takes a learned state over into an approved baseline: what people
// decided (policies, networks, suffixes, changes, the habit) is kept.
func Approve(was, now *baseline.Zone, by, note string) *baseline.Zone {
	out := *now
	stamp := baseline.Stamp{By: by, At: time.Now().UTC().Truncate(time.Second), Note: note}
	out.Approved = stamp
	if was == nil {
		return &out
	}
	if len(Diff(was, now)) == 0 { // what somebody learned stays as it stands there
		out = *was
		out.Approved, out.Attention = stamp, now.Attention
		return &out
	}
	out.Changes = was.Changes
	out.Signatures.Least = was.Signatures.Least
	out.Records = nil
	for _, n := range now.Records {
		if r, ok := was.Find(n.Name, n.Type); ok {
			n.Note = r.Note
			if r.Policy != "" && r.Policy != baseline.Exact {
				n.Policy, n.Networks, n.ASN, n.Suffixes = r.Policy, r.Networks, r.ASN, r.Suffixes
			}
		}
		out.Records = append(out.Records, n)
	}
	for _, r := range was.Records {
		if _, ok := now.Find(r.Name, r.Type); !ok {
			out.Records = append(out.Records, r)
		}
	}
	return &out
}
