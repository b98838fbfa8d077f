package inventory

import (
	"fmt"
	"strconv"
	"time"

	"watchpost.example/inventory/source"
	"watchpost.example/probes"
)

// Bounds of timing. Faster than a second is a load test, slower than a day is
// no watch.
const (
	minInterval = time.Second
	maxInterval = 24 * time.Hour
	minTimeout  = 100 * time.Millisecond
	maxConfirm  = 100
)

// given is a duration with the place and the person that gave it; a zero at is
// the program's own default.
type given struct {
	d     time.Duration
	at    source.Position
	who   string
	level int // 0 = the check itself
}

func (g given) explicit() bool { return g.at.File != "" }

// timing is one level's say: a check, a kind's defaults, a system's defaults …
type timing struct {
	self     source.Value
	who      string
	interval *probes.Duration
	timeout  *probes.Duration
	confirm  *confirmFile
}

// sane reports and takes out what cannot be at any level, so that it is told
// once and makes no noise further down.
func (b *builder) sane(t *timing) {
	bound := func(d **probes.Duration, name string, least, most time.Duration, path ...any) {
		if *d != nil && !t.self.Bad(path...) && ((*d).D() < least || (*d).D() > most) {
			b.report(t.self.At(path...), t.who, fmt.Sprintf("%s %s is out of range: %s to %s", name, short((*d).D()), short(least), short(most)))
		} else if *d == nil || !t.self.Bad(path...) {
			return
		}
		*d = nil
	}
	bound(&t.interval, "interval", minInterval, maxInterval, "interval")
	bound(&t.timeout, "timeout", minTimeout, maxInterval/2, "timeout")
	bound(&t.confirm.Recheck, "recheck", minInterval, maxInterval, "confirm", "recheck")
	for _, f := range []struct {
		name string
		n    **int
	}{{"down", &t.confirm.Down}, {"up", &t.confirm.Up}} {
		switch {
		case *f.n == nil:
		case t.self.Bad("confirm", f.name):
			*f.n = nil
		case **f.n < 1 || **f.n > maxConfirm:
			b.report(t.self.At("confirm", f.name), t.who, fmt.Sprintf("confirm %s: %d is out of range: 1 to %d looks in a row", f.name, **f.n, maxConfirm))
			*f.n = nil
		}
	}
}

// short writes 24h for 24h0m0s and 400d for 9600h0m0s.
func short(d time.Duration) string {
	if d >= 72*time.Hour && d%(24*time.Hour) == 0 {
		return strconv.Itoa(int(d/(24*time.Hour))) + "d"
	}
	s := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if n := len(s) - 2; n > 0 && len(s) >= 3 && s[len(s)-3:] == zero {
			s = s[:n]
		}
	}
	return s
}

// builtin is what holds when no file says anything.
func builtin(kind string) (interval, timeout time.Duration) {
	if kind == "dns_zone" { // some hundred queries a look
		return 5 * time.Minute, time.Minute
	}
	return 30 * time.Second, 10 * time.Second
}

// first is the most special level's word on a duration, or the built-in one.
func first(levels []timing, builtin time.Duration, say func(timing) *probes.Duration, path ...any) given {
	for n, l := range levels {
		if d := say(l); d != nil {
			return given{d.D(), l.self.At(path...), l.who, n}
		}
	}
	return given{d: builtin, level: len(levels)}
}

// count is the same for a number of looks.
func count(levels []timing, builtin int, say func(timing) *int) int {
	for _, l := range levels {
		if n := say(l); n != nil {
			return *n
		}
	}
	return builtin
}

// times settles a check's timing from the levels, most specific first, and
// reports what does not fit together at the more specific of the two places.
func (b *builder) times(c *probes.Check, levels []timing) {
	i, t := builtin(c.Kind)
	interval := first(levels, i, func(l timing) *probes.Duration { return l.interval }, "interval")
	timeout := first(levels, t, func(l timing) *probes.Duration { return l.timeout }, "timeout")
	recheck := first(levels, 3*time.Second, func(l timing) *probes.Duration { return l.confirm.Recheck }, "confirm", "recheck")
	// A default never contradicts what the operator says: it gives way.
	switch {
	case timeout.d < interval.d:
	case !timeout.explicit():
		timeout.d = (interval.d * 2 / 3).Truncate(10 * time.Millisecond)
	case !interval.explicit():
		interval.d = min(maxInterval, timeout.d*3/2)
	case timeout.level <= interval.level:
		b.report(timeout.at, timeout.who, fmt.Sprintf("timeout %s must be shorter than the interval, which is %s%s", short(timeout.d), short(interval.d), elsewhere(interval.at, timeout.at)))
	default:
		b.report(interval.at, interval.who, fmt.Sprintf("interval %s must be longer than the timeout, which is %s%s", short(interval.d), short(timeout.d), elsewhere(timeout.at, interval.at)))
	}
	c.Interval, c.Timeout = interval.d, timeout.d
	c.Confirm = probes.Confirm{
		Down:    count(levels, 3, func(l timing) *int { return l.confirm.Down }),
		Up:      count(levels, 2, func(l timing) *int { return l.confirm.Up }),
		Recheck: min(recheck.d, interval.d),
	}
}

// elsewhere names the other place when it is not in sight of the first.
func elsewhere(other, here source.Position) string {
	if other.File == here.File && other.Line >= here.Line-3 && other.Line <= here.Line+3 {
		return ""
	}
	return " (" + other.String() + ")"
}
