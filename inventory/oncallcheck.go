package inventory

import (
	"strings"
	"unicode"
)

// peers looks at those who are watched and those who report: a name that is
// missing or stands twice would page about the wrong machine, or never.
func (c *serverCheck) peers(o Oncall) {
	if o.Retention < 0 {
		c.report("retention must not be negative", "oncall", "retention")
	}
	names := map[string]bool{}
	for i := range o.Peers {
		p := &o.Peers[i]
		at := func(key string) []any { return []any{"oncall", "peers", i, key} }
		c.name("peer", p.Name, names, "oncall", "peers", i)
		if p.URL == "" {
			c.report("peer "+quoted(p.Name)+" has no url", "oncall", "peers", i)
		}
		c.webURL(p.URL, "url", at("url")...)
		c.exists(&p.TokenFile, at("token_file")...)
		c.exists(&p.PasswordFile, at("password_file")...)
		c.exists(&p.CAFile, at("ca_file")...)
		if p.TokenFile != "" && p.PasswordFile != "" {
			c.report("peer "+quoted(p.Name)+" gives both token_file and password_file; one request carries one of them", "oncall", "peers", i)
		}
		if p.Every < 0 || p.After < 0 || p.After > 0 && p.Every > 0 && p.After < 2*p.Every {
			c.report("peer "+quoted(p.Name)+" is called dead after "+p.After.String()+" and asked every "+p.Every.String()+": one lost packet would page; after must be at least twice every", at("after")...)
		}
	}
	names = map[string]bool{}
	for i, h := range o.Heartbeats {
		c.name("heartbeat", h.Name, names, "oncall", "heartbeats", i)
		if h.Within < 0 {
			c.report("within must not be negative", "oncall", "heartbeats", i, "within")
		}
	}
}

func (c *serverCheck) name(what, name string, seen map[string]bool, path ...any) {
	switch {
	case name == "":
		c.report("a "+what+" needs a name; pages say it", path...)
	case len(name) > 63 || strings.ContainsFunc(name, func(r rune) bool { return r == '/' || !unicode.IsPrint(r) }):
		c.report(what+" "+quoted(name)+" is not a name: at most 63 characters and no \"/\"", append(path, "name")...)
	case seen[name]:
		c.report(what+" "+quoted(name)+" stands twice", append(path, "name")...)
	}
	seen[name] = true
}
