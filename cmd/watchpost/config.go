package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"

	"watchpost.example/inventory"
	"watchpost.example/inventory/source"
	"watchpost.example/probes"
	"watchpost.example/probes/kinds"
	"watchpost.example/probes/wire"
)

// config is a configuration that was read and checked, with the wire that its
// probers ask over.
type config struct {
	*inventory.Config
	wire *wire.Wire
}

// loadConfig reads all files. Kinds are bound to a wire and the wire's settings
// stand in the files, so the files are read twice: first for the server's
// settings, with a wire that nobody asks over, then for probers that work.
func loadConfig(path string, log *slog.Logger) (*config, error) {
	idle, err := wire.New(wire.Options{Resolvers: []string{"127.0.0.1:53"}})
	if err != nil {
		return nil, fmt.Errorf("making an idle wire: %w", err)
	}
	first, problems := inventory.Load(path, kinds.All(idle))
	if len(problems) > 0 {
		return nil, badConfig(problems)
	}
	w, err := newWire(first.Server, log)
	if err != nil {
		return nil, &exitError{2, err}
	}
	cfg, problems := inventory.Load(path, kinds.All(w))
	if len(problems) > 0 { // a file changed between the two readings
		return nil, badConfig(problems)
	}
	return &config{cfg, w}, nil
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
	if g.PrivateAllowed() {
		return wire.AllowAll()
	}
	return wire.PublicOnly(append([]netip.Prefix(nil), g.Allow...)...)
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
