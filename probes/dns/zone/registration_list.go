package zone

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"watchpost.example/probes/dns/dnswire"
)

// RegistrationList is a table of registrations that people keep: one line a
// domain, CSV with the heading
//
//	domain,expires,by,entered,locks
//
// locks (EPP states separated by spaces) may be left out. It is read-only.
type RegistrationList struct{ entries map[string]*Registration }

// ErrRegistrations is a list with mistakes; each stands in its text with its line.
var ErrRegistrations = errors.New("list of registrations")

// The bounds of a list.
const (
	maxListFile = 16 << 20
	maxListBad  = 50
)

// ReadRegistrations reads a list.
func ReadRegistrations(path string) (*RegistrationList, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRegistrations, err)
	}
	defer func() { _ = f.Close() }() // only read
	return ParseRegistrations(path, f, time.Now())
}

// ParseRegistrations is ReadRegistrations on a stream; name stands in errors
// and, without its folder, as the entries' source.
func ParseRegistrations(name string, r io.Reader, now time.Time) (*RegistrationList, error) {
	c := csv.NewReader(io.LimitReader(r, maxListFile))
	c.FieldsPerRecord, c.TrimLeadingSpace, c.Comment = -1, true, '#'
	out := &RegistrationList{entries: map[string]*Registration{}}
	var bad []string
	say := func(line int, text string) { bad = append(bad, fmt.Sprintf("%s:%d: %s", name, line, text)) }
	lines := map[string]int{}
	for {
		f, err := c.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			var pe *csv.ParseError
			if !errors.As(err, &pe) {
				return nil, fmt.Errorf("%w: reading %s: %w", ErrRegistrations, name, err)
			}
			say(pe.Line, pe.Err.Error())
			if len(bad) > maxListBad {
				break
			}
			continue
		}
		line, _ := c.FieldPos(0)
		for i := range f {
			f[i] = strings.TrimSpace(strings.TrimPrefix(f[i], "\ufeff"))
		}
		if strings.EqualFold(f[0], "domain") {
			continue // the heading
		}
		e, mistakes := listEntry(f, now)
		for _, m := range mistakes {
			say(line, m)
		}
		if e == nil {
			continue
		}
		if before := lines[e.Domain]; before > 0 {
			say(line, fmt.Sprintf("%s stands in line %d already", e.Domain, before))
		}
		e.Source, lines[e.Domain] = filepath.Base(name), line
		out.entries[e.Domain] = e
	}
	if len(bad) > maxListBad {
		bad = append(bad[:maxListBad], fmt.Sprintf("%s: and more such lines", name))
	}
	if len(bad) > 0 {
		return nil, fmt.Errorf("%w:\n%s", ErrRegistrations, strings.Join(bad, "\n"))
	}
	return out, nil
}

// listEntry reads a line; the entry is nil when there are mistakes.
func listEntry(f []string, now time.Time) (*Registration, []string) {
	if len(f) < 4 || len(f) > 5 {
		return nil, []string{fmt.Sprintf("%d fields; write domain,expires,by,entered and perhaps locks", len(f))}
	}
	var bad []string
	e := &Registration{Domain: strings.TrimSuffix(dnswire.Name(f[0]), "."), By: clean(f[2])}
	if !dnswire.ValidName(f[0]) || !strings.Contains(e.Domain, ".") || strings.ContainsAny(f[0], " /:") {
		bad = append(bad, fmt.Sprintf("%.100q is no domain such as so-y-te.example", f[0]))
	}
	var err error
	if e.Expires, err = lastMoment(f[1]); err != nil {
		bad = append(bad, fmt.Sprintf("expires %.40q is no day such as 2027-09-02", f[1]))
	}
	if e.By == "" {
		bad = append(bad, "nobody stands in \"by\": who entered it?")
	}
	if e.At, err = time.ParseInLocation(time.DateOnly, f[3], hanoi()); err != nil {
		bad = append(bad, fmt.Sprintf("entered %.40q is no day such as 2026-11-22", f[3]))
	} else if e.At.After(now.Add(24 * time.Hour)) {
		bad = append(bad, "entered "+f[3]+" lies in the future")
	}
	if len(f) == 5 {
		e.Locks = strings.Fields(f[4])
	}
	if len(bad) > 0 {
		return nil, bad
	}
	return e, nil
}

// Registration gives the entry of the domain.
func (l *RegistrationList) Registration(_ context.Context, domain string) (*Registration, error) {
	e, ok := l.entries[strings.TrimSuffix(domain, ".")]
	if !ok {
		return nil, nil // the interface's word for "not mine"
	}
	c := *e
	c.Locks = slices.Clone(e.Locks)
	return &c, nil
}

var _ RegistrationSource = (*RegistrationList)(nil)
