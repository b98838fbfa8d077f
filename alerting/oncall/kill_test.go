package oncall

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"watchpost.example/alerting"
	"watchpost.example/alerting/oncall/auth"
	"watchpost.example/alerting/oncall/incident"
	"watchpost.example/alerting/oncall/ladder"
)

const (
	childEnv  = "WATCHPOST_ONCALL_CHILD"
	killToken = "the-token-of-the-kill-test"
	kills     = 200
	storm     = 100
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		if err := child(dir); err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// recorder is a channel whose phone is a file: a line is on disk before Send
// returns, as an SMS is in the air before the modem says so.
type recorder struct {
	name string
	mu   *sync.Mutex
	f    *os.File
}

type record struct {
	Channel, Address, Page, Kind, Incident, Short string
}

func (r recorder) Name() string { return r.name }

func (r recorder) Send(_ context.Context, address string, p alerting.Page) (alerting.Receipt, error) {
	b, err := json.Marshal(record{r.name, address, p.ID, p.Kind, p.Incident, p.Short})
	if err != nil {
		return alerting.Receipt{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := r.f.Write(append(b, '\n')); err != nil {
		return alerting.Receipt{}, err
	}
	return alerting.Receipt{Page: p.ID, Status: alerting.Accepted}, r.f.Sync()
}

func (r recorder) Run(ctx context.Context, _ chan<- alerting.Receipt, _ chan<- alerting.Reply) error {
	<-ctx.Done()
	return nil
}

func (r recorder) Health(context.Context) alerting.Health { return alerting.Health{OK: true} }

// child is the pager that gets killed.
func child(dir string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	f, err := os.OpenFile(filepath.Join(dir, "phones"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	users, problems := auth.Load(filepath.Join(dir, "users.yaml"))
	if err := problems.Err(); err != nil {
		return err
	}
	l := ladder.Default()
	l.Storm.Units = 0
	l.Channels = map[string]ladder.Channel{}
	mu := &sync.Mutex{}
	var channels []alerting.Channel
	for _, name := range []string{"sms", "voice", "ntfy"} {
		l.Channels[name] = ladder.Channel{Timeout: 10 * time.Second, Attempts: 4}
		channels = append(channels, recorder{name, mu, f})
	}
	start := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	r := testRoster(start)
	r.Shifts[0].End = start.AddDate(100, 0, 0)
	s, err := New(Options{
		Dir: filepath.Join(dir, "state"), Roster: r, Ladder: l, Channels: channels, Users: users, WebhookToken: killToken, WatchdogWithin: -1,
	})
	if err != nil {
		return err
	}
	sock := filepath.Join(dir, "sock")
	if err := os.Remove(sock); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "unix", sock)
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: time.Second}
	go func() { _ = srv.Serve(ln) }() // ends with the process
	return s.Run(ctx)
}

// killed drives the child from outside.
type killed struct {
	t      *testing.T
	dir    string
	client *http.Client
}

func (k *killed) start() *exec.Cmd {
	k.t.Helper()
	exe, err := os.Executable()
	if err != nil {
		k.t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childEnv+"="+k.dir, "GOMAXPROCS=2")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	return cmd
}

// ask is one request; false when it was not answered with 200.
func (k *killed) ask(ctx context.Context, method, path string, body []byte, into any) bool {
	req, err := http.NewRequestWithContext(ctx, method, "http://pager"+path, bytes.NewReader(body))
	if err != nil {
		k.t.Error(err)
		return false
	}
	req.Header.Set("Content-Type", "application/json")
	if path == "/oncall/webhook" {
		req.Header.Set("Authorization", "Bearer "+killToken)
	} else {
		req.SetBasicAuth("desk", "correct horse")
	}
	resp, err := k.client.Do(req)
	if err != nil {
		return false
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return false
	}
	return into == nil || json.Unmarshal(b, into) == nil
}

func hook(i int) []byte {
	return fmt.Appendf(nil, `{"version":"4","groupKey":"group-%d","groupLabels":{"unit":"u%d"},"alerts":[{"status":"firing","labels":{"alertname":"CheckDown","severity":"critical","unit":"u%d","system":"cong"},"annotations":{"summary":"khong truy cap duoc"},"startsAt":"2026-08-29T10:00:00Z","fingerprint":"f%d"}]}`, i, i, i, i)
}

// until tries something until the pager has said yes to it.
func until(ctx context.Context, f func() bool) bool {
	for !f() {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(3 * time.Millisecond):
		}
	}
	return true
}

// feed posts the storm, spread over the kills, and acknowledges every second
// incident as soon as the pager knows it.
func (k *killed) feed(ctx context.Context, pace <-chan struct{}) {
	for i := range storm {
		select {
		case <-pace:
		case <-ctx.Done():
		}
		if !until(ctx, func() bool { return k.ask(ctx, http.MethodPost, "/oncall/webhook", hook(i), nil) }) {
			k.t.Errorf("webhook %d was never taken", i)
			return
		}
		if i%2 != 0 {
			continue
		}
		if !until(ctx, func() bool { return k.acknowledge(ctx, fmt.Sprintf("group-%d", i)) }) {
			k.t.Errorf("the acknowledgement of group-%d was never taken", i)
		}
	}
}

func (k *killed) acknowledge(ctx context.Context, key string) bool {
	var live []incident.Incident
	if !k.ask(ctx, http.MethodGet, "/api/oncall/incidents?status=live", nil, &live) {
		return false
	}
	for _, in := range live {
		if in.Groups[0].Key == key {
			return k.ask(ctx, http.MethodPost, "/api/oncall/incidents/"+in.ID+"/ack", []byte(`{}`), nil)
		}
	}
	return false
}

// A pager that is killed with -9 at 200 random moments of a storm of 100 alerts
// loses no page, sends none twice without saying so, and loses no
// acknowledgement.
func TestKillNineDuringStorm(t *testing.T) {
	dir := t.TempDir()
	hash, err := bcrypt.GenerateFromPassword([]byte("correct horse"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "users.yaml"), fmt.Appendf(nil, "users:\n  - {name: desk, password: %q, role: act}\n", hash), 0o600); err != nil {
		t.Fatal(err)
	}
	k := &killed{t: t, dir: dir, client: &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(dir, "sock"))
		},
	}}}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	pace := make(chan struct{}, storm)
	fed := make(chan struct{})
	go func() { defer close(fed); k.feed(ctx, pace) }()

	// How long a start takes here (with or without the race detector) decides in
	// which time the kills fall: from before main to well after the first pages.
	starting := time.Now()
	cmd := k.start()
	if !until(ctx, func() bool { return k.ask(ctx, http.MethodGet, "/oncall/health", nil, nil) }) {
		t.Fatal("the pager does not start")
	}
	window := min(time.Since(starting)*2+60*time.Millisecond, 500*time.Millisecond)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed

	begun, up := time.Now(), 0
	for i := range kills {
		if i%2 == 0 {
			pace <- struct{}{} // half as many alerts as kills: the storm lasts as long as the killing
		}
		cmd := k.start()
		<-time.After(time.Duration(rand.Int64N(int64(window))))
		if k.ask(ctx, http.MethodGet, "/oncall/health", nil, nil) {
			up++
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil || strings.Contains(err.Error(), "exit status") {
			t.Fatalf("the child ended by itself: %v", err)
		}
	}
	t.Logf("%d kills in %s, each within %s of its start; at %d of them the pager was serving", kills, time.Since(begun).Round(time.Millisecond), window.Round(time.Millisecond), up)
	if up < kills/5 {
		t.Errorf("only %d of %d kills hit a pager that was up: the test proves little", up, kills)
	}
	last := k.start()
	<-fed
	quiet := until(ctx, func() bool { return k.quiet(ctx) })
	if err := last.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := last.Wait(); err != nil {
		t.Errorf("the last child: %v", err)
	}
	if !quiet {
		t.Fatal("the outbox never became empty")
	}
	k.check()
}
