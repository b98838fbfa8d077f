package oncall

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/crypto/bcrypt"

	"watchpost.example/alerting"
	"watchpost.example/alerting/oncall/auth"
	"watchpost.example/alerting/oncall/incident"
	"watchpost.example/alerting/oncall/journal"
)

const password = "correct horse battery"

// desktop is a running service with users an (act), ha (view) and root (admin),
// and an HTTP server before it.
type desktop struct {
	*Service
	t    *testing.T
	url  string
	sms  *phone
	dir  string
	reg  *prometheus.Registry
	auth string // of the webhook
}

type fakeSilencer struct{ got []Silence }

func (f *fakeSilencer) Silence(_ context.Context, s Silence) (string, error) {
	f.got = append(f.got, s)
	return fmt.Sprintf("silence-%d", len(f.got)), nil
}
func (f *fakeSilencer) Expire(context.Context, string) error { return nil }

func newDesktop(t *testing.T, change func(*Options)) *desktop {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	text := "users:\n"
	for name, role := range map[string]string{"an": "act", "ha": "view", "root": "admin"} {
		text += fmt.Sprintf("  - {name: %s, role: %s, password: %q}\n", name, role, hash)
	}
	users, problems := auth.Parse("users.yaml", []byte(text))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	d := &desktop{t: t, sms: newPhone("sms"), dir: t.TempDir(), reg: prometheus.NewPedanticRegistry()}
	opt := Options{
		Dir: d.dir, Roster: testRoster(time.Now()), Channels: []alerting.Channel{d.sms}, Users: users, Registerer: d.reg,
		WatchdogWithin: -1, ExternalURL: "http://watch.example", Silencer: &fakeSilencer{}, Heartbeats: []Heartbeat{{Name: "backup"}},
	}
	if change != nil {
		change(&opt)
	}
	s, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		srv.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	d.Service, d.url, d.auth = s, srv.URL, s.WebhookToken()
	return d
}

