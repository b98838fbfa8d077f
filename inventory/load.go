package inventory

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"watchpost.example/inventory/source"
	"watchpost.example/probes"
)

// Config is all that the files say, checked.
type Config struct {
	Path      string // the server's file; "" without one
	Server    Server
	Inventory *Inventory
}

// Load reads the configuration: a watchpost.yaml and the inventory files it
// names (a folder with one in it stands for it), or a folder of inventory files,
// or one inventory file, the latter two with a Server of defaults. "" stands for watchpost.yaml if it is there, else
// for the folder inventory. It gives a Config or the problems of all files.
func Load(path string, kinds []probes.Kind) (*Config, source.Problems) {
	if path == "" {
		path = "inventory"
		if _, err := os.Stat("watchpost.yaml"); err == nil {
			path = "watchpost.yaml"
		}
	}
	cfg := &Config{}
	b := newBuilder(kinds)
	var files []string
	// A folder with a watchpost.yaml in it is meant as that one.
	if st, err := os.Stat(filepath.Join(path, "watchpost.yaml")); err == nil && st.Mode().IsRegular() {
		path = filepath.Join(path, "watchpost.yaml")
	}
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, missing(path, err)
	case st.IsDir():
		cfg.Server.defaults()
		files = matches([]string{filepath.Join(path, "*.yaml"), filepath.Join(path, "*.yml")})
		if len(files) == 0 {
			return nil, source.Problems{{Position: source.Position{File: path}, Text: "holds no *.yaml; write a first one with: " + firstInventory(path)}}
		}
	default:
		files = b.server(cfg, path)
	}
	for _, f := range files {
		doc, problems := source.Read(f)
		b.problems = append(b.problems, problems...)
		if doc == nil {
			b.holes = true
			continue
		}
		b.file(doc, []*Defaults{&cfg.Server.Defaults})
	}
	inv := b.finish()
	if len(b.problems) == 0 && len(inv.Checks) == 0 {
		b.report(source.Position{File: path}, "", "there is nothing to watch: no inventory file has a unit with a system")
	}
	if len(b.problems) > 0 {
		return nil, source.Join(b.problems)
	}
	cfg.Inventory = inv
	return cfg, nil
}

// Parse reads one inventory text, for tests, tools and previews.
func Parse(name string, text []byte, kinds []probes.Kind) (*Inventory, source.Problems) {
	b := newBuilder(kinds)
	doc, problems := source.Parse(name, text)
	b.problems = problems
	if doc != nil {
		b.file(doc, nil)
	}
	inv := b.finish()
	if len(b.problems) > 0 {
		return nil, source.Join(b.problems)
	}
	return inv, nil
}

// server reads the server's file and gives the inventory files to read.
func (b *builder) server(cfg *Config, path string) []string {
	doc, problems := source.Read(path)
	b.problems = append(b.problems, problems...)
	if doc == nil {
		return nil
	}
	if doc.Has("units") { // an inventory file by itself
		b.problems = nil
		cfg.Server.defaults()
		return []string{path}
	}
	cfg.Path = path
	b.problems = append(b.problems, doc.Decode(&cfg.Server)...)
	b.defaults(&cfg.Server.Defaults, "defaults")
	c := serverCheck{doc: doc, dir: filepath.Dir(path)}
	c.check(&cfg.Server)
	b.problems = append(b.problems, c.problems...)
	b.modules(&cfg.Server)
	cfg.Server.defaults()
	if len(cfg.Server.Inventory) == 0 && !doc.Bad("inventory") {
		cfg.Server.Inventory = []string{filepath.Join(c.dir, "inventory", "*.yaml"), filepath.Join(c.dir, "inventory", "*.yml")}
	}
	return matches(cfg.Server.Inventory)
}

// matches expands globs, each file once, in order.
func matches(globs []string) []string {
	var files []string
	for _, g := range globs {
		found, _ := filepath.Glob(g) // bad patterns were reported
		files = append(files, found...)
	}
	slices.Sort(files)
	return slices.Compact(files)
}

// missing are the problems of a path that can't be read, with the way to a first
// file when there is none.
func missing(path string, err error) source.Problems {
	_, problems := source.Read(path)
	for i := range problems {
		if errors.Is(err, fs.ErrNotExist) {
			problems[i].Text += "; write a first one with: " + firstInventory(path)
		}
	}
	return problems
}

// firstInventory is the command that writes a first inventory to where path
// looks for it.
func firstInventory(path string) string {
	const program = "watchpost init https://portal.example/ > "
	if ext := filepath.Ext(path); ext == ".yaml" || ext == ".yml" {
		return program + path
	}
	return "mkdir -p " + path + " && " + program + filepath.Join(path, "units.yaml")
}
