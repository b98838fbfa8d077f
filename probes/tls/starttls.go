package tls

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"watchpost.example/probes"
	"watchpost.example/probes/wire"
)

// dialogue speaks a protocol in clear up to the point where TLS begins.
type dialogue func(t *talk, name string) error

// dialogues is the STARTTLS protocols by the word of the inventory.
func dialogues() map[string]dialogue {
	return map[string]dialogue{
		"smtp": smtp, "imap": imap, "pop3": pop3, "ftp": ftp, "ldap": ldap,
		"postgres": postgres, "mysql": mysql, "xmpp": xmpp,
	}
}

// maxTalk bounds all that a server may say before TLS, in bytes.
const maxTalk = 16 << 10

// talk reads a dialogue. It owns its buffer, because what lies in there after
// the go-ahead was sent in clear and must never be taken for TLS.
type talk struct {
	conn net.Conn
	buf  []byte // read and not consumed
	sum  int
}

// refused is a server that answers otherwise than with a go-ahead.
type refused struct{ said string }

func (r refused) Error() string { return "the server said " + probes.Quote(r.said, 120) }

var errTalk = errors.New("the server talks on without end")

// startTLS runs d. Its errors are *wire.Error: TLSStartTLS when the server
// refuses or breaks the dialogue, else what the connection gave.
func startTLS(c net.Conn, d dialogue, name string) (injected string, err error) {
	t := &talk{conn: c}
	if err := d(t, name); err != nil {
		return "", startError(err)
	}
	return string(t.buf), nil
}

func startError(err error) error {
	r := wire.Classify(err)
	_, no := errors.AsType[refused](err)
	switch {
	case r.Ours():
		return err
	case no, errors.Is(err, errTalk), r == probes.TCPClosed:
		detail := "STARTTLS: " + err.Error()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			detail = "STARTTLS: the server closed the connection in the middle of the dialogue"
		}
		return &wire.Error{Reason: probes.TLSStartTLS, Detail: detail}
	case r == probes.TCPTimeout:
		return &wire.Error{Reason: probes.TLSTimeout, Detail: "STARTTLS: no answer within the time allowed"}
	}
	return &wire.Error{Reason: r, Detail: wire.Explain("STARTTLS", err)}
}

func (t *talk) say(format string, args ...any) error {
	_, err := fmt.Fprintf(t.conn, format, args...)
	return err
}

// more reads once into the buffer.
func (t *talk) more() error {
	var b [2048]byte
	n, err := t.conn.Read(b[:])
	t.buf = append(t.buf, b[:n]...)
	if t.sum += n; t.sum > maxTalk {
		return errTalk
	}
	if n > 0 {
		return nil
	}
	return err
}

// line gives the next line without its end.
func (t *talk) line() (string, error) {
	for {
		if i := bytes.IndexByte(t.buf, '\n'); i >= 0 {
			l := strings.TrimRight(string(t.buf[:i]), "\r")
			t.buf = t.buf[i+1:]
			return l, nil
		}
		if err := t.more(); err != nil {
			return "", err
		}
	}
}

// take gives the next n bytes.
func (t *talk) take(n int) ([]byte, error) {
	for len(t.buf) < n {
		if err := t.more(); err != nil {
			return nil, err
		}
	}
	b := t.buf[:n]
	t.buf = t.buf[n:]
	return b, nil
}

// code reads a reply of RFC 959 and RFC 5321 shape, several lines long or one,
// and demands its code.
func (t *talk) code(want string) error {
	for {
		l, err := t.line()
		if err != nil {
			return err
		}
		if !strings.HasPrefix(l, want) {
			return refused{l}
		}
		if len(l) < 4 || l[3] != '-' {
			return nil
		}
	}
}

func smtp(t *talk, _ string) error {
	if err := t.code("220"); err != nil {
		return err
	}
	if err := t.say("EHLO watchpost.invalid\r\n"); err != nil {
		return err
	}
	if err := t.code("250"); err != nil {
		return err
	}
	if err := t.say("STARTTLS\r\n"); err != nil {
		return err
	}
	return t.code("220")
}

func ftp(t *talk, _ string) error {
	if err := t.code("220"); err != nil {
		return err
	}
	if err := t.say("AUTH TLS\r\n"); err != nil {
		return err
	}
	return t.code("234")
}

func pop3(t *talk, _ string) error {
	for _, say := range []string{"", "STLS\r\n"} {
		if say != "" {
			if err := t.say("%s", say); err != nil {
				return err
			}
		}
		l, err := t.line()
		if err != nil {
			return err
		}
		if !strings.HasPrefix(l, "+OK") {
			return refused{l}
		}
	}
	return nil
}

func imap(t *talk, _ string) error {
	l, err := t.line()
	if err != nil {
		return err
	}
	if !strings.HasPrefix(l, "* OK") && !strings.HasPrefix(l, "* PREAUTH") {
		return refused{l}
	}
	if err := t.say("w1 STARTTLS\r\n"); err != nil {
		return err
	}
	for {
		if l, err = t.line(); err != nil {
			return err
		}
		switch {
		case strings.HasPrefix(l, "w1 OK"):
			return nil
		case !strings.HasPrefix(l, "* "): // untagged lines may come between
			return refused{l}
		}
	}
}

