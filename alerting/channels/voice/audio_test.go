package voice

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"watchpost.example/internal/testneed"
)

// TestG711 holds our coder against sox, for every sample there is.
func TestG711(t *testing.T) {
	t.Parallel()
	sox := testneed.Program(t, "sox")
	var raw []byte
	var all []int16
	for v := math.MinInt16; v <= math.MaxInt16; v++ {
		raw = binary.LittleEndian.AppendUint16(raw, uint16(int16(v)))
		all = append(all, int16(v))
	}
	for law, isULaw := range map[string]bool{"a-law": false, "mu-law": true} {
		cmd := exec.CommandContext(t.Context(), sox, "-D", "-t", "raw", "-r", "8000", "-e", "signed", "-b", "16", "-c", "1", "-", "-t", "raw", "-e", law, "-b", "8", "-")
		cmd.Stdin = bytes.NewReader(raw)
		want, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		got := encode(all, isULaw)
		// sox rounds to the 13 and 14 bits first, we cut as the table does: at an
		// edge the codes are neighbours.
		for i := range got {
			if !near(law, got[i], want[i]) {
				t.Fatalf("%s of %d: %#02x, sox says %#02x", law, all[i], got[i], want[i])
			}
		}
	}
}

// near tells whether two codes are the same or neighbours.
func near(law string, a, b byte) bool {
	order := func(c byte) int {
		if law == "a-law" {
			c ^= 0x55
			if c&0x80 == 0 {
				return -1 - int(c&0x7F)
			}
			return int(c & 0x7F)
		}
		c = ^c
		if c&0x80 != 0 {
			return -int(c & 0x7F)
		}
		return int(c & 0x7F)
	}
	d := order(a) - order(b)
	return d >= -1 && d <= 1
}

// TestResample: a tone below the edge stays, one above 4 kHz does not fold.
func TestResample(t *testing.T) {
	t.Parallel()
	level := func(hz int, f float64) float64 {
		in := make([]float64, hz)
		for i := range in {
			in[i] = 10000 * math.Sin(2*math.Pi*f*float64(i)/float64(hz))
		}
		out, sum := resample(in, hz), 0.0
		if len(out) != rate {
			t.Fatalf("%d samples of one second at %d Hz", len(out), hz)
		}
		for _, v := range out {
			sum += float64(v) * float64(v)
		}
		return math.Sqrt(2*sum/float64(len(out))) / 10000
	}
	for _, hz := range []int{16000, 22050, 44100, 48000} {
		if l := level(hz, 1000); l < 0.97 || l > 1.03 {
			t.Errorf("%d Hz: 1 kHz comes with level %.2f", hz, l)
		}
		if l := level(hz, 6000); l > 0.05 {
			t.Errorf("%d Hz: 6 kHz comes back as noise with level %.2f", hz, l)
		}
	}
}

