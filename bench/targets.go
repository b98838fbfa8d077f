package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// targets is where the loopback servers listen. They run in a process of their
// own, so that their CPU is nobody's.
type targets struct {
	HTTP, HTTPS, TCP, DNS, Control int
	CA                             string // PEM of the https certificate
}

// host spreads checks over 127.0.x.y, so that 300 checks are 300 targets.
func host(i int) string { return fmt.Sprintf("127.0.%d.%d", 1+i/250, 1+i%250) }

// served asks the target process how many exchanges of the kind it had.
func (t targets) served(kind string) int64 {
	resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/?kind=%s", t.Control, kind))
	if err != nil {
		return -1
	}
	defer func() { _ = resp.Body.Close() }() // read to the end below
	var n int64
	if _, err := fmt.Fscan(resp.Body, &n); err != nil {
		return -1
	}
	return n
}

func startTargets(ctx context.Context, hosts int) (targets, func(), error) {
	self, err := os.Executable()
	if err != nil {
		return targets{}, nil, err
	}
	c := exec.CommandContext(ctx, self)
	c.Env = append(os.Environ(), "BENCH_ROLE=targets", fmt.Sprintf("BENCH_HOSTS=%d", hosts))
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		return targets{}, nil, err
	}
	if err := c.Start(); err != nil {
		return targets{}, nil, err
	}
	var t targets
	if err := json.NewDecoder(out).Decode(&t); err != nil {
		return targets{}, nil, fmt.Errorf("the target process did not start: %w", err)
	}
	return t, func() { _ = c.Process.Kill(); _ = c.Wait() }, nil
}

// serveTargets is the target process: it listens, prints where, and serves.
func serveTargets(hosts int) error {
	var t targets
	var nHTTP, nHTTPS, nTCP, nDNS atomic.Int64
	page := func(n *atomic.Int64) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			n.Add(1)
			_, _ = io.WriteString(w, "<!doctype html><title>portal</title><p>ok") // the asker may be gone
		})
	}
	cert, pemText, err := certificate(hosts)
	if err != nil {
		return err
	}
	t.CA = pemText
	if t.HTTP, err = everyHost(hosts, func(l net.Listener) {
		serve(l, page(&nHTTP))
	}); err != nil {
		return err
	}
	if t.HTTPS, err = everyHost(hosts, func(l net.Listener) {
		serve(tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}, SessionTicketsDisabled: true}), page(&nHTTPS))
	}); err != nil {
		return err
	}
	if t.TCP, err = everyHost(hosts, func(l net.Listener) { greet(l, &nTCP) }); err != nil {
		return err
	}
	if t.DNS, err = serveDNS(hosts, &nDNS); err != nil {
		return err
	}
	counts := map[string]*atomic.Int64{"http": &nHTTP, "https": &nHTTPS, "tcp": &nTCP, "dns": &nDNS}
	control, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	t.Control = control.Addr().(*net.TCPAddr).Port
	if err := json.NewEncoder(os.Stdout).Encode(t); err != nil {
		return err
	}
	return http.Serve(control, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var n int64
		if c := counts[r.URL.Query().Get("kind")]; c != nil {
			n = c.Load()
		}
		_, _ = fmt.Fprintln(w, n) // the asker is our parent
	}))
}

// everyHost listens on one port of every host and hands each listener to do.
func everyHost(hosts int, do func(net.Listener)) (int, error) {
	first, err := net.Listen("tcp", host(0)+":0")
	if err != nil {
		return 0, err
	}
	port := first.Addr().(*net.TCPAddr).Port
	go do(first)
	for i := 1; i < hosts; i++ {
		l, err := net.Listen("tcp", fmt.Sprintf("%s:%d", host(i), port))
		if err != nil {
			return 0, err
		}
		go do(l)
	}
	return port, nil
}

func serve(l net.Listener, h http.Handler) {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ErrorLog: nil}
	srv.SetKeepAlivesEnabled(false)
	_ = srv.Serve(l) // ends with the process
}

func greet(l net.Listener, n *atomic.Int64) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		n.Add(1)
		go func() {
			_ = c.SetDeadline(time.Now().Add(5 * time.Second)) // a dead socket shows at the read
			_, _ = bufio.NewReader(c).ReadByte()               // until the asker closes
			_ = c.Close()
		}()
	}
}

func serveDNS(hosts int, n *atomic.Int64) (int, error) {
	h := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		n.Add(1)
		m := new(dns.Msg)
		m.SetReply(q)
		m.Authoritative = true
		m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: net.IPv4(127, 0, 0, 9)}}
		_ = w.WriteMsg(m) // the asker may be gone
	})
	port := 0
	for i := range hosts {
		pc, err := net.ListenPacket("udp", fmt.Sprintf("%s:%d", host(i), port))
		if err != nil {
			return 0, err
		}
		port = pc.LocalAddr().(*net.UDPAddr).Port
		go func() { _ = (&dns.Server{PacketConn: pc, Handler: h}).ActivateAndServe() }() // ends with the process
	}
	return port, nil
}

// certificate makes a self-signed P-256 certificate for every host.
func certificate(hosts int) (tls.Certificate, string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, "", err
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench.example"},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(300 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for i := range hosts {
		tmpl.IPAddresses = append(tmpl.IPAddresses, net.ParseIP(host(i)))
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, "", err
	}
	p := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, string(p), nil
}

func runRole(role string) error {
	if role == "zones" {
		return askZones()
	}
	var hosts int
	if _, err := fmt.Sscan(os.Getenv("BENCH_HOSTS"), &hosts); err != nil {
		return fmt.Errorf("BENCH_HOSTS: %w", err)
	}
	switch role {
	case "targets":
		return serveTargets(hosts)
	case "bare":
		return askBare(hosts)
	}
	return errors.New("unknown BENCH_ROLE " + role)
}
