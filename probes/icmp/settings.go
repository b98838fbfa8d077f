package icmp

import (
	"net/url"
	"strconv"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/wire"
)

// Bounds of the settings.
const (
	maxCount = 10
	minSize  = 24 // what pro-bing needs for its time stamp and tracker
	maxSize  = 1400
	minGap   = 20 * time.Millisecond
	maxGap   = 2 * time.Second
)

// Settings of an icmp check.
type Settings struct {
	// Host is a name, every address of which is asked, or a literal address.
	Host string `yaml:"host" json:"host" doc:"name, every address of which is asked, or a literal address"`
	// Count is how many packets a look sends to each address.
	Count int `yaml:"count,omitempty" json:"count,omitempty" doc:"packets per address and look, 1 to 10"`
	// Gap is the time between two packets of a look.
	Gap probes.Duration `yaml:"gap,omitempty" json:"gap,omitempty" doc:"time between two packets of a look, 20ms to 2s"`
	// Size is the length of the payload in bytes.
	Size int `yaml:"size,omitempty" json:"size,omitempty" doc:"bytes of payload, 24 to 1400"`
	// MaxLoss is the share of packets, 0 to 1, that may be lost before the
	// address is Degraded. All lost is Down whatever it says.
	MaxLoss float64 `yaml:"max_loss,omitempty" json:"max_loss,omitempty" doc:"share of packets that may be lost before the address is degraded, 0 to below 1"`
	// RequireAll makes one address that is Down the verdict of the check.
	RequireAll bool `yaml:"require_all,omitempty" json:"require_all,omitempty" doc:"one bad address makes the check down instead of degraded"`
	// Engine is "probing" or "shared"; see README.md.
	Engine string `yaml:"engine,omitempty" json:"engine,omitempty" doc:"probing: a socket per run; shared: one socket for all runs, for hundreds of icmp checks"`

	wire    *wire.Wire
	engines map[string]*gate
}

// SetTarget takes the host of the system's URL.
func (s *Settings) SetTarget(rawURL string) {
	if s.Host != "" {
		return
	}
	if u, err := url.Parse(rawURL); err == nil {
		s.Host = u.Hostname()
	}
}

// Problems lists all that is wrong.
func (s *Settings) Problems() []probes.Problem {
	var out []probes.Problem
	bad := func(field, found, expected string, similar ...string) {
		out = append(out, probes.Problem{Field: field, Found: found, Expected: expected, Similar: similar})
	}
	if _, wrong := wire.HostName(s.Host); wrong != "" {
		bad("host", probes.Quote(s.Host, 100)+": "+wrong, "a host name such as portal.example, or an address; no scheme, no port")
	}
	if s.Count < 1 || s.Count > maxCount {
		bad("count", strconv.Itoa(s.Count), "1 to 10 packets")
	}
	if d := s.Gap.D(); d < minGap || d > maxGap {
		bad("gap", d.String(), "20ms to 2s")
	}
	if s.Size < minSize || s.Size > maxSize {
		bad("size", strconv.Itoa(s.Size), "24 to 1400 bytes")
	}
	if !(s.MaxLoss >= 0 && s.MaxLoss < 1) { // NaN is neither
		bad("max_loss", strconv.FormatFloat(s.MaxLoss, 'g', -1, 64), "a share from 0 to below 1, such as 0.34")
	}
	if s.Engine != engineProBing && s.Engine != engineShared {
		bad("engine", probes.Quote(s.Engine, 100), "probing or shared", engineProBing, engineShared)
	}
	return out
}

// Prober makes the settings askable.
func (s *Settings) Prober() (probes.Prober, error) {
	return &prober{Settings: *s, gate: s.engines[s.Engine]}, nil
}

// Instance is the host.
func (s *Settings) Instance() string { return s.Host }