func TestSpeech(t *testing.T) {
	t.Parallel()
	testneed.Program(t, "espeak-ng")
	s := speaker{voice: "vi", speed: 150, program: "espeak-ng", phrases: phrase(t, "bam-phim-mot-de-tiep-nhan", 500)}
	begun := time.Now()
	clip, err := s.say(t.Context(), "Đơn vị: don-vi-a.example. Bấm phím một để tiếp nhận. Hết.", "vi")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%.1f s of speech made in %v", float64(len(clip))/rate, time.Since(begun).Round(time.Millisecond))
	recorded, ok := s.recorded("Bấm phím một để tiếp nhận.", "vi")
	if !ok || bytes.Index(encode(clip, false), encode(recorded, false)) <= rate/2 {
		t.Error("the recorded sentence does not stand between the spoken ones")
	}
	// Options and commands in a text are read aloud.
	if _, err := s.say(t.Context(), "--version; $(touch /tmp/x) `id` -f /etc/passwd", "en"); err != nil {
		t.Error(err)
	}
	for _, text := range []string{"", " ", "..."} {
		if clip, err := s.say(t.Context(), text, "vi"); err == nil {
			t.Errorf("%q gave %d samples", text, len(clip))
		}
	}
	hang := filepath.Join(t.TempDir(), "hangs")
	if err := os.WriteFile(hang, []byte("#!/bin/sh\nexec sleep 60\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begun = time.Now()
	if _, err := (speaker{program: hang, voice: "vi"}).say(ctx, "A.", "vi"); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > 3*time.Second {
		t.Errorf("got %v after %v", err, time.Since(begun))
	}
}

func TestSentencesAndSlugs(t *testing.T) {
	t.Parallel()
	got := sentences("Đơn vị a.example mất kết nối. Bản v1.2! Hết")
	if want := []string{"Đơn vị a.example mất kết nối.", "Bản v1.2!", "Hết"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	for in, want := range map[string]string{"Bấm phím một để tiếp nhận.": "bam-phim-mot-de-tiep-nhan", "../../etc/passwd": "etc-passwd", "ĐƯỜNG DÂY": "duong-day", "": ""} {
		if got := slug(in); got != want {
			t.Errorf("slug(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	var e events
	press := func(stamp uint32, event, flags byte) string {
		if key, ok := e.press(packet{stamp: stamp, ssrc: 1, payload: []byte{event, flags, 0, 0}}); ok {
			return string(key)
		}
		return ""
	}
	got := press(100, 1, 0) + press(100, 1, 0) + press(100, 1, 0x80) + press(100, 1, 0x80) + // one press
		press(5000, 1, 0) + press(5000, 1, 0x80) + // the same key again
		press(100, 1, 0x80) + // late
		press(9000, 11, 0x80) + // only the end arrived
		press(20000, 2, 0) + press(20160, 2, 0) + press(20320, 2, 0x80) + // numbered anew each packet
		press(30000, 99, 0)
	if got != "11#2" {
		t.Errorf("got %q, want 11#2", got)
	}
}

func TestInfoKeys(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ kind, body, want string }{
		{"application/dtmf-relay", "Signal=1\r\nDuration=160", "1"},
		{"application/dtmf-relay;x=y", "Duration=1\nsignal = # \n", "#"},
		{"application/dtmf", " 9\r\n", "9"},
		{"application/dtmf", "19", ""},
		{"application/dtmf", "1" + strings.Repeat(" ", 300), ""},
		{"text/plain", "1", ""},
		{"application/dtmf-relay", "Signal=", ""},
	} {
		r := sip.NewRequest("INFO", sip.Uri{Host: "a.example"})
		r.AppendHeader(sip.NewHeader("Content-Type", row.kind))
		r.SetBody([]byte(row.body))
		key, ok := infoKey(r)
		if got := string(key); ok != (row.want != "") || ok && got != row.want {
			t.Errorf("%s %q: got %q, %v", row.kind, row.body, key, ok)
		}
	}
}

// TestNothingIsLeft: after calls of every kind no goroutine remains.
func TestNothingIsLeft(t *testing.T) {
	// Not parallel: it counts.
	before := runtime.NumGoroutine()
	t.Run("calls", func(t *testing.T) {
		x := newExchange(t, "udp", pressed(5, "1"))
		c := phone(t, x.addr.String(), nil)
		for range 2 {
			if r, err := send(t, c, 20*time.Second); err != nil || r.Digits != "1" {
				t.Errorf("got %+v, %v", r, err)
			}
		}
		deaf := phone(t, "127.0.0.1:9", nil)
		if _, err := send(t, deaf, 300*time.Millisecond); err == nil {
			t.Error("a call to nobody")
		}
	})
	for range 400 {
		if runtime.NumGoroutine() <= before {
			return
		}
		<-time.After(5 * time.Millisecond)
	}
	buf := make([]byte, 1<<16)
	t.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
}

func FuzzSDP(f *testing.F) {
	f.Add([]byte(goodSDP(4000)))
	f.Add([]byte("c=IN IP6 ::1\nm=audio 4000/2 RTP/AVP 0 96\na=rtpmap:96 telephone-event/8000\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseSDP(b)
		if err == nil && (!m.addr.IsValid() || m.addr.Port() == 0 || m.addr.Addr().IsMulticast() || m.audio > 127) {
			t.Errorf("took %+v", m)
		}
	})
}

func FuzzRTP(f *testing.F) {
	f.Add(newStream().packet(8, make([]byte, frame)))
	f.Add([]byte{0xB1, 101, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 9, 9, 9, 9, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0x80, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, ok := parseRTP(b); ok {
			if len(p.payload) > len(b)-header {
				t.Errorf("%d bytes of payload in %d", len(p.payload), len(b))
			}
			new(events).press(p)
		}
	})
}

func FuzzWAV(f *testing.F) {
	f.Add([]byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x22\x56\x00\x00\x44\xac\x00\x00\x02\x00\x10\x00data\xff\xff\xff\xff\x01\x02\x03\x04\x05\x06"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if clip, err := parseWAV(b); err == nil && len(clip) > len(b) {
			t.Errorf("%d samples from %d bytes", len(clip), len(b))
		}
	})
}
