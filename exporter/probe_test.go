package exporter_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"watchpost.example/exporter"
	"watchpost.example/internal/testneed"
	"watchpost.example/probes"
	prober "watchpost.example/probes/http"
	"watchpost.example/probes/tcp"
	"watchpost.example/probes/wire"
)

// modules are real kinds on a wire that may ask loopback.
func modules(t *testing.T) map[string]exporter.Module {
	t.Helper()
	w, err := wire.New(wire.Options{Guard: wire.PublicOnly(netip.MustParsePrefix("127.0.0.0/8")), Roots: x509.NewCertPool(), Resolvers: []string{"127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	made := func(s probes.Settings, kind string) (probes.Prober, string, error) {
		if p := s.Problems(); len(p) > 0 {
			return nil, "", fmt.Errorf("%s: %s, want %s", p[0].Field, p[0].Found, p[0].Expected)
		}
		p, err := s.Prober()
		return p, kind, err
	}
	return map[string]exporter.Module{
		"http_2xx": func(target, _ string) (probes.Prober, string, error) {
			s := prober.Kind(w).New().(*prober.Settings)
			if s.URL = target; !strings.Contains(target, "://") {
				s.URL = "http://" + target
			}
			return made(s, "http")
		},
		"tcp_connect": func(target, _ string) (probes.Prober, string, error) {
			s := tcp.Kind(w).New().(*tcp.Settings)
			s.Address = target
			return made(s, "tcp")
		},
		"stuck": func(string, string) (probes.Prober, string, error) {
			return proberFunc(func(context.Context) probes.Observation { select {} }), "tcp", nil
		},
		"panics": func(string, string) (probes.Prober, string, error) {
			return proberFunc(func(context.Context) probes.Observation { panic("x") }), "tcp", nil
		},
		"ours": func(string, string) (probes.Prober, string, error) {
			return proberFunc(func(context.Context) probes.Observation {
				return probes.Observation{Reason: probes.OursResolver, Took: time.Second}
			}), "http", nil
		},
	}
}

type proberFunc func(context.Context) probes.Observation

func (f proberFunc) Probe(ctx context.Context) probes.Observation { return f(ctx) }

// get fetches a page with the scraper's header.
func get(t *testing.T, h http.Handler, query url.Values, scrapeTimeout string) (int, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/probe?"+query.Encode(), nil)
	if scrapeTimeout != "" {
		r.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", scrapeTimeout)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func ask(target, module string) url.Values {
	return url.Values{"target": {target}, "module": {module}}
}

func parse(t *testing.T, text string) map[string]*dto.MetricFamily {
	t.Helper()
	p := expfmt.NewTextParser(model.UTF8Validation)
	m, err := p.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return m
}

func TestProbeRefuses(t *testing.T) {
	b := exporter.NewBoard()
	u := unit("u1", "http")
	u.Systems[0].Checks[0].Instance = "https://portal.example:8443/x"
	u.Systems[0].URL = "https://www.example"
	b.Update([]*probes.Unit{u})
	called := ""
	h := exporter.ProbeHandler(exporter.ProbeOptions{
		Board: b, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/24"), netip.MustParsePrefix("2001:db8::/64")},
		AllowNames: []string{"*.school.example", "One.example", "*office.example"}, // the last is a slip
		Modules: map[string]exporter.Module{"http_2xx": func(target, _ string) (probes.Prober, string, error) {
			called = target
			return nil, "", errors.New("not today")
		}},
	})
	for target, want := range map[string]int{
		"":                                      400,
		"https://portal.example/":               400, // 400 = let through, to a module that has another objection
		"https://portal.example:8443/y":         400,
		"PORTAL.example.":                       400,
		"portal.example:22":                     403, // no port scanner
		"portal.example:443":                    400,
		"https://www.example/a":                 400,
		"https://www.example.evil/":             403,
		"https://a.school.example/":             400,
		"https://school.example/":               403,
		"https://evilschool.example/":           403,
		"https://evil-office.example/":          403,
		"one.example:25":                        400,
		"127.0.0.9:22":                          400,
		"127.0.1.9":                             403,
		"::ffff:127.0.0.9":                      400,
		"2001:db8::1":                           400,
		"[2001:db8::1]:80":                      400,
		"2001:db8:0:1::1":                       403,
		"http://169.254.169.254/latest":         403,
		"http://2130706433/":                    403, // 127.0.0.1 as a number
		"http://0x7f.1/":                        403,
		"http://portal.example@evil.example/":   403,
		"http://evil.example#@portal.example/":  403,
		"http://evil.example\\@portal.example/": 403,
		"http://portal.example\r\nHost: x/":     403,
		"http://user:secret@portal.example/":    403,
		"file:///etc/passwd":                    403,
		"//":                                    403,
		strings.Repeat("a", 5000):               403,
	} {
		called = ""
		code, body := get(t, h, ask(target, "http_2xx"), "")
		if code != want || (code == 403) == (called != "") && target != "" || strings.ContainsAny(strings.TrimSuffix(body, "\n"), "\r\n\x00") {
			t.Errorf("%.60q: %d (asked: %v) %.200q, want %d", target, code, called != "", body, want)
		}
	}
	if _, body := get(t, h, ask("http://evil.example", "http_2xx"), ""); !strings.Contains(body, "add it there, or to the names and networks") {
		t.Errorf("no cure in %q", body)
	}
	if code, body := get(t, h, ask("portal.example", "no_such"), ""); code != 400 || !strings.Contains(body, `unknown module "no_such", there are: http_2xx`) {
		t.Errorf("%d %s", code, body)
	}
	for _, bad := range []string{"x", "-1", "0", "NaN"} {
		if code, _ := get(t, h, ask("portal.example", "http_2xx"), bad); code != 400 {
			t.Errorf("timeout %s: %d", bad, code)
		}
	}
	q := ask("portal.example", "http_2xx")
	q.Set("hostname", "a\r\nX-Evil: 1")
	if code, body := get(t, h, q, ""); code != 400 || !strings.Contains(body, "not a host name") {
		t.Errorf("%d %s", code, body)
	}
}

func TestProbeOursAndStuck(t *testing.T) {
	h := exporter.ProbeHandler(exporter.ProbeOptions{Modules: modules(t), AllowNames: []string{"x.example"}})
	for module, reason := range map[string]string{"stuck": "ours_overrun", "panics": "ours_panic", "ours": "ours_resolver"} {
		start := time.Now()
		code, body := get(t, h, ask("x.example", module), "0.6")
		m := parse(t, body)
		if code != 200 || m["probe_success"] != nil || !strings.Contains(body, `watchpost_probe_reason_info{reason="`+reason+`"} 1`) {
			t.Errorf("%s: %d\n%s", module, code, body)
		}
		if took := time.Since(start); took > 550*time.Millisecond {
			t.Errorf("%s took %s; the scraper gave up after 0.6 s", module, took)
		}
	}
}

// TestProbeBesideBlackbox asks the same servers through Debian's
// blackbox_exporter and through /probe, and compares names and values.
func TestProbeBesideBlackbox(t *testing.T) {
	bbe := blackbox(t)
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("hello", 100)) })
	mux.HandleFunc("/500", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "broken", 500) })
	mux.HandleFunc("/hop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) })
	mux.HandleFunc("/old", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Last-Modified", "Mon, 02 Jan 2023 15:04:05 GMT")
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()
	addr := strings.TrimPrefix(srv.URL, "http://")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	h := exporter.ProbeHandler(exporter.ProbeOptions{Modules: modules(t), Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	same := []string{
		"probe_success", "probe_http_status_code", "probe_http_redirects", "probe_http_ssl", "probe_http_version", "probe_http_content_length",
		"probe_http_uncompressed_body_length", "probe_failed_due_to_regex", "probe_http_last_modified_timestamp_seconds", "probe_ip_protocol", "probe_ip_addr_hash",
	}
	for _, tc := range [][2]string{
		{srv.URL, "http_2xx"},
		{srv.URL + "/500", "http_2xx"},
		{srv.URL + "/hop", "http_2xx"},
		{srv.URL + "/old", "http_2xx"},
		{"http://" + refused, "http_2xx"},
		{addr, "tcp_connect"},
		{refused, "tcp_connect"},
	} {
		t.Run(tc[1]+" "+strings.TrimPrefix(tc[0], "http://127.0.0.1"), func(t *testing.T) {
			theirs := parse(t, fetch(t, bbe+"/probe?"+ask(tc[0], tc[1]).Encode()))
			code, body := get(t, h, ask(tc[0], tc[1]), "5")
			if code != 200 {
				t.Fatalf("%d %s", code, body)
			}
			ours := parse(t, body)
			for name, f := range theirs {
				o := ours[name]
				if o == nil {
					t.Errorf("%s is missing", name)
					continue
				}
				if len(o.GetMetric()) != len(f.GetMetric()) || o.GetType() != f.GetType() {
					t.Errorf("%s: %d series of %s, theirs %d of %s", name, len(o.GetMetric()), o.GetType(), len(f.GetMetric()), f.GetType())
				}
				if a, b := o.GetMetric()[0].GetGauge().GetValue(), f.GetMetric()[0].GetGauge().GetValue(); slices.Contains(same, name) && a != b {
					t.Errorf("%s %v, theirs %v", name, a, b)
				}
			}
			for name := range ours {
				if theirs[name] == nil && !slices.Contains([]string{"probe_timeout_seconds", "watchpost_probe_reason_info"}, name) &&
					(name != "probe_failed_due_to_regex" || tc[0] != refused) {
					t.Errorf("%s is ours alone", name)
				}
			}
		})
	}
	q := ask(srv.URL+"/500", "http_2xx")
	q.Set("debug", "true")
	_, body := get(t, h, q, "")
	for _, want := range []string{"Logs for the probe:", "Metrics that would have been returned:", "probe_http_status_code 500", "http_status", addr} {
		if !strings.Contains(body, want) {
			t.Errorf("debug page without %q:\n%s", want, body)
		}
	}
}

// blackbox starts Debian's blackbox_exporter and gives its address.
func blackbox(t *testing.T) string {
	t.Helper()
	program := testneed.Program(t, "prometheus-blackbox-exporter")
	conf := filepath.Join(t.TempDir(), "blackbox.yml")
	if err := os.WriteFile(conf, []byte("modules:\n  http_2xx: {prober: http, http: {preferred_ip_protocol: ip4}}\n  tcp_connect: {prober: tcp}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "--config.file="+conf, "--web.listen-address="+addr)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if c, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr); err == nil {
			_ = c.Close()
			return "http://" + addr
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("blackbox_exporter did not start in 10 s")
		}
	}
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func FuzzProbeTarget(f *testing.F) {
	for _, s := range []string{"portal.example", "http://a@b/", "[::1]:80", "http://portal.example\\@evil/", "//x", "zone at server"} {
		f.Add(s)
	}
	b := exporter.NewBoard()
	b.Update([]*probes.Unit{unit("u1", "http")})
	h := exporter.ProbeHandler(exporter.ProbeOptions{Board: b, Modules: map[string]exporter.Module{
		"http_2xx": func(target, _ string) (probes.Prober, string, error) {
			// What is let through must read as the inventory's host for net/url too.
			if !strings.Contains(target, "://") {
				target = "http://" + target
			}
			if u, err := url.Parse(target); err != nil || strings.TrimSuffix(strings.ToLower(u.Hostname()), ".") != "portal.example" {
				return nil, "", errors.New("BREACH")
			}
			return nil, "", errors.New("fine")
		},
	}})
	f.Fuzz(func(t *testing.T, target string) {
		if _, body := get(t, h, ask(target, "http_2xx"), ""); strings.Contains(body, "BREACH") {
			t.Errorf("%q was let through", target)
		}
	})
}
