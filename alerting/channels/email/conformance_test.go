package email

import (
	"context"
	"encoding/base64"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/channels/channeltest"
)

// says is a server that answers a command so, and otherwise as it should.
func says(command, answer string) *server {
	return &server{offer: []string{"STARTTLS", "AUTH PLAIN"}, say: map[string]string{command: answer}}
}

func at(s *server) func(*testing.T) alerting.Channel {
	return func(t *testing.T) alerting.Channel { t.Helper(); return sender(t, start(t, s), nil) }
}

// noPassword fails when the password went out in clear.
func noPassword(s *server) func(*testing.T, alerting.Receipt, error) {
	return func(t *testing.T, _ alerting.Receipt, _ error) {
		t.Helper()
		s.mu.Lock()
		defer s.mu.Unlock()
		all := strings.Join(s.got, "\n")
		if channeltest.Leaks(all) || strings.Contains(all, base64.StdEncoding.EncodeToString([]byte("\x00watchpost\x00"+channeltest.Secret))) {
			t.Errorf("the password went out:\n%s", all)
		}
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	const to, soon = "duty-a@duty.example", time.Second
	stripped := &server{offer: []string{"AUTH PLAIN"}}
	injected := &server{raw: func(c net.Conn) { // CVE-2011-0411: what follows STARTTLS in clear is not believed
		_, _ = io.WriteString(c, "220 mail.duty.example ESMTP\r\n")
		buf := make([]byte, 512)
		_, _ = c.Read(buf)
		_, _ = io.WriteString(c, "250-mail.duty.example\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n")
		_, _ = c.Read(buf)
		_, _ = io.WriteString(c, "220 go\r\n250-mail.duty.example\r\n250 AUTH PLAIN\r\n235 in\r\n")
		_, _ = io.Copy(io.Discard, c)
	}}
	huge := strings.Repeat("x", 100<<10)
	quotes := channeltest.Secret + " " + base64.StdEncoding.EncodeToString([]byte("\x00watchpost\x00"+channeltest.Secret))
	channeltest.Table(t, "README.md", []channeltest.Case{
		{Name: "accepts", Make: at(says("X", "")), Address: to, Want: channeltest.Accepted},
		{Name: "refuses for now: 421 at the greeting", Make: at(&server{raw: func(c net.Conn) { _, _ = io.WriteString(c, "421 too busy\r\n") }}), Address: to, Want: channeltest.Temporary, Words: "421"},
		{Name: "refuses for now: 451 to the sender", Make: at(says("MAIL", "451 later")), Address: to, Want: channeltest.Temporary, Words: "451"},
		{Name: "refuses for now: 450 to the person (greylisted)", Make: at(says("RCPT", "450 grey")), Address: to, Want: channeltest.Temporary, Words: "450"},
		{Name: "refuses for now: 454 to STARTTLS", Make: at(says("STARTTLS", "454 not now")), Address: to, Want: channeltest.Temporary, Words: "454"},
		{Name: "refuses for now: 454 to the password", Make: at(says("AUTH", "454 try later "+quotes)), Address: to, Want: channeltest.Temporary, Words: "454"},
		{Name: "refuses for good: 535 to the password", Make: at(says("AUTH", "535 no "+quotes)), Address: to, Want: channeltest.Permanent, Words: "535"},
		{Name: "refuses for good: 550 to the person", Make: at(says("RCPT", "550 who is "+to)), Address: to, Want: channeltest.Permanent, Words: "550"},
		{Name: "refuses for good: 554 to the text", Make: at(says("DATA", "554 spam")), Address: to, Want: channeltest.Permanent, Words: "554"},
		{Name: "STARTTLS is not offered (taken out on the way)", Make: at(stripped), Address: to, Want: channeltest.Permanent, Words: "STARTTLS", More: noPassword(stripped)},
		{Name: "answers before TLS what belongs after it", Make: at(injected), Address: to, Want: channeltest.Temporary, Within: soon},
		{Name: "a certificate of nobody known", Make: func(t *testing.T) alerting.Channel {
			t.Helper()
			return sender(t, start(t, says("X", "")), func(s *Settings) { s.CAFile = "" })
		}, Address: to, Want: channeltest.Temporary, Words: "certificate"},
		{Name: "a banner that never ends", Make: at(&server{raw: func(c net.Conn) {
			for {
				if _, err := io.WriteString(c, "220-more\r\n"); err != nil {
					return
				}
			}
		}}), Address: to, Want: channeltest.Temporary, Words: "more than"},
		{Name: "a banner letter by letter", Make: at(&server{raw: func(c net.Conn) {
			for tick := time.Tick(20 * time.Millisecond); ; <-tick {
				if _, err := io.WriteString(c, "2"); err != nil {
					return
				}
			}
		}}), Address: to, Want: channeltest.Temporary, Within: soon},
		{Name: "an answer of 100 KiB", Make: at(says("RCPT", "550 "+huge)), Address: to, Want: channeltest.Permanent},
		{Name: "takes it and says nothing", Make: at(&server{raw: func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }}), Address: to, Want: channeltest.Temporary, Within: soon},
		{Name: "closes at once", Make: at(&server{raw: func(net.Conn) {}}), Address: to, Want: channeltest.Temporary},
		{Name: "speaks HTTP", Make: at(&server{raw: func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") }}), Address: to, Want: channeltest.Temporary},
		{Name: "nobody listens", Make: func(t *testing.T) alerting.Channel {
			t.Helper()
			s := start(t, says("X", ""))
			return sender(t, s, func(set *Settings) { set.Server = "127.0.0.1:1" })
		}, Address: to, Want: channeltest.Temporary},
		{Name: "an address that is none", Make: at(says("X", "")), Address: "a@b.example\r\nRCPT TO:<c@d.example>", Want: channeltest.Permanent},
	})
}

// TestNamesAddNoHeaders: whatever a unit is called, a mail has the headers that
// we wrote.
func TestNamesAddNoHeaders(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"Sở Y tế\r\nBcc: thief@evil.example", "Sở\nX-Evil: 1", "Sở\rX-Evil: 1", "=?utf-8?q?Bcc:?=", "Sở\u2028X-Evil: 1", "\x00\x1b[2J", strings.Repeat("Ủy ban nhân dân ", 60), "\xff\xfe",
	} {
		s := start(t, says("X", ""))
		p := channeltest.Page()
		p.Subject, p.Text, p.Incident, p.ID = name, name+"\r\n.\r\nMAIL FROM:<x@evil.example>", name, name
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		_, err := sender(t, s, nil).Send(ctx, "Trực <duty-a@duty.example>", p)
		cancel()
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		head, _, _ := strings.Cut(s.data, "\r\n\r\n")
		for line := range strings.SplitSeq(head, "\r\n") {
			key, _, ok := strings.Cut(line, ":")
			switch {
			case strings.HasPrefix(line, " "): // goes on
			case !ok || !strings.Contains(" From To Subject Date Message-ID Auto-Submitted References Importance MIME-Version Content-Type Content-Transfer-Encoding ", " "+key+" "):
				t.Errorf("%q made the header %q", name, line)
			}
			if len(line) > 998 || strings.ContainsAny(line, "\r\n\x00\x1b") || strings.ToValidUTF8(line, "") != line || strings.ContainsFunc(line, func(r rune) bool { return r > '~' }) {
				t.Errorf("%q made the line %q", name, line)
			}
		}
		if n := strings.Count(strings.Join(s.got, "\n"), "MAIL FROM"); n != 1 {
			t.Errorf("%q: %d mails", name, n)
		}
	}
}
