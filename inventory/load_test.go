package inventory

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// wants reads the messages that a bad file expects: the comment lines at its
// end that begin with "#= ".
func wants(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for l := range strings.Lines(string(b)) {
		if w, ok := strings.CutPrefix(l, "#= "); ok {
			lines = append(lines, strings.TrimSuffix(w, "\n"))
		}
	}
	return strings.Join(lines, "\n")
}

// The messages are the product: each bad file says exactly this and no more.
func TestBadInventories(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			t.Parallel()
			want := wants(t, f)
			cfg, problems := Load(f, fakeKinds())
			got := strings.ReplaceAll(problems.Error(), filepath.Dir(f)+"/", "")
			if got != want || cfg != nil {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// A folder that holds a watchpost.yaml is meant as that file, not as a folder of
// inventory files.
func TestFolderWithServerFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, map[string]string{"watchpost.yaml": "vantage: here\n", "inventory/a.yaml": oneSystem, "roster.yaml": "people: []\n"})
	cfg, problems := Load(dir, fakeKinds())
	if problems != nil || cfg.Server.Vantage != "here" || cfg.Path != filepath.Join(dir, "watchpost.yaml") {
		t.Error(problems)
	}
}
