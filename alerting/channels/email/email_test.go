package email

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/http/httptest"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/channels/channeltest"
)

// server is an SMTP server that answers by rule.
type server struct {
	t        *testing.T
	addr     string
	ca       string // PEM file
	conf     *tls.Config
	implicit bool
	offer    []string          // EHLO extensions
	say      map[string]string // answer by command, over the usual one
	raw      func(net.Conn)    // all of it, instead

	mu   sync.Mutex
	got  []string // commands
	data string
}

func start(t *testing.T, s *server) *server {
	t.Helper()
	hs := httptest.NewTLSServer(nil) // for its certificate of 127.0.0.1
	s.t, s.conf = t, &tls.Config{Certificates: hs.TLS.Certificates}
	s.ca = filepath.Join(t.TempDir(), "ca.pem")
	err := os.WriteFile(s.ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: hs.Certificate().Raw}), 0o600)
	hs.Close()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer func() { _ = conn.Close() }()
				stop := context.AfterFunc(t.Context(), func() { _ = conn.Close() })
				defer stop()
				switch {
				case s.raw != nil:
					s.raw(conn)
				case s.implicit:
					s.serve(tls.Server(conn, s.conf))
				default:
					s.serve(conn)
				}
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	return s
}

func (s *server) serve(conn net.Conn) {
	r := bufio.NewReader(conn)
	out := func(text string) { _, _ = fmt.Fprintf(conn, "%s\r\n", text) }
	line := func() (string, bool) {
		l, err := r.ReadString('\n')
		return strings.TrimRight(l, "\r\n"), err == nil
	}
	out("220 mail.duty.example ESMTP")
	for {
		cmd, ok := line()
		if !ok {
			return
		}
		s.mu.Lock()
		s.got = append(s.got, cmd)
		s.mu.Unlock()
		verb, _, _ := strings.Cut(cmd, " ")
		if text, ok := s.say[verb]; ok {
			out(text)
			continue
		}
		switch verb {
		case "EHLO":
			out("250-mail.duty.example")
			for _, o := range s.offer {
				out("250-" + o)
			}
			out("250 8BITMIME")
		case "STARTTLS":
			out("220 go")
			tc := tls.Server(conn, s.conf)
			conn, r = tc, bufio.NewReader(tc)
		case "AUTH":
			if strings.HasPrefix(cmd, "AUTH LOGIN") {
				out("334 VXNlcm5hbWU6")
				user, _ := line()
				out("334 UGFzc3dvcmQ6")
				pass, _ := line()
				s.mu.Lock()
				s.got = append(s.got, user, pass)
				s.mu.Unlock()
			}
			out("235 in")
		case "DATA":
			out("354 go")
			var b strings.Builder
			for l, ok := line(); ok && l != "."; l, ok = line() {
				b.WriteString(strings.TrimPrefix(l, ".") + "\r\n")
			}
			s.mu.Lock()
			s.data = b.String()
			s.mu.Unlock()
			out("250 queued")
		case "QUIT":
			out("221 bye")
			return
		default:
			out("250 ok")
		}
	}
}

