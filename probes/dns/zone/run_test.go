package zone_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/baseline"
	"watchpost.example/probes/dns/dnslab"
	"watchpost.example/probes/dns/zone"
)

// request is the command line on a world: files as an outside judge gives them.
func request(t *testing.T, w *dnslab.World) zone.Request {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	return zone.Request{Zone: "donvi.gov.vn", HintsFile: write("hints", w.Hints()), AnchorFile: write("anchor", w.Anchor()), Port: w.Port, Timeout: 600 * time.Millisecond}
}

func TestRunFromLearningToFinding(t *testing.T) {
	keys := healthyKeys()
	w := world(keys).Start(t)
	r := request(t, w)
	file := filepath.Join(t.TempDir(), "b.yaml")
	if _, _, err := zone.Learn(t.Context(), r, file, "ca trực 1", "lần đầu"); err != nil {
		t.Fatal(err)
	}
	r.Baseline = file
	res, err := zone.Run(t.Context(), r)
	if err != nil || res.Exit != 0 || len(res.Findings) != 0 {
		t.Fatalf("healthy: %v, exit %d, %+v", err, res.Exit, res.Findings)
	}
	changed := world(keys)
	changed.Unit().Records[6] = "www.donvi.gov.vn. 300 IN A 127.99.6.66"
	r2 := request(t, changed.Start(t))
	r2.Baseline = file
	res, err = zone.Run(t.Context(), r2)
	if err != nil || res.Exit != 1 || len(res.Findings) != 2 {
		t.Fatalf("changed: %v, exit %d, %+v", err, res.Exit, res.Findings)
	}
	checkJSON(t, res)
	checkTree(t, res)
	diff, err := zone.DiffFile(t.Context(), r2, file)
	if err != nil || !strings.Contains(strings.Join(diff, "\n"), "+ www.donvi.gov.vn. A 127.99.6.66") || len(diff) != 2 {
		t.Fatalf("diff %q, %v", diff, err)
	}
	if _, err := zone.ApproveFile(t.Context(), r2, file, "tổ trưởng", "đã đối chiếu"); err != nil {
		t.Fatal(err)
	}
	res, err = zone.Run(t.Context(), r2)
	if err != nil || res.Exit != 0 {
		t.Errorf("approved: %v, %+v", err, res.Findings)
	}
	b, err := baseline.Load(file)
	if err != nil || b.Approved.By != "tổ trưởng" || b.Approved.At.IsZero() {
		t.Errorf("approval %+v, %v", b, err)
	}
	if _, _, err := zone.Learn(t.Context(), r2, file, "x", ""); !errors.Is(err, zone.ErrUse) {
		t.Errorf("an approved file was learned over: %v", err)
	}
}

func checkJSON(t *testing.T, res zone.Result) {
	t.Helper()
	b, err := json.Marshal(res)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"schema", "zone", "at", "took_ms", "verdict", "dnssec", "findings", "chain", "delegation", "servers", "queries", "queries_to_parent", "evidence", "exit"} {
		if _, ok := got[k]; !ok {
			t.Errorf("the JSON has no %s", k)
		}
	}
	f := got["findings"].([]any)[0].(map[string]any)
	for k, want := range map[string]any{
		"reason": "dns_record_changed", "severity": "page", "zone": unit, "server": "ns1.donvi.gov.vn.",
		"record": "www.donvi.gov.vn. A", "expected": "127.99.0.1", "found": "127.99.6.66",
	} {
		if f[k] != want {
			t.Errorf("finding's %s is %v, want %v", k, f[k], want)
		}
	}
	hash, _ := f["evidence"].(string)
	if text := res.Evidence[hash]; !strings.Contains(text, "127.99.6.66") {
		t.Errorf("evidence %q holds no packet:\n%s", hash, text)
	}
}

func checkTree(t *testing.T, res zone.Result) {
	t.Helper()
	for lang, wants := range map[string][]string{
		"vi": {". (gốc)", "gov.vn.", "ns1.donvi.gov.vn", "KHẨN CẤP", "Nội dung bản ghi khác", "127.99.6.66", "DNSSEC hợp lệ"},
		"en": {". (root)", "PAGE NOW", "not the approved one", "DNSSEC valid"},
	} {
		var b bytes.Buffer
		if err := zone.Tree(&b, res, lang); err != nil {
			t.Fatal(err)
		}
		for _, w := range wants {
			if !strings.Contains(b.String(), w) {
				t.Errorf("%s: no %q in\n%s", lang, w, b.String())
			}
		}
		t.Log("\n" + b.String())
	}
}

func TestRunTellsBadUseAndNotKnowing(t *testing.T) {
	w := dnslab.Healthy().Start(t)
	good := request(t, w)
	for name, change := range map[string]func(*zone.Request){
		"no zone":      func(r *zone.Request) { r.Zone = "" },
		"no hints":     func(r *zone.Request) { r.HintsFile = "/no/such/file" },
		"wrong hints":  func(r *zone.Request) { r.HintsFile = r.AnchorFile },
		"wrong anchor": func(r *zone.Request) { r.AnchorFile = r.HintsFile },
		"no baseline":  func(r *zone.Request) { r.Baseline = "/no/such/file" },
		"resolver":     func(r *zone.Request) { r.Resolvers = []string{"resolver.example"} },
	} {
		r := good
		change(&r)
		if _, err := zone.Run(t.Context(), r); !errors.Is(err, zone.ErrUse) {
			t.Errorf("%s: %v", name, err)
		}
	}
	r := good
	r.Port = 1 // nobody there
	res, err := zone.Run(t.Context(), r)
	if err != nil || res.Exit != 3 || res.Verdict != probes.Unknown || !res.Reason.Ours() {
		t.Errorf("no root server: %v, exit %d, %v %v", err, res.Exit, res.Verdict, res.Reason)
	}
	if _, _, err := zone.Learn(t.Context(), r, filepath.Join(t.TempDir(), "b"), "x", ""); !errors.Is(err, zone.ErrCannotLearn) {
		t.Errorf("learned from nothing: %v", err)
	}
}

