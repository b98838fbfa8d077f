package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/alecthomas/kingpin/v2"

	"watchpost.example/dashboards"
	"watchpost.example/inventory"
)

func genCommand(app *kingpin.Application) (*kingpin.CmdClause, func(context.Context, *env) error) {
	cmd := app.Command("gen", "Write the repository's generated files (for developers: make gen).").Hidden()
	dir := cmd.Flag("dir", "Root of the repository.").Default(".").String()
	return cmd, func(_ context.Context, _ *env) error { return generate(*dir) }
}

const configurationHead = `# Configuration

Generated from the code by "make gen"; do not edit. A worked example is in inventory/README.md, files to copy are in
deploy/examples. "watchpost check" tells every mistake at once; editors can use the JSON Schemas in inventory/schema.

`

// generate writes every file that is made from the code.
func generate(root string) error {
	ks, err := idleKinds()
	if err != nil {
		return err
	}
	files := map[string]func() ([]byte, error){
		"CONFIGURATION.md": func() ([]byte, error) { return append([]byte(configurationHead), inventory.Reference(ks)...), nil },
	}
	for name, text := range inventory.Schemas(ks) {
		files["inventory/schema/"+name] = func() ([]byte, error) { return text, nil }
	}
	for name, text := range files {
		b, err := text()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			return err
		}
	}
	return dashboards.Write(filepath.Join(root, "dashboards", "json"))
}
