package oncall

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/oncall/incident"
	"watchpost.example/alerting/oncall/journal"
	"watchpost.example/alerting/oncall/outbox"
	"watchpost.example/alerting/oncall/roster"
)

// A reader of the journal must meet the cause before its effect.
func TestJournalTellsTheCauseFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.fire(group("g", "critical", r.start, "stc/cong"))
		if _, err := r.Drill(t.Context(), "root"); err != nil {
			t.Fatal(err)
		}
		var units []string
		for i := range 5 {
			units = append(units, fmt.Sprintf("u%d/web", i))
		}
		r.fire(group("storm", "critical", r.start, units...))
		r.pass(time.Second)
		seen := map[string]bool{}
		n := 0
		for _, e := range r.entries() {
			if e.Incident == "" {
				continue
			}
			if !seen[e.Incident] {
				n++
				if e.Kind != journal.Alert {
					t.Errorf("line %d: %s %s comes before the alert that caused it", e.Seq, e.Kind, e.What)
				}
			}
			seen[e.Incident] = true
		}
		if n != 3 {
			t.Errorf("%d incidents, want the first, the drill and the storm", n)
		}
	})
}

// A webhook that says the same again leaves no line; one that says more does.
func TestJournalHasEveryChangeOfAGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		g := group("g", "critical", r.start, "stc/cong")
		r.fire(g)
		r.fire(g)
		r.fire(group("g", "critical", r.start, "stc/cong", "stc/thu"))
		r.fire(ended(group("g", "critical", r.start, "stc/cong", "stc/thu"), time.Now()))
		var got []string
		for _, e := range r.entries() {
			if e.Kind == journal.Alert {
				got = append(got, e.What)
			}
		}
		if !slices.Equal(got, []string{"1 firing", "2 firing", "0 firing"}) {
			t.Errorf("%q", got)
		}
	})
}

// Two officers, an SMS, a key, a link and the wall at the same moment: it is
// taken once, everybody's word is kept, nobody is paged again.
func TestEverybodyAcknowledgesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.voice.answering(func(_ context.Context, _ string, p alerting.Page) (alerting.Receipt, error) {
			return alerting.Receipt{Page: p.ID, Status: alerting.Answered, Digits: "1"}, nil
		})
		r.fire(group("g", "critical", r.start, "stc/cong"))
		r.pass(179 * time.Second)
		in := r.only()
		var wg sync.WaitGroup
		for _, f := range []func(){
			func() {
				r.sms.replies <- alerting.Reply{Channel: "sms", From: "84900000002", Text: "a" + in.Code}
			},
			func() { _ = r.Acknowledge(t.Context(), in.Code, "an", "web") }, // it may be over by then
			func() { <-time.After(time.Second) },
		} {
			wg.Go(f)
		}
		wg.Wait()
		r.pass(2 * time.Minute)
		out := r.only()
		if out.Status != incident.Acknowledged {
			t.Fatalf("%s", out.Status)
		}
		how := map[string]bool{}
		for _, l := range out.Timeline {
			if l.What == incident.Acked {
				how[l.Who+" "+l.How] = true
			}
		}
		if !how["binh sms"] || !how["an web"] {
			t.Errorf("not everybody's word is kept: %v", how)
		}
		if n := len(r.log()); n == 0 {
			t.Fatal("nobody was paged")
		} else if r.pass(50 * time.Minute); len(r.log()) != n {
			t.Errorf("paged after the acknowledgement: %v", r.log()[n:])
		}
	})
}

