package silence

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/oncall"
	"watchpost.example/alerting/oncall/incident"
	"watchpost.example/alerting/oncall/roster"
	"watchpost.example/internal/testneed"
)

type quiet struct{}

func (quiet) Name() string { return "sms" }

func (quiet) Send(_ context.Context, _ string, p alerting.Page) (alerting.Receipt, error) {
	return alerting.Receipt{Page: p.ID, Status: alerting.Delivered}, nil
}

func (quiet) Run(context.Context, chan<- alerting.Receipt, chan<- alerting.Reply) error {
	return nil
}

func (quiet) Health(context.Context) alerting.Health {
	return alerting.Health{OK: true}
}

func pager(t *testing.T, s oncall.Silencer) (*oncall.Service, string) {
	t.Helper()
	now := time.Now()
	svc, err := oncall.New(oncall.Options{
		Dir: t.TempDir(), WebhookToken: "secret-token", Silencer: s, WatchdogWithin: -1, Channels: []alerting.Channel{quiet{}},
		Roster: roster.New(roster.Roster{
			People: []alerting.Person{{ID: "an", Name: "An", Addresses: map[string][]string{"sms": {"+84900000001"}}}},
			Shifts: []alerting.Shift{{Start: now.Add(-time.Hour), End: now.Add(time.Hour), Officers: []string{"an"}}},
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- svc.Run(ctx) }()
	srv := httptest.NewServer(svc.Handler())
	t.Cleanup(func() {
		srv.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return svc, srv.URL
}

// late is a Silencer whose Alertmanager is started after the pager.
type late struct{ *Client }

func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for begun := time.Now(); !f(); {
		if time.Since(begun) > 30*time.Second {
			t.Fatalf("%s did not happen within 30 s", what)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// The real Alertmanager of Debian: its webhook opens an incident, a silence set
// from the incident mutes the alert there, and its resolved message ends it.
func TestRealAlertmanager(t *testing.T) {
	program := testneed.Program(t, "prometheus-alertmanager")
	l := &late{}
	svc, url := pager(t, l)
	dir := t.TempDir()
	config := filepath.Join(dir, "am.yml")
	text := fmt.Sprintf(`route: {receiver: oncall, group_by: [alertname, unit], group_wait: 10ms, group_interval: 1s, repeat_interval: 1h}
receivers:
  - name: oncall
    webhook_configs:
      - url: %s/oncall/webhook
        send_resolved: true
        http_config: {authorization: {credentials: secret-token}}
`, url)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	cmd := exec.Command(program, "--config.file="+config, "--storage.path="+dir, "--web.listen-address="+address, "--cluster.listen-address=", "--log.level=error")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	})
	base := "http://" + address
	c, err := New(base, nil)
	if err != nil {
		t.Fatal(err)
	}
	l.Client = c
	until(t, "Alertmanager's start", func() bool { return get(t, base+"/-/ready") == http.StatusOK })

	labels := `"labels":{"alertname":"CheckDown","unit":"stc","system":"cong","severity":"critical"}`
	post(t, base+"/api/v2/alerts", fmt.Sprintf(`[{%s,"annotations":{"summary":"khong truy cap duoc"}}]`, labels))
	first := func() (incident.Incident, bool) {
		if v := svc.View().Incidents; len(v) == 1 {
			return v[0], true
		}
		return incident.Incident{}, false
	}
	until(t, "the incident", func() bool { _, ok := first(); return ok })
	in, _ := first()
	if in.Severity != "critical" || in.Units()[0] != "stc" {
		t.Errorf("%+v", in)
	}
	if err := svc.SilenceIncident(t.Context(), in.ID, "an", "bảo trì", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	until(t, "the silence", func() bool {
		var alerts []struct{ Status struct{ SilencedBy []string } }
		return fetch(t, base+"/api/v2/alerts", &alerts) && len(alerts) == 1 && len(alerts[0].Status.SilencedBy) == 1
	})
	in, _ = first()
	if len(in.Silences) != 1 {
		t.Fatalf("silences %v", in.Silences)
	}
	if err := c.Expire(t.Context(), in.Silences[0]); err != nil {
		t.Fatal(err)
	}
	post(t, base+"/api/v2/alerts", fmt.Sprintf(`[{%s,"endsAt":%q}]`, labels, time.Now().Add(-time.Second).Format(time.RFC3339)))
	until(t, "the recovery", func() bool { in, _ := first(); return in.Status == incident.Resolved })
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.31.7.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func get(t *testing.T, url string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func fetch(t *testing.T, url string, into any) bool {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		return false
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return err == nil && json.Unmarshal(b, into) == nil
}

func post(t *testing.T, url, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if _ = resp.Body.Close(); resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", url, resp.Status)
	}
}

func TestRefusalIsTold(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `"bad matcher"`, http.StatusBadRequest)
	}))
	defer srv.Close()
	c, err := New(srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Silence(t.Context(), oncall.Silence{Matchers: map[string]string{"a": "b"}}); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "bad matcher") {
		t.Errorf("%v", err)
	}
	if _, err := New("127.0.0.1:9093", nil); err == nil {
		t.Error("an address without scheme was taken")
	}
}
