// Package ntfy pushes pages to a self-hosted ntfy server. The person's address
// is the topic; the button in the push posts to the page's acknowledge link.
package ntfy

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/channels/httpsend"
	"watchpost.example/alerting/channels/secret"
)

// Type is the line in the list of channels.
func Type() alerting.ChannelType {
	return alerting.ChannelType{
		Name: "ntfy", Doc: "Push over an ntfy server; the button in the push acknowledges.",
		New: func() alerting.ChannelSettings { return &Settings{} },
	}
}

// Settings of an ntfy channel.
type Settings struct {
	URL       string `yaml:"url"`        // of the server, without topic
	TokenFile string `yaml:"token_file"` // access token; "" = anonymous
}

// Problems implements alerting.ChannelSettings.
func (s *Settings) Problems() []alerting.Problem {
	var out []alerting.Problem
	if p := httpsend.URLProblem(s.URL); p != "" {
		out = append(out, alerting.Problem{Field: "url", Found: fmt.Sprintf("%q", s.URL), Expected: p})
	}
	if s.TokenFile != "" {
		if p := secret.Problem(s.TokenFile); p != "" {
			out = append(out, alerting.Problem{Field: "token_file", Found: p, Expected: "a readable file with the access token"})
		}
	}
	return out
}

// Channel implements alerting.ChannelSettings.
func (s *Settings) Channel(name string, _ *slog.Logger) (alerting.Channel, error) {
	set := *s
	set.URL = strings.TrimRight(set.URL, "/")
	return &channel{name: name, set: set, client: httpsend.New()}, nil
}

type channel struct {
	name   string
	set    Settings
	client *httpsend.Client
}

// message is ntfy's "publish as JSON" (docs.ntfy.sh/publish).
type message struct {
	Topic    string   `json:"topic"`
	Title    string   `json:"title"`
	Message  string   `json:"message"`
	Priority int      `json:"priority"` // 5 = max: rings through "do not disturb"
	Tags     []string `json:"tags,omitempty"`
	Actions  []action `json:"actions,omitempty"`
}

type action struct {
	Action string `json:"action"`
	Label  string `json:"label"`
	URL    string `json:"url"`
	Method string `json:"method,omitempty"`
	Clear  bool   `json:"clear,omitempty"`
}

// answer is the part of ntfy's answer that matters.
type answer struct {
	ID string `json:"id"`
}

// topicForm is what ntfy takes for a topic.
var topicForm = regexp.MustCompile(`^[-_A-Za-z0-9]{1,64}$`)

// Name implements alerting.Channel.
func (c *channel) Name() string { return c.name }

// Send implements alerting.Channel.
func (c *channel) Send(ctx context.Context, topic string, p alerting.Page) (alerting.Receipt, error) {
	if !topicForm.MatchString(topic) {
		return alerting.Receipt{}, alerting.Permanent(fmt.Errorf("ntfy %s: the address is not a topic", c.name))
	}
	m := message{Topic: topic, Title: p.Subject, Message: p.Text, Priority: priority(p.Severity), Tags: []string{p.Kind}}
	if p.AckURL != "" {
		label, open := "Tiếp nhận", "Mở"
		if p.Language == "en" {
			label, open = "Acknowledge", "Open"
		}
		// The push button posts; opening the link shows a page and does nothing.
		m.Actions = []action{{"http", label, p.AckURL, "POST", true}, {"view", open, p.AckURL, "", false}}
	}
	body, err := json.Marshal(m)
	if err != nil {
		return alerting.Receipt{}, alerting.Permanent(fmt.Errorf("ntfy %s: %w", c.name, err))
	}
	r := httpsend.Request{URL: c.set.URL, Body: body, Headers: map[string]string{"Content-Type": "application/json"}}
	if err := c.authorize(&r); err != nil {
		return alerting.Receipt{}, err
	}
	got, err := c.client.Do(ctx, r)
	if err != nil {
		return alerting.Receipt{}, fmt.Errorf("ntfy %s: %w", c.name, err)
	}
	var a answer
	if err := json.Unmarshal(got, &a); err != nil {
		return alerting.Receipt{}, fmt.Errorf("ntfy %s: the answer is not ntfy's: %s", c.name, httpsend.Quote(got, r.Secrets...))
	}
	return alerting.Receipt{Page: p.ID, Provider: a.ID, Status: alerting.Accepted, At: time.Now()}, nil
}

func (c *channel) authorize(r *httpsend.Request) error {
	if c.set.TokenFile == "" {
		return nil
	}
	token, err := secret.Read(c.set.TokenFile)
	if err != nil {
		return fmt.Errorf("ntfy %s: %w", c.name, err)
	}
	r.Secrets = []string{token}
	r.Headers["Authorization"] = "Bearer " + token
	return nil
}

// priority maps severities to ntfy's 1 to 5.
func priority(severity string) int {
	switch severity {
	case alerting.Critical:
		return 5
	case alerting.Warning:
		return 4
	}
	return 3
}

// Run implements alerting.Channel: acknowledging goes by HTTP, not through ntfy.
func (c *channel) Run(context.Context, chan<- alerting.Receipt, chan<- alerting.Reply) error {
	return nil
}

// Health implements alerting.Channel: asks ntfy's own health page.
func (c *channel) Health(ctx context.Context) alerting.Health {
	r := httpsend.Request{Method: "GET", URL: c.set.URL + "/v1/health", Headers: map[string]string{}}
	if err := c.authorize(&r); err != nil {
		return alerting.Health{Detail: err.Error()}
	}
	got, err := c.client.Do(ctx, r)
	if err != nil {
		return alerting.Health{Detail: err.Error()}
	}
	var h struct {
		Healthy bool `json:"healthy"`
	}
	if err := json.Unmarshal(got, &h); err != nil || !h.Healthy {
		return alerting.Health{Detail: "the ntfy server does not call itself healthy: " + httpsend.Quote(got, r.Secrets...)}
	}
	return alerting.Health{OK: true, Detail: "healthy"}
}
