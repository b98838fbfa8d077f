package alerting

import "log/slog"

// ChannelType is a way of making channels: one folder below alerting/channels.
type ChannelType struct {
	Name string // as in channels.yaml: "ntfy"
	Doc  string // one sentence
	// New gives settings with their defaults, ready to be decoded into.
	New func() ChannelSettings
}

// ChannelSettings is untrusted text that was decoded: a struct with `yaml`
// tags. Only one without Problems makes a Channel.
type ChannelSettings interface {
	// Problems lists all that is wrong, not only the first. Files that hold
	// secrets are looked at (is it there, is it readable), never quoted.
	Problems() []Problem
	// Channel is called only after Problems returned none. name is the key in
	// Person.Addresses that the channel serves.
	Channel(name string, log *slog.Logger) (Channel, error)
}

// Problem is one mistake in a ChannelSettings; who loads the file adds the place.
type Problem struct {
	Field    string // the yaml key, dotted for nested ones; "" = the whole
	Found    string
	Expected string
}
