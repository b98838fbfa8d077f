package history

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"watchpost.example/exporter"
	"watchpost.example/probes"
)

// DefaultEvidenceSize bounds the store of evidence, in bytes.
const DefaultEvidenceSize = 256 << 20

// ErrNoEvidence is what Get gives for a hash that is not kept (any more), and
// for a text that is no hash.
var ErrNoEvidence = errors.New("no such evidence is kept")

// EvidenceOptions says where evidence is kept and how much of it.
type EvidenceOptions struct {
	Dir  string
	Size int64 // bytes at most; 0 = DefaultEvidenceSize
	// Referenced tells whether a hash is still needed by what is shown now;
	// such evidence goes last. nil = the oldest goes, whatever it is.
	Referenced func(hash string) bool
	Logger     *slog.Logger // nil = silent
}

// Evidence is a bounded store of what looks saw, addressed by the SHA-256 of
// its content: the same page seen a thousand times is kept once. It is a
// probes.Sink that keeps the evidence of looks that were not Up or had
// findings, and never blocks one.
type Evidence struct {
	o       EvidenceOptions
	queue   chan probes.Evidence
	done    chan struct{}
	close   sync.Once
	dropped atomic.Uint64

	mu    sync.Mutex
	files map[string]kept // by hash
	size  int64
}

type kept struct {
	size int64
	used time.Time // when it was last seen
}

var _ probes.Sink = (*Evidence)(nil)

// OpenEvidence opens or makes the store. Close it at the end.
func OpenEvidence(o EvidenceOptions) (*Evidence, error) {
	o.Size = cmp.Or(o.Size, DefaultEvidenceSize)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(o.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("evidence: %w", cure(o.Dir, err))
	}
	e := &Evidence{o: o, queue: make(chan probes.Evidence, 256), done: make(chan struct{}), files: map[string]kept{}}
	list, err := os.ReadDir(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("evidence: %w", cure(o.Dir, err))
	}
	for _, d := range list {
		e.found(d)
	}
	e.evict()
	go e.run()
	return e, nil
}

// found takes a file of an earlier run into account; a half-written one goes.
func (e *Evidence) found(d fs.DirEntry) {
	st, err := d.Info()
	switch {
	case err != nil || !st.Mode().IsRegular():
	case isHash(d.Name()):
		e.files[d.Name()] = kept{st.Size(), st.ModTime()}
		e.size += st.Size()
	case strings.HasSuffix(d.Name(), ".tmp"):
		_ = os.Remove(filepath.Join(e.o.Dir, d.Name())) // it counts for nothing either way
	}
}

// Observe keeps the evidence of a look that was not well. When the disk is too
// slow it is dropped and counted.
func (e *Evidence) Observe(_ *probes.Check, o probes.Observation, _ probes.State) {
	if o.Verdict == probes.Up && len(o.Findings) == 0 {
		return
	}
	for _, ev := range o.Evidence {
		if len(ev.Bytes) == 0 || len(ev.Bytes) > probes.MaxEvidence {
			continue
		}
		select {
		case e.queue <- ev:
		default:
			e.dropped.Add(1)
		}
	}
}

// Dropped counts the pieces that were lost because the queue was full or the
// disk refused them.
func (e *Evidence) Dropped() uint64 { return e.dropped.Load() }

// Stats is Dropped and the size of all that is kept.
func (e *Evidence) Stats() exporter.EvidenceStats {
	e.mu.Lock()
	defer e.mu.Unlock()
	return exporter.EvidenceStats{Dropped: e.dropped.Load(), Bytes: e.size}
}

// Close writes what is queued. Observe must not be called after it.
func (e *Evidence) Close() error {
	e.close.Do(func() { close(e.queue); <-e.done })
	return nil
}

func (e *Evidence) run() {
	defer close(e.done)
	var quiet time.Time
	for ev := range e.queue {
		if _, err := e.Put(ev.Bytes); err != nil {
			e.dropped.Add(1)
			if time.Now().After(quiet) {
				quiet = time.Now().Add(time.Minute)
				e.o.Logger.Error("evidence can't be kept; everything else goes on", "dir", e.o.Dir, "error", err)
			}
		}
	}
}

