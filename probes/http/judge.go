package http

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/wire"
)

// expectation is what an answer must be.
type expectation struct {
	status  []class
	words   []string // the classes as written, for people
	body    *regexp.Regexp
	bodyNot *regexp.Regexp
	headers map[string]*regexp.Regexp // by canonical name
}

func (e expectation) needsBody() bool { return e.body != nil || e.bodyNot != nil }

// class is a range of status codes, both ends included.
type class struct{ from, to int }

// parseClass reads "200", "2xx" or "200-299".
func parseClass(s string) (class, bool) {
	if len(s) == 3 && strings.HasSuffix(strings.ToLower(s), "xx") && s[0] >= '1' && s[0] <= '5' {
		n := int(s[0]-'0') * 100
		return class{n, n + 99}, true
	}
	a, b, isRange := strings.Cut(s, "-")
	if !isRange {
		b = a
	}
	from, err1 := strconv.Atoi(a)
	to, err2 := strconv.Atoi(b)
	ok := err1 == nil && err2 == nil && from >= 100 && to <= 599 && from <= to
	return class{from, to}, ok
}

func (e expectation) statusOK(n int) bool {
	return slices.ContainsFunc(e.status, func(c class) bool { return n >= c.from && n <= c.to })
}

// judge turns a look into the answer. The certificate speaks first, because an
// answer behind a bad one reaches no user; what HTTP said is recorded all the same.
func judge(a *wire.Answer, l *look) {
	a.Phases = l.phases
	a.Hops = l.hops
	last := l.parts[len(l.parts)-1]
	a.Facts = make(probes.Facts, 0, 20)
	a.Verdict = probes.Up
	judgeAnswer(a, l, last)
	if a.Verdict == probes.Up && l.slow > 0 && l.took > l.slow {
		a.Verdict, a.Reason = probes.Degraded, probes.HTTPSlow
		a.Detail = fmt.Sprintf("the page took %s, slower than %s", l.took.Round(time.Millisecond), l.slow)
	}
	answerFacts(&a.Facts, l, last)
	judgeCertificates(a, l)
	if l.downgrade != "" {
		a.Findings = append(a.Findings, probes.Finding{
			Reason: probes.HTTPDowngrade, Severity: probes.Today,
			Expected: "redirects that stay on https", Found: "a redirect to " + probes.Quote(l.downgrade, 160),
		})
	}
	if a.Verdict != probes.Up && last.status != 0 {
		a.Attach("text/plain; charset=utf-8", evidence(last))
	}
}

func judgeAnswer(a *wire.Answer, l *look, last *exchange) {
	if l.err != nil {
		judgeError(a, l, l.err)
		return
	}
	down := func(r probes.Reason, detail string) {
		a.Verdict, a.Reason, a.Detail = probes.Down, r, probes.Clip(detail, probes.MaxDetail)
	}
	if !l.want.statusOK(last.status) {
		down(probes.HTTPStatus, fmt.Sprintf("HTTP status %d %s, expected %s", last.status,
			http.StatusText(last.status), strings.Join(l.want.words, ", ")))
		return
	}
	if name, found := l.want.header(last.header); name != "" {
		down(probes.HTTPHeader, "header "+name+" is "+found+", expected to match "+probes.Quote(l.want.headers[name].String(), 120))
		return
	}
	if l.want.body != nil && !l.want.body.Match(last.body) {
		where := ""
		if last.truncated {
			where = fmt.Sprintf(" within the first %d bytes", l.bodyLimit)
		}
		down(probes.HTTPBody, "the page does not match "+probes.Quote(l.want.body.String(), 160)+where)
		return
	}
	if l.want.bodyNot != nil {
		if at := l.want.bodyNot.FindIndex(last.body); at != nil {
			down(probes.HTTPBody, "the page holds "+probes.Quote(string(last.body[at[0]:at[1]]), 80)+", which it must not ("+probes.Quote(l.want.bodyNot.String(), 120)+")")
		}
	}
}

// header gives the first expectation, by name, that fails, and what was found.
func (e expectation) header(h http.Header) (name, found string) {
	for _, n := range sortedKeys(e.headers) {
		if len(h[n]) == 0 {
			return n, "missing"
		}
		if !slices.ContainsFunc(h[n], e.headers[n].MatchString) {
			return n, probes.Quote(h[n][0], 120)
		}
	}
	return "", ""
}

