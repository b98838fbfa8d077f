package zone_test

import (
	"bufio"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"watchpost.example/internal/testneed"
	"watchpost.example/probes/dns/baseline"
	"watchpost.example/probes/dns/dnslab"
	"watchpost.example/probes/dns/dnswire"
	"watchpost.example/probes/dns/zone"
)

// inNamespace runs the test again in a network namespace of its own, where
// port 53 of every loopback address is free; true inside it.
func inNamespace(t *testing.T) bool {
	t.Helper()
	in, _, _ := inNamespaces(t, 1)
	return in
}

// inNamespaces does so in several at once, for tests that mostly wait; inside
// it tells which of them this is.
func inNamespaces(t *testing.T, n int) (inside bool, share, of int) {
	t.Helper()
	if where := os.Getenv("WATCHPOST_NETNS"); where != "" {
		if _, err := fmt.Sscanf(where, "%d/%d", &share, &of); err != nil {
			t.Fatal(err)
		}
		return true, share, of
	}
	testneed.Root(t)
	unshare, ip := testneed.Program(t, "unshare"), testneed.Program(t, "ip")
	ctx, cancel := context.WithTimeout(t.Context(), 12*time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			cmd := exec.CommandContext(ctx, unshare, "-n", "sh", "-c", ip+` link set lo up && exec "$0" -test.v -test.run '^`+t.Name()+`$'`, os.Args[0])
			cmd.Env = append(os.Environ(), fmt.Sprintf("WATCHPOST_NETNS=%d/%d", i, n))
			out, err := cmd.CombinedOutput()
			t.Logf("%s", out)
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	return false, 0, n
}

// TestWitnesses compares our verdict on each server with that of Unbound and
// delv pinned to the same server, for every mode that isn't about resolvers.
// Each difference stands with its reason in testdata/witness.tsv.
func TestWitnesses(t *testing.T) {
	unbound, delv := testneed.Program(t, "unbound"), testneed.Program(t, "delv")
	inside, share, of := inNamespaces(t, 4)
	if !inside {
		return
	}
	keys := healthyKeys()
	base := func() *baseline.Zone {
		var b *baseline.Zone
		t.Run("learn", func(t *testing.T) { w := world(keys); w.Port = 53; b = learn(t, w.Start(t)) })
		return b
	}()
	differ := differences(t)
	names := make([]string, 0, len(modes()))
	for n := range modes() {
		names = append(names, n)
	}
	slices.Sort(names)
	agreed, told, silent := 0, 0, 0
	for i, name := range names {
		if i%of != share {
			continue
		}
		t.Run(name, func(t *testing.T) {
			p := plan(base)
			l := &lab{World: world(keys), plan: &p}
			l.Port = 53
			modes()[name](l)
			if len(p.Resolvers) > 0 {
				return
			}
			l.Build()
			for _, fn := range l.serves {
				fn()
			}
			l.Start(t)
			o := env(t, l.World, func(opt *zone.Options) {
				if l.other != "" {
					opt.Anchors = anchors(t, l.other)
				}
			}).Check(t.Context(), p)
			anchor := l.Anchor()
			if l.other != "" {
				anchor = l.other
			}
			servers := o.Result().Servers
			for _, s := range servers {
				if s.DNSSEC.Word == "indeterminate" {
					continue // it gave nothing to validate: a resolver's word on it is of its absence
				}
				var others []string
				for _, other := range servers {
					if other.Address != s.Address {
						others = append(others, other.Address)
					}
				}
				u := witness(t, unbound, delv, l, anchor, s.Address, others)
				for who, word := range u {
					if word == "indeterminate" {
						silent++ // it gave up, how soon depends on its timers: that is no word on the data
						continue
					}
					told++
					ours := s.DNSSEC.Word
					if ours == word {
						agreed++
						continue
					}
					key := name + " " + short(s.Name) + " " + who
					want, theirs, _ := strings.Cut(differ[key], " ")
					if want != ours || !slices.Contains(strings.Split(theirs, "|"), word) {
						t.Errorf("%s: ours %s, the witness's %s; witness.tsv says %q", key, ours, word, differ[key])
					}
				}
			}
		})
	}
	t.Logf("%d of %d verdicts of the witnesses agree, the others are explained in witness.tsv; %d times a witness gave up", agreed, told, silent)
	if silent > told/5 {
		t.Errorf("a witness gave up %d times beside %d verdicts: it does not run as it should", silent, told)
	}
}

// differences reads testdata/witness.tsv: mode, server, witness, ours, theirs, why.
func differences(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open("testdata/witness.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	out := map[string]string{}
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if strings.HasPrefix(sc.Text(), "#") || sc.Text() == "" {
			continue
		}
		c := strings.SplitN(sc.Text(), "\t", 6)
		if len(c) != 6 || len(c[5]) < 10 {
			t.Fatalf("witness.tsv: %q explains nothing", sc.Text())
		}
		out[strings.Join(c[:3], " ")] = c[3] + " " + c[4]
	}
	return out
}

// witness asks Unbound and delv, pinned to one server of the unit, for a name,
// a missing name and the SOA; the worst word counts.
func witness(t *testing.T, unbound, delv string, w *lab, anchor, server string, others []string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	hints, key := write("hints", w.Hints()), write("key", anchor+"\n")
	var pinned strings.Builder // Unbound would go on to the zone's other servers
	for _, o := range others {
		pinned.WriteString(" do-not-query-address: " + o + "\n")
	}
	conf := func(port int, modules string) string {
		return fmt.Sprintf(`server:
 interface: 127.0.0.1@%d
 directory: "%s"
 chroot: ""
 username: ""
 pidfile: "%s/%d.pid"
 use-syslog: no
 logfile: "%s/log"
 do-ip6: no
 do-not-query-localhost: no
 qname-minimisation: no
 module-config: "%s"
 root-hints: "%s"
 trust-anchor-file: "%s"
 val-max-restart: 0
 outbound-msg-retry: 1
 discard-timeout: 0
 infra-host-ttl: 1
 harden-short-bufsize: no
%sstub-zone:
 name: "donvi.gov.vn."
 stub-addr: %s
`, port, dir, dir, port, dir, modules, hints, key, pinned.String(), server)
	}
	defer start(t, unbound, write("v.conf", conf(5301, "validator iterator")), 5301)()
	defer start(t, unbound, write("i.conf", conf(5302, "iterator")), 5302)()
	out := map[string]string{}
	asks := append([]zone.Watch{{Name: www, Type: dns.TypeA}, {Name: "khong-ai-dat." + unit, Type: dns.TypeA}, {Name: unit, Type: dns.TypeSOA}}, w.asks...)
	for _, q := range asks {
		out["unbound"] = worseWord(out["unbound"], unboundWord(t, dnswire.Query{Name: q.Name, Type: q.Type}))
	}
	keys := ""
	for line := range strings.Lines(strings.TrimSpace(anchor)) {
		k := dnslab.RR(strings.TrimSpace(line)).(*dns.DNSKEY)
		keys += fmt.Sprintf(". static-key %d %d %d %q; ", k.Flags, k.Protocol, k.Algorithm, k.PublicKey)
	}
	anchors := write("delv.conf", "trust-anchors { "+keys+"};\n")
	for _, q := range asks {
		b, _ := exec.CommandContext(t.Context(), delv, "@127.0.0.1", "-p", "5302", "-a", anchors, "+root=.", q.Name, dnswire.TypeName(q.Type)).CombinedOutput() // it fails where it should
		out["delv"] = worseWord(out["delv"], delvWord(string(b)))
	}
	return out
}

func start(t *testing.T, unbound, conf string, port int) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, unbound, "-d", "-c", conf)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() { cancel(); _ = cmd.Wait() } // killed: the error says so
	at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port))
	c := &dnswire.Client{Timeout: 100 * time.Millisecond, Attempts: 1}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 200 {
		if _, err := c.Ask(t.Context(), at, dnswire.Query{Name: "version.server.", Type: dns.TypeTXT}); err == nil {
			return stop
		}
		<-tick.C
	}
	stop()
	t.Fatal("unbound did not start")
	return nil
}

