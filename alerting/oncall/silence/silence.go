// Package silence sets silences in an Alertmanager, embedded or outside, by its
// v2 API.
package silence

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"watchpost.example/alerting/oncall"
)

// ErrRefused is what Alertmanager's refusal gives, wrapped.
var ErrRefused = errors.New("refused by Alertmanager")

// Client is an oncall.Silencer.
type Client struct {
	base   string
	client *http.Client
}

// New makes a client for the Alertmanager at base, "http://127.0.0.1:9093" or
// with a path prefix. A nil client has a timeout of ten seconds; credentials are
// the client's transport's business.
func New(base string, client *http.Client) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%q is not Alertmanager's address such as http://127.0.0.1:9093", base)
	}
	if client == nil {
		client = &http.Client{Timeout: 10 * time.Second}
	}
	return &Client{base: strings.TrimSuffix(base, "/"), client: client}, nil
}

type matcher struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	IsRegex bool   `json:"isRegex"`
	IsEqual bool   `json:"isEqual"`
}

// Silence sets one and gives Alertmanager's ID of it.
func (c *Client) Silence(ctx context.Context, s oncall.Silence) (string, error) {
	var ms []matcher
	for _, k := range slices.Sorted(maps.Keys(s.Matchers)) {
		ms = append(ms, matcher{Name: k, Value: s.Matchers[k], IsEqual: true})
	}
	body, err := json.Marshal(map[string]any{
		"matchers": ms, "startsAt": s.Start.UTC().Format(time.RFC3339), "endsAt": s.End.UTC().Format(time.RFC3339),
		"createdBy": s.By, "comment": s.Comment,
	})
	if err != nil {
		return "", fmt.Errorf("encoding a silence: %w", err)
	}
	var answer struct {
		ID string `json:"silenceID"`
	}
	if err := c.do(ctx, http.MethodPost, "/api/v2/silences", body, &answer); err != nil {
		return "", err
	}
	if answer.ID == "" {
		return "", fmt.Errorf("setting a silence: %w: no silenceID in its answer", ErrRefused)
	}
	return answer.ID, nil
}

// Expire ends a silence.
func (c *Client) Expire(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, "/api/v2/silence/"+url.PathEscape(id), nil, nil)
}

func (c *Client) do(ctx context.Context, method, path string, body []byte, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("asking Alertmanager: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.client.Do(req)
	if err != nil {
		return fmt.Errorf("asking Alertmanager: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // only read
	b, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("asking Alertmanager: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%w: %s: %.200q", ErrRefused, resp.Status, b)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("reading Alertmanager's answer: %w", err)
	}
	return nil
}

var _ oncall.Silencer = (*Client)(nil)
