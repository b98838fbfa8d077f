package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/exporter-toolkit/web"
	webflag "github.com/prometheus/exporter-toolkit/web/kingpinflag"

	"watchpost.example/alerting/engine"
)

// serveOptions are the flags of serve, by the exporters' conventions.
type serveOptions struct {
	config   string
	storage  string
	web      *web.FlagConfig
	console  io.Writer             // where the console receiver prints; nil = the log
	tune     func(*engine.Options) // a test's shorter clock; nil = as it is
	external string
}

const defaultListen = "127.0.0.1:9115"

func serveCommand(app *kingpin.Application) (*kingpin.CmdClause, func(context.Context, *env) error) {
	var o serveOptions
	cmd := app.Command("serve", "Watch: probe, record, alert and page until stopped. SIGHUP or POST /-/reload reads the configuration again.")
	configFlag(cmd, &o.config)
	cmd.Flag("storage.path", "Folder for history, alerts, evidence and on-call state.").Default("data").StringVar(&o.storage)
	o.web = webflag.AddFlags(cmd, defaultListen)
	return cmd, func(ctx context.Context, e *env) error {
		log := promslog.New(&e.log)
		return serve(ctx, o, log, nil)
	}
}

// serve runs the whole house until ctx ends. ready, if not nil, is called with
// the address of the first listener once everything runs.
func serve(ctx context.Context, o serveOptions, log *slog.Logger, ready func(*application, net.Addr)) error {
	if o.web.WebConfigFile != nil {
		if err := web.Validate(*o.web.WebConfigFile); err != nil {
			return usage("--web.config.file %s: %w", *o.web.WebConfigFile, err)
		}
	}
	cfg, err := loadConfig(o.config, log)
	if err != nil {
		return err
	}
	listeners, err := listen(o.web)
	if err != nil {
		return err
	}
	o.external = externalURL(cfg.Server.ExternalURL, listeners[0].Addr(), o.web)
	a, err := build(o, cfg, log)
	if err != nil {
		closeAll(listeners)
		return err
	}
	defer func() {
		if err := a.rooms.stopAll(); err != nil {
			log.Error("stopped with errors", "err", err)
		}
	}()
	a.start(listeners)
	if ready != nil {
		ready(a, listeners[0].Addr())
	}
	log.Info("watching", "checks", len(cfg.Inventory.Checks), "units", len(cfg.Inventory.Units), "url", o.external)
	return a.wait(ctx)
}

// wait lives until ctx ends or a room fails; SIGHUP reloads.
func (a *application) wait(ctx context.Context) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	for {
		select {
		case <-ctx.Done():
			a.log.Info("stopping")
			return nil
		case err := <-a.rooms.failed:
			return err
		case <-hup:
			// The reload says for itself what was wrong; the old config goes on.
			_ = a.reload()
		}
	}
}

// listen opens all addresses before anything else starts, so that a port in use
// is told at once.
func listen(flags *web.FlagConfig) ([]net.Listener, error) {
	if flags.WebSystemdSocket != nil && *flags.WebSystemdSocket {
		return systemdListeners()
	}
	var out []net.Listener
	var lc net.ListenConfig
	for _, addr := range *flags.WebListenAddresses {
		l, err := lc.Listen(context.Background(), "tcp", addr)
		if err != nil {
			closeAll(out)
			return nil, listenError(addr, err)
		}
		out = append(out, l)
	}
	if len(out) == 0 {
		return nil, usage("--web.listen-address is empty")
	}
	return out, nil
}

func listenError(addr string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s is in use by another program (another watchpost?): stop it, or choose another with --web.listen-address", addr)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s: the kernel forbids this port: choose one above 1023 with --web.listen-address, or give CAP_NET_BIND_SERVICE", addr)
	}
	return fmt.Errorf("listening on --web.listen-address %s: %w", addr, err)
}

func closeAll(ls []net.Listener) {
	for _, l := range ls {
		_ = l.Close() // nothing was served
	}
}

// externalURL is where people reach us: as configured, else the first listener.
func externalURL(configured string, addr net.Addr, flags *web.FlagConfig) string {
	if configured != "" {
		return strings.TrimRight(configured, "/")
	}
	host := addr.String()
	tcp, ok := addr.(*net.TCPAddr)
	switch {
	case !ok: // a Unix socket of systemd's: whoever stands before it knows better
		host = "localhost"
	case tcp.IP.IsUnspecified():
		name, err := os.Hostname()
		if err != nil {
			name = "localhost"
		}
		host = net.JoinHostPort(name, fmt.Sprint(tcp.Port))
	}
	if flags.WebConfigFile != nil && *flags.WebConfigFile != "" {
		return "https://" + host // most web config files are there for TLS
	}
	return "http://" + host
}
