package probes

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MaxDetail bounds Detail, in bytes.
const MaxDetail = 512

// Observation is all that one look told. A probe only returns it; metrics,
// history, wall, report and `watchpost probe` are fed from this one value.
type Observation struct {
	At      time.Time     `json:"at"`   // when the look began
	Took    time.Duration `json:"took"` // wall time of the whole look, nanoseconds in JSON
	Verdict Verdict       `json:"verdict"`
	Reason  Reason        `json:"reason,omitempty"` // OK when Up
	// Detail is one sentence for people, at most MaxDetail bytes; remote text in
	// it is quoted (Quote). Never a label.
	Detail   string     `json:"detail,omitempty"`
	Facts    Facts      `json:"-"` // of the verdict: the worst part's, or the look's own
	Phases   Phases     `json:"-"` // likewise
	Findings []Finding  `json:"findings,omitempty"`
	Parts    []Part     `json:"parts,omitempty"`
	Evidence []Evidence `json:"evidence,omitempty"`
}

// Part is the answer of one address. A name with four addresses has four.
type Part struct {
	Address netip.AddrPort `json:"address"` // port 0 where the kind has none
	Server  string         `json:"server,omitempty"`
	Took    time.Duration  `json:"took"`
	Verdict Verdict        `json:"verdict"`
	Reason  Reason         `json:"reason,omitempty"`
	Detail  string         `json:"detail,omitempty"`
	Facts   Facts          `json:"-"`
	Phases  Phases         `json:"-"`
	// Certificates is the chain as presented, leaf first; nil without TLS.
	Certificates []Certificate `json:"certificates,omitempty"`
	// Answers is the DNS records received, in zone-file form; nil without DNS.
	Answers []string `json:"answers,omitempty"`
	// Hops is the redirects followed, first to last; nil without HTTP.
	Hops []string `json:"hops,omitempty"`
}

// Certificate is what people and metrics need of an X.509 certificate. Text
// fields are remote text: bounded and quoted by whoever shows them.
type Certificate struct {
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	Names     []string  `json:"names,omitempty"` // at most 32 of the subject alternative names
	Serial    string    `json:"serial"`          // hex
	SHA256    string    `json:"sha256"`          // hex, of the DER
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	KeyType   string    `json:"key_type"` // "RSA 2048", "ECDSA P-256"
	IsCA      bool      `json:"is_ca"`
}

// Quote makes remote text safe to stand in Detail: Go-quoted ASCII without
// control bytes, at most limit bytes of the original.
func Quote(remote string, limit int) string {
	cut := ""
	if len(remote) > limit {
		remote, cut = remote[:limit], "…"
	}
	return strconv.QuoteToASCII(remote) + cut
}

// Fold sets the observation's verdict, reason, detail, facts and phases from
// its parts, which must not be empty. All parts Up: Up. Some Up or Degraded
// beside others Down: Degraded, PartlyDown. All that could be asked Down:
// Down with the first one's reason. A part Unknown counts for nothing unless
// every part is. anyDown makes a single Down part the verdict (a policy of the
// check: "every address must answer").
func (o *Observation) Fold(anyDown bool) {
	var up, degraded, down, worst int
	for i, p := range o.Parts {
		switch p.Verdict {
		case Up:
			up++
		case Degraded:
			degraded++
		case Down:
			down++
		case Unknown:
		}
		if rank(p.Verdict) > rank(o.Parts[worst].Verdict) {
			worst = i
		}
	}
	w := o.Parts[worst]
	o.Verdict, o.Reason, o.Phases = w.Verdict, w.Reason, w.Phases
	o.Facts = o.certificateFacts(w.Facts)
	o.Detail = w.Detail
	if down > 0 && up+degraded > 0 && !anyDown {
		o.Verdict, o.Reason = Degraded, PartlyDown
	}
	if w.Verdict != Up && len(o.Parts) > 1 {
		o.Detail = strconv.Itoa(len(o.Parts)-up) + " of " + strconv.Itoa(len(o.Parts)) + " addresses: " + w.Address.Addr().String() + ": " + w.Detail
		o.Detail = Clip(o.Detail, MaxDetail)
	}
}

// certificateFacts adds to the worst part's facts the certificate that another
// address showed when the worst showed none: a server that is gone must not
// hide that the certificate of the others ends tomorrow.
func (o *Observation) certificateFacts(worst Facts) Facts {
	if _, shown := worst.Get(FactTLSEarliestExpiry); shown {
		return worst
	}
	from := -1
	var ends float64
	for i, p := range o.Parts {
		if at, ok := p.Facts.Get(FactTLSEarliestExpiry); ok && (from < 0 || at < ends) {
			from, ends = i, at
		}
	}
	if from < 0 {
		return worst
	}
	out := slices.Clone(worst)
	for _, n := range []FactName{
		FactTLSEarliestExpiry, FactTLSLeafNotBefore, FactTLSLeafNotAfter, FactTLSLastChainExpiry, FactTLSLeafLifetimeFraction,
	} {
		if v, ok := o.Parts[from].Facts.Get(n); ok {
			out.Set(n, v)
		}
	}
	return out
}

// Clip cuts s to at most limit bytes without breaking a character.
func Clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "")
}

// rank orders verdicts for "worst": Unknown is least, because it says nothing.
func rank(v Verdict) int { return int(v) }
