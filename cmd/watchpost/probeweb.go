package main

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"

	"watchpost.example/exporter"
	"watchpost.example/probes"
	httpkind "watchpost.example/probes/http"
	tlskind "watchpost.example/probes/tls"
)

// probeHandler is the drop-in for blackbox_exporter's scrapes.
func probeHandler(cfg *config, board *exporter.Board, log *slog.Logger) http.Handler {
	o := exporter.ProbeOptions{Modules: modules(cfg), Board: board, Logger: log}
	for _, s := range cfg.Server.ProbeAllow {
		if p, err := netip.ParsePrefix(s); err == nil {
			o.Allow = append(o.Allow, p)
		} else if ip, err := netip.ParseAddr(s); err == nil {
			o.Allow = append(o.Allow, netip.PrefixFrom(ip, ip.BitLen()))
		} else {
			o.AllowNames = append(o.AllowNames, s)
		}
	}
	return exporter.ProbeHandler(o)
}

// modules are blackbox_exporter's usual module names on our kinds.
func modules(cfg *config) map[string]exporter.Module {
	out := map[string]exporter.Module{}
	for _, k := range cfg.kinds() {
		for _, name := range map[string][]string{
			"http": {"http_2xx", "http"}, "tcp": {"tcp_connect", "tcp"}, "icmp": {"icmp"}, "tls": {"tls_connect", "tls"}, "dns": {"dns"},
		}[k.Name] {
			out[name] = func(target, hostname string) (probes.Prober, string, error) {
				p, err := oneProber(k, target, hostname)
				return p, k.Name, err
			}
		}
	}
	return out
}

// oneProber makes a prober of a kind's defaults for a bare target, as
// blackbox_exporter reads one: a URL for http, host:port for tcp and tls, a
// host for icmp, a server for dns.
func oneProber(k probes.Kind, target, hostname string) (probes.Prober, error) {
	s := k.New()
	switch s := s.(type) {
	case *httpkind.Settings:
		if !strings.Contains(target, "://") {
			target = "http://" + target
		}
		s.URL = target
		if hostname != "" {
			s.Headers = map[string]string{"Host": hostname}
		}
	case *tlskind.Settings:
		s.Address, s.ServerName = target, hostname
	case probes.Targeted:
		s.SetTarget(k.Name + "://" + target)
	default:
		return nil, fmt.Errorf("the kind %s can't be asked by a bare target", k.Name)
	}
	if p := s.Problems(); len(p) > 0 {
		return nil, fmt.Errorf("target %s: found %s, expected %s", probes.Quote(target, 128), p[0].Found, p[0].Expected)
	}
	return s.Prober()
}

// randomSecret signs what lives as long as this process.
func randomSecret() ([]byte, error) {
	b := make([]byte, 32)
	if _, err := rand.Read(b); err != nil {
		return nil, fmt.Errorf("making a secret: %w", err)
	}
	return b, nil
}
