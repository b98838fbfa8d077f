// Package smsgateway sends SMS through a gateway that is spoken to over HTTP:
// a templated request and a test of the answer, which covers nearly all of
// them. Presets hold the public documentation of gateways common in Việt Nam;
// none was tried against the live service.
package smsgateway

import (
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"watchpost.example/alerting"
	"watchpost.example/alerting/channels/httpsend"
	"watchpost.example/alerting/channels/secret"
)

// Type is the line in the list of channels.
func Type() alerting.ChannelType {
	return alerting.ChannelType{
		Name: "sms_gateway", Doc: "SMS through a gateway over HTTP: a templated request with a test of the answer.",
		New: func() alerting.ChannelSettings { return &Settings{} },
	}
}

// Settings of an SMS gateway. With a preset, what is given here overrides it.
type Settings struct {
	Preset  string            `yaml:"preset"`  // one of Presets; "" = everything is given here
	Method  string            `yaml:"method"`  // GET or POST; default POST
	URL     string            `yaml:"url"`     // a template
	Headers map[string]string `yaml:"headers"` // values are templates
	Body    string            `yaml:"body"`    // a template
	// Values are texts for the templates: {{.Value.brandname}}.
	Values map[string]string `yaml:"values"`
	// SecretFiles are read at each use: {{.Secret.api_key}}.
	SecretFiles map[string]string `yaml:"secret_files"`
	Success     Success           `yaml:"success"`
}

// Success is how an accepted message is told from a refused one. An answer
// that is not 2xx is refused whatever it says.
type Success struct {
	JSON   string `yaml:"json"`   // dotted path in a JSON answer: "CodeResult", "data.status"
	Equals string `yaml:"equals"` // what must stand there
	Regexp string `yaml:"regexp"` // or: what the whole answer must match
	// ID is the dotted path of the gateway's own message id; "" = none.
	ID string `yaml:"id"`
	// Temporary lists values at JSON that a retry may mend; all others are final.
	Temporary []string `yaml:"temporary"`
}

// Presets gives the built-in gateways by name. Sources: the vendors' public
// pages as read on 2026-11-22 (README.md); not tried against the live services.
func Presets() map[string]Settings {
	return map[string]Settings{
		"esms": {
			URL:     "https://rest.esms.vn/MainService.svc/json/SendMultipleMessage_V4_post_json/",
			Headers: map[string]string{"Content-Type": "application/json"},
			Body:    `{"ApiKey":{{json .Secret.api_key}},"SecretKey":{{json .Secret.secret_key}},"Phone":{{json .To}},"Content":{{json .Text}},"Brandname":{{json .Value.brandname}},"SmsType":"2","IsUnicode":"0","RequestId":{{json .ID}}}`,
			// 124 says that this RequestId was taken before: the message is out.
			Success: Success{JSON: "CodeResult", Equals: "100|124", ID: "SMSID"},
		},
		"speedsms": {
			URL:     "https://api.speedsms.vn/index.php/sms/send",
			Headers: map[string]string{"Content-Type": "application/json", "Authorization": `Basic {{basic .Secret.token "x"}}`},
			Body:    `{"to":[{{json .To}}],"content":{{json .Text}},"sms_type":3,"sender":{{json .Value.brandname}}}`,
			Success: Success{JSON: "status", Equals: "success", ID: "data.tranId"},
		},
	}
}

// merged is s over its preset.
func (s *Settings) merged() Settings {
	out, ok := Presets()[s.Preset]
	if !ok {
		out = Settings{}
	}
	out.Preset = s.Preset
	for dst, src := range map[*string]string{
		&out.Method: s.Method, &out.URL: s.URL, &out.Body: s.Body,
		&out.Success.JSON: s.Success.JSON, &out.Success.Equals: s.Success.Equals,
		&out.Success.Regexp: s.Success.Regexp, &out.Success.ID: s.Success.ID,
	} {
		if src != "" {
			*dst = src
		}
	}
	if len(s.Success.Temporary) > 0 {
		out.Success.Temporary = s.Success.Temporary
	}
	h := maps.Clone(out.Headers)
	if h == nil {
		h = map[string]string{}
	}
	maps.Copy(h, s.Headers)
	out.Headers, out.Values, out.SecretFiles = h, s.Values, s.SecretFiles
	if out.Method == "" {
		out.Method = "POST"
	}
	return out
}

// Problems implements alerting.ChannelSettings.
func (s *Settings) Problems() []alerting.Problem {
	var out []alerting.Problem
	bad := func(field, found, expected string) {
		out = append(out, alerting.Problem{Field: field, Found: found, Expected: expected})
	}
	if _, ok := Presets()[s.Preset]; s.Preset != "" && !ok {
		bad("preset", fmt.Sprintf("%q", s.Preset), "one of "+strings.Join(slices.Sorted(maps.Keys(Presets())), ", "))
		return out
	}
	m := s.merged()
	if m.Method != "GET" && m.Method != "POST" {
		bad("method", fmt.Sprintf("%q", m.Method), "GET or POST")
	}
	if m.URL == "" {
		bad("url", "nothing", "the gateway's address, or a preset")
	}
	if m.Success.JSON == "" && m.Success.Regexp == "" {
		bad("success", "nothing", "json and equals, or regexp: a gateway that answers 200 may still have refused")
	}
	if _, err := regexp.Compile(m.Success.Regexp); err != nil {
		bad("success.regexp", fmt.Sprintf("%q", m.Success.Regexp), "a regular expression: "+err.Error())
	}
	for _, name := range slices.Sorted(maps.Keys(m.SecretFiles)) {
		if p := secret.Problem(m.SecretFiles[name]); p != "" {
			bad("secret_files."+name, p, "a readable file with the secret")
		}
	}
	// Templates are tried with a page, so that a missing value shows now.
	if len(out) == 0 {
		out = append(out, m.tryTemplates()...)
	}
	return out
}

func (s *Settings) tryTemplates() []alerting.Problem {
	secrets := map[string]string{}
	for name := range s.SecretFiles {
		secrets[name] = "secret"
	}
	d := data{To: "0900000001", Text: "thu", ID: "1", Value: s.Values, Secret: secrets}
	r, field, err := s.request(d)
	if err != nil {
		found := err.Error()
		if _, at, ok := strings.Cut(found, `executing "" at `); ok { // the rest is the library's own
			found = at
		}
		return []alerting.Problem{{Field: field, Found: found, Expected: "a template whose values and secret_files are all given"}}
	}
	if p := httpsend.URLProblem(r.URL); p != "" {
		return []alerting.Problem{{Field: "url", Found: fmt.Sprintf("%q", s.URL), Expected: p}}
	}
	return nil
}

// Channel implements alerting.ChannelSettings.
func (s *Settings) Channel(name string, _ *slog.Logger) (alerting.Channel, error) {
	m := s.merged()
	re, err := regexp.Compile(m.Success.Regexp)
	if err != nil {
		return nil, fmt.Errorf("sms_gateway %s: %w", name, err)
	}
	return &channel{name: name, set: m, success: re, client: httpsend.New()}, nil
}

// parse makes a template that fails on what is not given.
func parse(text string) (*template.Template, error) {
	return template.New("").Funcs(funcs()).Option("missingkey=error").Parse(text)
}
