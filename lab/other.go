package lab

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/probetest"
)

// refused is a service whose port nobody listens on.
func (l *Lab) refused(ctx context.Context) error {
	ls, err := l.listen(ctx, 1)
	if err != nil {
		return err
	}
	ap := addrPort(ls[0])
	if err := ls[0].Close(); err != nil {
		return err
	}
	l.zone.add("van-ban", ap.Addr())
	l.systems = append(l.systems, system{
		unit: unitTown, id: "van-ban", name: "Quản lý văn bản", level: 2,
		url: fmt.Sprintf("tcp://van-ban.%s:%d", Zone, ap.Port()), profile: "tcp",
		checks: []check{{id: "tcp", expect: []Expectation{{Verdict: probes.Down, Reason: probes.TCPRefused, Why: "nothing listens on the port"}}}},
	})
	return nil
}

// silent is a host that lets no connection be made, and a site that takes
// connections and never says a word.
func (l *Lab) silent(ctx context.Context) error {
	full, err := newDeaf(ctx, l.addr())
	if err != nil {
		return fmt.Errorf("a host that does not answer: %w", err)
	}
	l.closers = append(l.closers, full)
	l.zone.add("camera", full.at.Addr())
	mute, err := probetest.Serve(netListen(l), func(_ net.Conn, stop <-chan struct{}) { <-stop })
	if err != nil {
		return err
	}
	l.closers = append(l.closers, mute)
	l.zone.add("hop-truc-tuyen", mute.AddrPort().Addr())
	l.systems = append(
		l.systems,
		system{
			unit: unitTown, id: "camera", name: "Camera giám sát công cộng", level: 2,
			url: fmt.Sprintf("tcp://camera.%s:%d", Zone, full.at.Port()), profile: "tcp",
			checks: []check{{id: "tcp", expect: []Expectation{{Verdict: probes.Down, Reason: probes.TCPTimeout, Why: "packets vanish, as behind a dead line"}}}},
		},
		system{
			unit: unitCentre, id: "hop-truc-tuyen", name: "Họp trực tuyến", level: 2,
			url: fmt.Sprintf("http://hop-truc-tuyen.%s:%d/", Zone, mute.AddrPort().Port()), profile: "web",
			checks: []check{{id: "http", expect: []Expectation{{Verdict: probes.Down, Reason: probes.HTTPTimeout, Why: "it takes the connection and says nothing"}}}},
		},
	)
	return nil
}

func netListen(l *Lab) string { return net.JoinHostPort(l.addr().String(), "0") }

// mail is a mail server with a banner and STARTTLS.
func (l *Lab) mail(ctx context.Context) error {
	leaf, err := l.ca.Issue(probetest.Spec{Names: []string{"thu." + Zone}})
	if err != nil {
		return err
	}
	config := &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}, MinVersion: tls.VersionTLS12}
	srv, err := probetest.Serve(netListen(l), func(c net.Conn, _ <-chan struct{}) { smtp(ctx, c, config) })
	if err != nil {
		return err
	}
	l.closers = append(l.closers, srv)
	l.anchors = append(l.anchors, srv.Addr())
	l.zone.add("thu", srv.AddrPort().Addr())
	well := []Expectation{{Verdict: probes.Up, Why: "it greets and speaks TLS as it should"}}
	l.systems = append(l.systems, system{
		unit: unitCentre, id: "thu", name: "Thư điện tử công vụ", level: 3,
		url: fmt.Sprintf("smtp://thu.%s:%d", Zone, srv.AddrPort().Port()), profile: "mail",
		checks: []check{{id: "smtp", expect: well}, {id: "starttls", expect: well}},
	})
	return nil
}

// smtp is as much of RFC 5321 and RFC 3207 as a probe says.
func smtp(ctx context.Context, c net.Conn, config *tls.Config) {
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return
	}
	say := func(line string) bool { _, err := fmt.Fprintf(c, "%s\r\n", line); return err == nil }
	if !say("220 thu." + Zone + " ESMTP watchpost lab") {
		return
	}
	r := bufio.NewReader(c)
	for ok := true; ok; {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch word, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(line)), " "); word {
		case "EHLO":
			ok = say("250-thu." + Zone + "\r\n250 STARTTLS")
		case "HELO", "NOOP":
			ok = say("250 OK")
		case "STARTTLS":
			if !say("220 go ahead") {
				return
			}
			t := tls.Server(c, config)
			if t.HandshakeContext(ctx) != nil {
				return
			}
			c, r = t, bufio.NewReader(t)
		case "QUIT":
			say("221 bye")
			return
		default:
			ok = say("502 not here")
		}
	}
}

// deaf is a TCP port that drops every new connection without a word: its queue
// of connections is full and nobody takes one out of it.
type deaf struct {
	at    netip.AddrPort
	file  *os.File
	stuck []net.Conn
}

// Close frees the port.
func (d *deaf) Close() error {
	errs := []error{d.file.Close()}
	for _, c := range d.stuck {
		_ = c.Close() // it never worked
	}
	return errors.Join(errs...)
}

// fillers is more connections than a queue of length zero takes.
const fillers = 4

func newDeaf(ctx context.Context, addr netip.Addr) (*deaf, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	d := &deaf{file: os.NewFile(uintptr(fd), "deaf")}
	if err := d.open(fd, addr); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	dialer := net.Dialer{Timeout: 100 * time.Millisecond}
	for range fillers {
		c, err := dialer.DialContext(ctx, "tcp", d.at.String())
		if err == nil {
			d.stuck = append(d.stuck, c)
			continue
		}
		if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
			return d, nil // full: this is how it answers from now on
		}
		return nil, errors.Join(err, d.Close())
	}
	return nil, errors.Join(errors.New("the kernel goes on taking connections"), d.Close())
}

func (d *deaf) open(fd int, addr netip.Addr) error {
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: addr.As4()}); err != nil {
		return err
	}
	if err := syscall.Listen(fd, 0); err != nil {
		return err
	}
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		return err
	}
	in4, ok := sa.(*syscall.SockaddrInet4)
	if !ok {
		return fmt.Errorf("a socket named %T", sa)
	}
	d.at = netip.AddrPortFrom(addr, uint16(in4.Port))
	return nil
}
