package oncall

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"watchpost.example/alerting"
	"watchpost.example/alerting/oncall/incident"
	"watchpost.example/alerting/oncall/journal"
)

func TestCriticalLadderClimbsUntilSomebodyAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.fire(group("g", "critical", r.start, "stc/cong"))
		r.pass(22 * time.Minute)
		want := []string{
			"0m sms an alert", "0m sms binh alert", "0m ntfy an alert",
			"3m voice an alert", "5m voice binh alert",
			"10m voice chi alert", "10m sms chi alert",
			"15m voice hotline alert", "15m sms hotline alert",
			"20m sms an alert", "20m sms binh alert", "20m ntfy an alert",
		}
		got := r.log()
		sortSame(got)
		sortSame(want)
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		last := r.voice.all()[3].page
		for _, name := range []string{"An", "Binh", "Chi"} {
			if !strings.Contains(last.Speech, name) {
				t.Errorf("the hotline is not told that %s did not answer: %s", name, last.Speech)
			}
		}
	})
}

// sortSame orders lines of the same moment, whose order is not promised.
func sortSame(l []string) {
	key := func(s string) string { return s[:strings.IndexByte(s, ' ')] }
	for i := range l {
		for j := i + 1; j < len(l) && key(l[j]) == key(l[i]); j++ {
			if l[j] < l[i] {
				l[i], l[j] = l[j], l[i]
			}
		}
	}
}

func TestKeyOneInTheCallStopsTheLadderAndRecoveryIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.voice.answering(func(_ context.Context, _ string, p alerting.Page) (alerting.Receipt, error) {
			return alerting.Receipt{Page: p.ID, Status: alerting.Answered, Digits: "1"}, nil
		})
		g := group("g", "critical", r.start, "stc/cong")
		r.fire(g)
		r.pass(4 * time.Minute)
		in := r.only()
		if in.Status != incident.Acknowledged || len(in.Acks) != 1 || in.Acks[0].Who != "an" || in.Acks[0].How != "voice" {
			t.Fatalf("after key 1: %s, %+v", in.Status, in.Acks)
		}
		r.pass(30 * time.Minute)
		if n := len(r.voice.all()); n != 1 {
			t.Errorf("%d calls after an acknowledgement, want 1", n)
		}
		r.fire(ended(g, time.Now()))
		r.pass(2 * time.Minute)
		if len(r.live()) != 0 {
			t.Error("still live after recovery")
		}
		var told []string
		for _, s := range r.sms.all() {
			if s.page.Kind == "recovery" {
				told = append(told, who(s.address))
			}
		}
		slices.Sort(told)
		if d := cmp.Diff([]string{"an", "binh"}, told); d != "" {
			t.Errorf("recovery by SMS: %s", d)
		}
		if !r.journalHas(journal.Incident, incident.Acked, "an") {
			t.Error("the journal does not say who acknowledged")
		}
	})
}

func TestAcknowledgementExpiresAndPagesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.fire(group("g", "critical", r.start, "stc/cong"))
		r.pass(time.Minute)
		if err := r.Acknowledge(t.Context(), r.only().Code, "an", "web"); err != nil {
			t.Fatal(err)
		}
		n := len(r.sms.all())
		r.pass(59 * time.Minute)
		if in := r.only(); in.Status != incident.Acknowledged {
			t.Errorf("before its hour: %s", in.Status)
		}
		r.pass(2 * time.Minute)
		if in := r.only(); in.Status != incident.Open {
			t.Errorf("after its hour: %s", in.Status)
		}
		pages := 0
		for _, s := range r.sms.all()[n:] {
			if s.page.Kind == "alert" {
				pages++
			}
		}
		if pages != 2 {
			t.Errorf("%d new SMS pages after the acknowledgement expired, want 2", pages)
		}
	})
}

func TestKeys(t *testing.T) {
	tests := []struct {
		name, digits string
		next         string // the call that follows at once
		what         string
	}{
		{"2 escalates", "2", "3m voice binh alert", incident.Escalated},
		{"9 cannot", "9", "3m voice binh alert", incident.Unable},
		{"3 repeats", "3", "4m voice an alert", incident.Repeated}, // a minute apart: the limit
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, nil)
				first := true
				r.voice.answering(func(_ context.Context, _ string, p alerting.Page) (alerting.Receipt, error) {
					rec := alerting.Receipt{Page: p.ID, Status: alerting.Answered}
					if first {
						first, rec.Digits = false, tt.digits
					}
					return rec, nil
				})
				r.fire(group("g", "critical", r.start, "stc/cong"))
				r.pass(4*time.Minute + 30*time.Second)
				var calls []string
				for _, l := range r.log() {
					if strings.Contains(l, "voice") {
						calls = append(calls, l)
					}
				}
				if len(calls) != 2 || calls[1] != tt.next {
					t.Errorf("calls %v, want the second %q", calls, tt.next)
				}
				if !r.journalHas(journal.Incident, tt.what, "an") {
					t.Errorf("the journal has no %s of an", tt.what)
				}
			})
		})
	}
}

func TestBothMustAcknowledge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *Options) {
			o.Ladder.Policies[0].Both = true
		})
		r.fire(group("g", "critical", r.start, "stc/cong"))
		r.pass(time.Minute)
		id := r.only().ID
		if err := r.Acknowledge(t.Context(), id, "an", "sms"); err != nil {
			t.Fatal(err)
		}
		if in := r.only(); in.Status != incident.Open {
			t.Fatalf("after one of two: %s", in.Status)
		}
		r.pass(5 * time.Minute)
		for _, s := range r.voice.all() {
			if who(s.address) != "binh" {
				t.Errorf("%s was called though he has acknowledged", who(s.address))
			}
		}
		if len(r.voice.all()) != 1 {
			t.Errorf("%d calls, want the one to binh", len(r.voice.all()))
		}
		if err := r.Acknowledge(t.Context(), id, "binh", "voice"); err != nil {
			t.Fatal(err)
		}
		if in := r.only(); in.Status != incident.Acknowledged {
			t.Errorf("after both: %s", in.Status)
		}
	})
}

func TestWarningWaitsForWakingHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil) // the bubble begins at midnight UTC, 07:00 in the roster's zone
		r.pass(16 * time.Hour)
		r.fire(group("night", "warning", time.Now(), "stc/cong")) // 23:00
		r.pass(time.Hour)
		if got := r.log(); len(got) != 0 {
			t.Fatalf("paged at night: %v", got)
		}
		if !r.journalHas(journal.Incident, incident.Waiting, "") {
			t.Error("the journal does not say that it waits")
		}
		r.pass(7 * time.Hour) // 07:00
		var smses int
		for _, l := range r.log() {
			if strings.HasPrefix(l, "1440m sms") {
				smses++
			}
			if strings.Contains(l, "voice") {
				t.Errorf("a warning rang: %s", l)
			}
		}
		if smses == 0 {
			t.Errorf("nothing was sent in the morning: %v", r.log())
		}
	})
}

func TestInfoIsNeverPaged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.fire(group("g", "info", r.start, "stc/cong"))
		r.pass(3 * time.Hour)
		if got := r.log(); len(got) != 0 {
			t.Errorf("paged: %v", got)
		}
		if len(r.live()) != 1 {
			t.Error("the report would not have it")
		}
	})
}
