package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// bridge is a webhook channel's other end: what an officer's telephone shows.
type bridge struct {
	url string
	mu  sync.Mutex
	got []bridged
}

type bridged struct {
	Kind, Subject, Text, Code string
	at                        time.Time
}

func newBridge(t *testing.T) *bridge {
	t.Helper()
	b := &bridge{}
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		x := bridged{at: time.Now()}
		if err := json.NewDecoder(r.Body).Decode(&x); err != nil {
			t.Errorf("a page that is no JSON: %v", err)
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.got = append(b.got, x)
	}))
	t.Cleanup(s.Close)
	b.url = s.URL
	return b
}

// pages gives the pages of a kind whose subject holds a text.
func (b *bridge) pages(kind, text string) (out []bridged) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, x := range b.got {
		if x.Kind == kind && strings.Contains(x.Subject, text) {
			out = append(out, x)
		}
	}
	return out
}

// station is one watchpost as a process of its own, with its own state, address
// and telephone.
type station struct {
	t       *testing.T
	name    string
	dir     string
	address string
	phone   *bridge
	cmd     *exec.Cmd
	out     *journal
	client  *http.Client
	scheme  string
}

func newStation(t *testing.T, name, address, peers string) *station {
	t.Helper()
	s := &station{t: t, name: name, dir: t.TempDir(), address: address, phone: newBridge(t), out: &journal{}, client: http.DefaultClient, scheme: "http"}
	now := time.Now()
	write(t, s.dir, "roster.yaml", fmt.Sprintf(`people:
  - {id: an, name: An, addresses: {webhook: [an]}}
shifts:
  - {start: %q, end: %q, officers: [an]}
ladder:
  policies:
    - {name: critical, severity: [critical], again: 1h, steps: [{after: 0s, to: [officers], by: [webhook]}]}
  channels:
    webhook: {limits: [{at_most: 1000, per: 1m}]}
`, now.Add(-time.Hour).Format(time.RFC3339), now.Add(10*time.Hour).Format(time.RFC3339)))
	watched := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(watched.Close)
	write(t, s.dir, "inventory/units.yaml", fmt.Sprintf("units:\n  - {id: so-a, name: Sở A, systems: [{id: cong, url: %q}]}\n", watched.URL))
	write(t, s.dir, "channels.yaml", fmt.Sprintf("channels:\n- {type: webhook, url: %q}\n", s.phone.url))
	write(t, s.dir, "watchpost.yaml", fmt.Sprintf("external_url: http://%s\noncall:\n  roster: roster.yaml\n  channels: channels.yaml\n%s", address, peers))
	t.Cleanup(s.kill)
	return s
}

func (s *station) start(more ...string) {
	s.t.Helper()
	s.launch(more...)
	s.wait()
}

func (s *station) launch(more ...string) {
	s.t.Helper()
	args := append([]string{
		"serve", "--config", filepath.Join(s.dir, "watchpost.yaml"), "--storage.path", filepath.Join(s.dir, "data"), "--web.listen-address", s.address,
	}, more...)
	s.cmd = program(context.Background(), args...)
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.out
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
}

func (s *station) wait() {
	s.t.Helper()
	defer func() {
		if s.t.Failed() {
			s.t.Logf("%s said:\n%s", s.name, s.out)
		}
	}()
	eventually(s.t, 30*time.Second, s.name+" answers", func() bool {
		code, _ := s.get("/-/ready", nil)
		return code != 0
	})
}

// calm waits until what a slow start may have brought is over and forgets it.
func calm(t *testing.T, stations ...*station) {
	t.Helper()
	for _, s := range stations {
		s.wait()
	}
	for _, s := range stations {
		eventually(t, 30*time.Second, s.name+" is calm", func() bool {
			return len(s.phone.pages("alert", "")) == len(s.phone.pages("recovery", ""))
		})
		s.phone.mu.Lock()
		s.phone.got = nil
		s.phone.mu.Unlock()
	}
}

// kill ends it without warning, as a power cut does.
func (s *station) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill() // it may have ended by itself
	_ = s.cmd.Wait()         // "signal: killed"
	s.cmd = nil
}

