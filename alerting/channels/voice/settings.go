// Package voice rings a telephone over SIP, speaks the page and takes the keys
// pressed: 1 takes it, 2 sends it up, 3 hears it again, 9 can't. Each call has
// a SIP stack and sockets of its own, so that whatever a peer does ends with
// the call.
package voice

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/channels/secret"
)

// Type is the line in the list of channels.
func Type() alerting.ChannelType {
	return alerting.ChannelType{
		Name: "voice", Doc: "A telephone call over SIP that speaks the page; key 1 acknowledges.",
		New: func() alerting.ChannelSettings {
			return &Settings{Transport: "udp", Lines: 1, Ring: 40 * time.Second, MaxCall: 90 * time.Second, Voice: "vi", Speed: 150}
		},
	}
}

// Settings of a SIP line. The person's address is the number.
type Settings struct {
	Server       string        `yaml:"server"`        // the exchange: host or host:port (5060)
	Transport    string        `yaml:"transport"`     // udp or tcp
	Username     string        `yaml:"username"`      // also the number that calls, without caller_id
	PasswordFile string        `yaml:"password_file"` // for digest; "" = the exchange knows us by address
	CallerID     string        `yaml:"caller_id"`     // number shown on the phone
	Register     bool          `yaml:"register"`      // keep a registration, as an extension does
	Local        string        `yaml:"local"`         // own IP address; "" = the one that leads to server
	RTPPorts     string        `yaml:"rtp_ports"`     // "16384-16484" for a firewall; "" = any
	Prefix       string        `yaml:"prefix"`        // dialled first, for an outside line
	Plus         string        `yaml:"plus"`          // what replaces a leading +: "00"; "" = the + stays
	Lines        int           `yaml:"lines"`         // calls at the same time
	Ring         time.Duration `yaml:"ring"`          // how long to let it ring
	MaxCall      time.Duration `yaml:"max_call"`      // how long to speak
	Voice        string        `yaml:"voice"`         // espeak-ng's voice for Vietnamese: vi, vi-vn-x-central, vi-vn-x-south
	Speed        int           `yaml:"speed"`         // words a minute
	Phrases      string        `yaml:"phrases"`       // folder of recorded sentences; "" = all by espeak-ng
}

var (
	dialForm  = regexp.MustCompile(`^[0-9]{0,8}$`)
	userForm  = regexp.MustCompile(`^[A-Za-z0-9+._-]{1,64}$`)
	voiceForm = regexp.MustCompile(`^[a-z]{2,3}(-[a-z0-9]+)*$`)
)

// Problems implements alerting.ChannelSettings.
func (s *Settings) Problems() []alerting.Problem {
	var out []alerting.Problem
	bad := func(wrong bool, field, found, expected string) {
		if wrong {
			out = append(out, alerting.Problem{Field: field, Found: found, Expected: expected})
		}
	}
	_, _, err := hostPort(s.Server)
	bad(err != nil, "server", quote(s.Server), "the exchange's host or host:port, such as pbx.duty.example:5060")
	bad(s.Transport != "udp" && s.Transport != "tcp", "transport", quote(s.Transport), "udp or tcp")
	bad(s.Username != "" && !userForm.MatchString(s.Username), "username", quote(s.Username), "letters, digits and + . _ -")
	bad(s.CallerID != "" && !userForm.MatchString(s.CallerID), "caller_id", quote(s.CallerID), "a number")
	bad(s.Username == "" && s.CallerID == "", "username", "nothing", "username or caller_id: who calls")
	bad(s.Register && s.Username == "", "register", "true without username", "a username to register")
	if s.PasswordFile != "" {
		p := secret.Problem(s.PasswordFile)
		bad(p != "", "password_file", p, "a readable file with the password")
		bad(s.Username == "", "username", "nothing", "the user of password_file")
	}
	_, err = netip.ParseAddr(s.Local)
	bad(s.Local != "" && err != nil, "local", quote(s.Local), "an IP address of this machine")
	_, _, err = portRange(s.RTPPorts)
	bad(err != nil, "rtp_ports", quote(s.RTPPorts), "a range such as 16384-16484")
	bad(!dialForm.MatchString(s.Prefix), "prefix", quote(s.Prefix), "digits")
	bad(!dialForm.MatchString(s.Plus), "plus", quote(s.Plus), "digits such as 00")
	bad(s.Lines < 1 || s.Lines > 30, "lines", strconv.Itoa(s.Lines), "1 to 30")
	bad(s.Ring < 5*time.Second || s.Ring > 3*time.Minute, "ring", s.Ring.String(), "5s to 3m")
	bad(s.MaxCall < 10*time.Second || s.MaxCall > 10*time.Minute, "max_call", s.MaxCall.String(), "10s to 10m")
	bad(!voiceForm.MatchString(s.Voice), "voice", quote(s.Voice), "a voice of espeak-ng such as vi")
	bad(s.Speed < 80 || s.Speed > 300, "speed", strconv.Itoa(s.Speed), "80 to 300 words a minute")
	bad(s.Phrases != "" && !filepath.IsAbs(s.Phrases), "phrases", quote(s.Phrases), "the full path of a folder")
	return out
}

func quote(s string) string { return fmt.Sprintf("%q", s) }

// hostPort reads host or host:port; the port's default is SIP's.
func hostPort(s string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(s)
	if err != nil {
		host, text = s, "5060"
	}
	port, err = strconv.Atoi(text)
	if err != nil || port < 1 || port > 65535 || !regexp.MustCompile(`^[A-Za-z0-9.:_-]+$`).MatchString(host) {
		return "", 0, fmt.Errorf("not a host or host:port: %q", s)
	}
	return host, port, nil
}

// portRange reads "a-b"; zeros mean any port.
func portRange(s string) (low, high int, err error) {
	if s == "" {
		return 0, 0, nil
	}
	if _, err := fmt.Sscanf(s, "%d-%d", &low, &high); err != nil || low < 1024 || high > 65535 || low > high {
		return 0, 0, fmt.Errorf("not a range of ports: %q", s)
	}
	return low, high, nil
}

// Channel implements alerting.ChannelSettings.
func (s *Settings) Channel(name string, log *slog.Logger) (alerting.Channel, error) {
	return newChannel(name, *s, log)
}
