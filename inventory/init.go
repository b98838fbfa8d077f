package inventory

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// text writes a YAML scalar: plain where that is safe, else double-quoted as
// JSON does, which YAML reads.
func text(s string) string {
	plain := s != "" && s == strings.TrimSpace(s)
	for i, r := range s {
		plain = plain && (unicode.IsLetter(r) || i > 0 && (unicode.IsDigit(r) || unicode.Is(unicode.Mn, r) || strings.ContainsRune(" ./-_", r) || r == ':' && strings.HasPrefix(s[i:], "://")))
	}
	switch strings.ToLower(s) {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n", "inf", "nan":
		plain = false
	}
	if plain {
		return s
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil { // a string always encodes
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}

const initHead = `# What watchpost watches. Check it with: watchpost check
# Every key: CONFIGURATION.md. After a change: systemctl reload watchpost
# (or kill -HUP); a mistake is reported and the old inventory stays in force.

# What every check starts from; a unit, a system and a check can override it.
# Left out, each kind has its own: 30s and 10s, dns_zone 5m and 1m.
# defaults:
#   interval: 1m              # from the start of one look to the next
#   confirm: {down: 3, up: 2, recheck: 3s}   # looks in a row that change the verdict
#   kinds: {http: {slow: 5s}} # settings of a kind, for all its checks

units:
  - id: my-unit               # a label: choose it once and keep it
    name: Tên đơn vị          # as people call it
    # Whom to call when a system of the unit breaks:
    # contacts:
    #   - {name: Trực ban, role: đầu mối ứng cứu sự cố, phone: 0900 000 001, email: truc@donvi.example}
    systems:
`

const initTail = `
# A system can say more (take the # off, the columns fit):
#
#      - id: portal
#        name: Cổng thông tin điện tử
#        url: https://portal.example/
#        level: 3                       # security level, 1 to 5
#        with: [icmp]                   # also ping it
#        depends_on: [my-unit/gateway]  # mutes its pages while the gateway is down
#        maintenance:
#          - {weekly: Sun 01:00, duration: 2h, reason: Cập nhật}
#        profile: web
#        checks:
#          - {id: http, expect: {body: Cổng thông tin}}   # changes the profile's check
#          - {id: ldap, kind: tcp, address: "ldap.example:389"}
`

// Init writes a first inventory for the addresses: http, https, smtp, dns, tcp
// or icmp; a bare host is taken as https. The error names every address that
// cannot be used.
func Init(urls []string) ([]byte, error) {
	if len(urls) == 0 {
		return nil, errors.New("give at least one address, such as https://portal.example/")
	}
	var b strings.Builder
	b.WriteString(initHead)
	var errs []error
	var ids, seen []string
	for _, raw := range urls {
		full := strings.TrimSpace(raw)
		if !strings.Contains(full, "://") {
			full = "https://" + full
		}
		u, err := parseURL(full)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s %w", quoted(redact(raw)), err))
			continue
		}
		if slices.Contains(seen, u.String()) {
			continue
		}
		seen = append(seen, u.String())
		id := free(hostID(u.Hostname()), func(s string) bool { return slices.Contains(ids, s) })
		ids = append(ids, id)
		fmt.Fprintf(&b, "      - id: %s\n        url: %s%s\n", text(id), text(full), asks(profileOf[u.Scheme], u.Scheme))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	b.WriteString(initTail)
	return []byte(b.String()), nil
}

// asks says in a comment what the profile will do.
func asks(profile, scheme string) string {
	switch {
	case profile == profileWeb && scheme == "https":
		return "   # the page (http) and its certificate (tls)"
	case profile == profileWeb:
		return "   # the page (http)"
	case profile == profileMail:
		return "   # the greeting (smtp) and the certificate (starttls)"
	case profile == profileDNS:
		return "   # the zone, at each of its servers (dns_zone)"
	case profile == profileTCP:
		return "   # that the port answers (tcp)"
	default:
		return "   # echoes (icmp)"
	}
}
