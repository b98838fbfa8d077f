package smpp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Commands (SMPP 3.4 section 5.1.2.1). An answer has the bit response.
const (
	bindTransceiver = 0x09
	submitSM        = 0x04
	deliverSM       = 0x05
	unbind          = 0x06
	enquireLink     = 0x15
	genericNack     = 0x80000000
	response        = 0x80000000
)

// Optional parameters (section 5.3.2).
const (
	tagReceiptedID  = 0x001E
	tagSarRef       = 0x020C
	tagSarTotal     = 0x020E
	tagSarPart      = 0x020F
	tagPayload      = 0x0424
	tagMessageState = 0x0427
)

const (
	headerLen = 16
	// maxPDU bounds what is read: a message of 64 KiB in an optional parameter
	// is the largest the protocol has.
	maxPDU      = 70 << 10
	maxPassword = 64
)

// pdu is one message of the protocol.
type pdu struct {
	command, status, sequence uint32
	body                      []byte
}

func (p pdu) encode() []byte {
	b := make([]byte, headerLen, headerLen+len(p.body))
	binary.BigEndian.PutUint32(b, uint32(headerLen+len(p.body)))
	binary.BigEndian.PutUint32(b[4:], p.command)
	binary.BigEndian.PutUint32(b[8:], p.status)
	binary.BigEndian.PutUint32(b[12:], p.sequence)
	return append(b, p.body...)
}

// readPDU reads one message; a length that can't be is an end of the session,
// since nothing after it can be trusted.
func readPDU(r io.Reader) (pdu, error) {
	var h [headerLen]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return pdu{}, err
	}
	n := binary.BigEndian.Uint32(h[:])
	if n < headerLen || n > maxPDU {
		return pdu{}, fmt.Errorf("a message of %d bytes: not SMPP", n)
	}
	p := pdu{command: binary.BigEndian.Uint32(h[4:]), status: binary.BigEndian.Uint32(h[8:]), sequence: binary.BigEndian.Uint32(h[12:])}
	p.body = make([]byte, n-headerLen)
	_, err := io.ReadFull(r, p.body)
	return p, err
}

var errShort = errors.New("a message ends too early")

// reader takes fields from a body; after the first error all fields are zero.
type reader struct {
	b   []byte
	err error
}

// text reads a C-octet string of at most most bytes, its zero included.
func (r *reader) text(most int) string {
	for i := 0; i < len(r.b) && i < most; i++ {
		if r.b[i] == 0 {
			s := string(r.b[:i])
			r.b = r.b[i+1:]
			return s
		}
	}
	r.b, r.err = nil, errShort
	return ""
}

func (r *reader) byte() byte {
	b := r.bytes(1)
	if b == nil {
		return 0
	}
	return b[0]
}

func (r *reader) bytes(n int) []byte {
	if len(r.b) < n {
		r.b, r.err = nil, errShort
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

// options reads the optional parameters to the end.
func (r *reader) options() map[uint16][]byte {
	out := map[uint16][]byte{}
	for len(r.b) >= 4 && r.err == nil {
		tag, n := binary.BigEndian.Uint16(r.b), int(binary.BigEndian.Uint16(r.b[2:]))
		r.b = r.b[4:]
		if v := r.bytes(n); r.err == nil {
			out[tag] = v
		}
	}
	return out
}

// delivered is a deliver_sm (section 4.6.1).
type delivered struct {
	from, to string
	fromTON  byte
	esm      byte
	coding   byte
	body     []byte
	options  map[uint16][]byte
}

func parseDeliver(body []byte) (delivered, error) {
	r := reader{b: body}
	var d delivered
	r.text(6)
	d.fromTON, _, d.from = r.byte(), r.byte(), r.text(21)
	_, _, d.to = r.byte(), r.byte(), r.text(21)
	d.esm = r.byte()
	r.bytes(2) // protocol, priority
	r.text(17)
	r.text(17)
	r.bytes(2) // registered_delivery, replace_if_present
	d.coding = r.byte()
	r.byte()
	d.body = r.bytes(int(r.byte()))
	d.options = r.options()
	if p := d.options[tagPayload]; len(p) > 0 && len(d.body) == 0 {
		d.body = p
	}
	return d, r.err
}

// address is a number or name with its type and plan (sections 5.2.5, 5.2.6).
type address struct {
	ton, npi byte
	text     string
}

// submit writes a submit_sm (section 4.4.1).
func submit(from, to address, m part, receipt bool) []byte {
	b := []byte{0} // default service
	for _, a := range []address{from, to} {
		b = append(append(append(b, a.ton, a.npi), a.text...), 0)
	}
	registered := byte(0)
	if receipt {
		registered = 1
	}
	b = append(b, m.esm, 0, 0, 0, 0, registered, 0, m.coding, 0, byte(len(m.body)))
	return append(b, m.body...)
}

// bind writes a bind_transceiver (section 4.1.5).
func bind(id, password, kind string) []byte {
	b := append([]byte(id), 0)
	b = append(append(b, password...), 0)
	b = append(append(b, kind...), 0)
	return append(b, 0x34, 0, 0, 0)
}
