package zone

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/dnssec"
	"watchpost.example/probes/dns/dnswire"
)

// Schema names the form of Result in JSON; it changes when a field's meaning does.
const Schema = "watchpost.dns.zone/1"

// Result is what `watchpost probe ZONE --json` prints.
type Result struct {
	Schema       string            `json:"schema"`
	Zone         string            `json:"zone"`
	At           time.Time         `json:"at"`
	TookMS       int64             `json:"took_ms"`
	Verdict      probes.Verdict    `json:"verdict"`
	Reason       probes.Reason     `json:"reason,omitempty"`
	Detail       string            `json:"detail,omitempty"`
	DNSSEC       State             `json:"dnssec"`
	Findings     []Finding         `json:"findings"` // never null
	Chain        []ChainLine       `json:"chain"`
	Delegation   DelegationLine    `json:"delegation"`
	Servers      []ServerLine      `json:"servers"`
	Registration *Registration     `json:"registration,omitempty"`
	Notes        []string          `json:"notes,omitempty"`
	Queries      int               `json:"queries"`
	ToParent     int               `json:"queries_to_parent"`
	Evidence     map[string]string `json:"evidence,omitempty"` // packets as text, by hash
	// Exit is the command's exit status: 0 nothing found, 1 findings, 3 could
	// not tell. 2, bad use, is not a result.
	Exit int `json:"exit"`
}

// ChainLine is a zone above.
type ChainLine struct {
	Zone    string   `json:"zone"`
	Servers []string `json:"servers"`
	DNSSEC  State    `json:"dnssec"`
}

// DelegationLine is what the parent says.
type DelegationLine struct {
	Parent string   `json:"parent"`
	NS     []string `json:"ns"`
	DS     []string `json:"ds"`
	Asked  []string `json:"asked"` // the parent's servers
}

// ServerLine is one address of one server.
type ServerLine struct {
	Name     string          `json:"name"`
	Address  string          `json:"address"`
	InParent bool            `json:"in_parent"`
	InZone   bool            `json:"in_zone"`
	UDP      string          `json:"udp"` // "ok" or what went wrong
	TCP      string          `json:"tcp"`
	Serial   uint32          `json:"serial,omitempty"`
	NSID     string          `json:"nsid,omitempty"` // hex, as the server says it
	RTTMS    float64         `json:"rtt_ms"`
	DNSSEC   State           `json:"dnssec"`
	Verdict  probes.Verdict  `json:"verdict"`
	Reasons  []probes.Reason `json:"reasons,omitempty"`
}

// Result turns an outcome into its printed form, and its packets into evidence.
func (o Outcome) Result() Result {
	l, j := o.Look, o.Judgement
	r := Result{
		Schema: Schema, Zone: l.Zone, At: l.At, TookMS: o.Took.Milliseconds(), DNSSEC: j.Zone, Findings: []Finding{}, Chain: []ChainLine{}, Servers: []ServerLine{}, Notes: j.Notes,
		Queries: l.Queries, ToParent: l.ToParent, Registration: o.Registration, Evidence: map[string]string{},
	}
	r.Verdict, r.Reason, r.Detail = o.Verdict()
	var obs probes.Observation
	for _, f := range j.Findings {
		if text := packetText(f.packets); text != "" {
			f.Evidence = obs.Attach("text/plain; charset=utf-8", []byte(text))
		}
		f.packets = nil
		r.Findings = append(r.Findings, f)
	}
	for _, e := range obs.Evidence {
		r.Evidence[e.Hash] = string(e.Bytes)
	}
	for _, k := range l.Chain {
		r.Chain = append(r.Chain, ChainLine{k.Zone, list(k.Servers), stateOf(k.Outcome)})
	}
	r.Delegation = delegationLine(l)
	for i, s := range l.Servers {
		r.Servers = append(r.Servers, serverLine(o, i, s))
	}
	switch {
	case len(r.Findings) > 0:
		r.Exit = 1
	case r.Verdict == probes.Unknown || j.Zone.Word == "indeterminate" && j.Zone.Detail != "" && !noAnchor(l):
		r.Exit = 3
	}
	return r
}

