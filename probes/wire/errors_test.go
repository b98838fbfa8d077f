package wire_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"watchpost.example/internal/testneed"
	"watchpost.example/probes"
	"watchpost.example/probes/probetest"
	"watchpost.example/probes/wire"
)

func TestClassify(t *testing.T) {
	for _, c := range []struct {
		err  error
		want probes.Reason
	}{
		{nil, probes.OK},
		{syscall.ECONNREFUSED, probes.TCPRefused},
		{syscall.ECONNRESET, probes.TCPReset},
		{syscall.EHOSTUNREACH, probes.TCPUnreachable},
		{syscall.ETIMEDOUT, probes.TCPTimeout},
		{os.ErrDeadlineExceeded, probes.TCPTimeout},
		{context.DeadlineExceeded, probes.TCPTimeout},
		{context.Canceled, probes.OursCanceled},
		{syscall.ENETUNREACH, probes.OursNoRoute},
		{syscall.EMFILE, probes.OursSockets},
		{syscall.ENFILE, probes.OursSockets},
		{syscall.ENOBUFS, probes.OursSockets},
		{syscall.EADDRNOTAVAIL, probes.OursSockets},
		{syscall.EPERM, probes.OursPermission},
		{syscall.EACCES, probes.OursPermission},
		{io.EOF, probes.TCPClosed},
		{errors.New("who knows"), probes.TCPClosed},
		{&wire.Error{Reason: probes.DNSServFail, Err: syscall.EMFILE}, probes.DNSServFail},
	} {
		err := c.err
		if err != nil {
			err = fmt.Errorf("wrapped: %w", &net.OpError{Op: "read", Err: c.err})
		}
		if got := wire.Classify(err); got != c.want {
			t.Errorf("%v gives %q, want %q", c.err, got, c.want)
		}
	}
}

// A library that sets its own, later deadline can't free itself of the look's.
func TestDeadlineCannotBeMoved(t *testing.T) {
	srv := probetest.Start(t, func(_ net.Conn, stop <-chan struct{}) { <-stop })
	w := probetest.NewWire(t, nil) // before the clock starts: it reads the system's roots
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	c, err := w.Dial(ctx, "tcp", srv.AddrPort())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	for _, d := range []time.Time{{}, time.Now().Add(time.Hour)} {
		if err := c.SetReadDeadline(d); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now()
	if _, err := c.Read(make([]byte, 1)); wire.Classify(err) != probes.TCPTimeout || time.Since(start) > time.Second {
		t.Errorf("%v after %s", err, time.Since(start))
	}
}

// Out of file descriptors is our fault, whatever the target.
func TestOutOfFiles(t *testing.T) {
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	srv := probetest.Start(t, func(net.Conn, <-chan struct{}) {})
	w := probetest.NewWire(t, nil)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 3, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	c, err := w.Dial(t.Context(), "tcp", srv.AddrPort())
	if serr := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old); serr != nil {
		t.Fatal(serr)
	}
	if err == nil {
		_ = c.Close()
	}
	if wire.Classify(err) != probes.OursSockets {
		t.Errorf("%v", err)
	}
}

// Without a route the target is not to blame. A fresh network namespace has
// none; the thread that entered it ends with its goroutine, never unlocked.
func TestNoRoute(t *testing.T) {
	testneed.Root(t)
	w := probetest.NewWire(t, nil)
	got := make(chan error, 2)
	go func() {
		runtime.LockOSThread()
		defer close(got)
		if err := syscall.Unshare(syscall.CLONE_NEWNET); err != nil {
			got <- err
			return
		}
		for _, a := range []string{"192.0.2.1:80", "[2001:db8::1]:80"} {
			_, err := w.Dial(t.Context(), "tcp", netip.MustParseAddrPort(a))
			got <- err
		}
	}()
	n := 0
	for err := range got {
		n++
		if r := wire.Classify(err); r != probes.OursNoRoute {
			t.Errorf("%v gives %q", err, r)
		}
	}
	if n != 2 {
		t.Errorf("%d addresses dialled", n)
	}
}
