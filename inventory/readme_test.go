package inventory

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// blocks are the ```yaml blocks of a Markdown file.
func blocks(t *testing.T, file string) []string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(b), "```yaml\n")
	out := make([]string, 0, len(parts))
	for _, p := range parts[1:] {
		text, _, _ := strings.Cut(p, "```")
		out = append(out, text)
	}
	return out
}

func TestREADME(t *testing.T) {
	t.Parallel()
	all := blocks(t, "README.md")
	if len(all) < 3 {
		t.Fatalf("found %d blocks", len(all))
	}
	for _, text := range all {
		if !strings.HasPrefix(text, "# watchpost.yaml") {
			if _, problems := Parse("README.md", []byte(text), fakeKinds()); problems != nil {
				t.Errorf("%v\n%s", problems, text)
			}
			if bad := fits(t, InventorySchema, text); bad != "" {
				t.Errorf("schema: %s", bad)
			}
			continue
		}
		dir := t.TempDir()
		write(t, dir, map[string]string{"watchpost.yaml": text, "secret": "x", "inventory/a.yaml": all[0]})
		cfg, problems := Load(filepath.Join(dir, "watchpost.yaml"), fakeKinds())
		if problems != nil {
			t.Fatalf("%v\n%s", problems, text)
		}
		if kind, secret, err := cfg.Server.Prometheus.RemoteWrite[0].Secret(); kind != "basic" || secret != "x" || err != nil {
			t.Errorf("got %q %q %v", kind, secret, err)
		}
		if bad := fits(t, ServerSchema, text); bad != "" {
			t.Errorf("schema: %s", bad)
		}
	}
	// The messages shown are those of the corpus.
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.Lines(wants(t, "testdata/bad/five-mistakes.yaml")) {
		if l = strings.TrimPrefix(strings.TrimSpace(l), "five-mistakes.yaml"); !strings.Contains(string(readme), "units.yaml"+l+"\n") {
			t.Errorf("README does not show %q", l)
		}
	}
}
