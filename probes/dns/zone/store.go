package zone

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	// memoryFormat changes when a field's meaning does; other formats are
	// forgotten with a line in the log.
	memoryFormat = "watchpost.dns.memory/1"
	// maxMemoryFile bounds what is read: ten times what the bounds above give.
	maxMemoryFile = 1 << 20
	// memoryLife is how long the file of a zone that nobody asks about is kept.
	memoryLife = 400 * 24 * time.Hour
	// flushEvery is the pause between two writings.
	flushEvery = 10 * time.Second

	memorySuffix, memoryTemp = ".json", ".new-"
)

// OpenMemory gives a Memory that is kept in dir, one file a zone. It never
// fails: what can't be read or written is said in the log, and watching goes on
// with what is known.
func OpenMemory(dir string, log *slog.Logger) *Memory {
	m := &Memory{dir: dir, log: log}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		log.Error("the memory of DNS zones can't be kept: a restart will forget it", "dir", dir, "err", err)
		return m
	}
	m.sweep(time.Now())
	return m
}

// sweep removes what a killed process left half written, and files of zones
// that are long gone.
func (m *Memory) sweep(now time.Time) {
	l, err := os.ReadDir(m.dir)
	if err != nil {
		m.log.Warn("the memory of DNS zones can't be listed", "dir", m.dir, "err", err)
	}
	for _, e := range l {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		old := strings.HasSuffix(e.Name(), memorySuffix) && now.Sub(info.ModTime()) > memoryLife
		if old || strings.HasPrefix(e.Name(), memoryTemp) {
			_ = os.Remove(filepath.Join(m.dir, e.Name())) // it harms nobody
		}
	}
}

// path is the zone's file: readable for people, and different for every name
// that a zone can have.
func (m *Memory) path(zone string) string {
	plain := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '.' {
			return r
		}
		return '_'
	}, strings.TrimSuffix(zone, "."))
	sum := sha256.Sum256([]byte(zone))
	return filepath.Join(m.dir, strings.TrimLeft(plain[:min(len(plain), 100)], ".")+"_"+hex.EncodeToString(sum[:8])+memorySuffix)
}

// load reads the zone's file; whatever is wrong with it, the answer is a fresh
// recollection and a line in the log.
func (m *Memory) load(zone string, now time.Time) *recollection {
	fresh := &recollection{Format: memoryFormat, Zone: zone}
	if m.dir == "" {
		return fresh
	}
	r, err := readMemory(m.path(zone), zone)
	if errors.Is(err, fs.ErrNotExist) {
		return fresh
	}
	if err != nil {
		m.log.Warn("what was known of a DNS zone can't be read: it begins anew", "zone", zone, "err", err)
		return fresh
	}
	r.bound(now)
	return r
}

func readMemory(path, zone string) (*recollection, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	b, err := io.ReadAll(io.LimitReader(f, maxMemoryFile+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxMemoryFile {
		return nil, fmt.Errorf("%s: larger than %d bytes", path, maxMemoryFile)
	}
	var r recollection
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if r.Format != memoryFormat || r.Zone != zone {
		return nil, fmt.Errorf("%s: format %q of zone %q, not %q of %q", path, r.Format, r.Zone, memoryFormat, zone)
	}
	return &r, nil
}

// bound keeps a file that somebody wrote by hand within what we would write:
// no more than the bounds, nothing from the future.
func (r *recollection) bound(now time.Time) {
	if len(r.Lags) > maxLags {
		r.Lags = nil
	}
	if len(r.Known) > maxKnown {
		r.Known = nil
	}
	if len(r.TTLs) > maxTTLs {
		r.TTLs = nil
	}
	for k, l := range r.TTLs {
		r.TTLs[k] = l[max(len(l)-ttlLooks, 0):]
	}
	r.Renewed = r.Renewed[max(len(r.Renewed)-maxRenewed, 0):]
	for _, s := range r.Renewed {
		if s <= 0 || s > 10*365*86400 {
			r.Renewed = nil
			break
		}
	}
	if r.Secure.After(now) {
		r.Secure = now
	}
}

// flush writes the zones that changed; all = those too whose change could wait.
func (m *Memory) flush(now time.Time, all bool) {
	if m.dir == "" {
		return
	}
	m.disk.Lock()
	defer m.disk.Unlock()
	var failed error
	wrote := 0
	for zone, b := range m.changed(now, all) {
		if err := writeMemory(m.dir, m.path(zone), b); err != nil {
			failed = err
			m.mu.Lock()
			if r := m.zones[zone]; r != nil {
				r.major = true // tried again
			}
			m.mu.Unlock()
			continue
		}
		wrote++
	}
	if wrote > 0 && failed == nil {
		failed = syncDir(m.dir)
	}
	if failed != nil && !m.failing {
		m.log.Error("what is known of DNS zones can't be written: a restart will forget the newest of it", "dir", m.dir, "err", failed)
	}
	if failed == nil && wrote > 0 && m.failing {
		m.log.Info("what is known of DNS zones is written again", "dir", m.dir)
	}
	m.failing = failed != nil || m.failing && wrote == 0
}

// changed gives the new files of the zones that changed.
func (m *Memory) changed(now time.Time, all bool) map[string][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string][]byte{}
	for zone, r := range m.zones {
		if !r.major && (!r.minor || !all && now.Sub(r.Saved) < minorLife && !r.Saved.After(now)) {
			continue
		}
		was := r.Saved
		r.Saved = now.UTC()
		b, err := json.MarshalIndent(r, "", " ")
		if err != nil { // times beyond year 9999: nothing that can be kept
			r.Saved = was
			m.log.Warn("what is known of a DNS zone can't be written", "zone", zone, "err", err)
		} else {
			out[zone] = append(b, '\n')
		}
		r.major, r.minor = false, false
	}
	return out
}

// writeMemory writes the file whole or not at all.
func writeMemory(dir, path string, b []byte) error {
	f, err := os.CreateTemp(dir, memoryTemp+"*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the half-written one; the error counts
	}
	return err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
