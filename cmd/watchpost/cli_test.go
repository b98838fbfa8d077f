package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"watchpost.example/internal/testneed"
)

// fiveMistakes has five, in two files.
var fiveMistakes = map[string]string{
	"watchpost.yaml": "vantagge: here\ndefaults: {interval: soon}\n",
	"inventory/u.yaml": `units:
  - id: don-vi
    name: Đơn vị thử
    systems:
      - {id: mot, url: "htps://portal.example"}
      - {id: hai, url: "https://portal.example:99999"}
      - {id: ba, url: "https://portal.example", level: 9}
`,
}

func TestFiveMistakesAreFiveLines(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range fiveMistakes {
		write(t, dir, name, text)
	}
	config := filepath.Join(dir, "watchpost.yaml")
	for _, args := range [][]string{
		{"check", "--config", config},
		{"serve", "--config", config, "--storage.path", filepath.Join(dir, "data"), "--web.listen-address", "127.0.0.1:0"},
		{"report", "--config", config, "--from", "2026-09-01"},
	} {
		code, out, errOut := run(t, args...)
		if code != 2 || len(linesOf(errOut)) != 5 || out != "" {
			t.Errorf("%s: exit %d, %d lines, want 2 and 5:\n%s%s", args[0], code, len(linesOf(errOut)), out, errOut)
		}
		for _, want := range []string{"watchpost.yaml:1:1: ", "u.yaml:5:", "u.yaml:6:", "u.yaml:7:", "did you mean"} {
			if !strings.Contains(errOut, want) {
				t.Errorf("%s: nothing about %q:\n%s", args[0], want, errOut)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "data")); err == nil {
		t.Error("a bad configuration half-started: there is a data directory")
	}
}

// good is a configuration of one system that is well.
func good(t *testing.T) (dir, config string) {
	t.Helper()
	dir = t.TempDir()
	write(t, dir, "inventory/don-vi.yaml", unit("mot", site(t, http.StatusOK).URL))
	return dir, write(t, dir, "watchpost.yaml", quickly)
}

// oneLine asks that serve does not start, and says in one line what helps.
func oneLine(t *testing.T, errOut string, code int, cures ...string) {
	t.Helper()
	var said []string
	for _, l := range linesOf(errOut) {
		if !strings.HasPrefix(l, "time=") { // the log is not what is meant
			said = append(said, l)
		}
	}
	if code != 1 || len(said) != 1 {
		t.Errorf("exit %d and %d lines, want 1 and 1:\n%s", code, len(said), errOut)
	}
	for _, c := range cures {
		if !strings.Contains(strings.Join(said, "\n"), c) {
			t.Errorf("nothing about %q:\n%s", c, errOut)
		}
	}
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	dir, config := good(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	code, _, errOut := run(t, "serve", "--config", config, "--storage.path", filepath.Join(dir, "data"), "--web.listen-address", l.Addr().String())
	oneLine(t, errOut, code, l.Addr().String(), "--web.listen-address")
}

func TestDataDirectoryIsAFile(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"", "history", "evidence", "alerting"} {
		t.Run("data/"+part, func(t *testing.T) {
			dir, config := good(t)
			write(t, dir, filepath.Join("data", part), "in the way")
			code, _, errOut := run(t, "serve", "--config", config, "--storage.path", filepath.Join(dir, "data"), "--web.listen-address", "127.0.0.1:0")
			oneLine(t, errOut, code, filepath.Join(dir, "data", part), "--storage.path")
		})
	}
}

// nobody runs a command as a user without rights.
func nobody(cmd *exec.Cmd) *exec.Cmd {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	return cmd
}

// open lets everybody read a test's directory and run the test binary.
func open(t *testing.T, dir string) {
	t.Helper()
	if err := filepath.WalkDir(filepath.Dir(dir), func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chmod(path, 0o755)
	}); err != nil {
		t.Fatal(err)
	}
}

func TestDataDirectoryOfAnother(t *testing.T) {
	t.Parallel()
	testneed.Root(t)
	dir, config := good(t)
	data := filepath.Join(dir, "data")
	if err := os.MkdirAll(data, 0o755); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	var said journal
	cmd := nobody(publicly(t, "serve", "--config", config, "--storage.path", data, "--web.listen-address", "127.0.0.1:0"))
	cmd.Stderr = &said
	_ = cmd.Run() // the exit status is looked at below
	oneLine(t, said.String(), cmd.ProcessState.ExitCode(), data, "65534", "chown")
}

