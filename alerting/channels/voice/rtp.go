package voice

import (
	"encoding/binary"
	"math/rand/v2"
)

const (
	// frame is 20 ms of audio, in samples.
	frame = rate / 50
	// header is the length of an RTP header without extras (RFC 3550).
	header = 12
	keys   = "0123456789*#ABCD" // RFC 4733 table 3
	// samePress is how far apart, in samples, the begins of two events with the
	// same key must lie to be two presses when the first one's end was lost.
	samePress = rate / 10
)

// stream numbers outgoing packets.
type stream struct {
	ssrc  uint32
	seq   uint16
	stamp uint32
	begun bool
}

func newStream() *stream {
	return &stream{ssrc: rand.Uint32(), seq: uint16(rand.Uint32()), stamp: rand.Uint32()}
}

// packet makes the next packet of 20 ms.
func (s *stream) packet(audioType uint8, payload []byte) []byte {
	b := make([]byte, header, header+len(payload))
	b[0], b[1] = 2<<6, audioType&0x7F
	if !s.begun {
		b[1] |= 0x80 // the marker: a talkspurt begins
		s.begun = true
	}
	binary.BigEndian.PutUint16(b[2:], s.seq)
	binary.BigEndian.PutUint32(b[4:], s.stamp)
	binary.BigEndian.PutUint32(b[8:], s.ssrc)
	s.seq++
	s.stamp += frame
	return append(b, payload...)
}

// packet is what of an incoming packet matters.
type packet struct {
	kind    uint8
	stamp   uint32
	ssrc    uint32
	payload []byte
}

// parseRTP reads an RTP packet; ok is false for anything else.
func parseRTP(b []byte) (p packet, ok bool) {
	if len(b) < header || b[0]>>6 != 2 {
		return p, false
	}
	p.kind, p.stamp, p.ssrc = b[1]&0x7F, binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
	extended, padded := b[0]&0x10 != 0, b[0]&0x20 != 0
	at := header + 4*int(b[0]&0x0F) // contributing sources
	if extended {
		if len(b) < at+4 {
			return p, false
		}
		at += 4 + 4*int(binary.BigEndian.Uint16(b[at+2:]))
	}
	if len(b) < at {
		return p, false
	}
	p.payload = b[at:]
	if padded {
		n := len(p.payload)
		if n == 0 || int(p.payload[n-1]) > n || p.payload[n-1] == 0 {
			return p, false
		}
		p.payload = p.payload[:n-int(p.payload[n-1])]
	}
	return p, true
}

// events finds key presses in telephone events. A press is sent as several
// packets with one timestamp, of which any may be lost.
type events struct {
	seen  bool
	ssrc  uint32
	stamp uint32
	key   byte
	ended bool
}

// press gives the key when the packet begins a new press.
func (e *events) press(p packet) (key byte, ok bool) {
	if len(p.payload) < 4 || int(p.payload[0]) >= len(keys) {
		return 0, false
	}
	key, end := keys[p.payload[0]], p.payload[1]&0x80 != 0
	same := e.seen && e.ssrc == p.ssrc && (e.stamp == p.stamp ||
		// Some gateways number every packet of a press anew.
		e.key == key && !e.ended && p.stamp-e.stamp < samePress)
	late := e.seen && e.ssrc == p.ssrc && int32(p.stamp-e.stamp) < 0
	if late {
		return 0, false
	}
	*e = events{seen: true, ssrc: p.ssrc, stamp: p.stamp, key: key, ended: end || same && e.ended && e.stamp == p.stamp}
	return key, !same
}
