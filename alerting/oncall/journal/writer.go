package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// MaxFile is the size at which a new file is begun when Open is given none.
const MaxFile = 16 << 20

const (
	prefix = "journal-"
	suffix = ".jsonl"
)

// Writer appends to the newest file of a directory. Not safe for concurrent use.
type Writer struct {
	dir  string
	most int64
	f    *os.File
	no   int
	size int64
	seq  int64
	hash string
	// torn says that a write failed half-way: the file must be repaired before
	// the next line, or that line would be glued to the rest of the last.
	torn bool
}

// Repair tells what Open had to mend; the zero value means nothing.
type Repair struct {
	File  string
	Bytes int64  // cut off the end: a line that was not written to its end
	Saved string // where they were kept
	Bad   error  // the last whole line does not hold; a new file was begun
}

// Open finds the newest file or makes the first, cuts off a torn last line
// (kept beside it as .torn) and gives the Writer. Lines before the last are
// not checked: that is Verify's work.
func Open(dir string, maxFile int64) (*Writer, Repair, error) {
	var rep Repair
	if maxFile <= 0 {
		maxFile = MaxFile
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, rep, fmt.Errorf("making the journal's directory: %w", err)
	}
	files, err := Files(dir)
	if err != nil {
		return nil, rep, err
	}
	w := &Writer{dir: dir, most: maxFile, hash: Genesis}
	if len(files) == 0 {
		return w, rep, w.begin(1)
	}
	// The newest file may be empty (a crash right after it was begun): then the
	// end of the chain is in the one before.
	for i, path := range slices.Backward(files) {
		newest := i == len(files)-1
		if newest {
			if err := w.reopen(path); err != nil {
				return nil, rep, err
			}
			if rep, err = w.mend(path); err != nil {
				return nil, rep, errors.Join(err, w.f.Close())
			}
		}
		last, err := lastLine(path)
		if err != nil {
			return nil, rep, errors.Join(err, w.f.Close())
		}
		if last == nil {
			continue
		}
		err = w.follow(last)
		if err != nil && newest {
			rep.File, rep.Bad = path, err
			return w, rep, w.rotate()
		}
		break
	}
	return w, rep, nil
}

// follow takes the chain up from a line. When the line does not hold, its own
// words are taken as far as they can be read, so that the pager still starts.
func (w *Writer) follow(line []byte) error {
	e, err := parse(line)
	if err == nil {
		w.seq = e.Seq
	}
	hash, herr := unseal(line, "")
	if herr != nil {
		return herr
	}
	w.hash = hash
	return err
}

func (w *Writer) reopen(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0o640)
	if err != nil {
		return fmt.Errorf("opening the journal: %w", err)
	}
	st, err := f.Stat()
	if err != nil {
		return errors.Join(fmt.Errorf("opening the journal: %w", err), f.Close())
	}
	w.f, w.size = f, st.Size()
	if _, err := fmt.Sscanf(filepath.Base(path), prefix+"%d"+suffix, &w.no); err != nil {
		return errors.Join(fmt.Errorf("the journal file %s has no number in its name: %w", path, err), f.Close())
	}
	return nil
}

// mend cuts off what stands after the last newline.
func (w *Writer) mend(path string) (Repair, error) {
	whole, err := wholeLines(w.f, w.size)
	if err != nil || whole == w.size {
		return Repair{}, err
	}
	rest := make([]byte, w.size-whole)
	if _, err := w.f.ReadAt(rest, whole); err != nil {
		return Repair{}, fmt.Errorf("reading the torn line: %w", err)
	}
	rep := Repair{File: path, Bytes: int64(len(rest)), Saved: fmt.Sprintf("%s.torn-%d", path, time.Now().Unix())}
	if err := os.WriteFile(rep.Saved, rest, 0o640); err != nil {
		rep.Saved = "" // on a full disk the torn bytes are given up, not the pager
	}
	if err := w.f.Truncate(whole); err != nil {
		return rep, fmt.Errorf("cutting off the torn line: %w", err)
	}
	w.size, w.torn = whole, false
	return rep, w.f.Sync()
}

