package history_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"watchpost.example/exporter/history"
	"watchpost.example/internal/testneed"
	"watchpost.example/probes"
)

// TestMain lets the test binary be the child that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("WATCHPOST_CRASH_DIR"); dir != "" {
		if err := crashChild(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// crashChild appends for ever and prints the number of each look that Sync
// acknowledged.
func crashChild(dir string) error {
	h, err := history.Open(history.Options{Dir: dir, Reserve: -1})
	if err != nil {
		return err
	}
	first, err := strconv.Atoi(os.Getenv("WATCHPOST_CRASH_FIRST"))
	if err != nil {
		return err
	}
	base, err := strconv.ParseInt(os.Getenv("WATCHPOST_CRASH_BASE"), 10, 64)
	if err != nil {
		return err
	}
	units := inventory(20)
	for i := first; ; i++ {
		for _, u := range units {
			observe(h, u.Systems[0].Checks[0], time.UnixMilli(base+int64(i)*100), probes.Verdict(1+i%3))
		}
		if err := h.Sync(context.Background()); err != nil {
			return err
		}
		fmt.Println(i)
	}
}

// TestKilledHistoryIsIntact kills the writer at random moments and compares
// every look that it acknowledged.
func TestKilledHistoryIsIntact(t *testing.T) {
	const kills = 8
	dir := t.TempDir()
	base := time.Now().Add(-time.Hour).UnixMilli()
	acked := -1
	rnd := rand.New(rand.NewPCG(1, uint64(os.Getpid())))
	for range kills {
		acked = runAndKill(t, dir, base, acked+1, time.Duration(rnd.IntN(300))*time.Millisecond)
	}
	if acked < kills {
		t.Fatalf("only %d looks were acknowledged", acked)
	}
	h := open(t, history.Options{Dir: dir, Reserve: -1})
	for _, u := range []string{"unit-0000", "unit-0019"} {
		// Every single one, not their number: ask at each look's own moment.
		r, err := h.QueryRange(t.Context(), `watchpost_check_state{unit="`+u+`"}`, time.UnixMilli(base), time.UnixMilli(base+int64(acked)*100), 100*time.Millisecond)
		if err != nil || len(r) != 1 || len(r[0].Points) != acked+1 {
			t.Fatalf("%v, %d series; want %d points", err, len(r), acked+1)
		}
		for i, p := range r[0].Points {
			if p.Value != float64(1+i%3) {
				t.Fatalf("look %d of %s reads %v, want %d", i, u, p.Value, 1+i%3)
			}
		}
	}
	t.Logf("%d acknowledged looks of 20 checks are intact after %d kills", acked+1, kills)
}

func runAndKill(t *testing.T, dir string, base int64, first int, after time.Duration) (acked int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "WATCHPOST_CRASH_DIR="+dir,
		fmt.Sprintf("WATCHPOST_CRASH_FIRST=%d", first), fmt.Sprintf("WATCHPOST_CRASH_BASE=%d", base))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acked = first - 1
	lines := bufio.NewScanner(out)
	var kill *time.Timer
	for lines.Scan() {
		n, err := strconv.Atoi(lines.Text())
		if err != nil {
			break // cut by the kill
		}
		acked = n
		if kill == nil {
			kill = time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		}
	}
	_ = cmd.Wait() // killed, as intended
	if kill == nil {
		t.Fatal("the child acknowledged nothing")
	}
	return acked
}

// TestFullDisk fills a small file system beneath a running history: rules go on
// seeing what is new, nothing is lost, and the log stays readable after a
// restart.
func TestFullDisk(t *testing.T) {
	testneed.Root(t)
	dir := filepath.Join(t.TempDir(), "small")
	if err := os.Mkdir(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=6m"); err != nil {
		testneed.Missing(t, "mounting a tmpfs: "+err.Error())
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	var log buffer
	o := history.Options{Dir: filepath.Join(dir, "history"), Reserve: 1 << 20, Logger: slog.New(slog.NewTextHandler(&log, nil))}
	h, err := history.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	units := inventory(50)
	at := time.Now().Add(-time.Hour).Truncate(time.Second)
	n := 0
	see := func() {
		for _, u := range units {
			observe(h, u.Systems[0].Checks[0], at.Add(time.Duration(n)*time.Second), probes.Verdict(1+n%3))
		}
		n++
		sync1(t, h)
	}
	for range 50 {
		see()
	}
	fill := filepath.Join(dir, "somebody else's")
	stuff(t, fill)
	for range 200 {
		see()
	}
	if !h.Stats().Degraded || h.Stats().Failures == 0 {
		t.Fatalf("the disk is full and %+v", h.Stats())
	}
	check := func(h *history.History) {
		t.Helper()
		r, err := h.QueryRange(t.Context(), `watchpost_check_state{unit="unit-0007"}`, at, at.Add(time.Duration(n-1)*time.Second), time.Second)
		if err != nil || len(r) != 1 || len(r[0].Points) != n {
			t.Fatalf("%v %d", err, len(r))
		}
		for i, p := range r[0].Points {
			if p.Value != float64(1+i%3) {
				t.Fatalf("look %d reads %v", i, p.Value)
			}
		}
		if v, _ := value(t, h, `sum(count_over_time(watchpost_check_state{unit="unit-0007"}[1h]))`, at.Add(time.Duration(n)*time.Second)); v != float64(n) {
			t.Errorf("%v samples, want %d", v, n)
		}
	}
	check(h) // what rules see while the disk is full: every look, before and since
	if v, ok := value(t, h, `watchpost_check_state{unit="unit-0007"}`, at.Add(time.Duration(n-1)*time.Second)); !ok || v != float64(1+(n-1)%3) {
		t.Errorf("rules don't see the newest while the disk is full: %v %v", v, ok)
	}
	if v, ok := value(t, h, `watchpost_check_state{unit="unit-0007"}`, at); !ok || v != 1 {
		t.Errorf("what was written before can't be read while the disk is full: %v %v", v, ok)
	}
	if c := strings.Count(log.String(), "level=ERROR msg=\"history can't write"); c != 1 {
		t.Errorf("logged %d times, want once a minute:\n%s", c, &log)
	}
	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the disk is used again", func() bool { return !h.Stats().Degraded })
	see()
	check(h)
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	h, err = history.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	check(h)
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
}

// stuff fills the file system of path to the last byte.
func stuff(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1 << 20, 1 << 12, 1} {
		for {
			if _, err := io.WriteString(f, strings.Repeat("x", n)); err != nil {
				break
			}
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
