// Package archtest keeps the house in order: who may import whom, and who owns
// which heavy module. The tables below are the documentation of it.
package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "watchpost.example"

// mayImport lists, for a folder (longest prefix wins), which of our own
// folders its packages may import, themselves and what is below them included.
var mayImport = map[string][]string{
	"probes":            {},
	"alerting":          {},
	"internal/testneed": {},
	"internal/phonerig": {"internal/testneed"},
	"internal/chromium": {"internal/testneed"},
	"internal/archtest": {},
	"internal/kinddoc":  {"probes", "inventory"}, // tests of the kinds' READMEs
	"probes/wire":       {"probes"},
	"probes/probetest":  {"probes", "probes/wire"},
	"probes/icmp":       {"probes", "probes/wire"},
	"probes/tcp":        {"probes", "probes/wire"},
	"probes/http":       {"probes", "probes/wire", "probes/tls"},
	"probes/tls":        {"probes", "probes/wire"},
	"probes/dns":        {"probes", "probes/wire", "probes/dns", "inventory/source"},
	"probes/kinds":      {"probes", "probes/wire", "probes/icmp", "probes/tcp", "probes/http", "probes/tls", "probes/dns"},
	"probes/schedule":   {"probes"},
	"probes/show":       {"probes"},
	"inventory":         {"probes", "inventory/source"},
	"inventory/source":  {},
	"exporter":          {"probes"},
	"exporter/history":  {"probes", "exporter"},
	"exporter/wall":     {"probes", "alerting"},
	"alerting/engine":   {"alerting"},
	"alerting/rules":    {},
	"alerting/oncall":   {"alerting", "alerting/oncall", "inventory/source"},
	"alerting/channels": {"alerting", "alerting/channels", "inventory/source"},
	"report":            {"probes"},
	"dashboards":        {},
	"lab":               {"probes", "probes/probetest"},
	"cmd/watchpost":     {"*"},
	"deploy":            {},
	"bench":             {"*"},
}

// owners lists the heavy modules and the only folders that may import them
// outside of tests.
var owners = map[string][]string{
	"go.yaml.in/yaml":                           {"inventory"},
	"github.com/prometheus/prometheus":          {"exporter/history", "alerting/engine"},
	"github.com/prometheus/alertmanager":        {"alerting/engine"},
	"github.com/miekg/dns":                      {"probes/dns", "probes/wire", "probes/probetest", "lab", "bench"},
	"github.com/prometheus-community":           {"probes/icmp"},
	"github.com/emiago":                         {"alerting/channels/voice"},
	"github.com/grafana-tools/sdk":              {"dashboards"},
	"github.com/grafana/grafana-foundation-sdk": {"dashboards"},
	"github.com/xuri/excelize":                  {"inventory", "report", "alerting/oncall"},
	"modernc.org/sqlite":                        {"alerting/oncall"},
	"github.com/openrdap/rdap":                  {"probes/dns"},
	"github.com/prometheus/exporter-toolkit":    {"cmd/watchpost"},
}

type pkg struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Imports", module+"/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	dec := json.NewDecoder(bytes.NewReader(out))
	for {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// under tells whether folder is dir or below it.
func under(folder, dir string) bool { return folder == dir || strings.HasPrefix(folder, dir+"/") }

// violations gives a line for each import that the tables forbid.
func violations(all []pkg) []string {
	var bad []string
	for _, p := range all {
		folder := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		row, ok := rowOf(folder)
		if !ok {
			bad = append(bad, folder+": is in no row of mayImport")
			continue
		}
		for _, imp := range p.Imports {
			if rest, ours := strings.CutPrefix(imp, module+"/"); ours {
				if !under(rest, row) && !allowed(mayImport[row], rest) {
					bad = append(bad, folder+" may not import "+rest)
				}
				continue
			}
			for mod, who := range owners {
				if under(imp, mod) && !slices.ContainsFunc(who, func(w string) bool { return under(folder, w) }) {
					bad = append(bad, folder+" may not import "+imp+": it belongs to "+strings.Join(who, ", "))
				}
			}
		}
	}
	return bad
}

// rowOf finds the longest row of mayImport that folder lies under.
func rowOf(folder string) (string, bool) {
	for f := folder; f != "."; f = path.Dir(f) {
		if _, ok := mayImport[f]; ok {
			return f, true
		}
	}
	return "", false
}

// allowed: "*" is everything but cmd; a row with folders of its own below it
// (probes) allows just itself, so that "probes" does not open "probes/http".
func allowed(row []string, imp string) bool {
	own, _ := rowOf(imp)
	return slices.Contains(row, own) || slices.Contains(row, "*") && !under(imp, "cmd")
}

func TestImportDirection(t *testing.T) {
	t.Parallel()
	all := packages(t)
	if len(all) < 5 {
		t.Fatalf("go list saw only %d packages", len(all))
	}
	for _, v := range violations(all) {
		t.Error(v)
	}
}

// TestCanary proves that TestImportDirection can fail.
func TestCanary(t *testing.T) {
	t.Parallel()
	canaries := []pkg{
		{module + "/probes", []string{module + "/exporter"}},
		{module + "/probes/tcp", []string{module + "/probes/http"}},
		{module + "/exporter", []string{module + "/cmd/watchpost"}},
		{module + "/exporter/wall", []string{module + "/exporter/history"}},
		{module + "/probes/http", []string{"github.com/miekg/dns"}},
		{module + "/exporter", []string{"github.com/prometheus/prometheus/tsdb"}},
		{module + "/nowhere", nil},
	}
	for _, c := range canaries {
		if got := violations([]pkg{c}); len(got) != 1 {
			t.Errorf("%s importing %v: got %q, want one violation", c.ImportPath, c.Imports, got)
		}
	}
	fine := pkg{module + "/exporter/history", []string{module + "/exporter", "github.com/prometheus/prometheus/tsdb", "context"}}
	if got := violations([]pkg{fine}); len(got) != 0 {
		t.Errorf("got %q for a legal package", got)
	}
}
