package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/exporter-toolkit/web"

	"watchpost.example/alerting/engine"
	oncalljournal "watchpost.example/alerting/oncall/journal"
	"watchpost.example/alerting/rules"
	"watchpost.example/internal/testneed"
)

// target is a web server that can die, vanish and come back.
type target struct {
	addr string
	mu   sync.Mutex
	srv  *http.Server
}

func newTarget(t *testing.T, ip string) *target {
	t.Helper()
	x := &target{addr: ip + ":0"}
	x.up(t)
	t.Cleanup(x.die)
	return x
}

// up listens; the second time on the port of the first.
func (x *target) up(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", x.addr)
	if err != nil {
		t.Fatal(err)
	}
	x.addr = l.Addr().String()
	srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	x.mu.Lock()
	x.srv = srv
	x.mu.Unlock()
	go func() { _ = srv.Serve(l) }() // ends with Close
}

// die closes the port and every connection: from now on it is refused.
func (x *target) die() {
	x.mu.Lock()
	defer x.mu.Unlock()
	_ = x.srv.Close() // it is to be gone
}

// smsd is the real gammu-smsd with its dummy phone, which is a folder.
func smsd(t *testing.T) (spool, config string) {
	t.Helper()
	program, dir := testneed.Program(t, "gammu-smsd"), t.TempDir()
	spool, config = filepath.Join(dir, "spool"), filepath.Join(dir, "smsdrc")
	for _, d := range []string{"spool/inbox", "spool/outbox", "spool/sent", "spool/error", "phone/sms/0", "phone/sms/1", "phone/sms/2", "phone/sms/3", "phone/sms/4", "phone/sms/5"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write(t, dir, "smsdrc", fmt.Sprintf(`[gammu]
model = dummy
connection = none
port = %s/phone
gammuloc = /dev/null
[smsd]
service = files
PIN = 4711
logfile = %[1]s/smsd.log
inboxpath = %[2]s/inbox/
outboxpath = %[2]s/outbox/
sentsmspath = %[2]s/sent/
errorsmspath = %[2]s/error/
inboxformat = unicode
commtimeout = 1
receivefrequency = 1
statusfrequency = 1
loopsleep = 1
`, dir, spool))
	ctx, cancel := context.WithCancel(context.Background()) // the test's own has ended when it cleans up
	cmd := exec.CommandContext(ctx, program, "-c", config)
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
	return spool, config
}

// scenario is the exchange with the duty phone: it answers the channel's OPTIONS;
// it notes the moment of an INVITE in a file, rings, answers, presses a key after
// some milliseconds, and waits for the BYE.
const scenario = `<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="duty phone">
  <recv request="OPTIONS" optional="true" next="9"/>
  <recv request="INVITE"/>
  <nop><action><exec command="date +%%s.%%N >> %[1]s"/></action></nop>
  <send><![CDATA[
SIP/2.0 180 Ringing
[last_Via:]
[last_From:]
[last_To:];tag=[pid]SIPpTag01[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port]>
Content-Length: 0

  ]]></send>
  <pause milliseconds="300"/>
  <send retrans="500"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[pid]SIPpTag01[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port]>
Content-Type: application/sdp
Content-Length: [len]

v=0
o=user1 53655765 2353687637 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
  ]]></send>
  <recv request="ACK" rtd="true" crlf="true"/>
  <pause milliseconds="%[2]d"/>
  <nop><action><exec play_pcap_audio="%[3]s"/></action></nop>
  <recv request="BYE" timeout="15000"/>
  <nop><action><exec command="echo . >> %[1]s.bye"/></action></nop>
  <send next="10"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

  ]]></send>
  <label id="9"/>
  <send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[pid]SIPpTag02[call_number]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

  ]]></send>
  <label id="10"/>
  <nop/>
</scenario>
`

// keyOne is a key 1 by RFC 4733, recorded; Debian ships it with sipp.
const keyOne = "/usr/share/sip-tester/dtmf_2833_1.pcap"

// dutyPhone is the real sipp as the exchange with the officer's phone.
type dutyPhone struct {
	addr    string
	moments string
	out     *journal
}

// newDutyPhone starts sipp; each call is taken with key 1 so many milliseconds after
// the answer.
func newDutyPhone(t *testing.T, ip string, after int) *dutyPhone {
	t.Helper()
	testneed.Root(t) // sipp plays recordings by a raw socket
	program := testneed.Program(t, "sipp")
	testneed.Program(t, "espeak-ng")
	if _, err := os.Stat(keyOne); err != nil {
		testneed.Missing(t, "sipp's recordings of keys are not there: "+err.Error())
	}
	dir := t.TempDir()
	p := &dutyPhone{moments: filepath.Join(dir, "moments"), out: &journal{}}
	file := write(t, dir, "duty.xml", fmt.Sprintf(scenario, p.moments, after, keyOne))
	sip, media := freeUDP(t, ip), freeUDP(t, ip)
	p.addr = netip.AddrPortFrom(netip.MustParseAddr(ip), sip).String()
	ctx, cancel := context.WithCancel(context.Background()) // the test's own has ended when it cleans up
	cmd := exec.CommandContext(ctx, program, "-sf", file, "-i", ip, "-p", fmt.Sprint(sip), "-mi", ip, "-mp", fmt.Sprint(media&^1),
		"-nostdin", "-trace_err", "-error_file", filepath.Join(dir, "errors"), "-nd")
	cmd.Stdout, cmd.Stderr, cmd.Dir, cmd.WaitDelay = p.out, p.out, dir, time.Second
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was killed
		if t.Failed() {
			b, _ := os.ReadFile(filepath.Join(dir, "errors")) // as far as there is one
			out := p.out.String()
			t.Logf("sipp: %s\n%s", b, out[max(0, len(out)-1500):])
		}
	})
	return p
}

