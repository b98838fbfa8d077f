// Package rules holds the alert rules that ship with watchpost, their unit
// tests for promtool, and the runbooks that their alerts link to.
package rules

import (
	"embed"
	"io/fs"
)

//go:embed *.rules.yml
var ruleFiles embed.FS

//go:embed alertmanager.example.yml
var alertmanagerExample []byte

// Files gives the rule files, all *.rules.yml at the root: what
// engine.Options.Rules takes, and what an outside Prometheus loads.
func Files() fs.FS { return ruleFiles }

// AlertmanagerExample gives the alertmanager.yml to begin with.
func AlertmanagerExample() []byte { return append([]byte(nil), alertmanagerExample...) }
