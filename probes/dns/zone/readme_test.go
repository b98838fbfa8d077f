package zone_test

import (
	"strings"
	"testing"

	"watchpost.example/internal/kinddoc"
	"watchpost.example/probes/dns/zone"
)

// TestREADME loads every example as the inventory does, and finds every
// setting in the table.
func TestREADME(t *testing.T) {
	e, err := zone.New(zone.Options{})
	if err != nil {
		t.Fatal(err)
	}
	all := zone.Kinds(e)
	readme := kinddoc.Check(t, map[string][]byte{"so-y-te.example.yaml": []byte("zone: so-y-te.example\n")}, all...)
	for _, k := range all {
		for _, r := range k.Reasons {
			if !strings.Contains(readme, "| `"+string(r)+"` |") {
				t.Errorf("the table of reasons has no %s", r)
			}
			for _, lang := range []string{"vi", "en"} {
				if zone.Words(r, lang) == "" {
					t.Errorf("no words for %s in %s", r, lang)
				}
			}
		}
	}
}
