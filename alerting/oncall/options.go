package oncall

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"watchpost.example/alerting"
	"watchpost.example/alerting/oncall/auth"
	"watchpost.example/alerting/oncall/ladder"
	"watchpost.example/alerting/oncall/roster"
	"watchpost.example/alerting/oncall/store"
)

// Options is what a Service needs. Only Dir and Roster are required.
type Options struct {
	Dir      string             // state: oncall.db, journal/, secret; made when missing
	Roster   *roster.Roster     // see Load
	Ladder   *ladder.Ladder     // nil = ladder.Default()
	Channels []alerting.Channel // by unique Name
	// ExternalURL is how phones reach the pages, "https://watch.example"; "" =
	// pages carry no links.
	ExternalURL string
	Users       *auth.Users // nil = nobody can sign in
	Silencer    Silencer    // nil = silencing is not offered
	Directory   Directory   // names and levels of units and systems; nil = their IDs
	Logger      *slog.Logger
	Registerer  prometheus.Registerer // nil = no metrics
	Store       store.Store           // nil = SQLite in Dir

	// WebhookToken is the bearer token (or Basic password) that Alertmanager
	// sends; "" = one derived from Dir's secret, see Service.WebhookToken.
	WebhookToken string
	// WatchdogAlert names the alert that always fires; "" = Watchdog.
	WatchdogAlert string
	// WatchdogWithin: no watchdog for so long pages; 0 = 5 min, negative = not watched.
	WatchdogWithin time.Duration
	Heartbeats     []Heartbeat // others who report to us
	Peers          []Peer      // others whom we ask
	// CheckURL gives the page that shows a check with its evidence; nil or "" =
	// none. The incident's page links to it.
	CheckURL func(unit, system, check string) string
	// GapAhead is how far ahead a gap in the roster counts; 0 = 24 h.
	GapAhead time.Duration
	// PeerClient asks peers; nil = a client with a ten-second timeout.
	PeerClient *http.Client
	// Firing tells what fires now; nil = not known, as with an Alertmanager outside.
	Firing Firing
	// Retention is how long incidents that are over are kept; 0 = for ever.
	Retention time.Duration
}

// Heartbeat is somebody who posts to /oncall/heartbeat/{Name} and is paged about
// when he stops.
type Heartbeat struct {
	Name   string
	Within time.Duration // 0 = 5 min
}

// Peer is another watchpost that is asked at URL + "/oncall/health".
type Peer struct {
	Name  string
	URL   string
	Token string // bearer; "" = none
	// Client asks this peer, with its own TLS and credentials; nil = Options.PeerClient.
	Client *http.Client
	Every  time.Duration // 0 = 30 s
	After  time.Duration // silent for so long pages; 0 = 3 min
}

// Silence is a silence to be set in Alertmanager.
type Silence struct {
	Matchers map[string]string // label = value, all must match
	Start    time.Time
	End      time.Time
	By       string
	Comment  string
}

// Silencer sets silences; see package silence for Alertmanager's v2 API.
type Silencer interface {
	Silence(ctx context.Context, s Silence) (id string, err error)
	Expire(ctx context.Context, id string) error
}

// Directory knows what units and systems are called. Both return zero values
// for what they don't know.
type Directory interface {
	// Unit gives the name and one line about whom to call.
	Unit(id string) (name, contact string)
	// System gives the name and the level (1 to 5, 0 = not given).
	System(unit, system string) (name string, level int)
}

// ErrOptions is what New gives for options that can't work, wrapped.
var ErrOptions = errors.New("on-call can't start")

func (o *Options) complete() error {
	switch {
	case o.Dir == "":
		return fmt.Errorf("%w: no directory for its state", ErrOptions)
	case o.Roster == nil:
		return fmt.Errorf("%w: no roster", ErrOptions)
	}
	seen := map[string]bool{}
	for _, c := range o.Channels {
		if seen[c.Name()] {
			return fmt.Errorf("%w: two channels are called %q", ErrOptions, c.Name())
		}
		seen[c.Name()] = true
	}
	if u, err := url.Parse(o.ExternalURL); o.ExternalURL != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return fmt.Errorf("%w: external URL %q is not a full address such as https://watch.example", ErrOptions, o.ExternalURL)
	}
	o.defaults()
	return nil
}

func (o *Options) defaults() {
	if o.Ladder == nil {
		o.Ladder = ladder.Default()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.WatchdogAlert == "" {
		o.WatchdogAlert = "Watchdog"
	}
	defaultTo(&o.WatchdogWithin, 5*time.Minute)
	defaultTo(&o.GapAhead, 24*time.Hour)
	if o.PeerClient == nil {
		o.PeerClient = &http.Client{Timeout: 10 * time.Second}
	}
	for i := range o.Heartbeats {
		defaultTo(&o.Heartbeats[i].Within, 5*time.Minute)
	}
	for i := range o.Peers {
		defaultTo(&o.Peers[i].Every, 30*time.Second)
		defaultTo(&o.Peers[i].After, 3*time.Minute)
	}
}

func defaultTo(d *time.Duration, v time.Duration) {
	if *d == 0 {
		*d = v
	}
}

// secret reads Dir's secret or makes it: 32 random bytes, readable by the owner
// only. Links, sessions and the webhook token hang on it.
func secret(dir string) ([]byte, error) {
	path := filepath.Join(dir, "secret")
	b, err := os.ReadFile(path)
	if err == nil && len(b) >= 32 {
		return b, nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	b = make([]byte, 32)
	if _, err := rand.Read(b); err != nil {
		return nil, fmt.Errorf("making a secret: %w", err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		return nil, fmt.Errorf("keeping the secret: %w", err)
	}
	return b, nil
}

// derive makes a key for one purpose.
func derive(secret []byte, purpose string) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(purpose))
	return h.Sum(nil)
}

func deriveText(secret []byte, purpose string) string {
	return hex.EncodeToString(derive(secret, purpose))
}