func (s *station) get(path string, change func(*http.Request)) (int, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, s.scheme+"://"+s.address+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	resp, err := s.client.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(b)
}

// freeOn gives a free port of an address of this test alone.
func freeOn(t *testing.T, ip string) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", ip+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// Two real processes watch each other. One is killed, and the other's telephone
// rings, names it and says what to do; it comes back, and that is told, too.
// Neither's alarm is an alarm of the other's, so two can't page in a circle.
func TestPeersWatchEachOther(t *testing.T) {
	const within = 3 * time.Second
	addrA, addrB := freeOn(t, "127.0.81.1"), freeOn(t, "127.0.81.2")
	peer := func(name, address string) string {
		return fmt.Sprintf("  peers: [{name: %s, url: \"http://%s\", every: 500ms, after: %s}]\n", name, address, within)
	}
	a := newStation(t, "tram-a", addrA, peer("tram-b", addrB))
	b := newStation(t, "tram-b", addrB, peer("tram-a", addrA))
	a.launch()
	b.launch()
	calm(t, a, b)
	// Both are well, and stay so for longer than the time that calls one dead.
	alarms := func(s *station, of string) []bridged { return s.phone.pages("alert", of) }
	<-time.After(2 * within)
	if n := len(alarms(a, "tram")) + len(alarms(b, "tram")); n != 0 {
		t.Fatalf("%d alarms among two that are well: %v %v", n, a.phone.got, b.phone.got)
	}

	died := time.Now()
	a.kill()
	eventually(t, 4*within, "B pages about A", func() bool { return len(alarms(b, "tram-a")) > 0 })
	page := alarms(b, "tram-a")[0]
	took := page.at.Sub(died)
	t.Logf("kill -9 to the page at the peer: %s (after: %s, every: 500ms)", took.Round(10*time.Millisecond), within)
	if took < within-500*time.Millisecond || took > within+2*time.Second {
		t.Errorf("the page came after %s, want about %s", took, within)
	}
	if !strings.Contains(page.Subject, "khong tra loi: kiem tra may va mang cua tram-a") {
		t.Errorf("the page does not say what to do: %q", page.Subject)
	}
	if code, _ := b.get("/oncall/health", nil); code != http.StatusOK {
		t.Errorf("B is ill because A is dead: %d", code)
	}

	a.start()
	eventually(t, 20*time.Second, "B tells that A is back", func() bool { return len(b.phone.pages("recovery", "tram-a")) == 1 })
	if n := len(alarms(b, "tram-a")); n != 1 {
		t.Errorf("%d pages about one death", n)
	}
	if l := alarms(a, "tram-b"); len(l) != 0 {
		t.Errorf("A, just back, pages about B, who was well all the time: %v", l)
	}
}

// The network between them is down, both ways: each pages once about the other,
// and both are told when it is back. A stopped process does the same as a cut
// cable: it takes the connection and never answers.
func TestPeersAndACutNetwork(t *testing.T) {
	addrA, addrB := freeOn(t, "127.0.81.3"), freeOn(t, "127.0.81.4")
	toB, cutB := newCable(t, addrB)
	toA, cutA := newCable(t, addrA)
	peer := func(name, via string) string {
		return fmt.Sprintf("  peers: [{name: %s, url: \"http://%s\", every: 300ms, after: 3s}]\n", name, via)
	}
	a := newStation(t, "tram-a", addrA, peer("tram-b", toB))
	b := newStation(t, "tram-b", addrB, peer("tram-a", toA))
	a.launch()
	b.launch()
	calm(t, a, b)
	cutA(true)
	cutB(true)
	eventually(t, 20*time.Second, "both page", func() bool {
		return len(a.phone.pages("alert", "tram-b")) == 1 && len(b.phone.pages("alert", "tram-a")) == 1
	})
	cutA(false)
	cutB(false)
	eventually(t, 20*time.Second, "both tell that it is back", func() bool {
		return len(a.phone.pages("recovery", "tram-b")) == 1 && len(b.phone.pages("recovery", "tram-a")) == 1
	})
	if n := len(a.phone.pages("alert", "")) + len(b.phone.pages("alert", "")); n != 2 {
		t.Errorf("%d alarms about one cut, want one on each side", n)
	}
	if err := a.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, 40*time.Second, "B pages about a process that hangs", func() bool { return len(b.phone.pages("alert", "tram-a")) == 2 })
}

