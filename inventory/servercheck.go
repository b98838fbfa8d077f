package inventory

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"watchpost.example/inventory/source"
	"watchpost.example/probes"
)

// serverCheck validates watchpost.yaml and resolves its paths against dir.
type serverCheck struct {
	doc      *source.Document
	dir      string
	problems source.Problems
}

func (c *serverCheck) report(text string, path ...any) {
	if !c.doc.Bad(path...) {
		c.problems = append(c.problems, c.doc.Problem(oneLine(text), path...))
	}
}

func (c *serverCheck) check(s *Server) {
	if s.Vantage != "" && !probes.ValidName(s.Vantage) {
		text := "vantage " + quoted(s.Vantage) + " is not a short name: use a-z, 0-9, \"-\", \"_\" and \".\", at most 63"
		if slug := Slug(s.Vantage); slug != "" {
			text += "; did you mean \"" + slug + "\"?"
		}
		c.report(text, "vantage")
	}
	c.webURL(s.ExternalURL, "external_url", "external_url")
	c.resolvers(s.Resolver.Servers, "resolver", "servers")
	c.sourceAddresses(s.SourceAddresses)
	c.uplink(&s.Uplink)
	c.storage(&s.Storage)
	c.allowed(s.ProbeAllow)
	c.paths(s)
	c.peers(s.Oncall)
	for _, e := range s.endpoints() {
		c.endpoint(e)
	}
}

func (c *serverCheck) webURL(raw, name string, path ...any) {
	if raw == "" {
		return
	}
	if u, err := parseURL(raw); err != nil {
		c.report(name+" "+quoted(redact(raw))+" "+err.Error(), path...)
	} else if u.Scheme != "http" && u.Scheme != "https" {
		c.report(name+" "+quoted(raw)+" is not an http or https address", path...)
	}
}

// redact keeps a password in a URL out of messages.
func redact(raw string) string {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		scheme, rest = "", raw
	} else {
		scheme += "://"
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		return scheme + "…@" + rest[at+1:]
	}
	return raw
}

// resolvers makes each "address" an "address:53".
func (c *serverCheck) resolvers(list []string, path ...any) {
	for i, r := range list {
		if a, err := netip.ParseAddr(r); err == nil {
			list[i] = netip.AddrPortFrom(a, 53).String()
			continue
		}
		if ap, err := netip.ParseAddrPort(r); err == nil && ap.Port() > 0 {
			list[i] = ap.String()
			continue
		}
		c.report("resolver "+quoted(r)+" is not an address, with or without port, such as 192.0.2.53 or [2001:db8::53]:5353", append(slices.Clip(path), i)...)
	}
}

func (c *serverCheck) sourceAddresses(list []netip.Addr) {
	var v4, v6 bool
	for i, a := range list {
		family := &v4
		if a.Is6() {
			family = &v6
		}
		if a.IsValid() && *family {
			c.report("source_addresses "+a.String()+" is the second of its family; give at most one of IPv4 and one of IPv6", "source_addresses", i)
		}
		*family = *family || a.IsValid()
	}
}

func (c *serverCheck) uplink(u *Uplink) {
	for i, a := range u.Anchors {
		var err error
		if _, e := netip.ParseAddr(a); e != nil && strings.Contains(a, ":") {
			u.Anchors[i], err = hostPort(a)
		} else {
			u.Anchors[i], err = hostName(a)
		}
		if err != nil {
			c.report("anchor "+quoted(a)+" "+err.Error(), "uplink", "anchors", i)
		}
	}
	if u.Quorum < 0 || u.Quorum > len(u.Anchors) && u.Quorum > 0 && !c.doc.Bad("uplink", "anchors") {
		c.report(fmt.Sprintf("quorum %d is out of range: there are %d anchors", u.Quorum, len(u.Anchors)), "uplink", "quorum")
	}
	c.between(u.Interval, "interval", time.Second, time.Hour, "uplink", "interval")
	c.between(u.Timeout, "timeout", minTimeout, time.Hour, "uplink", "timeout")
	if u.Interval > 0 && u.Timeout >= u.Interval {
		c.report(fmt.Sprintf("timeout %s must be shorter than the interval, which is %s", short(u.Timeout.D()), short(u.Interval.D())), "uplink", "timeout")
	}
}

// between reports a duration outside of its bounds; 0 is "not given".
func (c *serverCheck) between(d probes.Duration, name string, least, most time.Duration, path ...any) {
	if c.doc.Has(path...) && (d.D() < least || d.D() > most) {
		c.report(fmt.Sprintf("%s %s is out of range: %s to %s", name, short(d.D()), short(least), short(most)), path...)
	}
}

func (c *serverCheck) storage(s *Storage) {
	const day = 24 * time.Hour
	c.between(s.Retention, "retention", day, 20*366*day, "storage", "retention")
	c.between(s.OutOfOrderWindow, "out_of_order_window", 0, 7*day, "storage", "out_of_order_window")
}

