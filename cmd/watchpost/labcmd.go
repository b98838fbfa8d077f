package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/exporter-toolkit/web"
	webflag "github.com/prometheus/exporter-toolkit/web/kingpinflag"

	"watchpost.example/alerting/oncall/auth"
	"watchpost.example/lab"
)

type labOptions struct {
	config, dir string
	web         *web.FlagConfig
}

func labCommand(app *kingpin.Application) (*kingpin.CmdClause, func(context.Context, *env) error) {
	var o labOptions
	cmd := app.Command("lab", "Watch a lab of public systems on loopback, some broken on purpose; with an inventory here and no --lab.dir, watch that instead. This is `make run`.")
	configFlag(cmd, &o.config)
	cmd.Flag("lab.dir", "Folder for the lab's configuration and data; default: a new one under the temporary folder, removed at the end.").StringVar(&o.dir)
	o.web = webflag.AddFlags(cmd, defaultListen)
	return cmd, func(ctx context.Context, e *env) error { return runLab(ctx, e, o) }
}

func runLab(ctx context.Context, e *env, o labOptions) error {
	log := promslog.New(&e.log)
	if o.dir == "" && ownInventory(o.config) {
		say(e.err, "An inventory is here: watching it instead of the lab.\n")
		return serve(ctx, serveOptions{config: o.config, storage: "data", web: o.web, console: e.out}, log, announce(e, nil, ""))
	}
	dir := o.dir
	if dir == "" {
		tmp, err := os.MkdirTemp("", "watchpost-lab-")
		if err != nil {
			return fmt.Errorf("lab: %w", err)
		}
		defer func() { _ = os.RemoveAll(tmp) }() // a left-over folder harms nobody
		dir = tmp
	}
	password := rand.Text()[:12]
	hash, err := auth.Hash(password)
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	l, err := lab.Start(ctx, lab.Options{Dir: filepath.Join(dir, "config"), Logger: log, Phone: e.out, PasswordHash: hash})
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	defer func() { _ = l.Close() }() // the servers end with us anyway
	return serve(ctx, serveOptions{config: l.Config(), storage: filepath.Join(dir, "data"), web: o.web, console: e.out}, log, announce(e, l, password))
}

// ownInventory tells whether the user has something of his own to watch.
func ownInventory(config string) bool {
	if config != "" {
		return true
	}
	for _, p := range []string{"watchpost.yaml", "inventory/units.yaml"} {
		if _, err := os.Stat(p); !isMissing(err) {
			return true
		}
	}
	return false
}

// announce tells a person where to look and what to expect.
func announce(e *env, l *lab.Lab, password string) func(*application, net.Addr) {
	return func(a *application, _ net.Addr) {
		say(e.out, "\nThe wall:        %s/\nMetrics:         %s/metrics\nPrometheus API:  %s/api/v1/query?query=watchpost_check_state\nAlertmanager:    amtool --alertmanager.url=%s/alertmanager alert\nStop with Ctrl-C.\n", a.o.external, a.o.external, a.o.external, a.o.external)
		if l == nil {
			return
		}
		say(e.out, "\nIncidents:       %s/oncall/  (user lab, password %s)\n", a.o.external, password)
		say(e.out, "\nWhat the lab will show within a minute:\n")
		for _, x := range l.Expectations() {
			say(e.out, "  %-40s %-8s %-16s %s\n", x.ID, x.Verdict, x.Reason, x.Why)
		}
		say(e.out, "\nAlerts as they come, and what the officers' phone shows:\n")
	}
}
