package engine

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestCrashChild is not a test: it is the process that TestKillMinus9 kills.
func TestCrashChild(t *testing.T) {
	dir := os.Getenv("ENGINE_CRASH_DIR")
	if dir == "" {
		return
	}
	config, err := os.ReadFile(filepath.Join(dir, "alertmanager.yml"))
	if err != nil {
		t.Fatal(err)
	}
	r := start(t, dir, string(config))
	tick := time.NewTicker(step)
	for range tick.C { // until killed
		r.db.set(t, "sick", 1)
	}
}

func TestKillMinus9(t *testing.T) {
	h, dir := newHook(t), t.TempDir()
	writeFile(t, dir, "alertmanager.yml", quick(h.URL))
	child := exec.Command(os.Args[0], "-test.run=^TestCrashChild$")
	child.Env = append(os.Environ(), "ENGINE_CRASH_DIR="+dir)
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	reap := func() {
		_ = child.Process.Kill() // it may be gone already
		_ = child.Wait()         // "killed" is what we asked for
	}
	t.Cleanup(reap)
	eventually(t, "the child's alert is sent", func() bool { return h.count("Small firing") == 1 })
	eventually(t, "the child remembers it on disk", func() bool {
		for _, f := range []string{"nflog", "alerts.json"} {
			if st, err := os.Stat(filepath.Join(dir, "alerting", f)); err != nil || st.Size() == 0 {
				return false
			}
		}
		return true
	})
	reap()

	r := start(t, dir, quick(h.URL))
	r.db.set(t, "sick", 1)
	never(t, "kill -9 doubled a page or lost its end", 1500*time.Millisecond, func() bool {
		return h.count("Small firing") > 1 || h.count("Small resolved") > 0
	})
	r.db.set(t, "sick", 0)
	eventually(t, "the recovery is told", func() bool { return h.count("Small resolved") == 1 })
}

// State that can't be read is set aside with a word, not a reason to be silent.
func TestUnreadableStateIsSetAside(t *testing.T) {
	for _, name := range []string{"nflog", "silences", "alerts.json"} {
		t.Run(name, func(t *testing.T) {
			h, dir := newHook(t), t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, "alerting"), 0o750); err != nil {
				t.Fatal(err)
			}
			writeFile(t, filepath.Join(dir, "alerting"), name, "\xff\x00 not what was written \x01")
			r := start(t, dir, quick(h.URL))
			r.db.set(t, "sick", 1)
			eventually(t, "alerts are sent", func() bool { return h.count("Small firing") == 1 })
			kept, err := filepath.Glob(filepath.Join(dir, "alerting", name+".unreadable-*"))
			if err != nil || len(kept) != 1 {
				t.Errorf("the unreadable file was kept as %v (%v), want one", kept, err)
			}
		})
	}
}

// A disk that fills up while running: pages go on, the loss is counted.
func TestStateDirectoryLost(t *testing.T) {
	h, dir := newHook(t), t.TempDir()
	r := start(t, dir, quick(h.URL))
	if err := os.RemoveAll(filepath.Join(dir, "alerting")); err != nil {
		t.Fatal(err)
	}
	r.db.set(t, "sick", 1)
	eventually(t, "alerts are sent", func() bool { return h.count("Small firing") == 1 })
	eventually(t, "the failure is counted", func() bool { return metric(t, r, "watchpost_alerting_state_save_failures_total") > 0 })
}