func (c *serverCheck) allowed(list []string) {
	for i, a := range list {
		if _, err := netip.ParsePrefix(a); err == nil {
			continue
		}
		err := errors.New("is not a range such as 192.0.2.0/24 or 2001:db8::/32")
		if !strings.Contains(a, "/") {
			_, err = hostName(strings.TrimPrefix(a, "*."))
		}
		if err != nil {
			c.report("probe_allow "+quoted(a)+" "+err.Error(), "probe_allow", i)
		}
	}
}

// paths resolves each path and sees that what must be there is.
func (c *serverCheck) paths(s *Server) {
	files := []struct {
		p    *string
		path []any
	}{
		{&s.Alertmanager.ConfigFile, []any{"alertmanager", "config_file"}},
		{&s.Oncall.Roster, []any{"oncall", "roster"}},
		{&s.Oncall.Users, []any{"oncall", "users"}},
		{&s.Oncall.Channels, []any{"oncall", "channels"}},
		{&s.DNS.RootHints, []any{"dns", "root_hints"}},
		{&s.DNS.ASNTable, []any{"dns", "asn_table"}},
		{&s.DNS.Registrations, []any{"dns", "registrations"}},
		{&s.DNS.RDAPBootstrap, []any{"dns", "rdap_bootstrap"}},
	}
	for _, f := range files {
		c.exists(f.p, f.path...)
	}
	for i := range s.DNS.TrustAnchors {
		c.exists(&s.DNS.TrustAnchors[i], "dns", "trust_anchors", i)
	}
	for i := range s.Rules {
		c.glob(&s.Rules[i], "rules", i)
	}
	for i := range s.Inventory {
		c.glob(&s.Inventory[i], "inventory", i)
	}
}

func (c *serverCheck) resolvePath(p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(c.dir, p)
}

func (c *serverCheck) exists(p *string, path ...any) {
	if *p == "" {
		return
	}
	name, _ := path[len(path)-1].(string)
	if name == "" {
		name, _ = path[len(path)-2].(string)
	}
	written := *p
	*p = c.resolvePath(*p)
	st, err := os.Stat(*p)
	switch {
	case errors.Is(err, os.ErrNotExist):
		c.report(name+" "+quoted(written)+" does not exist (looked for "+*p+")"+sibling(*p), path...)
	case err != nil:
		c.report(name+" "+quoted(written)+" cannot be read: "+err.Error(), path...)
	case st.IsDir():
		c.report(name+" "+quoted(written)+" is a folder, expected a file", path...)
	}
}

// sibling suggests a file beside the one that is missing.
func sibling(p string) string {
	entries, err := os.ReadDir(filepath.Dir(p))
	if err != nil || len(entries) > 1000 {
		return ""
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return source.DidYouMean(filepath.Base(p), names)
}

func (c *serverCheck) glob(p *string, name string, i int) {
	written := *p
	*p = c.resolvePath(*p)
	found, err := filepath.Glob(*p)
	switch {
	case written == "":
		c.report(name+" has an empty path", name, i)
	case err != nil:
		c.report(name+" "+quoted(written)+" is not a path or pattern such as inventory/*.yaml", name, i)
	case len(found) == 0 && !strings.ContainsAny(written, "*?["):
		c.report(name+" "+quoted(written)+" does not exist (looked for "+*p+")"+sibling(*p), name, i)
	case len(found) == 0:
		c.report(name+" "+quoted(written)+" matches no file (looked for "+*p+")", name, i)
	}
}

func (c *serverCheck) endpoint(e endpoint) {
	at := func(key string) []any { return append(slices.Clip(e.path), key) }
	c.webURL(e.e.URL, "url", at("url")...)
	if e.e.URL == "" && c.doc.Has(e.path...) && !c.doc.Bad(e.path...) && !c.doc.Get(e.path...).Mistyped() {
		c.report(e.name()+" has no url", e.path...)
	}
	for _, f := range []struct {
		key string
		p   *string
	}{{"password_file", &e.e.PasswordFile}, {"token_file", &e.e.TokenFile}, {"ca_file", &e.e.CAFile}, {"cert_file", &e.e.CertFile}, {"key_file", &e.e.KeyFile}} {
		c.exists(f.p, at(f.key)...)
	}
	secrets := 0
	for _, s := range []string{e.e.PasswordFile, e.e.PasswordEnv, e.e.TokenFile, e.e.TokenEnv} {
		if s != "" {
			secrets++
		}
	}
	if secrets > 1 {
		c.report(e.name()+" gives more than one of password_file, password_env, token_file and token_env", e.path...)
	}
	for _, v := range []struct{ key, name string }{{"password_env", e.e.PasswordEnv}, {"token_env", e.e.TokenEnv}} {
		if _, set := os.LookupEnv(v.name); v.name != "" && !set {
			c.report(v.key+": the environment has no variable "+quoted(v.name), at(v.key)...)
		}
	}
	if (e.e.CertFile == "") != (e.e.KeyFile == "") {
		c.report(e.name()+" needs both cert_file and key_file, or neither", e.path...)
	}
}
