package gammu

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	"watchpost.example/alerting"
)

const (
	// maxNote bounds the page's id in a file name: smsd copies the name into
	// 100 bytes without looking.
	maxNote = 40
	// maxEntries bounds how many names of a folder are read at once.
	maxEntries = 10_000
	// tmpPrefix hides a file from smsd, which reads only names with "OUT".
	tmpPrefix = ".watchpost-"
)

var (
	numberForm = regexp.MustCompile(`^\+?[0-9]{3,15}$`)
	noteForm   = regexp.MustCompile(`^[A-Za-z0-9-]+$`)
)

// cleanNumber takes out what people write into numbers; "" = not a number. It
// is what keeps an address from becoming a path.
func cleanNumber(s string) string {
	s = strings.NewReplacer(" ", "", ".", "", "-", "", "(", "", ")", "").Replace(s)
	if !numberForm.MatchString(s) {
		return ""
	}
	return s
}

// fileName is the page's name in outbox, sent and error. It depends on the page
// alone, so a page that is sent again after a crash meets its own file. smsd
// takes the files in the order of their names: A before C.
func fileName(p alerting.Page, number string, report bool) string {
	note := p.ID
	if len(note) > maxNote || !noteForm.MatchString(note) {
		sum := sha256.Sum256([]byte(p.ID))
		note = hex.EncodeToString(sum[:16])
	}
	priority, ext := "C", "txt"
	if p.Severity == alerting.Critical {
		priority = "A"
	}
	if report {
		ext = "txtd" // d asks for a delivery report
	}
	return "OUT" + priority + p.Created.UTC().Format("20060102_150405") + "_00_" + number + "_" + note + "." + ext
}

// sentName takes a file name apart; ok is false for files of others.
func sentName(name string) (number, note string, ok bool) {
	base, _, _ := strings.Cut(name, ".")
	parts := strings.Split(base, "_")
	if !strings.HasPrefix(name, "OUT") || len(parts) != 5 || !numberForm.MatchString(parts[3]) || !noteForm.MatchString(parts[4]) {
		return "", "", false
	}
	return parts[3], parts[4], true
}

// encode is UTF-16 with a byte order mark: without one, smsd decodes by its
// locale, which a service does not have.
func encode(text string) []byte {
	out := []byte{0xFE, 0xFF}
	for _, u := range utf16.Encode([]rune(text)) {
		out = append(out, byte(u>>8), byte(u))
	}
	return out
}

// decode reads smsd's "unicode" and "standard" formats. What follows the first
// NUL is smsd's memory: its "unicode" writes twice the length of the text's
// UTF-8 form.
func decode(b []byte) string {
	text, _, _ := strings.Cut(decodeAll(b), "\x00")
	return strings.TrimPrefix(text, "\ufeff") // of a "standard" inbox in UTF-8
}

func decodeAll(b []byte) string {
	big := len(b) >= 2 && b[0] == 0xFE && b[1] == 0xFF
	if !big && (len(b) < 2 || b[0] != 0xFF || b[1] != 0xFE) {
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	var u []uint16
	for b = b[2:]; len(b) >= 2; b = b[2:] {
		if big {
			u = append(u, uint16(b[0])<<8|uint16(b[1]))
		} else {
			u = append(u, uint16(b[1])<<8|uint16(b[0]))
		}
	}
	return string(utf16.Decode(u))
}

// dir is a folder of the spool.
func (c *channel) dir(name string) string { return filepath.Join(c.set.Spool, name) }

// put writes a page into the outbox so that smsd never sees a part of it.
func (c *channel) put(name, text string) error { return c.putRaw(name, encode(text)) }

func (c *channel) putRaw(name string, body []byte) error {
	tmp := filepath.Join(c.dir("outbox"), tmpPrefix+name)
	// The group may be smsd's own: it must be able to read.
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o660)
	if err != nil {
		return fmt.Errorf("writing into the spool: %w", err)
	}
	_, err = f.Write(body)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(tmp, filepath.Join(c.dir("outbox"), name))
	}
	if err != nil {
		_ = os.Remove(tmp) // the first error tells more
		return fmt.Errorf("writing into the spool: %w", err)
	}
	return nil
}

// sweep removes what a crash left half-written in the outbox.
func (c *channel) sweep(now time.Time) {
	names, err := c.list("outbox", tmpPrefix)
	if err != nil {
		return // prune and Health tell
	}
	for _, n := range names {
		path := filepath.Join(c.dir("outbox"), n)
		if info, err := os.Lstat(path); err == nil && now.Sub(info.ModTime()) > pruneEvery {
			_ = os.Remove(path) // tried again in an hour
		}
	}
}

// has tells whether a folder of the spool has the file.
func (c *channel) has(dir, name string) bool {
	_, err := os.Lstat(filepath.Join(c.dir(dir), name))
	return err == nil
}

// list gives the names in a folder that begin with prefix, sorted.
func (c *channel) list(dir, prefix string) ([]string, error) {
	f, err := os.Open(c.dir(dir))
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	names, err := f.Readdirnames(maxEntries)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(n string) bool { return !strings.HasPrefix(n, prefix) })
	slices.Sort(names)
	return names, nil
}

// read gives a file's content, at most limit bytes of it, and when it was
// written. Only regular files are opened: a pipe would block.
func read(path string, limit int64) ([]byte, time.Time, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, time.Time{}, err
	}
	if !info.Mode().IsRegular() {
		return nil, time.Time{}, &fs.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, time.Time{}, err
	}
	defer func() { _ = f.Close() }() // only read
	b, err := io.ReadAll(io.LimitReader(f, limit))
	return b, info.ModTime(), err
}

// prune removes what is older than Keep from sent and error.
func (c *channel) prune(now time.Time) {
	c.sweep(now)
	for _, dir := range []string{"sent", "error"} {
		names, err := c.list(dir, "OUT")
		if err != nil {
			c.log.Warn("reading the SMS spool failed", "channel", c.name, "folder", dir, "err", err)
			continue
		}
		for _, n := range names {
			path := filepath.Join(c.dir(dir), n)
			if info, err := os.Lstat(path); err == nil && now.Sub(info.ModTime()) > c.set.Keep {
				if err := os.Remove(path); err != nil {
					c.log.Warn("removing an old SMS failed", "channel", c.name, "err", err)
				}
			}
		}
	}
}
