package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/miekg/dns"
)

// zonesPeer is another program that validates the same eight names of a zone.
// None asks every server or looks at the delegation.
type zonesPeer struct {
	What  string
	CPU   time.Duration // a zone
	Zones int
}

// peers measures Unbound, a validating resolver with empty caches, and delv,
// one process a name, over the same hierarchy.
func (h *hierarchy) peers(ctx context.Context, p zonesPlan) ([]zonesPeer, error) {
	unbound, err := h.unbound(ctx)
	if err != nil {
		return nil, err
	}
	defer stopAll([]*exec.Cmd{unbound})
	before, err := cpu([]*exec.Cmd{unbound})
	if err != nil {
		return nil, err
	}
	fmt.Println("unbound")
	if err := h.askUnbound(ctx, p.Parallel); err != nil {
		return nil, err
	}
	after, err := cpu([]*exec.Cmd{unbound})
	if err != nil {
		return nil, err
	}
	out := []zonesPeer{{"unbound, validating, one server each", (after - before) / time.Duration(len(h.units)), len(h.units)}}
	fmt.Println("delv")
	few := h.units[:min(25, len(h.units))]
	spent, err := h.delv(ctx, few)
	if err != nil {
		return nil, err
	}
	return append(out, zonesPeer{"delv, a process a name, through that unbound", spent / time.Duration(len(few)), len(few)}), nil
}

func (h *hierarchy) unbound(ctx context.Context) (*exec.Cmd, error) {
	conf := fmt.Sprintf(`server:
 interface: 127.0.0.1
 directory: %q
 chroot: ""
 username: ""
 pidfile: "%s/unbound.pid"
 use-syslog: no
 do-ip6: no
 do-not-query-localhost: no
 num-threads: 1
 root-hints: "%s/hints"
 trust-anchor-file: "%s/anchor"
remote-control:
 control-enable: no
`, h.dir, h.dir, h.dir, h.dir)
	for name, text := range map[string]string{"unbound.conf": conf, "hints": h.hints, "anchor": h.anchor} {
		if err := os.WriteFile(filepath.Join(h.dir, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	c, err := spawn(h.dir, "unbound", "unbound", nil, "-d", "-c", "unbound.conf")
	if err != nil {
		return nil, fmt.Errorf("unbound of Debian: %w", err)
	}
	if err := waitFor(ctx, "unbound", func() bool { return secure("gov.vn.", dns.TypeSOA) == nil }); err != nil {
		stopAll([]*exec.Cmd{c})
		return nil, fmt.Errorf("%w\n%s", err, tail(h.dir))
	}
	return c, nil
}

// eight are the names that dns_zone always watches.
func eight(zone string) []dns.Question {
	var out []dns.Question
	for _, q := range []struct {
		name string
		t    uint16
	}{
		{zone, dns.TypeA},
		{zone, dns.TypeAAAA},
		{zone, dns.TypeMX},
		{zone, dns.TypeTXT},
		{zone, dns.TypeCAA},
		{"www." + zone, dns.TypeA},
		{"www." + zone, dns.TypeAAAA},
		{"_dmarc." + zone, dns.TypeTXT},
	} {
		out = append(out, dns.Question{Name: q.name, Qtype: q.t, Qclass: dns.ClassINET})
	}
	return out
}

func (h *hierarchy) askUnbound(ctx context.Context, parallel int) error {
	next := make(chan string)
	errs := make(chan error, parallel)
	var wg sync.WaitGroup
	for range parallel {
		wg.Go(func() {
			for z := range next {
				for _, q := range eight(z) {
					if err := secure(q.Name, q.Qtype); err != nil {
						select {
						case errs <- err:
						default: // one is enough
						}
					}
				}
			}
		})
	}
	for _, z := range h.units {
		if ctx.Err() != nil {
			break
		}
		next <- z
	}
	close(next)
	wg.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return ctx.Err()
	}
}

// secure asks Unbound and wants the AD flag.
func secure(name string, t uint16) error {
	m := new(dns.Msg)
	m.SetQuestion(name, t)
	m.SetEdns0(1232, true)
	c := dns.Client{Timeout: 5 * time.Second}
	r, _, err := c.Exchange(m, "127.0.0.1:53")
	if err != nil {
		return fmt.Errorf("unbound, asked for %s: %w", name, err)
	}
	if !r.AuthenticatedData {
		return fmt.Errorf("unbound does not find %s %s secure: %s", name, dns.TypeToString[t], dns.RcodeToString[r.Rcode])
	}
	return nil
}

// delv gives its CPU over all names of the zones; Unbound's is not counted.
func (h *hierarchy) delv(ctx context.Context, zones []string) (time.Duration, error) {
	key, err := dns.NewRR(h.anchor)
	if err != nil {
		return 0, err
	}
	k := key.(*dns.DNSKEY)
	conf := fmt.Sprintf("trust-anchors { . static-key %d %d %d \"%s\"; };\n", k.Flags, k.Protocol, k.Algorithm, k.PublicKey)
	path := filepath.Join(h.dir, "delv.conf")
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, z := range zones {
		for _, q := range eight(z) {
			c := exec.CommandContext(ctx, "delv", "-a", path, "+root=.", "@127.0.0.1", q.Name, dns.TypeToString[q.Qtype])
			out, err := c.CombinedOutput()
			if err != nil {
				return 0, fmt.Errorf("delv of Debian: %w\n%s", err, out)
			}
			u := c.ProcessState.SysUsage().(*syscall.Rusage)
			sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
		}
	}
	return sum, nil
}
