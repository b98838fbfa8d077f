package inventory

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"watchpost.example/probes"
)

// Server is watchpost.yaml: how this watchpost runs. Every key has a good zero
// value, so that an empty file, or none, is a working one. The doc tags are the
// one description of each key. After Load all paths are absolute or relative to
// the working directory, no longer to the file, and defaults are filled in.
type Server struct {
	Vantage         string                 `yaml:"vantage" doc:"Name of this place of measuring: the label vantage." default:"main"`
	ExternalURL     string                 `yaml:"external_url" doc:"Where people reach the wall, for links in pages." default:"the listen address"`
	Inventory       []string               `yaml:"inventory" doc:"Inventory files, globs allowed." default:"[inventory/*.yaml, inventory/*.yml]"`
	Defaults        Defaults               `yaml:"defaults" doc:"What every check of every inventory file starts from."`
	Resolver        Resolver               `yaml:"resolver" doc:"Who resolves the names of what is watched."`
	SourceAddresses []netip.Addr           `yaml:"source_addresses" doc:"Our own addresses to ask from, at most one of IPv4 and one of IPv6." default:"the kernel's choice"`
	Uplink          Uplink                 `yaml:"uplink" doc:"How we know that our own line is up. When it is not, every result is Unknown."`
	Storage         Storage                `yaml:"storage" doc:"The history kept by the embedded time series database."`
	Rules           []string               `yaml:"rules" doc:"Your own Prometheus rule files beside the built-in ones, globs allowed."`
	Alertmanager    Alertmanager           `yaml:"alertmanager" doc:"Who is told: the embedded Alertmanager's file, or Alertmanagers outside."`
	Prometheus      Prometheus             `yaml:"prometheus" doc:"A Prometheus outside: to read the history from, to write results to."`
	ProbeAllow      []string               `yaml:"probe_allow" doc:"What /probe may ask beside the inventory: ranges (192.0.2.0/24), addresses, names (portal.example), names with all below them (*.donvi.example)."`
	ProbeModules    map[string]ProbeModule `yaml:"probe_modules" doc:"Modules of /probe by name, beside the built-in ones or in their place: a kind and its settings. See probe_modules."`
	Guard           Guard                  `yaml:"guard" doc:"Which addresses may be asked at all (server-side request forgery)."`
	Oncall          Oncall                 `yaml:"oncall" doc:"Who is on duty and how to reach them; each in a file of its own."`
	DNS             DNS                    `yaml:"dns" doc:"For checks of DNS integrity."`
	Report          Report                 `yaml:"report" doc:"The head of the official report."`
}

// Resolver is who resolves names.
type Resolver struct {
	Servers []string `yaml:"servers" doc:"Recursive resolvers: addresses, with or without port." default:"those of /etc/resolv.conf"`
}

// Uplink is the guard of our own line.
type Uplink struct {
	Anchors  []string        `yaml:"anchors" doc:"Independent things that are up whenever our line is: host:port (TCP) or a host (ICMP). Three or more." default:"none: the guard is off"`
	Quorum   int             `yaml:"quorum" doc:"How many anchors must answer for the line to count as up." default:"half of them, rounded up"`
	Interval probes.Duration `yaml:"interval" doc:"How often they are asked." default:"5s"`
	Timeout  probes.Duration `yaml:"timeout" doc:"How long each may take." default:"2s"`
}

// Storage is the embedded history. Its path is the flag --storage.path.
type Storage struct {
	Retention        probes.Duration `yaml:"retention" doc:"How long results are kept." default:"400d"`
	RetentionSize    Size            `yaml:"retention_size" doc:"Oldest results go when the disk use exceeds it: 20GB." default:"no bound"`
	OutOfOrderWindow probes.Duration `yaml:"out_of_order_window" doc:"How late a result may arrive." default:"6h"`
	EvidenceSize     Size            `yaml:"evidence_size" doc:"Bound of the evidence store." default:"1GB"`
}

// Alertmanager is who is told.
type Alertmanager struct {
	ConfigFile string     `yaml:"config_file" doc:"alertmanager.yml for the embedded Alertmanager." default:"a receiver that prints to the console"`
	Outside    []Endpoint `yaml:"outside" doc:"Alertmanagers of a cluster of your own; alerts go to all of them."`
}

// Prometheus is a Prometheus-compatible system outside.
type Prometheus struct {
	Query       Endpoint   `yaml:"query" doc:"Read the history for the wall and the report here instead of from the embedded database."`
	RemoteWrite []Endpoint `yaml:"remote_write" doc:"Send every sample there as well."`
}

