package wire

import (
	"errors"
	"fmt"
	"os"

	"watchpost.example/probes/wire/chain"
)

// maxRoots bounds a file of roots, in bytes.
const maxRoots = 1 << 20

// BookWith is the shared Book, or for a path that is not empty a new one that
// also trusts the PEM certificates of that file. The error names the file.
func (w *Wire) BookWith(path string) (*chain.Book, error) {
	if path == "" {
		return w.book, nil
	}
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() || st.Size() > maxRoots {
		return nil, fmt.Errorf("%s is not a regular file of at most 1 MiB", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool := w.book.Roots()
	if !pool.AppendCertsFromPEM(b) {
		return nil, errors.New(path + " holds no PEM certificate")
	}
	return chain.NewBook(pool), nil
}
