package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// contender is one way to ask all checks of a kind again and again.
type contender interface {
	name() string
	// start writes what it needs below dir and gives the processes to measure.
	start(ctx context.Context, p plan, kind string, t targets, dir string) ([]*exec.Cmd, error)
}

// measure runs the contender and gives its CPU in microseconds a probe.
func (p plan) measure(ctx context.Context, c contender, kind string, t targets) (float64, error) {
	dir, err := os.MkdirTemp(p.dir, kind+"-")
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	before := t.served(kind)
	cmds, err := c.start(ctx, p, kind, t, dir)
	defer stopAll(cmds)
	if err != nil {
		return 0, err
	}
	if err := pause(ctx, p.warmup); err != nil {
		return 0, err
	}
	cpu0, err := cpu(cmds)
	if err != nil {
		return 0, fmt.Errorf("%w\n%s", err, tail(dir))
	}
	served0 := t.served(kind)
	if err := pause(ctx, p.window); err != nil {
		return 0, err
	}
	cpu1, err := cpu(cmds)
	if err != nil {
		return 0, fmt.Errorf("%w\n%s", err, tail(dir))
	}
	probes := float64(p.checks) * p.window.Seconds() / p.interval.Seconds()
	// icmp is answered by the kernel, so its probes can't be counted at the server.
	if n := float64(t.served(kind) - served0); kind != "icmp" {
		if n < probes*0.8 || n > probes*1.25 {
			return 0, fmt.Errorf("expected about %.0f probes, the servers saw %.0f (%d before)\n%s", probes, n, served0-before, tail(dir))
		}
		probes = n
	}
	return (cpu1 - cpu0).Seconds() * 1e6 / probes, nil
}

// memory gives the resident set of watchpost in MB with n checks of mixed kinds.
func (p plan) memory(ctx context.Context, n int, t targets) (float64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	dir, err := os.MkdirTemp(p.dir, "memory-")
	if err != nil {
		return 0, err
	}
	p.checks, p.interval = n, 30*time.Second
	cmds, err := watchpost{}.start(ctx, p, "mixed", t, dir)
	defer stopAll(cmds)
	if err != nil {
		return 0, err
	}
	if err := pause(ctx, 3*p.interval); err != nil {
		return 0, err
	}
	mb, err := resident(cmds[0].Process.Pid)
	if err != nil {
		return 0, fmt.Errorf("%w\n%s", err, tail(dir))
	}
	return mb, nil
}

// resident gives the resident set of a process in MB.
func resident(pid int) (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmRSS:" {
			kb, err := strconv.ParseFloat(f[1], 64)
			return kb / 1000, err
		}
	}
	return 0, fmt.Errorf("no VmRSS in /proc status")
}

// cpu adds user and system time of the processes.
func cpu(cmds []*exec.Cmd) (time.Duration, error) {
	var sum time.Duration
	for _, c := range cmds {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.Process.Pid))
		if err != nil {
			return 0, fmt.Errorf("%s is not running any more: %w", c.Path, err)
		}
		// Fields after the command's closing bracket: state is the first, utime the 12th.
		f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
		for _, s := range f[11:13] {
			ticks, err := strconv.ParseInt(s, 10, 64)
			if err != nil {
				return 0, err
			}
			sum += time.Duration(ticks) * 10 * time.Millisecond // USER_HZ is 100 on Linux
		}
	}
	return sum, nil
}

func stopAll(cmds []*exec.Cmd) {
	for _, c := range cmds {
		_ = c.Process.Signal(os.Interrupt) // gone already is fine
		done := make(chan struct{})
		go func() { _ = c.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			_ = c.Process.Kill()
			<-done
		}
	}
}

// spawn starts a program with its output in dir/<name>.log.
func spawn(dir, name, path string, env []string, args ...string) (*exec.Cmd, error) {
	f, err := os.Create(filepath.Join(dir, filepath.Base(name)+".log"))
	if err != nil {
		return nil, err
	}
	c := exec.Command(path, args...)
	c.Stdout, c.Stderr, c.Dir = f, f, dir
	c.Env = append(os.Environ(), env...)
	if err := c.Start(); err != nil {
		return nil, err
	}
	return c, f.Close()
}

// tail gives the ends of the logs below dir, for an error message.
func tail(dir string) string {
	var out strings.Builder
	logs, _ := filepath.Glob(filepath.Join(dir, "*.log")) // the pattern is fixed
	for _, l := range logs {
		b, err := os.ReadFile(l)
		if err != nil {
			continue
		}
		if len(b) > 1500 {
			b = b[len(b)-1500:]
		}
		fmt.Fprintf(&out, "--- %s\n%s\n", filepath.Base(l), b)
	}
	return out.String()
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// ready waits for a page of the program to answer.
func ready(ctx context.Context, url string) error {
	deadline := time.Now().Add(60 * time.Second)
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = resp.Body.Close() // only the status matters
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s did not answer in 60 s: %w", url, err)
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}

// freePort gives a port of loopback that nobody listens on now.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}

func build(ctx context.Context, dir string) (string, error) {
	bin := filepath.Join(dir, "watchpost")
	c := exec.CommandContext(ctx, "go", "build", "-o", bin, "watchpost.example/cmd/watchpost")
	c.Stderr = os.Stderr
	return bin, c.Run()
}
