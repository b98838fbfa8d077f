package smsgateway

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/channels/httpsend"
	"watchpost.example/alerting/channels/secret"
)

// data is what templates see.
type data struct {
	To, Text, ID string
	Value        map[string]string
	Secret       map[string]string
}

// funcs are the template's: json quotes for a JSON body, query for a URL or
// form, xml for SOAP, basic makes a user and password.
func funcs() template.FuncMap {
	return template.FuncMap{
		"json": func(s string) (string, error) {
			b, err := json.Marshal(s)
			return string(b), err
		},
		"query": url.QueryEscape,
		"xml":   func(s string) string { return template.HTMLEscapeString(s) },
		"basic": func(user, pass string) string { return base64.StdEncoding.EncodeToString([]byte(user + ":" + pass)) },
	}
}

type channel struct {
	name    string
	set     Settings
	success *regexp.Regexp
	client  *httpsend.Client
}

var numberForm = regexp.MustCompile(`^\+?[0-9]{3,15}$`)

// Name implements alerting.Channel.
func (c *channel) Name() string { return c.name }

// Send implements alerting.Channel.
func (c *channel) Send(ctx context.Context, number string, p alerting.Page) (alerting.Receipt, error) {
	number = strings.NewReplacer(" ", "", ".", "", "-", "", "(", "", ")", "").Replace(number)
	if !numberForm.MatchString(number) {
		return alerting.Receipt{}, alerting.Permanent(fmt.Errorf("sms_gateway %s: the address is not a phone number", c.name))
	}
	d := data{To: number, Text: p.Short, ID: p.ID, Value: c.set.Values, Secret: map[string]string{}}
	for name, path := range c.set.SecretFiles {
		s, err := secret.Read(path)
		if err != nil {
			return alerting.Receipt{}, fmt.Errorf("sms_gateway %s: %w", c.name, err)
		}
		d.Secret[name] = s
	}
	r, field, err := c.set.request(d)
	if err != nil {
		return alerting.Receipt{}, alerting.Permanent(fmt.Errorf("sms_gateway %s: %s: %s", c.name, field, secret.Hide(err.Error(), r.Secrets...)))
	}
	body, err := c.client.Do(ctx, r)
	if err != nil {
		return alerting.Receipt{}, fmt.Errorf("sms_gateway %s: %w", c.name, err)
	}
	id, err := c.judge(body, r.Secrets)
	if err != nil {
		return alerting.Receipt{}, fmt.Errorf("sms_gateway %s: %w", c.name, err)
	}
	return alerting.Receipt{Page: p.ID, Provider: id, Status: alerting.Accepted, At: time.Now()}, nil
}

// request renders the templates; field names the one that failed.
func (s *Settings) request(d data) (r httpsend.Request, field string, err error) {
	for _, v := range d.Secret {
		r.Secrets = append(r.Secrets, v)
	}
	r.Method, r.Headers = s.Method, map[string]string{}
	if r.URL, err = render(s.URL, d); err != nil {
		return r, "url", err
	}
	body, err := render(s.Body, d)
	if err != nil {
		return r, "body", err
	}
	r.Body = []byte(body)
	for k, v := range s.Headers {
		if r.Headers[k], err = render(v, d); err != nil {
			return r, "headers." + k, err
		}
		if v != r.Headers[k] { // user and password as one word
			r.Secrets = append(r.Secrets, r.Headers[k][strings.LastIndex(r.Headers[k], " ")+1:])
		}
	}
	return r, "", nil
}

func render(text string, d data) (string, error) {
	t, err := parse(text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if err := t.Execute(&b, d); err != nil {
		return "", err
	}
	return b.String(), nil
}

// judge reads a 2xx answer: the gateway's id, or why it refused.
func (c *channel) judge(body []byte, secrets []string) (id string, err error) {
	var doc any
	if c.set.Success.JSON != "" || c.set.Success.ID != "" {
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber() // ids are longer than a float's digits
		if err := d.Decode(&doc); err != nil {
			return "", fmt.Errorf("the gateway's answer is not JSON: %s", httpsend.Quote(body, secrets...))
		}
		id = lookup(doc, c.set.Success.ID)
	}
	if c.set.Success.JSON != "" {
		got := lookup(doc, c.set.Success.JSON)
		if slices.Contains(strings.Split(c.set.Success.Equals, "|"), got) {
			return id, nil
		}
		err := fmt.Errorf("the gateway refused: %s is %s: %s", c.set.Success.JSON, httpsend.Quote([]byte(got), secrets...), httpsend.Quote(body, secrets...))
		// Without the field it is no answer of this gateway's: of a proxy, or a fault.
		if got == "" || slices.Contains(c.set.Success.Temporary, got) {
			return "", err
		}
		return "", alerting.Permanent(err)
	}
	if !c.success.Match(body) {
		return "", fmt.Errorf("the gateway's answer does not match success.regexp: %s", httpsend.Quote(body, secrets...))
	}
	return id, nil
}

// lookup follows a dotted path through JSON objects; "" when it leads nowhere.
func lookup(doc any, path string) string {
	if path == "" {
		return ""
	}
	for key := range strings.SplitSeq(path, ".") {
		m, ok := doc.(map[string]any)
		if !ok {
			return ""
		}
		doc = m[key]
	}
	switch v := doc.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// Run implements alerting.Channel: receipts of gateways need an address that
// the internet can reach, which a duty room has not; none are received.
func (c *channel) Run(context.Context, chan<- alerting.Receipt, chan<- alerting.Reply) error {
	return nil
}

// Health implements alerting.Channel. A gateway can't be asked without paying
// for an SMS; the shift's test page is what proves it.
func (c *channel) Health(context.Context) alerting.Health {
	return alerting.Health{OK: true, Detail: "not asked: a question would cost an SMS; the shift's test page proves it"}
}
