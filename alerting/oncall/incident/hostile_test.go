package incident

import (
	"slices"
	"testing"
	"time"

	"watchpost.example/alerting/oncall/roster"
)

// apply applies an event a time after t0.
func apply(t *testing.T, in Incident, after time.Duration, policy string, ev Event) (Incident, []Command) {
	t.Helper()
	return Apply(in, ev, world(policy, t0.Add(after)))
}

func tagged(fingerprint, severity string, since, ended time.Time) Alert {
	return Alert{Fingerprint: fingerprint, Severity: severity, Unit: "u" + fingerprint, Since: since, Ended: ended}
}

// Alertmanager repeats a webhook that was not answered in time; the end of the
// earlier time may so come after the beginning of the new one.
func TestLateEndOfAnEarlierTimeEndsNothing(t *testing.T) {
	in, _ := start("critical")
	in, _ = apply(t, in, time.Minute, "critical", Alerts{Group{Key: "g", Alerts: []Alert{tagged("0", "critical", t0, t0.Add(time.Minute))}}})
	again := Group{Key: "g", Alerts: []Alert{tagged("0", "critical", t0.Add(150*time.Second), time.Time{})}}
	in, _ = apply(t, in, 3*time.Minute, "critical", Alerts{again})
	late := Group{Key: "g", Alerts: []Alert{tagged("0", "critical", t0, t0.Add(time.Minute))}}
	in, cmds := apply(t, in, 4*time.Minute, "critical", Alerts{late})
	if in.Status != Open || in.NextAt.IsZero() || len(cmds) != 0 {
		t.Errorf("a late end closed the incident: %s, %v", in.Status, cmds)
	}
	real := Group{Key: "g", Alerts: []Alert{tagged("0", "critical", t0.Add(150*time.Second), t0.Add(5*time.Minute))}}
	if in, _ = apply(t, in, 5*time.Minute, "critical", Alerts{real}); in.Status != Resolved {
		t.Errorf("its own end did not: %s", in.Status)
	}
}

// max_alerts cuts a group in label order: what is shown may all have ended while
// what was cut off still fires.
func TestCutGroupIsNotARecovery(t *testing.T) {
	in, _ := Start(Incident{ID: "i", Severity: "critical", Groups: []Group{alerts(3, time.Time{})}}, world("critical", t0))
	shown := alerts(2, t0.Add(time.Minute))
	shown.Cut = 1
	in, cmds := apply(t, in, time.Minute, "critical", Alerts{shown})
	if in.Status != Open || in.Firing() != 1 || len(pages(cmds)) != 0 {
		t.Fatalf("%s with %d firing, %v", in.Status, in.Firing(), pages(cmds))
	}
	if in, _ = apply(t, in, 2*time.Minute, "critical", Alerts{alerts(3, t0.Add(2*time.Minute))}); in.Status != Resolved {
		t.Errorf("the whole list with every end: %s", in.Status)
	}
}

func TestLongListKeepsWhatFires(t *testing.T) {
	g := alerts(MaxAlerts+50, t0.Add(time.Second))
	g.Alerts[MaxAlerts+10].Ended = time.Time{}
	in, _ := start("critical")
	in, _ = apply(t, in, time.Minute, "critical", Alerts{g})
	if in.Status != Open || in.Firing() != 1 || in.Groups[0].Cut != 0 || len(in.Groups[0].Alerts) != MaxAlerts {
		t.Errorf("%s, %d firing, %d cut, %d kept", in.Status, in.Firing(), in.Groups[0].Cut, len(in.Groups[0].Alerts))
	}
	in, _ = apply(t, in, 2*time.Minute, "critical", Alerts{alerts(MaxAlerts+50, time.Time{})})
	if in.Groups[0].Cut != 50 {
		t.Errorf("%d firing ones are said to be left out, want 50", in.Groups[0].Cut)
	}
}

