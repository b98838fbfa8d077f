package inventory

import (
	"net"
	"net/url"
	"slices"
)

// The profiles: which checks a system gets by itself.
const (
	profileWeb  = "web"
	profileMail = "mail"
	profileDNS  = "dns"
	profileTCP  = "tcp"
	profilePing = "ping"
	profileNone = "none"
)

// profileCheck is a check that a profile brings along.
type profileCheck struct {
	ID, Kind string
	Optional bool                               // only when the system says with: [id]
	When     func(u *url.URL) bool              // nil = always
	Settings func(u *url.URL) map[string]any    // beyond the target; keys the kind does not have are left out
	Target   func(u *url.URL) (target *url.URL) // nil = the system's URL
}

func hostOf(u *url.URL, port string) string {
	if u.Port() != "" && u.Scheme != "http" && u.Scheme != "https" {
		port = u.Port()
	}
	return net.JoinHostPort(u.Hostname(), port)
}

func hostTarget(scheme string) func(u *url.URL) *url.URL {
	return func(u *url.URL) *url.URL {
		host := u.Hostname()
		if net.ParseIP(host) != nil && u.Host[0] == '[' {
			host = "[" + host + "]"
		}
		return &url.URL{Scheme: scheme, Host: host}
	}
}

// profiles is the whole list. It is a function so that nobody can change it.
func profiles() map[string][]profileCheck {
	ping := profileCheck{ID: "icmp", Kind: "icmp", Target: hostTarget("icmp")}
	optionalPing := ping
	optionalPing.Optional = true
	smtp := func(u *url.URL) *url.URL { return &url.URL{Scheme: "tcp", Host: hostOf(u, "25")} }
	return map[string][]profileCheck{
		profileWeb: {
			{ID: "http", Kind: "http"},
			{ID: "tls", Kind: "tls", When: func(u *url.URL) bool { return u.Scheme == "https" }},
			optionalPing,
		},
		profileMail: {
			{ID: "smtp", Kind: "tcp", Target: smtp, Settings: func(u *url.URL) map[string]any {
				return map[string]any{"address": hostOf(u, "25"), "expect": "^220 "}
			}},
			{ID: "starttls", Kind: "tls", Target: smtp, Settings: func(u *url.URL) map[string]any {
				return map[string]any{"address": hostOf(u, "25"), "starttls": "smtp"}
			}},
			optionalPing,
		},
		profileDNS: {
			{ID: "dns", Kind: "dns", Settings: func(u *url.URL) map[string]any {
				return map[string]any{"name": u.Hostname(), "type": "SOA"}
			}},
			{ID: "dns_zone", Kind: "dns_zone", Settings: func(u *url.URL) map[string]any {
				return map[string]any{"zone": u.Hostname()}
			}},
		},
		profileTCP:  {{ID: "tcp", Kind: "tcp"}, optionalPing},
		profilePing: {ping},
		profileNone: {},
	}
}

func profileNames() []string {
	return []string{profileWeb, profileMail, profileDNS, profileTCP, profilePing, profileNone}
}

// ids of a profile's checks; all of them or only the optional ones.
func checkIDs(checks []profileCheck, onlyOptional bool) []string {
	var ids []string
	for _, c := range checks {
		if c.Optional || !onlyOptional {
			ids = append(ids, c.ID)
		}
	}
	slices.Sort(ids)
	return ids
}
