package email

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/channels/secret"
)

const (
	// maxTalk bounds all that a server may say in one session, in bytes.
	maxTalk = 256 << 10
	// patience bounds a session without a deadline of the caller's.
	patience = time.Minute
	// shown bounds what of an answer is shown to people, in bytes.
	shown = 200
)

type channel struct {
	name string
	set  Settings
	host string
	addr string
	pool *x509.CertPool // nil = the system's
	from *mail.Address
}

// pool reads the own authority; nil without one.
func (s *Settings) pool() (*x509.CertPool, error) {
	if s.CAFile == "" {
		return nil, nil // nil is "the system's" to crypto/tls
	}
	b, err := os.ReadFile(s.CAFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, errors.New("no certificate in " + s.CAFile)
	}
	return pool, nil
}

// Name implements alerting.Channel.
func (c *channel) Name() string { return c.name }

// Send implements alerting.Channel.
func (c *channel) Send(ctx context.Context, address string, p alerting.Page) (alerting.Receipt, error) {
	to, err := mail.ParseAddress(address)
	if err != nil || strings.ContainsAny(to.Address, "\r\n <>") {
		return alerting.Receipt{}, alerting.Permanent(fmt.Errorf("email %s: the address is not an e-mail address", c.name))
	}
	msg, err := message(p, c.from, to, time.Now())
	if err != nil {
		return alerting.Receipt{}, alerting.Permanent(fmt.Errorf("email %s: %w", c.name, err))
	}
	password, err := c.password()
	if err != nil {
		return alerting.Receipt{}, fmt.Errorf("email %s: %w", c.name, err)
	}
	err = c.session(ctx, password, func(cl *smtp.Client) error {
		if err := step("MAIL FROM", cl.Mail(c.from.Address)); err != nil {
			return err
		}
		if err := step("RCPT TO", cl.Rcpt(to.Address)); err != nil {
			return err
		}
		w, err := cl.Data()
		if err != nil {
			return step("DATA", err)
		}
		if _, err := w.Write(msg); err != nil {
			return step("sending the text", err)
		}
		return step("the text", w.Close())
	})
	if err != nil {
		return alerting.Receipt{}, c.judge(err, password, to.Address)
	}
	return alerting.Receipt{Page: p.ID, Provider: messageID(p.ID, c.from.Address), Status: alerting.Accepted, At: time.Now()}, nil
}

func (c *channel) password() (string, error) {
	if c.set.PasswordFile == "" {
		return "", nil
	}
	return secret.Read(c.set.PasswordFile)
}

func step(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// judge tells 5xx, which no retry mends, from all else, and takes the password
// and the person's address out of what the server said.
func (c *channel) judge(err error, password, address string) error {
	text := secret.Hide(err.Error(), password, encoded(c.set.Username, password), address)
	text = strconv.QuoteToASCII(text[:min(len(text), shown)])
	wrapped := fmt.Errorf("email %s: %s: %s", c.name, c.addr, text[1:len(text)-1])
	reply, ok := errors.AsType[*textproto.Error](err)
	if errors.Is(err, errNoTLS) || ok && reply.Code >= 500 {
		return alerting.Permanent(wrapped)
	}
	return wrapped
}

// session speaks to the server up to do, and says goodbye. All of it ends with
// ctx, whatever the server does.
func (c *channel) session(ctx context.Context, password string, do func(*smtp.Client) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", c.addr)
	if err != nil {
		return step("connecting", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // wakes every read and write
	defer stop()
	defer func() { _ = conn.Close() }() // after QUIT, or given up
	limited := net.Conn(&bounded{Conn: conn, left: maxTalk})
	conf := &tls.Config{ServerName: c.host, RootCAs: c.pool, MinVersion: tls.VersionTLS12}
	if c.set.TLS == "implicit" {
		limited = tls.Client(limited, conf)
	}
	err = c.talk(limited, conf, password, do)
	if err != nil && ctx.Err() != nil {
		return errors.Join(err, ctx.Err())
	}
	return err
}

var errNoTLS = errors.New("the server does not offer STARTTLS, and the page does not go out in clear")

// talk is the dialogue of RFC 5321 and RFC 6409.
func (c *channel) talk(conn net.Conn, conf *tls.Config, password string, do func(*smtp.Client) error) error {
	cl, err := smtp.NewClient(conn, c.host)
	if err != nil {
		return step("the greeting", err)
	}
	defer func() { _ = cl.Close() }() // after QUIT, or given up
	hello := c.set.Hello
	if hello == "" {
		hello = "localhost"
	}
	if err := step("EHLO", cl.Hello(hello)); err != nil {
		return err
	}
	if c.set.TLS == "starttls" {
		if ok, _ := cl.Extension("STARTTLS"); !ok {
			return errNoTLS
		}
		if err := step("STARTTLS", cl.StartTLS(conf)); err != nil {
			return err
		}
	}
	if password != "" {
		if err := step("AUTH", cl.Auth(&login{user: c.set.Username, password: password, clear: c.set.TLS == "none" && loopback(c.host)})); err != nil {
			return err
		}
	}
	if err := do(cl); err != nil {
		return err
	}
	_ = cl.Quit() // the server has the message; how it says goodbye changes nothing
	return nil
}

// bounded ends a connection whose other side talks without end.
type bounded struct {
	net.Conn
	left int
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("the server says more than %d bytes: %w", maxTalk, io.ErrUnexpectedEOF)
	}
	n, err := b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// Run implements alerting.Channel: bounces go to a mailbox that nobody reads
// here; nothing is received.
func (c *channel) Run(context.Context, chan<- alerting.Receipt, chan<- alerting.Reply) error {
	return nil
}

// Health implements alerting.Channel: it signs in and sends nothing.
func (c *channel) Health(ctx context.Context) alerting.Health {
	password, err := c.password()
	if err != nil {
		return alerting.Health{Detail: err.Error()}
	}
	begun := time.Now()
	if err := c.session(ctx, password, func(cl *smtp.Client) error { return step("NOOP", cl.Noop()) }); err != nil {
		return alerting.Health{Detail: c.judge(err, password, "").Error()}
	}
	return alerting.Health{OK: true, Detail: "the mail server lets us in", Values: map[string]float64{"sign_in_seconds": time.Since(begun).Seconds()}}
}
