package inventory

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// large is an inventory of about 10,000 checks in one file.
func large() []byte {
	var b strings.Builder
	b.WriteString("defaults: {kinds: {tls: {interval: 5m}}}\nunits:\n")
	for u := range 100 {
		fmt.Fprintf(&b, "  - id: unit-%d\n    name: Đơn vị %d\n    contacts: [{name: Trực ban, phone: 0900 000 001}]\n    systems:\n", u, u)
		for s := range 50 {
			fmt.Fprintf(&b, "      - id: s%d\n        url: https://s%d.unit-%d.example/\n        level: 3\n        depends_on: [s%d]\n", s, s, u, (s+49)%50)
			if s == 0 {
				// the only one that depends on nothing
				b.WriteString("        owner: x\n")
			}
		}
	}
	return []byte(strings.ReplaceAll(b.String(), "        depends_on: [s49]\n", ""))
}

// A large inventory is read in a moment, also when every system is wrong, so
// that a reload never holds anything up.
func TestLargeInventory(t *testing.T) {
	t.Parallel()
	good := large()
	begin := time.Now()
	inv, problems := Parse("f.yaml", good, fakeKinds())
	if problems != nil || len(inv.Checks) != 10_000 {
		t.Fatalf("%d problems, first %v", len(problems), problems[:min(1, len(problems))])
	}
	t.Logf("10,000 checks, %d kB, in %v", len(good)>>10, time.Since(begin))
	bad := strings.ReplaceAll(string(good), "level: 3", "level: x")
	begin = time.Now()
	_, problems = Parse("f.yaml", []byte(bad), fakeKinds())
	t.Logf("%d problems in %v", len(problems), time.Since(begin))
	if len(problems) == 0 || time.Since(begin) > 30*time.Second {
		t.Errorf("%d problems in %v", len(problems), time.Since(begin))
	}
}
