package icmp

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	probing "github.com/prometheus-community/pro-bing"
)

// ProBing is the Engine on pro-bing: a socket for each run, in privileged mode
// with pro-bing's filter on the echo ID in the kernel.
func ProBing() Engine { return &proBing{} }

// pollTime is how long pro-bing's reader may sleep in the kernel before it sees
// that the run has ended: 50 µs doubled eleven times.
const pollTime = 105 * time.Millisecond

type proBing struct{ ids idPool }

// flight is what the callbacks of one run write down. All of them are called by
// the one goroutine of pro-bing that sends, and read after it ended.
type flight struct {
	to      netip.Addr
	sent    []time.Time // by sequence number
	replies []Reply
	sendErr error
}

// Ping makes one short run.
func (p *proBing) Ping(ctx context.Context, mode Mode, r Run) (Echoes, error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(10 * time.Second)
	}
	left := time.Until(deadline)
	left -= min(pollTime, left/2)
	if left <= 0 {
		return Echoes{}, context.DeadlineExceeded // pro-bing panics on such a timeout
	}
	id := p.ids.take()
	defer p.ids.give(id)

	f := &flight{to: r.To.Unmap().WithZone(""), sent: make([]time.Time, 0, r.Count)}
	pg := probing.New("")
	pg.SetLogger(probing.NoopLogger{}) // it would print to stderr by itself
	pg.SetIPAddr(&net.IPAddr{IP: r.To.Unmap().AsSlice(), Zone: r.To.Zone()})
	pg.SetID(int(id))
	pg.SetPrivileged(mode == Raw)
	pg.Count, pg.Interval, pg.Timeout, pg.Size = r.Count, r.Gap, left, r.Size
	pg.RecordRtts, pg.RecordTTLs = false, false
	if r.From.IsValid() {
		pg.Source = r.From.String()
	}
	pg.OnSend, pg.OnRecv = f.onSend, f.onRecv
	pg.OnSendError = func(_ *probing.Packet, err error) {
		f.sendErr = err
		pg.Stop() // out of buffers it would try again without pause
	}
	err := pg.RunWithContext(ctx)
	e := Echoes{Sent: len(f.sent), Replies: f.replies}
	switch {
	case f.sendErr != nil && (e.Sent == 0 || len(e.Replies) < e.Sent):
		return e, f.sendErr // the run was cut short by us: what is missing is not their loss
	case e.Sent > 0:
		return e, nil
	case err != nil && !errors.Is(err, context.DeadlineExceeded):
		return e, err
	}
	return e, errNothingSent
}

var errNothingSent = errors.New("no echo request was sent in time")

func (f *flight) onSend(*probing.Packet) { f.sent = append(f.sent, time.Now()) }

// onRecv takes a reply that pro-bing found to be ours by its random tracker. It
// measures by its own clock, because pro-bing reads the time of sending from
// the packet, in wall time, where the far side can forge it; and it compares
// the sender, which pro-bing does not.
func (f *flight) onRecv(p *probing.Packet) {
	now := time.Now()
	from, ok := netip.AddrFromSlice(p.IPAddr.IP)
	if !ok || from.Unmap() != f.to || p.Seq < 0 || p.Seq >= len(f.sent) {
		return
	}
	f.replies = append(f.replies, Reply{RTT: now.Sub(f.sent[p.Seq]), HopLimit: p.TTL})
}

// idPool hands out echo IDs so that no two runs at a time have the same: random
// ones collide in a quarter of cases with 200 in flight. The zero pool is ready.
type idPool struct {
	mu   sync.Mutex
	next uint16
	used map[uint16]struct{}
}

func (p *idPool) take() uint16 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.used == nil {
		p.used = make(map[uint16]struct{})
	}
	for {
		p.next++
		if _, taken := p.used[p.next]; !taken { // at most maxInFlight are
			p.used[p.next] = struct{}{}
			return p.next
		}
	}
}

func (p *idPool) give(id uint16) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.used, id)
}
