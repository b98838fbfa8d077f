package voice

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/channels/channeltest"
	"watchpost.example/internal/phonerig"
	"watchpost.example/internal/testneed"
)

// baresipConfig needs no sound card: what it hears goes round in aubridge.
// 1: its IP address, 2: its SIP port, 3: the port of its remote control.
const baresipConfig = `poll_method epoll
net_interface %[1]s
sip_listen %[1]s:%[2]d
cons_listen %[1]s:%[3]d
audio_player aubridge,none
audio_source aubridge,none
audio_alert aubridge,none
module_path /usr/lib/baresip/modules
module g711.so
module aubridge.so
module_tmp account.so
module_app cons.so
module_app menu.so
`

// softphone is a running baresip that answers by itself.
type softphone struct {
	sip, control string // host:port
	lines        <-chan string
	said         []string
}

// startBaresip gives one that is ready for calls; it ends with the test.
func startBaresip(t *testing.T, ip string) *softphone {
	t.Helper()
	program, dir := testneed.Program(t, "baresip"), t.TempDir()
	port, control := phonerig.FreeUDP(t, ip), phonerig.FreeUDP(t, ip)
	for control == port {
		control = phonerig.FreeUDP(t, ip)
	}
	for name, text := range map[string]string{
		"config":   fmt.Sprintf(baresipConfig, ip, port, control),
		"accounts": fmt.Sprintf("<sip:0900000001@%s:%d>;answermode=auto;regint=0\n", ip, port),
		"contacts": "",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.Background(), program, "-f", dir, "-v") // t.Context ends too early to wait for it
	cmd.Stdout, cmd.Stderr, cmd.Dir = in, in, dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = in.Close() // baresip has its own
	lines := make(chan string, 4096)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			select {
			case lines <- s.Text():
			default: // nobody reads any more
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended by itself
		_ = cmd.Wait()         // killed
		for range lines {      // until the reader has ended
		}
		_ = out.Close()
	})
	b := &softphone{sip: fmt.Sprintf("%s:%d", ip, port), control: fmt.Sprintf("%s:%d", ip, control), lines: lines}
	b.await(t, "baresip is ready")
	return b
}

// await reads baresip's output until it has said all texts, in any order.
func (b *softphone) await(t *testing.T, texts ...string) {
	t.Helper()
	late := time.NewTimer(30 * time.Second)
	defer late.Stop()
	for {
		said := strings.Join(b.said, "\n")
		if !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(said, text) }) {
			return
		}
		select {
		case l, ok := <-b.lines:
			if !ok {
				t.Fatalf("baresip ended without %q:\n%s", texts, said)
			}
			b.said = append(b.said, l)
		case <-late.C:
			t.Fatalf("baresip never said %q:\n%s", texts, said)
		}
	}
}

// TestBaresip calls the real baresip, which answers and hears us; then one of
// the two sides hangs up.
func TestBaresip(t *testing.T) {
	t.Parallel()
	testneed.Program(t, "espeak-ng")
	for name, c := range map[string]struct {
		ip     string
		hangUp func(t *testing.T, b *softphone, ours context.CancelFunc)
		detail string
		heard  string // by baresip
	}{
		"we hang up": {"127.0.78.1", func(_ *testing.T, _ *softphone, ours context.CancelFunc) { ours() }, endTime, "session closed"},
		"baresip hangs up": {"127.0.78.2", func(t *testing.T, b *softphone, _ context.CancelFunc) {
			t.Helper()
			conn, err := net.Dial("udp", b.control)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if _, err := conn.Write([]byte("b")); err != nil { // its key for hanging up
				t.Fatal(err)
			}
		}, endHungUp, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := startBaresip(t, c.ip)
			s := Type().New().(*Settings)
			s.Server, s.CallerID = b.sip, "1000"
			if p := s.Problems(); len(p) > 0 {
				t.Fatal(p)
			}
			ch, err := newChannel("voice", *s, nil)
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			type result struct {
				r   alerting.Receipt
				err error
			}
			done := make(chan result, 1)
			go func() {
				r, err := ch.Send(ctx, "0900000001", channeltest.Page())
				done <- result{r, err}
			}()
			defer stop()
			b.await(t, "Call established", "incoming rtp for 'audio' established")
			c.hangUp(t, b, stop)
			got := <-done // Send ends by max_call at the latest
			t.Log(got.r.Detail)
			if got.err != nil || got.r.Status != alerting.Answered || got.r.Digits != "" || !strings.Contains(got.r.Detail, c.detail) {
				t.Errorf("got %+v, %v; want answered, no digits, %q", got.r, got.err, c.detail)
			}
			if c.heard != "" {
				b.await(t, c.heard)
			}
		})
	}
}