// postgres is SSLRequest of the PostgreSQL protocol 3.0.
func postgres(t *talk, _ string) error {
	if err := t.say("\x00\x00\x00\x08\x04\xd2\x16\x2f"); err != nil {
		return err
	}
	b, err := t.take(1)
	if err != nil {
		return err
	}
	if b[0] != 'S' {
		return refused{string(b)}
	}
	return nil
}

// mysql is the SSLRequest packet after the server's greeting (protocol 10).
func mysql(t *talk, _ string) error {
	head, err := t.take(4)
	if err != nil {
		return err
	}
	n := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
	if n < 1 || n > maxTalk {
		return refused{string(head)}
	}
	greeting, err := t.take(n)
	if err != nil {
		return err
	}
	// Byte 0 is the protocol; the version ends in NUL; 4 bytes of thread, 8 of
	// salt and a filler precede the lower half of the capabilities.
	i := bytes.IndexByte(greeting, 0)
	const sslCapability = 0x0800
	if greeting[0] != 10 || i < 0 || len(greeting) < i+16 ||
		binary.LittleEndian.Uint16(greeting[i+14:])&sslCapability == 0 {
		return refused{string(greeting)}
	}
	// Capabilities: protocol 4.1, SSL, secure connection; 16 MiB; utf8.
	_, err = t.conn.Write(append([]byte{32, 0, 0, 1, 0x00, 0x8a, 0, 0, 0, 0, 0, 1, 33}, make([]byte, 23)...))
	return err
}

// xmpp is RFC 6120 5.4; the words are looked for and no XML is parsed, because
// only the go-ahead matters.
func xmpp(t *talk, name string) error {
	if err := t.say("<?xml version='1.0'?><stream:stream to='%s' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>", name); err != nil {
		return err
	}
	if err := t.until("</stream:features>"); err != nil {
		return err
	}
	if err := t.say("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"); err != nil {
		return err
	}
	if err := t.until("<proceed"); err != nil {
		return err
	}
	return t.until(">")
}

// until consumes up to and including the mark.
func (t *talk) until(mark string) error {
	for {
		if i := bytes.Index(t.buf, []byte(mark)); i >= 0 {
			t.buf = t.buf[i+len(mark):]
			return nil
		}
		for _, bad := range []string{"<failure", "<stream:error", "</stream:stream>"} {
			if bytes.Contains(t.buf, []byte(bad)) {
				return refused{string(t.buf)}
			}
		}
		if err := t.more(); err != nil {
			if errors.Is(err, errTalk) || len(t.buf) > 0 && errors.Is(err, io.EOF) {
				return refused{string(t.buf)}
			}
			return err
		}
	}
}

// ldap is the extended operation 1.3.6.1.4.1.1466.20037 (RFC 4511 4.14).
func ldap(t *talk, _ string) error {
	const oid = "1.3.6.1.4.1.1466.20037"
	req := append([]byte{0x30, byte(7 + len(oid)), 2, 1, 1, 0x77, byte(2 + len(oid)), 0x80, byte(len(oid))}, oid...)
	if _, err := t.conn.Write(req); err != nil {
		return err
	}
	body, err := t.element(0x30)
	if err != nil {
		return err
	}
	// LDAPMessage { messageID INTEGER, [APPLICATION 24] { resultCode ENUMERATED, ... } }
	in := &talk{buf: body, conn: nil}
	if _, err := in.element(0x02); err != nil {
		return refused{string(body)}
	}
	res, err := in.element(0x78)
	if err != nil {
		return refused{string(body)}
	}
	in = &talk{buf: res}
	code, err := in.element(0x0a)
	if err != nil || len(code) != 1 || code[0] != 0 {
		return refused{string(body)}
	}
	return nil
}

// element reads one BER element of the given tag; its length takes at most two
// bytes, which is more than this dialogue ever needs.
func (t *talk) element(tag byte) ([]byte, error) {
	h, err := t.ber(2)
	if err != nil {
		return nil, err
	}
	if h[0] != tag {
		return nil, refused{string(h)}
	}
	n := int(h[1])
	if n >= 0x80 {
		k := n & 0x7f
		if k < 1 || k > 4 {
			return nil, refused{string(h)}
		}
		l, err := t.ber(k)
		if err != nil {
			return nil, err
		}
		n = 0
		for _, b := range l {
			n = n<<8 | int(b)
		}
		if n > maxTalk {
			return nil, errTalk
		}
	}
	return t.ber(n)
}

// ber takes n bytes and copies them, because the buffer moves on.
func (t *talk) ber(n int) ([]byte, error) {
	if t.conn == nil && len(t.buf) < n {
		return nil, io.ErrUnexpectedEOF
	}
	b, err := t.take(n)
	return bytes.Clone(b), err
}
