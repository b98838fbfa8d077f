package inventory

import (
	"context"
	"net"
	"net/url"
	"regexp"
	"strings"

	"watchpost.example/probes"
)

// Fake kinds with the keys of the real ones, so that the files can be tested
// without asking anything. The real ones are loaded in kinds_test.go.

type regex struct{ *regexp.Regexp }

func (r *regex) UnmarshalText(b []byte) (err error) {
	r.Regexp, err = regexp.Compile(string(b))
	return err
}

type silent struct{}

func (silent) Probe(context.Context) probes.Observation { return probes.Observation{} }
func (silent) Prober() (probes.Prober, error)           { return silent{}, nil }

type fakeHTTP struct {
	silent
	URL    string `yaml:"url" doc:"What to fetch." default:"the system's url"`
	Expect struct {
		Status []int `yaml:"status" doc:"Good answers." default:"[200]"`
		Body   regex `yaml:"body" doc:"Must match the body."`
	} `yaml:"expect" doc:"What a good answer is."`
	Headers map[string]string `yaml:"headers" doc:"To send."`
	Slow    probes.Duration   `yaml:"slow" doc:"Degraded above it." default:"5s"`
}

func (s *fakeHTTP) Instance() string { return s.URL }
func (s *fakeHTTP) SetTarget(u string) {
	if s.URL == "" {
		s.URL = u
	}
}

func (s *fakeHTTP) Problems() []probes.Problem {
	var ps []probes.Problem
	if u, err := url.Parse(s.URL); s.URL == "" || err != nil || u.Scheme == "" {
		found := ""
		if s.URL != "" {
			found = `"` + s.URL + `"`
		}
		ps = append(ps, probes.Problem{Field: "url", Found: found, Expected: "a full address such as https://portal.example/"})
	}
	for _, c := range s.Expect.Status {
		if c < 100 || c > 599 {
			ps = append(ps, probes.Problem{Field: "expect.status", Found: "a number that is no status", Expected: "100 to 599"})
		}
	}
	return ps
}

type fakeAddress struct {
	silent
	Address    string `yaml:"address" doc:"Host and port."`
	Expect     regex  `yaml:"expect" doc:"The banner."`
	ServerName string `yaml:"server_name" doc:"Name in the certificate."`
	StartTLS   string `yaml:"starttls" doc:"Protocol before TLS: smtp, imap, pop3."`
}

func (s *fakeAddress) Instance() string { return s.Address }
func (s *fakeAddress) SetTarget(raw string) {
	if u, err := url.Parse(raw); err == nil && s.Address == "" {
		s.Address = u.Host
		if u.Port() == "" {
			s.Address = net.JoinHostPort(u.Hostname(), "443")
		}
	}
}

func (s *fakeAddress) Problems() []probes.Problem {
	var ps []probes.Problem
	if s.Address == "" {
		ps = append(ps, probes.Problem{Field: "address", Expected: "host:port such as mail.example:25"})
	} else if _, _, err := net.SplitHostPort(s.Address); err != nil {
		ps = append(ps, probes.Problem{Field: "address", Found: `"` + s.Address + `"`, Expected: "host:port such as mail.example:25"})
	}
	if p := s.StartTLS; p != "" && p != "smtp" && p != "imap" {
		ps = append(ps, probes.Problem{Field: "starttls", Found: `"` + p + `"`, Expected: "a protocol", Similar: []string{"smtp", "imap"}})
	}
	return ps
}

type fakeName struct {
	silent
	Host string `yaml:"host"`
	Name string `yaml:"name"`
	Type string `yaml:"type"`
	Zone string `yaml:"zone"`
}

func (s *fakeName) Instance() string { return s.Host + s.Name + s.Zone }
func (s *fakeName) SetTarget(raw string) {
	if u, err := url.Parse(raw); err == nil && s.Instance() == "" {
		s.Host = u.Hostname()
	}
}

func (s *fakeName) Problems() []probes.Problem {
	if strings.Contains(s.Instance(), "..") || s.Instance() == "" {
		return []probes.Problem{{Expected: "a name"}}
	}
	return nil
}

func fakeKinds() []probes.Kind {
	named := func() probes.Settings { return &fakeName{} }
	addressed := func() probes.Settings { return &fakeAddress{} }
	return []probes.Kind{
		{Name: "http", Doc: "Fetches a page.", New: func() probes.Settings {
			s := &fakeHTTP{Slow: probes.Duration(5e9)}
			s.Expect.Status = []int{200}
			return s
		}},
		{Name: "tls", Doc: "Looks at the certificate.", New: addressed},
		{Name: "tcp", Doc: "Connects.", New: addressed},
		{Name: "icmp", Doc: "Sends an echo.", New: named},
		{Name: "dns", Doc: "Asks one question.", New: named},
		{Name: "dns_zone", Doc: "Looks at a whole zone.", New: named},
	}
}
