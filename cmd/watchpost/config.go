package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"watchpost.example/inventory"
	"watchpost.example/inventory/source"
	"watchpost.example/probes"
	"watchpost.example/probes/dns/baseline"
	"watchpost.example/probes/dns/dnssec"
	"watchpost.example/probes/dns/walk"
	"watchpost.example/probes/dns/zone"
	"watchpost.example/probes/kinds"
	"watchpost.example/probes/wire"
)

// config is a configuration that was read and checked, with the wire that its
// probers ask over.
type config struct {
	*inventory.Config
	wire  *wire.Wire
	zones *zone.Env
}

// kinds are all kinds, asking over this configuration's wire.
func (c *config) kinds() []probes.Kind { return kinds.All(c.wire, c.zones) }

// loadConfig reads all files. Kinds are bound to a wire and the wire's settings
// stand in the files, so the files are read twice: first for the server's
// settings, with a wire that nobody asks over, then for probers that work.
func loadConfig(path string, log *slog.Logger) (*config, error) {
	idle, err := idleKinds()
	if err != nil {
		return nil, err
	}
	first, problems := inventory.Load(path, idle)
	if len(problems) > 0 {
		return nil, badConfig(problems)
	}
	w, err := newWire(first.Server, log)
	if err != nil {
		return nil, &exitError{2, err}
	}
	zones, err := newZones(first.Server.DNS, w, log)
	if err != nil {
		return nil, err
	}
	cfg, problems := inventory.Load(path, kinds.All(w, zones))
	if len(problems) > 0 { // a file changed between the two readings
		return nil, badConfig(problems)
	}
	return &config{cfg, w, zones}, nil
}

// idleKinds are the kinds with nobody to ask over: only their settings are read.
func idleKinds() ([]probes.Kind, error) {
	w, err := wire.New(wire.Options{Resolvers: []string{"127.0.0.1:53"}})
	if err != nil {
		return nil, fmt.Errorf("making an idle wire: %w", err)
	}
	// An empty table stands for the one that is still to be read.
	e, err := zone.New(zone.Options{Dialer: w, Table: &baseline.Table{}})
	if err != nil {
		return nil, fmt.Errorf("making an idle walk: %w", err)
	}
	return kinds.All(w, e), nil
}

// newZones makes what all checks of DNS integrity share.
func newZones(d inventory.DNS, w *wire.Wire, log *slog.Logger) (*zone.Env, error) {
	o := zone.Options{Dialer: w, Logger: log}
	if err := hintsAndAnchors(&o, d.RootHints, d.TrustAnchors); err != nil {
		return nil, err
	}
	if err := tables(&o, d, w); err != nil {
		return nil, err
	}
	e, err := zone.New(o)
	if err != nil {
		return nil, fmt.Errorf("dns: %w", err)
	}
	return e, nil
}

// tables reads what people keep of AS numbers and registrations; nothing of it
// is ever fetched. The error has the mistakes of all files.
func tables(o *zone.Options, d inventory.DNS, w *wire.Wire) error {
	var all []error
	bad := func(key string, err error) {
		if err != nil {
			all = append(all, fmt.Errorf("dns: %s: %w", key, err))
		}
	}
	if d.ASNTable != "" {
		t, err := baseline.ReadTable(d.ASNTable)
		bad("asn_table", err)
		o.Table = t
	}
	if d.Registrations != "" {
		l, err := zone.ReadRegistrations(d.Registrations)
		bad("registrations", err)
		o.Registrations = append(o.Registrations, l)
	}
	if d.RDAPBootstrap != "" {
		servers, err := zone.ReadBootstrap(d.RDAPBootstrap)
		bad("rdap_bootstrap", err)
		o.Registries = append(o.Registries, zone.NewRDAP(guarded(w), servers))
	}
	if len(all) > 0 {
		return usage("%w", errors.Join(all...))
	}
	return nil
}

// guarded is HTTP over the wire: our own resolvers, and the guard at each
// connection, so that a registry can't send us inwards.
func guarded(w *wire.Wire) *http.Transport {
	return &http.Transport{
		DisableKeepAlives: true, TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: 5 * time.Second, MaxResponseHeaderBytes: 64 << 10,
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			host, portText, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			port, err := strconv.ParseUint(portText, 10, 16)
			if err != nil {
				return nil, err
			}
			addrs, err := w.Resolve(ctx, host)
			if err != nil {
				return nil, err
			}
			for _, a := range addrs {
				var c net.Conn
				if c, err = w.Dial(ctx, "tcp", netip.AddrPortFrom(a, uint16(port))); err == nil {
					return c, nil
				}
			}
			return nil, err
		},
	}
}

// hintsAndAnchors reads the files of a hierarchy; empty names leave the
// Internet's, as shipped.
func hintsAndAnchors(o *zone.Options, hints string, anchors []string) error {
	if hints != "" {
		f, err := os.Open(hints)
		if err != nil {
			return usage("root hints: %w", err)
		}
		defer func() { _ = f.Close() }() // only read
		if o.Hints, err = walk.ParseHints(hints, f); err != nil {
			return usage("root hints: %w", err)
		}
	}
	var all []io.Reader
	for _, name := range anchors {
		b, err := os.ReadFile(name)
		if err != nil {
			return usage("trust anchors: %w", err)
		}
		all = append(all, bytes.NewReader(b), strings.NewReader("\n"))
	}
	if len(all) == 0 {
		return nil
	}
	a, err := dnssec.ParseAnchors(io.MultiReader(all...), strings.Join(anchors, ", "))
	if err != nil {
		return usage("%w", err)
	}
	o.Anchors = &a
	return nil
}

// badConfig prints one line a mistake and exits with 2.
func badConfig(p source.Problems) error { return &exitError{2, p} }

// newWire makes the wire that the server's settings ask for.
func newWire(s inventory.Server, log *slog.Logger) (*wire.Wire, error) {
	o := wire.Options{Logger: log, Guard: guard(s.Guard)}
	for _, r := range s.Resolver.Servers {
		if _, _, err := net.SplitHostPort(r); err != nil {
			r = net.JoinHostPort(r, "53")
		}
		o.Resolvers = append(o.Resolvers, r)
	}
	for _, a := range s.SourceAddresses {
		if a.Is4() {
			o.SourceIPv4 = a
		} else {
			o.SourceIPv6 = a
		}
	}
	w, err := wire.New(o)
	if err != nil {
		return nil, fmt.Errorf("resolver: %w", err)
	}
	return w, nil
}

func guard(g inventory.Guard) wire.Guard {
	out := wire.PublicOnly(g.Allow...)
	if g.PrivateAllowed() {
		out = wire.AllowAll()
	}
	if g.PrivateRedirects {
		out = out.AllowInward()
	}
	return out.Deny(g.Deny...)
}

// findCheck gives the check of an ID, or an error that names the nearest one.
func findCheck(inv *inventory.Inventory, id probes.ID) (*probes.Check, error) {
	if c := inv.Check(id); c != nil {
		return c, nil
	}
	var all []string
	for _, c := range inv.Checks {
		all = append(all, c.ID.String())
	}
	return nil, usage("the inventory has no check %s%s", id, source.DidYouMean(id.String(), all))
}

// isMissing tells whether err is a file that is not there.
func isMissing(err error) bool { return errors.Is(err, os.ErrNotExist) }
