package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// builtin marks the name of an embedded rule file in groups, logs and the API.
const builtin = "builtin:"

// ruleSource finds and parses rule files; it is the rule manager's GroupLoader.
type ruleSource struct {
	embedded fs.FS
	disabled []string
	parser   parser.Parser
	logger   *slog.Logger
}

// Load reads one file by the name that names gave, without the disabled alerts.
func (s *ruleSource) Load(name string, _ bool, scheme model.ValidationScheme) (*rulefmt.RuleGroups, []error) {
	groups, errs := s.load(name, scheme)
	if groups == nil || !strings.HasPrefix(name, builtin) {
		return groups, errs
	}
	for i, g := range groups.Groups {
		groups.Groups[i].Rules = slices.DeleteFunc(g.Rules, func(r rulefmt.Rule) bool {
			return r.Alert != "" && slices.Contains(s.disabled, r.Alert)
		})
	}
	return groups, errs
}

func (s *ruleSource) load(name string, scheme model.ValidationScheme) (*rulefmt.RuleGroups, []error) {
	b, err := s.read(name)
	if err != nil {
		return nil, []error{err}
	}
	groups, errs := rulefmt.Parse(b, false, scheme, s.parser, s.logger)
	if len(errs) > 0 {
		out := make([]error, len(errs))
		for i, e := range errs {
			out[i] = fmt.Errorf("%s: %w; %s", name, e, ruleCure(e))
		}
		return nil, out
	}
	return groups, nil
}

// Parse parses one expression.
func (s *ruleSource) Parse(query string) (parser.Expr, error) { return s.parser.ParseExpr(query) }

func (s *ruleSource) read(name string) ([]byte, error) {
	if f, ok := strings.CutPrefix(name, builtin); ok {
		return fs.ReadFile(s.embedded, f)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading rule file: %w; check the path and that watchpost may read it", err)
	}
	return b, nil
}

// ruleCure says what to do about a mistake in a rule file.
func ruleCure(err error) string {
	msg := err.Error()
	switch {
	case strings.Contains(msg, "not found in type"), strings.Contains(msg, "cannot unmarshal"):
		return "compare the field with https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/ and mind the indentation"
	case strings.Contains(msg, "could not parse expression"):
		return "try the expression on the query page, or run: promtool check rules FILE"
	case strings.Contains(msg, "repeated"):
		return "give each group of the file its own name"
	}
	return "run: promtool check rules FILE"
}

// names lists the files to load: the embedded ones, then the user's in order.
// A pattern that matches nothing is a mistake: a rule file that silently isn't
// there is an alert that never comes.
func (s *ruleSource) names(patterns []string) ([]string, error) {
	var out []string
	if s.embedded != nil {
		l, err := fs.Glob(s.embedded, "*.rules.yml")
		if err != nil {
			return nil, fmt.Errorf("listing built-in rules: %w", err)
		}
		for _, n := range l {
			out = append(out, builtin+n)
		}
	}
	var errs []error
	for _, p := range patterns {
		m, err := filepath.Glob(p)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("rule files %q: %w; use a path with *, ? or [a-z]", p, err))
		case len(m) == 0:
			errs = append(errs, fmt.Errorf("rule files %q: no such file; correct the path or remove it", p))
		default:
			for _, f := range m {
				if !slices.Contains(out, f) {
					out = append(out, f)
				}
			}
		}
	}
	return out, errors.Join(errs...)
}

// check loads every file and gives all mistakes at once, so that a later Update
// of the rule manager can't fail.
func (s *ruleSource) check(files []string) error {
	var errs []error
	alerts := map[string]bool{}
	for _, f := range files {
		groups, e := s.load(f, model.UTF8Validation)
		errs = append(errs, e...)
		if groups == nil {
			continue
		}
		for _, g := range groups.Groups {
			for _, r := range g.Rules {
				alerts[r.Alert] = true
			}
		}
	}
	for _, d := range s.disabled {
		if !alerts[d] {
			errs = append(errs, fmt.Errorf("disabled alert %q: no built-in rule has this name; remove it or correct the spelling", d))
		}
	}
	return errors.Join(errs...)
}
