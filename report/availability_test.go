package report

import (
	"slices"
	"testing"
	"time"

	"watchpost.example/probes"
)

var noon = time.Date(2026, 9, 2, 12, 0, 0, 0, time.UTC)

// at is a moment n seconds after noon.
func at(n int) time.Time { return noon.Add(time.Duration(n) * time.Second) }

// period is [a, b) in seconds after noon.
func period(a, b int) Period { return Period{From: at(a), To: at(b)} }

func look(n int, v probes.Verdict) Sample { return Sample{At: at(n), Verdict: v} }

func since(n, s int, v probes.Verdict) Sample {
	return Sample{At: at(n), Verdict: v, Since: at(s), Reason: map[bool]probes.Reason{true: probes.TCPRefused}[v == probes.Down]}
}

// every makes looks each 10 s in [a, b).
func every(a, b int, v probes.Verdict) []Sample {
	var l []Sample
	for n := a; n < b; n += 10 {
		l = append(l, look(n, v))
	}
	return l
}

func TestCheckTimeline(t *testing.T) {
	const up, down, unknown = probes.Up, probes.Down, probes.Unknown
	cases := []struct {
		name               string
		samples            []Sample
		p                  Period
		up, down, unk, deg int // seconds
		outages            int
	}{
		{"nothing recorded is not up", nil, period(0, 100), 0, 0, 100, 0, 0},
		{"up all the time", every(0, 100, up), period(0, 100), 100, 0, 0, 0, 0},
		{"a look before the period holds into it", append([]Sample{look(-5, up)}, every(5, 100, up)...), period(0, 100), 100, 0, 0, 0, 0},
		{"before the first look is unknown", every(40, 100, up), period(0, 100), 60, 0, 40, 0, 0},
		{"a gap of exactly two intervals is held", []Sample{look(0, up), look(20, up)}, period(0, 30), 30, 0, 0, 0, 0},
		{"a longer one is unknown after one interval", []Sample{look(0, up), look(21, up)}, period(0, 31), 20, 0, 11, 0, 0},
		{"silence at the end is unknown", every(0, 50, up), period(0, 100), 50, 0, 50, 0, 0},
		{"an outage counts from its first failure", slices.Concat(every(0, 50, up), []Sample{since(50, 31, down)}, []Sample{since(60, 31, down)}), period(0, 70), 31, 39, 0, 0, 1},
		{"and to its first success", slices.Concat([]Sample{since(0, 0, down), since(10, 0, down), since(20, 14, up)}), period(0, 30), 16, 14, 0, 0, 1},
		{"hindsight does not rewrite a gap", []Sample{look(0, up), since(60, 5, down)}, period(0, 70), 5, 5 + 10, 50, 0, 1},
		{"nor a measured unknown", []Sample{look(0, up), look(10, unknown), since(20, 5, down)}, period(0, 30), 5, 5 + 10, 10, 0, 1},
		{"a Since in the future is the look's own time", []Sample{look(0, up), since(10, 900, down)}, period(0, 20), 10, 10, 0, 0, 1},
		{"a Since before the run it ended is cut there", []Sample{look(0, unknown), since(10, 8, up), since(20, -99999, down)}, period(0, 30), 0, 20, 10, 0, 1},
		{"nor does it reach over the run before that", []Sample{look(0, up), look(10, down), look(20, up), since(30, -99999, down)}, period(0, 40), 10, 30, 0, 0, 1},
		{"degraded is not down", every(0, 100, probes.Degraded), period(0, 100), 0, 0, 0, 100, 0},
		{"looks after the end do not count", slices.Concat(every(0, 50, up), every(50, 90, down)), period(0, 50), 50, 0, 0, 0, 0},
		{"a verdict out of range is not up", []Sample{{At: at(0), Verdict: 77}}, period(0, 10), 0, 0, 10, 0, 0},
		{"disorder and doubles", []Sample{look(10, up), look(0, down), look(10, down), look(0, up)}, period(0, 20), 10, 10, 0, 0, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			line := CheckTimeline(c.samples, 10*time.Second, c.p)
			y := line.Tally()
			want := Tally{Up: sec(c.up), Down: sec(c.down), Unknown: sec(c.unk), Degraded: sec(c.deg)}
			if y != want {
				t.Errorf("got %v, want %v\n%v", y, want, line)
			}
			if n := len(line.Outages()); n != c.outages {
				t.Errorf("got %d outages, want %d: %v", n, c.outages, line.Outages())
			}
		})
	}
}

