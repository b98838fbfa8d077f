// Keys and signatures that Go refuses by default must still be readable, so
// that a weak certificate is reported as weak and not as "down".

//go:debug rsa1024min=0
//go:debug x509negativeserial=1
//go:debug tlssha1=1

// Command watchpost watches the public systems of many units, wakes the officer
// on duty and writes the availability report. This package is the only wiring:
// it builds the rooms of the house, starts them, reloads them and stops them in
// reverse order. `watchpost --help` is the manual.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	_ "time/tzdata" // maintenance windows need their zones in a bare container, too

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/promslog"
	promslogflag "github.com/prometheus/common/promslog/flag"
	promversion "github.com/prometheus/common/version"
)

// version is set by the linker: -X main.version=v0.1.0.
var version = "dev"

func main() {
	// What Prometheus' and Alertmanager's own packages say of themselves: the
	// status of the Alertmanager API, the User-Agent of remote_write.
	promversion.Version, promversion.Revision = version, revision()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := execute(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// env is what a command gets of the world.
type env struct {
	in       io.Reader
	out, err io.Writer
	log      promslog.Config
}

// command is one subcommand: it adds itself to the application and gives what
// runs when it is chosen.
type command func(*kingpin.Application) (cmd *kingpin.CmdClause, run func(context.Context, *env) error)

// exitError carries an exit status other than 1 and a message that may be empty.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// usage makes an error of bad use: exit status 2.
func usage(format string, a ...any) error { return &exitError{2, fmt.Errorf(format, a...)} }

const appHelp = `Watches public systems (reachability, TLS, DNS integrity), exports Prometheus metrics, wakes the officer on duty and writes the availability report.

Begin with:
  watchpost lab                                  a lab on loopback; the wall is at http://127.0.0.1:9115/
  watchpost init https://portal.example > inventory/units.yaml
  watchpost check                                what will be probed, and every mistake at once
  watchpost serve                                watch`

// execute runs one command line and gives the exit status: 0 fine, 1 failed or
// found something, 2 bad use or bad config, 3 could not tell.
func execute(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	e := &env{in: in, out: out, err: errOut}
	app := kingpin.New("watchpost", appHelp)
	app.UsageWriter(errOut).ErrorWriter(errOut).HelpFlag.Short('h')
	app.Version(versionLine())
	terminated := -1
	app.Terminate(func(status int) { terminated = status })
	promslogflag.AddFlags(app, &e.log)
	runs := map[string]func(context.Context, *env) error{}
	for _, c := range commands() {
		cmd, run := c(app)
		runs[cmd.FullCommand()] = run
	}
	name, err := app.Parse(args)
	if terminated >= 0 {
		return terminated
	}
	if err != nil {
		say(errOut, "watchpost: %v\nTry: watchpost --help\n", err)
		return 2
	}
	e.log.Writer = errOut
	err = runs[name](ctx, e)
	if err == nil {
		return 0
	}
	if text := strings.TrimRight(err.Error(), "\n"); text != "" {
		say(errOut, "%s\n", text)
	}
	if coded, ok := errors.AsType[*exitError](err); ok {
		return coded.code
	}
	return 1
}

// say writes for people; a closed terminal is not worth an error.
func say(w io.Writer, format string, a ...any) { _, _ = fmt.Fprintf(w, format, a...) }
