package ladder

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/inventory/source"
)

type file struct {
	Policies     []filePolicy           `yaml:"policies"`
	Channels     map[string]fileChannel `yaml:"channels"`
	Push         []string               `yaml:"push"`
	Order        []string               `yaml:"order"`
	Storm        fileStorm              `yaml:"storm"`
	ReopenWithin time.Duration          `yaml:"reopen_within"`
	NoticeBefore time.Duration          `yaml:"notice_before"`
}

type fileStorm struct {
	Units  int           `yaml:"units"`
	Within time.Duration `yaml:"within"`
}

type filePolicy struct {
	Name        string        `yaml:"name"`
	Severity    []string      `yaml:"severity"`
	Levels      []int         `yaml:"levels"`
	Acknowledge string        `yaml:"acknowledge"`
	AckExpires  time.Duration `yaml:"ack_expires"`
	Again       time.Duration `yaml:"again"`
	Rounds      int           `yaml:"rounds"`
	Hours       string        `yaml:"hours"`
	Steps       []fileStep    `yaml:"steps"`
}

type fileStep struct {
	After time.Duration `yaml:"after"`
	To    []string      `yaml:"to"`
	By    []string      `yaml:"by"`
}

type fileChannel struct {
	Timeout  *time.Duration `yaml:"timeout"`
	Receipt  *time.Duration `yaml:"receipt"`
	Attempts *int           `yaml:"attempts"`
	Parallel *int           `yaml:"parallel"`
	Limits   []fileLimit    `yaml:"limits"`
}

type fileLimit struct {
	N   int           `yaml:"at_most"`
	Per time.Duration `yaml:"per"`
}

// Decode reads the `ladder` part of a roster file over the defaults: a policy
// with the name of a default one replaces it, others are added and are asked
// first. The zero Value gives Default. people are the known person IDs,
// channels the known channel names (nil = not checked).
func Decode(v source.Value, people, channels []string) (*Ladder, source.Problems) {
	l := Default()
	if !v.Has() {
		return l, nil
	}
	f := file{
		Storm: fileStorm(l.Storm), Push: l.Push, Order: l.Order,
		ReopenWithin: l.ReopenWithin, NoticeBefore: l.NoticeBefore,
	}
	problems := v.Decode(&f)
	d := decoder{v: v, people: people, channels: channels}
	d.positive("storm.within", f.Storm.Within, "storm", "within")
	d.positive("reopen_within", f.ReopenWithin, "reopen_within")
	d.positive("notice_before", f.NoticeBefore, "notice_before")
	if f.Storm.Units < 0 {
		d.bad("units must not be negative; 0 never folds", "storm", "units")
	}
	l.Storm, l.Push, l.Order = Storm(f.Storm), f.Push, f.Order
	l.ReopenWithin, l.NoticeBefore = f.ReopenWithin, f.NoticeBefore
	l.Channels = map[string]Channel{}
	for _, name := range slices.Sorted(maps.Keys(f.Channels)) {
		d.channelName(name, "channels", name)
		l.Channels[name] = d.channel(name, f.Channels[name])
	}
	var own []Policy
	for i, p := range f.Policies {
		own = append(own, d.policy(i, p, own))
	}
	for _, p := range l.Policies {
		if !slices.ContainsFunc(own, func(o Policy) bool { return o.Name == p.Name }) {
			own = append(own, p)
		}
	}
	l.Policies = own
	return l, source.Join(problems, d.problems)
}

type decoder struct {
	v                source.Value
	people, channels []string
	problems         source.Problems
}

func (d *decoder) bad(text string, path ...any) {
	if !d.v.Bad(path...) {
		d.problems = append(d.problems, source.Problem{Position: d.v.At(path...), Who: "ladder", Text: text})
	}
}

func (d *decoder) positive(name string, v time.Duration, path ...any) {
	if v < 0 {
		d.bad(name+" must not be negative", path...)
	}
}

func (d *decoder) channelName(name string, path ...any) {
	if name == Push || len(d.channels) == 0 || slices.Contains(d.channels, name) {
		return
	}
	d.bad(fmt.Sprintf("%q is not a channel%s", name, source.OneOf(name, append([]string{Push}, d.channels...))), path...)
}

func (d *decoder) channel(name string, f fileChannel) Channel {
	c := DefaultChannel(name)
	if f.Timeout != nil {
		c.Timeout = *f.Timeout
		if c.Timeout < time.Second || c.Timeout > 10*time.Minute {
			d.bad("timeout must be from 1s to 10m", "channels", name, "timeout")
		}
	}
	if f.Receipt != nil {
		c.Receipt = *f.Receipt
		d.positive("receipt", c.Receipt, "channels", name, "receipt")
	}
	if f.Attempts != nil {
		c.Attempts = *f.Attempts
		if c.Attempts < 1 || c.Attempts > 20 {
			d.bad("attempts must be from 1 to 20", "channels", name, "attempts")
		}
	}
	if f.Parallel != nil {
		c.Parallel = *f.Parallel
		if c.Parallel < 0 {
			d.bad("parallel must not be negative; 0 is one for each person", "channels", name, "parallel")
		}
	}
	if f.Limits != nil {
		c.Limits = nil
		for i, l := range f.Limits {
			if l.N < 1 || l.Per <= 0 || l.Per > 24*time.Hour {
				d.bad("a limit is at_most (1 or more) and per (up to 24h)", "channels", name, "limits", i)
			}
			c.Limits = append(c.Limits, Limit(l))
		}
	}
	return c
}

