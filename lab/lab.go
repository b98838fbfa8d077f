package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/probetest"
)

// Zone is the domain under which all of the lab's names are.
const Zone = "lab.example"

// DefaultBreakAfter is when the portal's second address breaks.
const DefaultBreakAfter = time.Minute

// Options says where and how.
type Options struct {
	// Dir gets watchpost.yaml, inventory/*.yaml and ca.pem. It is made if it is
	// not there; files in it that another lab wrote are replaced, any others
	// are left alone and refused.
	Dir string
	// BreakAfter is when the portal's second address breaks, counted from Start;
	// 0 = DefaultBreakAfter.
	BreakAfter time.Duration
	Logger     *slog.Logger // nil = silent
	// Phone is where the officers' telephone shows its pages; nil = the lab has
	// no roster, and nobody is paged.
	Phone io.Writer
	// PasswordHash is the bcrypt hash for the user "lab"; "" = nobody may sign in.
	PasswordHash string
}

// Expectation is what a check must show.
type Expectation struct {
	ID      probes.ID
	Verdict probes.Verdict
	Reason  probes.Reason
	// From is when it begins to hold, counted from Start; it must be shown
	// within 60 s after that, by when the confirmation is done.
	From time.Duration
	// Until is when it ends to hold; 0 = never.
	Until time.Duration
	Why   string // in a sentence, for people
}

// Lab is a running lab.
type Lab struct {
	dir     string
	log     *slog.Logger
	net     [2]byte // its addresses are 127.net[0].net[1].n
	next    byte
	ca      *probetest.CA
	zone    *zone
	broken  *time.Timer
	after   time.Duration
	closers []io.Closer // closed last first
	systems []system
	anchors []string // host:port of three independent servers
	stop    func() bool

	screen  io.Writer // Options.Phone
	hash    string    // Options.PasswordHash
	phoneAt string    // host:port of the telephone
}

// Start brings the servers up and writes the files. The lab ends with ctx or
// by Close, whichever is first.
func Start(ctx context.Context, o Options) (*Lab, error) {
	if o.BreakAfter <= 0 {
		o.BreakAfter = DefaultBreakAfter
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil || o.Dir == "" {
		return nil, fmt.Errorf("the lab's folder %q: %w", o.Dir, errors.Join(err, os.ErrInvalid))
	}
	l := &Lab{dir: dir, log: o.Logger, after: o.BreakAfter, next: 1, screen: o.Phone, hash: o.PasswordHash}
	// A number of its own, so that two labs on a machine do not meet.
	l.net = [2]byte{byte(64 + rand.IntN(128)), byte(rand.IntN(256))}
	if err := l.build(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the lab: %w", err), l.Close())
	}
	l.stop = context.AfterFunc(ctx, func() { _ = l.shut() }) // nobody is left to tell
	l.log.Info("the lab is up", "config", l.Config(), "breaks_after", o.BreakAfter)
	return l, nil
}

func (l *Lab) build(ctx context.Context) error {
	var err error
	if l.ca, err = probetest.NewCA("Watchpost Lab"); err != nil {
		return err
	}
	if l.zone, err = l.startDNS(ctx); err != nil {
		return fmt.Errorf("name servers: %w", err)
	}
	for _, add := range []func(context.Context) error{
		l.portal, l.certificates, l.failing, l.slow, l.refused, l.silent, l.mail, l.names, l.phone,
	} {
		if err := add(ctx); err != nil {
			return err
		}
	}
	return l.write()
}

// Config is the path of watchpost.yaml.
func (l *Lab) Config() string { return filepath.Join(l.dir, "watchpost.yaml") }

// Expectations lists what every check must show, in the order of the IDs.
func (l *Lab) Expectations() []Expectation {
	var out []Expectation
	for _, s := range l.systems {
		for _, c := range s.checks {
			for _, e := range c.expect {
				e.ID = probes.ID{Unit: s.unit, System: s.id, Check: c.id}
				out = append(out, e)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Expectation) int { return strings.Compare(a.ID.String(), b.ID.String()) })
	return out
}

// Close ends all servers. Calling it again is allowed.
func (l *Lab) Close() error {
	if l.stop != nil && !l.stop() {
		return nil // ctx ended and does it
	}
	return l.shut()
}

func (l *Lab) shut() error {
	if l.broken != nil {
		l.broken.Stop()
	}
	var errs []error
	for _, c := range slices.Backward(l.closers) {
		if err := c.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// addr is a loopback address that nothing else of the lab has.
func (l *Lab) addr() netip.Addr {
	l.next++
	return netip.AddrFrom4([4]byte{127, l.net[0], l.net[1], l.next})
}

// listen opens a free TCP port that is the same on n addresses.
func (l *Lab) listen(ctx context.Context, n int) ([]net.Listener, error) {
	addrs := make([]netip.Addr, n)
	for i := range addrs {
		addrs[i] = l.addr()
	}
	for range 20 {
		ls, err := listenAll(ctx, addrs)
		if err == nil {
			return ls, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("no port is free on all of %v", addrs)
}

func listenAll(ctx context.Context, addrs []netip.Addr) ([]net.Listener, error) {
	var ls []net.Listener
	port := uint16(0)
	for _, a := range addrs {
		ln, err := new(net.ListenConfig).Listen(ctx, "tcp", netip.AddrPortFrom(a, port).String())
		if err != nil {
			for _, x := range ls {
				_ = x.Close() // tried again on another port
			}
			return nil, err
		}
		ls = append(ls, ln)
		port = portOf(ln)
	}
	return ls, nil
}

func portOf(ln net.Listener) uint16 { return addrPort(ln).Port() }

func addrPort(ln net.Listener) netip.AddrPort { return netip.MustParseAddrPort(ln.Addr().String()) }
