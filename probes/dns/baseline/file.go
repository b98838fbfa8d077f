package baseline

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"watchpost.example/inventory/source"
	"watchpost.example/probes/dns/dnswire"
)

// Load reads a baseline file. Every mistake is in the error, with its place.
func Load(path string) (*Zone, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading baseline: %w", err)
	}
	return Parse(path, b)
}

// Parse reads a baseline from memory; name stands in errors.
func Parse(name string, b []byte) (*Zone, error) {
	doc, problems := source.Parse(name, b)
	if doc == nil {
		return nil, problems.Err()
	}
	var z Zone
	problems = source.Join(problems, doc.Decode(&z), check(doc.Value, &z))
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return &z, nil
}

// check finds what decoding can't: names, types, policies; and makes names
// canonical and values comparable.
func check(v source.Value, z *Zone) source.Problems {
	var out source.Problems
	bad := func(text string, path ...any) {
		if !v.Bad(path...) {
			out = append(out, v.Problem(text, path...))
		}
	}
	if !dnswire.ValidName(z.Zone) {
		bad("is no zone name such as donvi.example", "zone")
	}
	z.Zone = dnswire.Name(z.Zone)
	switch z.Security {
	case "", "secure", "insecure":
	default:
		bad("is neither secure nor insecure", "security")
	}
	checkDelegation(z, bad)
	for i := range z.Records {
		checkRecord(z, i, bad)
	}
	for i, c := range z.Changes {
		if c.By == "" || c.SecondBy == "" || c.By == c.SecondBy {
			bad("needs two different people: by and second_by", "changes", i)
		}
		if !c.From.Before(c.Until) || c.Until.Sub(c.From) > 31*24*time.Hour {
			bad("from must lie before until, at most 31 days", "changes", i)
		}
	}
	return out
}

// fullName lets the file say "www" and "@".
func fullName(n, zone string) string {
	switch {
	case n == "@" || n == "":
		return zone
	case strings.HasSuffix(n, "."):
		return dnswire.Name(n)
	case zone == ".":
		return dnswire.Name(n)
	}
	return dnswire.Name(n + "." + zone)
}

func canonical(name, typ, value string) (string, error) {
	rr, err := dnswire.NewRR(name + " 0 IN " + typ + " " + value)
	if err != nil || rr == nil {
		return "", errors.Join(err, errors.New("no record"))
	}
	return dnswire.Rdata(rr), nil
}

// Encode writes the file's form: stable order, one value a line, so that a
// version control shows a change as what it is.
func Encode(z *Zone) []byte {
	w := &writer{}
	w.line(0, "# watchpost's baseline of "+strings.TrimSuffix(z.Zone, ".")+": what the zone is meant to say.")
	w.line(0, "# Keep it under version control. watchpost baseline diff shows what differs, approve takes it over.")
	w.line(0, "# approve writes the file anew: put what people should know into note:, comments are lost.")
	w.text(0, "zone", z.Zone)
	w.stamp("learned", z.Learned)
	w.stamp("approved", z.Approved)
	if len(z.Attention) > 0 {
		w.line(0, "# The zone was not in order when this was learned. Approve it knowingly, or put it right and learn again.")
	}
	w.list(0, "attention", z.Attention)
	w.text(0, "security", z.Security)
	w.number(0, "serial", int64(z.Serial))
	w.line(0, "parent: # what the servers of the zone above say")
	w.list(2, "ns", z.Parent.NS)
	w.list(2, "ds", z.Parent.DS)
	if len(z.Parent.Glue) > 0 {
		w.line(2, "glue:")
		for _, g := range z.Parent.Glue {
			w.line(4, "- name: "+quote(g.Name))
			var l []string
			for _, a := range g.Addresses {
				l = append(l, a.String())
			}
			w.list(6, "addresses", l)
		}
	}
	if len(z.NS) > 0 {
		w.line(0, "# what the zone says of itself")
	}
	w.list(0, "ns", z.NS)
	if z.SOA.MName != "" {
		w.line(0, "soa:")
		w.text(2, "mname", z.SOA.MName)
		w.text(2, "rname", z.SOA.RName)
	}
	if len(z.DNSKEY) > 0 {
		w.line(0, "# key-signing keys; compared when no DS vouches for them")
	}
	w.list(0, "dnskey", z.DNSKEY)
	if z.Signatures.Validity > 0 {
		w.line(0, "signatures: # seconds")
		w.number(2, "validity", z.Signatures.Validity)
		w.number(2, "least", z.Signatures.Least)
	}
	w.records(z.Records)
	if z.Random != nil {
		w.line(0, "random: # a label that nobody made")
		w.text(2, "rcode", z.Random.Rcode)
		w.list(2, "values", z.Random.Values)
	}
	w.changes(z.Changes)
	return w.b.Bytes()
}

