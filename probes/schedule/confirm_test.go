package schedule

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"watchpost.example/probes"
)

// t0 is when the tests' histories begin; look k is made k minutes later.
var t0 = time.Date(2026, 2, 14, 0, 0, 0, 0, time.UTC)

func at(k int) time.Time { return t0.Add(time.Duration(k) * time.Minute) }

// verdictOf reads the tests' notation: U up, G degraded, D down, ? unknown.
func verdictOf(r byte) probes.Verdict {
	return probes.Verdict(strings.IndexByte("?UGD", r))
}

func letter(v probes.Verdict) string { return string("?UGD"[v]) }

func lookOf(r byte, k int) *probes.Observation {
	o := &probes.Observation{At: at(k), Verdict: verdictOf(r)}
	switch r {
	case 'D':
		o.Reason = probes.TCPRefused
	case 'G':
		o.Reason = probes.PartlyDown
	case '?':
		o.Reason = probes.OursNoRoute
	}
	return o
}

// play gives the held verdict after each look, and the last Track. The first
// look is number 1; the Track is made at minute 0.
func play(t Track, looks string, c probes.Confirm) (string, Track) {
	var held strings.Builder
	for k := range len(looks) {
		t = t.Next(lookOf(looks[k], k+1), c)
		held.WriteString(letter(t.State.Verdict))
	}
	return held.String(), t
}

func TestConfirm(t *testing.T) {
	three2 := probes.Confirm{Down: 3, Up: 2}
	for _, tc := range []struct {
		name, looks, held string
		confirm           probes.Confirm
		since             int // minute of the last State's Since
		pending           bool
	}{
		{name: "never looked, good at once", looks: "U", held: "U", since: 1},
		{name: "never looked, bad needs confirming", looks: "DDD", held: "??D", since: 1},
		{name: "never looked, first bad look", looks: "D", held: "?", since: 0, pending: true},
		{name: "blip", looks: "UDUDDU", held: "UUUUUU", since: 1},
		{name: "outage begins at its first failed look", looks: "UDDD", held: "UUUD", since: 2},
		{name: "one good look is not recovery", looks: "UDDDU", held: "UUUDD", since: 2, pending: true},
		{name: "flutter while down", looks: "UDDDUDUD", held: "UUUDDDDD", since: 2},
		{name: "recovery begins at its first good look", looks: "UDDDUU", held: "UUUDDU", since: 5},
		{name: "degraded", looks: "UGGG", held: "UUUG", since: 2},
		{name: "mixed is the milder", looks: "UDGD", held: "UUUG", since: 2, pending: true},
		{name: "degraded, then down from its own first look", looks: "UGDDD", held: "UUUGD", since: 3},
		{name: "down, then degraded", looks: "DDDGG", held: "??DDG", since: 4},
		{name: "down, up, degraded: no longer down", looks: "DDDUG", held: "??DDG", since: 4},
		{name: "degraded, wavering between worse and better", looks: "GGGDUDU", held: "??GGGGG", since: 1, pending: true},
		{name: "unknown breaks no run", looks: "UD?DD", held: "UUUUD", since: 2},
		{name: "unknown confirms nothing", looks: "UD?D", held: "UUUU", since: 1, pending: true},
		{name: "down stays down for a short blindness", looks: "DDD??", held: "??DDD", since: 1, pending: true},
		{name: "and no longer", looks: "DDD???", held: "??DDD?", since: 4},
		{name: "green does not outlive it either", looks: "U???", held: "UUU?", since: 2},
		{name: "scattered blindness", looks: "U??U??U", held: "UUUUUUU", since: 1},
		{name: "down seen again at once", looks: "DDD???D", held: "??DDD?D", since: 7},
		{name: "up seen again at once", looks: "U???U", held: "UUU?U", since: 5},
		{name: "recovery after blindness is confirmed too", looks: "DDD???UU", held: "??DDD??U", since: 7},
		{name: "outage after blindness is confirmed too", looks: "U???DDD", held: "UUU???D", since: 5},
		{name: "blindness ends old runs", looks: "UDD???DD", held: "UUUUU???", since: 4, pending: true},
		{name: "blind from the start", looks: "???DDD", held: "?????D", since: 4},
		{name: "one down, one up", looks: "UDU", held: "UDU", confirm: probes.Confirm{Down: 1, Up: 1}, since: 3},
		{name: "zero counts as one", looks: "UDU", held: "UDU", confirm: probes.Confirm{Recheck: time.Second}, since: 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := tc.confirm
			if c == (probes.Confirm{}) {
				c = three2
			}
			held, end := play(NewTrack(at(0)), tc.looks, c)
			if held != tc.held {
				t.Errorf("looks %s: held %s, want %s", tc.looks, held, tc.held)
			}
			if !end.State.Since.Equal(at(tc.since)) {
				t.Errorf("looks %s: since %v, want %v", tc.looks, end.State.Since, at(tc.since))
			}
			if end.State.Pending != tc.pending {
				t.Errorf("looks %s: pending %v", tc.looks, end.State.Pending)
			}
		})
	}
}

