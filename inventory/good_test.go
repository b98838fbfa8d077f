package inventory

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"watchpost.example/probes"
)

func parse(t *testing.T, text string) *Inventory {
	t.Helper()
	inv, problems := Parse("f.yaml", []byte(text), fakeKinds())
	if problems != nil {
		t.Fatal(problems)
	}
	return inv
}

// lines shows checks as "id kind instance interval timeout down/up/recheck".
func lines(inv *Inventory) string {
	var b strings.Builder
	for _, c := range inv.Checks {
		b.WriteString(strings.Join([]string{
			c.ID.String(), c.Kind, c.Instance, short(c.Interval), short(c.Timeout),
			string(rune('0'+c.Confirm.Down)) + "/" + string(rune('0'+c.Confirm.Up)) + "/" + short(c.Confirm.Recheck),
		}, " ") + "\n")
	}
	return b.String()
}

func TestASystemGivenByOnlyItsURL(t *testing.T) {
	t.Parallel()
	inv := parse(t, `
units:
  - id: so-y-te
    name: Sở Y tế
    systems:
      - url: https://cổng.example/
      - url: http://portal.example:8080/vi
      - url: smtp://mail.example
      - url: dns://donvi.example
      - url: tcp://[2001:db8::1]:389
      - url: icmp://192.0.2.1
      - {id: full, url: "https://full.example:8443/", with: [icmp], without: [http]}
`)
	want := `so-y-te/192.0.2.1/icmp icmp 192.0.2.1 30s 10s 3/2/3s
so-y-te/2001-db8-1/tcp tcp [2001:db8::1]:389 30s 10s 3/2/3s
so-y-te/cong.example/http http https://xn--cng-qmz.example/ 30s 10s 3/2/3s
so-y-te/cong.example/tls tls xn--cng-qmz.example:443 30s 10s 3/2/3s
so-y-te/donvi.example/dns dns donvi.example 30s 10s 3/2/3s
so-y-te/donvi.example/dns_zone dns_zone donvi.example 5m 1m 3/2/3s
so-y-te/full/icmp icmp full.example 30s 10s 3/2/3s
so-y-te/full/tls tls full.example:8443 30s 10s 3/2/3s
so-y-te/mail.example/smtp tcp mail.example:25 30s 10s 3/2/3s
so-y-te/mail.example/starttls tls mail.example:25 30s 10s 3/2/3s
so-y-te/portal.example/http http http://portal.example:8080/vi 30s 10s 3/2/3s
`
	if got := lines(inv); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	s := inv.System("so-y-te/portal.example")
	if s == nil || s.Unit.Name != "Sở Y tế" || s.Name != "portal.example" || s.Level != 0 || len(s.Checks) != 1 || s.Checks[0].Prober == nil || s.Checks[0].System != s {
		t.Errorf("got %+v", s)
	}
	if c := inv.Check(probes.ID{Unit: "so-y-te", System: "full", Check: "tls"}); c == nil || c.Fingerprint == "" {
		t.Errorf("got %+v", c)
	}
	if inv.Check(probes.ID{Unit: "x"}) != nil || inv.System("x/y") != nil {
		t.Error("found what is not there")
	}
}

