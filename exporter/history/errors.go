package history

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// Errors that Open gives, wrapped in a line that says the cure.
var (
	ErrClosed     = errors.New("the history is closed")
	ErrUnreadable = errors.New("the history's directory can't be used")
	ErrLocked     = errors.New("the history is in use by another process")
	ErrDiskFull   = errors.New("no space is left for the history")
	ErrDamaged    = errors.New("the history is damaged")
)

// cure turns an error of opening dir into one line that says what to do.
func cure(dir string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EAGAIN):
		return fmt.Errorf("%w: %s is locked: stop the other watchpost, or give this one its own --storage.path (%w)", ErrLocked, dir, err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: free some space on the disk of %s, or lower the retention, and start again (%w)", ErrDiskFull, dir, err)
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: the disk of %s is mounted read-only: remount it for writing, after a look at dmesg, or choose another --storage.path (%w)", ErrUnreadable, dir, err)
	case errors.Is(err, os.ErrPermission), errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%w: %s can't be written by user %d: chown it to that user, or choose another --storage.path (%w)", ErrUnreadable, dir, os.Getuid(), err)
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, os.ErrExist):
		return fmt.Errorf("%w: %s is not a directory: move that file away, or choose another --storage.path (%w)", ErrUnreadable, dir, err)
	}
	return fmt.Errorf("%w: opening %s: move the part that is named aside (the rest stays readable), or the whole directory, and start again: %w", ErrDamaged, dir, err)
}
