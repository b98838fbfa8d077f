package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

func line(t *testing.T, seq int64) Line {
	t.Helper()
	b, err := json.Marshal(Entry{Seq: seq, At: time.Date(2026, 8, 29, 3, 0, int(seq), 0, time.UTC), Kind: Incident, What: "opened", Detail: "Cổng thông tin"})
	if err != nil {
		t.Fatal(err)
	}
	return Line{seq, b}
}

func write(t *testing.T, dir string, most int64, from, to int64) {
	t.Helper()
	w, rep, err := Open(dir, most)
	if err != nil || rep != (Repair{}) {
		t.Fatalf("%+v, %v", rep, err)
	}
	for i := from; i <= to; i++ {
		if err := w.Append([]Line{line(t, i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestChainGoesOverFilesAndRestarts(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, 1000, 1, 7)
	write(t, dir, 1000, 8, 20)
	files, err := Files(dir)
	if err != nil || len(files) < 3 {
		t.Fatalf("%v, %v: want several files", files, err)
	}
	first, last, hash, err := VerifyDir(dir)
	if err != nil || first != 1 || last != 20 || len(hash) != 64 {
		t.Errorf("VerifyDir = %d, %d, %q, %v", first, last, hash, err)
	}
	n := int64(0)
	for e, err := range Read(dir) {
		n++
		if err != nil || e.Seq != n {
			t.Errorf("entry %d: %+v, %v", n, e, err)
		}
	}
	if n != 20 {
		t.Errorf("read %d entries", n)
	}
}

func TestLinesAlreadyWrittenAreSkipped(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, 0, 1, 3)
	w, _, err := Open(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	// After a crash between file and database the same lines come again.
	if err := w.Append([]Line{line(t, 2), line(t, 3), line(t, 4)}); err != nil {
		t.Fatal(err)
	}
	if w.Seq() != 4 {
		t.Errorf("seq %d, want 4", w.Seq())
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, last, _, err := VerifyDir(dir); err != nil || last != 4 {
		t.Errorf("last %d, %v", last, err)
	}
}

func TestVerifyNamesTheFirstBrokenLine(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, 0, 1, 6)
	files, err := Files(dir)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(strings.TrimSuffix(string(whole), "\n")+"\n", "\n")[:6]
	join := func(l ...string) string { return strings.Join(l, "") }
	tests := []struct {
		name, text string
		line       int
	}{
		{"as written", string(whole), 0},
		{"empty", "", 0},
		{"a word changed", strings.Replace(string(whole), "thông tin", "thong tin", 3), 1},
		{"a digit of the third's time", join(lines[0], lines[1], strings.Replace(lines[2], ":03", ":33", 1), lines[3], lines[4], lines[5]), 3},
		{"a line removed", join(lines[0], lines[1], lines[3], lines[4], lines[5]), 3},
		{"two swapped", join(lines[0], lines[2], lines[1], lines[3], lines[4], lines[5]), 2},
		{"one twice", join(lines[0], lines[0], lines[1]), 2},
		{"the last torn", join(lines[0], lines[1][:40]), 2},
		{"hash of the last changed", join(lines[0], lines[1][:len(lines[1])-5]+"0\"}\n"), 2},
		{"an empty line", join(lines[0], "\n", lines[1]), 2},
		{"garbage", "\x00\x00\x00\n", 1},
		{"a line without end", strings.Repeat("x", MaxLine+2), 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := Verify(strings.NewReader(tt.text))
			var b *BrokenError
			switch {
			case tt.line == 0 && err != nil:
				t.Errorf("got %v", err)
			case tt.line > 0 && (!errors.As(err, &b) || b.Line != tt.line):
				t.Errorf("got %v, want line %d", err, tt.line)
			}
		})
	}
}

// Every possible place of a power cut within the last line.
func TestTornTailIsCutOffAndKept(t *testing.T) {
	src := t.TempDir()
	write(t, src, 0, 1, 3)
	files, err := Files(src)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	second := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	for cut := second; cut < len(whole); cut++ {
		dir := fmt.Sprintf("%s/cut%d", t.TempDir(), cut)
		if err := os.Mkdir(dir, 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+"/journal-000001.jsonl", whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		w, rep, err := Open(dir, 0)
		if err != nil {
			t.Fatal(err)
		}
		if rep.Bytes != int64(cut-second) || w.Seq() != 2 {
			t.Fatalf("cut at %d: repair %+v, seq %d", cut, rep, w.Seq())
		}
		if err := errors.Join(w.Append([]Line{line(t, 3)}), w.Close()); err != nil {
			t.Fatal(err)
		}
		if _, last, _, err := VerifyDir(dir); err != nil || last != 3 {
			t.Fatalf("cut at %d: last %d, %v", cut, last, err)
		}
	}
}

// A whole last line that does not hold was changed by somebody or by the disk.
// The pager must start; the proof must stay.
func TestTamperedLastLineIsKeptAndReported(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, 0, 1, 3)
	files, err := Files(dir)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	i := bytes.LastIndex(b, []byte("opened"))
	copy(b[i:], "closed")
	if err := os.WriteFile(files[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	w, rep, err := Open(dir, 0)
	if err != nil || rep.Bad == nil {
		t.Fatalf("repair %+v, %v", rep, err)
	}
	if err := errors.Join(w.Append([]Line{line(t, w.Seq()+1)}), w.Close()); err != nil {
		t.Fatal(err)
	}
	var broken *BrokenError
	if _, _, _, err := VerifyDir(dir); !errors.As(err, &broken) || broken.Line != 3 || broken.File != "journal-000001.jsonl" {
		t.Errorf("VerifyDir: %v, want line 3 of the first file", err)
	}
}

func FuzzVerify(f *testing.F) {
	a, h := seal([]byte(`{"seq":1,"at":"2026-08-29T03:00:00Z","kind":"x"}`), Genesis)
	b, _ := seal([]byte(`{"seq":2,"at":"2026-08-29T03:00:00Z","kind":"x"}`), h)
	f.Add([]byte(string(a) + "\n" + string(b) + "\n"))
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		if Verify(bytes.NewReader(in)) != nil || len(in) == 0 {
			return
		}
		// What verifies must be lines; one flipped bit must not verify, except in
		// the first line's prev, which may be any.
		out := bytes.Clone(in)
		out[len(out)/2] ^= 1
		if Verify(bytes.NewReader(out)) == nil {
			t.Errorf("a flipped bit was not found in %q", in)
		}
	})
}

// The disk fills up, or the file can't even be cut back: nothing is lost, the
// same lines are written later, and the chain holds.
func TestFullDiskThenRoomAgain(t *testing.T) {
	dir := t.TempDir()
	w, _, err := Open(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Append([]Line{line(t, 1)}); err != nil {
		t.Fatal(err)
	}
	good := w.f
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	w.f = full // every write: no space left on device; and it can't be truncated
	for range 3 {
		if err := w.Append([]Line{line(t, 2)}); err == nil {
			t.Fatal("a write to a full disk is taken for done")
		}
	}
	if w.Seq() != 1 || !w.torn {
		t.Errorf("seq %d, torn %v", w.Seq(), w.torn)
	}
	w.f = good
	if _, err := good.WriteString("{\"seq\":2}\n{\"seq\":3,\"at\":\"half a li"); err != nil { // what the failed write left
		t.Fatal(err)
	}
	if err := errors.Join(w.Append([]Line{line(t, 2), line(t, 3)}), full.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	if first, last, _, err := VerifyDir(dir); err != nil || first != 1 || last != 3 {
		t.Errorf("%d to %d, %v", first, last, err)
	}
}
