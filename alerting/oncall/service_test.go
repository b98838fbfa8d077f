package oncall

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/oncall/incident"
	"watchpost.example/alerting/oncall/journal"
	"watchpost.example/alerting/oncall/roster"
)

func TestStormFoldsIntoOneIncident(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		for i := range 23 {
			r.fire(group(fmt.Sprintf("g%d", i), "critical", r.start, fmt.Sprintf("u%d/cong", i)))
		}
		r.pass(3 * time.Minute)
		in := r.only()
		if !in.Storm || len(in.Units()) != 23 {
			t.Errorf("storm %v with %d units, want one with 23", in.Storm, len(in.Units()))
		}
		bySMS := 0
		for _, s := range r.sms.all() {
			if who(s.address) == "an" {
				bySMS++
			}
		}
		if bySMS > 3 {
			t.Errorf("an got %d SMS for one storm", bySMS)
		}
		// A reply with the code of the first part, which is on the phone, takes the storm.
		first := r.sms.all()[0].page
		r.sms.replies <- alerting.Reply{Channel: "sms", From: "0900000001", Text: "A " + first.Code}
		r.pass(time.Second)
		if in := r.only(); in.Status != incident.Acknowledged {
			t.Errorf("the part's code did not take the storm: %s", in.Status)
		}
		for i := range 23 {
			g := group(fmt.Sprintf("g%d", i), "critical", r.start, fmt.Sprintf("u%d/cong", i))
			r.fire(ended(g, time.Now()))
		}
		if n := len(r.live()); n != 0 {
			t.Errorf("%d live after all units recovered", n)
		}
	})
}

func TestManyIncidentsAreBundled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *Options) { o.Ladder.Storm.Units = 0 })
		for i := range 40 {
			r.fire(group(fmt.Sprintf("g%d", i), "critical", r.start, fmt.Sprintf("u%d/cong", i)))
		}
		r.pass(2*time.Minute + time.Second)
		var an []alerting.Page
		for _, s := range r.sms.all() {
			if who(s.address) == "an" {
				an = append(an, s.page)
			}
		}
		if len(an) != 2 || !strings.Contains(an[1].Short, "39 SU CO") {
			t.Fatalf("an got %d SMS, want the first alone and the rest in one: %+v", len(an), an)
		}
		// The bundle is answered at once.
		r.sms.replies <- alerting.Reply{Channel: "sms", From: "+84900000001", Text: "aa"}
		r.pass(time.Second)
		for _, in := range r.live() {
			if in.Status != incident.Acknowledged {
				t.Errorf("%s is %s after AA", in.Code, in.Status)
			}
		}
	})
}

func TestReplies(t *testing.T) {
	tests := []struct {
		name, from, text string
		want             incident.Status
		what             string
	}{
		{"the code", "+84900000002", "A %s", incident.Acknowledged, "take"},
		{"national number", "0900 000 002", "%s", incident.Acknowledged, "take"},
		{"no code, one incident", "0900000002", "ok", incident.Acknowledged, "take"},
		{"another's code", "0900000002", "A 0000", incident.Open, "no-such-incident"},
		{"unknown sender", "0911111111", "A %s", incident.Open, "unknown-sender"},
		{"a name instead of a number", "VNPT", "A %s", incident.Open, "unknown-sender"},
		{"no command", "0900000002", "alo alo", incident.Open, "not-understood"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, nil)
				r.fire(group("g", "critical", r.start, "stc/cong"))
				r.pass(time.Second)
				text := tt.text
				if strings.Contains(text, "%s") {
					text = fmt.Sprintf(text, r.only().Code)
				}
				r.sms.replies <- alerting.Reply{Channel: "sms", From: tt.from, Text: text}
				r.pass(time.Second)
				if in := r.only(); in.Status != tt.want {
					t.Errorf("status %s, want %s", in.Status, tt.want)
				}
				if !r.journalHas(journal.Reply, tt.what, "") {
					t.Errorf("the journal has no reply %q", tt.what)
				}
				for _, e := range r.entries() {
					if strings.Contains(e.Detail, "900000002") || strings.Contains(e.Detail, "911111111") {
						t.Errorf("a number stands in the journal: %+v", e)
					}
				}
			})
		})
	}
}

func TestShiftChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *Options) {
			start := time.Now()
			o.Roster = roster.New(roster.Roster{Zone: o.Roster.Zone, People: people(), Hotline: "hotline", Shifts: []alerting.Shift{
				{Start: start.Add(-12 * time.Hour), End: start.Add(time.Hour), Officers: []string{"chi"}},
				{Start: start.Add(time.Hour), End: start.Add(13 * time.Hour), Officers: []string{"an", "binh"}, Deputy: "chi"},
			}})
		})
		r.fire(group("g", "critical", r.start, "stc/cong"))
		r.pass(time.Second)
		if err := r.Acknowledge(t.Context(), r.only().ID, "chi", "web"); err != nil {
			t.Fatal(err)
		}
		n := len(r.log())
		r.pass(45 * time.Minute)
		if got := r.log()[n:]; !slices.Contains(got, "45m sms an handover") || !slices.Contains(got, "45m sms binh handover") {
			t.Fatalf("no notice 15 minutes before the shift: %v", got)
		}
		notice := r.sms.all()[len(r.sms.all())-1].page
		if !strings.Contains(notice.Text, "1") || !strings.Contains(notice.Short, "1 su co dang mo") {
			t.Errorf("the notice does not tell of the open incident: %q", notice.Short)
		}
		r.fire(ended(group("g", "critical", r.start, "stc/cong"), time.Now()))
		r.pass(time.Minute)
		n = len(r.log())
		r.pass(15 * time.Minute)
		got := r.log()[n:]
		for _, want := range []string{"60m sms an test", "60m sms binh test"} {
			if !slices.Contains(got, want) {
				t.Errorf("no %q: %v", want, got)
			}
		}
		// an answers, binh does not: he is called, then the deputy.
		r.sms.replies <- alerting.Reply{Channel: "sms", From: "0900000001", Text: "A"}
		r.pass(5 * time.Minute)
		var calls []string
		for _, s := range r.voice.all() {
			calls = append(calls, who(s.address))
		}
		if !slices.Equal(calls, []string{"binh"}) {
			t.Errorf("calls %v, want binh alone", calls)
		}
		r.stop()
		r.boot()
		r.pass(5 * time.Minute)
		tests := 0
		for _, l := range r.log() {
			if strings.HasSuffix(l, "sms an test") {
				tests++
			}
		}
		if tests != 1 {
			t.Errorf("an got %d test pages, want 1 also over a restart", tests)
		}
		if !slices.ContainsFunc(r.log(), func(l string) bool { return strings.HasSuffix(l, "voice chi test") }) {
			t.Errorf("the unanswered test did not go to the deputy: %v", r.log())
		}
	})
}

func TestWatchdogMissingPagesByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *Options) { o.WatchdogWithin = 5 * time.Minute })
		dog := group("{}:{alertname=\"Watchdog\"}", "none", r.start, "")
		dog.Alerts[0].Name = "Watchdog"
		for range 10 {
			r.fire(dog)
			r.pass(time.Minute)
		}
		if got := r.log(); len(got) != 0 {
			t.Fatalf("paged while the watchdog came: %v", got)
		}
		r.pass(5 * time.Minute)
		if !slices.ContainsFunc(r.log(), func(l string) bool { return strings.Contains(l, "sms an alert") }) {
			t.Fatalf("nobody was told that the watchdog stopped: %v", r.log())
		}
		if h := r.Health(); h.OK || !slices.Contains(h.Problems, "no heartbeat of watchdog") {
			t.Errorf("health: %+v", h)
		}
		// Also over a restart it is one incident, and it ends when the dog is back.
		r.stop()
		r.boot()
		r.pass(time.Minute)
		r.only()
		r.fire(dog)
		r.pass(time.Second)
		if n := len(r.live()); n != 0 {
			t.Errorf("%d live incidents after the watchdog came back", n)
		}
	})
}

func TestDrillPlaysAWholeIncidentAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.voice.answering(func(_ context.Context, _ string, p alerting.Page) (alerting.Receipt, error) {
			return alerting.Receipt{Page: p.ID, Status: alerting.Answered, Digits: "1"}, nil
		})
		if _, err := r.Drill(t.Context(), "desk"); err != nil {
			t.Fatal(err)
		}
		r.pass(10 * time.Minute)
		var all []alerting.Page
		for _, p := range []*phone{r.sms, r.voice, r.ntfy} {
			for _, s := range p.all() {
				all = append(all, s.page)
			}
		}
		if len(all) < 5 {
			t.Errorf("only %d pages: %v", len(all), r.log())
		}
		for _, p := range all {
			if p.Kind != "drill" || !strings.HasPrefix(p.Short, "DIEN TAP") || !strings.Contains(p.Speech, "diễn tập") {
				t.Errorf("a page of the drill does not say so: %s %q %q", p.Kind, p.Short, p.Speech)
			}
		}
		if n := len(r.live()); n != 0 {
			t.Errorf("the drill did not end by itself: %d live", n)
		}
		if !r.journalHas(journal.Incident, incident.Recovered, "") {
			t.Error("the drill did not recover")
		}
	})
}

func TestTestByHandTriesEveryChannelOfThePerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		if _, err := r.Test(t.Context(), "an", "desk"); err != nil {
			t.Fatal(err)
		}
		r.pass(time.Second)
		got := r.log()
		slices.Sort(got)
		if want := []string{"0m ntfy an test", "0m sms an test", "0m voice an test"}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if _, err := r.Test(t.Context(), "nobody", "desk"); err == nil {
			t.Error("a test of nobody was taken")
		}
	})
}

func TestReloadTakesEffectAtTheNextStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.fire(group("g", "critical", r.start, "stc/cong"))
		r.pass(time.Minute)
		ros := testRoster(r.start)
		ros.Overrides = []roster.Override{{From: r.start, To: r.start.Add(time.Hour), Replace: "an", With: "chi", Reason: "ốm"}}
		if err := r.Reload(ros, nil); err != nil {
			t.Fatal(err)
		}
		r.pass(3 * time.Minute)
		if !slices.Contains(r.log(), "3m voice chi alert") {
			t.Errorf("the override did not take effect: %v", r.log())
		}
		if !r.journalHas(journal.Roster, "override", "chi") {
			t.Error("the override is not in the journal")
		}
	})
}

func TestNobodyOnDutyGoesToTheHotline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *Options) {
			o.Roster = roster.New(roster.Roster{Zone: time.UTC, People: people(), Hotline: "hotline"})
		})
		r.fire(group("g", "critical", r.start, "stc/cong"))
		r.pass(time.Second)
		if !slices.Contains(r.log(), "0m voice hotline alert") {
			t.Errorf("with nobody on duty the hotline was not called at once: %v", r.log())
		}
		if r.View().GapAt.IsZero() {
			t.Error("no gap is told")
		}
	})
}

func TestRecoveryAndFlapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		g := group("g", "critical", r.start, "stc/cong")
		r.fire(g)
		id := r.only().ID
		r.pass(2 * time.Minute)
		r.fire(ended(g, time.Now()))
		r.pass(5 * time.Minute)
		r.fire(g)
		if in := r.only(); in.ID != id {
			t.Errorf("flapping within 15 min made a new incident %s", in.ID)
		}
		r.fire(ended(g, time.Now()))
		r.pass(20 * time.Minute)
		r.fire(g)
		if in := r.only(); in.ID == id {
			t.Error("after 20 quiet minutes the old incident was reopened")
		}
	})
}

func TestHealthTellsAPeerWhatIsWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *Options) { o.Heartbeats = []Heartbeat{{Name: "backup", Within: time.Minute}} })
		r.pass(5 * time.Minute)
		if h := r.Health(); !h.OK {
			t.Errorf("a silent third party is called the pager's own illness: %v", h.Problems)
		}
		for _, ch := range []string{"sms", "voice", "ntfy"} {
			r.Service.health.Store(ch, alerting.Health{Detail: "no SIM"})
		}
		if h := r.Health(); h.OK {
			t.Error("well with every channel dead")
		}
		r.pass(time.Minute) // the channels are asked again
		if h := r.Health(); !h.OK {
			t.Errorf("%v", h.Problems)
		}
	})
}
