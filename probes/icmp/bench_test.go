package icmp

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"time"
)

func cpu(tb testing.TB) time.Duration {
	tb.Helper()
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

// BenchmarkPing is the processor time of one packet and its reply on loopback,
// kernel included, by engine and by how many runs are under way together.
func BenchmarkPing(b *testing.B) {
	for _, e := range []struct {
		name   string
		engine Engine
	}{{"probing", ProBing()}, {"shared", Shared()}} {
		for _, together := range []int{1, 20, 200} {
			b.Run(fmt.Sprintf("%s/%d", e.name, together), func(b *testing.B) { benchPing(b, e.engine, together) })
		}
	}
}

func benchPing(b *testing.B, e Engine, together int) {
	b.Helper()
	g := newGate(e, maxInFlight)
	work := make(chan netip.Addr)
	var wg sync.WaitGroup
	var mu sync.Mutex
	lost := 0
	for range together {
		wg.Go(func() {
			for to := range work {
				ctx, cancel := context.WithTimeout(b.Context(), 2*time.Second)
				got, err := g.ping(ctx, Run{To: to, Count: 1, Size: minSize, Gap: time.Second})
				cancel()
				if err != nil || len(got.Replies) != 1 {
					mu.Lock()
					lost++
					mu.Unlock()
				}
			}
		})
	}
	before := cpu(b)
	b.ResetTimer()
	for i := range b.N {
		work <- netip.AddrFrom4([4]byte{127, 1, byte(i >> 8), byte(i)})
	}
	close(work)
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-µs/ping")
	b.ReportMetric(float64(lost), "lost")
}