func sender(t *testing.T, s *server, change func(*Settings)) alerting.Channel {
	t.Helper()
	set := Type().New().(*Settings)
	set.Server, set.CAFile, set.From = s.addr, s.ca, "Trực giám sát <watchpost@duty.example>"
	set.Username, set.PasswordFile = "watchpost", channeltest.SecretFile(t)
	if change != nil {
		change(set)
	}
	if p := set.Problems(); len(p) > 0 {
		t.Fatal(p)
	}
	c, err := set.Channel("email", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAccepted(t *testing.T) {
	t.Parallel()
	plain := base64.StdEncoding.EncodeToString([]byte("\x00watchpost\x00" + channeltest.Secret))
	rows := map[string]struct {
		s      *server
		tls    string
		secret string
	}{
		"starttls plain": {&server{offer: []string{"STARTTLS", "AUTH LOGIN PLAIN"}}, "starttls", plain},
		"starttls login": {&server{offer: []string{"STARTTLS", "AUTH LOGIN"}}, "starttls", base64.StdEncoding.EncodeToString([]byte(channeltest.Secret))},
		"implicit":       {&server{offer: []string{"AUTH PLAIN"}, implicit: true}, "implicit", plain},
		"loopback":       {&server{offer: []string{"AUTH PLAIN"}}, "none", plain},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, row.s)
			c := sender(t, s, func(set *Settings) { set.TLS = row.tls })
			p := channeltest.Page()
			p.Subject = "Mất kết nối\r\nBcc: thief@evil.example\nX: " + strings.Repeat("đ", 300)
			p.Text = "Cổng thông tin\r\n.\r\nmất kết nối.\n.leading dot"
			r, err := c.Send(t.Context(), "Duty A <duty-a@duty.example>", p)
			if err != nil || r.Status != alerting.Accepted || r.Page != p.ID || r.Provider != "<01J-page@duty.example>" {
				t.Fatalf("got %+v, %v", r, err)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			all := strings.Join(s.got, "\n")
			for _, want := range []string{row.secret, "MAIL FROM:<watchpost@duty.example>", "RCPT TO:<duty-a@duty.example>"} {
				if !strings.Contains(all, want) {
					t.Errorf("no %q in:\n%s", want, all)
				}
			}
			checkMail(t, s.data, p)
		})
	}
}

