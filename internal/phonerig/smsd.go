package phonerig

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"watchpost.example/internal/testneed"
)

// Modem is the real gammu-smsd with its dummy phone, which is a folder.
type Modem struct {
	Spool  string // with inbox, outbox, sent and error
	Config string // smsd's
	phone  string
}

// PIN is the SIM's; no text may show it.
const PIN = "4711"

// StartModem gives one that ends with the test.
func StartModem(t *testing.T) Modem {
	t.Helper()
	program, dir := testneed.Program(t, "gammu-smsd"), t.TempDir()
	m := Modem{Spool: filepath.Join(dir, "spool"), Config: filepath.Join(dir, "smsdrc"), phone: filepath.Join(dir, "phone")}
	folders := []string{"spool/inbox", "spool/outbox", "spool/sent", "spool/error"}
	for i := range 6 {
		folders = append(folders, fmt.Sprintf("phone/sms/%d", i))
	}
	for _, f := range folders {
		if err := os.MkdirAll(filepath.Join(dir, f), 0o700); err != nil {
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
PIN = %s
logfile = %s/smsd.log
inboxpath = %[4]s/inbox/
outboxpath = %[4]s/outbox/
sentsmspath = %[4]s/sent/
errorsmspath = %[4]s/error/
inboxformat = unicode
deliveryreport = sms
commtimeout = 1
receivefrequency = 1
statusfrequency = 1
loopsleep = 1
`, m.phone, PIN, dir, m.Spool)
	if err := os.WriteFile(m.Config, []byte(rc), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background()) // the test's own has ended when it cleans up
	cmd := exec.CommandContext(ctx, program, "-c", m.Config)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // lets it free its shared memory
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		cancel()
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

// Receive puts an SMS into the phone; n tells them apart.
func (m Modem) Receive(t *testing.T, n int, from, text string) {
	t.Helper()
	ucs2 := func(s string) string {
		var b []byte
		for _, u := range utf16.Encode([]rune(s)) {
			b = append(b, byte(u>>8), byte(u))
		}
		return strings.ToUpper(hex.EncodeToString(b))
	}
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
