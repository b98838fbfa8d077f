package icmp

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"watchpost.example/internal/testneed"
	"watchpost.example/probes"
	"watchpost.example/probes/probetest"
	"watchpost.example/probes/wire"
)

// inNamespace runs f on a thread in a network namespace of its own, with
// loopback up and a link named out on which 192.0.2.0/24 and 2001:db8::/64 are
// silent. sysctl is ping_group_range there. The thread dies with it.
func inNamespace(t *testing.T, sysctl string, f func()) {
	t.Helper()
	testneed.Root(t)
	ip := testneed.Program(t, "ip")
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the runtime ends the thread
		if err := syscall.Unshare(syscall.CLONE_NEWNET); err != nil {
			t.Error("making a network namespace:", err)
			return
		}
		if err := os.WriteFile("/proc/sys/net/ipv4/ping_group_range", []byte(sysctl), 0); err != nil {
			t.Error(err)
			return
		}
		for _, args := range []string{
			"link set lo up", "link add out type veth peer name far", "link set out arp off up", "link set far arp off up", "addr add 192.0.2.1/24 dev out",
			"-6 addr add 2001:db8::1/64 dev out nodad", "route add prohibit 198.51.100.0/24", "route add unreachable 203.0.113.0/24",
		} {
			if b, err := exec.CommandContext(t.Context(), ip, strings.Fields(args)...).CombinedOutput(); err != nil {
				t.Errorf("ip %s: %v %s", args, err, b)
				return
			}
		}
		f()
	}()
	<-done
}

const (
	nobody    = "1 0" // the kernel's default: datagram ICMP for nobody
	everybody = "0 2147483647"
)

func look(t *testing.T, host, engine string, timeout time.Duration, change func(*Settings)) probes.Observation {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	return proberWith(t, probetest.NewWire(t, nil), func(s *Settings) {
		s.Host, s.Engine = host, engine
		if change != nil {
			change(s)
		}
	}).Probe(ctx)
}

func askWith(t *testing.T, w *wire.Wire, set func(*Settings)) probes.Observation {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
	defer cancel()
	return proberWith(t, w, set).Probe(ctx)
}