// It recovers while the phone rings; the key comes afterwards.
func TestRecoveredWhileCalling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.voice.answering(func(ctx context.Context, _ string, p alerting.Page) (alerting.Receipt, error) {
			select {
			case <-time.After(30 * time.Second):
			case <-ctx.Done():
			}
			return alerting.Receipt{Page: p.ID, Status: alerting.Answered, Digits: "1"}, nil
		})
		g := group("g", "critical", r.start, "stc/cong")
		r.fire(g)
		r.pass(3*time.Minute + 10*time.Second) // an's phone rings
		r.fire(ended(g, time.Now()))
		r.pass(30 * time.Minute)
		if l := r.live(); len(l) != 0 {
			t.Errorf("the key of a late call revived it: %v", l[0].Status)
		}
		if n := len(r.voice.all()); n != 1 {
			t.Errorf("%d calls, want the one that was ringing", n)
		}
	})
}

// A page that is on its way when somebody acknowledges, and then fails, is not
// tried again: the officer who took it would be woken by a thing of the past.
func TestPageOnItsWayIsNotRetriedAfterTheAcknowledgement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.sms.answering(func(ctx context.Context, _ string, _ alerting.Page) (alerting.Receipt, error) {
			<-ctx.Done()
			return alerting.Receipt{}, ctx.Err()
		})
		r.fire(group("g", "critical", r.start, "stc/cong"))
		r.pass(time.Second)
		if err := r.Acknowledge(t.Context(), r.only().ID, "chi", "web"); err != nil {
			t.Fatal(err)
		}
		r.pass(20 * time.Minute)
		for _, s := range append(r.sms.all(), r.voice.all()...) {
			if s.page.Kind == "alert" && s.at.After(r.start.Add(time.Second)) {
				t.Errorf("%s: %s to %s after the acknowledgement", s.at.Sub(r.start), s.channel, who(s.address))
			}
		}
	})
}

// A thousand groups at once, of forty units: one storm, a page or two for each
// officer, nothing lost.
func TestThousandAlertsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		for i := range 1000 {
			r.fire(group(fmt.Sprintf("g%d", i), "critical", r.start, fmt.Sprintf("u%d/s%d", i%40, i)))
		}
		r.pass(2 * time.Minute)
		if in := r.only(); !in.Storm || in.Firing() != 1000 || len(in.Units()) != 40 {
			t.Errorf("storm %v with %d alerts of %d units", in.Storm, in.Firing(), len(in.Units()))
		}
		per := map[string]int{}
		for _, s := range r.sms.all() {
			per[who(s.address)]++
		}
		if per["an"] == 0 || per["an"] > 4 || per["binh"] > 4 {
			t.Errorf("messages in two minutes: %v", per)
		}
	})
}

// The same with alerts that name no unit: nothing can be folded, so they are
// bundled, and the limits hold.
func TestThousandAlertsWithoutUnits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		for i := range 1000 {
			r.fire(group(fmt.Sprintf("g%d", i), "critical", r.start, "/"))
		}
		r.pass(10 * time.Minute)
		if n := len(r.live()); n != 1000 {
			t.Errorf("%d incidents", n)
		}
		per := map[string]int{}
		for _, s := range append(r.sms.all(), r.voice.all()...) {
			per[s.channel+" "+who(s.address)]++
		}
		if per["sms an"] > 5 || per["voice an"] > 3 || per["sms an"] == 0 || per["voice an"] == 0 {
			t.Errorf("messages in ten minutes: %v", per)
		}
		r.sms.replies <- alerting.Reply{Channel: "sms", From: "+84900000001", Text: "AA"}
		r.pass(time.Second)
		for _, in := range r.live() {
			if in.Status != incident.Acknowledged {
				t.Fatalf("%s is %s after AA", in.Code, in.Status)
			}
		}
	})
}

// A storm that one took does not swallow for ever what comes later.
func TestStormEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.fire(group("s1", "critical", r.start, "u1/web"))
		r.fire(group("s2", "critical", r.start, "u2/web", "u3/web", "u4/web", "u5/web"))
		if in := r.only(); !in.Storm {
			t.Fatal("no storm")
		}
		if err := r.Acknowledge(t.Context(), r.only().ID, "an", "web"); err != nil {
			t.Fatal(err)
		}
		for i := range 9 {
			r.pass(4 * time.Minute)
			r.fire(group(fmt.Sprintf("later%d", i), "critical", time.Now(), fmt.Sprintf("v%d/web", i)))
		}
		if n := len(r.live()); n < 2 {
			t.Errorf("%d incidents: 36 minutes later a new fault still counts as the storm that was taken", n)
		}
	})
}

