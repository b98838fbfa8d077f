package oncall

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestHeartbeat(t *testing.T) {
	d := newDesktop(t, nil)
	for path, want := range map[string]int{"/oncall/heartbeat/backup": 200, "/oncall/heartbeat/other": 404} {
		if code, _ := d.req("POST", path, "", "", "Authorization", "Bearer "+d.auth); code != want {
			t.Errorf("%s: %d, want %d", path, code, want)
		}
		if code, _ := d.req("POST", path, "", ""); code != 401 {
			t.Errorf("%s without a token: %d", path, code)
		}
	}
}

// A peer that stops answering is paged about; one that answers is not.
func TestPeer(t *testing.T) {
	peer := newDesktop(t, nil)
	if err := askHealth(t.Context(), http.DefaultClient, Peer{Name: "B", URL: peer.url, Token: peer.auth}); err != nil {
		t.Errorf("a healthy peer: %v", err)
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	if err := askHealth(t.Context(), http.DefaultClient, Peer{Name: "B", URL: gone.URL}); err == nil {
		t.Error("a dead peer counts as healthy")
	}
	d := newDesktop(t, func(o *Options) {
		o.Peers = []Peer{{Name: "B", URL: gone.URL, Every: 5 * time.Millisecond, After: 30 * time.Millisecond}}
	})
	waitFor(t, func() bool { return len(d.sms.all()) > 0 })
	if p := d.sms.all()[0].page; !strings.Contains(p.Short, "tram giam sat B") {
		t.Errorf("the page does not name the peer: %q", p.Short)
	}
}

func TestMetrics(t *testing.T) {
	d := newDesktop(t, nil)
	d.hook(string(hook(1)))
	waitFor(t, func() bool { return d.View().counts.attempts[[2]string{"sms", "sent"}] == 2 })
	want := `
# HELP watchpost_oncall_attempts_total Pages handed to a channel, by result.
# TYPE watchpost_oncall_attempts_total counter
watchpost_oncall_attempts_total{channel="sms",result="failed"} 0
watchpost_oncall_attempts_total{channel="sms",result="sent"} 2
# HELP watchpost_oncall_officers_on_duty Officers on duty now.
# TYPE watchpost_oncall_officers_on_duty gauge
watchpost_oncall_officers_on_duty 2
`
	if err := testutil.GatherAndCompare(d.reg, strings.NewReader(want), "watchpost_oncall_attempts_total", "watchpost_oncall_officers_on_duty"); err != nil {
		t.Error(err)
	}
	if problems, err := testutil.GatherAndLint(d.reg); err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v %v", problems, err)
	}
}

func TestSecretsAreReadableByTheOwnerOnly(t *testing.T) {
	d := newDesktop(t, nil)
	for _, name := range []string{"secret", "webhook-token"} {
		st, err := os.Stat(filepath.Join(d.dir, name))
		if err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, page := d.req("GET", "/oncall/", "root", ""); strings.Contains(page, d.auth) || strings.Contains(page, "+8490000000") {
		t.Error("a secret or a number stands on the page")
	}
}

func TestSummaryOverTheAPI(t *testing.T) {
	d := newDesktop(t, nil)
	d.hook(string(hook(1)))
	if err := d.Acknowledge(t.Context(), d.live().ID, "an", "web"); err != nil {
		t.Fatal(err)
	}
	day := func(add time.Duration) string { return url.QueryEscape(time.Now().Add(add).Format(time.RFC3339)) }
	code, body := d.req("GET", "/api/oncall/summary?from="+day(-time.Hour)+"&to="+day(time.Hour), "ha", "")
	var s struct{ Incidents, Acknowledged int }
	if err := json.Unmarshal([]byte(body), &s); code != 200 || err != nil || s.Incidents != 1 || s.Acknowledged != 1 {
		t.Errorf("%d %v %s", code, err, body)
	}
}
