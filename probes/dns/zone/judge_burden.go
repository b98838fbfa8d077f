package zone

import (
	"fmt"
	"slices"
	"strconv"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/dnssec"
	"watchpost.example/probes/dns/dnswire"
)

// What validators in use give up at, though the data is right.
const (
	// maxSameTag is how many keys may have one tag: BIND goes on after one
	// signature that fails (max-validation-failures-per-fetch), no further.
	maxSameTag = 2
	// maxSigsOfSet is how many signatures over one set Unbound looks at,
	// those that have expired counted.
	maxSigsOfSet = 8
)

// budget is what the validation of one server may cost.
func (j *judge) budget() *dnssec.Budget {
	b := dnssec.DefaultBudget()
	b.Proven = j.lim.Proven
	return b
}

// burden finds what is valid and yet too much for some validators, where
// nothing worse of the kind was found.
func (j *judge) burden() {
	limit := CauseReason(dnssec.WorkLimit)
	for _, s := range j.answering {
		if slices.ContainsFunc(j.out.Findings, func(f Finding) bool { return f.Reason == limit && f.Server == s.Name && f.Address == address(s.Addr) }) {
			continue
		}
		if tag, n := sameTag(keyRecords(j.l.Zone, s.DNSKEY.Msg())); n > maxSameTag {
			j.server(s, limit, probes.Today, j.l.Zone+" DNSKEY", "a key tag of its own for each key", fmt.Sprintf("%d keys have the tag %d: BIND gives up", n, tag), s.DNSKEY)
			continue
		}
		for _, x := range s.all() {
			if name, n := mostSigned(x.Msg()); n > maxSigsOfSet {
				j.server(s, limit, probes.Today, name, "as many signatures as the zone has algorithms or roll-overs", strconv.Itoa(n)+" signatures: Unbound gives up", x)
				break
			}
		}
	}
}

// sameTag gives the key tag that most keys share, and how many do.
func sameTag(keys []*dnswire.DNSKEY) (tag uint16, n int) {
	count := map[uint16]int{}
	for _, k := range keys {
		t := k.KeyTag()
		if count[t]++; count[t] > n {
			tag, n = t, count[t]
		}
	}
	return tag, n
}

// mostSigned names the set of a message with the most signatures.
func mostSigned(m *dnswire.Msg) (name string, n int) {
	if m == nil {
		return "", 0
	}
	count := map[string]int{}
	for _, rr := range slices.Concat(m.Answer, m.Ns) {
		if s, ok := rr.(*dnswire.RRSIG); ok {
			key := dnswire.Name(s.Hdr.Name) + " " + dnswire.TypeName(s.TypeCovered)
			if count[key]++; count[key] > n {
				name, n = key, count[key]
			}
		}
	}
	return name, n
}