// A silenced storm takes nothing in: who silenced it meant what it was.
func TestSilencedStormTakesNothingIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *Options) { o.Silencer = &fakeSilencer{} })
		r.fire(group("s1", "critical", r.start, "u1/web"))
		r.fire(group("s2", "critical", r.start, "u2/web", "u3/web", "u4/web", "u5/web"))
		if err := r.SilenceIncident(t.Context(), r.only().ID, "an", "cap quang dut", time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		r.fire(group("new", "critical", time.Now(), "other/web"))
		r.pass(time.Minute)
		if n := len(r.live()); n != 2 {
			t.Errorf("%d incidents, want the silenced storm and the new one", n)
		}
	})
}

// Alertmanager does not tell of an end that a silence muted. The end of the
// silence wakes nobody about what was mended meanwhile, and everybody about what
// was not, and about what nobody can know.
func TestEndOfASilence(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fires bool // still
		beats bool // the watchdog is heard
		want  incident.Status
	}{
		{"mended meanwhile", false, true, incident.Resolved},
		{"still broken", true, true, incident.Open},
		{"the engine is dead and knows nothing", false, false, incident.Open},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var fires atomic.Bool
				fires.Store(true)
				r := newRig(t, func(o *Options) {
					o.Silencer, o.WatchdogWithin = &fakeSilencer{}, 100*time.Hour
					o.Firing = func() []alerting.Alert {
						if fires.Load() {
							return []alerting.Alert{{Name: "CheckDown", Unit: "stc", System: "cong"}}
						}
						return nil
					}
				})
				heard := func() {
					if err := r.do(t.Context(), func(d *desk, now time.Time) { d.heard(watchdogName, now) }); err != nil {
						t.Fatal(err)
					}
				}
				heard()
				r.fire(group("g", "critical", r.start, "stc/cong"))
				if err := r.SilenceIncident(t.Context(), r.only().ID, "an", "bao tri", time.Now().Add(time.Hour)); err != nil {
					t.Fatal(err)
				}
				r.pass(30 * time.Minute)
				fires.Store(tt.fires)
				n := len(r.log())
				for range 32 {
					r.pass(time.Minute)
					if tt.beats {
						heard()
					}
				}
				in := r.View().Incidents[0]
				if in.Status != tt.want {
					t.Errorf("%s, want %s", in.Status, tt.want)
				}
				woken := slices.ContainsFunc(r.log()[n:], func(l string) bool { return strings.HasSuffix(l, " alert") })
				if woken != (tt.want == incident.Open) {
					t.Errorf("after the silence: %v", r.log()[n:])
				}
			})
		})
	}
}

// A step whose people have no address at all is passed at once.
func TestStepWithoutAnAddressIsPassedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *Options) {
			ro := *testRoster(time.Now())
			ro.People = slices.Clone(ro.People)
			for i := range 2 {
				ro.People[i].Addresses = map[string][]string{"fax": {"1"}}
			}
			o.Roster = roster.New(ro)
		})
		r.fire(group("g", "critical", r.start, "stc/cong"))
		r.pass(time.Second)
		if !slices.Contains(r.log(), "0m voice chi alert") {
			t.Errorf("the deputy is not called at once: %v", r.log())
		}
	})
}

