package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// phone is a webhook that counts what it is told: "CheckDown firing".
type phone struct {
	*httptest.Server
	mu  sync.Mutex
	got map[string]int
}

func newPhone(t *testing.T) *phone {
	t.Helper()
	p := &phone{got: map[string]int{}}
	p.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m struct {
			Alerts []struct {
				Status string
				Labels map[string]string
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Errorf("the webhook's body: %v", err)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, a := range m.Alerts {
			p.got[a.Labels["alertname"]+" "+a.Status]++
		}
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *phone) count(what string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got[what]
}

func (p *phone) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return fmt.Sprint(p.got)
}

var listening = regexp.MustCompile(`msg=watching .*url=(\S+)`)

// process is the program in a process of its own.
type process struct {
	house
	cmd *exec.Cmd
}

// launch runs serve in a process of its own until it is killed.
func launch(t *testing.T, config, storage string) *process {
	t.Helper()
	p := &process{cmd: program(t.Context(), "serve", "--config", config, "--storage.path", storage, "--web.listen-address", "127.0.0.1:0")}
	pipe, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	lines := bufio.NewScanner(pipe)
	for p.url == "" && lines.Scan() {
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			p.url = m[1]
		}
	}
	if p.url == "" {
		t.Fatal("serve did not start")
	}
	go func() {
		for lines.Scan() { // so that it never waits for us
		}
	}()
	return p
}

// kill is kill -9.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may be gone already
	_ = p.cmd.Wait()         // "killed" is what was asked for
}

// TestKillMinus9: killed in the middle of an outage and started again, the
// history is whole, nobody is paged twice, nobody is told of a recovery that
// was none, and the report counts one outage.
func TestKillMinus9(t *testing.T) {
	t.Parallel()
	dir, began := t.TempDir(), time.Now()
	storage := filepath.Join(dir, "data")
	hook := newPhone(t)
	sick := site(t, http.StatusInternalServerError)
	alertmanager := write(t, dir, "alertmanager.yml", `
route: {receiver: phone, group_by: [alertname], group_wait: 100ms, group_interval: 1s, repeat_interval: 1h}
receivers: [{name: phone, webhook_configs: [{url: "`+hook.URL+`", send_resolved: true}]}]
`)
	config := write(t, dir, "watchpost.yaml", quickly+"alertmanager: {config_file: "+alertmanager+"}\n")
	write(t, dir, "inventory/don-vi.yaml", unit("mot", sick.URL, "hai", site(t, http.StatusOK).URL))

	p := launch(t, config, storage)
	eventually(t, 60*time.Second, "the outage is paged", func() bool { return hook.count("SystemDown firing") == 1 })
	eventually(t, 20*time.Second, "the page is remembered on disk", func() bool {
		for _, name := range []string{"nflog", "alerts.json"} {
			b, err := os.ReadFile(filepath.Join(storage, "alerting", name))
			if err != nil || !strings.Contains(string(b), "SystemDown") {
				return false
			}
		}
		return true
	})
	since := downSince(t, p)
	p.kill()
	killed := time.Now()

	p = launch(t, config, storage)
	rows, err := p.query(t, fmt.Sprintf(`count_over_time(watchpost_check_state{system="mot"}[5m] @ %.3f)`, seconds(killed)))
	if err != nil || len(rows) != 1 {
		t.Errorf("history from before: %v %v", rows, err)
	}
	eventually(t, time.Minute, "the rules fire for two turns more", func() bool {
		rows, err := p.query(t, fmt.Sprintf(`timestamp(ALERTS{alertname="SystemDown",alertstate="firing"}) > %.3f`, seconds(killed.Add(20*time.Second))))
		return err == nil && len(rows) == 1
	})
	if n, m := hook.count("SystemDown firing"), hook.count("SystemDown resolved"); n != 1 || m != 0 {
		t.Errorf("paged %d times, called off %d times, want 1 and 0: %s", n, m, hook)
	}
	if again := downSince(t, p); again != since {
		t.Errorf("the outage began %s before and %s after the restart", since, again)
	}
	rows, err = p.query(t, fmt.Sprintf(`min_over_time(watchpost_check_state{system="mot"}[%ds])`, int(time.Since(killed).Seconds())))
	if err != nil || len(rows) != 1 || rows[0].String() != "3" {
		t.Errorf("the state flapped: %v %v", rows, err)
	}
	oneOutage(t, p, config, began)
}

func seconds(at time.Time) float64 { return float64(at.UnixMilli()) / 1000 }

// downSince is when the outage began, as the history has it.
func downSince(t *testing.T, p *process) string {
	t.Helper()
	rows, err := p.query(t, `watchpost_check_state_since_timestamp_seconds{system="mot"}`)
	if err != nil || len(rows) != 1 {
		t.Fatalf("since when: %v %v", rows, err)
	}
	return rows[0].String()
}

// oneOutage asks the report of the time since began for one outage.
func oneOutage(t *testing.T, p *process, config string, began time.Time) {
	t.Helper()
	out := t.TempDir()
	code, _, errOut := run(t, "report", "--config", config, "--url", p.url, "--out", out,
		"--from", began.Add(-time.Second).Format(time.RFC3339), "--to", time.Now().Format(time.RFC3339))
	if code != 0 {
		t.Fatalf("report: exit %d: %s", code, errOut)
	}
	b, err := os.ReadFile(filepath.Join(out, "outages.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if got := linesOf(string(b)); len(got) != 2 || !strings.Contains(got[1], "mot") {
		t.Errorf("outages, want a head and one:\n%s", b)
	}
}
