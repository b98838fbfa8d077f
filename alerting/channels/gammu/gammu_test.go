package gammu

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/channels/channeltest"
)

func spool(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{"inbox", "outbox", "sent", "error"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func make1(t *testing.T, reports bool) *channel {
	t.Helper()
	return &channel{
		name: "sms", log: slog.New(slog.DiscardHandler), poll: 5 * time.Millisecond,
		set: Settings{Spool: spool(t), Keep: time.Hour, DeliveryReports: reports},
	}
}

func write(t *testing.T, c *channel, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir(dir), name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// smsd moves what appears in the outbox to dir, as the daemon does.
func smsd(t *testing.T, c *channel, dir string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for tick := time.Tick(5 * time.Millisecond); ctx.Err() == nil; <-tick {
			names, err := c.list("outbox", "OUT")
			if err != nil {
				t.Error(err)
				return
			}
			for _, n := range names {
				if err := os.Rename(filepath.Join(c.dir("outbox"), n), filepath.Join(c.dir(dir), n)); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
}

func TestSendOutcomes(t *testing.T) {
	t.Parallel()
	page := channeltest.Page()
	t.Run("sent", func(t *testing.T) {
		t.Parallel()
		c := make1(t, false)
		smsd(t, c, "sent")
		if r, err := c.Send(t.Context(), "+84900000001", page); err != nil || r.Status != alerting.Accepted || r.Provider != fileName(page, "+84900000001", false) {
			t.Errorf("got %+v, %v", r, err)
		}
	})
	t.Run("refused by the network, then sent", func(t *testing.T) {
		t.Parallel()
		c := make1(t, false)
		write(t, c, "error", fileName(page, "0900000001", false), "an attempt before")
		smsd(t, c, "sent")
		if r, err := c.Send(t.Context(), "0900000001", page); err != nil || r.Detail != "" {
			t.Errorf("got %+v, %v: an old failure counted for this attempt", r, err)
		}
	})
	t.Run("refused by the network", func(t *testing.T) {
		t.Parallel()
		c := make1(t, false)
		smsd(t, c, "error")
		if _, err := c.Send(t.Context(), "0900000001", page); !alerting.Temporary(err) {
			t.Errorf("got %v, want a temporary error", err)
		}
	})
	t.Run("nobody takes it", func(t *testing.T) {
		t.Parallel()
		c := make1(t, false)
		ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
		defer cancel()
		_, err := c.Send(ctx, "0900000001", page)
		if !alerting.Temporary(err) || !strings.Contains(err.Error(), "taken back") || ctx.Err() != nil {
			t.Errorf("got %v (%v), want it taken back before the deadline", err, ctx.Err())
		}
		if left, err := os.ReadDir(c.dir("outbox")); err != nil || len(left) > 0 {
			t.Errorf("the outbox has %v, %v: the SMS would go out hours later", left, err)
		}
	})
	t.Run("no spool", func(t *testing.T) {
		t.Parallel()
		c := make1(t, false)
		c.set.Spool = "/nowhere"
		if _, err := c.Send(t.Context(), "0900000001", page); !alerting.Temporary(err) {
			t.Errorf("got %v", err)
		}
		if h := c.Health(t.Context()); h.OK {
			t.Errorf("got %+v", h)
		}
	})
	for _, address := range []string{"", "../../etc/passwd", "0900_000", "viettel", "+", "12345678901234567"} {
		c := make1(t, false)
		if _, err := c.Send(t.Context(), address, page); err == nil || alerting.Temporary(err) {
			t.Errorf("address %q: got %v, want a permanent error", address, err)
		}
	}
}

func TestFileNames(t *testing.T) {
	t.Parallel()
	p := channeltest.Page()
	for _, id := range []string{p.ID, "", "../../x", "a_b.c", strings.Repeat("x", 500)} {
		p.ID = id
		n := fileName(p, "+123456789012345", true)
		number, note, ok := sentName(n)
		if !ok || number != "+123456789012345" || len(n) > 99 || strings.Contains(n, "/") || id == channeltest.Page().ID && note != id {
			t.Errorf("ID %q: %q (%d bytes) reads back as %q, %q, %v; smsd takes 99 bytes", id, n, len(n), number, note, ok)
		}
	}
	warning := channeltest.Page()
	warning.Severity, warning.Created = alerting.Warning, warning.Created.Add(-time.Hour)
	if critical := fileName(channeltest.Page(), "1234", false); critical > fileName(warning, "1234", false) {
		t.Error("smsd takes the older warning before the critical page")
	}
}

func TestInbox(t *testing.T) {
	t.Parallel()
	c := make1(t, true)
	first, second := channeltest.Page(), channeltest.Page()
	second.ID, second.Created = "01J-second", first.Created.Add(time.Minute)
	first.Severity = alerting.Warning // later in the alphabet, but sent before
	write(t, c, "sent", fileName(first, "+84900000001", true), "")
	write(t, c, "sent", fileName(second, "+84900000001", true), "")
	write(t, c, "inbox", "IN20261122_021000_00_+84900000001_00.txt", string(encode("Tiếp nhận ")))
	write(t, c, "inbox", "IN20261122_021000_00_+84900000001_01.txt", string(encode("7421")))
	write(t, c, "inbox", "IN20261122_021000_01_+84900000001_00.txt", "A 1")
	write(t, c, "inbox", "IN20261122_021001_00_VIE_TTEL_00.txt", "\xff\xfeX\x00")
	write(t, c, "inbox", "IN20261122_021002_00_0900000002_00.bin", "\x01\x02")
	write(t, c, "inbox", "IN20261122_021003_00_0900000001_00.txt", "Pending")
	write(t, c, "inbox", "IN20261122_021004_00_0900000001_00.txt", "Delivered")
	write(t, c, "inbox", "IN20261122_021005_00_0900000001_00.txt", "Failed")
	write(t, c, "inbox", "IN20261122_021006_00_0900000001_00.txt", "Delivered") // nothing waits: words of a person
	write(t, c, "inbox", "IN20261122_021007_00_0900000009_00.txt", strings.Repeat("x", 1<<20))
	write(t, c, "inbox", "not-an-sms.txt", "left alone")
	if err := syscall.Mkfifo(filepath.Join(c.dir("inbox"), "IN20261122_000000_00_0900000001_00.txt"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	receipts, replies := make(chan alerting.Receipt), make(chan alerting.Reply)
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx, receipts, replies) }()
	want := []string{
		"+84900000001: Tiếp nhận 7421", "+84900000001: A 1", "VIE_TTEL: X",
		"0900000002: ", "receipt 01J-page delivered", "receipt 01J-second failed", "0900000001: Delivered", "0900000009: " + strings.Repeat("x", maxPart),
	}
	for _, w := range want {
		got := ""
		select {
		case r := <-replies:
			got = r.From + ": " + r.Text
		case r := <-receipts:
			got = "receipt " + r.Page + " " + string(r.Status)
		case <-ctx.Done():
			t.Fatalf("nothing came, want %q", w)
		}
		if got != w {
			t.Errorf("got %.80q, want %.80q", got, w)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	// A page whose receipt has come counts as delivered when it is sent again.
	if r, err := c.Send(t.Context(), "+84900000001", first); err != nil || r.Status != alerting.Delivered {
		t.Errorf("got %+v, %v", r, err)
	}
}

// TestHalfWritten: smsd writes in place, so a young file is left alone.
func TestHalfWritten(t *testing.T) {
	t.Parallel()
	c := make1(t, false)
	c.settle = time.Hour
	write(t, c, "inbox", "IN20261122_021000_00_0900000001_00.txt", "A 74")
	if err := c.scan(t.Context(), nil, nil); err != nil { // nil channels would block
		t.Error(err)
	}
	if !c.has("inbox", "IN20261122_021000_00_0900000001_00.txt") {
		t.Error("it was taken before it was whole")
	}
	// After the clock was set back by a day it must not wait for a day.
	tomorrow := time.Now().Add(24 * time.Hour)
	if err := os.Chtimes(filepath.Join(c.dir("inbox"), "IN20261122_021000_00_0900000001_00.txt"), tomorrow, tomorrow); err != nil {
		t.Fatal(err)
	}
	replies := make(chan alerting.Reply, 1)
	if err := c.scan(t.Context(), nil, replies); err != nil || len(replies) != 1 {
		t.Errorf("a message of tomorrow: %d replies, %v", len(replies), err)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	c := make1(t, false)
	if h := c.Health(t.Context()); !h.OK {
		t.Errorf("got %+v", h)
	}
	write(t, c, "outbox", "OUTA20261122_000000_00_0900000001_x.txt", "")
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(c.dir("outbox"), "OUTA20261122_000000_00_0900000001_x.txt"), old, old); err != nil {
		t.Fatal(err)
	}
	if h := c.Health(t.Context()); h.OK || h.Values["queue_length"] != 1 || h.Values["queue_age_seconds"] < 3599 {
		t.Errorf("an SMS waits for an hour, got %+v", h)
	}
	for _, in := range []string{"", ";;;", "a;b;c;d;e;f;g;h;i", "x;;1;2;-1;-1;-1;0;-1", strings.Repeat(";", 1000)} {
		if s, _ := parseStatus(in); len(s) > 0 {
			t.Errorf("%.20q gave %v", in, s)
		}
	}
}

func TestPrune(t *testing.T) {
	t.Parallel()
	c := make1(t, false)
	write(t, c, "sent", "OUTA20261122_000000_00_0900000001_old.txt", "")
	write(t, c, "sent", "OUTA20261122_000000_00_0900000001_new.txt", "")
	old := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(filepath.Join(c.dir("sent"), "OUTA20261122_000000_00_0900000001_old.txt"), old, old); err != nil {
		t.Fatal(err)
	}
	c.prune(time.Now())
	if c.has("sent", "OUTA20261122_000000_00_0900000001_old.txt") || !c.has("sent", "OUTA20261122_000000_00_0900000001_new.txt") {
		t.Error("the old one must go, the new one must stay")
	}
}
