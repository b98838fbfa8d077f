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
