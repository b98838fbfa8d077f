package tls

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"testing"

	"watchpost.example/probes"
	"watchpost.example/probes/wire"
)

// played is a connection that says what it was given and hears nothing.
type played struct {
	net.Conn
	say io.Reader
}

func (p played) Read(b []byte) (int, error)  { return p.say.Read(b) }
func (p played) Write(b []byte) (int, error) { return len(b), nil }

func FuzzStartTLS(f *testing.F) {
	names := []string{"smtp", "imap", "pop3", "ftp", "ldap", "postgres", "mysql", "xmpp"}
	for i, s := range []string{
		"220-a\r\n220 b\r\n250 c\r\n220 d\r\nmore", "* OK\r\n* x\r\nw1 OK\r\n", "+OK\r\n+OK\r\n", "220 a\r\n234 b\r\n",
		"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00", "S", "\x05\x00\x00\x00\x0a8.0\x00",
		"<stream:features/></stream:features><proceed/>",
	} {
		f.Add(uint8(i), []byte(s))
	}
	f.Fuzz(func(t *testing.T, which uint8, said []byte) {
		d := dialogues()[names[int(which)%len(names)]]
		injected, err := startTLS(played{say: bytes.NewReader(said)}, d, "portal.example")
		if len(injected) > len(said) {
			t.Errorf("%d bytes behind the go-ahead of %d said", len(injected), len(said))
		}
		if err == nil {
			return
		}
		e, ok := errors.AsType[*wire.Error](err)
		if !ok || !slices.Contains(probes.SharedReasons(), e.Reason) || e.Reason.Ours() {
			t.Errorf("error %v", err)
		}
	})
}
