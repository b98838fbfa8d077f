package incident

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"watchpost.example/alerting/oncall/ladder"
	"watchpost.example/alerting/oncall/roster"
)

var t0 = time.Date(2026, 8, 29, 10, 0, 0, 0, time.FixedZone("ICT", 7*3600))

func world(policy string, now time.Time) World {
	return World{
		Now: now, Policy: ladder.Default().Named(policy),
		Duty: roster.Duty{Officers: []string{"an", "binh"}, Deputy: "chi", Hotline: "hotline"},
	}
}

func alerts(n int, ended time.Time) Group {
	g := Group{Key: "g"}
	for i := range n {
		g.Alerts = append(g.Alerts, Alert{Fingerprint: fmt.Sprint(i), Severity: "critical", Unit: fmt.Sprintf("u%d", i), Since: t0, Ended: ended})
	}
	return g
}

func start(policy string) (Incident, []Command) {
	return Start(Incident{ID: "i", Code: "7421", Severity: "critical", Groups: []Group{alerts(1, time.Time{})}}, world(policy, t0))
}

func pages(cmds []Command) []string {
	var out []string
	for _, c := range cmds {
		if p, ok := c.(Page); ok {
			out = append(out, p.Person+" "+p.By+" "+p.Kind)
		}
	}
	return out
}

func TestStartPagesBothOfficers(t *testing.T) {
	in, cmds := start("critical")
	if d := cmp.Diff([]string{"an sms alert", "an push alert", "binh sms alert", "binh push alert"}, pages(cmds)); d != "" {
		t.Error(d)
	}
	if in.Status != Open || !in.NextAt.Equal(t0.Add(3*time.Minute)) || in.Round != 1 || in.Step != 1 {
		t.Errorf("%s, next %v, %d.%d", in.Status, in.NextAt, in.Round, in.Step)
	}
}

// move is a letter of the alphabet of the exhaustive test.
type move struct {
	name string
	pass time.Duration
	ev   Event
}

func alphabet() []move {
	return []move{
		{"1m", time.Minute, Tick{}},
		{"6m", 6 * time.Minute, Tick{}},
		{"61m", 61 * time.Minute, Tick{}},
		{"take an", time.Second, Take{"an", "voice"}},
		{"take binh", time.Second, Take{"binh", "sms"}},
		{"take chi", time.Second, Take{"chi", "web"}},
		{"up", time.Second, Escalate{"an", "voice"}},
		{"cannot an", time.Second, Decline{"an", "voice"}},
		{"cannot binh", time.Second, Decline{"binh", "voice"}},
		{"repeat", time.Second, Again{"an", "voice"}},
		{"recover", time.Second, Alerts{alerts(1, t0.Add(time.Hour))}},
		{"fire", time.Second, Alerts{alerts(1, time.Time{})}},
		{"grow", time.Second, Alerts{alerts(3, time.Time{})}},
		{"silence", time.Second, Silence{Who: "an", Reason: "x", Until: t0.Add(2 * time.Hour)}},
		{"note", time.Second, Note{"an", "x"}},
		{"undelivered", time.Second, Undelivered{Round: 1, Step: 0, Why: "x"}},
		{"close", time.Second, Close{"an", "x"}},
		{"merge", time.Second, Merge{"s"}},
		{"handover", time.Second, Handover{[]string{"an"}, []string{"chi"}}},
	}
}

// Every sequence of four events (three for the lesser policies) keeps the promises.
func TestEverySequenceKeepsThePromises(t *testing.T) {
	for _, policy := range []string{"critical", "shift-test", "info"} {
		depth := map[string]int{"critical": 4, "shift-test": 3, "info": 3}[policy]
		for _, b := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/both=%v", policy, b), func(t *testing.T) {
				in, _ := start(policy)
				if policy == "shift-test" {
					in, _ = Start(Incident{ID: "i", Code: "1", Kind: KindTest, Title: "x", Severity: "warning"}, world(policy, t0))
				}
				w := world(policy, t0)
				if b {
					w.Policy.Both = true
				}
				walk(t, in, w, nil, depth)
			})
		}
	}
}

func walk(t *testing.T, in Incident, w World, path []string, depth int) {
	t.Helper()
	if depth == 0 || t.Failed() {
		return
	}
	for _, m := range alphabet() {
		x := w
		x.Now = w.Now.Add(m.pass)
		out, cmds := Apply(in, m.ev, x)
		p := append(slices.Clone(path), m.name)
		if bad := promises(in, out, cmds, x, m); bad != "" {
			t.Errorf("%s: %s", strings.Join(p, ", "), bad)
			return
		}
		walk(t, out, x, p, depth-1)
	}
}

