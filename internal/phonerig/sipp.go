// Package phonerig starts the telephones that tests ring: the real sipp as the
// exchange with an officer's phone, and the real gammu-smsd with a phone that
// is a folder. Debian has both; on loopback neither needs a network.
package phonerig

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"watchpost.example/internal/testneed"
)

// keys is where Debian's sip-tester has recordings of keys by RFC 4733, with
// payload type 101.
const keys = "/usr/share/sip-tester/dtmf_2833_"

// Parts of a scenario. Scenario puts them together; RIG in a part stands for
// the folder of the rig.
const (
	// Invite waits for the call and notes the moment.
	Invite = `<recv request="OPTIONS" optional="true" next="9"/>
<recv request="INVITE" crlf="true"/>
<nop><action><exec command="date +%s.%N >> RIG/moments"/></action></nop>
`
	// Ringing is 180.
	Ringing = `<send><![CDATA[
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
`
	// Audio describes audio in A-law with keys by RFC 4733.
	Audio = `v=0
o=user1 53655765 2353687637 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
`
	// Ack waits for the acknowledgement of an answer.
	Ack = `<recv request="ACK" rtd="true" crlf="true"/>
`
	// Bye waits for the end of the call, and notes it.
	Bye = `<recv request="BYE" timeout="20000"/>
<nop><action><exec command="echo . >> RIG/byes"/></action></nop>
<send next="10"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
`
)

// Reply is a final or provisional answer; body, when there is one, is SDP.
func Reply(status, body string) string {
	if body == "" {
		return fmt.Sprintf(`<send><![CDATA[
SIP/2.0 %s
[last_Via:]
[last_From:]
[last_To:];tag=[pid]SIPpTag01[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port]>
Content-Length: 0

]]></send>
`, status)
	}
	again := "" // answers to an INVITE are repeated until its ACK
	if status[0] == '2' {
		again = ` retrans="500"`
	}
	return fmt.Sprintf(`<send%s><![CDATA[
SIP/2.0 %s
[last_Via:]
[last_From:]
[last_To:];tag=[pid]SIPpTag01[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port]>
Content-Type: application/sdp
Content-Length: [len]

%s]]></send>
`, again, status, body)
}

// Pause waits.
func Pause(d time.Duration) string {
	return fmt.Sprintf("<pause milliseconds=\"%d\"/>\n", d.Milliseconds())
}

// Press plays the recording of a key, 0 to 9, star or pound.
func Press(key string) string {
	return fmt.Sprintf("<nop><action><exec play_pcap_audio=\"%s%s.pcap\"/></action></nop>\n", keys, key)
}

// Takes is a phone that rings, answers, presses 1 a while later, and waits for
// the end of the call.
func Takes(after time.Duration) string {
	return Invite + Ringing + Reply("200 OK", Audio) + Ack + Pause(after) + Press("1") + Bye
}

// Scenario makes sipp's XML. An OPTIONS, by which the channel asks for the
// exchange's health, is answered beside the calls.
func scenario(dir, parts string) string {
	return strings.ReplaceAll(`<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="duty phone">
`+parts+`<nop next="10"/>
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
`, "RIG", dir)
}

// Sipp is a running sipp.
type Sipp struct {
	Addr string // host:port of its SIP
	dir  string
	out  output
	done chan error
}

// StartSipp plays a scenario for every call; it ends with the test, or after
// calls of them unless that is 0.
func StartSipp(t *testing.T, ip, parts string, calls int) *Sipp {
	t.Helper()
	testneed.Root(t) // sipp plays recordings by a raw socket
	program := testneed.Program(t, "sipp")
	if _, err := os.Stat(keys + "1.pcap"); err != nil {
		testneed.Missing(t, "sipp's recordings of keys are not there: "+err.Error())
	}
	p := &Sipp{dir: t.TempDir(), done: make(chan error, 1)}
	file := filepath.Join(p.dir, "duty.xml")
	if err := os.WriteFile(file, []byte(scenario(p.dir, parts)), 0o600); err != nil {
		t.Fatal(err)
	}
	sip, media := FreeUDP(t, ip), FreeUDP(t, ip)&^1
	p.Addr = netip.AddrPortFrom(netip.MustParseAddr(ip), sip).String()
	args := []string{
		"-sf", file, "-i", ip, "-p", fmt.Sprint(sip), "-mi", ip, "-mp", fmt.Sprint(media), "-nostdin", "-nd",
		"-trace_err", "-error_file", filepath.Join(p.dir, "errors"),
	}
	if calls > 0 {
		args = append(args, "-m", fmt.Sprint(calls))
	}
	ctx, cancel := context.WithCancel(context.Background()) // the test's own has ended when it cleans up
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr, cmd.Dir, cmd.WaitDelay = &p.out, &p.out, p.dir, time.Second
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { p.done <- cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		cancel()
		<-ended
		if t.Failed() {
			t.Log(p.said())
		}
	})
	return p
}

// Wait gives nil when every step of the scenario was met, in every call.
func (p *Sipp) Wait(within time.Duration) error {
	select {
	case err := <-p.done:
		p.done <- err
		if err != nil {
			return fmt.Errorf("sipp: %w", err)
		}
		return nil
	case <-time.After(within):
		return fmt.Errorf("sipp waits for something that never came in %s", within)
	}
}

func (p *Sipp) said() string {
	b, _ := os.ReadFile(filepath.Join(p.dir, "errors")) // as far as there is one
	out := p.out.String()
	return fmt.Sprintf("sipp: %s\n%s", b[:min(len(b), 3000)], out[max(0, len(out)-1500):])
}

// Rings gives the moments at which INVITEs came.
func (p *Sipp) Rings(t *testing.T) []time.Time {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(p.dir, "moments"))
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

// Byes counts the calls that were ended as they should be.
func (p *Sipp) Byes() int {
	b, _ := os.ReadFile(filepath.Join(p.dir, "byes")) // not there = none
	return bytes.Count(b, []byte("\n"))
}

// FreeUDP gives a port that nobody has now.
func FreeUDP(t *testing.T, ip string) uint16 {
	t.Helper()
	var lc net.ListenConfig
	c, err := lc.ListenPacket(t.Context(), "udp", ip+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }() // only its number is wanted
	return netip.MustParseAddrPort(c.LocalAddr().String()).Port()
}

// output is what a program says, read while it runs.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

var _ io.Writer = (*output)(nil)

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

// String gives what was said so far.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}
