package oncall

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/oncall/incident"
	"watchpost.example/alerting/oncall/journal"
	"watchpost.example/alerting/oncall/ladder"
)

// Whatever a channel does, somebody is reached within the ladder's time, and the
// journal says what went wrong.
func TestBrokenChannelStillReachesSomebody(t *testing.T) {
	type answer = func(ctx context.Context, address string, p alerting.Page) (alerting.Receipt, error)
	down := func(context.Context, string, alerting.Page) (alerting.Receipt, error) {
		return alerting.Receipt{}, errDown
	}
	refused := func(context.Context, string, alerting.Page) (alerting.Receipt, error) {
		return alerting.Receipt{}, alerting.Permanent(errors.New("gateway: 500 wrong template"))
	}
	slow := func(ctx context.Context, _ string, _ alerting.Page) (alerting.Receipt, error) {
		<-ctx.Done()
		return alerting.Receipt{}, ctx.Err()
	}
	var release chan struct{}
	stuck := func(context.Context, string, alerting.Page) (alerting.Receipt, error) {
		<-release // does not obey its deadline
		return alerting.Receipt{}, nil
	}
	panics := func(context.Context, string, alerting.Page) (alerting.Receipt, error) {
		panic("a fault of the channel")
	}
	silent := func(_ context.Context, _ string, p alerting.Page) (alerting.Receipt, error) {
		return alerting.Receipt{Page: p.ID, Status: alerting.Accepted}, nil
	}
	fails := func(_ context.Context, _ string, p alerting.Page) (alerting.Receipt, error) {
		return alerting.Receipt{Page: p.ID, Status: alerting.Failed, Detail: "queue full"}, nil
	}
	tests := []struct {
		name   string
		answer answer
		within time.Duration // until binh, who has no push, is rung
		why    string        // in the journal
	}{
		{"down", down, 61 * time.Second, "modem: connection refused"},
		{"500", refused, time.Second, "500 wrong template"},
		{"slow", slow, 61 * time.Second, "deadline exceeded"},
		{"stuck", stuck, 61 * time.Second, "did not come back"},
		{"panics", panics, 61 * time.Second, "a fault of the channel"},
		{"accepts and never delivers", silent, 61 * time.Second, "no delivery receipt in time"},
		{"says failed", fails, 61 * time.Second, "the next hop refused it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, func(o *Options) {
					o.Ladder.Channels["sms"] = ladder.DefaultChannel("sms") // with its receipts
				})
				r.sms.answering(tt.answer)
				release = make(chan struct{})
				t.Cleanup(func() { close(release) })
				r.fire(group("g", "critical", r.start, "stc/cong"))
				r.pass(tt.within)
				rung := func() bool {
					return slices.ContainsFunc(r.voice.all(), func(s sent) bool { return who(s.address) == "binh" })
				}
				if !rung() {
					t.Errorf("binh's phone did not ring within %s: %v", tt.within, r.log())
				}
				r.pass(11 * time.Minute)
				if !slices.ContainsFunc(r.voice.all(), func(s sent) bool { return who(s.address) == "chi" }) {
					t.Errorf("the ladder did not go on to the deputy: %v", r.log())
				}
				if !slices.ContainsFunc(r.entries(), func(e journal.Entry) bool {
					return e.How == "voice" && strings.Contains(e.Detail, "sms:") || strings.Contains(e.Detail, tt.why)
				}) {
					t.Error("the journal does not say why another channel was taken")
				}
				if !slices.ContainsFunc(r.entries(), func(e journal.Entry) bool { return strings.Contains(e.Detail, tt.why) }) {
					t.Errorf("the journal does not say %q", tt.why)
				}
			})
		})
	}
}

func TestEveryChannelDeadGoesUpAtOnceAndDoesNotSpin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		dead := func(context.Context, string, alerting.Page) (alerting.Receipt, error) {
			return alerting.Receipt{}, alerting.Permanent(errDown)
		}
		for _, p := range []*phone{r.sms, r.voice, r.ntfy} {
			p.answering(dead)
		}
		r.fire(group("g", "critical", r.start, "stc/cong"))
		r.pass(time.Second)
		if !slices.ContainsFunc(r.log(), func(l string) bool { return strings.HasPrefix(l, "0m voice hotline") }) {
			t.Errorf("with every page refused the ladder did not reach its top at once: %v", r.log())
		}
		n := len(r.log())
		r.pass(4 * time.Minute) // the next round comes by the clock, five minutes after the last step
		if len(r.log()) != n {
			t.Errorf("dead channels are hammered: %d more attempts", len(r.log())-n)
		}
		if !r.journalHas(journal.Incident, incident.StepFailed, "") {
			t.Error("the journal does not say that a step failed")
		}
	})
}

