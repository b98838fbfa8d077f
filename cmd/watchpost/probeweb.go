package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"watchpost.example/exporter"
	"watchpost.example/inventory"
	"watchpost.example/probes"
	dnskind "watchpost.example/probes/dns"
	"watchpost.example/probes/dns/zone"
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

// modules are the modules of /probe: blackbox_exporter's usual names on our
// kinds, and over them those of the configuration.
func modules(cfg *config) map[string]exporter.Module {
	kinds := map[string]probes.Kind{}
	for _, k := range cfg.kinds() {
		kinds[k.Name] = k
	}
	all := map[string]inventory.ProbeModule{}
	for name, kind := range inventory.BuiltinModules() {
		all[name] = inventory.ProbeModule{Kind: kind}
	}
	maps.Copy(all, cfg.Server.ProbeModules)
	out := map[string]exporter.Module{}
	for name, m := range all {
		k, ok := kinds[m.Kind]
		if !ok {
			continue
		}
		out[name] = func(target, hostname string) (probes.Prober, string, error) {
			p, err := oneProber(k, m, target, hostname)
			if err == nil && m.Timeout != nil {
				p = patience{p, m.Timeout.D()}
			}
			return p, k.Name, err
		}
	}
	return out
}

// patience ends a look of a module that does not want to wait as long as the
// scraper.
type patience struct {
	probes.Prober
	most time.Duration
}

// Probe implements probes.Prober.
func (p patience) Probe(ctx context.Context) probes.Observation {
	ctx, cancel := context.WithTimeout(ctx, p.most)
	defer cancel()
	return p.Prober.Probe(ctx)
}

// oneProber makes a prober of a module for a bare target, as blackbox_exporter
// reads one: a URL for http, host:port for tcp and tls, a host for icmp, a
// server for dns with a name to ask for (without one the target is the name).
func oneProber(k probes.Kind, m inventory.ProbeModule, target, hostname string) (probes.Prober, error) {
	s := k.New()
	m.Fill(s)
	if err := aim(s, k.Name, target, hostname); err != nil {
		return nil, err
	}
	if p := s.Problems(); len(p) > 0 {
		return nil, fmt.Errorf("target %s: found %s, expected %s", probes.Quote(target, 128), p[0].Found, p[0].Expected)
	}
	return s.Prober()
}

func aim(s probes.Settings, kind, target, hostname string) error {
	switch s := s.(type) {
	case *httpkind.Settings:
		if !strings.Contains(target, "://") {
			target = "http://" + target
		}
		s.URL = target
		if hostname != "" {
			s.Headers = maps.Clone(s.Headers)
			if s.Headers == nil {
				s.Headers = map[string]string{}
			}
			s.Headers["Host"] = hostname
		}
	case *tlskind.Settings:
		s.Address, s.ServerName = target, cmp.Or(hostname, s.ServerName)
	case *dnskind.Settings:
		if s.Name != "" {
			s.Server = target
			return nil
		}
		s.SetTarget("dns://" + target)
	case *zone.Settings:
		s.Zone = target
	case *zone.NameSettings:
		s.Name = target
	case probes.Targeted:
		s.SetTarget(kind + "://" + target)
	default:
		return fmt.Errorf("the kind %s can't be asked by a bare target", kind)
	}
	return nil
}

// randomSecret signs what lives as long as this process.
func randomSecret() ([]byte, error) {
	b := make([]byte, 32)
	if _, err := rand.Read(b); err != nil {
		return nil, fmt.Errorf("making a secret: %w", err)
	}
	return b, nil
}
