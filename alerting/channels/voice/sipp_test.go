package voice

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
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

// scenario is sipp's side: ring, answer, press a key by RFC 4733 after two
// seconds, and wait for our BYE. %s is the recording of the key that Debian
// ships with sipp, whose payload type is 101.
const scenario = `<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="duty phone">
  <recv request="INVITE" crlf="true"/>
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
  <pause milliseconds="2000"/>
  <nop><action><exec play_pcap_audio="%s"/></action></nop>
  <recv request="BYE" timeout="15000"/>
  <send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

  ]]></send>
</scenario>
`

// freeUDP gives a port that nobody has now.
func freeUDP(t *testing.T, ip string) uint16 {
	t.Helper()
	c, err := net.ListenPacket("udp", ip+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	return netip.MustParseAddrPort(c.LocalAddr().String()).Port()
}

// TestSipp calls the real sipp, which presses 1.
func TestSipp(t *testing.T) {
	t.Parallel()
	testneed.Root(t) // sipp plays recordings by a raw socket
	sipp := testneed.Program(t, "sipp")
	testneed.Program(t, "espeak-ng")
	key := "/usr/share/sip-tester/dtmf_2833_1.pcap"
	if _, err := os.Stat(key); err != nil {
		testneed.Missing(t, "sipp's recordings of keys are not there: "+err.Error())
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "duty.xml")
	if err := os.WriteFile(file, fmt.Appendf(nil, scenario, key), 0o600); err != nil {
		t.Fatal(err)
	}
	const ip = "127.0.77.1"
	port, mediaPort := freeUDP(t, ip), freeUDP(t, ip)&^1
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, sipp, "-sf", file, "-i", ip, "-p", fmt.Sprint(port), "-mi", ip, "-mp", fmt.Sprint(mediaPort),
		"-m", "1", "-nostdin", "-timeout", "40s", "-trace_err", "-error_file", filepath.Join(dir, "errors"), "-nd")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Dir, cmd.WaitDelay = &out, &out, dir, time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := Type().New().(*Settings)
	s.Server, s.CallerID = fmt.Sprintf("%s:%d", ip, port), "1000"
	if p := s.Problems(); len(p) > 0 {
		t.Fatal(p)
	}
	c, err := newChannel("voice", *s, nil)
	if err != nil {
		t.Fatal(err)
	}
	page := channeltest.Page()
	page.Speech = "Hệ thống giám sát báo sự cố nghiêm trọng. Đơn vị: một. Bấm phím một để tiếp nhận."
	begun := time.Now()
	sctx, stop := context.WithTimeout(t.Context(), 40*time.Second)
	defer stop()
	r, err := c.Send(sctx, "0900000001", page)
	t.Logf("Send took %v: %s", time.Since(begun).Round(time.Millisecond), r.Detail)
	if err != nil || r.Digits != "1" || r.Status != alerting.Acknowledged {
		t.Errorf("got %+v, %v", r, err)
	}
	if err := cmd.Wait(); err != nil { // 0: every step of the scenario was met, BYE too
		b, _ := os.ReadFile(filepath.Join(dir, "errors")) // as far as there is one
		t.Errorf("sipp: %v\n%s\n%s", err, b, out.String()[max(0, out.Len()-2000):])
	} else if !strings.Contains(out.String(), "Successful call") {
		t.Errorf("sipp says: %s", out.String()[max(0, out.Len()-2000):])
	}
}
