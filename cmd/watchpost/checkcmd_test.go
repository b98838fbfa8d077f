package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// A start would refuse each of these files; `watchpost check` is asked before
// the start, so it must refuse them, too, and all at once.
func TestCheckReadsWhatWakesPeople(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "inventory/a.yaml", unit("mot", "http://portal.example/"))
	config := write(t, dir, "watchpost.yaml", "oncall: {roster: roster.yaml, channels: channels.yaml, users: users.yaml}\nrules: [rules.yml]\nalertmanager: {config_file: am.yml}\n")
	write(t, dir, "roster.yaml", "peeple: []\n")
	write(t, dir, "channels.yaml", "x: [\n")
	write(t, dir, "users.yaml", "users: 5\n")
	write(t, dir, "rules.yml", "groups: [{name: a, rules: [{alert: X, expr: 'sum('}]}]\n")
	write(t, dir, "am.yml", "route: {receiver: nope}\n")
	code, out, errOut := run(t, "check", "--config", config)
	if code != 2 || out != "" || len(linesOf(errOut)) != 5 {
		t.Errorf("status %d, %q\n%s", code, out, errOut)
	}
	for _, want := range []string{"roster.yaml:1:1: ", "channels.yaml:2:1: ", "users.yaml:1:8: ", "rules.yml: 1:45: ", `undefined receiver "nope"`} {
		if !strings.Contains(errOut, want) {
			t.Errorf("not told: %s", want)
		}
	}
}

func TestCheckTellsWhoIsPaged(t *testing.T) {
	dir := t.TempDir()
	inventory := write(t, dir, "inventory/a.yaml", unit("mot", "http://portal.example/"))
	people := "timezone: UTC\npeople: [{id: an, name: An, addresses: {sms: ['0900 000 001']}}]\nhotline: an\n"
	for name, c := range map[string]struct{ server, channels, want string }{
		"no roster":   {"{}", "", "Nobody is paged: "},
		"no channels": {"{oncall: {roster: roster.yaml}}", "", "Nobody can be paged: "},
		"both":        {"{oncall: {roster: roster.yaml, channels: channels.yaml}}", "channels: [{name: sms, type: webhook, url: 'http://127.0.0.1:1/'}]\n", "Paged: 1 people of "},
	} {
		t.Run(name, func(t *testing.T) {
			write(t, dir, "roster.yaml", people)
			write(t, dir, "channels.yaml", c.channels)
			config := write(t, dir, "watchpost.yaml", c.server+"\n")
			code, out, errOut := run(t, "check", "--config", config)
			if code != 0 || !strings.Contains(out, c.want) {
				t.Errorf("status %d: %s%s", code, out, errOut)
			}
		})
	}
	if _, out, _ := run(t, "check", "--config", filepath.Dir(inventory)); !strings.Contains(out, "Nobody is paged") {
		t.Errorf("a folder of inventory: %s", out)
	}
}
