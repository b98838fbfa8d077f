// Package channels lists the ways to reach a phone and reads channels.yaml.
package channels

import (
	"fmt"
	"log/slog"

	"watchpost.example/alerting"
	"watchpost.example/alerting/channels/email"
	"watchpost.example/alerting/channels/gammu"
	"watchpost.example/alerting/channels/ntfy"
	"watchpost.example/alerting/channels/smpp"
	"watchpost.example/alerting/channels/smsgateway"
	"watchpost.example/alerting/channels/telegram"
	"watchpost.example/alerting/channels/voice"
	"watchpost.example/alerting/channels/webhook"
	"watchpost.example/inventory/source"
)

// Types is every type of channel, one line each.
func Types() []alerting.ChannelType {
	return []alerting.ChannelType{
		email.Type(),
		gammu.Type(),
		ntfy.Type(),
		smpp.Type(),
		smsgateway.Type(),
		telegram.Type(),
		voice.Type(),
		webhook.Type(),
	}
}

// file is channels.yaml.
type file struct {
	Channels []entry `yaml:"channels"`
}

// entry is one channel: its name, its type, and the type's own settings beside.
type entry struct {
	Name string       `yaml:"name"` // the key of addresses in the roster; "" = the type's name
	Type string       `yaml:"type"`
	Rest source.Value `yaml:",inline"`
}

// Load reads channels.yaml: all channels, or all mistakes at once.
func Load(path string, types []alerting.ChannelType, log *slog.Logger) ([]alerting.Channel, source.Problems) {
	doc, problems := source.Read(path)
	if doc == nil {
		return nil, problems
	}
	return decode(doc, problems, types, log)
}

func decode(doc *source.Document, problems source.Problems, types []alerting.ChannelType, log *slog.Logger) ([]alerting.Channel, source.Problems) {
	var f file
	problems = source.Join(problems, doc.Decode(&f))
	var names []string
	byName := map[string]alerting.ChannelType{}
	for _, t := range types {
		names = append(names, t.Name)
		byName[t.Name] = t
	}
	var out []alerting.Channel
	taken := map[string]bool{}
	for i, e := range f.Channels {
		t, ok := byName[e.Type]
		if !ok {
			if !doc.Bad("channels", i, "type") {
				problems = append(problems, doc.Problem(fmt.Sprintf("unknown type %q%s", e.Type, source.OneOf(e.Type, names)), "channels", i, "type"))
			}
			continue
		}
		if e.Name == "" {
			e.Name = t.Name
		}
		if taken[e.Name] {
			problems = append(problems, doc.Problem(fmt.Sprintf("a second channel named %q: give it a name of its own", e.Name), "channels", i))
			continue
		}
		taken[e.Name] = true
		s := t.New()
		bad := e.Rest.Decode(s).For(e.Name)
		if len(bad) == 0 {
			for _, p := range s.Problems() {
				bad = append(bad, problem(e, p))
			}
		}
		if problems = append(problems, bad...); len(bad) > 0 {
			continue
		}
		c, err := s.Channel(e.Name, log)
		if err != nil {
			problems = append(problems, doc.Problem(err.Error(), "channels", i))
			continue
		}
		out = append(out, c)
	}
	if problems = source.Join(problems); len(problems) > 0 {
		return nil, problems
	}
	return out, nil
}

func problem(e entry, p alerting.Problem) source.Problem {
	text := fmt.Sprintf("%s is %s; expected %s", p.Field, p.Found, p.Expected)
	out := e.Rest.Problem(text, source.Path(p.Field)...)
	out.Who = e.Name
	return out
}
