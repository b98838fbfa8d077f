package wire_test

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"watchpost.example/probes/probetest"
	"watchpost.example/probes/wire"
)

func TestBookWithIsSharedBySameContents(t *testing.T) {
	w, err := wire.New(wire.Options{Roots: x509.NewCertPool(), Resolvers: []string{"127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	with := func(path string) any {
		t.Helper()
		b, err := w.BookWith(path)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	var roots []string
	for _, name := range []string{"one", "other"} {
		ca, err := probetest.NewCA(name)
		if err != nil {
			t.Fatal(err)
		}
		roots = append(roots, string(ca.RootPEM()))
	}
	one, other := roots[0], roots[1]
	first := with(write("a.pem", one))
	if with(write("b.pem", one)) != first {
		t.Error("the same roots in two files are two books, each with a copy of the machine's roots")
	}
	if with("") == first {
		t.Error("a file's roots went into the book of all checks")
	}
	if with(write("a.pem", other)) == first {
		t.Error("a file that was changed gives the book of its old contents")
	}
	if _, err := w.BookWith(write("a.pem", "no PEM")); err == nil || !strings.Contains(err.Error(), "holds no PEM certificate") {
		t.Errorf("%v", err)
	}
}