// judgeError says what ended a look before its answer was whole.
func judgeError(a *wire.Answer, l *look, err error) {
	reasons := map[error]probes.Reason{
		errHeadTooLarge: probes.HTTPTooLarge, errNotHTTP: probes.HTTPProtocol, errEarlyEnd: probes.HTTPEarlyEnd,
		errEncoding: probes.HTTPBadEncode, errBomb: probes.HTTPBadEncode, errHTTPTimeout: probes.HTTPTimeout,
	}
	a.Verdict = probes.Down
	where := ""
	if len(l.hops) > 0 {
		where = "after the redirect to " + probes.Quote(l.hops[len(l.hops)-1], 120) + ": "
	}
	if rd, ok := errors.AsType[errRedirect](err); ok {
		a.Reason, a.Detail = probes.HTTPRedirect, probes.Clip(rd.why, probes.MaxDetail)
		return
	}
	for e, r := range reasons {
		if errors.Is(err, e) {
			a.Reason, a.Detail = r, probes.Clip(where+e.Error()+progress(l), probes.MaxDetail)
			return
		}
	}
	a.Fail("asking for the page", err)
	a.Detail = probes.Clip(where+a.Detail, probes.MaxDetail)
}

// progress says how far a timed-out answer came, which tells a silent server
// from one that drips.
func progress(l *look) string {
	x := l.parts[len(l.parts)-1]
	switch {
	case x.size > 0:
		return fmt.Sprintf(" (status %d and %d bytes of the body came)", x.status, x.size)
	case x.status > 0:
		return fmt.Sprintf(" (status %d came, and nothing of the body)", x.status)
	}
	return ""
}

func answerFacts(f *probes.Facts, l *look, last *exchange) {
	b := func(v bool) float64 {
		if v {
			return 1
		}
		return 0
	}
	failed := false
	if l.err == nil && last.status != 0 {
		name, _ := l.want.header(last.header)
		failed = name != "" || l.want.body != nil && !l.want.body.Match(last.body) || l.want.bodyNot != nil && l.want.bodyNot.Match(last.body)
	}
	*f = append(
		*f,
		probes.Fact{Name: probes.FactHTTPStatusCode, Value: float64(last.status)},
		probes.Fact{Name: probes.FactHTTPContentLength, Value: float64(last.length)},
		probes.Fact{Name: probes.FactHTTPUncompressedSize, Value: float64(last.size)},
		probes.Fact{Name: probes.FactHTTPRedirects, Value: float64(len(l.parts) - 1)},
		probes.Fact{Name: probes.FactHTTPSSL, Value: b(last.url.Scheme == "https")},
		probes.Fact{Name: probes.FactHTTPVersion, Value: last.proto},
		probes.Fact{Name: probes.FactHTTPFailedRegexp, Value: b(failed)},
	)
	if t, err := http.ParseTime(last.header.Get("Last-Modified")); err == nil {
		f.Set(probes.FactHTTPLastModified, float64(t.Unix()))
	}
}

// judgeCertificates applies the certificate of every https hop; the facts are
// the last one's, as people expect of the page that they see.
func judgeCertificates(a *wire.Answer, l *look) {
	seen := ""
	for _, x := range slices.Backward(l.parts) {
		if x.tls == nil || len(x.judgement.Certificates) == 0 {
			continue
		}
		key := x.url.Hostname() + x.judgement.Certificates[0].SHA256
		if key == seen {
			continue
		}
		j := x.judgement
		if seen != "" {
			j.Certificates, j.Facts = a.Certificates, nil
		}
		seen = key
		was := a.Reason
		httpDetail := a.Detail
		if len(j.Faults) > 0 && j.Faults[0].Verdict == probes.Down {
			a.Verdict = probes.Up // the certificate's fault outranks the page's
		}
		a.Judge(j, x.tls.PeerCertificates)
		if a.Reason != was && was != probes.OK && !was.Ours() {
			a.Findings = append(a.Findings, probes.Finding{Reason: was, Severity: probes.Today, Found: httpDetail})
		}
		if a.Reason != was && len(l.parts) > 1 {
			a.Detail = probes.Clip(x.url.Host+": "+a.Detail, probes.MaxDetail)
		}
	}
}

// Bounds of the evidence, in bytes.
const maxEvidenceHead = 8 << 10

// evidence is the head and the beginning of the body, as text. Cookies are
// blanked: they may open a session.
func evidence(x *exchange) []byte {
	h := x.header.Clone()
	for i, c := range h["Set-Cookie"] {
		name, _, _ := strings.Cut(c, "=")
		h["Set-Cookie"][i] = name + "=(removed)"
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/%g %s\r\n", x.proto, x.text)
	_ = h.Write(&b) // a bytes.Buffer never fails
	if b.Len() > maxEvidenceHead {
		b.Truncate(maxEvidenceHead)
	}
	b.WriteString("\r\n")
	b.Write(x.body[:min(len(x.body), keepOfBody)])
	return b.Bytes()
}