// promises gives the first that is broken.
func promises(in, out Incident, cmds []Command, w World, m move) string {
	climbs := len(w.Policy.Steps) > 0
	switch {
	case out.Status == Open && climbs && out.NextAt.IsZero() && w.Policy.Rounds == 0:
		return "open, and nobody will ever be paged again"
	case !out.Status.Live() && !out.NextAt.IsZero():
		return "over, and still has something to do"
	case out.Status == Acknowledged && w.Policy.AckExpires > 0 && out.NextAt.IsZero() && out.Kind == KindAlert:
		return "an acknowledgement that never expires"
	case out.Status == Acknowledged && len(out.Acks) == 0:
		return "acknowledged by nobody"
	case !in.Status.Live() && out.Status == Acknowledged && !out.SilencedUntil.After(w.Now):
		return "an incident that is over was acknowledged"
	case out.Logged < in.Logged:
		return "the timeline was cut"
	case m.name == "recover" && out.Status.Live() && out.Kind == KindAlert:
		return "all alerts ended and it is live"
	case in.Status.Live() && m.name == "take chi" && out.Status == Open:
		return "the deputy's acknowledgement is not enough"
	case in.Status == Open && m.name == "take an" && !w.Policy.Both && out.Status == Open:
		return "one acknowledgement is not enough where any one is"
	}
	for _, c := range cmds {
		p, ok := c.(Page)
		if !ok {
			continue
		}
		rings := p.Kind == "alert" && p.Step >= 0 || p.Kind == "test"
		switch {
		case p.Person == "":
			return "a page to nobody"
		case rings && out.Status != Open && m.name != "repeat":
			return "a page of the ladder though it is " + string(out.Status)
		case rings && slices.Contains(out.Unable, p.Person) && m.name != "repeat":
			return "a page to " + p.Person + " who cannot take it"
		case rings && out.HasAcked(p.Person) && m.name != "repeat":
			return "a page to " + p.Person + " who has acknowledged"
		}
	}
	return ""
}

func TestApplyChangesNothingOfItsArgument(t *testing.T) {
	in, _ := start("critical")
	in, _ = Apply(in, Take{"an", "sms"}, world("critical", t0.Add(time.Minute)))
	in.Unable, in.Silences, in.Targets = append(make([]string, 0, 9), "x"), make([]string, 0, 9), make([]string, 0, 9)
	in.Timeline, in.Contacts = append(make([]Line, 0, 99), in.Timeline...), append(make([]Contact, 0, 99), in.Contacts...)
	before, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range alphabet() {
		a, c1 := Apply(in, m.ev, world("critical", t0.Add(2*time.Hour)))
		b, c2 := Apply(in, m.ev, world("critical", t0.Add(2*time.Hour)))
		if d := cmp.Diff(a, b); d != "" {
			t.Errorf("%s: the same event twice gives two things: %s", m.name, d)
		}
		if d := cmp.Diff(c1, c2); d != "" {
			t.Errorf("%s: %s", m.name, d)
		}
		if after, err := json.Marshal(in); err != nil || string(after) != string(before) {
			t.Errorf("%s changed its argument, %v", m.name, err)
		}
	}
}

func TestRaisedSeverityPagesAgain(t *testing.T) {
	g := alerts(1, time.Time{})
	g.Alerts[0].Severity = "warning"
	in, _ := Start(Incident{ID: "i", Severity: "warning", Groups: []Group{g}}, world("warning", t0))
	in, _ = Apply(in, Take{"an", "sms"}, world("warning", t0))
	g = alerts(1, time.Time{})
	in, cmds := Apply(in, Alerts{g}, world("critical", t0.Add(time.Minute)))
	if in.Status != Open || len(pages(cmds)) != 4 || in.Policy != "critical" {
		t.Errorf("%s %v %s", in.Status, pages(cmds), in.Policy)
	}
}

func TestEscalateKeepsTheDistancesOfLaterSteps(t *testing.T) {
	in, _ := start("critical")
	now := t0.Add(30 * time.Second)
	in, cmds := Apply(in, Escalate{"an", "sms"}, world("critical", now))
	if d := cmp.Diff([]string{"an voice alert"}, pages(cmds)); d != "" {
		t.Error(d)
	}
	if want := now.Add(2 * time.Minute); !in.NextAt.Equal(want) {
		t.Errorf("the second call at %v, want %v", in.NextAt, want)
	}
}

func TestTestGivesUpAfterItsRound(t *testing.T) {
	in, _ := Start(Incident{ID: "i", Kind: KindTest, Severity: "warning"}, world("shift-test", t0))
	for now := t0; now.Before(t0.Add(2 * time.Hour)); now = now.Add(time.Minute) {
		in, _ = Apply(in, Tick{}, world("shift-test", now))
	}
	if in.Status != Closed || len(in.Acks) != 0 {
		t.Errorf("%s %v", in.Status, in.Acks)
	}
	if !slices.ContainsFunc(in.Timeline, func(l Line) bool { return l.What == GaveUp }) {
		t.Error("the timeline does not say that nobody answered")
	}
}

func TestEmptyRosterDoesNotSpin(t *testing.T) {
	w := world("critical", t0)
	w.Duty = roster.Duty{}
	in, _ := Start(Incident{ID: "i", Severity: "critical", Groups: []Group{alerts(1, time.Time{})}}, w)
	n := 0
	for range 24 * 60 {
		w.Now = w.Now.Add(time.Minute)
		before := in.Logged
		in, _ = Apply(in, Tick{}, w)
		if in.Logged > before {
			n++
		}
	}
	if n > 24*60/4 {
		t.Errorf("the ladder ran %d times a day with nobody on it", n)
	}
	if len(in.Timeline) > MaxLines {
		t.Errorf("%d lines", len(in.Timeline))
	}
	if in.NextAt.IsZero() {
		t.Error("it gave up: a roster that is mended later would page nobody")
	}
}

func TestLongIncidentStaysBounded(t *testing.T) {
	in, _ := start("critical")
	now := t0
	for range 7 * 24 * 60 {
		now = now.Add(time.Minute)
		in, _ = Apply(in, Tick{}, world("critical", now))
	}
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > 100<<10 {
		t.Errorf("an incident that nobody took for a week has %d bytes", len(b))
	}
}
