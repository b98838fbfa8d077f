package report

import (
	_ "embed" // the template
	"fmt"
	"html/template"
	"io"
	"time"

	"watchpost.example/probes"
)

//go:embed report.html
var reportHTML string

// HTML writes the report as one file for print on A4 (Vietnamese, the form of
// Nghị định 30/2020): no script, no request to anywhere.
func HTML(w io.Writer, r *Report) error {
	t, err := template.New("report").Funcs(r.functions()).Parse(reportHTML)
	if err != nil {
		return fmt.Errorf("reading the report's template: %w", err)
	}
	if err := t.Execute(w, r); err != nil {
		return fmt.Errorf("writing HTML: %w", err)
	}
	return nil
}

func (r *Report) functions() template.FuncMap {
	loc := r.From.Location()
	return template.FuncMap{
		"percent":   func(x Ratio) string { return percentVI(x, r.Options.Decimals) },
		"duration":  durationVI,
		"moment":    func(t time.Time) string { return momentVI(t.In(loc)) },
		"prose":     func(t time.Time) string { return proseVI(t.In(loc)) },
		"date":      func(t time.Time) string { return dateVI(t.In(loc)) },
		"zone":      zoneVI,
		"count":     countVI,
		"reason":    r.reason,
		"class":     func(y Tally, name string) time.Duration { return y.class(name) },
		"len1":      func(i int) int { return i + 1 },
		"strip":     func(t Timeline) []bar { return strip(t, Period{r.From, r.To}) },
		"objective": func(x Ratio) string { return r.objective(x) },
		"spanLen":   func(s Span) time.Duration { return s.To.Sub(s.From) },
		"headDate":  func(t time.Time) string { return headDate(t.In(loc)) },
	}
}

// class finds a Tally's member by its word, for the template.
func (y Tally) class(name string) time.Duration {
	for _, c := range Classes() {
		if c.String() == name {
			return y[c]
		}
	}
	return 0
}

// headDate is the date at the head: "ngày 05 tháng 9 năm 2026".
func headDate(t time.Time) string {
	return fmt.Sprintf("ngày %02d tháng %s năm %d", t.Day(), monthVI(t.Month()), t.Year())
}

// reason gives the reason in words, else the word itself.
func (r *Report) reason(x probes.Reason) string {
	if r.Options.Explain != nil && x != probes.OK {
		if title, _ := r.Options.Explain(string(x), "vi"); title != "" {
			return title
		}
	}
	if x == probes.OK {
		return "chưa ghi nhận"
	}
	return string(x)
}

// objective judges a ratio by the organisation's own objective. It compares
// the figure itself, not its rounded print.
func (r *Report) objective(x Ratio) string {
	switch {
	case r.Options.Objective <= 0:
		return ""
	case !x.Known():
		return NoData
	case x.Float()*100 >= r.Options.Objective:
		return "Đạt"
	}
	return "Chưa đạt"
}

// bar is one piece of a system's strip: X and W in thousandths of the period.
type bar struct {
	Class string
	X, W  float64
	Title string
}

// strip draws a timeline; pieces too thin to see are widened, so that a short
// outage does not vanish, and Down is drawn last, on top.
func strip(t Timeline, p Period) []bar {
	var out, top []bar
	total := p.Length().Seconds()
	for _, s := range t {
		b := bar{
			Class: s.Class.String(), X: s.From.Sub(p.From).Seconds() / total * 1000, W: s.Len().Seconds() / total * 1000,
			Title: momentVI(s.From.In(p.From.Location())) + ", " + durationVI(s.Len()),
		}
		if s.Class == Up {
			out = append(out, b)
			continue
		}
		b.W = max(b.W, 2)
		if s.Class == Down {
			top = append(top, b)
		} else {
			out = append(out, b)
		}
	}
	return append(out, top...)
}

// NoDataRows lists every stretch without figures, for the template.
func (r *Report) NoDataRows() []GapRow {
	var out []GapRow
	for _, u := range r.Units {
		for _, s := range u.Systems {
			for _, g := range s.NoData {
				out = append(out, GapRow{u.Name, s.Name, g})
			}
		}
	}
	return out
}

// MaintenanceRows lists every planned maintenance that was taken out of the
// availability, so that nobody takes out an outage unseen.
func (r *Report) MaintenanceRows() []GapRow {
	var out []GapRow
	for _, u := range r.Units {
		for _, s := range u.Systems {
			for _, g := range s.Maintenance {
				out = append(out, GapRow{u.Name, s.Name, g})
			}
		}
	}
	return out
}

// GapRow is a Span with whose it is.
type GapRow struct {
	Unit, System string
	Span         Span
}

// Unmeasured counts systems without a single look in the period.
func (r *Report) Unmeasured() int {
	n := 0
	for _, u := range r.Units {
		for _, s := range u.Systems {
			if !s.Measured {
				n++
			}
		}
	}
	return n
}

// Interrupted counts systems with at least one outage.
func (r *Report) Interrupted() int {
	n := 0
	for _, u := range r.Units {
		for _, s := range u.Systems {
			if len(s.Outages) > 0 {
				n++
			}
		}
	}
	return n
}
