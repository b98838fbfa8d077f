package engine

import (
	"strings"
	"testing"
	"time"

	"watchpost.example/alerting"
)

func find(l []alerting.Alert, name string) (alerting.Alert, bool) {
	for _, a := range l {
		if a.Name == name {
			return a, true
		}
	}
	return alerting.Alert{}, false
}

func TestFiresAndRecovers(t *testing.T) {
	h := newHook(t)
	r := start(t, t.TempDir(), quick(h.URL))
	r.db.set(t, "sick", 1)
	eventually(t, "Small fires at the webhook", func() bool { return h.count("Small firing") == 1 })
	a, ok := find(r.Alerts(), "Small")
	if !ok || a.State != "firing" || a.Severity != "warning" || a.Unit != "u" || a.Summary != "small" || a.Silenced || a.Inhibited {
		t.Errorf("Alerts gives %+v", a)
	}
	r.db.set(t, "sick", 0)
	eventually(t, "Small is over at the webhook", func() bool { return h.count("Small resolved") == 1 })
	eventually(t, "Small has left the wall", func() bool { _, there := find(r.Alerts(), "Small"); return !there })
	if n := h.count("Small firing"); n != 1 {
		t.Errorf("Small was sent %d times as firing", n)
	}
}

func TestLargerAlertFoldsTheSmaller(t *testing.T) {
	h := newHook(t)
	r := start(t, t.TempDir(), quick(h.URL))
	r.db.set(t, "large", 1)
	eventually(t, "Large fires", func() bool { return h.count("Large firing") == 1 })
	r.db.set(t, "sick", 1)
	eventually(t, "Small is on the wall as folded", func() bool { a, ok := find(r.Alerts(), "Small"); return ok && a.Inhibited })
	never(t, "Small was sent although folded", 500*time.Millisecond, func() bool { return h.count("Small firing") > 0 })
}

// A restart tells nothing twice, keeps `for`, and tells the end of what ended
// meanwhile, which Alertmanager alone would forget.
func TestRestart(t *testing.T) {
	h, dir := newHook(t), t.TempDir()
	r := start(t, dir, quick(h.URL))
	r.db.set(t, "sick", 1)
	r.db.set(t, "large", 0)
	eventually(t, "Small fires", func() bool { return h.count("Small firing") == 1 })
	before, _ := find(r.Alerts(), "Small")
	r.stop()

	r = start(t, dir, quick(h.URL))
	a, ok := find(r.Alerts(), "Small")
	if !ok || a.State != "firing" {
		t.Errorf("right after the restart the wall shows %+v, want Small firing", a)
	}
	never(t, "the restart sent Small again", 1500*time.Millisecond, func() bool {
		return h.count("Small firing") > 1 || h.count("Small resolved") > 0
	})
	if a, _ := find(r.Alerts(), "Small"); a.Since.Sub(before.Since).Abs() > time.Second {
		t.Errorf("Small fires since %v, before the restart it was %v", a.Since, before.Since)
	}
	r.stop()

	// It ends while nobody looks.
	db := openStore(t, dir+"/tsdb")
	db.set(t, "sick", 0)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	start(t, dir, quick(h.URL))
	eventually(t, "the end of Small is told after the restart", func() bool { return h.count("Small resolved") == 1 })
}

func TestRestartKeepsFor(t *testing.T) {
	h, dir := newHook(t), t.TempDir()
	r := start(t, dir, quick(h.URL))
	r.db.set(t, "slow", 1)
	var since time.Time
	eventually(t, "Slow is pending", func() bool { a, ok := find(r.Alerts(), "Slow"); since = a.Since; return ok && a.State == "pending" })
	eventually(t, "ALERTS_FOR_STATE is written", func() bool { return time.Since(since) > time.Second })
	r.stop()
	stopped := time.Now()
	r = start(t, dir, quick(h.URL))
	eventually(t, "Slow fires after the restart", func() bool { return h.count("Slow firing") == 1 })
	// Without the restored state it needs the whole 2 s again, plus evaluations.
	if took := time.Since(stopped); took > 1900*time.Millisecond {
		t.Errorf("Slow fired %v after the restart: the second it had waited before was lost", took)
	}
	if n := h.count("Slow firing"); n != 1 {
		t.Errorf("Slow was sent %d times", n)
	}
}

// While the history can't be read or written, what fires goes on firing, and
// one alert says that rules fail.
func TestStorageFailureKeepsAlertsFiring(t *testing.T) {
	for name, fail := range map[string]func(*store, bool){
		"read":  func(s *store, b bool) { s.failRead.Store(b) },
		"write": func(s *store, b bool) { s.failWrite.Store(b) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHook(t)
			r := start(t, t.TempDir(), quick(h.URL))
			r.db.set(t, "sick", 1)
			eventually(t, "Small fires", func() bool { return h.count("Small firing") == 1 })
			fail(r.db, true)
			eventually(t, EvalFailing+" is sent", func() bool { return h.count(EvalFailing+" firing") == 1 })
			// Alertmanager alone takes Small for over after 4 intervals.
			never(t, "a storage failure was told as a recovery", 15*step, func() bool { return h.count("Small resolved") > 0 })
			if _, ok := find(r.Alerts(), "Small"); !ok {
				t.Error("Small left the wall")
			}
			a, ok := find(r.Alerts(), EvalFailing)
			if !ok || a.Severity != alerting.Critical || !strings.HasSuffix(a.RunbookURL, "/runbooks/"+EvalFailing) || !has(a.Description, "input/output error") {
				t.Errorf("the wall shows %+v", a)
			}
			fail(r.db, false)
			eventually(t, EvalFailing+" ends", func() bool { return h.count(EvalFailing+" resolved") == 1 })
			r.db.set(t, "sick", 0)
			eventually(t, "a real recovery is told", func() bool { return h.count("Small resolved") == 1 })
		})
	}
}

// A receiver that is down gets the alert when it is back.
func TestReceiverDownIsTriedAgain(t *testing.T) {
	h := newHook(t)
	h.fail.Store(true)
	r := start(t, t.TempDir(), quick(h.URL))
	r.db.set(t, "sick", 1)
	eventually(t, "Small is on the wall", func() bool { _, ok := find(r.Alerts(), "Small"); return ok })
	never(t, "a failing receiver took it", 300*time.Millisecond, func() bool { return h.count("Small firing") > 0 })
	h.fail.Store(false)
	eventually(t, "Small arrives", func() bool { return h.count("Small firing") >= 1 })
}