// rings gives the moments at which INVITEs came.
func (p *dutyPhone) rings(t *testing.T) []time.Time {
	t.Helper()
	b, err := os.ReadFile(p.moments)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var out []time.Time
	for line := range strings.Lines(string(b)) {
		line, whole := strings.CutSuffix(line, "\n")
		s, ns, ok := strings.Cut(line, ".")
		sec, err1 := strconv.ParseInt(s, 10, 64)
		nano, err2 := strconv.ParseInt(ns, 10, 64)
		if whole && (!ok || err1 != nil || err2 != nil) {
			t.Fatalf("not a moment: %q", line)
		}
		if whole {
			out = append(out, time.Unix(sec, nano))
		}
	}
	return out
}

// byes counts the calls that we ended as we should.
func (p *dutyPhone) byes() int {
	b, _ := os.ReadFile(p.moments + ".bye") // not there = none
	return bytes.Count(b, []byte("\n"))
}

func freeUDP(t *testing.T, ip string) uint16 {
	t.Helper()
	c, err := net.ListenPacket("udp", ip+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }() // only its number is wanted
	return netip.MustParseAddrPort(c.LocalAddr().String()).Port()
}

// startTuned is start with the engine's clocks changed.
func startTuned(t *testing.T, config, storage string, tune func(*engine.Options)) *house {
	t.Helper()
	h := &house{log: &journal{}, console: &journal{}}
	o := serveOptions{config: config, storage: storage, console: h.console, tune: tune, web: &web.FlagConfig{
		WebListenAddresses: &[]string{"127.0.0.1:0"}, WebSystemdSocket: new(bool), WebConfigFile: new(string),
	}}
	ctx, cancel := context.WithCancel(context.Background()) // as above
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- serve(ctx, o, slog.New(slog.NewTextHandler(h.log, nil)), func(a *application, _ net.Addr) {
			h.app, h.url = a, a.o.external
			close(ready)
		})
	}()
	h.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	select {
	case <-ready:
	case err := <-done:
		cancel()
		t.Fatalf("serve did not start: %v\n%s", err, h.log)
	}
	t.Cleanup(h.stop)
	return h
}

// quickRecovery is the built-in rules but for how long an alert is held after
// the trouble has gone, so that a test of the recovery needs seconds.
func quickRecovery(t *testing.T) fs.FS {
	t.Helper()
	out := fstest.MapFS{}
	names, err := fs.Glob(rules.Files(), "*.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		b, err := fs.ReadFile(rules.Files(), n)
		if err != nil {
			t.Fatal(err)
		}
		out[n] = &fstest.MapFile{Data: bytes.ReplaceAll(b, []byte("keep_firing_for: 30s"), []byte("keep_firing_for: 2s"))}
	}
	return out
}

// entries gives the on-call journal of a storage folder.
func entries(t *testing.T, storage string) []oncalljournal.Entry {
	t.Helper()
	var out []oncalljournal.Entry
	for e, err := range oncalljournal.Read(filepath.Join(storage, "oncall", "journal")) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

// basic is a user of users() for the header Authorization.
func basic(user string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + goodPassword))
}
