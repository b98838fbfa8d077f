package main

import (
	"context"
	"os"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"watchpost.example/dashboards"
)

func dashboardsCommand(app *kingpin.Application) (*kingpin.CmdClause, func(context.Context, *env) error) {
	cmd := app.Command("dashboards", "Write the Grafana dashboards as JSON files, or publish them to a Grafana.")
	out := cmd.Flag("out", "Folder for the JSON files.").Default("dashboards").String()
	grafana := cmd.Flag("grafana.url", "Publish to this Grafana instead of writing files.").String()
	tokenFile := cmd.Flag("grafana.token-file", "File with a service account's token (role Editor).").ExistingFile()
	return cmd, func(ctx context.Context, e *env) error {
		if *grafana == "" {
			if err := os.MkdirAll(*out, 0o755); err != nil {
				return err
			}
			if err := dashboards.Write(*out); err != nil {
				return err
			}
			say(e.out, "%s\n", *out)
			return nil
		}
		if *tokenFile == "" {
			return usage("--grafana.token-file is missing: make a service account with the role Editor in Grafana and put its token into a file")
		}
		return publish(ctx, e, *grafana, *tokenFile)
	}
}

func publish(ctx context.Context, e *env, url, tokenFile string) error {
	b, err := os.ReadFile(tokenFile)
	if err != nil {
		return usage("--grafana.token-file: %w", err)
	}
	done, err := dashboards.Publish(ctx, dashboards.Target{URL: url, Token: strings.TrimSpace(string(b))})
	for _, d := range done {
		say(e.out, "%s version %d: %s\n", d.UID, d.Version, d.URL)
	}
	return err
}