// Every level overrides the one above it, key by key.
func TestDefaultsOfEveryLevel(t *testing.T) {
	t.Parallel()
	inv := parse(t, `
defaults:
  interval: 20s
  confirm: {down: 4}
  kinds: {tls: {interval: 10m, starttls: imap, timeout: 30s}}
units:
  - id: a
    defaults: {timeout: 4s, kinds: {tls: {server_name: unit.example}}}
    systems:
      - {id: s, url: "https://s.example/"}
      - id: t
        url: https://t.example/
        profile: web
        defaults: {interval: 9s, confirm: {up: 5, recheck: 2s}, kinds: {tls: {interval: 1h}}}
        checks:
          - {id: http, timeout: 3s, confirm: {down: 1}, expect: {status: [200, 301]}}
          - {id: ldap, kind: tcp, address: "t.example:389", interval: 2s, timeout: 1s}
`)
	want := `a/s/http http https://s.example/ 20s 4s 4/2/3s
a/s/tls tls s.example:443 10m 4s 4/2/3s
a/t/http http https://t.example/ 9s 3s 1/5/2s
a/t/ldap tcp t.example:389 2s 1s 4/5/2s
a/t/tls tls t.example:443 1h 4s 4/5/2s
`
	if got := lines(inv); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestFingerprintAndDiff(t *testing.T) {
	t.Parallel()
	const base = "units:\n- id: a\n  name: A\n  systems:\n  - {id: s, url: 'https://s.example/', level: 2}\n  - {id: t, url: 'tcp://t.example:1'}\n"
	old := parse(t, base)
	cosmetic := parse(t, "# a comment\n"+strings.NewReplacer("name: A", "name: Tên khác", "level: 2", "level: 3, owner: x").Replace(base))
	if d := Diff(old, cosmetic); len(d.Kept) != 3 || len(d.Added)+len(d.Removed)+len(d.Changed) != 0 {
		t.Errorf("names and levels must not disturb the schedule: %+v", d)
	}
	for name, edit := range map[string][2]string{
		"target":   {"https://s.example/", "https://s.example/vi"},
		"interval": {"level: 2", "defaults: {interval: 31s}"},
		"timeout":  {"level: 2", "defaults: {timeout: 9s}"},
		"confirm":  {"level: 2", "defaults: {confirm: {up: 3}}"},
		"settings": {"level: 2", "defaults: {kinds: {http: {slow: 2s}, tls: {server_name: x.example}}}"},
	} {
		d := Diff(old, parse(t, strings.Replace(base, edit[0], edit[1], 1)))
		// A path in the URL is no matter of the certificate check's target port.
		if len(d.Changed) < 1 || len(d.Kept) < 1 || len(d.Added)+len(d.Removed) != 0 || d.Kept[len(d.Kept)-1].ID.System != "t" {
			t.Errorf("%s: got %+v", name, d)
		}
	}
	d := Diff(old, parse(t, strings.Replace(base, "id: t", "id: u", 1)))
	if len(d.Added) != 1 || len(d.Removed) != 1 || len(d.Kept) != 2 || d.Removed[0].ID.String() != "a/t/tcp" {
		t.Errorf("got %+v", d)
	}
	if d := Diff(nil, old); len(d.Added) != 3 {
		t.Errorf("got %+v", d)
	}
	if d := Diff(old, nil); len(d.Removed) != 3 || d.Removed[0].ID.String() != "a/s/http" {
		t.Errorf("got %+v", d)
	}
}

func TestMaintenance(t *testing.T) {
	t.Parallel()
	inv := parse(t, `
units:
  - id: a
    systems:
      - id: s
        url: https://s.example/
        maintenance:
          - {start: 2026-11-22 01:00, end: 2026-11-22 03:00, reason: Nâng cấp}
          - {daily: "23:30", duration: 1h, from: 2026-12-01, until: 2026-12-02}
          - {weekly: CN 02:00, duration: 90m}
      - id: utc
        url: https://t.example/
        time_zone: UTC
        maintenance: [{start: 2026-11-22T01:00, duration: 2h}, {start: "2026-11-23T01:00:00+07:00", duration: 1h}]
`)
	vn, err := time.LoadLocation(DefaultTimeZone)
	if err != nil {
		t.Fatal(err)
	}
	at := func(s string) time.Time {
		m, err := time.ParseInLocation("2006-01-02 15:04", s, vn)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	s, utc := inv.System("a/s"), inv.System("a/utc")
	for when, want := range map[string]bool{
		"2026-11-22 00:59": false, "2026-11-22 01:00": true, "2026-11-22 02:30": true, "2026-11-22 03:30": false, // Sunday: until 03:30 by the weekly one
		"2026-11-30 23:45": false, "2026-12-01 23:45": true, "2026-12-02 00:15": true, "2026-12-02 23:45": true, "2026-12-03 23:45": false,
		"2027-01-03 03:29": true, "2027-01-02 02:30": false,
	} {
		if got := s.InMaintenance(at(when)); got != want {
			t.Errorf("%s: got %v", when, got)
		}
	}
	if !utc.InMaintenance(at("2026-11-22 08:30")) || utc.InMaintenance(at("2026-11-22 01:30")) || !utc.InMaintenance(at("2026-11-23 01:30")) {
		t.Error("the system's own time zone")
	}
	if s.Maintenance[0].Reason != "Nâng cấp" {
		t.Errorf("got %+v", s.Maintenance[0])
	}
}

func TestContactsAndDependencies(t *testing.T) {
	t.Parallel()
	inv := parse(t, `
units:
  - id: a
    contacts: [{name: Trực ban, role: đầu mối ứng cứu sự cố, phone: 0900 000 001, email: truc@donvi.example}, {name: Hotline, phone: +84 900.000.002}]
    systems:
      - {id: gw, url: "icmp://gw.example"}
      - {id: s, url: "https://s.example/", depends_on: [gw, b/net]}
  - id: b
    systems: [{id: net, url: "icmp://net.example"}]
`)
	u := inv.Units[0]
	if u.Contacts[0].Phone != "0900000001" || u.Contacts[1].Phone != "+84900000002" || u.Contacts[0].Email != "truc@donvi.example" {
		t.Errorf("got %+v", u.Contacts)
	}
	if got := strings.Join(inv.System("a/s").DependsOn, " "); got != "a/gw b/net" {
		t.Errorf("got %q, want keys in full", got)
	}
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

const oneSystem = "units: [{id: a, systems: [{url: 'https://a.example/'}]}]\n"

func TestLoadFindsItsFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"watchpost.yaml":    "defaults: {interval: 45s}\noncall: {roster: roster.yaml}\nstorage: {retention_size: 20GB}\nresolver: {servers: [127.0.0.53, '[2001:db8::53]:5353']}\n",
		"roster.yaml":       "",
		"inventory/a.yaml":  oneSystem,
		"inventory/b.yml":   strings.ReplaceAll(oneSystem, "id: a", "id: b"),
		"inventory/c.txt":   "not read",
		"inventory/d.yaml~": "not read",
	})
	cfg, problems := Load(filepath.Join(dir, "watchpost.yaml"), fakeKinds())
	if problems != nil {
		t.Fatal(problems)
	}
	s := cfg.Server
	if len(cfg.Inventory.Checks) != 4 || cfg.Inventory.Checks[0].Interval != 45*time.Second || len(cfg.Inventory.Files) != 2 {
		t.Errorf("got %s", lines(cfg.Inventory))
	}
	if s.Oncall.Roster != filepath.Join(dir, "roster.yaml") || s.Storage.RetentionSize != 20e9 || s.Storage.Retention.D() != 400*24*time.Hour || s.Storage.OutOfOrderWindow.D() != 6*time.Hour ||
		s.Vantage != "main" || strings.Join(s.Resolver.Servers, " ") != "127.0.0.53:53 [2001:db8::53]:5353" || !s.Guard.PrivateAllowed() {
		t.Errorf("got %+v", s)
	}
	for name, path := range map[string]string{"a folder": filepath.Join(dir, "inventory"), "an inventory file": filepath.Join(dir, "inventory", "a.yaml")} {
		cfg, problems := Load(path, fakeKinds())
		if problems != nil || len(cfg.Inventory.Checks) == 0 || cfg.Server.Storage.Retention == 0 || cfg.Path != "" {
			t.Errorf("%s: %v", name, problems)
		}
	}
}

