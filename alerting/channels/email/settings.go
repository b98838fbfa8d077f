// Package email sends pages by SMTP submission. It wakes nobody by itself: it is
// the written trace beside the telephone, and what shift leaders read.
package email

import (
	"fmt"
	"log/slog"
	"net"
	"net/mail"
	"slices"
	"strings"

	"watchpost.example/alerting"
	"watchpost.example/alerting/channels/secret"
)

// Type is the line in the list of channels.
func Type() alerting.ChannelType {
	return alerting.ChannelType{
		Name: "email", Doc: "E-mail by SMTP submission with TLS.",
		New: func() alerting.ChannelSettings { return &Settings{TLS: "starttls"} },
	}
}

// Settings of an SMTP server. The person's address is the e-mail address.
type Settings struct {
	Server string `yaml:"server"` // host or host:port; port 587, or 465 with tls: implicit
	// TLS is starttls, implicit, or none. With starttls, a server that does not
	// offer it is refused: an attacker in between could have taken it out.
	TLS          string `yaml:"tls"`
	CAFile       string `yaml:"ca_file"` // PEM of an own authority; "" = the system's
	Username     string `yaml:"username"`
	PasswordFile string `yaml:"password_file"`
	From         string `yaml:"from"` // "Trực giám sát <watchpost@duty.example>"
	// Hello is the name in EHLO; "" = localhost, which submission servers accept.
	Hello string `yaml:"hello"`
}

// Problems implements alerting.ChannelSettings.
func (s *Settings) Problems() []alerting.Problem {
	var out []alerting.Problem
	bad := func(wrong bool, field, found, expected string) {
		if wrong {
			out = append(out, alerting.Problem{Field: field, Found: found, Expected: expected})
		}
	}
	host, _, err := s.hostPort()
	bad(err != nil, "server", quote(s.Server), "host or host:port, such as mail.duty.example:587")
	bad(!slices.Contains([]string{"starttls", "implicit", "none"}, s.TLS), "tls", quote(s.TLS), "starttls, implicit or none")
	_, err = mail.ParseAddress(s.From)
	bad(err != nil, "from", quote(s.From), "an address such as watchpost@duty.example")
	bad(strings.ContainsAny(s.Hello, " \t\r\n"), "hello", quote(s.Hello), "a host name")
	if s.CAFile != "" {
		_, err := s.pool()
		bad(err != nil, "ca_file", fmt.Sprint(err), "a PEM file with certificates")
	}
	if s.PasswordFile != "" {
		p := secret.Problem(s.PasswordFile)
		bad(p != "", "password_file", p, "a readable file with the password")
		bad(s.Username == "", "username", "nothing", "the user of password_file")
		bad(s.TLS == "none" && !loopback(host), "tls", "none", "starttls or implicit: a password goes out in clear otherwise")
	}
	bad(s.Username != "" && s.PasswordFile == "", "password_file", "nothing", "a file with the password")
	return out
}

func quote(s string) string { return fmt.Sprintf("%q", s) }

// hostPort gives the server with the usual port of its TLS setting.
func (s *Settings) hostPort() (host, port string, err error) {
	host, port, err = net.SplitHostPort(s.Server)
	if err != nil {
		host, port = s.Server, "587"
		if s.TLS == "implicit" {
			port = "465"
		}
	}
	if host == "" || strings.ContainsAny(host, " /\r\n@") {
		return "", "", fmt.Errorf("not a host or host:port: %q", s.Server)
	}
	return host, port, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Channel implements alerting.ChannelSettings.
func (s *Settings) Channel(name string, _ *slog.Logger) (alerting.Channel, error) {
	host, port, err := s.hostPort()
	if err != nil {
		return nil, err
	}
	pool, err := s.pool()
	if err != nil {
		return nil, err
	}
	from, err := mail.ParseAddress(s.From)
	if err != nil {
		return nil, fmt.Errorf("from: %w", err)
	}
	return &channel{name: name, set: *s, host: host, addr: net.JoinHostPort(host, port), pool: pool, from: from}, nil
}
