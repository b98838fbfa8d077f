package main

import (
	"fmt"
	"log/slog"
	"net"

	"watchpost.example/probes"
	"watchpost.example/probes/schedule"
)

// newUplink makes the guard of our own line from its anchors: host:port is
// asked by TCP, a bare host by ICMP. nil without anchors.
func newUplink(cfg *config, log *slog.Logger) (*schedule.Uplink, error) {
	byName := map[string]probes.Kind{}
	for _, k := range cfg.kinds() {
		byName[k.Name] = k
	}
	var anchors []schedule.Anchor
	for _, a := range cfg.Server.Uplink.Anchors {
		kind := "icmp"
		target := "icmp://" + a
		if _, _, err := net.SplitHostPort(a); err == nil {
			kind, target = "tcp", "tcp://"+a
		}
		s := byName[kind].New()
		t, ok := s.(probes.Targeted)
		if !ok {
			return nil, fmt.Errorf("uplink: the kind %s takes no target", kind)
		}
		t.SetTarget(target)
		if p := s.Problems(); len(p) > 0 {
			return nil, usage("uplink: anchor %q: %s; expected %s", a, p[0].Found, p[0].Expected)
		}
		prober, err := s.Prober()
		if err != nil {
			return nil, fmt.Errorf("uplink: anchor %q: %w", a, err)
		}
		anchors = append(anchors, schedule.Anchor{Name: a, Prober: prober})
	}
	u := cfg.Server.Uplink
	return schedule.NewUplink(schedule.UplinkOptions{
		Anchors: anchors, Interval: u.Interval.D(), Timeout: u.Timeout.D(), Quorum: u.Quorum, Logger: log,
	}), nil
}
