package zone

import (
	"context"
	"slices"
	"time"

	"watchpost.example/probes/dns/dnssec"
	"watchpost.example/probes/dns/dnswire"
	"watchpost.example/probes/dns/walk"
)

// A link that fails is asked again soon, one that holds is kept by TTL.
const (
	badLinkLife = 30 * time.Second
	maxLinkLife = 6 * time.Hour
	// linkTries is how many servers' answers may fail before the link does.
	linkTries = 3
)

// askChain walks to the zone's parent and builds the chain of trust to it.
func (e *Env) askChain(ctx context.Context, l *Look) []walk.Cut {
	if a, ok := e.anchors.For(l.Zone); ok {
		l.Trust = a
	}
	if l.Zone == "." {
		l.NoParent = true
		cuts, _ := e.walker.Chain(ctx, ".") // the root's own cut: no question is asked
		return cuts
	}
	ctx, cancel := context.WithTimeout(ctx, MaxWalkTime)
	defer cancel()
	cuts, err := e.walker.Above(ctx, l.Zone)
	l.ChainErr = err
	for i, c := range cuts {
		_, known := e.links.load(c.Zone, l.At)
		l.Chain = append(l.Chain, e.link(ctx, cuts[:i], c, l))
		if i == len(cuts)-1 && !known && len(l.Chain[i].Keys) > 0 {
			l.ToParent++ // it was asked for its keys, and is spared another server's delegation
		}
	}
	return cuts
}

// link gives the keys that the chain of trust gives for the zone c, whose
// parents' links stand in l.Chain.
func (e *Env) link(ctx context.Context, above []walk.Cut, c walk.Cut, l *Look) Link {
	if k, ok := e.links.load(c.Zone, l.At); ok {
		return k
	}
	k := Link{Zone: c.Zone}
	for _, s := range c.Servers {
		k.Servers = append(k.Servers, s.Name)
	}
	for range linkTries { // each at other servers: one bad server is not a broken zone
		trust, o := e.trustIn(ctx, above, c, l)
		k.Outcome = o
		if len(trust.DS)+len(trust.Keys) > 0 {
			k.Keys, k.Outcome = e.keysOf(ctx, c, trust, l.At)
		}
		if k.Outcome.Status == dnssec.Secure || k.Outcome.Status == dnssec.Insecure || ctx.Err() != nil {
			break
		}
	}
	life := badLinkLife
	if k.Outcome.Status == dnssec.Secure || k.Outcome.Status == dnssec.Insecure {
		life = maxLinkLife
		for _, key := range k.Keys {
			life = min(life, max(time.Duration(key.Hdr.Ttl)*time.Second, badLinkLife))
		}
		if x := k.Outcome.Expires; x != 0 {
			life = min(life, time.Unix(x, 0).Sub(l.At))
		}
	}
	e.links.store(k, l.At.Add(life))
	return k
}

// trustIn gives what is trusted of c: an anchor, or the parent's DS set.
func (e *Env) trustIn(ctx context.Context, above []walk.Cut, c walk.Cut, l *Look) (dnssec.Anchor, dnssec.Outcome) {
	if a, ok := e.anchors.For(c.Zone); ok {
		return a, dnssec.Outcome{}
	}
	if len(above) == 0 {
		return dnssec.Anchor{}, dnssec.Outcome{Status: dnssec.Indeterminate, Cause: dnssec.NoAnchor, Detail: "there is no trust anchor for the root", Labels: -1}
	}
	up := l.Chain[len(above)-1]
	if up.Outcome.Status != dnssec.Secure {
		return dnssec.Anchor{}, up.Outcome
	}
	var out dnssec.Outcome
	var trust dnssec.Anchor
	err := e.walker.Ask(ctx, above[len(above)-1], dnswire.Query{Name: c.Zone, Type: dnswire.TypeDS, DO: true}, func(r *dnswire.Reply) bool {
		if !r.Msg.Authoritative || r.Msg.Rcode != dnswire.RcodeSuccess {
			return false
		}
		trust.DS, out = dsOf(up, c.Zone, r.Msg, l.At, dnssec.DefaultBudget())
		return true
	})
	if err != nil {
		return dnssec.Anchor{}, dnssec.Outcome{Status: dnssec.Indeterminate, Detail: "no server of " + up.Zone + " gave the DS of " + c.Zone, Labels: -1}
	}
	return trust, out
}

