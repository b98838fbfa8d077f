package main

import (
	"bytes"
	"encoding/base64"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/exporter-toolkit/web"

	"watchpost.example/alerting/engine"
	oncalljournal "watchpost.example/alerting/oncall/journal"
	"watchpost.example/alerting/rules"
)

// target is a web server that can die, vanish and come back.
type target struct {
	addr string
	mu   sync.Mutex
	srv  *http.Server
}

func newTarget(t *testing.T, ip string) *target {
	t.Helper()
	x := &target{addr: ip + ":0"}
	x.up(t)
	t.Cleanup(x.die)
	return x
}

// up listens; the second time on the port of the first.
func (x *target) up(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", x.addr)
	if err != nil {
		t.Fatal(err)
	}
	x.addr = l.Addr().String()
	srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	x.mu.Lock()
	x.srv = srv
	x.mu.Unlock()
	go func() { _ = srv.Serve(l) }() // ends with Close
}

// die closes the port and every connection: from now on it is refused.
func (x *target) die() {
	x.mu.Lock()
	defer x.mu.Unlock()
	_ = x.srv.Close() // it is to be gone
}

// startTuned is start with the engine's clocks changed.
func startTuned(t *testing.T, config, storage string, tune func(*engine.Options)) *house {
	t.Helper()
	return startWith(t, serveOptions{config: config, storage: storage, tune: tune, web: &web.FlagConfig{
		WebListenAddresses: &[]string{"127.0.0.1:0"}, WebSystemdSocket: new(bool), WebConfigFile: new(string),
	}})
}

// quickRecovery is the built-in rules but for how long an alert is held after
// the trouble has gone, so that a test of the recovery needs seconds.
func quickRecovery(t *testing.T) fs.FS {
	t.Helper()
	out := fstest.MapFS{}
	names, err := fs.Glob(rules.Files(), "*.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		b, err := fs.ReadFile(rules.Files(), n)
		if err != nil {
			t.Fatal(err)
		}
		out[n] = &fstest.MapFile{Data: bytes.ReplaceAll(b, []byte("keep_firing_for: 30s"), []byte("keep_firing_for: 2s"))}
	}
	return out
}

// entries gives the on-call journal of a storage folder.
func entries(t *testing.T, storage string) []oncalljournal.Entry {
	t.Helper()
	var out []oncalljournal.Entry
	for e, err := range oncalljournal.Read(filepath.Join(storage, "oncall", "journal")) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

// basic is a user of users() for the header Authorization.
func basic(user string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + goodPassword))
}
