package engine

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// debounce gathers the changes of one moment into one write.
const debounce = 20 * time.Millisecond

// saver keeps a file on disk equal to some state in memory: soon after each
// change, once a maintenance interval, and at the end. The file is replaced as
// a whole, so a crash leaves the old or the new one, never half of one.
type saver struct {
	path     string
	write    func(io.Writer) (int64, error)
	failures prometheus.Counter
	logger   *slog.Logger

	kick chan struct{}
	mu   sync.Mutex // one write at a time, so that an older one can't win
}

func newSaver(path string, write func(io.Writer) (int64, error), failures prometheus.Counter, logger *slog.Logger) *saver {
	return &saver{path: path, write: write, failures: failures, logger: logger, kick: make(chan struct{}, 1)}
}

// changed asks for a write; it never blocks, so it may be called under locks.
func (s *saver) changed() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// run writes after changes until ctx ends. The last write is the owner's.
func (s *saver) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.kick:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(debounce):
		}
		_, _ = s.save() // save counts and logs its failure; the next change tries again
	}
}

// save writes now and gives the size of the file.
func (s *saver) save() (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var buf bytes.Buffer
	n, err := s.write(&buf)
	if err == nil {
		err = replaceFile(s.path, buf.Bytes())
	}
	if err != nil {
		s.failures.Inc()
		s.logger.Error("Alerting state was not saved; a crash now may repeat a page. Free the disk or correct the rights",
			"file", s.path, "err", err)
	}
	return n, err
}

// replaceFile writes b to a temporary file beside path, syncs and renames it.
func replaceFile(path string, b []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".tmp-*")
	if err != nil {
		return fmt.Errorf("creating a file beside %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // best effort: the write's error is the one to tell
		}
	}()
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", f.Name(), err)
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("replacing %s: %w", path, err)
	}
	return nil
}

// setAside renames a state file that could not be read, so that the engine
// starts without it instead of not at all.
func setAside(path string, cause error, logger *slog.Logger) error {
	bad := path + ".unreadable-" + time.Now().UTC().Format("20060102T150405")
	if err := os.Rename(path, bad); err != nil {
		return fmt.Errorf("%s can't be read (%w) and can't be set aside: %w", path, cause, err)
	}
	logger.Error("Alerting state could not be read and was set aside; silences or the memory of sent pages may be lost",
		"file", path, "kept_as", bad, "err", cause)
	return nil
}
