// Package gammu sends and receives SMS with a modem of one's own, through the
// file spool of gammu-smsd: no internet, no gateway, no contract. What waits
// and what was sent stands in the file system only, so a restart forgets
// nothing.
package gammu

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"watchpost.example/alerting"
)

// Type is the line in the list of channels.
func Type() alerting.ChannelType {
	return alerting.ChannelType{
		Name: "gammu", Doc: "SMS by a modem of one's own, through gammu-smsd's file spool; replies acknowledge.",
		New: func() alerting.ChannelSettings {
			return &Settings{Spool: "/var/spool/gammu", Keep: 30 * 24 * time.Hour, Credit: Credit{
				Currency: "VND", At: []string{"07:30"}, Zone: "Asia/Ho_Chi_Minh", Timeout: 5 * time.Minute,
			}}
		},
	}
}

// Settings of a modem. The person's address is the number.
type Settings struct {
	Spool string `yaml:"spool"` // holds inbox, outbox, sent and error
	// DeliveryReports asks for a receipt of each SMS. smsd must have
	// `DeliveryReport = sms`, which puts the receipts into the inbox.
	DeliveryReports bool `yaml:"delivery_reports"`
	// Config is smsd's configuration, for gammu-smsd-monitor to find the signal;
	// "" = the signal is not watched.
	Config string `yaml:"config"`
	// Keep is how long files stay in sent and error.
	Keep time.Duration `yaml:"keep"`
	// Credit is how to learn what is left on a prepaid SIM.
	Credit Credit `yaml:"credit"`
}

// Problems implements alerting.ChannelSettings. Whether the folders are there
// is a matter of Health: a modem that comes up late must not stop a reload.
func (s *Settings) Problems() []alerting.Problem {
	var out []alerting.Problem
	if !filepath.IsAbs(s.Spool) {
		out = append(out, alerting.Problem{Field: "spool", Found: fmt.Sprintf("%q", s.Spool), Expected: "the full path of a folder with inbox, outbox, sent and error"})
	}
	if s.Config != "" && !filepath.IsAbs(s.Config) {
		out = append(out, alerting.Problem{Field: "config", Found: fmt.Sprintf("%q", s.Config), Expected: "the full path of smsd's configuration"})
	}
	if s.Keep < time.Hour {
		out = append(out, alerting.Problem{Field: "keep", Found: s.Keep.String(), Expected: "at least 1h"})
	}
	return append(out, s.Credit.problems()...)
}

// Channel implements alerting.ChannelSettings.
func (s *Settings) Channel(name string, log *slog.Logger) (alerting.Channel, error) {
	k, err := newCredit(s.Credit)
	if err != nil {
		return nil, fmt.Errorf("gammu %s: credit: %w", name, err)
	}
	return &channel{name: name, set: *s, log: log, poll: time.Second, settle: 2 * time.Second, credit: k}, nil
}
