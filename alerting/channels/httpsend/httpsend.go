// Package httpsend is the one HTTP client of all channels that speak HTTP:
// bounded, without redirects, and with errors that say whether a retry helps
// and never show a secret.
package httpsend

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/channels/secret"
)

const (
	// maxAnswer bounds an answer's body, in bytes.
	maxAnswer = 64 << 10
	// quoted bounds what of an answer is shown to people, in bytes.
	quoted = 200
)

// Client sends. The zero value is not ready; use New.
type Client struct{ http *http.Client }

// New makes a client. It keeps no idle connections, because pages are rare and
// a connection that died in between costs the first try.
func New() *Client {
	return &Client{&http.Client{
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DisableKeepAlives:      true,
			DisableCompression:     true, // a bomb of zeros stays as small as it came
			TLSHandshakeTimeout:    10 * time.Second,
			ResponseHeaderTimeout:  60 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
		},
		// A redirect would carry the page, and maybe a token, to a stranger.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Request is one message to a gateway.
type Request struct {
	Method  string // "" = POST
	URL     string
	Headers map[string]string
	Body    []byte
	// Secrets are taken out of every error.
	Secrets []string
	// Most bounds the answer, in bytes; 0 = 64 KiB.
	Most int64
}

// Do sends and gives the body of a 2xx answer. Other answers are errors:
// permanent for 4xx, except 408, 425 and 429, which a retry may mend like 5xx
// and everything of the network.
func (c *Client) Do(ctx context.Context, r Request) ([]byte, error) {
	where := host(r.URL)
	if r.Method == "" {
		r.Method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return nil, alerting.Permanent(fmt.Errorf("making the request to %s: %s", where, secret.Hide(unwrapURL(err).Error(), r.Secrets...)))
	}
	for k, v := range r.Headers {
		req.Header.Set(k, v)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		// url.Error prints the whole URL, which may hold a token.
		return nil, fmt.Errorf("sending to %s: %s", where, secret.Hide(unwrapURL(err).Error(), r.Secrets...))
	}
	defer func() { _ = resp.Body.Close() }() // read to its bound below
	body, err := io.ReadAll(io.LimitReader(resp.Body, cmp.Or(r.Most, maxAnswer)))
	if err != nil {
		return nil, fmt.Errorf("reading the answer of %s: %s", where, secret.Hide(unwrapURL(err).Error(), r.Secrets...))
	}
	if resp.StatusCode/100 == 2 {
		return body, nil
	}
	err = fmt.Errorf("%s answered %d: %s", where, resp.StatusCode, Quote(body, r.Secrets...))
	switch resp.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
	default:
		if resp.StatusCode < 500 {
			return nil, alerting.Permanent(err)
		}
	}
	return nil, alerting.Later(err, retryAfter(resp.Header.Get("Retry-After"), time.Now()))
}

// retryAfter reads the header of that name: seconds, or a date (RFC 9110
// section 10.2.3); 0 = none that makes sense.
func retryAfter(value string, now time.Time) time.Duration {
	wait := time.Duration(0)
	if n, err := strconv.Atoi(value); err == nil && n < 86400 {
		wait = time.Duration(n) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = at.Sub(now)
	}
	if wait < 0 || wait > 24*time.Hour {
		return 0
	}
	return wait
}

// Quote makes the beginning of an answer fit for a journal line, without the
// secrets that it may repeat.
func Quote(body []byte, secrets ...string) string {
	text := secret.Hide(string(body), secrets...)
	return strconv.QuoteToASCII(text[:min(len(text), quoted)])
}

// host is what of a URL may be shown: a path or query may hold a token.
func host(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return "the gateway"
	}
	return u.Host
}

func unwrapURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// URLProblem says what is wrong with an http or https address of settings; ""
// = nothing.
func URLProblem(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "a full address such as https://gateway.example/send"
	}
	if u.User != nil {
		return "an address without user and password; put them into a file"
	}
	return ""
}
