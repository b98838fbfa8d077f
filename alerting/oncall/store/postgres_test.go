package store

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"watchpost.example/internal/testneed"
)

// TestPostgreSQLTakesEveryStatement shows that the SQL is portable: a real
// PostgreSQL runs the migrations and prepares each statement.
func TestPostgreSQLTakesEveryStatement(t *testing.T) {
	psql := testneed.Program(t, "psql")
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		t.Fatalf("psql is there and no initdb: %v", err)
	}
	bin := filepath.Dir(slices.Max(found))
	dir, err := os.MkdirTemp("", "pg") //nolint:usetesting // a socket's path has 107 bytes, and the name of this test alone takes a third
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	as := unprivileged(t, dir)
	run := func(stdin, name string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.SysProcAttr, cmd.Dir, cmd.Stdin = as, dir, strings.NewReader(stdin)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", filepath.Base(name), err, out)
		}
		return string(out)
	}
	data := filepath.Join(dir, "data")
	run("", filepath.Join(bin, "initdb"), "-D", data, "-U", "watchpost", "--auth=trust", "--no-sync", "-E", "UTF8")
	run("", filepath.Join(bin, "pg_ctl"), "-D", data, "-w", "-l", filepath.Join(dir, "log"), "-o", "-c listen_addresses='' -c fsync=off -k "+dir, "start")
	t.Cleanup(func() {
		cmd := exec.Command(filepath.Join(bin, "pg_ctl"), "-D", data, "-m", "immediate", "stop")
		cmd.SysProcAttr, cmd.Dir = as, dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("stopping PostgreSQL: %v\n%s", err, out)
		}
	})
	var script strings.Builder
	script.WriteString(makeVersion + ";\n")
	for _, m := range migrations {
		script.WriteString(m + "\n")
	}
	for i, s := range statements() {
		fmt.Fprintf(&script, "PREPARE s%d AS %s;\n", i, s)
	}
	run(script.String(), psql, "-h", dir, "-U", "watchpost", "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-q", "-f", "-")
}

// unprivileged is whom PostgreSQL runs as: it refuses root.
func unprivileged(t *testing.T, dir string) *syscall.SysProcAttr {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		t.Fatal(err)
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err1 != nil || err2 != nil {
		t.Fatalf("%v %v", err1, err2)
	}
	if err := os.Chown(dir, int(uid), int(gid)); err != nil {
		t.Fatal(err)
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}