func sec(n int) time.Duration { return time.Duration(n) * time.Second }

func TestNoIntervalIsUnknown(t *testing.T) {
	y := CheckTimeline(every(0, 100, probes.Up), 0, period(0, 100)).Tally()
	if y[Unknown] != sec(100) {
		t.Errorf("without an interval a look says nothing of the time after it: %v", y)
	}
}

func TestOutageAtTheBorders(t *testing.T) {
	// Down since 30 s before the period, still down at its end.
	l := []Sample{since(-5, -30, probes.Down), since(5, -30, probes.Down), since(15, -30, probes.Down)}
	o := CheckTimeline(l, 10*time.Second, period(0, 20)).Outages()
	if len(o) != 1 {
		t.Fatalf("got %v", o)
	}
	if !o[0].Start.Equal(at(0)) || !o[0].Began.Equal(at(-30)) || !o[0].Ongoing || o[0].EndUnseen || o[0].Duration() != sec(20) {
		t.Errorf("got %+v", o[0])
	}
	// The watch stops while it is down: the end is not known, and not ongoing.
	o = CheckTimeline(l, 10*time.Second, period(0, 100)).Outages()
	if len(o) != 1 || o[0].Ongoing || !o[0].EndUnseen || !o[0].End.Equal(at(25)) {
		t.Errorf("got %+v", o)
	}
}

// Our own restart in the middle of an outage must not make two of it; another
// outage after a gap is another one.
func TestOutageOverAGap(t *testing.T) {
	l := []Sample{since(0, 0, probes.Down), since(10, 0, probes.Down), since(60, 0, probes.Down), since(70, 0, probes.Down)}
	line := CheckTimeline(l, 10*time.Second, period(0, 80))
	o := line.Outages()
	if len(o) != 1 || !o[0].Start.Equal(at(0)) || !o[0].End.Equal(at(80)) || !o[0].Ongoing || o[0].Duration() != line.Tally()[Down] {
		t.Errorf("got %+v of\n%v", o, line)
	}
	if line.Tally()[Unknown] == 0 {
		t.Errorf("the gap is counted as known: %v", line)
	}
	l = []Sample{since(0, 0, probes.Down), since(10, 0, probes.Down), since(60, 60, probes.Down), since(70, 60, probes.Down)}
	if o := CheckTimeline(l, 10*time.Second, period(0, 80)).Outages(); len(o) != 2 {
		t.Errorf("got %+v, want two", o)
	}
}

func TestMaintenanceCoversEverything(t *testing.T) {
	line := CheckTimeline(slices.Concat(every(0, 50, probes.Up), every(50, 100, probes.Down)), 10*time.Second, period(0, 100))
	y := line.Maintain([]Span{{From: at(40), To: at(60)}, {From: at(55), To: at(70)}, {From: at(-99), To: at(-9)}, {From: at(95), To: at(500)}}).Tally()
	want := Tally{Up: sec(40), Maintenance: sec(35), Down: sec(25)}
	if y != want {
		t.Errorf("got %v, want %v", y, want)
	}
}

func TestPercentNeverRoundsUp(t *testing.T) {
	day := 24 * time.Hour
	cases := []struct {
		r    Ratio
		dec  int
		want string
	}{
		{Ratio{Good: 100 * day, Of: 100 * day}, 2, "100.00"},
		{Ratio{Good: 100*day - time.Nanosecond, Of: 100 * day}, 2, "99.99"},
		{Ratio{Good: 400*day - 1, Of: 400 * day}, 6, "99.999999"},
		{Ratio{Good: 99996, Of: 100000}, 2, "99.99"},
		{Ratio{Good: 1, Of: 100000}, 2, "0.00"},
		{Ratio{Good: 0, Of: day}, 2, "0.00"},
		{Ratio{Good: 7, Of: 100}, 2, "7.00"},
		{Ratio{Good: 999, Of: 1000}, 0, "99"},
		{Ratio{}, 2, ""},
	}
	for _, c := range cases {
		if got := c.r.Percent(c.dec); got != c.want {
			t.Errorf("%v with %d decimals: got %q, want %q", c.r, c.dec, got, c.want)
		}
	}
}

