package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"watchpost.example/internal/testneed"
)

// The modules of exporter/README.md load with the real kinds.
func TestModulesOfTheREADME(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../exporter/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, doc, _ := strings.Cut(string(b), "```yaml\n# watchpost.yaml\n")
	doc, _, ok := strings.Cut(doc, "```")
	if !ok {
		t.Fatal("the README has no watchpost.yaml")
	}
	dir := t.TempDir()
	write(t, dir, "inventory/a.yaml", unit("mot", "http://127.0.0.1:1"))
	cfg, err := loadConfig(write(t, dir, "watchpost.yaml", doc), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	all := modules(cfg)
	for name, target := range map[string]string{
		"http_post_2xx": "http://127.0.0.1/", "http_login": "127.0.0.1", "tls_of_smtp": "mail.example", "ssh_banner": "127.0.0.1:22",
		"dns_soa": "127.0.0.1:53", "http_2xx": "portal.example", "dns": "portal.example", "dns_zone": "donvi.example", "dns_name": "www.donvi.example", "icmp": "127.0.0.1",
	} {
		if all[name] == nil {
			t.Errorf("no module %s", name)
			continue
		}
		if _, _, err := all[name](target, ""); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := all["tcp_connect"]("no port", ""); err == nil {
		t.Error("a target that is none is taken")
	}
}

// A scrape job of blackbox_exporter moves over: a real Prometheus asks two
// modules of one's own, and a reload changes what they expect.
func TestPrometheusScrapesModules(t *testing.T) {
	t.Parallel()
	prometheus := testneed.Program(t, "prometheus")
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.WriteHeader(http.StatusMethodNotAllowed)
		}
		_, _ = io.WriteString(w, "xin chao "+r.Header.Get("X-Who"))
	}))
	t.Cleanup(page.Close)
	dir := t.TempDir()
	const modules = "probe_modules:\n  post: {kind: http, method: POST, headers: {X-Who: tram}, expect: {body: %q}}\n  get: {kind: http}\n"
	config := write(t, dir, "watchpost.yaml", quickly+fmt.Sprintf(modules, "chao tram"))
	write(t, dir, "inventory/a.yaml", unit("mot", page.URL))
	h := start(t, config, filepath.Join(dir, "data"))

	scrape := "global: {scrape_interval: 1s, scrape_timeout: 900ms}\nscrape_configs:\n"
	for _, module := range []string{"post", "get"} {
		scrape += "  - job_name: " + module + "\n    metrics_path: /probe\n    params: {module: [" + module + "]}\n" +
			"    static_configs: [{targets: [" + page.URL + "]}]\n    relabel_configs:\n" +
			"      - {source_labels: [__address__], target_label: __param_target}\n      - {source_labels: [__param_target], target_label: instance}\n" +
			"      - {target_label: __address__, replacement: " + strings.TrimPrefix(h.url, "http://") + "}\n"
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()                                           // Prometheus can't take a listener
	ctx, cancel := context.WithCancel(context.Background()) // the test's own has ended when it cleans up
	cmd := exec.CommandContext(ctx, prometheus, "--config.file="+write(t, dir, "prometheus.yml", scrape), "--storage.tsdb.path="+filepath.Join(dir, "prom"), "--web.listen-address="+addr)
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was killed
	})
	outside := &house{url: "http://" + addr}
	is := func(expr, want string) func() bool {
		return func() bool {
			c, err := net.DialTimeout("tcp", addr, time.Second)
			if err != nil {
				return false // not listening yet
			}
			_ = c.Close() // it was only to see
			if status, _ := outside.request(t, http.MethodGet, "/-/ready", ""); status != http.StatusOK {
				return false
			}
			rows, err := outside.query(t, expr)
			return err == nil && len(rows) == 1 && rows[0].String() == want
		}
	}
	eventually(t, 30*time.Second, "the module that posts succeeds", is(`probe_success{job="post"}`, "1"))
	eventually(t, 10*time.Second, "the one that gets does not", is(`probe_success{job="get"}`, "0"))
	eventually(t, 10*time.Second, "its status is there", is(`probe_http_status_code{job="get"}`, "405"))

	write(t, dir, "watchpost.yaml", quickly+fmt.Sprintf(modules, "somebody else"))
	if err := h.app.reload(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "the reload is in force", is(`probe_failed_due_to_regex{job="post"}`, "1"))
	if status, body := h.request(t, http.MethodGet, "/probe?module=nope&target="+url.QueryEscape(page.URL), ""); status != http.StatusBadRequest || !strings.Contains(body, "get, ") {
		t.Errorf("an unknown module: %d %s", status, body)
	}
}