func (d *decoder) policy(i int, f filePolicy, earlier []Policy) Policy {
	at := func(key ...any) []any { return append([]any{"policies", i}, key...) }
	p := Policy{Name: f.Name, Severity: f.Severity, Levels: f.Levels, AckExpires: f.AckExpires, Again: f.Again, Rounds: f.Rounds}
	if p.Name == "" {
		d.bad("a policy needs a name", at()...)
	}
	if slices.ContainsFunc(earlier, func(o Policy) bool { return o.Name == p.Name }) {
		d.bad(fmt.Sprintf("the name %q is taken by an earlier policy", p.Name), at("name")...)
	}
	severities := []string{alerting.Critical, alerting.Warning, alerting.Info}
	for j, s := range f.Severity {
		if !slices.Contains(severities, s) {
			d.bad(fmt.Sprintf("%q is not a severity%s", s, source.OneOf(s, severities)), at("severity", j)...)
		}
	}
	for j, n := range f.Levels {
		if n < 0 || n > 5 {
			d.bad("a level is 1 to 5 (0 = not given)", at("levels", j)...)
		}
	}
	switch f.Acknowledge {
	case "", "any":
	case "both":
		p.Both = true
	default:
		d.bad(fmt.Sprintf("acknowledge is any or both, not %q", f.Acknowledge), at("acknowledge")...)
	}
	d.positive("ack_expires", f.AckExpires, at("ack_expires")...)
	if f.Rounds < 0 {
		d.bad("rounds must not be negative; 0 is for ever", at("rounds")...)
	}
	h, err := ParseHours(f.Hours)
	if err != nil {
		d.bad(err.Error(), at("hours")...)
	}
	p.Hours = h
	for j, s := range f.Steps {
		p.Steps = append(p.Steps, d.step(j, s, p.Steps, at("steps", j)))
	}
	d.again(&p, at)
	return p
}

// again gives a policy without `again` five minutes after its last step, and
// refuses one that would start the next round before the last step.
func (d *decoder) again(p *Policy, at func(...any) []any) {
	if len(p.Steps) == 0 {
		return
	}
	last := p.Steps[len(p.Steps)-1].After
	if p.Again == 0 {
		p.Again = last + 5*time.Minute
	}
	if p.Again < last+time.Minute {
		d.bad(fmt.Sprintf("again must be at least a minute after the last step (%s)", last), at("again")...)
	}
}

func (d *decoder) step(j int, f fileStep, earlier []Step, path []any) Step {
	at := func(key ...any) []any { return append(slices.Clone(path), key...) }
	if f.After < 0 || f.After > 24*time.Hour {
		d.bad("after must be from 0s to 24h", at("after")...)
	}
	if j > 0 && f.After < earlier[j-1].After {
		d.bad("a step must not come before the one above it", at("after")...)
	}
	if len(f.To) == 0 {
		d.bad("a step needs `to`: officers, first, second, deputy, hotline or person:<id>", at()...)
	}
	if len(f.By) == 0 {
		d.bad("a step needs `by`: channels such as sms, push, voice", at()...)
	}
	roles := []string{Officers, First, Second, Deputy, Hotline}
	for k, r := range f.To {
		if id, ok := strings.CutPrefix(r, "person:"); ok {
			if len(d.people) > 0 && !slices.Contains(d.people, id) {
				d.bad(fmt.Sprintf("%q is nobody's id in people%s", id, source.DidYouMean(id, d.people)), at("to", k)...)
			}
		} else if !slices.Contains(roles, r) {
			d.bad(fmt.Sprintf("%q is not a role%s", r, source.OneOf(r, roles)), at("to", k)...)
		}
	}
	for k, c := range f.By {
		d.channelName(c, at("by", k)...)
	}
	return Step(f)
}

// ParseHours reads "07:00-22:00"; "" is always.
func ParseHours(s string) (Hours, error) {
	if s == "" {
		return Hours{}, nil
	}
	a, b, ok := strings.Cut(s, "-")
	from, err1 := time.Parse("15:04", strings.TrimSpace(a))
	to, err2 := time.Parse("15:04", strings.TrimSpace(b))
	if !ok || err1 != nil || err2 != nil {
		return Hours{}, fmt.Errorf("%q is not hours such as 07:00-22:00", s)
	}
	return Hours{From: from.Hour()*60 + from.Minute(), To: to.Hour()*60 + to.Minute()}, nil
}
