package main

import (
	"context"
	"runtime"
	"runtime/debug"

	"github.com/alecthomas/kingpin/v2"
)

// commands is every subcommand, in the order of --help.
func commands() []command {
	return []command{
		serveCommand, labCommand, initCommand, importCommand, checkCommand, probeCommand, baselineCommand,
		rosterCheckCommand, rosterImportCommand, rosterWhoCommand, oncallCommand, passwdCommand, journalCommand,
		reportCommand, dashboardsCommand, genCommand, completionCommand, versionCommand,
	}
}

// versionLine is what version and --version print.
func versionLine() string {
	return "watchpost " + version + " (" + revision() + ", " + runtime.Version() + ", " + runtime.GOOS + "/" + runtime.GOARCH + ")"
}

// revision is the commit that the binary was built from.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown revision"
	}
	rev, dirty := "unknown revision", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 12:
			rev = s.Value[:12]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+changes"
		}
	}
	return rev + dirty
}

func versionCommand(app *kingpin.Application) (*kingpin.CmdClause, func(context.Context, *env) error) {
	cmd := app.Command("version", "Print version, revision and platform.")
	return cmd, func(_ context.Context, e *env) error {
		say(e.out, "%s\n", versionLine())
		return nil
	}
}

func completionCommand(app *kingpin.Application) (*kingpin.CmdClause, func(context.Context, *env) error) {
	cmd := app.Command("completion", "Print a completion script: watchpost completion bash > /etc/bash_completion.d/watchpost")
	shell := cmd.Arg("shell", "bash or zsh").Required().Enum("bash", "zsh")
	return cmd, func(_ context.Context, e *env) error {
		t := kingpin.BashCompletionTemplate
		if *shell == "zsh" {
			t = kingpin.ZshCompletionTemplate
		}
		app.UsageWriter(e.out)
		pc, err := app.ParseContext(nil)
		if err != nil {
			return err
		}
		return app.UsageForContextWithTemplate(pc, 2, t)
	}
}
