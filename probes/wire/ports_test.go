package wire_test

import (
	"context"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"watchpost.example/internal/testneed"
	"watchpost.example/probes/wire"
)

// One local port can be used to many servers at a time; if each connection kept
// a port to itself, an inventory of thousands would run out of them. The kernel
// of a namespace that has two ports only shows it.
func TestOnePortServesManyServers(t *testing.T) {
	if os.Getenv("WIRE_TWO_PORTS") != "" {
		dialWithTwoPorts(t)
		return
	}
	testneed.Root(t)
	c := exec.CommandContext(t.Context(), testneed.Program(t, "unshare"), "-n", "sh", "-c",
		`ip link set lo up && echo 40000 40001 > /proc/sys/net/ipv4/ip_local_port_range && exec "$0" -test.run '^TestOnePortServesManyServers$' -test.v`, os.Args[0])
	c.Env = append(os.Environ(), "WIRE_TWO_PORTS=1")
	out, err := c.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestOnePortServesManyServers") {
		t.Errorf("%v\n%s", err, out)
	}
}

// dialWithTwoPorts holds connections to five servers open at the same time.
func dialWithTwoPorts(t *testing.T) {
	t.Helper()
	var to []netip.AddrPort
	for _, host := range []string{"127.0.5.1:5000", "127.0.5.2:5000", "127.0.5.3:5000", "127.0.5.4:5000", "127.0.5.5:5000"} {
		l, err := net.Listen("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() }) // the process ends
		to = append(to, netip.MustParseAddrPort(host))
	}
	for name, source := range map[string]netip.Addr{"any source": {}, "a source of the configuration": netip.MustParseAddr("127.0.0.7")} {
		t.Run(name, func(t *testing.T) {
			w, err := wire.New(wire.Options{Guard: wire.AllowAll(), SourceIPv4: source, Resolvers: []string{"127.0.0.1:1"}})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			for _, ap := range to {
				c, err := w.Dial(ctx, "tcp", ap)
				if err != nil {
					t.Fatalf("%s: %v", ap, err)
				}
				defer func() { _ = c.Close() }() // nothing was written
				if got := c.LocalAddr().(*net.TCPAddr).AddrPort().Addr(); source.IsValid() && got != source {
					t.Errorf("%s was dialled from %s, want %s", ap, got, source)
				}
			}
		})
	}
}
