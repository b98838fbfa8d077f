package zone_test

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"watchpost.example/inventory"
	"watchpost.example/probes/dns/zone"
)

// TestREADME loads every example as the inventory does, and finds every
// setting in the table.
func TestREADME(t *testing.T) {
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir() // stands for /etc/watchpost
	e, err := zone.New(zone.Options{})
	if err != nil {
		t.Fatal(err)
	}
	all := zone.Kinds(e)
	if err := os.WriteFile(filepath.Join(dir, "so-y-te.example.yaml"), []byte("zone: so-y-te.example\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(b), -1)
	if len(blocks) < 3 {
		t.Fatalf("%d examples", len(blocks))
	}
	for _, m := range blocks {
		text := strings.ReplaceAll(strings.TrimSpace(m[1]), "\n", "\n            ")
		text = "units:\n  - id: a\n    systems:\n      - id: s\n        url: https://portal.example/\n        checks:\n          - " +
			strings.ReplaceAll(text, "/etc/watchpost", dir) + "\n"
		inv, problems := inventory.Parse("README.md", []byte(text), all)
		if problems != nil {
			t.Errorf("%s\n%v", text, problems)
			continue
		}
		if len(inv.Checks) != 1 || inv.Checks[0].Instance == "" {
			t.Errorf("%s\ngives %+v", text, inv.Checks)
		}
	}
	for _, k := range all {
		for _, key := range keys(reflect.TypeOf(k.New()).Elem(), "") {
			if !strings.Contains(string(b), "`"+key+"`") {
				t.Errorf("the table of settings has no %s", key)
			}
		}
		for _, r := range k.Reasons {
			if !strings.Contains(string(b), "| `"+string(r)+"` |") {
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

// keys are the yaml keys of a settings struct, dotted.
func keys(s reflect.Type, prefix string) []string {
	var out []string
	for f := range s.Fields() {
		key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case key == "":
		case f.Type.Kind() == reflect.Struct:
			out = append(out, keys(f.Type, prefix+key+".")...)
		default:
			out = append(out, prefix+key)
		}
	}
	return out
}