// "A" without a code takes what the sender was paged for, not what others were.
func TestBareReplyIsForWhatTheSenderWasPaged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.fire(group("g", "critical", r.start, "stc/cong"))
		r.sms.replies <- alerting.Reply{Channel: "sms", From: "0900000003", Text: "A"} // chi, not paged yet
		r.pass(time.Second)
		if in := r.only(); in.Status != incident.Open {
			t.Errorf("chi, who was not paged, took it: %+v", in.Acks)
		}
		for _, from := range []string{"+84 900 000 001", "84900000001"} {
			r.sms.replies <- alerting.Reply{Channel: "sms", From: from, Text: "  a" + r.only().Code + "."}
			r.pass(time.Second)
		}
		if in := r.only(); in.Status != incident.Acknowledged || len(in.Acks) != 1 {
			t.Errorf("%s %+v", in.Status, in.Acks)
		}
		// With two open, "A" could mean either: nothing is guessed.
		r.fire(group("x", "critical", time.Now(), "c/web"))
		r.fire(group("y", "critical", time.Now(), "d/web"))
		r.sms.replies <- alerting.Reply{Channel: "sms", From: "0900000001", Text: "A"}
		r.pass(time.Second)
		for _, key := range []string{"x", "y"} {
			in := r.live()[slices.IndexFunc(r.live(), func(in incident.Incident) bool { _, ok := in.Group(key); return ok })]
			if in.Status != incident.Open {
				t.Errorf("%s was guessed", key)
			}
			if err := r.CloseIncident(t.Context(), in.ID, "an", "xong"); err != nil {
				t.Fatal(err)
			}
		}
		// A code of yesterday's incident takes nothing of today's.
		old := r.only().Code
		if err := r.CloseIncident(t.Context(), old, "an", "xong"); err != nil {
			t.Fatal(err)
		}
		r.fire(group("h", "critical", time.Now(), "b/web"))
		r.sms.replies <- alerting.Reply{Channel: "sms", From: "0900000001", Text: "A " + old}
		r.pass(time.Second)
		if in := r.only(); in.Status != incident.Open {
			t.Errorf("an old code took the new incident")
		}
	})
}

// A warning is no storm, and the pager's own alarms fold into none.
func TestWhatDoesNotFold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *Options) { o.Ladder.Storm.Units = 2 })
		for i := range 4 {
			r.fire(group(fmt.Sprintf("w%d", i), "warning", r.start, fmt.Sprintf("u%d/web", i)))
		}
		if n := len(r.live()); n != 4 {
			t.Errorf("four warnings are %d incidents", n)
		}
		r.fire(group("c", "critical", r.start, "a/web"))
		own := heart{name: "peer:B", last: r.start}
		if err := r.do(t.Context(), func(d *desk, now time.Time) { d.takeGroup(own.group(time.Time{}), now) }); err != nil {
			t.Fatal(err)
		}
		for _, in := range r.live() {
			if in.Storm {
				t.Errorf("a storm of %v", in.Units())
			}
		}
	})
}

// A person leaves the roster while his phone rings: the others are paged on,
// his link and his messages count no longer.
func TestPersonRemovedWhileBeingPaged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.fire(group("g", "critical", r.start, "stc/cong"))
		r.pass(time.Second)
		i := slices.IndexFunc(r.sms.all(), func(s sent) bool { return who(s.address) == "an" })
		token := r.sms.all()[i].page.AckURL[strings.LastIndex(r.sms.all()[i].page.AckURL, "/")+1:]
		ro := *testRoster(r.start)
		ro.People = ro.People[1:]
		ro.Shifts = []alerting.Shift{{Start: r.start.Add(-time.Hour), End: r.start.Add(48 * time.Hour), Officers: []string{"binh"}, Deputy: "chi"}}
		if err := r.Reload(roster.New(ro), nil); err != nil {
			t.Fatal(err)
		}
		tick, err := r.tickets.Open(token, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if err := r.useTicket(t.Context(), tick); !errors.Is(err, ErrNotFound) {
			t.Errorf("his link: %v", err)
		}
		r.sms.replies <- alerting.Reply{Channel: "sms", From: "0900000001", Text: "A"}
		r.pass(4 * time.Minute)
		if in := r.only(); in.Status != incident.Open {
			t.Errorf("%s by one who is not in the roster", in.Status)
		}
		if !slices.Contains(r.log(), "3m voice binh alert") {
			t.Errorf("the ladder did not go on: %v", r.log())
		}
	})
}

