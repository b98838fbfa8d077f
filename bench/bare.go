package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
)

// bare is the protocol and nothing else: dial, one exchange, close.
type bare struct{}

func (bare) name() string { return "bare protocol" }

func (bare) start(_ context.Context, p plan, kind string, t targets, dir string) ([]*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	where, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	c, err := spawn(dir, "bare", self, []string{
		"BENCH_ROLE=bare", fmt.Sprintf("BENCH_HOSTS=%d", p.checks), "BENCH_KIND=" + kind,
		"BENCH_INTERVAL=" + p.interval.String(), "BENCH_TARGETS=" + string(where),
	})
	return []*exec.Cmd{c}, err
}

// askBare is the asking process: every host once an interval, evenly spread.
func askBare(hosts int) error {
	interval, err := time.ParseDuration(os.Getenv("BENCH_INTERVAL"))
	if err != nil {
		return err
	}
	var t targets
	if err := json.Unmarshal([]byte(os.Getenv("BENCH_TARGETS")), &t); err != nil {
		return err
	}
	ask, err := asker(os.Getenv("BENCH_KIND"), t)
	if err != nil {
		return err
	}
	tick := time.NewTicker(interval / time.Duration(hosts))
	defer tick.Stop()
	for i := 0; ; i = (i + 1) % hosts {
		<-tick.C
		go func() {
			if err := ask(host(i)); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}()
	}
}

func asker(kind string, t targets) (func(string) error, error) {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(t.CA))
	switch kind {
	case "http":
		return func(h string) error { return exchange(h, t.HTTP, nil) }, nil
	case "https":
		return func(h string) error { return exchange(h, t.HTTPS, &tls.Config{RootCAs: roots, ServerName: h}) }, nil
	case "tcp":
		return func(h string) error {
			c, err := net.DialTimeout("tcp", fmt.Sprintf("%s:%d", h, t.TCP), 2*time.Second)
			if err != nil {
				return err
			}
			return c.Close()
		}, nil
	case "dns":
		return func(h string) error { return query(h, t.DNS) }, nil
	case "icmp":
		return echo, nil
	}
	return nil, errors.New("unknown kind " + kind)
}

func exchange(h string, port int, conf *tls.Config) error {
	addr := net.JoinHostPort(h, strconv.Itoa(port))
	c, err := net.DialTimeout("tcp", addr, 2*time.Second)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }() // nothing was buffered
	if err := c.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return err
	}
	if conf != nil {
		c = tls.Client(c, conf)
	}
	if _, err := fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", addr); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

func query(h string, port int) error {
	m := new(dns.Msg)
	m.SetQuestion("www.bench.example.", dns.TypeA)
	_, err := dns.Exchange(m, fmt.Sprintf("%s:%d", h, port))
	return err
}

// echo opens a raw socket, sends one echo request, waits for its reply.
func echo(h string) error {
	c, err := icmp.ListenPacket("ip4:icmp", "127.0.0.1")
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }() // nothing was buffered
	if err := c.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return err
	}
	b, err := (&icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: os.Getpid() & 0xffff, Seq: 1, Data: []byte("bench")}}).Marshal(nil)
	if err != nil {
		return err
	}
	if _, err := c.WriteTo(b, &net.IPAddr{IP: net.ParseIP(h)}); err != nil {
		return err
	}
	buf := make([]byte, 1500)
	for {
		n, from, err := c.ReadFrom(buf)
		if err != nil {
			return err
		}
		m, err := icmp.ParseMessage(1, buf[:n])
		if err == nil && m.Type == ipv4.ICMPTypeEchoReply && from.String() == h {
			return nil
		}
	}
}
