package voice

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

const (
	// maxSDP bounds a session description that is looked at, in bytes.
	maxSDP = 16 << 10
	// eventType is our payload type of telephone events (RFC 4733).
	eventType = 101
	pcmu      = 0 // RFC 3551 table 4
	pcma      = 8
)

// media is where and how the other side wants its audio.
type media struct {
	addr  netip.AddrPort
	ulaw  bool
	audio uint8  // payload type of the audio
	event uint8  // payload type of keys; 0 = the other side sends none
	mode  string // what we may do: sendrecv, recvonly (on hold), sendonly, inactive
}

// held: the person has put us on hold and hears nothing.
func (m media) held() bool { return m.mode == "recvonly" || m.mode == "inactive" }

func (m media) codec() string {
	if m.ulaw {
		return "PCMU"
	}
	return "PCMA"
}

// describe writes our offer, or our answer when only is given. A-law comes
// first: it is what telephone networks outside America use.
func describe(local netip.AddrPort, session int64, only *media) string {
	kind := "IP4"
	if local.Addr().Is6() {
		kind = "IP6"
	}
	formats, maps := "8 0", "a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
	event, mode := uint8(eventType), "sendrecv"
	if only != nil {
		mode = cmp.Or(only.mode, mode)
		formats = strconv.Itoa(int(only.audio))
		maps = fmt.Sprintf("a=rtpmap:%d %s/8000\r\n", only.audio, only.codec())
		event = only.event
	}
	if event != 0 {
		formats += fmt.Sprintf(" %d", event)
		maps += fmt.Sprintf("a=rtpmap:%d telephone-event/8000\r\na=fmtp:%d 0-15\r\n", event, event)
	}
	return fmt.Sprintf("v=0\r\no=- %d %d IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\nm=audio %d RTP/AVP %s\r\n%sa=ptime:20\r\na=%s\r\n",
		session, session, kind, local.Addr(), kind, local.Addr(), local.Port(), formats, maps, mode)
}

var (
	errNoAudio   = errors.New("the other side offers no audio")
	errNoCodec   = errors.New("the other side offers neither PCMA nor PCMU")
	errBadTarget = errors.New("the other side names no usable address for audio")
)

// description is what of a session description matters, as it is read.
type description struct {
	addr    netip.Addr // the last one that holds for the audio
	port    int        // 0 = no audio yet
	formats []string
	maps    map[string]string // format → name
	mode    string            // ours, by what the other side says of itself
}

// parseSDP reads a description (RFC 4566) as far as a call needs. Addresses must
// be literal: a peer can't make us ask the DNS.
func parseSDP(body []byte) (media, error) {
	if len(body) > maxSDP {
		return media{}, fmt.Errorf("the description of the call has %d bytes", len(body))
	}
	d := description{maps: map[string]string{}, mode: "sendrecv"}
	for line := range strings.SplitSeq(strings.ReplaceAll(string(body), "\r", ""), "\n") {
		key, value, ok := strings.Cut(line, "=")
		if key == "m" && d.port > 0 {
			break // what follows is another stream's
		}
		f := strings.Fields(value)
		if ours := answerMode(value); key == "a" && ours != "" {
			d.mode = ours
		} else if ok && len(f) > 1 {
			d.line(key, f)
		}
	}
	if d.port == 0 {
		return media{}, errNoAudio
	}
	if !d.addr.IsValid() || d.addr.IsMulticast() || d.addr.Zone() != "" {
		return media{}, errBadTarget
	}
	m := media{addr: netip.AddrPortFrom(d.addr.Unmap(), uint16(d.port)), mode: d.mode}
	if d.addr.IsUnspecified() { // hold, as RFC 2543 had it
		m.mode = "inactive"
	}
	return m, m.choose(d.formats, d.maps)
}

// answerMode is what we say when the other side says so (RFC 3264 section 6.1).
func answerMode(theirs string) string {
	switch strings.TrimSpace(theirs) {
	case "sendrecv":
		return "sendrecv"
	case "sendonly":
		return "recvonly"
	case "recvonly":
		return "sendonly"
	case "inactive":
		return "inactive"
	}
	return ""
}

func (d *description) line(key string, f []string) {
	switch {
	case key == "m" && len(f) > 3 && f[0] == "audio" && f[2] == "RTP/AVP":
		text, _, _ := strings.Cut(f[1], "/")
		if p, err := strconv.ParseUint(text, 10, 16); err == nil && p > 0 {
			d.port, d.formats = int(p), f[3:]
		}
	case key == "c" && len(f) > 2 && (d.port > 0 || !d.addr.IsValid()):
		text, _, _ := strings.Cut(f[2], "/")
		d.addr, _ = netip.ParseAddr(text) // the zero address is refused later
	case key == "a" && d.port > 0 && strings.HasPrefix(f[0], "rtpmap:"):
		d.maps[strings.TrimPrefix(f[0], "rtpmap:")] = strings.ToUpper(f[1])
	}
}

// choose takes the other side's first codec that we speak, and its keys.
func (m *media) choose(formats []string, maps map[string]string) error {
	found := false
	for _, f := range formats {
		n, err := strconv.ParseUint(f, 10, 7)
		if err != nil {
			continue
		}
		name := maps[f]
		switch {
		case !found && (strings.HasPrefix(name, "PCMA/8000") || name == "" && n == pcma):
			found, m.audio, m.ulaw = true, uint8(n), false
		case !found && (strings.HasPrefix(name, "PCMU/8000") || name == "" && n == pcmu):
			found, m.audio, m.ulaw = true, uint8(n), true
		case m.event == 0 && n != 0 && strings.HasPrefix(name, "TELEPHONE-EVENT/8000"):
			m.event = uint8(n)
		}
	}
	if !found {
		return errNoCodec
	}
	return nil
}
