package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"
)

// firstSocket is the descriptor that systemd's numbering begins with (sd_listen_fds(3)).
const firstSocket = 3

// systemdListeners gives the sockets that systemd opened for this process, so
// that it can listen on a port below 1024 without any right of its own, and a
// restart refuses nobody. The variables are for this process alone and are
// unset, so that no child takes them for its own.
func systemdListeners() ([]net.Listener, error) {
	pid, fds := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS")
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		_ = os.Unsetenv(name) // it fails for names that aren't
	}
	n, err := strconv.Atoi(fds)
	if pid != strconv.Itoa(os.Getpid()) || err != nil || n < 1 || n > 64 {
		return nil, usage("--web.systemd-socket: systemd gave this process no socket: start it by a .socket unit, or name the address with --web.listen-address")
	}
	var out []net.Listener
	for fd := firstSocket; fd < firstSocket+n; fd++ {
		syscall.CloseOnExec(fd)
		f := os.NewFile(uintptr(fd), "socket of systemd")
		l, err := net.FileListener(f)
		_ = f.Close() // the listener has a copy
		if err != nil {
			closeAll(out)
			return nil, fmt.Errorf("--web.systemd-socket: socket %d of systemd is none to listen on (ListenStream= is wanted): %w", fd-firstSocket+1, err)
		}
		out = append(out, l)
	}
	return out, nil
}