func unboundWord(t *testing.T, q dnswire.Query) string {
	t.Helper()
	q.RD, q.DO, q.KeepCase = true, true, true
	c := &dnswire.Client{Timeout: 8 * time.Second, Attempts: 1}
	r, err := c.Ask(t.Context(), netip.MustParseAddrPort("127.0.0.1:5301"), q)
	switch {
	case err != nil:
		return "indeterminate"
	case r.Msg.Rcode == dns.RcodeServerFailure:
		q.CD = true
		if r, err := c.Ask(t.Context(), netip.MustParseAddrPort("127.0.0.1:5301"), q); err != nil || r.Msg.Rcode == dns.RcodeServerFailure {
			return "indeterminate" // it can't even be fetched
		}
		return "bogus"
	case r.Msg.AuthenticatedData:
		return "secure"
	}
	return "insecure"
}

func delvWord(out string) string {
	switch {
	case strings.Contains(out, "fully validated"):
		return "secure"
	case strings.Contains(out, "unsigned answer"):
		return "insecure"
	case strings.Contains(out, "timed out"), strings.Contains(out, "SERVFAIL"), strings.Contains(out, "failure"), strings.Contains(out, "REFUSED"), strings.Contains(out, "no servers"):
		return "indeterminate"
	}
	return "bogus"
}

// worseWord prefers what fails.
func worseWord(a, b string) string {
	order := []string{"", "secure", "insecure", "indeterminate", "bogus"}
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}