// The slow page of one person holds nobody else's.
func TestPersonsAndChannelsDoNotBlockEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.sms.answering(func(ctx context.Context, address string, p alerting.Page) (alerting.Receipt, error) {
			if who(address) == "an" {
				<-ctx.Done()
				return alerting.Receipt{}, ctx.Err()
			}
			return alerting.Receipt{Page: p.ID, Status: alerting.Accepted}, nil
		})
		r.fire(group("g", "critical", r.start, "stc/cong"))
		r.pass(time.Second)
		for _, want := range []string{"0m sms binh alert", "0m ntfy an alert"} {
			if !slices.Contains(r.log(), want) {
				t.Errorf("%q waits for the slow page of an: %v", want, r.log())
			}
		}
	})
}

func TestDiskThatRefusesDoesNotStopAPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.mem.refuse(errors.New("database or disk is full"))
		err := r.webhook(t.Context(), group("g", "critical", r.start, "stc/cong"))
		if !errors.Is(err, ErrUnsaved) {
			t.Errorf("the webhook gave %v, want ErrUnsaved so that Alertmanager repeats it", err)
		}
		r.pass(4 * time.Minute)
		if !slices.Contains(r.log(), "0m sms an alert") || !slices.Contains(r.log(), "3m voice an alert") {
			t.Errorf("the full disk stopped pages: %v", r.log())
		}
		if h := r.Health(); h.OK {
			t.Error("health is OK while nothing can be saved")
		}
		r.mem.refuse(nil)
		r.pass(11 * time.Second)
		if h := r.Health(); !h.OK {
			t.Errorf("health after the disk came back: %v", h.Problems)
		}
		r.mem.mu.Lock()
		saved := len(r.mem.incidents)
		r.mem.mu.Unlock()
		if saved != 1 {
			t.Error("what could not be saved was not saved later")
		}
	})
}

func TestDiskThatHangsDoesNotStopAPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		block := make(chan struct{})
		r.mem.mu.Lock()
		r.mem.block = block
		r.mem.mu.Unlock()
		if err := r.webhook(t.Context(), group("g", "critical", r.start, "stc/cong")); !errors.Is(err, ErrUnsaved) {
			t.Errorf("the webhook gave %v", err)
		}
		synctest.Wait()
		// The first page goes out when the disk was given its five seconds, the call
		// three minutes after the fault; both however long the disk hangs.
		if l := r.log(); !slices.Contains(l, "5s sms an alert") {
			t.Errorf("%s after the fault the pages are %v", time.Since(r.start), l)
		}
		r.pass(time.Until(r.start.Add(3*time.Minute + 10*time.Second)))
		if !slices.ContainsFunc(r.log(), func(l string) bool { return strings.HasPrefix(l, "3m") && strings.HasSuffix(l, "voice an alert") }) {
			t.Errorf("the hanging disk stopped the ladder: %v", r.log())
		}
		r.mem.mu.Lock()
		r.mem.block = nil
		r.mem.mu.Unlock()
		close(block)
		r.pass(30 * time.Second)
		if h := r.Health(); !h.OK {
			t.Errorf("health after the disk came back: %v", h.Problems)
		}
	})
}

func TestRestartGoesOnWhereItStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.fire(group("g", "critical", r.start, "stc/cong"))
		r.pass(4 * time.Minute)
		n := len(r.log())
		r.stop()
		r.boot()
		r.fire(group("g", "critical", r.start, "stc/cong")) // Alertmanager says it again
		r.pass(30 * time.Second)
		if got := r.log()[n:]; len(got) != 0 {
			t.Errorf("the restart paged again: %v", got)
		}
		r.pass(time.Minute)
		if !slices.Contains(r.log(), "5m voice binh alert") {
			t.Errorf("the ladder did not go on after the restart: %v", r.log())
		}
	})
}

func TestSecondPagerOnTheSameStateIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		if _, err := New(r.opt); !errors.Is(err, ErrOptions) {
			t.Errorf("a second service on the same directory: %v", err)
		}
	})
}
