// Package telegram sends pages by a Telegram bot and reads replies. In Việt Nam
// it is a courtesy beside SMS and voice, never the base: it has been blocked
// by order, and it needs the uplink that may be what failed.
package telegram

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/channels/httpsend"
	"watchpost.example/alerting/channels/secret"
)

const (
	// poll is how long Telegram holds a request for updates open.
	poll = 25 * time.Second
	// pause is how long to wait after a failed request for updates.
	pause = 5 * time.Second
	// batch is how many updates are taken at once, and maxBatch what they may be
	// in bytes: anybody can write long messages to a bot.
	batch    = 20
	maxBatch = 4 << 20
	// tooSoon is how long a poll without news lasts at least; a server that is
	// quicker is asked again after it.
	tooSoon = time.Second
	// maxText is Telegram's limit of a message, in characters.
	maxText = 4096
)

// Type is the line in the list of channels.
func Type() alerting.ChannelType {
	return alerting.ChannelType{
		Name: "telegram", Doc: "Messages by a Telegram bot; a reply with the code acknowledges.",
		New: func() alerting.ChannelSettings { return &Settings{URL: "https://api.telegram.org"} },
	}
}

// Settings of a Telegram channel. The person's address is the chat's number.
type Settings struct {
	URL       string `yaml:"url"`        // of the Bot API; change it for a local Bot API server
	TokenFile string `yaml:"token_file"` // the bot's token
	Replies   bool   `yaml:"replies"`    // read replies by long polling (one reader a bot)
}

// Problems implements alerting.ChannelSettings.
func (s *Settings) Problems() []alerting.Problem {
	var out []alerting.Problem
	if p := httpsend.URLProblem(s.URL); p != "" {
		out = append(out, alerting.Problem{Field: "url", Found: fmt.Sprintf("%q", s.URL), Expected: p})
	}
	if s.TokenFile == "" {
		out = append(out, alerting.Problem{Field: "token_file", Found: "nothing", Expected: "a file with the bot's token"})
	} else if p := secret.Problem(s.TokenFile); p != "" {
		out = append(out, alerting.Problem{Field: "token_file", Found: p, Expected: "a readable file with the bot's token"})
	}
	return out
}

// Channel implements alerting.ChannelSettings.
func (s *Settings) Channel(name string, log *slog.Logger) (alerting.Channel, error) {
	set := *s
	set.URL = strings.TrimRight(set.URL, "/")
	return &channel{name: name, set: set, client: httpsend.New(), log: log}, nil
}

type channel struct {
	name   string
	set    Settings
	client *httpsend.Client
	log    *slog.Logger
}

// answer is the envelope of every Bot API answer.
type answer struct {
	OK          bool            `json:"ok"`
	Description string          `json:"description"`
	Result      json.RawMessage `json:"result"`
}

// chatForm is a chat's number, or the name of a public channel.
var chatForm = regexp.MustCompile(`^(-?[0-9]{1,19}|@[A-Za-z][A-Za-z0-9_]{4,31})$`)

// Name implements alerting.Channel.
func (c *channel) Name() string { return c.name }

// Send implements alerting.Channel.
func (c *channel) Send(ctx context.Context, chat string, p alerting.Page) (alerting.Receipt, error) {
	if !chatForm.MatchString(chat) {
		return alerting.Receipt{}, alerting.Permanent(fmt.Errorf("telegram %s: the address is not a chat's number", c.name))
	}
	text := []rune(p.Subject + "\n\n" + p.Text)
	if len(text) > maxText {
		text = text[:maxText]
	}
	body := map[string]any{"chat_id": chat, "text": string(text), "disable_web_page_preview": true}
	if p.AckURL != "" {
		label := "Tiếp nhận"
		if p.Language == "en" {
			label = "Acknowledge"
		}
		body["reply_markup"] = map[string]any{"inline_keyboard": [][]map[string]string{{{"text": label, "url": p.AckURL}}}}
	}
	var m struct {
		ID int64 `json:"message_id"`
	}
	if err := c.call(ctx, "sendMessage", body, &m); err != nil {
		return alerting.Receipt{}, err
	}
	return alerting.Receipt{Page: p.ID, Provider: strconv.FormatInt(m.ID, 10), Status: alerting.Accepted, At: time.Now()}, nil
}