// Endpoint is an HTTP service and how to prove who we are. Secrets stand in
// files or in the environment, never here.
type Endpoint struct {
	URL          string          `yaml:"url" doc:"Full address, such as https://prometheus.example/api/v1/write."`
	Username     string          `yaml:"username" doc:"For basic authentication."`
	PasswordFile string          `yaml:"password_file" doc:"File that holds the password."`
	PasswordEnv  string          `yaml:"password_env" doc:"Environment variable that holds the password."`
	TokenFile    string          `yaml:"token_file" doc:"File that holds a bearer token."`
	TokenEnv     string          `yaml:"token_env" doc:"Environment variable that holds a bearer token."`
	CAFile       string          `yaml:"ca_file" doc:"Certificates (PEM) to trust." default:"the system's"`
	CertFile     string          `yaml:"cert_file" doc:"Our own certificate (PEM)."`
	KeyFile      string          `yaml:"key_file" doc:"Its key (PEM)."`
	Timeout      probes.Duration `yaml:"timeout" doc:"For one request." default:"30s"`
}

// Guard is which addresses may be asked.
type Guard struct {
	Private          *bool          `yaml:"private" doc:"Targets of the inventory may have private and loopback addresses." default:"true"`
	PrivateRedirects bool           `yaml:"private_redirects" doc:"A redirect may lead from a public to a private address." default:"false"`
	Allow            []netip.Prefix `yaml:"allow" doc:"Ranges that may always be asked."`
	Deny             []netip.Prefix `yaml:"deny" doc:"Ranges that may never be asked; wins over allow."`
}

// PrivateAllowed is Private with its default.
func (g Guard) PrivateAllowed() bool { return g.Private == nil || *g.Private }

// Oncall is the files of the on-call part, and who watches whom.
type Oncall struct {
	Roster     string          `yaml:"roster" doc:"Roster file: people, shifts, overrides, ladder. Without one nobody is paged by on-call."`
	Channels   string          `yaml:"channels" doc:"Channels file: SMS, voice, push …"`
	Users      string          `yaml:"users" doc:"Users file: who may sign in, with which role. Without one nothing can be changed over HTTP."`
	Peers      []Peer          `yaml:"peers" doc:"Other watchposts, on other machines with their own SIM, that are paged about when they stop."`
	Heartbeats []Heartbeat     `yaml:"heartbeats" doc:"Others who post to /oncall/heartbeat/NAME and are paged about when they stop."`
	Retention  probes.Duration `yaml:"retention" doc:"How long incidents that are over are kept in on-call's database; open ones always, the journal as long as nobody moves its files." default:"400d"`
}

// Peer is another watchpost that we ask for its health.
type Peer struct {
	Name         string          `yaml:"name" doc:"What it is called in pages."`
	URL          string          `yaml:"url" doc:"Its address, such as https://watch-b.example:9115."`
	TokenFile    string          `yaml:"token_file" doc:"File with the bearer token that it wants: its oncall/webhook-token, to be told what ails it."`
	Username     string          `yaml:"username" doc:"For the basic authentication of its web configuration."`
	PasswordFile string          `yaml:"password_file" doc:"File that holds the password."`
	CAFile       string          `yaml:"ca_file" doc:"Certificates (PEM) to trust." default:"the system's"`
	Every        probes.Duration `yaml:"every" doc:"How often it is asked." default:"30s"`
	After        probes.Duration `yaml:"after" doc:"How long it may be silent before it pages." default:"3m"`
}

// Heartbeat is somebody who reports to us.
type Heartbeat struct {
	Name   string          `yaml:"name" doc:"The last part of the address that it posts to."`
	Within probes.Duration `yaml:"within" doc:"How long it may be silent before it pages." default:"5m"`
}

// DNS is for checks of DNS integrity.
type DNS struct {
	RootHints    string   `yaml:"root_hints" doc:"Root hints file." default:"built in"`
	TrustAnchors []string `yaml:"trust_anchors" doc:"Root trust anchor files (DS or DNSKEY records)." default:"built in (KSK 20326 and 38696)"`
	// ASNTable, Registrations and RDAPBootstrap are files that somebody brings;
	// none of them is ever fetched.
	ASNTable      string `yaml:"asn_table" doc:"Table of AS numbers for baselines that judge by them: lines of first address, last address, number (iptoasn) or prefix, number (pyasn)."`
	Registrations string `yaml:"registrations" doc:"CSV of domains' registrations that people entered: domain,expires,by,entered[,locks]."`
	RDAPBootstrap string `yaml:"rdap_bootstrap" doc:"IANA's list of RDAP services (rdap/dns.json). With it the registries of the domains below its top-level domains are asked for their end, once a day; without it nobody is." default:"nobody is asked"`
}