// wholeLines is the size of the file up to and with its last newline.
func wholeLines(f io.ReaderAt, size int64) (int64, error) {
	buf := make([]byte, 64<<10)
	for end := size; end > 0; {
		start := max(0, end-int64(len(buf)))
		n, err := f.ReadAt(buf[:end-start], start)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, fmt.Errorf("reading the end of the journal: %w", err)
		}
		if i := bytes.LastIndexByte(buf[:n], '\n'); i >= 0 {
			return start + int64(i) + 1, nil
		}
		end = start
	}
	return 0, nil
}

func lastLine(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the journal: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("opening the journal: %w", err)
	}
	size := min(st.Size(), MaxLine)
	b := make([]byte, size)
	if _, err := f.ReadAt(b, st.Size()-size); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading the end of the journal: %w", err)
	}
	b = bytes.TrimSuffix(b, []byte("\n"))
	if len(b) == 0 {
		return nil, nil
	}
	return b[bytes.LastIndexByte(b, '\n')+1:], nil
}

// begin starts the file of a number.
func (w *Writer) begin(no int) error {
	path := filepath.Join(w.dir, fmt.Sprintf("%s%06d%s", prefix, no, suffix))
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o640)
	if err != nil {
		return fmt.Errorf("beginning a journal file: %w", err)
	}
	// The name must survive a power cut, too.
	if err := syncDir(w.dir); err != nil {
		return errors.Join(err, f.Close())
	}
	w.f, w.no, w.size = f, no, 0
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("syncing the journal's directory: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

func (w *Writer) rotate() error {
	old := w.f
	if err := w.begin(w.no + 1); err != nil {
		return err
	}
	return old.Close()
}

// Seq is the number of the last line; 0 before the first.
func (w *Writer) Seq() int64 { return w.seq }

// Hash is the hash of the last line. Noted elsewhere (on the shift's paper log,
// at the peer), it proves later that nothing before it was changed.
func (w *Writer) Hash() string { return w.hash }

// Line is an entry that was made into JSON already.
type Line struct {
	Seq  int64
	Body []byte
}

// Append writes the lines that are not in the journal yet (their Seq is above
// the last) and is on disk when it returns. After an error nothing is known to
// be written; the same lines may be given again.
func (w *Writer) Append(lines []Line) error {
	// What a failed write left may hold whole lines, too, that are about to be
	// written again: back to where the last good write ended.
	if w.torn {
		if err := w.undo(); err != nil {
			return err
		}
	}
	var buf bytes.Buffer
	seq, hash := w.seq, w.hash
	for _, l := range lines {
		if l.Seq <= seq {
			continue
		}
		line, h := seal(l.Body, hash)
		buf.Write(line)
		buf.WriteByte('\n')
		seq, hash = l.Seq, h
	}
	if buf.Len() == 0 {
		return nil
	}
	if w.size > 0 && w.size+int64(buf.Len()) > w.most {
		if err := w.rotate(); err != nil {
			return err
		}
	}
	if _, err := w.f.Write(buf.Bytes()); err != nil {
		return errors.Join(fmt.Errorf("writing the journal: %w", err), w.undo())
	}
	if err := w.f.Sync(); err != nil {
		return errors.Join(fmt.Errorf("syncing the journal: %w", err), w.undo())
	}
	w.size += int64(buf.Len())
	w.seq, w.hash = seq, hash
	return nil
}

// undo cuts a failed write off again; when even that fails, the next Append
// tries once more.
func (w *Writer) undo() error {
	if err := w.f.Truncate(w.size); err != nil {
		w.torn = true
		return fmt.Errorf("cutting off a failed write: %w", err)
	}
	w.torn = false
	return nil
}

// Close closes the file.
func (w *Writer) Close() error { return w.f.Close() }

// Files gives the journal's files, oldest first.
func Files(dir string) ([]string, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("reading the journal's directory: %w", err)
	}
	var out []string
	for _, e := range list {
		if n := e.Name(); strings.HasPrefix(n, prefix) && strings.HasSuffix(n, suffix) {
			out = append(out, filepath.Join(dir, n))
		}
	}
	slices.Sort(out)
	return out, nil
}
