package history_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"watchpost.example/exporter/history"
	"watchpost.example/probes"
)

func evidence(t *testing.T, o history.EvidenceOptions) *history.Evidence {
	t.Helper()
	e, err := history.OpenEvidence(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func TestEvidenceSink(t *testing.T) {
	dir := t.TempDir()
	e := evidence(t, history.EvidenceOptions{Dir: dir})
	var down, well probes.Observation
	down.Verdict, well.Verdict = probes.Down, probes.Up
	hash := down.Attach("text/html", []byte("<script>"))
	not := well.Attach("text/html", []byte("fine"))
	lie := probes.Evidence{Hash: "../../etc/passwd", Bytes: []byte("lie")}
	down.Evidence = append(down.Evidence, lie)
	for range 3 {
		e.Observe(nil, down, probes.State{})
	}
	e.Observe(nil, well, probes.State{})
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if b, err := e.Get(hash); err != nil || string(b) != "<script>" {
		t.Errorf("%q %v", b, err)
	}
	if _, err := e.Get(not); !errors.Is(err, history.ErrNoEvidence) {
		t.Errorf("a look that was well left evidence: %v", err)
	}
	l, err := os.ReadDir(dir)
	if err != nil || len(l) != 2 {
		t.Errorf("%v %v, want two files: one kept once, one under its true name", l, err)
	}
}

func TestEvidenceIsBounded(t *testing.T) {
	dir := t.TempDir()
	var needed string
	e := evidence(t, history.EvidenceOptions{Dir: dir, Size: 10_000, Referenced: func(h string) bool { return h == needed }})
	var err error
	if needed, err = e.Put([]byte("needed")); err != nil {
		t.Fatal(err)
	}
	var last string
	for i := range 100 {
		if last, err = e.Put(bytes.Repeat([]byte{byte(i)}, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	var size int64
	l, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range l {
		st, err := d.Info()
		if err != nil {
			t.Fatal(err)
		}
		size += st.Size()
	}
	if size > 10_000 || size < 5000 {
		t.Errorf("%d bytes on the disk, want at most 10000", size)
	}
	for name, h := range map[string]string{"the newest": last, "what is referred to": needed} {
		if _, err := e.Get(h); err != nil {
			t.Errorf("%s went: %v", name, err)
		}
	}
	// A restart with a smaller bound, a half-written file and a foreign one.
	if err := os.WriteFile(filepath.Join(dir, last+".tmp"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "README"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	evidence(t, history.EvidenceOptions{Dir: dir, Size: 2000})
	l, err = os.ReadDir(dir)
	if err != nil || len(l) > 3 {
		t.Errorf("%d files left: %v", len(l), err)
	}
	if _, err := os.Stat(filepath.Join(dir, "README")); err != nil {
		t.Error("a file that is no evidence was removed")
	}
}

func TestEvidenceHandler(t *testing.T) {
	dir := t.TempDir()
	e := evidence(t, history.EvidenceOptions{Dir: filepath.Join(dir, "e")})
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := e.Put([]byte("<html><script>alert(1)</script>"))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := e.Put([]byte{0, 1, 2})
	if err != nil {
		t.Fatal(err)
	}
	broken, err := e.Put([]byte("whole"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "e", broken), []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		path, typ, disposition string
		status                 int
	}{
		{"/evidence/" + text, "text/plain; charset=utf-8", "", 200},
		{"/evidence/" + raw, "application/octet-stream", "attachment", 200},
		{"/evidence/" + broken, "", "", 404},
		{"/evidence/" + strings.ToUpper(text), "", "", 404},
		{"/evidence/../secret", "", "", 404},
		{"/evidence/..%2fsecret", "", "", 404},
		{"/evidence/" + strings.Repeat("0", 64), "", "", 404},
		{"/evidence/", "", "", 404},
	} {
		w := httptest.NewRecorder()
		e.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, tc.path, nil))
		if w.Code != tc.status || tc.typ != "" && w.Header().Get("Content-Type") != tc.typ ||
			!strings.HasPrefix(w.Header().Get("Content-Disposition"), tc.disposition) || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v", tc.path, w.Code, w.Header())
		}
		if strings.Contains(w.Body.String(), "secret") {
			t.Error("path traversal")
		}
	}
}
