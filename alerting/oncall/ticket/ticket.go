// Package ticket makes the one-time links by which a person acknowledges from a
// push message or an e-mail: who, which incident, until when, signed. That a
// ticket was used is kept by the caller under its Key.
package ticket

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The errors of Open, wrapped.
var (
	ErrForged  = errors.New("the link is damaged or was not made by this pager")
	ErrExpired = errors.New("the link has expired")
)

// Ticket is what a link stands for.
type Ticket struct {
	Incident string
	Person   string
	Page     string // makes it single: every page has its own
	Expires  time.Time
}

// Key is under which its use is remembered; it does not reveal the ticket.
func (t Ticket) Key() string {
	sum := sha256.Sum256([]byte("used\x00" + t.text()))
	return "ticket:" + hex.EncodeToString(sum[:12])
}

func (t Ticket) text() string {
	return strings.Join([]string{t.Incident, t.Person, t.Page, strconv.FormatInt(t.Expires.Unix(), 36)}, "\n")
}

// Maker signs and checks with a secret of at least 16 bytes.
type Maker struct{ secret []byte }

// New makes a Maker.
func New(secret []byte) (*Maker, error) {
	if len(secret) < 16 {
		return nil, fmt.Errorf("a secret of %d bytes is too short: 16 at least", len(secret))
	}
	return &Maker{secret: secret}, nil
}

// Sign gives the token for a URL's path.
func (m *Maker) Sign(t Ticket) string {
	text := []byte(t.text())
	return base64.RawURLEncoding.EncodeToString(append(m.mac(text), text...))
}

const macSize = 16

func (m *Maker) mac(text []byte) []byte {
	h := hmac.New(sha256.New, m.secret)
	h.Write([]byte("ack\x00"))
	h.Write(text)
	return h.Sum(nil)[:macSize]
}

// MaxToken bounds a token, in bytes.
const MaxToken = 512

// Open checks a token. An expired one is given back with ErrExpired, so that
// the page can say which incident it was for.
func (m *Maker) Open(token string, now time.Time) (Ticket, error) {
	if len(token) > MaxToken {
		return Ticket{}, ErrForged
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) <= macSize || !hmac.Equal(b[:macSize], m.mac(b[macSize:])) {
		return Ticket{}, ErrForged
	}
	parts := strings.Split(string(b[macSize:]), "\n")
	if len(parts) != 4 {
		return Ticket{}, ErrForged
	}
	unix, err := strconv.ParseInt(parts[3], 36, 64)
	if err != nil {
		return Ticket{}, ErrForged
	}
	t := Ticket{Incident: parts[0], Person: parts[1], Page: parts[2], Expires: time.Unix(unix, 0)}
	if !now.Before(t.Expires) {
		return t, ErrExpired
	}
	return t, nil
}