// req is one request; with a user it is signed in by Basic.
func (d *desktop) req(method, path, user, body string, header ...string) (int, string) {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), method, d.url+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	if user != "" {
		req.SetBasicAuth(user, password)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := c.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func (d *desktop) hook(body string) int {
	d.t.Helper()
	code, _ := d.req(http.MethodPost, "/oncall/webhook", "", body, "Authorization", "Bearer "+d.auth)
	return code
}

func (d *desktop) live() incident.Incident {
	d.t.Helper()
	for _, in := range d.View().Incidents {
		if in.Status.Live() {
			return in
		}
	}
	d.t.Fatal("no live incident")
	return incident.Incident{}
}

func TestWebhook(t *testing.T) {
	d := newDesktop(t, nil)
	for name, tt := range map[string]struct {
		auth, body string
		want       int
	}{
		"no token":       {"", string(hook(1)), 401},
		"wrong token":    {"Bearer x", string(hook(1)), 401},
		"not JSON":       {"Bearer " + d.auth, "<xml>", 400},
		"version 3":      {"Bearer " + d.auth, `{"version":"3","groupKey":"g"}`, 400},
		"no group key":   {"Bearer " + d.auth, `{"version":"4"}`, 400},
		"too large":      {"Bearer " + d.auth, `{"version":"4","x":"` + strings.Repeat("a", MaxWebhook) + `"}`, 413},
		"unknown fields": {"Bearer " + d.auth, strings.Replace(string(hook(1)), `"version"`, `"notification_reason":"x","routeLabels":{"a":"b"},"version"`, 1), 200},
		"empty group":    {"Bearer " + d.auth, `{"version":"4","groupKey":"g0","alerts":[]}`, 200},
	} {
		t.Run(name, func(t *testing.T) {
			var h []string
			if tt.auth != "" {
				h = []string{"Authorization", tt.auth}
			}
			if code, body := d.req(http.MethodPost, "/oncall/webhook", "", tt.body, h...); code != tt.want {
				t.Errorf("got %d %s, want %d", code, body, tt.want)
			}
		})
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.url+"/oncall/webhook", strings.NewReader(string(hook(2))))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("alertmanager", d.auth)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != 200 {
		t.Errorf("Basic: %d %v", resp.StatusCode, err)
	}
	if n := len(d.View().Incidents); n != 2 {
		t.Errorf("%d incidents, want 2", n)
	}
}

func TestRoles(t *testing.T) {
	d := newDesktop(t, nil)
	if code := d.hook(string(hook(1))); code != 200 {
		t.Fatal(code)
	}
	id := d.live().ID
	ack := "/api/oncall/incidents/" + id + "/ack"
	for _, tt := range []struct {
		method, path, user string
		want               int
	}{
		{"GET", "/api/oncall/incidents", "", 401},
		{"GET", "/api/oncall/incidents", "ha", 200},
		{"GET", "/api/oncall/duty", "ha", 200},
		{"GET", "/duty", "ha", 200},
		{"GET", "/duty.ics", "ha", 200},
		{"GET", "/oncall/", "ha", 200},
		{"GET", "/oncall/incident/" + id, "ha", 200},
		{"GET", "/oncall/incident/nope", "ha", 404},
		{"GET", "/oncall/health", "", 200},
		{"POST", ack, "", 401},
		{"POST", ack, "ha", 403},
		{"POST", ack, "an", 200},
		{"POST", "/api/oncall/incidents/nope/ack", "an", 404},
		{"POST", "/api/oncall/incidents/" + id + "/explode", "an", 400},
		{"POST", "/api/oncall/drill", "an", 403},
		{"POST", "/api/oncall/drill", "root", 200},
	} {
		if code, body := d.req(tt.method, tt.path, tt.user, "{}", "Content-Type", "application/json"); code != tt.want {
			t.Errorf("%s %s as %q: %d, want %d: %.200s", tt.method, tt.path, tt.user, code, tt.want, body)
		}
	}
	in, _, err := d.Incident(t.Context(), id)
	if err != nil || !in.HasAcked("an") || in.Acks[0].How != "api" {
		t.Errorf("acks %+v, %v", in.Acks, err)
	}
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	d := newDesktop(t, nil)
	d.hook(string(hook(1)))
	id := d.live().ID
	path := "/oncall/incident/" + id + "/ack"
	_, page := d.req("GET", "/oncall/incident/"+id, "an", "")
	_, after, _ := strings.Cut(page, `name="form" value="`)
	token, _, _ := strings.Cut(after, `"`)
	good := url.Values{"form": {token}}.Encode()
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	for name, tt := range map[string]struct {
		body   string
		header []string
		want   int
	}{
		"no token":     {"", nil, 403},
		"wrong token":  {"form=x", nil, 403},
		"cross-site":   {good, []string{"Sec-Fetch-Site", "cross-site"}, 403},
		"other origin": {good, []string{"Origin", "https://evil.example"}, 403},
		"API by form":  {good, nil, 403},
	} {
		if code, _ := d.req("POST", path, "an", tt.body, append(form, tt.header...)...); name != "API by form" && code != tt.want {
			t.Errorf("%s: %d, want %d", name, code, tt.want)
		}
	}
	if code, _ := d.req("POST", "/api/oncall/incidents/"+id+"/ack", "an", good, form...); code != 415 {
		t.Errorf("the API took a form: %d", code)
	}
	if in := d.live(); len(in.Acks) != 1 && in.Status != incident.Open {
		t.Errorf("%s %+v", in.Status, in.Acks)
	}
	if code, body := d.req("POST", path, "an", good, append(form, "Sec-Fetch-Site", "same-origin")...); code != 303 {
		t.Errorf("the right form: %d %s", code, body)
	}
	if in := d.live(); in.Status != incident.Acknowledged || in.Acks[0].How != "web" {
		t.Errorf("%s %+v", in.Status, in.Acks)
	}
}

func TestOneTimeLink(t *testing.T) {
	d := newDesktop(t, nil)
	d.hook(string(hook(1)))
	waitFor(t, func() bool { return len(d.sms.all()) >= 1 })
	page := d.sms.all()[0]
	u, err := url.Parse(page.page.AckURL)
	if err != nil || u.Path == "" {
		t.Fatalf("%q: %v", page.page.AckURL, err)
	}
	if strings.Contains(page.page.Short, u.Path) {
		t.Error("the link stands in the SMS")
	}
	// A messenger's preview opens it, twice.
	for range 2 {
		code, body := d.req("GET", u.Path, "", "")
		if code != 200 || !strings.Contains(body, `<form method="post"`) {
			t.Fatalf("%d %s", code, body)
		}
	}
	if in := d.live(); in.Status != incident.Open {
		t.Fatalf("opening the link acknowledged: %s", in.Status)
	}
	if code, _ := d.req("POST", u.Path[:len(u.Path)-3]+"AAA", "", ""); code != 404 {
		t.Errorf("a forged link: %d", code)
	}
	// A push button posts without a cookie, even from another origin.
	if code, body := d.req("POST", u.Path, "", "", "Origin", "https://ntfy.example", "Sec-Fetch-Site", "cross-site"); code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	in := d.live()
	if in.Status != incident.Acknowledged || in.Acks[0].Who != who(page.address) || in.Acks[0].How != "link" {
		t.Errorf("%s %+v", in.Status, in.Acks)
	}
	for _, method := range []string{"POST", "GET"} {
		if code, _ := d.req(method, u.Path, "", ""); code != http.StatusGone {
			t.Errorf("%s of the used link: %d, want 410", method, code)
		}
	}
}

func waitFor(t *testing.T, f func() bool) {
	t.Helper()
	for begun := time.Now(); !f(); {
		if time.Since(begun) > 10*time.Second {
			t.Fatal("it did not happen within 10 s")
		}
		<-time.After(time.Millisecond)
	}
}

func TestSilenceNeedsReasonAndEnd(t *testing.T) {
	f := &fakeSilencer{}
	d := newDesktop(t, func(o *Options) { o.Silencer = f })
	d.hook(string(hook(1)))
	path := "/api/oncall/incidents/" + d.live().ID + "/silence"
	for body, want := range map[string]int{
		`{"reason":"","until":"2h"}`:                      400,
		`{"reason":"bảo trì","until":""}`:                 400,
		`{"reason":"bảo trì","until":"-2h"}`:              400,
		`{"reason":"bảo trì","until":"900h"}`:             400,
		`{"reason":"bảo trì theo kế hoạch","until":"2h"}`: 200,
	} {
		if code, answer := d.req("POST", path, "an", body, "Content-Type", "application/json"); code != want {
			t.Errorf("%s: %d %s, want %d", body, code, answer, want)
		}
	}
	if len(f.got) != 1 || f.got[0].Matchers["unit"] != "u1" || f.got[0].Comment != "bảo trì theo kế hoạch" || f.got[0].By != "an" {
		t.Errorf("Alertmanager got %+v", f.got)
	}
	if in := d.live(); in.Status != incident.Acknowledged || in.SilencedUntil.IsZero() {
		t.Errorf("%+v", in.Status)
	}
}

func TestLoginIsThrottledAndJournalled(t *testing.T) {
	d := newDesktop(t, nil)
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	good := url.Values{"name": {"an"}, "password": {password}, "to": {"//evil.example"}}.Encode()
	if code, _ := d.req("POST", "/oncall/login", "", good, form...); code != 303 {
		t.Errorf("the right password: %d", code)
	}
	bad := url.Values{"name": {"an"}, "password": {"wrong-secret"}}.Encode()
	last := 0
	for range 8 {
		last, _ = d.req("POST", "/oncall/login", "", bad, form...)
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("after eight wrong passwords: %d", last)
	}
	waitFor(t, func() bool {
		refused := 0
		for e, err := range journal.Read(filepath.Join(d.dir, "journal")) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Kind == journal.Login && e.What == "refused" {
				refused++
			}
			if strings.Contains(fmt.Sprint(e), "wrong-secret") {
				t.Fatal("a password stands in the journal")
			}
		}
		return refused == 5 // the throttled ones leave no line
	})
}

