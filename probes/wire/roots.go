package wire

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"

	"watchpost.example/probes/wire/chain"
)

// maxRoots bounds a file of roots, in bytes.
const maxRoots = 1 << 20

// BookWith is the shared Book, or for a path that is not empty one that also
// trusts the PEM certificates of that file: the same for the same contents,
// because each holds a copy of the machine's roots. The file is read at every
// call. The error names it.
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
	key := sha256.Sum256(b)
	w.withMu.Lock()
	defer w.withMu.Unlock()
	if book := w.with[key]; book != nil {
		return book, nil
	}
	pool := w.book.Roots()
	if !pool.AppendCertsFromPEM(b) {
		return nil, errors.New(path + " holds no PEM certificate")
	}
	book := chain.NewBook(pool)
	w.with[key] = book
	return book, nil
}
