// Package smpp sends and receives SMS over SMPP 3.4, the protocol of carriers'
// SMS centres: receipts and replies come by the same connection.
//
// The client is our own instead of gosmpp: gosmpp's calls take no context, it
// rebinds in goroutines that outlive the caller, and a page needs of the
// protocol only bind, submit, deliver and enquire.
package smpp

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"regexp"
	"strings"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/channels/secret"
)

// Type is the line in the list of channels.
func Type() alerting.ChannelType {
	return alerting.ChannelType{
		Name: "smpp", Doc: "SMS over SMPP 3.4 to a carrier's centre, with receipts and replies.",
		New: func() alerting.ChannelSettings {
			return &Settings{Country: "84", Receipts: true, Enquire: 30 * time.Second, MaxParts: 4}
		},
	}
}

// Settings of an SMS centre. The person's address is the number.
type Settings struct {
	Server       string        `yaml:"server"` // host:port
	TLS          bool          `yaml:"tls"`
	CAFile       string        `yaml:"ca_file"` // PEM of an own authority; "" = the system's
	SystemID     string        `yaml:"system_id"`
	PasswordFile string        `yaml:"password_file"`
	SystemType   string        `yaml:"system_type"`
	Source       string        `yaml:"source"`    // brandname or short code that sends
	Country      string        `yaml:"country"`   // replaces a leading 0; "" = numbers go as they are
	Receipts     bool          `yaml:"receipts"`  // ask for delivery receipts
	Enquire      time.Duration `yaml:"enquire"`   // how often to ask whether the centre is there
	MaxParts     int           `yaml:"max_parts"` // longer texts are cut
}

var (
	sourceForm  = regexp.MustCompile(`^([A-Za-z0-9 ._&-]{1,11}|\+?[0-9]{1,15})$`)
	countryForm = regexp.MustCompile(`^([1-9][0-9]{0,3})?$`)
)

// Problems implements alerting.ChannelSettings.
func (s *Settings) Problems() []alerting.Problem {
	var out []alerting.Problem
	bad := func(wrong bool, field, found, expected string) {
		if wrong {
			out = append(out, alerting.Problem{Field: field, Found: found, Expected: expected})
		}
	}
	host, port, err := net.SplitHostPort(s.Server)
	bad(err != nil || host == "" || port == "", "server", fmt.Sprintf("%q", s.Server), "host:port, such as smsc.carrier.example:2775")
	bad(!cString(s.SystemID, 15) || s.SystemID == "", "system_id", fmt.Sprintf("%q", s.SystemID), "1 to 15 characters")
	bad(!cString(s.SystemType, 12), "system_type", fmt.Sprintf("%q", s.SystemType), "at most 12 characters")
	bad(!sourceForm.MatchString(s.Source), "source", fmt.Sprintf("%q", s.Source), "a brandname of at most 11 letters or a number")
	bad(!countryForm.MatchString(s.Country), "country", fmt.Sprintf("%q", s.Country), "a country code such as 84")
	bad(s.Enquire < time.Second || s.Enquire > 10*time.Minute, "enquire", s.Enquire.String(), "1s to 10m")
	bad(s.MaxParts < 1 || s.MaxParts > 10, "max_parts", fmt.Sprint(s.MaxParts), "1 to 10")
	if s.CAFile != "" {
		_, err := s.pool()
		bad(err != nil, "ca_file", fmt.Sprint(err), "a PEM file with certificates")
	}
	if s.PasswordFile == "" {
		bad(true, "password_file", "nothing", "a file with the password")
	} else if p, err := secret.Read(s.PasswordFile); err != nil {
		bad(true, "password_file", err.Error(), "a readable file with the password")
	} else {
		bad(!cString(p, maxPassword), "password_file", "a longer password", "at most 64 characters (the protocol says 8, many centres take more)")
	}
	return out
}

func cString(s string, most int) bool { return len(s) <= most && !strings.Contains(s, "\x00") }

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

// Channel implements alerting.ChannelSettings.
func (s *Settings) Channel(name string, log *slog.Logger) (alerting.Channel, error) {
	pool, err := s.pool()
	if err != nil {
		return nil, err
	}
	return &channel{name: name, set: *s, pool: pool, log: log, changed: make(chan struct{}), sent: newTracker(), parts: newJoiner()}, nil
}