func TestConfirmRestored(t *testing.T) {
	was := func(v probes.Verdict) probes.State {
		return probes.State{Verdict: v, Reason: probes.TCPTimeout, Since: at(-30), Pending: true}
	}
	for _, tc := range []struct {
		from     probes.Verdict
		looks    string
		held     string
		since    int
		restored bool
	}{
		{probes.Down, "", "", -30, true},
		{probes.Down, "D", "D", -30, false},
		{probes.Down, "U", "D", -30, true},
		{probes.Down, "UU", "DU", 1, false},
		{probes.Down, "???", "DD?", 1, false},
		{probes.Up, "DDD", "UUD", 1, false},
		{probes.Degraded, "G", "G", -30, false},
		{probes.Degraded, "UU", "GU", 1, false},
		{probes.Unknown, "U", "U", 1, false},
		{probes.Verdict(77), "U", "U", 1, false},
	} {
		t.Run(fmt.Sprintf("%v %s", tc.from, tc.looks), func(t *testing.T) {
			held, end := play(Restored(was(tc.from), at(0)), tc.looks, probes.Confirm{Down: 3, Up: 2})
			if held != tc.held || end.State.Restored != tc.restored || !end.State.Since.Equal(at(tc.since)) {
				t.Errorf("held %s restored %v since %v, want %s %v %v", held, end.State.Restored, end.State.Since,
					tc.held, tc.restored, at(tc.since))
			}
		})
	}
	if s := Restored(probes.State{Verdict: probes.Up, Since: at(9)}, at(0)).State; !s.Since.Equal(at(0)) {
		t.Errorf("restored from the future: since %v", s.Since)
	}
	if s := NewTrack(at(0)).State; s.Reason != probes.OursRestart || s.Verdict != probes.Unknown {
		t.Errorf("never looked: %+v", s)
	}
}

// TestConfirmReason: the reason of the confirming look stands until another has
// lasted; the detail of the same reason is kept fresh; Up has nothing to say.
func TestConfirmReason(t *testing.T) {
	tr, c := NewTrack(at(0)), probes.Confirm{Down: 2, Up: 1}
	step := func(k int, why probes.Reason, detail string) {
		tr = tr.Next(&probes.Observation{At: at(k), Verdict: probes.Down, Reason: why, Detail: detail}, c)
	}
	want := func(why probes.Reason, detail string) {
		t.Helper()
		if tr.State.Reason != why || tr.State.Detail != detail {
			t.Errorf("says %q %q, want %q %q", tr.State.Reason, tr.State.Detail, why, detail)
		}
	}
	step(1, probes.TCPTimeout, "a")
	step(2, probes.TCPRefused, "b")
	want(probes.TCPRefused, "b")
	step(3, probes.TCPRefused, "c")
	want(probes.TCPRefused, "c")
	step(4, probes.TCPReset, "d")
	want(probes.TCPRefused, "c")
	step(5, probes.TCPTimeout, "e")
	want(probes.TCPRefused, "c")
	step(6, probes.TCPTimeout, "f")
	want(probes.TCPTimeout, "f")
	tr = tr.Next(&probes.Observation{At: at(7), Verdict: probes.Up, Detail: "fine"}, c)
	want(probes.OK, "")
}