// The critical alert of a group ends, a note-worthy one stays: no page is due,
// and the clock must not spin on one that was.
func TestSeverityThatFallsToTheReportRests(t *testing.T) {
	in, _ := Start(Incident{ID: "i", Groups: []Group{{Key: "g", Alerts: []Alert{tagged("0", "critical", t0, time.Time{}), tagged("1", "info", t0, time.Time{})}}}}, world("critical", t0))
	in, _ = apply(t, in, time.Minute, "critical", Alerts{Group{Key: "g", Alerts: []Alert{tagged("0", "critical", t0, t0.Add(time.Minute)), tagged("1", "info", t0, time.Time{})}}})
	if in.Severity != "info" || in.Status != Open {
		t.Fatalf("%s %s", in.Severity, in.Status)
	}
	in, cmds := apply(t, in, 4*time.Minute, "info", Tick{})
	if !in.NextAt.IsZero() || len(cmds) != 0 {
		t.Errorf("next at %v, %v", in.NextAt, cmds)
	}
	in, cmds = apply(t, in, 5*time.Minute, "critical", Alerts{Group{Key: "g", Alerts: []Alert{tagged("0", "critical", t0.Add(5*time.Minute), time.Time{})}}})
	if len(pages(cmds)) != 4 || in.NextAt.IsZero() {
		t.Errorf("it rose again and paged %v", pages(cmds))
	}
}

func TestSilenceHoldsOverAFlapButNotOverAWorseFault(t *testing.T) {
	warn := func(since, ended time.Time) Alerts {
		return Alerts{Group{Key: "g", Alerts: []Alert{tagged("0", "warning", since, ended)}}}
	}
	in, _ := Start(Incident{ID: "i", Groups: []Group{warn(t0, time.Time{}).Group}}, world("warning", t0))
	until := t0.Add(3 * time.Hour)
	in, _ = apply(t, in, time.Minute, "warning", Silence{Who: "an", Reason: "bao tri", Until: until})
	in, _ = apply(t, in, 2*time.Minute, "warning", warn(t0, t0.Add(2*time.Minute)))
	in, cmds := apply(t, in, 3*time.Minute, "warning", warn(t0.Add(3*time.Minute), time.Time{}))
	if in.Status != Acknowledged || len(cmds) != 0 || !in.NextAt.Equal(until) {
		t.Fatalf("a flap under a silence: %s, %v, next %v", in.Status, pages(cmds), in.NextAt)
	}
	in, cmds = apply(t, in, 4*time.Minute, "critical", Alerts{Group{Key: "g", Alerts: []Alert{tagged("0", "critical", t0.Add(3*time.Minute), time.Time{})}}})
	if in.Status != Open || len(pages(cmds)) != 4 || !in.SilencedUntil.IsZero() {
		t.Fatalf("a worse fault under a silence: %s, %v, silenced until %v", in.Status, pages(cmds), in.SilencedUntil)
	}
	in, _ = apply(t, in, 5*time.Minute, "critical", Take{Who: "an", How: "sms"})
	if !in.NextAt.Equal(t0.Add(65 * time.Minute)) {
		t.Errorf("the old silence lengthens the acknowledgement to %v", in.NextAt)
	}
}

// At night a warning waits; a person who sends it up or cannot take it is not
// told to wait for the morning.
func TestPersonIsNotBoundByWakingHours(t *testing.T) {
	night := time.Date(2026, 8, 29, 23, 0, 0, 0, t0.Location())
	for _, ev := range []Event{Escalate{Who: "an", How: "web"}, Decline{Who: "an", How: "web"}} {
		in, cmds := Start(Incident{ID: "i", Severity: "warning"}, world("warning", night))
		if len(cmds) != 0 {
			t.Fatalf("%v at night", cmds)
		}
		in, cmds = Apply(in, ev, world("warning", night.Add(time.Minute)))
		if !slices.Contains(pages(cmds), "binh sms alert") {
			t.Errorf("%T: %v, next %v", ev, pages(cmds), in.NextAt)
		}
	}
}