// The machine's clock was an hour ahead, an incident opened, the clock was put
// right, the pager was started again: the next step comes in minutes, not in an hour.
func TestClockSetBackOverARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *Options) {
			ahead := time.Now().Add(time.Hour)
			in, _ := incident.Start(incident.Incident{ID: "i", Code: "7421", Severity: "critical", Groups: []incident.Group{group("g", "critical", ahead, "stc/cong")}},
				incident.World{Now: ahead, Policy: o.Ladder.Named("critical"), Duty: o.Roster.At(ahead)})
			m, ok := o.Store.(*memory)
			if !ok {
				t.Fatal("not the memory store")
			}
			m.incidents["i"] = in
			m.deliveries["p"] = outbox.Delivery{
				ID: "p", Incident: "i", Person: "an", Kind: "alert", Channel: "sms", Address: "+84900000001", Round: 1, Created: ahead, NotBefore: ahead, Status: outbox.Queued,
			}
		})
		r.pass(6 * time.Minute)
		if l := r.log(); !slices.Contains(l, "3m voice an alert") || !slices.Contains(l, "5m voice binh alert") || !slices.ContainsFunc(l, func(s string) bool { return strings.Contains(s, "sms an alert") }) {
			t.Errorf("%v", l)
		}
	})
}

// While we ourselves stood still nobody could be heard.
func TestOwnPauseIsNobodysSilence(t *testing.T) {
	r := newDesktop(t, nil)
	d := newDesk(&r.opt)
	now := time.Now()
	d.startWatch(now)
	d.watch.hearts = []heart{{name: "backup", within: 5 * time.Minute, last: now}}
	lost := func(at time.Duration) bool {
		d.watchAll(now.Add(at))
		return d.watch.hearts[0].lost
	}
	for at := 10 * time.Second; at < 2*time.Minute; at += 10 * time.Second {
		lost(at)
	}
	if lost(20 * time.Minute) {
		t.Error("a container that was paused for 18 minutes calls another one dead")
	}
	for at := 20 * time.Minute; at < 25*time.Minute; at += 10 * time.Second {
		if lost(at) {
			t.Fatalf("lost after %s", at-20*time.Minute)
		}
	}
	if !lost(25*time.Minute + 10*time.Second) {
		t.Error("after its full time the silence is not seen")
	}
}

// A note is never lost without a word, whatever names the incident.
func TestNoteFindsItsIncident(t *testing.T) {
	d := newDesktop(t, nil)
	d.hook(string(hook(1)))
	in := d.live()
	if err := d.Note(t.Context(), in.Code, "an", "by code"); err != nil {
		t.Errorf("by code: %v", err)
	}
	if err := d.Note(t.Context(), "0000", "an", "x"); !errors.Is(err, ErrNotFound) {
		t.Errorf("of no incident: %v", err)
	}
	old := incident.Incident{ID: "20200101-1111", Code: "1111", Kind: incident.KindAlert, Status: incident.Resolved, Ended: time.Now().Add(-100 * time.Hour)}
	if err := d.do(t.Context(), func(k *desk, _ time.Time) { k.incidents[old.ID], k.changed[old.ID] = &old, true }); err != nil {
		t.Fatal(err)
	}
	if err := d.Note(t.Context(), old.ID, "an", "hop rut kinh nghiem"); err != nil {
		t.Errorf("of one that is long over: %v", err)
	}
	got, _, err := d.Incident(t.Context(), old.ID)
	if err != nil || len(got.Timeline) != 1 {
		t.Errorf("%+v, %v", got.Timeline, err)
	}
	got, _, _ = d.Incident(t.Context(), in.Code)
	if l := got.Timeline[len(got.Timeline)-1]; l.Text != "by code" {
		t.Errorf("the last line is %+v", l)
	}
}