// newCable forwards to an address until it is cut; then connections are taken
// and nothing is answered.
func newCable(t *testing.T, to string) (address string, cut func(bool)) {
	t.Helper()
	var mu sync.Mutex
	down := false
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		is := down
		mu.Unlock()
		if is {
			<-r.Context().Done() // until the asker gives up, or the test ends
			return
		}
		req, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+to+r.URL.RequestURI(), nil)
		if err != nil {
			return
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer func() { _ = resp.Body.Close() }()
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body) // the asker may be gone
	}))
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s.Listener.Addr().String(), func(is bool) {
		mu.Lock()
		down = is
		mu.Unlock()
		if !is {
			s.CloseClientConnections()
		}
	}
}

// A station behind TLS of a private authority and a password of the web
// configuration: its own alarms still reach on-call by the inner door, a peer
// that knows both hears it, and one with the wrong password pages and prints no
// secret.
func TestOnCallBehindTLSAndAPassword(t *testing.T) {
	addr := freeOn(t, "127.0.81.5")
	a := newStation(t, "tram-a", addr, "")
	cert := certificate(t, a.dir, "127.0.81.5")
	hash, err := bcrypt.GenerateFromPassword([]byte(goodPassword), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	webConfig := write(t, a.dir, "web.yml", fmt.Sprintf("tls_server_config: {cert_file: cert.pem, key_file: key.pem}\nbasic_auth_users: {peer: %q}\n", hash))
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	a.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
	a.scheme = "https"
	write(t, a.dir, "watchpost.yaml", fmt.Sprintf("external_url: https://%s\nuplink: {anchors: []}\noncall:\n  roster: roster.yaml\n  channels: channels.yaml\nrules: [own.rules.yml]\n", addr))
	write(t, a.dir, "own.rules.yml", "groups:\n- name: own\n  interval: 1s\n  rules:\n  - {alert: AlwaysFires, expr: vector(1), labels: {severity: critical, unit: so-a}, annotations: {summary: luon keu}}\n")
	a.start("--web.config.file", webConfig)
	if code, _ := a.get("/oncall/health", nil); code != http.StatusUnauthorized {
		t.Errorf("the web configuration does not guard the pages: %d", code)
	}
	eventually(t, 2*time.Minute, "the embedded Alertmanager reaches on-call although TLS and a password guard the front door", func() bool {
		return len(a.phone.pages("alert", "luon keu")) > 0
	})

	for _, tt := range []struct {
		name, ip, password string
		heard              bool
	}{{"knows the password", "127.0.81.6", goodPassword, true}, {"has a wrong one", "127.0.81.7", "not-the-password-at-all", false}} {
		t.Run(tt.name, func(t *testing.T) {
			b := newStation(t, "tram-b", freeOn(t, tt.ip), fmt.Sprintf(
				"  peers: [{name: tram-a, url: \"https://%s\", username: peer, password_file: pw, ca_file: %s, every: 500ms, after: 3s}]\n", addr, filepath.Join(a.dir, "cert.pem")))
			write(t, b.dir, "pw", tt.password+"\n")
			b.start()
			if tt.heard {
				<-time.After(5 * time.Second)
				if l := b.phone.pages("alert", "tram-a"); len(l) != 0 {
					t.Errorf("%v\n%s", l, b.out)
				}
			} else {
				eventually(t, 20*time.Second, "it pages", func() bool { return len(b.phone.pages("alert", "tram-a")) > 0 })
				if text := b.phone.pages("alert", "tram-a")[0].Text; strings.Contains(text, tt.password) {
					t.Error("the password stands on the page")
				}
			}
			if strings.Contains(b.out.String(), tt.password) {
				t.Error("the password stands in the log")
			}
		})
	}
}

// certificate makes a self-signed certificate for an address, as cert.pem and
// key.pem in a folder.
func certificate(t *testing.T, dir, ip string) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "station"}, IPAddresses: []net.IP{net.ParseIP(ip)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: raw}} {
		var b bytes.Buffer
		if err := pem.Encode(&b, block); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}
