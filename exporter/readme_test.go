package exporter_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"watchpost.example/exporter"
	"watchpost.example/internal/testneed"
)

var update = flag.Bool("update", false, "write the generated part of README.md")

// TestREADME keeps the table of metrics fresh.
func TestREADME(t *testing.T) {
	const mark = "-update` -->\n"
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	head, old, ok := strings.Cut(string(b), mark)
	if !ok {
		t.Fatal("README.md has lost its mark")
	}
	want := metricTable()
	if *update {
		if err := os.WriteFile("README.md", []byte(head+mark+want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old != want {
		t.Error("the table of metrics is not that of Catalogue: run go test ./exporter -run README -update")
	}
}

func metricTable() string {
	var b strings.Builder
	common := []string{"unit", "system", "check", "kind", "instance", "vantage"}
	for _, part := range []struct {
		scope exporter.Scope
		title string
	}{
		{exporter.PerCheck, "Of a check"},
		{exporter.PerPlace, "Of the inventory"},
		{exporter.Own, "Of watchpost itself"},
		{exporter.OnProbe, "On /probe only"},
	} {
		fmt.Fprintf(&b, "\n### %s\n\n| metric | type | labels | in the history | meaning |\n|---|---|---|---|---|\n", part.title)
		for _, d := range exporter.Catalogue() {
			if d.Scope != part.scope {
				continue
			}
			l := d.Labels
			if part.scope == exporter.PerCheck {
				l = slices.DeleteFunc(slices.Clone(l), func(s string) bool { return slices.Contains(common, s) })
			}
			history := ""
			if d.History {
				history = "yes"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", d.Name, d.Type, strings.Join(l, " "), history, d.Help)
		}
	}
	return b.String()
}

// TestREADMEExamples has Debian's promtool check what the README offers to copy.
func TestREADMEExamples(t *testing.T) {
	promtool := testneed.Program(t, "promtool")
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(b), "```yaml\n")[1:]
	if len(parts) != 3 {
		t.Fatalf("%d examples, want 3", len(parts))
	}
	for i, part := range parts {
		doc, _, _ := strings.Cut(part, "```")
		if strings.HasPrefix(doc, "# watchpost.yaml") {
			continue // cmd/watchpost loads it
		}
		file := filepath.Join(t.TempDir(), "prometheus.yml")
		if err := os.WriteFile(file, []byte(doc), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), promtool, "check", "config", file).CombinedOutput(); err != nil {
			t.Errorf("example %d: %v\n%s", i+1, err, out)
		}
	}
}
