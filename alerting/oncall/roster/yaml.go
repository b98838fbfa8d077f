package roster

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// WriteYAML writes imported people and shifts as a part of roster.yaml, to be
// read over and put in place by a person.
func WriteYAML(w io.Writer, im Imported, zone *time.Location) error {
	var b strings.Builder
	if len(im.People) > 0 {
		b.WriteString("people:\n")
	}
	for _, p := range im.People {
		fmt.Fprintf(&b, "  - id: %s\n    name: %q\n", p.ID, p.Name)
		if p.Role != "" {
			fmt.Fprintf(&b, "    role: %q\n", p.Role)
		}
		if n := p.Addresses["sms"]; len(n) > 0 {
			fmt.Fprintf(&b, "    addresses: {sms: [%q], voice: [%q]}\n", n[0], n[0])
		} else {
			b.WriteString("    addresses: {} # no number was given\n")
		}
	}
	if len(im.Shifts) > 0 {
		b.WriteString("shifts:\n")
	}
	for _, s := range im.Shifts {
		fmt.Fprintf(&b, "  - {start: %s, end: %s, officers: [%s]", s.Start.In(zone).Format(clock), s.End.In(zone).Format(clock), strings.Join(s.Officers, ", "))
		if s.Deputy != "" {
			fmt.Fprintf(&b, ", deputy: %s", s.Deputy)
		}
		b.WriteString("}\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
