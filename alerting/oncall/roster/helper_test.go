package roster

import "watchpost.example/inventory/source"

func parseForTest(text string) (*Roster, error) {
	doc, problems := source.Parse("roster.yaml", []byte(text))
	if doc == nil {
		return nil, problems.Err()
	}
	r, _, found := Decode(doc)
	return r, source.Join(problems, found).Err()
}
