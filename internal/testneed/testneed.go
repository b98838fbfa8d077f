// Package testneed lets an integration test name what it needs of the machine.
// A missing need skips the test on a developer's laptop and fails it where
// WATCHPOST_REQUIRE_ALL=1 is set, so that CI can't pass by skipping.
package testneed

import (
	"os"
	"os/exec"
	"testing"
)

// Program finds an executable by name, also in /usr/sbin and /sbin, and gives
// its path.
func Program(tb testing.TB, name string) string {
	tb.Helper()
	for _, n := range []string{name, "/usr/sbin/" + name, "/sbin/" + name} {
		if p, err := exec.LookPath(n); err == nil {
			return p
		}
	}
	Missing(tb, name+" is not installed (Debian: see .ci/packages)")
	return ""
}

// Root asks to be run as root, for network namespaces and raw sockets.
func Root(tb testing.TB) {
	tb.Helper()
	if os.Geteuid() != 0 {
		Missing(tb, "must be root")
	}
}

// Missing skips, or fails where nothing may be skipped.
func Missing(tb testing.TB, why string) {
	tb.Helper()
	if os.Getenv("WATCHPOST_REQUIRE_ALL") == "1" {
		tb.Fatalf("WATCHPOST_REQUIRE_ALL=1: %s", why)
	}
	tb.Skip(why)
}
