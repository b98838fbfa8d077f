//go:build measure

package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	oncalljournal "watchpost.example/alerting/oncall/journal"
	"watchpost.example/internal/phonerig"
)

// The call at once, as the ladder of a system of level 4 or 5 has it. Without
// throttles, because fifty faults come within minutes.
const callAtOnce = `  policies:
    - name: critical
      severity: [critical]
      again: 60m
      steps:
        - {after: 0s, to: [first], by: [voice]}
  channels:
    voice: {timeout: 60s, attempts: 1, limits: [{at_most: 1000, per: 1m}]}
  storm: {units: 0}
`

// trial is one server of one unit and when it failed.
type trial struct {
	unit   string
	way    way
	server *target
	fault  time.Time
	fired  time.Duration // from the fault until the pager began to call
	rang   time.Duration // from the fault to the INVITE; 0 = never
}

// way is how a server fails.
type way int

const (
	refuses  way = iota // its port is closed
	vanishes            // packets get no answer
	hangs               // it takes the connection and says nothing
	ways
)

// String names the way for the table.
func (w way) String() string {
	return [...]string{"connection refused", "packets get no answer", "takes the connection, says nothing"}[w]
}

// TestTimeToRing measures how long it takes from the fault to the INVITE at the
// settings as shipped: 30 s interval, 3 confirmations, 3 s recheck, 10 s
// evaluation, the built-in Alertmanager configuration. Nothing is scaled. It
// takes minutes, so it runs only when asked, and writes docs/PAGING.md.
func TestTimeToRing(t *testing.T) {
	runs := 60 // twenty of each way
	if n, err := strconv.Atoi(os.Getenv("WATCHPOST_BENCH_RUNS")); err == nil && n > 0 {
		runs = n
	}
	dir := t.TempDir()
	storage := filepath.Join(dir, "data")
	sip := phonerig.StartSipp(t, "127.0.79.1", phonerig.Takes(100*time.Millisecond), 0)
	alive := newTarget(t, "127.0.79.2")
	var units strings.Builder
	units.WriteString("units:\n")
	trials := make([]*trial, runs)
	for i := range trials {
		x := &trial{unit: fmt.Sprintf("don-vi-%03d", i), way: way(i) % ways, server: newTarget(t, "127.0.79.3")}
		trials[i] = x
		fmt.Fprintf(&units, "  - id: %s\n    name: Đơn vị %d\n    systems:\n      - {id: cong, url: \"http://%s/\"}\n      - {id: khac, url: \"http://%s/\"}\n", x.unit, i, x.server.addr, alive.addr)
	}
	write(t, dir, "inventory/units.yaml", units.String())
	write(t, dir, "roster.yaml", today(callAtOnce))
	write(t, dir, "channels.yaml", fmt.Sprintf("channels:\n  - {name: voice, type: voice, server: %q, caller_id: \"1000\"}\n", sip.Addr))
	users(t, dir)
	h := start(t, write(t, dir, "watchpost.yaml", "oncall: {roster: roster.yaml, channels: channels.yaml, users: users.yaml}\n"), storage)
	eventually(t, time.Minute, "every server is up", func() bool {
		return !slices.ContainsFunc(trials, func(x *trial) bool { return h.state(x.unit+"/cong/http").Verdict.String() != "up" })
	})

	// One fault every four seconds on average, at random moments of the interval.
	for _, x := range trials {
		<-time.After(time.Duration(rand.Int64N(int64(8 * time.Second))))
		x.fault = time.Now()
		switch x.way {
		case vanishes:
			x.server.vanish(t)
		case hangs:
			x.server.hang(t)
		default:
			x.server.die()
		}
	}
	eventually(t, 3*time.Minute, "every fault has rung", func() bool { return len(sip.Rings(t)) >= runs })
	h.stop()
	if t.Failed() {
		return
	}
	assign(t, trials, entries(t, storage), sip.Rings(t))
	writeTable(t, trials)
}

