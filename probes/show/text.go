package show

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"watchpost.example/probes"
)

// Bounds of what is listed.
const (
	maxLines = 20 // DNS answers, redirects
	barWidth = 24
)

// page is a text being written.
type page struct {
	bytes.Buffer
	o Options
	w words
}

// Text writes one look for people.
func Text(w io.Writer, in Input, o Options) error {
	if o.Now.IsZero() {
		o.Now = in.Observation.At
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	p := &page{o: o, w: wordsOf(o.Lang)}
	p.head(in)
	for _, part := range in.Observation.Parts {
		p.part(part, len(in.Observation.Parts) > 1)
	}
	if len(in.Observation.Parts) == 0 {
		p.bars(in.Observation.Phases)
	}
	p.findings(in.Observation.Findings)
	_, err := w.Write(p.Bytes())
	return err
}

// printf writes to the page, which is memory and never fails.
func (p *page) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(p, format, args...)
}

func (p *page) head(in Input) {
	ob := in.Observation
	p.WriteString(p.mark(ob.Verdict))
	for _, s := range []string{in.ID, in.Kind, in.Instance} {
		if s != "" {
			p.WriteString("  " + Safe(s, 256))
		}
	}
	p.printf("\n  %s · %s %s\n", ob.At.In(p.o.Zone).Format("2006-01-02 15:04:05 -07:00"), p.w.took, duration(ob.Took))
	p.why(ob.Verdict, ob.Reason, ob.Detail, "  ", true)
}

// why says a reason in words; advice only once, at the head.
func (p *page) why(v probes.Verdict, r probes.Reason, detail, indent string, advice bool) {
	if v == probes.Up && r == probes.OK && detail == "" {
		return
	}
	title, do := Explain(r, p.o.Lang)
	var rows [][2]string
	if r != probes.OK {
		rows = append(rows, [2]string{p.w.reason, title + " (" + Safe(string(r), 64) + ")"})
	}
	if detail != "" {
		rows = append(rows, [2]string{p.w.detail, Safe(detail, probes.MaxDetail)})
	}
	if advice && r != probes.OK {
		rows = append(rows, [2]string{p.w.do, do})
	}
	p.rows(indent, rows)
}

func (p *page) part(x probes.Part, many bool) {
	p.printf("\n  %s %s", p.w.address, address(x))
	if x.Server != "" {
		p.WriteString("  " + Safe(x.Server, 256))
	}
	p.printf("  %s  %s\n", p.mark(x.Verdict), duration(x.Took))
	if many {
		p.why(x.Verdict, x.Reason, x.Detail, "    ", false)
	}
	p.bars(x.Phases)
	p.certificates(x.Certificates)
	p.list(p.w.answers, x.Answers)
	p.list(p.w.hops, x.Hops)
}

// bars draws the phases below each other, each where it lies in time.
func (p *page) bars(ph probes.Phases) {
	total := ph.Total()
	if total <= 0 {
		return
	}
	nameWidth := 0
	for _, n := range p.w.phase {
		nameWidth = max(nameWidth, utf8.RuneCountInString(n))
	}
	var before time.Duration
	for i, phase := range probes.PhaseList() {
		d := ph[phase]
		if d <= 0 {
			continue
		}
		from := int(int64(before) * barWidth / int64(total))
		to := max(int(int64(before+d)*barWidth/int64(total)), from+1)
		from, to = min(from, barWidth-1), min(to, barWidth)
		bar := strings.Repeat("·", from) + strings.Repeat("█", to-from) + strings.Repeat("·", barWidth-to)
		p.printf("    %s  %9s  %s\n", pad(p.w.phase[i], nameWidth), duration(d), p.paint(bar, dim))
		before += d
	}
}