func TestMeanWeighsSystemsAlikeAndSkipsUnknown(t *testing.T) {
	m := Mean([]Ratio{{Good: 1, Of: 1}, {Good: 0, Of: 99}, {}})
	if got := m.Percent(2); got != "50.00" {
		t.Errorf("got %s", got)
	}
	if Mean([]Ratio{{}, {}}).Known() {
		t.Error("the mean of nothing is known")
	}
	if got := Mean([]Ratio{{Good: 1, Of: 1}, {Good: 1<<50 - 1, Of: 1 << 50}}).Percent(2); got != "99.99" {
		t.Errorf("a mean with downtime in it reads %s", got)
	}
}

// FuzzCheckTimeline holds the promises for any history: the classes sum to the
// period, the slices tile it, the outages sum to Down, the pessimistic figure
// is never the better one, and 100 % means no downtime.
func FuzzCheckTimeline(f *testing.F) {
	f.Add([]byte{0, 1, 0, 10, 1, 0, 20, 3, 5, 30, 3, 5, 40, 1, 2}, uint8(10), uint8(40), uint8(9))
	f.Add([]byte{200, 3, 255, 0, 1, 1}, uint8(0), uint8(1), uint8(200))
	f.Fuzz(func(t *testing.T, raw []byte, interval, length, window uint8) {
		p := period(20, 21+int(length))
		var l []Sample
		for ; len(raw) >= 3; raw = raw[3:] {
			n := int(raw[0])
			l = append(l, Sample{At: at(n), Verdict: probes.Verdict(raw[1] % 5), Since: at(n - int(int8(raw[2])))})
		}
		line := CheckTimeline(l, sec(int(interval)), p)
		tile(t, line, p)
		raws := line
		line = line.Maintain([]Span{{From: at(int(window)), To: at(int(window) + 30)}, {From: at(int(window) + 7), To: at(int(window) + 9)}})
		tile(t, line, p)
		both := Combine([]Timeline{raws, CheckTimeline(l[len(l)/2:], sec(1+int(interval)/2), p)}, p, func(now []Slice) Slice {
			return worst(now, []string{"a", "b"}, p)
		})
		tile(t, both, p)
		tile(t, Combine([]Timeline{line, both, line}, p, quorum), p)
		if both.Tally()[Down] < raws.Tally()[Down] {
			t.Errorf("joining checks lost downtime: %v < %v", both.Tally(), raws.Tally())
		}
	})
}

func tile(t *testing.T, line Timeline, p Period) {
	t.Helper()
	end := p.From
	for _, s := range line {
		if !s.From.Equal(end) || !s.To.After(s.From) {
			t.Fatalf("hole, overlap or empty slice at %v: %v", s, line)
		}
		if s.Began.After(s.From) {
			t.Fatalf("%v began after it began to count", s)
		}
		end = s.To
	}
	y := line.Tally()
	if !end.Equal(p.To) || y.Total() != p.Length() {
		t.Fatalf("%v does not cover %v", line, p)
	}
	var down time.Duration
	for _, o := range line.Outages() {
		down += o.Duration()
	}
	if down != y[Down] {
		t.Fatalf("outages sum to %v, down is %v", down, y[Down])
	}
	a, q := y.Availability(), y.Pessimistic()
	if a.Known() && q.Known() && q.Float() > a.Float()+1e-12 {
		t.Fatalf("pessimistic %v above %v", q, a)
	}
	if y[Down] > 0 && a.Percent(2) == "100.00" {
		t.Fatalf("%v of downtime reads 100.00", y[Down])
	}
}