// TestConfirmExhaustive tries every history of seven looks against what the
// algebra promises, told in other words than the code's.
func TestConfirmExhaustive(t *testing.T) {
	const n = 7
	for _, c := range []probes.Confirm{{Down: 1, Up: 1}, {Down: 2, Up: 1}, {Down: 2, Up: 3}, {Down: 3, Up: 2}} {
		for code := range 1 << (2 * n) {
			looks := make([]byte, n)
			for k := range n {
				looks[k] = "?UGD"[code>>(2*k)&3]
			}
			checkHistory(t, string(looks), c)
			if t.Failed() {
				return
			}
		}
	}
}

func checkHistory(t *testing.T, looks string, c probes.Confirm) {
	t.Helper()
	tr := NewTrack(at(0))
	held := ""
	for k := range len(looks) {
		before := tr
		tr = tr.Next(lookOf(looks[k], k+1), c)
		held += letter(tr.State.Verdict)
		past, now := looks[:k+1], tr.State
		if now.Since.Before(before.State.Since) {
			t.Errorf("%s %+v: since goes backwards", past, c)
		}
		if now.Verdict == before.State.Verdict && !now.Since.Equal(before.State.Since) {
			t.Errorf("%s %+v: since moved without a change", past, c)
		}
		if now.Pending != (now.Verdict != verdictOf(past[k])) {
			t.Errorf("%s %+v: pending %v", past, c, now.Pending)
		}
		if blind := strings.Repeat("?", c.Down); strings.HasSuffix(past, blind) && now.Verdict != probes.Unknown {
			t.Errorf("%s %+v: holds %v while blind", past, c, now.Verdict)
		}
		if past[k] != '?' && now.Verdict != before.State.Verdict && now.Verdict == probes.Down &&
			!strings.Contains(held, "D?") && !allLast(past, 'D', c.Down) {
			t.Errorf("%s %+v: down without %d failures", past, c, c.Down)
		}
	}
	if strings.Contains(looks, "?") {
		return
	}
	if want := oracle(looks, c); held != want {
		t.Errorf("%s %+v: held %s, want %s", looks, c, held, want)
	}
}

// allLast tells whether the last n looks that are not Unknown are all r.
func allLast(looks string, r byte, n int) bool {
	known := strings.ReplaceAll(looks, "?", "")
	return strings.HasSuffix(known, strings.Repeat(string(r), n))
}

// oracle says what is held in a history without Unknown, by searching each
// prefix backwards for the last run long enough to decide each question.
func oracle(looks string, c probes.Confirm) string {
	var out strings.Builder
	for k := 1; k <= len(looks); k++ {
		past := looks[:k]
		impaired, down := lastRun(past, "GD", "U", c), lastRun(past, "D", "UG", c)
		switch {
		case down:
			out.WriteByte('D')
		case impaired:
			out.WriteByte('G')
		case strings.Contains(past, "U"):
			out.WriteByte('U')
		default:
			out.WriteByte('?') // nothing good seen yet, nothing bad confirmed
		}
	}
	return out.String()
}

func lastRun(past, bad, good string, c probes.Confirm) bool {
	for end := len(past); end > 0; end-- {
		head := past[:end]
		if len(head)-len(strings.TrimRight(head, bad)) >= c.Down {
			return true
		}
		if len(head)-len(strings.TrimRight(head, good)) >= c.Up {
			return false
		}
	}
	return false
}