// Put keeps b and gives its hash. The name is made from the content here, so
// that a wrong hash in an Observation can't name another's file.
func (e *Evidence) Put(b []byte) (string, error) {
	sum := sha256.Sum256(b)
	hash := hex.EncodeToString(sum[:])
	e.mu.Lock()
	defer e.mu.Unlock()
	path := filepath.Join(e.o.Dir, hash)
	now := time.Now()
	if k, ok := e.files[hash]; ok {
		k.used = now
		e.files[hash] = k
		_ = os.Chtimes(path, now, now) // only the order of eviction after a restart
		return hash, nil
	}
	if err := writeWhole(path, b); err != nil {
		return "", fmt.Errorf("keeping evidence %s: %w", hash, err)
	}
	e.files[hash] = kept{int64(len(b)), now}
	e.size += int64(len(b))
	e.evict()
	return hash, nil
}

// writeWhole writes a file so that it is there whole or not at all.
func writeWhole(path string, b []byte) (err error) {
	tmp := path + ".tmp"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp))
		}
	}()
	if _, err = f.Write(b); err != nil {
		return errors.Join(err, f.Close())
	}
	if err = errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

// evict removes the oldest until the store is within its size, those that
// nothing refers to first. mu is held, or the store is not shared yet.
func (e *Evidence) evict() {
	if e.size <= e.o.Size {
		return
	}
	type old struct {
		hash   string
		used   time.Time
		needed bool
	}
	all := make([]old, 0, len(e.files))
	for h, k := range e.files {
		all = append(all, old{h, k.used, e.o.Referenced != nil && e.o.Referenced(h)})
	}
	slices.SortFunc(all, func(a, b old) int {
		if a.needed != b.needed {
			if a.needed {
				return 1
			}
			return -1
		}
		return a.used.Compare(b.used)
	})
	// A tenth more than needed, so that the sorting is not done at every Put.
	for _, o := range all {
		if e.size <= e.o.Size-e.o.Size/10 {
			return
		}
		if err := os.Remove(filepath.Join(e.o.Dir, o.hash)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			e.o.Logger.Warn("evidence can't be removed", "hash", o.hash, "error", err)
			continue
		}
		e.size -= e.files[o.hash].size
		delete(e.files, o.hash)
	}
}

// Get reads evidence; ErrNoEvidence when it is not there. What was damaged on
// the disk is not given out under a hash that it no longer has.
func (e *Evidence) Get(hash string) ([]byte, error) {
	if !isHash(hash) {
		return nil, ErrNoEvidence
	}
	b, err := os.ReadFile(filepath.Join(e.o.Dir, hash))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoEvidence
	}
	if err != nil {
		return nil, fmt.Errorf("reading evidence %s: %w", hash, err)
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != hash {
		return nil, fmt.Errorf("%w: %s was damaged on the disk", ErrNoEvidence, hash)
	}
	return b, nil
}

// isHash lets only 64 lower-case hex digits through, so that no name leaves
// the directory.
func isHash(s string) bool {
	if len(s) != 2*sha256.Size {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// Handler serves /evidence/{hash}: text as plain text, everything else as a
// download. It is what a hostile server sent, so a browser must never run it.
func (e *Evidence) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hash := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
		b, err := e.Get(hash)
		if err != nil {
			http.Error(w, ErrNoEvidence.Error(), http.StatusNotFound)
			return
		}
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "private, max-age=86400, immutable")
		if plain(b) {
			h.Set("Content-Type", "text/plain; charset=utf-8")
		} else {
			h.Set("Content-Type", "application/octet-stream")
			h.Set("Content-Disposition", `attachment; filename="evidence-`+hash[:12]+`.bin"`)
		}
		_, _ = w.Write(b) // the reader went away
	})
}

// plain tells whether b reads as text: UTF-8 without control bytes but those
// of lines.
func plain(b []byte) bool {
	s := string(b)
	return strings.ToValidUTF8(s, "") == s && !strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f
	})
}
