package zone_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/dnslab"
	"watchpost.example/probes/dns/zone"
)

// registry is an RDAP service on loopback that counts what it is asked.
type registry struct {
	*httptest.Server
	asked atomic.Int32
	paths sync.Map
	serve http.HandlerFunc
}

func newRegistry(t *testing.T, serve http.HandlerFunc) *registry {
	t.Helper()
	r := &registry{serve: serve}
	r.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.asked.Add(1)
		r.paths.Store(req.URL.Path, true)
		r.serve(w, req)
	}))
	r.Config.ErrorLog = log.New(io.Discard, "", 0) // askers that hang up are what is tried
	r.StartTLS()
	t.Cleanup(r.Close)
	return r
}

func (r *registry) source(t *testing.T, domains ...string) *zone.RDAP {
	t.Helper()
	list := fmt.Sprintf(`{"version":"1.0","services":[[["%s"],["http://127.0.0.1:1/","%s/rdap/"]]]}`, strings.Join(domains, `","`), r.URL)
	path := filepath.Join(t.TempDir(), "dns.json")
	if err := os.WriteFile(path, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	servers, err := zone.ReadBootstrap(path)
	if err != nil {
		t.Fatal(err)
	}
	return zone.NewRDAP(r.Client().Transport, servers)
}

func answer(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/rdap+json")
		_, _ = w.Write([]byte(body))
	}
}

func TestRDAP(t *testing.T) {
	r := newRegistry(t, answer(rdapAnswer))
	s := r.source(t, "example", "com")
	got, err := s.Registration(t.Context(), "so-y-te.example.")
	if err != nil || !got.Expires.Equal(time.Date(2027, 9, 2, 0, 0, 0, 0, time.UTC)) || !slices.Contains(got.Status, "client transfer prohibited") || got.Source != "rdap" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, ok := r.paths.Load("/rdap/domain/so-y-te.example"); !ok {
		t.Error("asked at another path")
	}
	for _, d := range []string{"donvi.gov.vn", "vn", ""} { // the registry of .vn has none and is never asked
		if got, err := s.Registration(t.Context(), d); got != nil || err != nil {
			t.Errorf("%s: %v, %v", d, got, err)
		}
	}
	if n := r.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	var wg sync.WaitGroup // the library's client is filled before, so that this is no race
	for range 8 {
		wg.Go(func() { _, _ = s.Registration(t.Context(), "so-y-te.example") })
	}
	wg.Wait()
}

// What a registry may do to us.
func TestHostileRegistry(t *testing.T) {
	inside := httptest.NewServer(answer(rdapAnswer))
	defer inside.Close()
	hang := make(chan struct{})
	defer close(hang)
	for name, serve := range map[string]http.HandlerFunc{
		"another domain": answer(strings.ReplaceAll(rdapAnswer, "so-y-te", "khac")),
		"another object": answer(`{"objectClassName":"nameserver","ldhName":"so-y-te.example"}`),
		"garbage":        answer("\x00\xff<html>"),
		"empty":          answer(""),
		"too long":       answer(strings.Replace(rdapAnswer, "{", `{"port43":"`+strings.Repeat("x", 2<<20)+`",`, 1)),
		"an error":       func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) },
		"sent to http":   func(w http.ResponseWriter, req *http.Request) { http.Redirect(w, req, inside.URL, http.StatusFound) },
		"sent around": func(w http.ResponseWriter, req *http.Request) {
			http.Redirect(w, req, req.URL.Path+"x", http.StatusFound)
		},
		"without end": func(w http.ResponseWriter, req *http.Request) {
			for req.Context().Err() == nil {
				if _, err := w.Write([]byte(strings.Repeat(" ", 64<<10))); err != nil {
					return
				}
			}
		},
		"without a word": func(_ http.ResponseWriter, req *http.Request) {
			select {
			case <-req.Context().Done():
			case <-hang:
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRegistry(t, serve)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			if got, err := r.source(t, "example").Registration(ctx, "so-y-te.example"); !errors.Is(err, zone.ErrRDAP) || got != nil {
				t.Errorf("%+v, %v", got, err)
			}
			if n := r.asked.Load(); n > 5 {
				t.Errorf("asked %d times", n)
			}
		})
	}
}

