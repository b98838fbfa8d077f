// Package chromium drives a headless Chromium in tests, over the WebDriver
// protocol, which is plain HTTP. The browser resolves nothing but 127.0.0.1.
package chromium

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"watchpost.example/internal/testneed"
)

// Browser is one session. Its methods fail the test on any error.
type Browser struct {
	t    *testing.T
	base string // of the session
}

// Open starts a browser that ends with the test.
func Open(t *testing.T) *Browser {
	t.Helper()
	program, driver := testneed.Program(t, "chromium"), testneed.Program(t, "chromedriver")
	b := &Browser{t: t}
	// A port that chromedriver found free for IPv4 may be taken for IPv6: then
	// it ends, and another is tried.
	for try := 0; try < 3 && b.base == ""; try++ {
		b.base = start(t, driver)
	}
	if b.base == "" {
		t.Fatal("chromedriver did not start")
	}
	args := []string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--user-data-dir=" + t.TempDir(),
		"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
	}
	var session struct{ SessionID string }
	b.post("/session", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"goog:chromeOptions": map[string]any{"binary": program, "args": args}, "goog:loggingPrefs": map[string]string{"browser": "ALL"},
	}}}, &session)
	b.base += "/session/" + session.SessionID
	b.post("/timeouts", map[string]int{"implicit": 15000}, nil) // ms that Element waits for a page under way
	t.Cleanup(func() {
		// The test's own context has ended by now.
		req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodDelete, b.base, nil)
		if err != nil {
			return
		}
		if resp, err := http.DefaultClient.Do(req); err == nil { // the process is killed anyway
			_ = resp.Body.Close()
		}
	})
	return b
}

// For is the same browser with its failures told to t, a subtest.
func (b *Browser) For(t *testing.T) *Browser {
	t.Helper()
	return &Browser{t: t, base: b.base}
}

// start gives the address of a chromedriver, "" when it ended at once.
func start(t *testing.T, program string) string {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program, "--port=0") // killed below, after the session ended
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }) // killed
	port := regexp.MustCompile(`started successfully on port (\d+)`)
	for s := bufio.NewScanner(out); s.Scan(); {
		if m := port.FindStringSubmatch(s.Text()); m != nil {
			return "http://127.0.0.1:" + m[1]
		}
	}
	return ""
}

// post sends a WebDriver command; all that are used here are POSTs.
func (b *Browser) post(path string, body, into any) {
	b.t.Helper()
	var raw []byte
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			b.t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.base+path, bytes.NewReader(raw))
	if err != nil {
		b.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer := struct{ Value json.RawMessage }{}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		b.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		b.t.Fatalf("%s: %s: %s", path, resp.Status, answer.Value)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(answer.Value, into); err != nil {
		b.t.Fatalf("%s: %v", answer.Value, err)
	}
}

func (b *Browser) cdp(cmd string, params map[string]any) {
	b.t.Helper()
	b.post("/goog/cdp/execute", map[string]any{"cmd": cmd, "params": params}, nil)
}

// Size sets the window, in CSS pixels.
func (b *Browser) Size(w, h int) {
	b.t.Helper()
	b.cdp("Emulation.setDeviceMetricsOverride", map[string]any{"width": w, "height": h, "deviceScaleFactor": 1, "mobile": w < 600})
}

// Dark asks pages for their dark or light face.
func (b *Browser) Dark(on bool) {
	b.t.Helper()
	v := "light"
	if on {
		v = "dark"
	}
	b.cdp("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": v}}})
}

// NoScripts turns JavaScript of pages off or on; Run works all the same.
func (b *Browser) NoScripts(off bool) {
	b.t.Helper()
	b.cdp("Emulation.setScriptExecutionDisabled", map[string]any{"value": off})
}

// Open loads an address.
func (b *Browser) Open(url string) {
	b.t.Helper()
	b.post("/url", map[string]string{"url": url}, nil)
}

// Run runs the body of a function in the page and gives what it returns.
func (b *Browser) Run(script string, into any) {
	b.t.Helper()
	b.post("/execute/sync", map[string]any{"script": script, "args": []any{}}, into)
}

// Until asks the page itself to wait for a condition, for 15 s at most.
func (b *Browser) Until(condition string) {
	b.t.Helper()
	var ok bool
	b.post("/execute/async", map[string]any{"args": []any{}, "script": `
		const done = arguments[0], end = Date.now() + 15000;
		const look = () => { if (` + condition + `) done(true); else if (Date.now() > end) done(false); else setTimeout(look, 50); };
		look();`}, &ok)
	if !ok {
		b.Shot("failed")
		b.t.Fatalf("the page never came to: %s", condition)
	}
}

// Element finds the first element of a CSS selector, and waits for it.
func (b *Browser) Element(selector string) Element {
	b.t.Helper()
	var found map[string]string
	b.post("/element", map[string]string{"using": "css selector", "value": selector}, &found)
	for _, id := range found {
		return Element{b, id}
	}
	b.t.Fatalf("no element %q", selector)
	return Element{}
}

// Element is one of the page's elements.
type Element struct {
	b  *Browser
	id string
}

// Click presses it where it is seen, as a finger would.
func (e Element) Click() {
	e.b.t.Helper()
	e.b.post("/element/"+e.id+"/click", map[string]any{}, nil)
}

// Type types into it.
func (e Element) Type(text string) {
	e.b.t.Helper()
	e.b.post("/element/"+e.id+"/value", map[string]any{"text": text}, nil)
}

// Complaints gives what the console said since it was last asked.
func (b *Browser) Complaints() []string {
	b.t.Helper()
	var l []struct{ Level, Message string }
	b.post("/se/log", map[string]string{"type": "browser"}, &l)
	var out []string
	for _, m := range l {
		out = append(out, m.Level+": "+m.Message)
	}
	return out
}

// Shot keeps a picture of the whole page where WATCHPOST_SCREENSHOTS names a folder.
func (b *Browser) Shot(name string) {
	b.t.Helper()
	dir := os.Getenv("WATCHPOST_SCREENSHOTS")
	if dir == "" {
		return
	}
	var s struct{ Data string }
	b.post("/goog/cdp/execute", map[string]any{"cmd": "Page.captureScreenshot", "params": map[string]any{"captureBeyondViewport": true}}, &s)
	png, err := base64.StdEncoding.DecodeString(s.Data)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
