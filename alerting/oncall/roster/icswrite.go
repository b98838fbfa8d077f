package roster

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// WriteICS writes the duty of [from, to) as an iCalendar file (RFC 5545), one
// event for each stretch in which the people do not change, overrides applied.
// Times are in UTC, so that every calendar shows them right. Names are written,
// addresses are not. The UIDs stay the same from call to call.
func WriteICS(w io.Writer, r *Roster, from, to, stamp time.Time) error {
	const utc = "20060102T150405Z"
	c := icsWriter{w: w}
	c.line("BEGIN:VCALENDAR")
	c.line("VERSION:2.0")
	c.line("PRODID:-//watchpost//on-call//VI")
	c.line("X-WR-CALNAME:Lịch trực")
	for _, d := range r.Segments(from, to) {
		if len(d.Officers) == 0 {
			continue
		}
		names := make([]string, len(d.Officers))
		for i, id := range d.Officers {
			names[i] = r.Name(id)
		}
		c.line("BEGIN:VEVENT")
		c.line("UID:%s-%s@watchpost", d.From.UTC().Format(utc), strings.Join(d.Officers, "-"))
		c.line("DTSTAMP:%s", stamp.UTC().Format(utc))
		c.line("DTSTART:%s", d.From.UTC().Format(utc))
		c.line("DTEND:%s", d.To.UTC().Format(utc))
		c.line("SUMMARY:%s", escape("Trực: "+strings.Join(names, ", ")))
		if about := describe(r, d); about != "" {
			c.line("DESCRIPTION:%s", escape(about))
		}
		c.line("END:VEVENT")
	}
	c.line("END:VCALENDAR")
	return c.err
}

func describe(r *Roster, d Duty) string {
	var out []string
	if d.Deputy != "" {
		out = append(out, "Trưởng ca: "+r.Name(d.Deputy))
	}
	for _, o := range d.Applied {
		out = append(out, fmt.Sprintf("%s trực thay %s: %s", r.Name(o.With), r.Name(o.Replace), o.Reason))
	}
	return strings.Join(out, "\n")
}

func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\r", "", "\n", `\n`).Replace(s)
}

type icsWriter struct {
	w   io.Writer
	err error
}

// line folds at 75 bytes without cutting a character (RFC 5545 3.1).
func (c *icsWriter) line(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n+utf8.RuneLen(r) > 75 {
			b.WriteString("\r\n ")
			n = 1
		}
		b.WriteRune(r)
		n += utf8.RuneLen(r)
	}
	if c.err == nil {
		_, c.err = io.WriteString(c.w, b.String()+"\r\n")
	}
}
