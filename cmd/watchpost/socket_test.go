package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// activated is the program as systemd starts it, with these sockets. The shell
// gives its own process number, which the program then has.
func activated(ctx context.Context, fds string, files []*os.File, args ...string) *exec.Cmd {
	script := `LISTEN_PID=$$ LISTEN_FDS=` + fds + ` LISTEN_FDNAMES=watchpost.socket exec "$0" "$@"`
	cmd := exec.CommandContext(ctx, "/bin/sh", append([]string{"-c", script, os.Args[0]}, args...)...)
	cmd.Env, cmd.ExtraFiles = append(os.Environ(), asMain+"=1"), files
	return cmd
}

func socketFile(t *testing.T, network, addr string) (*os.File, net.Addr) {
	t.Helper()
	if network == "udp" {
		c, err := new(net.ListenConfig).ListenPacket(t.Context(), network, addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		f, err := c.(*net.UDPConn).File()
		if err != nil {
			t.Fatal(err)
		}
		return f, c.LocalAddr()
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	f, err := l.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		t.Fatal(err)
	}
	return f, l.Addr()
}

// Two sockets that systemd opened are both served, the first is the address of
// links, and a stop ends in order.
func TestSystemdSocket(t *testing.T) {
	t.Parallel()
	dir, config := good(t)
	first, addr := socketFile(t, "tcp", "127.0.0.1:0")
	second, path := socketFile(t, "unix", filepath.Join(t.TempDir(), "w.sock"))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // the test's own has ended when it cleans up
	defer cancel()
	cmd := activated(ctx, "2", []*os.File{first, second}, "serve", "--config", config, "--storage.path", filepath.Join(dir, "data"), "--web.systemd-socket")
	var errOut journal
	cmd.Stderr = &errOut
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	through := func(network, to, path string) string {
		c := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, to)
		}}}
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://watchpost.example"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.Do(r)
		if err != nil {
			return err.Error()
		}
		defer func() { _ = resp.Body.Close() }()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			return err.Error()
		}
		return string(b)
	}
	eventually(t, 20*time.Second, "the first socket is served", func() bool { return through("tcp", addr.String(), "/-/healthy") == "watchpost is alive\n" })
	if got := through("unix", path.String(), "/-/healthy"); got != "watchpost is alive\n" {
		t.Errorf("the second socket: %q", got)
	}
	if !strings.Contains(errOut.String(), "http://"+addr.String()) {
		t.Errorf("the log does not name the first socket's address:\n%s", errOut.String())
	}
	// The program itself, and not a function of it, so that main's word is heard.
	if got := through("tcp", addr.String(), "/alertmanager/api/v2/status"); !strings.Contains(got, `"version":"`+version+`"`) {
		t.Errorf("the Alertmanager API does not tell the version: %s", got)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, errOut.String())
	}
}

// Without a socket of systemd's, with somebody else's, or with one that nobody
// can listen on, the start says so in a line.
func TestSystemdSocketThatIsNone(t *testing.T) {
	t.Parallel()
	udp, _ := socketFile(t, "udp", "127.0.0.1:0")
	dir, config := good(t)
	args := []string{"serve", "--config", config, "--storage.path", filepath.Join(dir, "data"), "--web.systemd-socket"}
	code, _, errOut := run(t, args...)
	if code != 2 || !strings.HasPrefix(errOut, "--web.systemd-socket: ") || !strings.Contains(errOut, "--web.listen-address") || strings.Count(errOut, "\n") != 1 {
		t.Errorf("exit %d: %s", code, errOut)
	}
	for name, c := range map[string]struct {
		cmd  *exec.Cmd
		want string
	}{
		"a socket for datagrams": {activated(t.Context(), "1", []*os.File{udp}, args...), "socket 1 of systemd is none to listen on"},
		"no number":              {activated(t.Context(), "x", nil, args...), "gave this process no socket"},
		"many":                   {activated(t.Context(), "1000000", nil, args...), "gave this process no socket"},
		"none of that number":    {activated(t.Context(), "1", nil, args...), "--web.systemd-socket"},
	} {
		var b bytes.Buffer
		c.cmd.Stderr = &b
		if err := c.cmd.Run(); err == nil || !strings.Contains(b.String(), c.want) || strings.Contains(b.String(), "goroutine") {
			t.Errorf("%s: %v\n%s", name, err, b.String())
		}
	}
}