func (p *page) certificates(list []probes.Certificate) {
	if len(list) == 0 {
		return
	}
	p.printf("    %s\n", p.w.chain)
	for i, c := range list {
		left := daysLeft(c.NotAfter, p.o.Now)
		var when string
		colour := plain
		switch {
		case p.o.Now.Before(c.NotBefore):
			when, colour = p.w.notYet, red
		case left < 0:
			when, colour = fmt.Sprintf(p.w.expired, int(p.o.Now.Sub(c.NotAfter)/(24*time.Hour))), red
		default:
			when = fmt.Sprintf(p.w.daysLeft, left)
			if left < 21 {
				colour = yellow
			}
		}
		p.printf("      %d. %s  %s (%s)\n", i+1, Safe(c.Subject, 120), p.paint(when, colour), c.NotAfter.In(p.o.Zone).Format("2006-01-02"))
		p.printf("         %s %s · %s · SHA-256 %s\n", p.w.issuedBy, Safe(c.Issuer, 120), Safe(c.KeyType, 32), short(c.SHA256))
		if i == 0 && len(c.Names) > 0 {
			p.printf("         %s\n", Safe(strings.Join(c.Names, ", "), 200))
		}
	}
}

func (p *page) list(title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	p.printf("    %s\n", title)
	for i, l := range lines {
		if i == maxLines {
			p.printf("      "+p.w.more+"\n", len(lines)-maxLines)
			return
		}
		p.printf("      %s\n", Safe(l, 300))
	}
}

func (p *page) findings(list []probes.Finding) {
	if len(list) == 0 {
		return
	}
	p.printf("\n  %s\n", p.w.findings)
	for _, f := range list {
		title, do := Explain(f.Reason, p.o.Lang)
		colour := yellow
		if f.Severity == probes.PageNow {
			colour = red
		}
		p.printf("    %s %s (%s)\n", p.paint("["+p.severity(f.Severity)+"]", colour), title, Safe(string(f.Reason), 64))
		var rows [][2]string
		for _, r := range [][2]string{{p.w.where, f.Where}, {p.w.record, f.Record}, {p.w.expected, f.Expected}, {p.w.found, f.Found}, {p.w.do, do}} {
			if r[1] != "" {
				rows = append(rows, [2]string{r[0], Safe(r[1], 1024)})
			}
		}
		p.rows("      ", rows)
	}
}

// rows writes name and value in two columns.
func (p *page) rows(indent string, rows [][2]string) {
	width := 0
	for _, r := range rows {
		width = max(width, utf8.RuneCountInString(r[0]))
	}
	for _, r := range rows {
		p.printf("%s%s  %s\n", indent, pad(r[0], width), r[1])
	}
}

func (p *page) severity(s probes.Severity) string {
	if int(s) < len(p.w.severity) {
		return p.w.severity[s]
	}
	return s.String()
}

// mark is a verdict as symbol and word: the shape tells without colour.
func (p *page) mark(v probes.Verdict) string {
	if int(v) >= len(p.w.verdict) {
		v = probes.Unknown
	}
	symbol := [4]string{"?", "●", "▲", "✖"}[v]
	return p.paint(symbol+" "+p.w.verdict[v], [4]string{magenta, green, yellow, red}[v])
}

// The colours, as SGR parameters.
const (
	plain   = ""
	red     = "1;31"
	green   = "1;32"
	yellow  = "1;33"
	magenta = "1;35"
	dim     = "36"
)

func (p *page) paint(s, sgr string) string {
	if !p.o.Colour || sgr == plain {
		return s
	}
	return "\x1b[" + sgr + "m" + s + "\x1b[0m"
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(width-utf8.RuneCountInString(s), 0))
}

// duration is d with three digits that matter, in the unit that suits it.
func duration(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d >= 100*time.Millisecond:
		return fmt.Sprintf("%.0f ms", float64(d)/1e6)
	default:
		return fmt.Sprintf("%.1f ms", float64(d)/1e6)
	}
}

func short(hash string) string {
	if len(hash) > 16 {
		return Safe(hash[:16], 16) + "…"
	}
	return Safe(hash, 16)
}