// assign finds each trial's call. The calls to one officer come one after the
// other, so the n-th INVITE is the n-th call that the journal began.
func assign(t *testing.T, trials []*trial, all []oncalljournal.Entry, rings []time.Time) {
	t.Helper()
	unitOf := map[string]string{}
	for _, e := range all {
		if e.Kind == oncalljournal.Alert {
			if _, rest, ok := strings.Cut(e.Detail, `unit="`); ok && unitOf[e.Incident] == "" {
				unitOf[e.Incident], _, _ = strings.Cut(rest, `"`)
			}
		}
	}
	n := 0
	for _, e := range all {
		if e.Kind != oncalljournal.Starting || e.How != "voice" || n == len(rings) {
			continue
		}
		i := slices.IndexFunc(trials, func(x *trial) bool { return x.unit == unitOf[e.Incident] })
		if i >= 0 && trials[i].rang == 0 {
			trials[i].fired, trials[i].rang = e.At.Sub(trials[i].fault), rings[n].Sub(trials[i].fault)
		}
		n++
	}
}

// writeTable writes the table and asks that the target is met.
func writeTable(t *testing.T, trials []*trial) {
	t.Helper()
	var table bytes.Buffer
	for w := range ways + 1 { // the last is all of them
		what := "all"
		if w < ways {
			what = w.String()
		}
		var ds, calls []time.Duration
		for _, x := range trials {
			if w < ways && x.way != w {
				continue
			}
			if x.rang <= 0 {
				t.Errorf("%s (%s) never rang", x.unit, x.way)
				continue
			}
			ds, calls = append(ds, x.rang), append(calls, x.rang-x.fired)
		}
		if len(ds) == 0 {
			continue
		}
		slices.Sort(ds)
		slices.Sort(calls)
		fmt.Fprintf(&table, "| %s | %d | %.1f | %.1f | %.1f | %.1f | %.1f |\n", what, len(ds), ds[0].Seconds(), share(ds, 0.5), share(ds, 0.95), ds[len(ds)-1].Seconds(), share(calls, 0.5))
		if p := share(ds, 0.95); p >= 60 {
			t.Errorf("%s: p95 is %.1f s, the target is 60 s", what, p)
		}
	}
	t.Logf("\n%s", table.String())
	if t.Failed() {
		return
	}
	path := filepath.Join("..", "..", "docs", "PAGING.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- measured -->\n", "<!-- /measured -->"
	head, rest, ok1 := strings.Cut(string(text), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no place for the table, between %q and %q", path, begin, end)
	}
	measured := fmt.Sprintf("%d faults on %s, nothing scaled; seconds from the fault to the INVITE.\n\n| the server | n | least | p50 | p95 | most | of it: pager to INVITE, p50 |\n|---|---|---|---|---|---|---|\n%s",
		len(trials), time.Now().Format(time.DateOnly), table.String())
	if err := os.WriteFile(path, []byte(head+begin+measured+end+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}

// share is the smallest value, in seconds, that a share of the sorted ones does
// not exceed.
func share(sorted []time.Duration, q float64) float64 {
	return sorted[max(0, int(float64(len(sorted))*q+0.999999)-1)].Seconds()
}

// vanish is die, and from now on packets get no answer, as of a host without
// power: the queue of the port is full and nobody takes from it.
func (x *target) vanish(t *testing.T) {
	t.Helper()
	x.die()
	at := netip.MustParseAddrPort(x.addr)
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) }) // nothing hangs on it
	err = errors.Join(syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1),
		syscall.Bind(fd, &syscall.SockaddrInet4{Addr: at.Addr().As4(), Port: int(at.Port())}), syscall.Listen(fd, 0))
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		c, err := net.DialTimeout("tcp", x.addr, 100*time.Millisecond)
		if err != nil {
			return
		}
		t.Cleanup(func() { _ = c.Close() }) // it never worked
	}
	t.Fatal("the kernel goes on taking connections")
}

// hang is die, and from now on connections are taken and nothing is said, as by
// a process whose threads are all stuck.
func (x *target) hang(t *testing.T) {
	t.Helper()
	x.die()
	l, err := net.Listen("tcp", x.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() }) // ends the loop below
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = c.Close() })
		}
	}()
}