// noAnchor tells that the operator trusts nothing above the zone, so that
// indeterminate is what was asked for.
func noAnchor(l *Look) bool {
	return len(l.Chain) > 0 && l.Chain[0].Outcome.Cause == "no_anchor"
}

func delegationLine(l *Look) DelegationLine {
	d := DelegationLine{Parent: up(l)}
	if l.NoParent {
		d.Parent = ""
	}
	for _, p := range l.Parents {
		d.Asked = append(d.Asked, p.Name+" "+address(p.Addr))
		for _, x := range []Exchange{p.NS, p.DS} {
			m := x.Msg()
			if m == nil {
				continue
			}
			if len(d.NS) == 0 {
				d.NS = dnswire.RdataSet(delegated(l, m))
			}
			if len(d.DS) == 0 {
				d.DS = append(dnswire.RdataSet(dnswire.Set(m.Ns, l.Zone, dnswire.TypeDS)), dnswire.RdataSet(dnswire.Set(m.Answer, l.Zone, dnswire.TypeDS))...)
			}
		}
	}
	d.NS, d.DS, d.Asked = list(d.NS), list(d.DS), list(d.Asked)
	return d
}

func serverLine(o Outcome, i int, s *Server) ServerLine {
	line := ServerLine{DNSSEC: State{Word: dnssec.Indeterminate.String()}, Name: s.Name, Address: address(s.Addr), InParent: s.InParent, InZone: s.InChild, UDP: exchangeWord(s.SOA), TCP: exchangeWord(s.SOATCP), Verdict: probes.Up}
	if i < len(o.Judgement.Servers) {
		line.DNSSEC = o.Judgement.Servers[i]
	}
	if s.SOA.OK() {
		line.NSID = probes.Clip(s.SOA.Reply.EDNS.NSID, 64)
	}
	if s.first().OK() {
		line.RTTMS = float64(s.first().Reply.Took.Microseconds()) / 1000
	}
	if s.Answers() {
		line.Serial = serial(s)
	} else {
		line.Verdict = probes.Down
	}
	if ours(s) {
		line.Verdict = probes.Unknown
	}
	for _, f := range o.Judgement.Findings {
		if f.Server == s.Name && f.Address == address(s.Addr) {
			line.Reasons = append(line.Reasons, f.Reason)
			if line.Verdict == probes.Up && f.Severity >= probes.Ticket {
				line.Verdict = probes.Degraded
			}
		}
	}
	if line.DNSSEC.Word == "bogus" {
		line.Verdict = probes.Down
	}
	return line
}

// list is never null in JSON.
func list(l []string) []string {
	if l == nil {
		return []string{}
	}
	return l
}

func exchangeWord(x Exchange) string {
	switch {
	case x.Reply == nil:
		return "not asked"
	case x.Err != nil:
		return errorWord(x.Err)
	case x.Rcode() != dnswire.RcodeSuccess:
		return dnswire.RcodeName(x.Rcode())
	case !x.Msg().Authoritative:
		return "no authority"
	}
	return "ok"
}

// errorWord is the class of an error without the addresses in it.
func errorWord(err error) string {
	for _, e := range []error{dnswire.ErrTimeout, dnswire.ErrRefused, dnswire.ErrMismatch, dnswire.ErrGarbage, dnswire.ErrClosed} {
		if errors.Is(err, e) {
			return e.Error()
		}
	}
	if err == nil {
		return "ok"
	}
	return clean(err.Error())
}

// packetText writes packets for people who know DNS: what was asked, of whom,
// how, and the whole reply.
func packetText(packets []Exchange) string {
	var b strings.Builder
	for _, x := range packets {
		if x.Reply == nil {
			continue
		}
		fmt.Fprintf(&b, ";; ASKED %s of %s over %s, took %v\n", x.Reply.Query, x.Reply.Server, x.Reply.Transport, x.Reply.Took.Round(time.Microsecond))
		switch {
		case x.Err != nil:
			fmt.Fprintf(&b, ";; NO ANSWER: %s (strays: %+v)\n", clean(x.Err.Error()), x.Reply.Strays)
		case x.Reply.Msg != nil:
			b.WriteString(x.Reply.Msg.String())
		}
		b.WriteByte('\n')
		if b.Len() > probes.MaxEvidence {
			break
		}
	}
	return b.String()
}