func TestLoadWithoutAnything(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, ps := Load("", fakeKinds()); ps.Error() != "inventory: cannot be opened: no such file or directory; write a first one with: mkdir -p inventory && watchpost init https://portal.example/ > inventory/units.yaml" {
		t.Error(ps)
	}
	write(t, ".", map[string]string{"inventory/readme.txt": ""})
	if _, ps := Load("", fakeKinds()); ps.Error() != "inventory: holds no *.yaml; write a first one with: mkdir -p inventory && watchpost init https://portal.example/ > inventory/units.yaml" {
		t.Error(ps)
	}
	write(t, ".", map[string]string{"inventory/a.yaml": oneSystem})
	if cfg, ps := Load("", fakeKinds()); ps != nil || len(cfg.Inventory.Checks) != 2 {
		t.Error(ps)
	}
	write(t, ".", map[string]string{"watchpost.yaml": "vantage: here\n"})
	if cfg, ps := Load("", fakeKinds()); ps != nil || cfg.Server.Vantage != "here" || len(cfg.Inventory.Checks) != 2 {
		t.Error(ps)
	}
}

// Mistakes of the server's file and of all inventory files come together.
func TestBadServer(t *testing.T) {
	t.Setenv("WATCHPOST_TEST_TOKEN", "x")
	dir := t.TempDir()
	write(t, dir, map[string]string{"inventory/a.yaml": oneSystem, "inventory/b.yaml": oneSystem + "unit: []\n", "alertmanger.yml": "", "watchpost.yaml": `
vantage: Trạm 1
external_url: wall.example
inventory: [inventory/*.yaml, nothing/*.yaml]
resolver: {servers: [dns.example, "192.0.2.1:99999"]}
source_addresses: [192.0.2.1, 192.0.2.2, nine]
uplink: {anchors: ["192.0.2.1:443", "bad_host!"], quorum: 3, interval: 1s, timeout: 2s}
storage: {retention: 2h, retention_size: 20, retentionsize: 1}
rules: [my.rules.yml]
alertmanager: {config_file: alertmanager.yml, outside: [{url: "https://am.example/", token_env: WATCHPOST_TEST_TOKEN}, {username: x}]}
prometheus:
  query: {url: "https://u:p@prom.example/", password: hunter2}
  remote_write: [{url: "https://w.example/", token_env: NO_SUCH_VARIABLE, cert_file: .}]
probe_allow: [10.0.0.0/8, "*.donvi.example", 10.0.0.0/99, "a b"]
guard: {deny: [10.0.0.0]}
oncall: {roster: inventory}
dns: {root_hints: nowhere.hints}
defaults: {interval: 5, kinds: {htp: {}}}
`})
	_, problems := Load(filepath.Join(dir, "watchpost.yaml"), fakeKinds())
	got := strings.ReplaceAll(problems.Error(), dir+"/", "")
	want := strings.TrimSpace(`
inventory/b.yaml:1:14: a: the unit id "a" is already used at inventory/a.yaml:1:14; ids are unique in all files
inventory/b.yaml:2:1: unknown key "unit"; did you mean "units"?
watchpost.yaml:2:10: vantage "Trạm 1" is not a short name: use a-z, 0-9, "-", "_" and ".", at most 63; did you mean "tram-1"?
watchpost.yaml:3:15: external_url "wall.example" is not a full address such as https://wall.example/
watchpost.yaml:4:31: inventory "nothing/*.yaml" matches no file (looked for nothing/*.yaml)
watchpost.yaml:5:22: resolver "dns.example" is not an address, with or without port, such as 192.0.2.53 or [2001:db8::53]:5353
watchpost.yaml:5:35: resolver "192.0.2.1:99999" is not an address, with or without port, such as 192.0.2.53 or [2001:db8::53]:5353
watchpost.yaml:6:31: source_addresses 192.0.2.2 is the second of its family; give at most one of IPv4 and one of IPv6
watchpost.yaml:6:42: source_addresses[2] "nine" is not an IP address such as 192.0.2.10 or 2001:db8::10
watchpost.yaml:7:37: anchor "bad_host!" is not a host name: '!' is not allowed in it
watchpost.yaml:7:59: quorum 3 is out of range: there are 2 anchors
watchpost.yaml:7:85: timeout 2s must be shorter than the interval, which is 1s
watchpost.yaml:8:22: retention 2h is out of range: 24h to 7320d
watchpost.yaml:8:42: storage.retention_size "20" is not a size such as 500MB or 20GB
watchpost.yaml:8:46: unknown key "retentionsize" in storage; did you mean "retention_size"?
watchpost.yaml:9:9: rules "my.rules.yml" does not exist (looked for my.rules.yml)
watchpost.yaml:10:29: config_file "alertmanager.yml" does not exist (looked for alertmanager.yml); did you mean "alertmanger.yml"?
watchpost.yaml:10:120: outside[1] has no url
watchpost.yaml:12:16: url "https://…@prom.example/" must not hold a user or password: it would stand on the wall and in labels
watchpost.yaml:12:45: unknown key "password" in prometheus.query; did you mean "password_env"?
watchpost.yaml:13:18: remote_write[0] needs both cert_file and key_file, or neither
watchpost.yaml:13:57: token_env: the environment has no variable "NO_SUCH_VARIABLE"
watchpost.yaml:13:86: cert_file "." is a folder, expected a file
watchpost.yaml:14:46: probe_allow "10.0.0.0/99" is not a range such as 192.0.2.0/24 or 2001:db8::/32
watchpost.yaml:14:59: probe_allow "a b" is not a host name: ' ' is not allowed in it
watchpost.yaml:15:16: guard.deny[0] "10.0.0.0" is not a range such as 192.0.2.0/24 or 2001:db8::/32
watchpost.yaml:16:18: roster "inventory" is a folder, expected a file
watchpost.yaml:17:19: root_hints "nowhere.hints" does not exist (looked for nowhere.hints)
watchpost.yaml:18:22: defaults.interval "5" has no unit; write 5s for seconds
watchpost.yaml:18:33: defaults: unknown kind "htp"; did you mean "http"?
`)
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if strings.Contains(got, "hunter2") || strings.Contains(got, "u:p") {
		t.Error("a secret is shown")
	}
}

func TestLoadNamesTheFileThatIsMissing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mine.yaml")
	if _, ps := Load(path, fakeKinds()); !strings.HasSuffix(ps.Error(), "> "+path) {
		t.Error(ps)
	}
}