// dsOf validates a DS set, or the proof that there is none, in a reply of the
// parent zone: the answer to a DS query or a referral.
//
// A parent that delegates the zone and proves that no zone begins there
// contradicts itself: to a validator the child's data is then the parent's, and bogus.
func dsOf(up Link, zone string, m *dnswire.Msg, now time.Time, b *dnssec.Budget) ([]*dnswire.DS, dnssec.Outcome) {
	section := m.Answer
	set := dnswire.Set(section, zone, dnswire.TypeDS)
	if len(set) == 0 {
		section = m.Ns
		set = dnswire.Set(section, zone, dnswire.TypeDS)
	}
	if len(set) == 0 {
		o := dnssec.ProveNoDS(up.Zone, zone, m.Ns, up.Keys, now, b)
		if o.Status == dnssec.Secure {
			o.Status, o.Cause = dnssec.Bogus, dnssec.DenialWrong
			o.Detail = up.Zone + " delegates " + zone + ", and its own proof says that no zone begins there"
		}
		return nil, o
	}
	o := dnssec.VerifyRRset(up.Zone, set, dnswire.Sigs(section, zone, dnswire.TypeDS), up.Keys, now, b)
	if o.Status != dnssec.Secure {
		return nil, o
	}
	return dsRecords(set), o
}

func dsRecords(set []dnswire.RR) []*dnswire.DS {
	var out []*dnswire.DS
	for _, rr := range set {
		if d, ok := rr.(*dnswire.DS); ok {
			out = append(out, d)
		}
	}
	return out
}

// keysOf asks a zone above for its keys and validates them.
func (e *Env) keysOf(ctx context.Context, c walk.Cut, trust dnssec.Anchor, now time.Time) (keys []*dnswire.DNSKEY, o dnssec.Outcome) {
	o = dnssec.Outcome{Status: dnssec.Indeterminate, Detail: "no server of " + c.Zone + " gave its DNSKEY", Labels: -1}
	_ = e.walker.Ask(ctx, c, dnswire.Query{Name: c.Zone, Type: dnswire.TypeDNSKEY, DO: true}, func(r *dnswire.Reply) bool {
		if !r.Msg.Authoritative || r.Msg.Rcode != dnswire.RcodeSuccess {
			return false
		}
		keys, o = verifyKeys(c.Zone, trust, r.Msg, now, dnssec.DefaultBudget())
		return true
	}) // an error leaves the Indeterminate above
	return keys, o
}

// verifyKeys validates the DNSKEY set of an answer.
func verifyKeys(zone string, trust dnssec.Anchor, m *dnswire.Msg, now time.Time, b *dnssec.Budget) ([]*dnswire.DNSKEY, dnssec.Outcome) {
	return dnssec.VerifyKeys(zone, trust, keyRecords(zone, m), dnswire.Sigs(m.Answer, zone, dnswire.TypeDNSKEY), now, b)
}

// keyRecords gives the DNSKEY set of an answer, one more than validators take
// at most: that there are more is then known, and how many does not matter.
func keyRecords(zone string, m *dnswire.Msg) []*dnswire.DNSKEY {
	if m == nil {
		return nil
	}
	var keys []*dnswire.DNSKEY
	for _, rr := range m.Answer {
		k, ok := rr.(*dnswire.DNSKEY)
		if !ok || dnswire.Name(k.Hdr.Name) != zone || len(keys) > dnssec.MaxKeys {
			continue
		}
		same := func(o *dnswire.DNSKEY) bool {
			return o.PublicKey == k.PublicKey && o.Flags == k.Flags && o.Algorithm == k.Algorithm && o.Protocol == k.Protocol
		}
		if !slices.ContainsFunc(keys, same) {
			keys = append(keys, k)
		}
	}
	return keys
}