// Both must acknowledge, and the roster changes in between.
func TestBothOverChangesOfTheRoster(t *testing.T) {
	both := func(officers ...string) World {
		w := world("critical", t0.Add(time.Minute))
		w.Policy.Both, w.Duty = true, roster.Duty{Officers: officers, Deputy: "chi", Hotline: "hotline"}
		return w
	}
	for _, tt := range []struct {
		name string
		duty []string
		acks []string
		want Status
	}{
		{"one of two", []string{"an", "binh"}, []string{"an"}, Open},
		{"the same twice", []string{"an", "binh"}, []string{"an", "an"}, Open},
		{"both", []string{"an", "binh"}, []string{"an", "binh"}, Acknowledged},
		{"one alone on duty", []string{"an"}, []string{"an"}, Acknowledged},
		{"nobody on duty", nil, []string{"an"}, Acknowledged},
		{"the deputy", []string{"an", "binh"}, []string{"chi"}, Acknowledged},
		{"another took binh's place", []string{"an", "dung"}, []string{"an", "dung"}, Acknowledged},
	} {
		in, _ := Start(Incident{ID: "i", Severity: "critical", Groups: []Group{alerts(1, time.Time{})}}, both("an", "binh"))
		for _, a := range tt.acks {
			in, _ = Apply(in, Take{Who: a, How: "sms"}, both(tt.duty...))
		}
		if in.Status != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, in.Status, tt.want)
		}
	}
	// One cannot: the other is enough.
	in, _ := Start(Incident{ID: "i", Severity: "critical", Groups: []Group{alerts(1, time.Time{})}}, both("an", "binh"))
	in, _ = Apply(in, Decline{Who: "binh", How: "sms"}, both("an", "binh"))
	if in, _ = Apply(in, Take{Who: "an", How: "sms"}, both("an", "binh")); in.Status != Acknowledged {
		t.Errorf("with binh unable, an's acknowledgement: %s", in.Status)
	}
}

// The ladder is cut shorter while an incident stands on a step that is gone.
func TestShorterLadderGoesOnWithTheNextRound(t *testing.T) {
	in, _ := start("critical")
	for _, d := range []time.Duration{3 * time.Minute, 5 * time.Minute, 10 * time.Minute} {
		in, _ = apply(t, in, d, "critical", Tick{})
	}
	w := world("critical", t0.Add(15*time.Minute))
	w.Policy.Steps, w.Policy.Again = w.Policy.Steps[:1], time.Minute
	in, cmds := Apply(in, Tick{}, w)
	if len(pages(cmds)) == 0 || in.Round != 2 || !in.NextAt.After(w.Now) {
		t.Errorf("round %d, next %v, %v", in.Round, in.NextAt, pages(cmds))
	}
}

// What was acknowledged in one shift and expires in the next wakes those who
// watch then.
func TestExpiryPagesThoseOnDutyThen(t *testing.T) {
	in, _ := start("critical")
	in, _ = apply(t, in, time.Minute, "critical", Take{Who: "an", How: "sms"})
	w := world("critical", t0.Add(61*time.Minute))
	w.Duty = roster.Duty{Officers: []string{"dung", "em"}, Deputy: "chi", Hotline: "hotline"}
	_, cmds := Apply(in, Tick{}, w)
	if got := pages(cmds); !slices.Equal(got, []string{"dung sms alert", "dung push alert", "em sms alert", "em push alert"}) {
		t.Errorf("%v", got)
	}
}

// A step to the hotline where there is none brings nobody, and the ladder must
// not stop or spin there.
func TestHotlineStepWithoutAHotline(t *testing.T) {
	w := world("critical", t0)
	w.Duty.Hotline = ""
	in, _ := Start(Incident{ID: "i", Severity: "critical", Groups: []Group{alerts(1, time.Time{})}}, w)
	for _, d := range []time.Duration{3 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute} {
		w.Now = t0.Add(d)
		in, _ = Apply(in, Tick{}, w)
	}
	if !slices.ContainsFunc(in.Timeline, func(l Line) bool { return l.What == Nobody }) || !in.NextAt.Equal(t0.Add(20*time.Minute)) {
		t.Errorf("next %v, %v", in.NextAt, in.Timeline[len(in.Timeline)-1])
	}
}

func TestRoundsAreCounted(t *testing.T) {
	w := world("warning", t0)
	in, cmds := Start(Incident{ID: "i", Severity: "warning", Groups: []Group{alerts(1, time.Time{})}}, w)
	rounds := 0
	for !in.NextAt.IsZero() && rounds < 20 {
		if len(pages(cmds)) > 0 {
			rounds++
		}
		w.Now = in.NextAt
		in, cmds = Apply(in, Tick{}, w)
	}
	if rounds != w.Policy.Rounds || in.Timeline[len(in.Timeline)-1].What != GaveUp {
		t.Errorf("%d rounds, want %d; last %+v", rounds, w.Policy.Rounds, in.Timeline[len(in.Timeline)-1])
	}
}