func proberWith(t *testing.T, w *wire.Wire, set func(*Settings)) probes.Prober {
	t.Helper()
	s := Kind(w).New().(*Settings)
	set(s)
	if p := s.Problems(); len(p) > 0 {
		t.Fatalf("%+v", p)
	}
	p, err := s.Prober()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestPing asks the loopback in every mode, family and engine.
func TestPing(t *testing.T) {
	for _, engine := range []string{engineProBing, engineShared} {
		for mode, sysctl := range map[string]string{"datagram": everybody, "raw": nobody} {
			for _, host := range []string{"127.0.0.1", "::1"} {
				t.Run(engine+" "+mode+" "+host, func(t *testing.T) {
					inNamespace(t, sysctl, func() {
						o := look(t, host, engine, 3*time.Second, func(s *Settings) { s.Count, s.Gap = 3, probes.Duration(minGap) })
						if o.Verdict != probes.Up {
							t.Fatalf("%v %s %s", o.Verdict, o.Reason, o.Detail)
						}
						rtt, _ := o.Facts.Get(probes.FactICMPRTT)
						loss, ok := o.Facts.Get(probes.FactICMPLossRatio)
						hops, _ := o.Facts.Get(probes.FactICMPReplyHopLimit)
						if rtt <= 0 || rtt > 0.5 || loss != 0 || !ok || hops != 64 {
							t.Errorf("rtt %v loss %v hop limit %v", rtt, loss, hops)
						}
						if len(o.Parts) != 1 || o.Parts[0].Address.Addr().String() != host {
							t.Errorf("parts %+v", o.Parts)
						}
					})
				})
			}
		}
	}
}

// TestWhoseFault: what is ours is Unknown, what is theirs is Down, and nothing
// overruns; the prohibited route is what pro-bing by itself would spin on.
func TestWhoseFault(t *testing.T) {
	for _, tc := range []struct {
		name, host string
		sysctl     string
		verdict    probes.Verdict
		why        probes.Reason
	}{
		{"silent, raw", "192.0.2.99", nobody, probes.Down, probes.ICMPTimeout},
		{"silent, datagram", "192.0.2.99", everybody, probes.Down, probes.ICMPTimeout},
		{"silent, IPv6", "2001:db8::99", everybody, probes.Down, probes.ICMPTimeout},
		{"prohibited route", "198.51.100.7", nobody, probes.Unknown, probes.OursPermission},
		{"unreachable route", "203.0.113.7", everybody, probes.Unknown, probes.OursNoRoute},
		{"no route", "100.64.0.1", nobody, probes.Unknown, probes.OursNoRoute},
		{"broadcast", "192.0.2.255", nobody, probes.Unknown, probes.OursPermission},
		{"multicast", "224.0.0.1", nobody, probes.Unknown, probes.OursBlocked},
		{"all ones", "255.255.255.255", everybody, probes.Unknown, probes.OursBlocked},
	} {
		for _, engine := range []string{engineProBing, engineShared} {
			t.Run(tc.name+" "+engine, func(t *testing.T) {
				inNamespace(t, tc.sysctl, func() {
					began := time.Now()
					o := look(t, tc.host, engine, 400*time.Millisecond, nil)
					if o.Verdict != tc.verdict || o.Reason != tc.why || o.Detail == "" {
						t.Errorf("%v %s %q, want %v %s", o.Verdict, o.Reason, o.Detail, tc.verdict, tc.why)
					}
					if took := time.Since(began); took > 600*time.Millisecond { // the machine may be busy, as in probetest.Contract
						t.Errorf("came back after %v, past its deadline", took)
					}
				})
			})
		}
	}
}

// TestNoPermission: neither mode is allowed: Unknown, with the cure.
func TestNoPermission(t *testing.T) {
	inNamespace(t, nobody, func() {
		// This thread alone becomes nobody and loses its capabilities.
		if _, _, e := syscall.RawSyscall(syscall.SYS_SETRESUID, 65534, 65534, 65534); e != 0 {
			t.Fatal(e)
		}
		o := look(t, "127.0.0.1", engineProBing, time.Second, nil)
		if o.Verdict != probes.Unknown || o.Reason != probes.OursPermission {
			t.Errorf("%v %s", o.Verdict, o.Reason)
		}
		for _, cure := range []string{"CAP_NET_RAW", "ping_group_range"} {
			if !strings.Contains(o.Detail, cure) {
				t.Errorf("detail %q does not name %s", o.Detail, cure)
			}
		}
	})
}

// TestNoPrivilege: where the sysctl allows datagram sockets, nothing else is needed.
func TestNoPrivilege(t *testing.T) {
	for _, engine := range []string{engineProBing, engineShared} {
		inNamespace(t, everybody, func() {
			if _, _, e := syscall.RawSyscall(syscall.SYS_SETRESUID, 65534, 65534, 65534); e != 0 {
				t.Fatal(e)
			}
			for _, host := range []string{"127.0.0.1", "::1"} {
				if o := look(t, host, engine, time.Second, nil); o.Verdict != probes.Up {
					t.Errorf("%s %s: %v %s", engine, host, o.Verdict, o.Detail)
				}
			}
		})
	}
}

func TestGuardIsAsked(t *testing.T) {
	w, err := wire.New(wire.Options{Resolvers: []string{"127.0.0.1:9"}})
	if err != nil {
		t.Fatal(err)
	}
	s := Kind(w).New().(*Settings)
	s.Host = "127.0.0.1"
	p, err := s.Prober()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if o := p.Probe(ctx); o.Verdict != probes.Unknown || o.Reason != probes.OursBlocked {
		t.Errorf("%v %s", o.Verdict, o.Reason)
	}
}

func TestCanceledIsOurs(t *testing.T) {
	for _, engine := range []Engine{ProBing(), Shared()} {
		inNamespace(t, nobody, func() {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			time.AfterFunc(50*time.Millisecond, cancel)
			_, err := newGate(engine, 1).ping(ctx, Run{To: netip.MustParseAddr("192.0.2.99"), Count: 1, Size: minSize, Gap: minGap})
			if wire.Classify(err) != probes.OursCanceled {
				t.Errorf("%T: %v", engine, err)
			}
		})
	}
}

// TestNothingIsLeft: no goroutine and no descriptor outlives its run.
func TestNothingIsLeft(t *testing.T) {
	testneed.Root(t)
	fds := func() int {
		l, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(l)
	}
	for _, engine := range []string{engineProBing, engineShared} {
		look(t, "127.0.0.1", engine, time.Second, nil) // opens the runtime's own descriptors
		goroutines, open := runtime.NumGoroutine(), fds()
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() { look(t, "127.0.0.1", engine, 3*time.Second, nil) })
		}
		wg.Wait()
		if n := fds(); n > open {
			t.Errorf("%s: %d descriptors before, %d after", engine, open, n)
		}
		if n := runtime.NumGoroutine(); n > goroutines {
			t.Errorf("%s: %d goroutines before, %d after", engine, goroutines, n)
		}
	}
}