// call asks one method of the Bot API.
func (c *channel) call(ctx context.Context, method string, in, out any) error {
	token, err := secret.Read(c.set.TokenFile)
	if err != nil {
		return fmt.Errorf("telegram %s: %w", c.name, err)
	}
	body, err := json.Marshal(in)
	if err != nil {
		return alerting.Permanent(fmt.Errorf("telegram %s: %w", c.name, err))
	}
	got, err := c.client.Do(ctx, httpsend.Request{
		URL: c.set.URL + "/bot" + url.PathEscape(token) + "/" + method, Body: body,
		Headers: map[string]string{"Content-Type": "application/json"}, Secrets: []string{token}, Most: maxBatch,
	})
	if err != nil {
		return fmt.Errorf("telegram %s: %s: %w", c.name, method, err)
	}
	var a answer
	if err := json.Unmarshal(got, &a); err != nil || !a.OK {
		return fmt.Errorf("telegram %s: %s was refused: %s", c.name, method, httpsend.Quote(got, token))
	}
	if err := json.Unmarshal(a.Result, out); err != nil {
		return fmt.Errorf("telegram %s: %s: the answer is not the Bot API's", c.name, method)
	}
	return nil
}

// update is the part of a Bot API update that matters.
type update struct {
	ID      int64 `json:"update_id"`
	Message struct {
		Text string `json:"text"`
		Date int64  `json:"date"`
		Chat struct {
			ID int64 `json:"id"`
		} `json:"chat"`
	} `json:"message"`
}

// Run implements alerting.Channel: long polling for replies.
func (c *channel) Run(ctx context.Context, _ chan<- alerting.Receipt, replies chan<- alerting.Reply) error {
	if !c.set.Replies {
		return nil
	}
	offset, said := int64(0), ""
	for ctx.Err() == nil {
		begun := time.Now()
		next, err := c.fetch(ctx, offset, replies)
		news := next > offset
		offset = next
		now, wait := "", time.Duration(0)
		switch {
		case err != nil:
			now, wait = err.Error(), max(pause, min(alerting.RetryAfter(err), time.Minute))
		case !news:
			wait = tooSoon - time.Since(begun)
		}
		if now != said && ctx.Err() == nil { // once, not every five seconds
			if said = now; err != nil {
				c.log.Warn("reading replies failed; 409 means that another program reads this bot", "channel", c.name, "err", err)
			}
		}
		if wait > 0 {
			select {
			case <-ctx.Done():
			case <-time.After(wait):
			}
		}
	}
	return nil
}

// fetch reads one batch and gives the offset of the next.
func (c *channel) fetch(ctx context.Context, offset int64, replies chan<- alerting.Reply) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, poll+10*time.Second)
	defer cancel()
	var list []update
	err := c.call(ctx, "getUpdates", map[string]any{"offset": offset, "limit": batch, "timeout": int(poll.Seconds()), "allowed_updates": []string{"message"}}, &list)
	if err != nil {
		return offset, err
	}
	for _, u := range list {
		if u.ID < offset {
			continue // again, though it was confirmed
		}
		offset = max(offset, u.ID+1)
		if u.Message.Text == "" {
			continue
		}
		r := alerting.Reply{Channel: c.name, From: strconv.FormatInt(u.Message.Chat.ID, 10), Text: u.Message.Text, At: time.Unix(u.Message.Date, 0)}
		select {
		case replies <- r:
		case <-ctx.Done():
			return offset, ctx.Err()
		}
	}
	return offset, nil
}

// Health implements alerting.Channel.
func (c *channel) Health(ctx context.Context) alerting.Health {
	var me struct {
		Username string `json:"username"`
	}
	if err := c.call(ctx, "getMe", map[string]any{}, &me); err != nil {
		return alerting.Health{Detail: err.Error()}
	}
	return alerting.Health{OK: true, Detail: "the bot answers"}
}
