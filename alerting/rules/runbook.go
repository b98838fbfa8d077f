package rules

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

//go:embed runbooks/*.md
var runbookFiles embed.FS

// Runbook is what to do about an alert, or about a family of reasons.
type Runbook struct {
	Name    string   // of the file: the alert's name, or the family's
	Title   string   // Vietnamese
	Reasons []string // patterns as "tls_expired" or "tls_*"; empty for an alert's
	Source  string   // Markdown, the subset that render knows
}

// Family tells whether the runbook is for reasons and not for one alert.
func (r Runbook) Family() bool { return len(r.Reasons) > 0 }

var (
	titleLine   = regexp.MustCompile(`^# (.+)\n`)
	reasonsLine = regexp.MustCompile(`(?m)^<!-- reasons: (.+?) -->\n`)
)

// Runbooks reads all runbooks, sorted by name. An error is a defect of the
// program: the files are embedded.
func Runbooks() ([]Runbook, error) {
	files, err := fs.Glob(runbookFiles, "runbooks/*.md")
	if err != nil {
		return nil, fmt.Errorf("listing runbooks: %w", err)
	}
	out := make([]Runbook, 0, len(files))
	for _, f := range files {
		b, err := runbookFiles.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("reading runbook: %w", err)
		}
		r := Runbook{Name: strings.TrimSuffix(path.Base(f), ".md"), Source: string(b)}
		m := titleLine.FindStringSubmatch(r.Source)
		if m == nil {
			return nil, fmt.Errorf("runbook %s: the first line is not a # title", f)
		}
		r.Title = m[1]
		if m := reasonsLine.FindStringSubmatch(r.Source); m != nil {
			r.Reasons = strings.Fields(m[1])
			r.Source = reasonsLine.ReplaceAllString(r.Source, "")
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Runbook) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// Find gives the runbook of an alert, a family or a reason. Of several patterns
// that fit a reason the longest wins, so that "dns_resolver*" comes before "dns_*".
func Find(l []Runbook, name string) (Runbook, bool) {
	var best Runbook
	length := -1
	for _, r := range l {
		if r.Name == name {
			return r, true
		}
		for _, p := range r.Reasons {
			if prefix, wild := strings.CutSuffix(p, "*"); (p == name || wild && strings.HasPrefix(name, prefix)) && len(p) > length {
				best, length = r, len(p)
			}
		}
	}
	return best, length >= 0
}
