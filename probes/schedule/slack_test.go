package schedule

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"watchpost.example/probes"
)

// herd makes n checks asked every interval, by p.
func herd(name string, n int, interval time.Duration, p probes.Prober) []*probes.Check {
	list := make([]*probes.Check, n)
	for i := range list {
		list[i] = check(fmt.Sprintf("%s-%d", name, i), p)
		list[i].Interval = interval
	}
	return list
}

func TestLooksDueTogetherBeginTogether(t *testing.T) {
	for name, row := range map[string]struct {
		checks   int
		slack    time.Duration
		late     time.Duration // no look begins later than this
		few      float64       // looks that begin at one instant, on average: at least
		many     float64       // and at most
		interval time.Duration
	}{
		"60 a second":          {checks: 300, interval: 5 * time.Second, late: 100 * time.Millisecond, few: 4, many: together + 1},
		"1,000 a second":       {checks: 5000, interval: 5 * time.Second, late: 8 * time.Millisecond, few: 4, many: together + 1},
		"a small inventory":    {checks: 10, interval: 30 * time.Second, late: 100 * time.Millisecond, few: 1, many: 1.5},
		"a slack of one's own": {checks: 300, interval: 5 * time.Second, slack: 20 * time.Millisecond, late: 20 * time.Millisecond, few: 1, many: 3},
		"none":                 {checks: 300, interval: 5 * time.Second, slack: -1, few: 1, many: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBook()
				s := New(Options{Sinks: []probes.Sink{b}, Slack: row.slack})
				s.Update(herd("c", row.checks, row.interval, says(probes.Up, probes.OK)))
				stop := launch(t, s)
				pass(30 * time.Second)
				if err := stop(); err != nil {
					t.Error(err)
				}
				instants := map[time.Duration]bool{}
				for _, x := range b.list {
					instants[x.at] = true
				}
				mean := float64(len(b.list)) / float64(len(instants))
				if late := s.Stats().QueueDelayMax; late > row.late || mean < row.few || mean > row.many {
					t.Errorf("%.1f looks at once, the latest %v late; want %.1f to %.1f, at most %v", mean, late, row.few, row.many, row.late)
				}
				if want := row.checks * int(30*time.Second/row.interval); len(b.list) < want-row.checks || len(b.list) > want+row.checks {
					t.Errorf("%d looks, want about %d: turns drift", len(b.list), want)
				}
			})
		})
	}
}

// A thousand probes that never come back, among four thousand good ones.
func TestThousandHungChecksDelayNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		hung := script(func(context.Context) probes.Observation {
			<-free // deaf to its context
			return probes.Observation{}
		})
		b := newBook()
		s := New(Options{Sinks: []probes.Sink{b}})
		s.Update(append(herd("hung", 1000, 10*time.Second, hung), herd("good", 4000, 10*time.Second, says(probes.Up, probes.OK))...))
		stop := launch(t, s)
		pass(time.Minute)
		st := s.Stats()
		if st.Zombies != 1000 || st.QueueDelayMax > DefaultSlack {
			t.Errorf("%d zombies, a look %v late; want 1000 and nobody later than %v", st.Zombies, st.QueueDelayMax, DefaultSlack)
		}
		for _, x := range b.list {
			if good := x.o.Verdict == probes.Up; !good && x.o.Reason != probes.OursOverrun {
				t.Fatalf("%s: %v, %s", x.id, x.o.Verdict, x.o.Reason)
			}
		}
		for i := range 8 {
			if n := len(b.of(fmt.Sprintf("good-%d", i*500))); n < 5 || n > 7 {
				t.Errorf("good-%d was looked at %d times in a minute, want 6", i*500, n)
			}
		}
		close(free)
		synctest.Wait()
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}