func TestProberKeepsItsDeadlineAndPromises(t *testing.T) {
	w := dnslab.Healthy().Build()
	for _, s := range w.Servers {
		s.Faults = []dnslab.Fault{func(x *dnslab.Exchange) { x.Raw = [][]byte{} }}
	}
	w.Start(t)
	for _, k := range zone.Kinds(env(t, w)) {
		s := k.New()
		s.(probes.Targeted).SetTarget("https://www.donvi.gov.vn/")
		p, err := s.Prober()
		if err != nil || len(s.Problems()) > 0 {
			t.Fatal(err, s.Problems())
		}
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		o := p.Probe(ctx)
		cancel()
		if took := time.Since(start); took > 500*time.Millisecond || o.Verdict != probes.Unknown {
			t.Errorf("%s: %v after %v: %s", k.Name, o.Verdict, took, o.Detail)
		}
	}
}

func TestNameKind(t *testing.T) {
	w := dnslab.Healthy().Build()
	w.Server(ns2).Faults = []dnslab.Fault{func(x *dnslab.Exchange) {
		if x.Name == www {
			x.Reply.Answer = unsigned(x.Reply.Answer)
		}
	}}
	w.Start(t)
	s := zone.Kinds(env(t, w))[1].New().(*zone.NameSettings)
	s.Name = "www.donvi.gov.vn"
	p, err := s.Prober()
	if err != nil {
		t.Fatal(err)
	}
	o := p.Probe(t.Context())
	if o.Verdict != probes.Degraded || len(o.Findings) != 1 || o.Findings[0].Reason != "dns_sig_missing" || !strings.HasPrefix(o.Findings[0].Where, "ns2.") || o.Findings[0].Evidence == "" {
		t.Errorf("%v %v\n%+v", o.Verdict, o.Detail, o.Findings)
	}
	if len(o.Parts) != 2 || o.Parts[0].Verdict != probes.Up || o.Parts[1].Verdict == probes.Up {
		t.Errorf("parts %+v", o.Parts)
	}
}

func TestPersistenceRaisesALag(t *testing.T) {
	keys := healthyKeys()
	w := world(keys)
	l := &lab{World: w}
	l.on(ns2N, func(d *dnslab.Data) { older(l, d) })
	w.Start(t)
	o := env(t, w).Check(t.Context(), plan(nil))
	for age, want := range map[time.Duration]probes.Severity{0: probes.Note, 4 * time.Hour: probes.Ticket, 11 * 24 * time.Hour: probes.Today} {
		lim := zone.Limits{Lags: func(string, bool) time.Time { return o.Look.At.Add(-age) }}
		j := zone.Judge(o.Look, nil, lim, o.Look.At)
		if len(j.Findings) != 1 || j.Findings[0].Severity != want {
			t.Errorf("after %v: %s, want %v", age, lines(j.Findings), want)
		}
	}
}

// A fault that is gone a moment later was none.
func TestTwoLooks(t *testing.T) {
	w := dnslab.Healthy().Build()
	var n atomic.Int32
	w.Server(ns2).Faults = []dnslab.Fault{func(x *dnslab.Exchange) {
		if x.Name == www && x.Type == 1 {
			if n.Add(1) == 1 {
				rcode(2)(x)
			}
		}
	}}
	w.Start(t)
	if o := env(t, w).Check(t.Context(), plan(nil)); len(o.Judgement.Findings) > 0 || n.Load() < 2 {
		t.Errorf("%d asks\n%s", n.Load(), lines(o.Judgement.Findings))
	}
}

func TestRegistration(t *testing.T) {
	w := dnslab.Healthy().Start(t)
	e := env(t, w)
	now := time.Now()
	for name, c := range map[string]struct {
		r    zone.Registration
		want string
		sev  probes.Severity
	}{
		"far":     {zone.Registration{Expires: now.Add(300 * day), At: now}, "", 0},
		"90 days": {zone.Registration{Expires: now.Add(80 * day), At: now}, "dns_registration_soon", probes.Note},
		"30 days": {zone.Registration{Expires: now.Add(20 * day), At: now}, "dns_registration_soon", probes.Ticket},
		"a week":  {zone.Registration{Expires: now.Add(6 * day), At: now}, "dns_registration_soon", probes.Today},
		"today":   {zone.Registration{Expires: now.Add(3 * time.Hour), At: now}, "dns_registration_soon", probes.PageNow},
		"over":    {zone.Registration{Expires: now.Add(-day), At: now}, "dns_registration_expired", probes.PageNow},
		"old":     {zone.Registration{Expires: now.Add(300 * day), At: now.Add(-500 * day)}, "dns_registration_unknown", probes.Ticket},
		"lock":    {zone.Registration{Expires: now.Add(300 * day), At: now, Status: []string{"ok"}, Locks: []string{"serverHold"}}, "dns_registration_lock", probes.Today},
	} {
		p := plan(nil)
		p.Registration = &c.r
		fs := e.Check(t.Context(), p).Judgement.Findings
		switch {
		case c.want == "" && len(fs) == 0:
		case len(fs) != 1 || string(fs[0].Reason) != c.want || fs[0].Severity != c.sev:
			t.Errorf("%s: %s", name, lines(fs))
		}
	}
}
