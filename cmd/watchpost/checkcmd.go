package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/promslog"

	"watchpost.example/alerting/engine"
	"watchpost.example/alerting/rules"
	"watchpost.example/inventory"
)

func checkCommand(app *kingpin.Application) (*kingpin.CmdClause, func(context.Context, *env) error) {
	var path string
	cmd := app.Command("check", "Check the configuration: every mistake at once (exit status 2), or what will be probed, how often, what that costs and who is paged.")
	configFlag(cmd, &path)
	asJSON := cmd.Flag("json", "As JSON.").Bool()
	return cmd, func(_ context.Context, e *env) error {
		log := promslog.New(&e.log)
		cfg, err := loadConfig(path, log)
		if err != nil {
			return err
		}
		people, err := checkAlerting(log, cfg.Server)
		if err != nil {
			return err
		}
		s := inventory.Summarize(cfg.Inventory)
		if *asJSON {
			enc := json.NewEncoder(e.out)
			enc.SetIndent("", "  ")
			return enc.Encode(s)
		}
		_, err = io.Copy(e.out, strings.NewReader(s.Text()+whoIsPaged(cfg.Server.Oncall, people)))
		return err
	}
}

// checkAlerting reads what watchpost.yaml names for waking people: a check
// that left it out would promise a start that fails.
func checkAlerting(log *slog.Logger, s inventory.Server) (*oncallFiles, error) {
	people, err := loadOncall(log, s.Oncall)
	also := engine.Check(rules.Files(), engine.Config{AlertmanagerConfig: s.Alertmanager.ConfigFile, RuleFiles: s.Rules}, log)
	if err := errors.Join(err, also); err != nil {
		return nil, &exitError{2, err}
	}
	return people, nil
}

// whoIsPaged is one line about the phones, also when there are none: a watch
// that wakes nobody must not be found out at night.
func whoIsPaged(o inventory.Oncall, f *oncallFiles) string {
	switch {
	case f.roster == nil:
		return "Nobody is paged: oncall.roster names no roster (alerting/oncall/README.md).\n"
	case len(f.channels) == 0:
		return fmt.Sprintf("Nobody can be paged: %s names people, but oncall.channels has no channel (alerting/channels).\n", o.Roster)
	}
	var names []string
	for _, c := range f.channels {
		names = append(names, c.Name())
	}
	return fmt.Sprintf("Paged: %d people of %s over %s; gaps and mistakes of the shifts: watchpost roster check %s\n", len(f.roster.People), o.Roster, strings.Join(names, ", "), o.Roster)
}
