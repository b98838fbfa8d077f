package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestRestore: what deploy/README.md says of backups, done. The data folder of
// a watchpost that was stopped is copied to another place with the
// configuration; the copy starts there, remembers the outage as running since
// then, and its history is whole.
func TestRestore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	storage := filepath.Join(dir, "data")
	config := write(t, dir, "watchpost.yaml", quickly)
	write(t, dir, "inventory/don-vi.yaml", unit("mot", site(t, http.StatusInternalServerError).URL))

	p := launch(t, config, storage)
	eventually(t, 60*time.Second, "the outage is confirmed and remembered on disk", func() bool {
		b, err := os.ReadFile(filepath.Join(storage, "alerting", "alerts.json"))
		return err == nil && strings.Contains(string(b), "SystemDown")
	})
	since := downSince(t, p)
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Fatalf("it did not stop in order: %v", err)
	}
	stopped := time.Now()

	elsewhere := filepath.Join(t.TempDir(), "restored")
	if err := os.CopyFS(elsewhere, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil { // the first machine burned down
		t.Fatal(err)
	}
	q := launch(t, filepath.Join(elsewhere, "watchpost.yaml"), filepath.Join(elsewhere, "data"))
	rows, err := q.query(t, fmt.Sprintf(`count_over_time(watchpost_check_state{system="mot"}[5m] @ %.3f)`, seconds(stopped)))
	if err != nil || len(rows) != 1 {
		t.Errorf("history from before: %v %v", rows, err)
	}
	series := `watchpost_check_state_since_timestamp_seconds{system="mot"}`
	eventually(t, 20*time.Second, "the copy looks for itself", func() bool {
		rows, err := q.query(t, fmt.Sprintf(`%s and timestamp(%s) > %.3f`, series, series, seconds(stopped)))
		return err == nil && len(rows) == 1
	})
	if again := downSince(t, q); again != since {
		t.Errorf("the outage began at %s, after the restore at %s", since, again)
	}
}