func checkMail(t *testing.T, data string, p alerting.Page) {
	t.Helper()
	for l := range strings.SplitSeq(data, "\r\n") {
		if len(l) > 998 || strings.Contains(l, "\n") {
			t.Errorf("a line of %d bytes, or with a bare line end", len(l))
		}
	}
	m, err := mail.ReadMessage(strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if m.Header.Get("Bcc") != "" || m.Header.Get("X") != "" {
		t.Error("the subject made headers")
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || !strings.HasPrefix(subject, "Mất kết nối Bcc: thief@evil.example X: đđ") || len([]rune(subject)) > maxSubject {
		t.Errorf("subject %q, %v", subject, err)
	}
	from, err := m.Header.AddressList("From")
	if err != nil || from[0].Name != "Trực giám sát" {
		t.Errorf("from %v, %v", from, err)
	}
	for k, want := range map[string]string{"Message-ID": "<01J-page@duty.example>", "Auto-Submitted": "auto-generated", "Importance": "high", "References": "<incident-42@duty.example>"} {
		if got := m.Header.Get(k); got != want {
			t.Errorf("%s: %q, want %q", k, got, want)
		}
	}
	b, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	text := strings.ReplaceAll(string(b), "\r\n", "\n")
	if err != nil || !strings.HasPrefix(text, strings.ReplaceAll(p.Text, "\r", "")) || !strings.Contains(text, "Tiếp nhận: "+p.AckURL) {
		t.Errorf("body %q, %v", text, err)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	quotes := "535 no: " + channeltest.Secret + " " + base64.StdEncoding.EncodeToString([]byte("\x00watchpost\x00"+channeltest.Secret)) + " duty-a@duty.example"
	full := []string{"STARTTLS", "AUTH PLAIN"}
	rows := map[string]struct {
		s         *server
		temporary bool
		words     string
	}{
		"wrong password": {&server{offer: full, say: map[string]string{"AUTH": quotes}}, false, "AUTH"},
		"try later":      {&server{offer: full, say: map[string]string{"MAIL": "451 later"}}, true, "451"},
		"no such person": {&server{offer: full, say: map[string]string{"RCPT": "550 who is duty-a@duty.example"}}, false, "RCPT TO: 550"},
		"greylisted":     {&server{offer: full, say: map[string]string{"RCPT": "450 grey"}}, true, "450"},
		"data refused":   {&server{offer: full, say: map[string]string{"DATA": "554 spam"}}, false, "554"},
		"no STARTTLS":    {&server{offer: []string{"AUTH PLAIN"}}, false, "STARTTLS"},
		"fails STARTTLS": {&server{offer: full, say: map[string]string{"STARTTLS": "454 not now"}}, true, "454"},
		"no known AUTH":  {&server{offer: []string{"STARTTLS", "AUTH CRAM-MD5"}}, true, "neither"},
		"not SMTP":       {&server{raw: func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") }}, true, "greeting"},
		"closes":         {&server{raw: func(net.Conn) {}}, true, "greeting"},
		"silent":         {&server{raw: func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }}, true, "greeting"},
		"one endless line": {&server{raw: func(c net.Conn) {
			for b := []byte(strings.Repeat("2", 4096)); ; {
				if _, err := c.Write(b); err != nil {
					return
				}
			}
		}}, true, "more than"},
		"endless answer": {&server{raw: func(c net.Conn) {
			for {
				if _, err := io.WriteString(c, "220-more\r\n"); err != nil {
					return
				}
			}
		}}, true, "more than"},
		"drips": {&server{raw: func(c net.Conn) {
			for tick := time.Tick(20 * time.Millisecond); ; <-tick {
				if _, err := io.WriteString(c, "2"); err != nil {
					return
				}
			}
		}}, true, "greeting"},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, row.s)
			c := sender(t, s, nil)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			begun := time.Now()
			_, err := c.Send(ctx, "duty-a@duty.example", channeltest.Page())
			if err == nil || alerting.Temporary(err) != row.temporary || !strings.Contains(err.Error(), row.words) {
				t.Errorf("got %v (temporary %v), want %q", err, alerting.Temporary(err), row.words)
			}
			if took := time.Since(begun); took > 3*time.Second {
				t.Errorf("took %v", took)
			}
			for _, hidden := range []string{channeltest.Secret, "duty-a@", base64.StdEncoding.EncodeToString([]byte("\x00watchpost\x00" + channeltest.Secret))} {
				if err != nil && strings.Contains(err.Error(), hidden) {
					t.Errorf("%q is shown: %v", hidden, err)
				}
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			if name == "no STARTTLS" && strings.Contains(strings.Join(s.got, " "), "AUTH") {
				t.Error("the password went out in clear")
			}
		})
	}
	for _, address := range []string{"", "x", "a@b.example>\r\nRCPT TO:<c@d.example", "a@b.example, c@d.example"} {
		c := sender(t, start(t, &server{}), nil)
		if _, err := c.Send(t.Context(), address, channeltest.Page()); err == nil || alerting.Temporary(err) {
			t.Errorf("address %q: got %v, want a permanent error", address, err)
		}
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	s := start(t, &server{offer: []string{"STARTTLS", "AUTH PLAIN"}})
	if h := sender(t, s, nil).Health(t.Context()); !h.OK || h.Values["sign_in_seconds"] <= 0 {
		t.Errorf("got %+v", h)
	}
	if strings.Contains(strings.Join(s.got, " "), "MAIL") {
		t.Error("Health sent mail")
	}
	down := start(t, &server{offer: []string{"STARTTLS", "AUTH PLAIN"}, say: map[string]string{"AUTH": "535 " + channeltest.Secret}})
	if h := sender(t, down, nil).Health(t.Context()); h.OK || strings.Contains(h.Detail, channeltest.Secret) {
		t.Errorf("got %+v", h)
	}
	stranger := start(t, &server{offer: []string{"STARTTLS", "AUTH PLAIN"}})
	if h := sender(t, stranger, func(s *Settings) { s.CAFile = "" }).Health(t.Context()); h.OK {
		t.Error("a certificate of nobody known was trusted")
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	s := &Settings{Server: "mail.duty.example:25", TLS: "none", Username: "x", PasswordFile: channeltest.SecretFile(t), From: "a\r\nb"}
	var fields []string
	for _, p := range s.Problems() {
		fields = append(fields, p.Field)
	}
	if got := strings.Join(fields, " "); got != "from tls" {
		t.Errorf("got problems with %q, want from and tls (a password in clear)", got)
	}
}
