package zone

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/dnswire"
	"watchpost.example/probes/dns/walk"
)

func itoa(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

func gone(err error) bool { return errors.Is(err, walk.ErrGone) }

// mail is H12: SPF and DMARC as each server gives them. Differences from the
// baseline are found with the other records; this is what weakens by itself.
func (j *judge) mail() {
	for i, w := range j.l.Watched {
		if w.Type != dnswire.TypeTXT {
			continue
		}
		for _, s := range j.answering {
			m := told(s, i)
			if m == nil {
				continue
			}
			texts := textsOf(w, m)
			if strings.HasPrefix(w.Name, "_dmarc.") {
				j.dmarc(s, i, w, texts)
			} else if why := ReadSPF(texts).Weak(); why != "" {
				j.server(s, SPFWeak, probes.Today, w.String(), "one valid SPF record that ends in -all or ~all", why, s.Watched[i])
			}
		}
	}
}

func textsOf(w Watch, m *dnswire.Msg) []string {
	var out []string
	for _, rr := range dnswire.Set(m.Answer, w.Name, dnswire.TypeTXT) {
		out = append(out, dnswire.Text(rr))
	}
	return out
}

func (j *judge) dmarc(s *Server, i int, w Watch, texts []string) {
	d := ReadDMARC(texts)
	if d.Problem != "" {
		j.server(s, DMARCWeak, probes.Today, w.String(), "one valid DMARC record", d.Problem, s.Watched[i])
		return
	}
	rec, ok := j.b.Find(w.Name, "TXT")
	if !ok || len(rec.Values) == 0 {
		return
	}
	was := ReadDMARC(unquoteAll(rec.Values))
	switch {
	case was.Policy != "" && d.Policy == "":
		j.server(s, DMARCWeak, probes.Today, w.String(), "p="+was.Policy, "no DMARC record", s.Watched[i])
	case strength(d.Policy) < strength(was.Policy):
		j.server(s, DMARCWeak, probes.Today, w.String(), "p="+was.Policy, "p="+d.Policy, s.Watched[i])
	case was.Policy != "" && was.Reports != d.Reports:
		j.server(s, DMARCWeak, probes.Today, w.String(), "rua="+was.Reports, "rua="+d.Reports, s.Watched[i])
	}
}

// unquoteAll turns canonical TXT rdata back into text.
func unquoteAll(values []string) []string {
	var out []string
	for _, v := range values {
		if rr, err := dnswire.NewRR(". 0 IN TXT " + v); err == nil && rr != nil {
			out = append(out, dnswire.Text(rr))
		}
	}
	return out
}

func spfOf(values []string) string {
	for _, v := range unquoteAll(values) {
		if isSPF(v) {
			return v
		}
	}
	return ""
}

// SPF is what RFC 7208 makes of a name's TXT records.
type SPF struct {
	Records  int    // that begin with v=spf1
	Lookups  int    // terms that cost a DNS query (RFC 7208 4.6.4)
	All      string // qualifier and "all": "-all"; "" = none
	Problem  string // why the record can't be read; "" = it can
	Redirect bool
}

func isSPF(s string) bool {
	return strings.EqualFold(s, "v=spf1") || len(s) > 6 && strings.EqualFold(s[:7], "v=spf1 ")
}

// maxTerms bounds the terms of an SPF record that are read.
const maxTerms = 200

// ReadSPF reads a name's TXT records.
func ReadSPF(texts []string) SPF {
	var out SPF
	for _, t := range texts {
		if !isSPF(t) {
			continue
		}
		out.Records++
		if out.Records > 1 {
			continue
		}
		terms := strings.Fields(t)[1:]
		if len(terms) > maxTerms {
			out.Problem = "more than " + strconv.Itoa(maxTerms) + " terms"
			continue
		}
		for _, term := range terms {
			out.term(term)
		}
	}
	return out
}

func (s *SPF) term(term string) {
	low := strings.ToLower(term)
	if name, _, ok := strings.Cut(low, "="); ok && !strings.ContainsAny(name, ":/") {
		switch {
		case name == "redirect":
			s.Lookups++
			s.Redirect = true
		case name == "" || name[0] < 'a' || name[0] > 'z':
			s.Problem = "the term " + strconv.QuoteToASCII(probes.Clip(term, 60))
		}
		return
	}
	qualifier, mech := "+", low
	if strings.ContainsRune("+-~?", rune(low[0])) {
		qualifier, mech = low[:1], low[1:]
	}
	name := mech
	if i := strings.IndexAny(mech, ":/"); i >= 0 {
		name = mech[:i]
	}
	switch name {
	case "all":
		if s.All == "" {
			s.All = qualifier + "all"
		}
	case "include", "exists", "a", "mx", "ptr":
		s.Lookups++
	case "ip4", "ip6":
	default:
		s.Problem = "the term " + strconv.QuoteToASCII(probes.Clip(term, 60))
	}
}

// Weak says what is wrong with the record; "" = nothing, or there is none.
func (s SPF) Weak() string {
	switch {
	case s.Records == 0:
		return ""
	case s.Records > 1:
		return strconv.Itoa(s.Records) + " SPF records: receivers reject all of them"
	case s.Problem != "":
		return "can't be read: " + s.Problem
	case s.All == "+all":
		return "+all: anybody may send as this domain"
	case s.All == "?all":
		return "?all: says nothing of other senders"
	case s.Lookups > 10:
		return strconv.Itoa(s.Lookups) + " terms that need a look-up; receivers stop at 10"
	case s.All == "" && !s.Redirect:
		return "no all at the end: says nothing of other senders"
	}
	return ""
}

// DMARC is what RFC 7489 makes of the TXT records of _dmarc.
type DMARC struct {
	Policy, Reports string // p and rua; "" = no record
	Problem         string // "" = readable, or no record at all
}

// ReadDMARC reads them.
func ReadDMARC(texts []string) DMARC {
	var d DMARC
	n := 0
	for _, t := range texts {
		tags := strings.Split(t, ";")
		if k, v, _ := strings.Cut(tags[0], "="); strings.TrimSpace(k) != "v" || strings.TrimSpace(v) != "DMARC1" {
			continue
		}
		n++
		for _, tag := range tags[1:min(len(tags), maxTerms)] {
			k, v, _ := strings.Cut(tag, "=")
			switch strings.ToLower(strings.TrimSpace(k)) {
			case "p":
				d.Policy = strings.ToLower(strings.TrimSpace(v))
			case "rua":
				d.Reports = strings.TrimSpace(v)
			}
		}
	}
	switch {
	case n > 1:
		return DMARC{Problem: strconv.Itoa(n) + " DMARC records: receivers ignore all of them"}
	case n == 1 && strength(d.Policy) < 0:
		return DMARC{Problem: "no policy p= of none, quarantine or reject"}
	}
	return d
}

func strength(policy string) int {
	return slices.Index([]string{"none", "quarantine", "reject"}, policy)
}

// widened tells whether a CAA set lets more authorities issue than before (RFC
// 8659): the set is gone, or an issue or issuewild value is new.
func widened(before, now []string) bool {
	if len(before) > 0 && len(now) == 0 {
		return true
	}
	return slices.ContainsFunc(now, func(v string) bool {
		return !slices.Contains(before, v) && strings.Contains(v, " issue") && !strings.HasSuffix(v, `";"`)
	})
}
