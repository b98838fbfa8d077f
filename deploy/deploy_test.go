// Package deploy_test holds what is shipped for running watchpost against the
// tools that will read it.
package deploy_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"watchpost.example/dashboards"
	"watchpost.example/internal/testneed"
	"watchpost.example/inventory"
	"watchpost.example/probes"
	"watchpost.example/probes/dns/zone"
	"watchpost.example/probes/kinds"
	"watchpost.example/probes/probetest"
)

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestExamplesLoad(t *testing.T) {
	files, err := filepath.Glob("examples/*.yaml")
	if err != nil || len(files) < 5 {
		t.Fatalf("examples: %v, %v", files, err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			cfg, problems := inventory.Load(f, everyKind(t))
			if err := problems.Err(); err != nil {
				t.Fatalf("\n%v", err)
			}
			if len(cfg.Inventory.Units) == 0 {
				t.Error("nothing to watch")
			}
			for _, u := range cfg.Inventory.Units {
				for _, s := range u.Systems {
					if len(s.Checks) == 0 {
						t.Errorf("%s has no check", s.Key())
					}
				}
			}
		})
	}
}

func TestExamplesNameNobodyReal(t *testing.T) {
	files, err := filepath.Glob("examples/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	host := regexp.MustCompile(`(?:https?|smtp|dns|icmp|tcp)://([^/:"}\s]+)|@([a-z0-9.-]+)`)
	phone := regexp.MustCompile(`phone: ([0-9 +]+)`)
	for _, f := range files {
		text := read(t, f)
		for _, m := range host.FindAllStringSubmatch(text, -1) {
			if h := m[1] + m[2]; !strings.HasSuffix(h, ".example") {
				t.Errorf("%s: %s", f, h)
			}
		}
		for _, m := range phone.FindAllStringSubmatch(text, -1) {
			if !strings.HasPrefix(m[1], "0900 000 00") {
				t.Errorf("%s: %s", f, m[1])
			}
		}
	}
}

func TestUnitIsUnprivilegedAndKnownToSystemd(t *testing.T) {
	unit := read(t, "systemd/watchpost.service")
	for _, want := range []string{
		"User=watchpost", "CapabilityBoundingSet=CAP_NET_RAW\n", "AmbientCapabilities=CAP_NET_RAW\n", "ProtectSystem=strict",
		"NoNewPrivileges=yes", "StateDirectory=watchpost", "Restart=always", "MemoryDenyWriteExecute=yes",
	} {
		if !strings.Contains(unit, want) {
			t.Errorf("the unit lacks %s", want)
		}
	}
	analyze := testneed.Program(t, "systemd-analyze")
	// The program itself is not installed here; anything else systemd says is a mistake.
	copied := filepath.Join(t.TempDir(), "watchpost.service")
	if err := os.WriteFile(copied, []byte(strings.ReplaceAll(unit, "/usr/bin/watchpost", "/bin/true")), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", "--recursive-errors=no", copied).CombinedOutput()
	if err != nil || strings.Contains(string(out), "watchpost.service") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

func TestSysusersMakesTheUser(t *testing.T) {
	program := testneed.Program(t, "systemd-sysusers")
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	conf, err := filepath.Abs("sysusers.d/watchpost.conf")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), program, "--root="+root, conf).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !strings.Contains(read(t, filepath.Join(root, "etc/passwd")), "watchpost:x:") {
		t.Error("no user")
	}
}

func TestOutsideEnginesTakeTheirFiles(t *testing.T) {
	promtool, amtool := testneed.Program(t, "promtool"), testneed.Program(t, "amtool")
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "rules"), os.DirFS("../alerting/rules")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(read(t, "outside/prometheus.yml")), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), promtool, "check", "config", filepath.Join(dir, "prometheus.yml")).CombinedOutput(); err != nil || !bytes.Contains(out, []byte("rules found")) {
		t.Errorf("promtool: %v\n%s", err, out)
	}
	if out, err := exec.CommandContext(t.Context(), amtool, "check-config", "outside/alertmanager.yml").CombinedOutput(); err != nil {
		t.Errorf("amtool: %v\n%s", err, out)
	}
}

// TestProvisioningFitsTogether follows the paths from compose through the
// provider to the dashboards.
func TestProvisioningFitsTogether(t *testing.T) {
	var compose struct {
		Services map[string]struct{ Volumes []string }
	}
	decode(t, "container/compose.yaml", &compose)
	var provider struct {
		Providers []struct {
			FolderUID string `yaml:"folderUid"`
			Options   struct{ Path string }
		}
	}
	decode(t, "grafana/provisioning/dashboards/watchpost.yaml", &provider)
	mounted := ""
	for _, v := range compose.Services["grafana"].Volumes {
		from, to, _ := strings.Cut(strings.TrimSuffix(v, ":ro"), ":")
		if !strings.HasPrefix(from, ".") {
			continue
		}
		if _, err := os.Stat(filepath.Join("container", from)); err != nil {
			t.Errorf("compose mounts what is not there: %v", err)
		}
		if to == provider.Providers[0].Options.Path {
			mounted = filepath.Join("container", from)
		}
	}
	all, err := dashboards.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		var got struct{ UID string }
		if err := json.Unmarshal([]byte(read(t, filepath.Join(mounted, d.File))), &got); err != nil || got.UID != d.UID {
			t.Errorf("%s: %q, %v", d.File, got.UID, err)
		}
	}
	var source struct {
		Datasources []struct{ Type, URL string }
	}
	decode(t, "grafana/provisioning/datasources/watchpost.yaml", &source)
	if source.Datasources[0].Type != "prometheus" || !strings.HasPrefix(source.Datasources[0].URL, "http://watchpost:") {
		t.Errorf("got %+v", source)
	}
}

func decode(t *testing.T, name string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(read(t, name)), into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// everyKind is the list on a wire of the test's own.
func everyKind(t *testing.T) []probes.Kind {
	t.Helper()
	w := probetest.NewWire(t, nil)
	e, err := zone.New(zone.Options{Dialer: w})
	if err != nil {
		t.Fatal(err)
	}
	return kinds.All(w, e)
}
