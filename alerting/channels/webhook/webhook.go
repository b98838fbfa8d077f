// Package webhook hands pages to a program of the operator's as JSON.
package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/channels/httpsend"
	"watchpost.example/alerting/channels/secret"
)

// Type is the line in the list of channels.
func Type() alerting.ChannelType {
	return alerting.ChannelType{
		Name: "webhook", Doc: "POSTs each page as JSON to an address.",
		New: func() alerting.ChannelSettings { return &Settings{} },
	}
}

// Settings of a webhook channel. The person's address is put into the body.
type Settings struct {
	URL       string `yaml:"url"`        // http or https
	TokenFile string `yaml:"token_file"` // sent as a bearer token; "" = none
}

// Problems implements alerting.ChannelSettings.
func (s *Settings) Problems() []alerting.Problem {
	var out []alerting.Problem
	if p := httpsend.URLProblem(s.URL); p != "" {
		out = append(out, alerting.Problem{Field: "url", Found: fmt.Sprintf("%q", s.URL), Expected: p})
	}
	if s.TokenFile != "" {
		if p := secret.Problem(s.TokenFile); p != "" {
			out = append(out, alerting.Problem{Field: "token_file", Found: p, Expected: "a readable file with the token"})
		}
	}
	return out
}

// Channel implements alerting.ChannelSettings.
func (s *Settings) Channel(name string, _ *slog.Logger) (alerting.Channel, error) {
	return &channel{name: name, set: *s, client: httpsend.New()}, nil
}

type channel struct {
	name   string
	set    Settings
	client *httpsend.Client
}

// message is the JSON that is posted; docs in README.md.
type message struct {
	ID       string    `json:"id"`
	Incident string    `json:"incident,omitempty"`
	Kind     string    `json:"kind"`
	Severity string    `json:"severity"`
	Address  string    `json:"address"`
	Subject  string    `json:"subject"`
	Text     string    `json:"text"`
	Code     string    `json:"code,omitempty"`
	AckURL   string    `json:"ack_url,omitempty"`
	Created  time.Time `json:"created"`
}

// Name implements alerting.Channel.
func (c *channel) Name() string { return c.name }

// Send implements alerting.Channel.
func (c *channel) Send(ctx context.Context, address string, p alerting.Page) (alerting.Receipt, error) {
	if address == "" {
		return alerting.Receipt{}, alerting.Permanent(fmt.Errorf("webhook %s: the address is empty", c.name))
	}
	r, err := c.request(message{p.ID, p.Incident, p.Kind, p.Severity, address, p.Subject, p.Text, p.Code, p.AckURL, p.Created})
	if err != nil {
		return alerting.Receipt{}, err
	}
	if _, err := c.client.Do(ctx, r); err != nil {
		return alerting.Receipt{}, fmt.Errorf("webhook %s: %w", c.name, err)
	}
	return alerting.Receipt{Page: p.ID, Status: alerting.Accepted, At: time.Now()}, nil
}

func (c *channel) request(m message) (httpsend.Request, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return httpsend.Request{}, alerting.Permanent(fmt.Errorf("webhook %s: %w", c.name, err))
	}
	r := httpsend.Request{URL: c.set.URL, Body: body, Headers: map[string]string{"Content-Type": "application/json"}}
	if c.set.TokenFile != "" {
		token, err := secret.Read(c.set.TokenFile)
		if err != nil {
			return httpsend.Request{}, fmt.Errorf("webhook %s: %w", c.name, err)
		}
		r.Secrets = []string{token}
		r.Headers["Authorization"] = "Bearer " + token
	}
	return r, nil
}

// Run implements alerting.Channel: a webhook hears nothing back.
func (c *channel) Run(context.Context, chan<- alerting.Receipt, chan<- alerting.Reply) error {
	return nil
}

// Health implements alerting.Channel. A webhook can't be asked without being
// sent something, so it is held well; failures show in the outbox's figures.
func (c *channel) Health(context.Context) alerting.Health {
	return alerting.Health{OK: true, Detail: "not asked: a webhook has no question to be asked"}
}