// publicly is program from a copy of the test binary that every user may run.
func publicly(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "watchpost")
	if err := os.Link(os.Args[0], bin); err != nil {
		b, err := os.ReadFile(os.Args[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(bin, b, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	open(t, filepath.Dir(bin))
	cmd := program(t.Context(), args...)
	cmd.Path, cmd.Dir = bin, "/"
	return cmd
}

// TestNoRightToPing: without CAP_NET_RAW and datagram sockets nothing is said
// of the host; what we lack is, with the cure.
func TestNoRightToPing(t *testing.T) {
	t.Parallel()
	testneed.Root(t)
	cmd := publicly(t, "probe", "--json", "icmp://127.0.0.1")
	// In a network namespace of its own the range is closed: "1 0".
	cmd = nobody(cmd)
	cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWNET
	out, _ := cmd.Output() // the exit status is looked at below
	var got struct{ Verdict, Reason, Detail string }
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if cmd.ProcessState.ExitCode() != 3 || got.Verdict != "unknown" || got.Reason != "ours_permission" || !strings.Contains(got.Detail, "CAP_NET_RAW") || !strings.Contains(got.Detail, "ping_group_range") {
		t.Errorf("exit %d: %+v", cmd.ProcessState.ExitCode(), got)
	}
}

func TestBadUse(t *testing.T) {
	t.Parallel()
	dir, config := good(t)
	for _, c := range []struct {
		args []string
		say  string
	}{
		{[]string{"serve", "--no-such-flag"}, "--no-such-flag"},
		{[]string{"swerve"}, "swerve"},
		{[]string{"check", "--config", filepath.Join(dir, "nowhere.yaml")}, "nowhere.yaml"},
		{[]string{"probe", "https://portal .example"}, "portal"},
		{[]string{"probe", "gopher://portal.example"}, "gopher"},
		{[]string{"probe", "--config", config, "don-vi/mot/htp"}, "don-vi/mot/http"},
		{[]string{"report", "--config", config, "--from", "yesterday"}, "yesterday"},
		{[]string{"report", "--config", config, "--from", "2026-09-02", "--to", "2026-09-01"}, ""},
		{[]string{"import", filepath.Join(dir, "units.pdf")}, "units.pdf"},
		{[]string{"init", "::"}, "::"},
		{[]string{"completion", "fish"}, "fish"},
	} {
		code, out, errOut := run(t, c.args...)
		if code != 2 || !strings.Contains(errOut, c.say) || out != "" || strings.Contains(errOut, "goroutine") {
			t.Errorf("%v: exit %d, want 2 and a word of %q:\n%s%s", c.args, code, c.say, out, errOut)
		}
	}
}

// TestProbeExitStatuses of bare addresses: 0 up, 1 down, 3 could not tell.
func TestProbeExitStatuses(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := "tcp://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		target, verdict string
		code            int
	}{
		{site(t, http.StatusOK).URL, "up", 0},
		{site(t, http.StatusInternalServerError).URL, "down", 1},
		{refused, "down", 1},
		{"http://portal.example/", "unknown", 3}, // the resolver is dead, which is ours
	} {
		code, out, errOut := run(t, "probe", "--json", "--timeout", "3s", "--resolver", "127.0.0.1:1", c.target)
		var got struct{ Schema, Verdict string }
		if err := json.Unmarshal([]byte(out), &got); err != nil || code != c.code || got.Verdict != c.verdict || got.Schema != "watchpost.probe/1" {
			t.Errorf("%s: exit %d %+v (%v), want %d %s: %s%s", c.target, code, got, err, c.code, c.verdict, out, errOut)
		}
		if code, out, _ := run(t, "probe", "--lang", "en", "--timeout", "3s", "--resolver", "127.0.0.1:1", c.target); code != c.code || len(out) < 20 {
			t.Errorf("%s for people: exit %d: %s", c.target, code, out)
		}
	}
}

func TestInitCheckImport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "inventory", "units.yaml")
	if err := os.Mkdir(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	args := []string{"init", "--out", file, "https://portal.example/", "smtp://mail.example", "dns://donvi.example", "tcp://ldap.example:389"}
	if code, _, errOut := run(t, args...); code != 0 {
		t.Fatalf("init: exit %d: %s", code, errOut)
	}
	if code, _, errOut := run(t, args...); code != 2 || !strings.Contains(errOut, file) {
		t.Errorf("init over a file: exit %d: %s", code, errOut)
	}
	code, out, errOut := run(t, "check", "--config", file)
	if code != 0 || !strings.Contains(out, "portal") {
		t.Errorf("check: exit %d: %s%s", code, out, errOut)
	}
	code, out, errOut = run(t, "check", "--json", "--config", filepath.Dir(file))
	if code != 0 || !json.Valid([]byte(out)) {
		t.Errorf("check --json: exit %d: %s%s", code, out, errOut)
	}
	table := write(t, dir, "units.csv", "Mã đơn vị,Tên đơn vị,Tên hệ thống,URL\nso-a,Sở A,Cổng thông tin,https://cong.example/\nso-b,Sở B,Thư,smtp://thu.example\n")
	taken := filepath.Join(dir, "imported.yaml")
	if code, _, errOut := run(t, "import", "--out", taken, table); code != 0 {
		t.Fatalf("import: exit %d: %s", code, errOut)
	}
	if code, out, errOut := run(t, "check", "--config", taken); code != 0 || !strings.Contains(out, "so-b") {
		t.Errorf("check of what was imported: exit %d: %s%s", code, out, errOut)
	}
	bad := write(t, dir, "bad.csv", "Mã đơn vị,Tên đơn vị,Tên hệ thống,URL\nso-a,Sở A,Cổng,htps://cong.example/\nso-b,Sở B,Thư,smtp://thu:99999\n")
	if code, out, errOut := run(t, "import", bad); code != 2 || len(linesOf(errOut)) != 2 || out != "" {
		t.Errorf("import of two bad rows: exit %d: %s%s", code, out, errOut)
	}
}

func TestVersionCompletionHelp(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"version": "watchpost " + version, "completion bash": "complete -F", "completion zsh": "compdef",
	} {
		code, out, errOut := run(t, strings.Fields(args)...)
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("%s: exit %d, want %q in: %s%s", args, code, want, out, errOut)
		}
	}
	code, out, errOut := run(t, "--help")
	for _, c := range []string{"serve", "lab", "init", "import", "check", "probe", "report", "dashboards", "version"} {
		if !strings.Contains(out+errOut, c) || code != 0 {
			t.Errorf("--help: exit %d, nothing about %s", code, c)
		}
	}
	dir := filepath.Join(t.TempDir(), "new")
	if code, _, errOut := run(t, "dashboards", "--out", dir); code != 0 {
		t.Errorf("dashboards: %s", errOut)
	}
	if found, err := filepath.Glob(filepath.Join(dir, "*.json")); err != nil || len(found) < 2 {
		t.Errorf("dashboards wrote %v (%v)", found, err)
	}
}

