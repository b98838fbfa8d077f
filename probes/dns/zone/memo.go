package zone

import (
	"strings"

	"watchpost.example/probes/dns/dnssec"
	"watchpost.example/probes/dns/dnswire"
)

// memo keeps outcomes within one judgement: servers that say the same thing
// under the same keys are validated once. Everything that a validation rests
// on is in the key, spelled out; a hash would save nothing.
type memo map[string]dnssec.Outcome

// verify is dnssec.VerifyResponse, or its outcome of a moment ago.
func (j *judge) verify(keySet string, x Exchange, keys []*dnswire.DNSKEY, b *dnssec.Budget) dnssec.Outcome {
	q, m := x.Reply.Query, x.Msg()
	var k strings.Builder
	k.Grow(2048)
	k.WriteString(keySet + "\n" + q.String() + "\n" + dnswire.RcodeName(m.Rcode) + "\n")
	spell(&k, m.Answer)
	k.WriteString("--\n")
	spell(&k, m.Ns)
	if o, ok := j.seen[k.String()]; ok {
		return o
	}
	o := dnssec.VerifyResponse(j.l.Zone, q.Name, q.Type, m, keys, j.now, b)
	if j.seen == nil {
		j.seen = memo{}
	}
	if o.Cause != dnssec.WorkLimit { // that is this server's budget
		j.seen[k.String()] = o
	}
	return o
}

// spell writes records with their owners in lower case: each query has its own
// mixture of cases, and the reply repeats it.
func spell(k *strings.Builder, rrs []dnswire.RR) {
	for _, rr := range rrs {
		h := rr.Header().String()
		k.WriteString(dnswire.Name(rr.Header().Name))
		k.WriteByte(' ')
		k.WriteString(dnswire.TypeName(rr.Header().Rrtype))
		k.WriteByte(' ')
		k.WriteString(strings.TrimPrefix(rr.String(), h))
		k.WriteByte('\n')
	}
}