func TestLocalPath(t *testing.T) {
	for in, want := range map[string]string{
		"/duty": "/duty", "": "/oncall/", "//evil.example": "/oncall/", "https://evil.example": "/oncall/", "/\\evil.example": "/oncall/", "/a\r\nb": "/oncall/",
	} {
		if got := localPath(in); got != want {
			t.Errorf("localPath(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestHostileAlertIsShownHarmless(t *testing.T) {
	d := newDesktop(t, nil)
	body := strings.ReplaceAll(string(hook(1)), "khong truy cap duoc", `<script>alert(1)</script>`)
	body = strings.Replace(body, `"annotations":{`, `"annotations":{"runbook_url":"javascript:alert(1)","description":"\u0000\u202e<img src=x onerror=alert(1)>",`, 1)
	if code := d.hook(body); code != 200 {
		t.Fatal(code)
	}
	for _, path := range []string{"/oncall/", "/oncall/incident/" + d.live().ID} {
		code, page := d.req("GET", path, "an", "")
		if code != 200 || strings.Contains(page, "<script>alert") || strings.Contains(page, "javascript:alert") || strings.Contains(page, "<img") {
			t.Errorf("%s: %d %s", path, code, page)
		}
	}
}

func TestHeadersForbidScripts(t *testing.T) {
	d := newDesktop(t, nil)
	resp, err := http.Get(d.url + "/oncall/login")
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if got := resp.Header.Get("Content-Security-Policy"); !strings.Contains(got, "default-src 'none'") || strings.Contains(got, "unsafe") {
		t.Errorf("CSP %q", got)
	}
}