type writer struct{ b bytes.Buffer }

func (w *writer) line(indent int, s string) {
	w.b.WriteString(strings.Repeat(" ", indent) + s + "\n")
}

func (w *writer) text(indent int, key, v string) {
	if v != "" {
		w.line(indent, key+": "+quote(v))
	}
}

func (w *writer) number(indent int, key string, v int64) {
	if v != 0 {
		w.line(indent, key+": "+strconv.FormatInt(v, 10))
	}
}

func (w *writer) list(indent int, key string, l []string) {
	if len(l) == 0 {
		return
	}
	w.line(indent, key+":")
	for _, v := range l {
		w.line(indent, "- "+quote(v))
	}
}

func (w *writer) stamp(key string, s Stamp) {
	if s.By == "" && s.At.IsZero() {
		return
	}
	w.line(0, key+":")
	w.text(2, "by", s.By)
	if !s.At.IsZero() {
		w.line(2, "at: "+s.At.UTC().Format(time.RFC3339))
	}
	w.text(2, "note", s.Note)
}

func (w *writer) records(l []Record) {
	if len(l) == 0 {
		return
	}
	w.line(0, "# policy: exact = this set; subset = nothing beyond it; within = inside networks, asn or suffixes; ignore = not compared")
	w.line(0, "records:")
	for _, r := range l {
		w.line(0, "- name: "+quote(r.Name))
		w.text(2, "type", r.Type)
		w.text(2, "policy", string(r.Policy))
		if len(r.Values) == 0 && (r.Policy == Exact || r.Policy == Subset) {
			w.line(2, "values: [] # there must be none")
		}
		w.list(2, "values", r.Values)
		w.number(2, "ttl", int64(r.TTL))
		var nets []string
		for _, p := range r.Networks {
			nets = append(nets, p.String())
		}
		w.list(2, "networks", nets)
		var asn []string
		for _, a := range r.ASN {
			asn = append(asn, a.String())
		}
		w.list(2, "asn", asn)
		w.list(2, "suffixes", r.Suffixes)
		w.text(2, "note", r.Note)
	}
}

func (w *writer) changes(l []Change) {
	if len(l) == 0 {
		return
	}
	w.line(0, "changes:")
	for _, c := range l {
		w.line(0, "- from: "+c.From.UTC().Format(time.RFC3339))
		w.line(2, "until: "+c.Until.UTC().Format(time.RFC3339))
		w.text(2, "by", c.By)
		w.text(2, "second_by", c.SecondBy)
		w.text(2, "why", c.Why)
	}
}

// quote writes a YAML double-quoted scalar: remote text can't break out of it.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range strings.ToValidUTF8(s, "�") {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfeff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// Save writes the file whole or not at all.
func Save(path string, z *Zone) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".baseline-*")
	if err != nil {
		return fmt.Errorf("writing baseline %s: %w", path, err)
	}
	_, err = f.Write(Encode(z))
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the half-written one; the error below counts
		return fmt.Errorf("writing baseline %s: %w", path, err)
	}
	return nil
}