func TestWhoCouldNotIsAskedAgainInTheNextRound(t *testing.T) {
	in, _ := start("critical")
	in, _ = apply(t, in, time.Minute, "critical", Decline{Who: "an", How: "sms"})
	for d := 2 * time.Minute; d < 15*time.Minute; d += time.Minute {
		var cmds []Command
		in, cmds = apply(t, in, d, "critical", Tick{})
		if slices.Contains(pages(cmds), "an voice alert") {
			t.Fatalf("an, who cannot, is called after %s", d)
		}
	}
	for d := 15 * time.Minute; d < 40*time.Minute; d += time.Minute {
		var cmds []Command
		if in, cmds = apply(t, in, d, "critical", Tick{}); slices.Contains(pages(cmds), "an sms alert") {
			return
		}
	}
	t.Error("an is never asked again")
}

func TestOneOfTwoWhoTookItGivesItBack(t *testing.T) {
	in, _ := start("critical")
	in, _ = apply(t, in, time.Minute, "critical", Take{Who: "an", How: "sms"})
	in, _ = apply(t, in, time.Minute, "critical", Take{Who: "binh", How: "sms"})
	in, cmds := apply(t, in, 2*time.Minute, "critical", Decline{Who: "an", How: "sms"})
	if in.Status != Acknowledged || len(pages(cmds)) != 0 {
		t.Fatalf("binh still has it: %s, %v", in.Status, pages(cmds))
	}
	in, cmds = apply(t, in, 3*time.Minute, "critical", Decline{Who: "binh", How: "sms"})
	if in.Status != Open || len(pages(cmds)) == 0 {
		t.Errorf("nobody has it: %s, %v", in.Status, pages(cmds))
	}
}

// A step's failure that is known late must not skip the step that is due next.
func TestLateFailureOfAnOldStepSkipsNothing(t *testing.T) {
	in, _ := start("critical")
	in, _ = apply(t, in, 3*time.Minute, "critical", Tick{})
	in, cmds := apply(t, in, 4*time.Minute, "critical", Undelivered{Round: 1, Step: 0, Why: "x"})
	if len(pages(cmds)) != 0 || !in.NextAt.Equal(t0.Add(5*time.Minute)) {
		t.Errorf("%v, next %v", pages(cmds), in.NextAt)
	}
	_, cmds = apply(t, in, 4*time.Minute, "critical", Undelivered{Round: 1, Step: 1, Why: "x"})
	if !slices.Equal(pages(cmds), []string{"binh voice alert"}) {
		t.Errorf("%v", pages(cmds))
	}
}

func TestGrowthIsToldNotTooOften(t *testing.T) {
	in, _ := start("critical")
	in, _ = apply(t, in, time.Minute, "critical", Take{Who: "an", How: "sms"})
	told := 0
	for i := range 10 {
		var cmds []Command
		in, cmds = apply(t, in, 5*time.Minute+time.Duration(i)*time.Minute, "critical", Alerts{alerts(i+2, time.Time{})})
		told += len(pages(cmds))
	}
	if told != 4 {
		t.Errorf("told %d times in ten minutes, want every third", told)
	}
}

func TestTakingWhatIsSilencedKeepsTheSilence(t *testing.T) {
	in, _ := start("critical")
	until := t0.Add(5 * time.Hour)
	in, _ = apply(t, in, time.Minute, "critical", Silence{Who: "an", Reason: "x", Until: until})
	in, _ = apply(t, in, 2*time.Minute, "critical", Take{Who: "binh", How: "sms"})
	if !in.NextAt.Equal(until) {
		t.Errorf("next %v, want the end of the silence", in.NextAt)
	}
	// The clock is set back by two hours over a restart: the silence still ends
	// when the person said, and nobody is paged before.
	now := t0.Add(-2 * time.Hour)
	if back := in.NotAhead(now); back < 2*time.Hour {
		t.Fatalf("back by %s", back)
	}
	w := world("critical", in.NextAt)
	in, cmds := Apply(in, Tick{}, w)
	if len(pages(cmds)) != 0 || !in.NextAt.Equal(until) {
		t.Errorf("paged %v in a silence; next %v", pages(cmds), in.NextAt)
	}
}
