package history

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// slack is what must be free beyond the reserve before a disk that was full is
// trusted again, so that it does not go back and forth.
const slack = 4 << 20

// disk looks after the space of the history's directory.
type disk struct {
	dir     string
	reserve int64 // bytes; <= 0 = none
}

func (d disk) ballast() string { return filepath.Join(d.dir, "reserve") }

// prepare makes the directory and the reserve. That a directory can be made
// does not mean that it can be written, so a file is.
func (d disk) prepare() error {
	if err := os.MkdirAll(d.dir, 0o750); err != nil {
		return err
	}
	if err := d.try(); err != nil {
		return err
	}
	if d.reserve <= 0 {
		return nil
	}
	if st, err := os.Stat(d.ballast()); err == nil && st.Size() == d.reserve {
		return nil
	}
	return d.write(d.ballast(), d.reserve)
}

// try writes a small file.
func (d disk) try() error {
	p := filepath.Join(d.dir, "reserve.try")
	defer func() { _ = os.Remove(p) }() // there is none if the writing failed
	return d.write(p, 4096)
}

// write fills a file with n bytes. A file with a hole would reserve nothing.
func (d disk) write(path string, n int64) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, f.Close())
		if err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	buf := make([]byte, min(n, 1<<20))
	for left := n; left > 0; left -= int64(len(buf)) {
		if _, err := f.Write(buf[:min(left, int64(len(buf)))]); err != nil {
			return err
		}
	}
	return f.Sync()
}

// release gives the reserve up.
func (d disk) release() {
	_ = os.Remove(d.ballast()) // when it can't be, there is nothing else to do
}

// free is the space that this user can still take, in bytes.
func (d disk) free() (int64, error) {
	free, _, err := d.room()
	return free, err
}

// room is the space that this user can still take, and all that there is, in bytes.
func (d disk) room() (free, size int64, err error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(d.dir, &st); err != nil {
		return 0, 0, fmt.Errorf("asking for the space of %s: %w", d.dir, err)
	}
	return int64(st.Bavail) * st.Bsize, int64(st.Blocks) * st.Bsize, nil
}

// low tells whether the disk is about to be full.
func (d disk) low() bool {
	free, err := d.free()
	return err == nil && d.reserve > 0 && free < min(d.reserve/8, 1<<20)
}

// back tells whether a disk that was full has room again for the reserve and
// some more, by writing.
func (d disk) back() bool {
	if os.MkdirAll(d.dir, 0o750) != nil {
		return false
	}
	free, err := d.free()
	if err != nil || free < max(d.reserve, 0)+min(slack, max(d.reserve, 1<<16)) {
		return false
	}
	return d.prepare() == nil
}
