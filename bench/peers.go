package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// blackbox is Debian's prometheus-blackbox-exporter scraped by Debian's
// Prometheus, the usual way to do what watchpost does.
type blackbox struct{}

func (blackbox) name() string { return "blackbox + Prometheus" }

const blackboxModules = `modules:
  http: {prober: http, timeout: 4s}
  https: {prober: http, timeout: 4s, http: {tls_config: {ca_file: ca.pem}}}
  tcp: {prober: tcp, timeout: 4s}
  dns: {prober: dns, timeout: 4s, dns: {query_name: www.bench.example, query_type: A}}
  icmp: {prober: icmp, timeout: 4s}
`

func (blackbox) start(ctx context.Context, p plan, kind string, t targets, dir string) ([]*exec.Cmd, error) {
	bport, err := freePort()
	if err != nil {
		return nil, err
	}
	pport, err := freePort()
	if err != nil {
		return nil, err
	}
	var list strings.Builder
	for i := range p.checks {
		fmt.Fprintf(&list, "      - %s\n", map[string]string{
			"http":  fmt.Sprintf("http://%s:%d/", host(i), t.HTTP),
			"https": fmt.Sprintf("https://%s:%d/", host(i), t.HTTPS),
			"tcp":   fmt.Sprintf("%s:%d", host(i), t.TCP),
			"dns":   fmt.Sprintf("%s:%d", host(i), t.DNS),
			"icmp":  host(i),
		}[kind])
	}
	prom := fmt.Sprintf(`global: {scrape_interval: %s, scrape_timeout: 4s}
scrape_configs:
- job_name: blackbox
  metrics_path: /probe
  params: {module: [%s]}
  static_configs:
  - targets:
%s  relabel_configs:
  - {source_labels: [__address__], target_label: __param_target}
  - {source_labels: [__param_target], target_label: instance}
  - {target_label: __address__, replacement: "127.0.0.1:%d"}
`, p.interval, kind, list.String(), bport)
	for name, text := range map[string]string{"prometheus.yml": prom, "blackbox.yml": blackboxModules, "ca.pem": t.CA} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	b, err := spawn(dir, "blackbox", "prometheus-blackbox-exporter", nil,
		"--config.file=blackbox.yml", fmt.Sprintf("--web.listen-address=127.0.0.1:%d", bport))
	if err != nil {
		return nil, fmt.Errorf("prometheus-blackbox-exporter of Debian: %w", err)
	}
	cmds := []*exec.Cmd{b}
	pr, err := spawn(dir, "prometheus", "prometheus", nil, "--config.file=prometheus.yml", "--storage.tsdb.path=data",
		fmt.Sprintf("--web.listen-address=127.0.0.1:%d", pport))
	if err != nil {
		return cmds, fmt.Errorf("prometheus of Debian: %w", err)
	}
	cmds = append(cmds, pr)
	return cmds, ready(ctx, fmt.Sprintf("http://127.0.0.1:%d/-/ready", pport))
}

// watchpost is the whole product: schedule, probe, judge, metrics, TSDB append, rules.
type watchpost struct{}

func (watchpost) name() string { return "watchpost" }

func (watchpost) start(ctx context.Context, p plan, kind string, t targets, dir string) ([]*exec.Cmd, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	server := "vantage: bench\ninventory: [units.yaml]\n"
	for name, text := range map[string]string{"watchpost.yaml": server, "units.yaml": inventory(p, kind, t), "ca.pem": t.CA} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	c, err := spawn(dir, "watchpost", p.binary, nil, "serve", "--config=watchpost.yaml", "--storage.path=data",
		fmt.Sprintf("--web.listen-address=127.0.0.1:%d", port))
	if err != nil {
		return nil, err
	}
	return []*exec.Cmd{c}, ready(ctx, fmt.Sprintf("http://127.0.0.1:%d/-/ready", port))
}

// inventory writes one unit with one system a check.
func inventory(p plan, kind string, t targets) string {
	var b strings.Builder
	fmt.Fprintf(&b, "defaults: {interval: %s, timeout: 4s}\nunits:\n- id: bench\n  name: Bench\n  systems:\n", p.interval)
	kinds := []string{kind}
	if kind == "mixed" {
		kinds = []string{"http", "https", "tcp", "dns", "icmp"}
	}
	for i := range p.checks {
		k := kinds[i%len(kinds)]
		settings := map[string]string{
			"http":  fmt.Sprintf("kind: http, url: 'http://%s:%d/'", host(i), t.HTTP),
			"https": fmt.Sprintf("kind: http, url: 'https://%s:%d/', roots_file: ca.pem", host(i), t.HTTPS),
			"tcp":   fmt.Sprintf("kind: tcp, address: '%s:%d'", host(i), t.TCP),
			"dns":   fmt.Sprintf("kind: dns, name: www.bench.example, type: A, server: '%s:%d'", host(i), t.DNS),
			"icmp":  fmt.Sprintf("kind: icmp, host: %s, count: 1", host(i)),
		}[k]
		fmt.Fprintf(&b, "  - {id: s%d, name: S%d, checks: [{id: c, %s}]}\n", i, i, settings)
	}
	return b.String()
}
