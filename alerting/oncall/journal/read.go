package journal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
)

// BrokenError names the first line that does not hold.
type BrokenError struct {
	File string // "" for a reader
	Line int    // from 1
	Seq  int64  // of the last line that held; 0 = none did
	Err  error
}

func (e *BrokenError) Error() string {
	where := fmt.Sprintf("line %d", e.Line)
	if e.File != "" {
		where = fmt.Sprintf("%s:%d", e.File, e.Line)
	}
	return fmt.Sprintf("%s: %v (the last line that holds is number %d)", where, e.Err, e.Seq)
}

func (e *BrokenError) Unwrap() error { return e.Err }

// Verify reads one file's lines and gives a *BrokenError for the first that does
// not hold: changed, missing, added, in another order, or torn. The first line
// may follow any hash, because a file may continue an older one.
func Verify(r io.Reader) error {
	_, _, err := verify(r, "", 0)
	return err
}

func verify(r io.Reader, prev string, seq int64) (hash string, last int64, err error) {
	sc := bufio.NewReaderSize(r, 64<<10)
	for no := 1; ; no++ {
		line, rerr := readLine(sc)
		if errors.Is(rerr, io.EOF) && len(line) == 0 {
			return prev, seq, nil
		}
		broken := func(err error) error { return &BrokenError{Line: no, Seq: seq, Err: err} }
		if errors.Is(rerr, io.EOF) {
			return prev, seq, broken(fmt.Errorf("%w: it has no end; the writer was stopped in it (the next start mends that)", ErrLine))
		}
		if rerr != nil {
			return prev, seq, broken(rerr)
		}
		if prev, err = unseal(line, prev); err != nil {
			return prev, seq, broken(err)
		}
		e, err := parse(line)
		if err != nil {
			return prev, seq, broken(err)
		}
		if seq != 0 && e.Seq != seq+1 {
			return prev, seq, broken(fmt.Errorf("%w: its number is %d", ErrLine, e.Seq))
		}
		seq = e.Seq
	}
}

// readLine reads up to a newline, which it drops; io.EOF comes with what stood
// after the last one.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > MaxLine {
			return nil, fmt.Errorf("%w: longer than %d bytes", ErrLine, MaxLine)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			return line, err
		}
		return line[:len(line)-1], nil
	}
}

// VerifyDir checks all files of a directory as one chain. The oldest file must
// begin the chain unless older ones were moved away, which first tells: the
// number of the first line found.
func VerifyDir(dir string) (first, last int64, hash string, err error) {
	files, err := Files(dir)
	if err != nil {
		return 0, 0, "", err
	}
	prev, seq := "", int64(0)
	for _, path := range files {
		before := seq
		prev, seq, err = verifyFile(path, prev, seq)
		if err != nil {
			if b, ok := errors.AsType[*BrokenError](err); ok {
				b.File = filepath.Base(path)
			}
			return first, seq, prev, err
		}
		if before == 0 && seq > 0 {
			if first, err = firstSeq(path); err != nil {
				return first, seq, prev, err
			}
		}
	}
	return first, seq, prev, nil
}

func verifyFile(path, prev string, seq int64) (string, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return prev, seq, fmt.Errorf("opening the journal: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	return verify(f, prev, seq)
}

func firstSeq(path string) (int64, error) {
	for e, err := range readFile(path) {
		return e.Seq, err
	}
	return 0, nil
}

// Read gives the entries of all files of a directory, oldest first. A line that
// can't be read is given as an error and reading goes on with the next; a torn
// last line is passed over.
func Read(dir string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		files, err := Files(dir)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		for _, path := range files {
			for e, err := range readFile(path) {
				if !yield(e, err) {
					return
				}
			}
		}
	}
}

func readFile(path string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(Entry{}, fmt.Errorf("opening the journal: %w", err))
			return
		}
		defer func() { _ = f.Close() }() // only read
		r := bufio.NewReaderSize(f, 64<<10)
		for no := 1; ; no++ {
			line, err := readLine(r)
			if errors.Is(err, io.EOF) {
				return
			}
			var e Entry
			if err == nil {
				e, err = parse(line)
			}
			if err != nil {
				err = &BrokenError{File: filepath.Base(path), Line: no, Err: err}
			}
			if !yield(e, err) || err != nil && !errors.Is(err, ErrLine) {
				return
			}
		}
	}
}