func TestBootstrapMistakes(t *testing.T) {
	dir := t.TempDir()
	for text, want := range map[string]string{
		"": "no list", `{"services":[]}`: "names no service", `{"services":[[["com"],["http://x/"]]]}`: "names no service", `{"services":[["com"]]}`: "no list",
	} {
		path := filepath.Join(dir, "dns.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := zone.ReadBootstrap(path); !errors.Is(err, zone.ErrRDAP) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// contracted is a registrar's API under contract: all it takes is the interface.
type contracted struct {
	asked atomic.Int32
	ends  time.Time
	err   error
}

func (c *contracted) Registration(_ context.Context, domain string) (*zone.Registration, error) {
	c.asked.Add(1)
	if c.err != nil {
		return nil, c.err
	}
	return &zone.Registration{Domain: domain, Expires: c.ends, Source: "hợp đồng 01", At: time.Now(), Status: []string{"active"}}, nil
}

// A second source is plugged in beside RDAP: it is asked for what RDAP doesn't
// cover, once a day, over restarts too; what fails is asked again in an hour.
func TestRegistriesAreAskedOnceADay(t *testing.T) {
	w := dnslab.Healthy().Start(t)
	r := newRegistry(t, answer(rdapAnswer))
	api := &contracted{ends: time.Now().Add(20 * day)}
	dir := t.TempDir()
	m, _ := memoryIn(t, dir)
	look := func(m *zone.Memory) zone.Outcome {
		p := plan(nil)
		p.Registration = &zone.Registration{Domain: "donvi.gov.vn", Expires: time.Now().Add(300 * day), At: time.Now(), By: "an", Source: "manual", Locks: []string{"serverHold"}}
		return env(t, w, func(o *zone.Options) {
			o.Memory, o.Registries = m, []zone.RegistrationSource{r.source(t, "example"), api}
		}).Check(t.Context(), p)
	}
	for range 3 {
		o := look(m)
		if f := o.Judgement.Findings; len(f) != 2 || o.Registration.Source != "hợp đồng 01" || f[0].Reason != "dns_registration_lock" || f[1].Reason != "dns_registration_soon" {
			t.Fatalf("%+v\n%s", o.Registration, lines(f))
		}
	}
	written(t, m)
	m, _ = memoryIn(t, dir)
	if o := look(m); o.Registration.Source != "hợp đồng 01" || api.asked.Load() != 1 || r.asked.Load() != 0 {
		t.Errorf("%+v, asked %d and %d times", o.Registration, api.asked.Load(), r.asked.Load())
	}
	api.err = errors.New("hết hạn hợp đồng")
	empty := zone.NewMemory()
	for range 3 { // what people entered stands in
		if o := look(empty); o.Registration.Source != "manual" || len(o.Judgement.Findings) > 0 {
			t.Errorf("%+v\n%s", o.Registration, lines(o.Judgement.Findings))
		}
	}
	if n := api.asked.Load(); n != 2 {
		t.Errorf("asked %d times, want one failure within the hour", n-1)
	}
}

func TestRegistrationSteps(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		left time.Duration
		want string // severity and what the step expects
	}{
		{90*day + time.Second, ""},
		{90*day - time.Second, "note at least 90 days left"},
		{60*day - time.Second, "ticket at least 60 days left"},
		{30*day - time.Second, "ticket at least 30 days left"},
		{14*day - time.Second, "today at least 14 days left"},
		{7*day - time.Second, "today at least 7 days left"},
		{day - time.Second, "page at least 1 days left"},
		{-time.Second, "page registered"},
	} {
		got := ""
		for _, f := range zone.JudgeRegistration(&zone.Registration{Domain: "d.example", Expires: now.Add(c.left), At: now, By: "an"}, "d.example.", now) {
			got = fmt.Sprint(f.Severity, " ", f.Expected)
		}
		if got != c.want {
			t.Errorf("%v: %q, want %q", c.left, got, c.want)
		}
	}
	far := now.Add(900 * day)
	for name, c := range map[string]struct {
		r    zone.Registration
		want probes.Reason
	}{
		"entered by a person, a year ago": {zone.Registration{Expires: far, At: now.Add(-380 * day), By: "an"}, ""},
		"entered too long ago":            {zone.Registration{Expires: far, At: now.Add(-401 * day), By: "an"}, zone.RegistrationUnknown},
		"said by a registry last month":   {zone.Registration{Expires: far, At: now.Add(-31 * day)}, zone.RegistrationUnknown},
		"old, and over by now":            {zone.Registration{Expires: now.Add(-day), At: now.Add(-401 * day), By: "an"}, zone.RegistrationExpired},
		"on hold":                         {zone.Registration{Expires: far, At: now, Status: []string{"server hold"}}, zone.RegistrationExpired},
	} {
		var got probes.Reason
		for _, f := range zone.JudgeRegistration(&c.r, "d.example.", now) {
			got = f.Reason
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestRegistrationList(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	l, err := zone.ParseRegistrations("/etc/ten-mien.csv", strings.NewReader("\ufeffdomain,expires,by,entered,locks\n# nhập tay\nDonVi.gov.vn,2027-09-02,Tổ trực,2026-11-20,serverTransferProhibited clientHold\n\nso-y-te.example, 2026-12-01, an, 2026-11-22\n"), now)
	if err != nil {
		t.Fatal(err)
	}
	r, err := l.Registration(t.Context(), "donvi.gov.vn")
	// It holds through its last day, as counted in Vietnam.
	if err != nil || r == nil || !r.Expires.Equal(time.Date(2027, 9, 2, 16, 59, 59, 0, time.UTC)) || r.Source != "ten-mien.csv" || r.By != "Tổ trực" || len(r.Locks) != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	r.Locks[0] = "x"
	if again, _ := l.Registration(t.Context(), "donvi.gov.vn."); again.Locks[0] == "x" {
		t.Error("the list can be changed from outside")
	}
	if r, err := l.Registration(t.Context(), "khac.example"); r != nil || err != nil {
		t.Error(r, err)
	}
	_, err = zone.ParseRegistrations("d.csv", strings.NewReader("domain,expires,by,entered\na.example,2027-02-30,an,2026-11-20\nb,2027-01-01,an,2026-11-20\nc.example,2027-01-01,,2027-11-20\nd.example,2027-01-01\ne.example,2027-01-01,an,hôm qua\nf.example,2027-01-01,an,2026-01-01\nf.example,2027-01-01,an,2026-01-01\n\"g\"x,1,2,3\n"), now)
	if !errors.Is(err, zone.ErrRegistrations) {
		t.Fatal(err)
	}
	for _, want := range []string{"d.csv:2: expires \"2027-02-30\"", "d.csv:3: \"b\" is no domain", "d.csv:4: nobody", "d.csv:4: entered 2027-11-20 lies in the future", "d.csv:5: 2 fields", "d.csv:6: entered", "d.csv:8: f.example stands in line 7", "d.csv:9:"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no word of %q in\n%v", want, err)
		}
	}
	// The newest of what people entered counts.
	w := dnslab.Healthy().Start(t)
	for entered, want := range map[string]string{"2026-11-20": "manual", "2026-11-22": "l.csv"} {
		l, err := zone.ParseRegistrations("l.csv", strings.NewReader("donvi.gov.vn,2099-01-01,binh,"+entered), now)
		if err != nil {
			t.Fatal(err)
		}
		p := plan(nil)
		p.Registration = &zone.Registration{Domain: "donvi.gov.vn", Expires: now.Add(900 * day), At: now.Add(-24 * time.Hour), By: "an", Source: "manual"}
		o := env(t, w, func(o *zone.Options) { o.Registrations = []zone.RegistrationSource{l} }).Check(t.Context(), p)
		if o.Registration.Source != want {
			t.Errorf("entered %s: %s, want %s", entered, o.Registration.Source, want)
		}
	}
}

func FuzzRegistrations(f *testing.F) {
	f.Add("domain,expires,by,entered,locks\na.example,2027-01-01,an,2026-11-20,x y\n")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := zone.ParseRegistrations("f", strings.NewReader(text), time.Now())
		if (l == nil) == (err == nil) {
			t.Fatal(l, err)
		}
	})
}
