package show

import (
	"encoding/json"
	"io"
	"time"

	"watchpost.example/probes"
)

// Schema is the name of the JSON's form. Fields may be added under the same
// name; a change of what is there changes the number. README.md documents it.
const Schema = "watchpost.probe/1"

type jsonLook struct {
	Schema    string             `json:"schema"`
	ID        string             `json:"id,omitempty"`
	Kind      string             `json:"kind"`
	Instance  string             `json:"instance"`
	At        time.Time          `json:"at"`
	Took      float64            `json:"took_seconds"`
	Verdict   probes.Verdict     `json:"verdict"`
	Reason    probes.Reason      `json:"reason"`
	Detail    string             `json:"detail"`
	Facts     map[string]float64 `json:"facts"`
	Phases    map[string]float64 `json:"phases_seconds"`
	Findings  []probes.Finding   `json:"findings"`
	Addresses []jsonPart         `json:"addresses"`
}

type jsonPart struct {
	Address      string             `json:"address"`
	Server       string             `json:"server,omitempty"`
	Took         float64            `json:"took_seconds"`
	Verdict      probes.Verdict     `json:"verdict"`
	Reason       probes.Reason      `json:"reason"`
	Detail       string             `json:"detail"`
	Facts        map[string]float64 `json:"facts"`
	Phases       map[string]float64 `json:"phases_seconds"`
	Certificates []jsonCert         `json:"certificates,omitempty"`
	Answers      []string           `json:"answers,omitempty"`
	Hops         []string           `json:"hops,omitempty"`
}

type jsonCert struct {
	probes.Certificate
	DaysLeft int `json:"days_left"`
}

// JSON writes one look as one JSON object and a newline. Remote text is made
// Safe in it too, because people read JSON on terminals.
func JSON(w io.Writer, in Input) error {
	o := in.Observation
	l := jsonLook{
		Schema: Schema, ID: Safe(in.ID, 256), Kind: in.Kind, Instance: Safe(in.Instance, 512), At: o.At, Took: o.Took.Seconds(),
		Verdict: o.Verdict, Reason: safeReason(o.Reason), Detail: Safe(o.Detail, probes.MaxDetail),
		Facts: facts(o.Facts), Phases: phases(o.Phases),
		Findings: make([]probes.Finding, 0, len(o.Findings)), Addresses: make([]jsonPart, 0, len(o.Parts)),
	}
	for _, f := range o.Findings {
		l.Findings = append(l.Findings, safeFinding(f))
	}
	for _, p := range o.Parts {
		l.Addresses = append(l.Addresses, part(p, o.At))
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(l)
}

func part(p probes.Part, now time.Time) jsonPart {
	j := jsonPart{
		Address: address(p), Server: Safe(p.Server, 256), Took: p.Took.Seconds(), Verdict: p.Verdict, Reason: safeReason(p.Reason),
		Detail: Safe(p.Detail, probes.MaxDetail), Facts: facts(p.Facts), Phases: phases(p.Phases),
		Answers: safeAll(p.Answers), Hops: safeAll(p.Hops),
	}
	for _, c := range p.Certificates {
		c.Subject, c.Issuer, c.Names = Safe(c.Subject, 256), Safe(c.Issuer, 256), safeAll(c.Names)
		c.KeyType, c.Serial, c.SHA256 = Safe(c.KeyType, 64), Safe(c.Serial, 64), Safe(c.SHA256, 64)
		j.Certificates = append(j.Certificates, jsonCert{c, daysLeft(c.NotAfter, now)})
	}
	return j
}

func safeFinding(f probes.Finding) probes.Finding {
	f.Reason, f.Evidence = safeReason(f.Reason), Safe(f.Evidence, 64)
	f.Where, f.Record = Safe(f.Where, 128), Safe(f.Record, 512)
	f.Expected, f.Found = Safe(f.Expected, 1024), Safe(f.Found, 1024)
	return f
}

// safeReason trusts no kind to have kept remote text out of a Reason.
func safeReason(r probes.Reason) probes.Reason { return probes.Reason(Safe(string(r), 64)) }

func safeAll(in []string) []string {
	var out []string
	for _, s := range in {
		out = append(out, Safe(s, 1024))
	}
	return out
}

func facts(in probes.Facts) map[string]float64 {
	out := make(map[string]float64, len(in))
	for _, f := range in {
		if f.Value == f.Value { // JSON has no NaN
			out[factName(f.Name)] = f.Value
		}
	}
	return out
}

func phases(in probes.Phases) map[string]float64 {
	out := make(map[string]float64, len(in))
	for _, p := range probes.PhaseList() {
		if in[p] > 0 {
			out[p.String()] = in[p].Seconds()
		}
	}
	return out
}

// address is the host and port of a part, without the port where there is none.
func address(p probes.Part) string {
	if p.Address.Port() == 0 {
		return p.Address.Addr().String()
	}
	return p.Address.String()
}

// daysLeft is whole days from now until end, rounded down: negative once past.
func daysLeft(end, now time.Time) int {
	d := end.Sub(now)
	days := int(d / (24 * time.Hour))
	if d < 0 {
		days--
	}
	return days
}
