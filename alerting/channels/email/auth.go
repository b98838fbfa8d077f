package email

import (
	"encoding/base64"
	"errors"
	"net/smtp"
	"slices"
	"strings"
)

// login does AUTH PLAIN (RFC 4616), or LOGIN where a server knows only that.
// The standard library's PlainAuth has no LOGIN.
type login struct {
	user, password string
	clear          bool // allowed without TLS: the server is this machine
	plain          bool
	steps          int
}

// Start implements smtp.Auth.
func (l *login) Start(s *smtp.ServerInfo) (string, []byte, error) {
	if !s.TLS && !l.clear {
		return "", nil, errors.New("the password does not go out without TLS")
	}
	has := func(m string) bool {
		return slices.ContainsFunc(s.Auth, func(a string) bool { return strings.EqualFold(a, m) })
	}
	switch {
	case has("PLAIN"):
		l.plain = true
		return "PLAIN", []byte("\x00" + l.user + "\x00" + l.password), nil
	case has("LOGIN"):
		return "LOGIN", nil, nil
	}
	return "", nil, errors.New("the server knows neither AUTH PLAIN nor LOGIN")
}

// Next implements smtp.Auth.
func (l *login) Next(_ []byte, more bool) ([]byte, error) {
	if !more {
		return nil, nil
	}
	l.steps++
	switch {
	case !l.plain && l.steps == 1:
		return []byte(l.user), nil
	case !l.plain && l.steps == 2:
		return []byte(l.password), nil
	}
	return nil, errors.New("the server asks for more than user and password")
}

// encoded is the password as it stands in AUTH PLAIN; a server may quote it.
func encoded(user, password string) string {
	if password == "" {
		return ""
	}
	return base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))
}
