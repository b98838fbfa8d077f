package main

import "testing"

// Measuring one part again keeps the others.
func TestSections(t *testing.T) {
	head, text := zonesHead, "\n\nnew\n"
	const first = "# Bench\n\ntable\n"
	const note = notesHead + ", and what holds it back\n\nby hand\n"
	for name, c := range map[string][2]string{
		"no file":          {"", head + text},
		"no notes":         {first, first + head + text},
		"before the notes": {first + note, first + head + text + note},
		"in its place":     {first + head + "\n\nold\n" + note, first + head + text + note},
		"at the end":       {first + note + head + "\n\nold\n", first + note + head + text},
	} {
		if got := withSection(c[0], head, text); got != c[1] {
			t.Errorf("%s:\n%s\nwant:\n%s", name, got, c[1])
		}
	}
}
