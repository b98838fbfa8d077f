package tls_test

import (
	"bufio"
	stdtls "crypto/tls"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"watchpost.example/probes"
	"watchpost.example/probes/probetest"
	"watchpost.example/probes/tls"
)

// step is what a server says, and what must then come from the client.
type step struct{ say, hear string }

// speaker plays a dialogue and then TLS.
func speaker(leaf probetest.Leaf, steps []step) func(net.Conn, <-chan struct{}) {
	return func(c net.Conn, _ <-chan struct{}) {
		for _, s := range steps {
			if _, err := io.WriteString(c, s.say); err != nil {
				return
			}
			b := make([]byte, len(s.hear))
			if _, err := io.ReadFull(c, b); err != nil || string(b) != s.hear {
				return
			}
		}
		t := stdtls.Server(c, &stdtls.Config{Certificates: []stdtls.Certificate{leaf.TLS()}, MinVersion: stdtls.VersionTLS12})
		if t.Handshake() == nil {
			_, _ = bufio.NewReader(t).ReadByte() // until the prober closes
		}
	}
}

const xmppOpen = "<?xml version='1.0'?><stream:stream to='portal.example' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"

// scripts are dialogues as the servers' standards write them.
func scripts() map[string][]step {
	greeting := "\x0a8.0.36\x00" + "\x01\x00\x00\x00" + "saltsalt" + "\x00" + "\xff\xff" + strings.Repeat("\x00", 31)
	sslRequest := "\x20\x00\x00\x01\x00\x8a\x00\x00\x00\x00\x00\x01\x21" + strings.Repeat("\x00", 23)
	starttls := "\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"
	return map[string][]step{
		"smtp":     {{"220-hello\r\n220 mail.portal.example ESMTP\r\n", "EHLO watchpost.invalid\r\n"}, {"250-mail\r\n250-STARTTLS\r\n250 OK\r\n", "STARTTLS\r\n"}, {"220 go ahead\r\n", ""}},
		"imap":     {{"* OK ready\r\n", "w1 STARTTLS\r\n"}, {"* CAPABILITY IMAP4rev1\r\nw1 OK begin\r\n", ""}},
		"pop3":     {{"+OK ready\r\n", "STLS\r\n"}, {"+OK begin\r\n", ""}},
		"ftp":      {{"220-Welcome\r\n220 ready\r\n", "AUTH TLS\r\n"}, {"234 proceed\r\n", ""}},
		"postgres": {{"", "\x00\x00\x00\x08\x04\xd2\x16\x2f"}, {"S", ""}},
		"mysql":    {{string([]byte{byte(len(greeting)), 0, 0, 0}) + greeting, sslRequest}},
		"ldap":     {{"", starttls}, {"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00", ""}},
		"xmpp": {
			{"", xmppOpen},
			{"<?xml version='1.0'?><stream:stream><stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>", "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"},
			{"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", ""},
		},
	}
}

func TestStartTLS(t *testing.T) {
	ca := newCA(t)
	leaf := issue(t, ca, probetest.Spec{Names: []string{"portal.example"}})
	w := trusting(t, ca, nil)
	for proto, steps := range scripts() {
		t.Run(proto, func(t *testing.T) {
			ask := func(steps []step) probes.Observation {
				srv := probetest.Start(t, speaker(leaf, steps))
				return look(t, prober(t, w, func(s *tls.Settings) {
					s.Address, s.ServerName, s.StartTLS = srv.Addr(), "portal.example", proto
				}))
			}
			if o := ask(steps); o.Verdict != probes.Up || len(o.Findings) > 0 {
				t.Errorf("%s %q (%s) %+v", o.Verdict, o.Reason, o.Detail, o.Findings)
			}
			if proto == "mysql" {
				return // its client speaks last
			}
			injected := slices.Clone(steps)
			injected[len(injected)-1].say += "INJECTED"
			o := ask(injected)
			if len(o.Findings) != 1 || o.Findings[0].Reason != probes.TLSStartTLS {
				t.Errorf("bytes behind the go-ahead: %s %q, findings %+v", o.Verdict, o.Reason, o.Findings)
			}
		})
	}
}

func TestStartTLSRefused(t *testing.T) {
	w := probetest.NewWire(t, nil)
	for proto, says := range map[string]string{
		"smtp": "554 no\r\n", "imap": "* BYE\r\n", "pop3": "-ERR\r\n", "ftp": "530 no\r\n", "postgres": "N",
		"mysql": "\x05\x00\x00\x00\xff\x10\x04no", "ldap": "\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00", "xmpp": "<stream:error/></stream:stream>",
	} {
		t.Run(proto, func(t *testing.T) {
			srv := probetest.Start(t, func(c net.Conn, _ <-chan struct{}) {
				_, _ = io.WriteString(c, says)
				_, _ = io.Copy(io.Discard, c) // until the prober closes
			})
			o := look(t, prober(t, w, func(s *tls.Settings) { s.Address, s.StartTLS = srv.Addr(), proto }))
			if o.Verdict != probes.Down || o.Reason != probes.TLSStartTLS {
				t.Errorf("%s %q (%s)", o.Verdict, o.Reason, o.Detail)
			}
			probetest.Check(t, tls.Kind(w), o)
		})
	}
}
