package gammu

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/channels/channeltest"
	"watchpost.example/internal/testneed"
)

// modem is the real gammu-smsd with its dummy phone, which is a folder.
type modem struct{ spool, phone, config string }

func startModem(t *testing.T) modem {
	t.Helper()
	smsd := testneed.Program(t, "gammu-smsd")
	dir := t.TempDir()
	m := modem{spool: spool(t), phone: filepath.Join(dir, "phone"), config: filepath.Join(dir, "smsdrc")}
	for i := range 6 {
		if err := os.MkdirAll(filepath.Join(m.phone, "sms", fmt.Sprint(i)), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	rc := fmt.Sprintf(`[gammu]
model = dummy
connection = none
port = %s
gammuloc = /dev/null
[smsd]
service = files
PIN = 4711
logfile = %s/smsd.log
inboxpath = %[3]s/inbox/
outboxpath = %[3]s/outbox/
sentsmspath = %[3]s/sent/
errorsmspath = %[3]s/error/
inboxformat = unicode
deliveryreport = sms
commtimeout = 1
receivefrequency = 1
statusfrequency = 1
loopsleep = 1
`, m.phone, dir, m.spool)
	if err := os.WriteFile(m.config, []byte(rc), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, smsd, "-c", m.config)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // lets it free its shared memory
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was told to stop
		if t.Failed() {
			b, _ := os.ReadFile(filepath.Join(dir, "smsd.log")) // as far as there is one
			t.Logf("smsd.log:\n%s", b)
		}
	})
	return m
}

// receive puts an SMS into the dummy phone.
func (m modem) receive(t *testing.T, n int, from, text string) {
	t.Helper()
	ucs2 := func(s string) string { return strings.ToUpper(hex.EncodeToString(encode(s)[2:])) }
	sms := fmt.Sprintf(`[SMSBackup000]
State = UnRead
Number = "%s"
NumberUnicode = %s
Sent = 20261122T0210%02d
Coding = Unicode_No_Compression
Folder = 1
Length = %d
Class = -1
Text00 = %s
`, from, ucs2(from), n, len([]rune(text)), ucs2(text))
	tmp := filepath.Join(m.phone, "new")
	if err := os.WriteFile(tmp, []byte(sms), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(tmp, filepath.Join(m.phone, "sms", "1", fmt.Sprint(n))); err != nil {
		t.Fatal(err)
	}
}

func TestRealModem(t *testing.T) {
	t.Parallel()
	m := startModem(t)
	s := &Settings{Spool: m.spool, Config: m.config, DeliveryReports: true, Keep: time.Hour}
	if p := s.Problems(); len(p) > 0 {
		t.Fatal(p)
	}
	c, err := s.Channel("sms", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()

	begun := time.Now()
	r, err := c.Send(ctx, "0900 000 001", channeltest.Page())
	if err != nil || r.Status != alerting.Accepted || r.Page != channeltest.Page().ID {
		t.Fatalf("got %+v, %v", r, err)
	}
	t.Logf("sent by the modem after %v", time.Since(begun).Round(time.Millisecond))
	again := time.Now()
	if r, err := c.Send(ctx, "0900000001", channeltest.Page()); err != nil || r.Detail == "" || time.Since(again) > time.Second {
		t.Errorf("the same page again: %+v, %v: want it known as sent", r, err)
	}

	receipts, replies := make(chan alerting.Receipt), make(chan alerting.Reply)
	done := make(chan error, 1)
	rctx, stop := context.WithCancel(ctx)
	go func() { done <- c.Run(rctx, receipts, replies) }()
	m.receive(t, 1, "+84900000001", "A 7421 đã nhận")
	select {
	case got := <-replies:
		if got.From != "+84900000001" || got.Text != "A 7421 đã nhận" || got.Channel != "sms" || got.At.IsZero() {
			t.Errorf("got %+v", got)
		}
	case <-ctx.Done():
		t.Fatal("the reply did not come")
	}
	// As smsd puts a delivery report into the inbox; the dummy phone sends none.
	m.receive(t, 2, "+84900000001", "Delivered")
	select {
	case got := <-receipts:
		if got.Page != channeltest.Page().ID || got.Status != alerting.Delivered {
			t.Errorf("got %+v", got)
		}
	case got := <-replies:
		t.Errorf("the delivery report came as a reply: %+v", got)
	case <-ctx.Done():
		t.Fatal("the receipt did not come")
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}

	h := c.Health(ctx)
	if !h.OK || h.Values["signal_ratio"] != 0.42 || h.Values["modem_sent_total"] != 1 {
		t.Errorf("got %+v; the dummy phone has 42 %% signal", h)
	}
	if strings.Contains(h.Detail, "4711") {
		t.Errorf("the PIN is shown: %s", h.Detail)
	}
}