// Report is the head of the official report. Each list is lines as printed.
type Report struct {
	Parent       []string `yaml:"parent" doc:"Superior body, one line an item: [UBND TỈNH A]."`
	Organisation []string `yaml:"organisation" doc:"Issuing body, one line an item."`
	Symbol       string   `yaml:"symbol" doc:"The unit's letters of the number, after \"Số:   /BC-\": TTCNTT."`
	Place        string   `yaml:"place" doc:"Place before the date."`
	To           []string `yaml:"to" doc:"\"Kính gửi\", one line an item."`
	Basis        string   `yaml:"basis" doc:"First sentence: \"Thực hiện Công văn số … ngày … của … về việc …, … báo cáo như sau:\"."`
	Recipients   []string `yaml:"recipients" doc:"\"Nơi nhận\", one line an item."`
	Signer       []string `yaml:"signer" doc:"Authority and position of the signer, one line an item."`
}

// Size is a number of bytes, written 500MB, 20GB or 1TB (powers of 1000) or
// KiB, MiB, GiB, TiB.
type Size int64

// UnmarshalText reads a size; a unit is needed.
func (s *Size) UnmarshalText(b []byte) error {
	text := strings.ToUpper(strings.TrimSpace(string(b)))
	for _, u := range []struct {
		name  string
		bytes float64
	}{{"KIB", 1 << 10}, {"MIB", 1 << 20}, {"GIB", 1 << 30}, {"TIB", 1 << 40}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}} {
		n, ok := strings.CutSuffix(text, u.name)
		if !ok {
			continue
		}
		f, err := strconv.ParseFloat(strings.TrimSpace(n), 64)
		if err != nil || f < 0 || f*u.bytes > 1<<60 {
			break
		}
		*s = Size(f * u.bytes)
		return nil
	}
	return errors.New("not a size such as 500MB or 20GB")
}

// MarshalText writes the size in whole bytes as KB where it can.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String writes the size with the largest unit that leaves no rest.
func (s Size) String() string {
	for _, u := range []struct {
		name  string
		bytes Size
	}{{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}} {
		if s >= u.bytes && s%u.bytes == 0 {
			return fmt.Sprintf("%d%s", s/u.bytes, u.name)
		}
	}
	return fmt.Sprintf("%gKB", float64(s)/1e3)
}

// Secret reads the password or token of an endpoint at the moment of use, so
// that a rotated one is taken up; kind is "basic", "bearer" or "" for none.
// It never appears in an error.
func (e Endpoint) Secret() (kind, secret string, err error) {
	for _, w := range []struct{ kind, file, env string }{{"bearer", e.TokenFile, e.TokenEnv}, {"basic", e.PasswordFile, e.PasswordEnv}} {
		switch {
		case w.file != "":
			b, err := os.ReadFile(w.file)
			if err != nil {
				return "", "", fmt.Errorf("reading the secret for %s: %w", e.URL, err)
			}
			return w.kind, strings.TrimRight(string(b), "\r\n"), nil
		case w.env != "":
			return w.kind, os.Getenv(w.env), nil
		}
	}
	return "", "", nil
}

// defaults fills in what the file leaves out.
func (s *Server) defaults() {
	fill := func(d *probes.Duration, v probes.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	if s.Vantage == "" {
		s.Vantage = "main"
	}
	const second = probes.Duration(1e9)
	fill(&s.Uplink.Interval, 5*second)
	fill(&s.Uplink.Timeout, 2*second)
	fill(&s.Storage.Retention, 400*24*3600*second)
	fill(&s.Storage.OutOfOrderWindow, 6*3600*second)
	fill(&s.Oncall.Retention, 400*24*3600*second)
	if s.Storage.EvidenceSize == 0 {
		s.Storage.EvidenceSize = 1e9
	}
	if s.Uplink.Quorum == 0 {
		s.Uplink.Quorum = (len(s.Uplink.Anchors) + 1) / 2
	}
	for _, e := range s.endpoints() {
		if e.e.URL != "" {
			fill(&e.e.Timeout, 30*second)
		}
	}
}

// endpoint is one Endpoint and where it stands.
type endpoint struct {
	e    *Endpoint
	path []any
}

// name is the endpoint's key, such as "remote_write[0]".
func (e endpoint) name() string {
	key, _ := e.path[1].(string)
	if len(e.path) > 2 {
		key += fmt.Sprintf("[%v]", e.path[2])
	}
	return key
}

func (s *Server) endpoints() []endpoint {
	all := []endpoint{{&s.Prometheus.Query, []any{"prometheus", "query"}}}
	for i := range s.Prometheus.RemoteWrite {
		all = append(all, endpoint{&s.Prometheus.RemoteWrite[i], []any{"prometheus", "remote_write", i}})
	}
	for i := range s.Alertmanager.Outside {
		all = append(all, endpoint{&s.Alertmanager.Outside[i], []any{"alertmanager", "outside", i}})
	}
	return all
}