// TestFullDisk: when only the history's disk is full, probing and alerting go
// on and the metric tells; and a start on a disk that is full does the same.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	testneed.Root(t)
	dir := t.TempDir()
	sick := site(t, http.StatusInternalServerError)
	config := write(t, dir, "watchpost.yaml", quickly)
	inventory := write(t, dir, "inventory/don-vi.yaml", unit("mot", site(t, http.StatusOK).URL))
	disk := filepath.Join(dir, "data", "history")
	if err := os.MkdirAll(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=48m"); err != nil {
		testneed.Missing(t, "mounting a small disk: "+err.Error())
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	h := start(t, config, filepath.Join(dir, "data"))
	eventually(t, 10*time.Second, "the system is up", func() bool { return h.state("don-vi/mot/http").Verdict.String() == "up" })
	fill(t, filepath.Join(disk, "filler"))
	eventually(t, 20*time.Second, "the metric tells", func() bool { return h.metric(t, "watchpost_history_degraded") == "1" })
	fill(t, filepath.Join(disk, "filler2")) // of the reserve that was given up, too
	write(t, filepath.Dir(inventory), "don-vi.yaml", unit("mot", site(t, http.StatusOK).URL, "hai", sick.URL))
	if err := h.app.reload(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 40*time.Second, "what broke after the disk was full is alerted about", func() bool {
		return strings.Contains(h.console.String(), "FIRING") && strings.Contains(h.console.String(), "don-vi/hai")
	})
	h.stop()

	again := start(t, config, filepath.Join(dir, "data"))
	if got := again.metric(t, "watchpost_history_degraded"); got != "1" {
		t.Errorf("started on a full disk, the metric says %q", got)
	}
	eventually(t, 10*time.Second, "checks are asked on a full disk", func() bool { return again.state("don-vi/hai/http").Verdict.String() == "down" })
	for _, name := range []string{"filler", "filler2"} {
		if err := os.Remove(filepath.Join(disk, name)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, 20*time.Second, "the history mends itself", func() bool { return again.metric(t, "watchpost_history_degraded") == "0" })
}

// fill writes until the disk is full.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 64<<10)
	for err == nil {
		_, err = f.Write(block)
	}
	for err = nil; err == nil; { // the last page
		_, err = fmt.Fprint(f, ".")
	}
	if err := f.Close(); err != nil {
		t.Log(err) // full is what was wanted
	}
}
