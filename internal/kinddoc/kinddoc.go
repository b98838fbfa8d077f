// Package kinddoc is the test that every README of a kind of check passes:
// its examples are loaded as an inventory loads them, and its table names every
// setting.
package kinddoc

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"watchpost.example/inventory"
	"watchpost.example/probes"
)

// fewest is how many examples a README has at least.
const fewest = 3

// Check loads every YAML block of README.md in the folder of the test and looks
// for every setting of kinds in its tables. files, by name, are what the
// examples find in /etc/watchpost. It gives the README's text.
func Check(t *testing.T, files map[string][]byte, kinds ...probes.Kind) string {
	t.Helper()
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(b, -1)
	if len(blocks) < fewest {
		t.Fatalf("%d examples, want %d at least", len(blocks), fewest)
	}
	for _, m := range blocks {
		text := strings.ReplaceAll(string(m[1]), "/etc/watchpost", dir)
		checks, err := Load(text, kinds...)
		if err != nil {
			t.Errorf("%s\n%v", text, err)
			continue
		}
		if len(checks) != 1 || checks[0].Instance == "" {
			t.Errorf("%s\ngives %+v", text, checks)
		}
	}
	for _, k := range kinds {
		for _, key := range keys(reflect.TypeOf(k.New()).Elem(), "") {
			if !strings.Contains(string(b), "`"+key+"`") {
				t.Errorf("the table of settings has no %s", key)
			}
		}
	}
	return string(b)
}

// Load reads one check as it stands in an inventory, below a system whose URL is
// https://portal.example/. The check's first line is the file's seventh.
func Load(check string, kinds ...probes.Kind) ([]*probes.Check, error) {
	text := "units:\n  - id: a\n    systems:\n      - id: s\n        url: https://portal.example/\n        checks:\n          - " +
		strings.ReplaceAll(strings.TrimSpace(check), "\n", "\n            ") + "\n"
	inv, problems := inventory.Parse("README.md", []byte(text), kinds)
	if problems != nil {
		return nil, problems
	}
	return inv.Checks, nil
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