// full is an Engine that waits to be told.
type full struct{ free chan struct{} }

func (f full) Ping(context.Context, Mode, Run) (Echoes, error) {
	<-f.free
	return Echoes{Sent: 1, Replies: []Reply{{RTT: 1}}}, nil
}

func TestLimitInFlight(t *testing.T) {
	testneed.Root(t)
	f := full{make(chan struct{})}
	g := newGate(f, 1)
	run := Run{To: netip.MustParseAddr("127.0.0.1"), Count: 1}
	first := make(chan error)
	go func() { _, err := g.ping(t.Context(), run); first <- err }()
	for len(g.slots) == 0 {
		runtime.Gosched()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := g.ping(ctx, run); wire.Classify(err) != probes.OursSockets {
		t.Errorf("over the limit: %v", err)
	}
	close(f.free)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if _, err := g.ping(t.Context(), run); err != nil {
		t.Errorf("once there is room again: %v", err)
	}
}

func TestJudge(t *testing.T) {
	r := func(n int) []Reply {
		l := make([]Reply, n)
		for i := range l {
			l[i] = Reply{RTT: time.Duration(i+1) * time.Millisecond, HopLimit: 57}
		}
		return l
	}
	for _, tc := range []struct {
		name    string
		e       Echoes
		err     error
		maxLoss float64
		verdict probes.Verdict
		why     probes.Reason
	}{
		{"all", Echoes{Sent: 3, Replies: r(3)}, nil, 0, probes.Up, probes.OK},
		{"one lost", Echoes{Sent: 3, Replies: r(2)}, nil, 0, probes.Degraded, probes.ICMPLoss},
		{"one lost, allowed", Echoes{Sent: 3, Replies: r(2)}, nil, 0.34, probes.Up, probes.OK},
		{"just as many lost as allowed", Echoes{Sent: 2, Replies: r(1)}, nil, 0.5, probes.Up, probes.OK},
		{"two lost, one allowed", Echoes{Sent: 3, Replies: r(1)}, nil, 0.34, probes.Degraded, probes.ICMPLoss},
		{"none", Echoes{Sent: 3}, nil, 0.9, probes.Down, probes.ICMPTimeout},
		{"a router said no", Echoes{Sent: 1, Unreachable: "no"}, nil, 0, probes.Down, probes.ICMPUnreachable},
		{"no buffers", Echoes{}, sendError(t.Context(), syscall.ENOBUFS), 0, probes.Unknown, probes.OursSockets},
		{"no ARP", Echoes{}, sendError(t.Context(), syscall.EHOSTUNREACH), 0, probes.Down, probes.ICMPUnreachable},
		{"not sent", Echoes{}, sendError(t.Context(), errNothingSent), 0, probes.Unknown, probes.OursSockets},
		{"other", Echoes{}, sendError(t.Context(), errors.New("strange")), 0, probes.Unknown, probes.OursSockets},
	} {
		p := prober{Settings: Settings{MaxLoss: tc.maxLoss}}
		a := p.judge(tc.e, tc.err)
		if a.Verdict != tc.verdict || a.Reason != tc.why {
			t.Errorf("%s: %v %s", tc.name, a.Verdict, a.Reason)
		}
	}
}

func TestIDPool(t *testing.T) {
	var p idPool
	seen := map[uint16]bool{}
	for range 1000 {
		id := p.take()
		if seen[id] {
			t.Fatalf("%d handed out twice", id)
		}
		seen[id] = true
	}
	p.give(7)
	p.next = 6
	if id := p.take(); id != 7 {
		t.Errorf("a free one is not found: %d", id)
	}
}
