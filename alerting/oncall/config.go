package oncall

import (
	"watchpost.example/alerting/oncall/ladder"
	"watchpost.example/alerting/oncall/roster"
	"watchpost.example/inventory/source"
)

// Load reads a roster file with its ladder. channels are the names of those that
// are configured; a ladder that names another is a problem (nil = not checked).
func Load(path string, channels []string) (*roster.Roster, *ladder.Ladder, source.Problems) {
	doc, problems := source.Read(path)
	return assemble(doc, problems, channels)
}

// Parse is Load for bytes; name stands in the positions of problems.
func Parse(name string, b []byte, channels []string) (*roster.Roster, *ladder.Ladder, source.Problems) {
	doc, problems := source.Parse(name, b)
	return assemble(doc, problems, channels)
}

func assemble(doc *source.Document, problems source.Problems, channels []string) (*roster.Roster, *ladder.Ladder, source.Problems) {
	if doc == nil {
		return nil, nil, problems
	}
	r, part, found := roster.Decode(doc)
	problems = append(problems, found...)
	var people []string
	if r != nil {
		for _, p := range r.People {
			people = append(people, p.ID)
		}
	}
	l, found := ladder.Decode(part, people, channels)
	problems = append(problems, found...)
	if len(problems) > 0 {
		return nil, nil, source.Join(problems)
	}
	return r, l, nil
}
