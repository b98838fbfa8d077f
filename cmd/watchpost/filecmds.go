package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"watchpost.example/inventory"
)

func initCommand(app *kingpin.Application) (*kingpin.CmdClause, func(context.Context, *env) error) {
	cmd := app.Command("init", "Write a first inventory for real systems: watchpost init https://portal.example dns://zone.example > inventory/units.yaml")
	urls := cmd.Arg("url", "https, http, tcp or dns address of a system; repeatable").Required().Strings()
	out := cmd.Flag("out", "File to write; an existing one is not touched. Default: standard output.").String()
	return cmd, func(_ context.Context, e *env) error {
		text, err := inventory.Init(*urls)
		if err != nil {
			return &exitError{2, err}
		}
		return emit(e, *out, text)
	}
}

func importCommand(app *kingpin.Application) (*kingpin.CmdClause, func(context.Context, *env) error) {
	cmd := app.Command("import", "Turn a units' spreadsheet (.xlsx or .csv) into inventory; every bad row is told.")
	file := cmd.Arg("file", "spreadsheet").Required().String()
	out := cmd.Flag("out", "File to write; an existing one is not touched. Default: standard output.").String()
	return cmd, func(_ context.Context, e *env) error {
		f, err := os.Open(*file)
		if err != nil {
			return usage("%w", err)
		}
		defer func() { _ = f.Close() }() // only read
		format := strings.TrimPrefix(strings.ToLower(filepath.Ext(*file)), ".")
		if format != "xlsx" && format != "csv" {
			return usage("%s is neither .xlsx nor .csv: save the spreadsheet as one of them", *file)
		}
		text, problems := inventory.Import(f, format, filepath.Base(*file))
		if len(problems) > 0 {
			return &exitError{2, problems}
		}
		return emit(e, *out, text)
	}
}

// emit writes to a new file, or to standard output when path is empty.
func emit(e *env, path string, text []byte) error {
	if path == "" {
		_, err := e.out.Write(text)
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if os.IsExist(err) {
		return usage("%s is there already; name another file or remove it first", path)
	}
	if err != nil {
		return usage("%w", err)
	}
	if _, err := f.Write(text); err != nil {
		_ = f.Close() // the first error counts
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return f.Close()
}
