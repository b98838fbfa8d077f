package voice

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// hello is the pause after the answer: a person says his name first.
	hello = 600 * time.Millisecond
	// between is the pause between two repetitions of the sentence.
	between = 1500 * time.Millisecond
	// maxBehind is how many frames are sent at once after a stall; older ones are
	// skipped, since a burst is noise.
	maxBehind = 5
	// correct is the least time after a deciding key, to press another.
	correct = 1500 * time.Millisecond
	// maxDrained bounds the packets from before the answer.
	maxDrained = 10_000
	tick       = 20 * time.Millisecond
)

// call is the audio of one answered call.
type call struct {
	conn   *net.UDPConn
	d      *dialog
	lang   string
	speech []int16                 // the sentence
	ready  <-chan map[byte][]int16 // brings thanks; nil = never
	thanks map[byte][]int16        // what is said after a key
	digits []byte                  // pressed so far
	keys   chan byte               // from the receiver
	queue  []int16                 // what is being said
	last   bool                    // after queue, hang up
	repeat int                     // how often the sentence was begun
	held   bool                    // the person has put us on hold

	heard    atomic.Int64 // packets of audio from the phone
	strange  atomic.Int64 // and from hosts that the exchange did not name
	restarts int          // after a hold
}

// how a call ended, for the journal.
const (
	endKey    = "key"
	endHungUp = "the person hung up"
	endTime   = "nothing was pressed"
)

// talk speaks until a deciding key, the other side's BYE, or ctx's end.
func (c *call) talk(ctx context.Context) string {
	var wg sync.WaitGroup
	c.keys = make(chan byte, maxKeys)
	wg.Go(c.listen)
	defer wg.Wait()
	defer func() { _ = c.conn.SetReadDeadline(time.Unix(1, 0)) }() // ends listen

	c.queue = make([]int16, int(hello.Seconds()*rate))
	out, begun, sent := newStream(), time.Now(), 0
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return endTime
		case <-c.d.hungUp:
			return c.ended(endHungUp)
		case key := <-c.keys:
			c.press(key)
		case key := <-c.d.keys:
			c.press(key)
		case <-ticker.C:
			due := int(time.Since(begun)/tick) - sent
			if c.onHold(c.d.target().held()) {
				if c.last {
					return endKey
				}
				sent += due
				continue
			}
			if due > maxBehind {
				sent, due = sent+due-maxBehind, maxBehind
			}
			for range due {
				sent++
				samples, more := c.next()
				if !more {
					return endKey
				}
				to := c.d.target()
				// A lost packet is like one lost on the way.
				_, _ = c.conn.WriteToUDPAddrPort(out.packet(to.audio, encode(samples, to.ulaw)), to.addr)
			}
		}
	}
}

// onHold stops the speech while nobody hears it, and begins again after.
func (c *call) onHold(held bool) bool {
	if c.held && !held && !c.last {
		c.queue = make([]int16, int(hello.Seconds()*rate))
		c.restarts++
	}
	c.held = held
	return held
}

// notes is what of the audio a technician wants to know.
func (c *call) notes() string {
	var s string
	if c.restarts > 0 {
		s += fmt.Sprintf("; was on hold %d times", c.restarts)
	}
	switch {
	case c.heard.Load() > 0:
	case c.strange.Load() > 0:
		s += "; audio came only from a host that the exchange did not name, so keys in it did not count (NAT?)"
	default:
		s += "; no audio came from the phone"
	}
	return s
}

func (c *call) ended(how string) string {
	if c.last {
		return endKey
	}
	return how
}

// press acts on a key: 1, 2 and 9 decide, 3 says it again, others are noted.
func (c *call) press(key byte) {
	if len(c.digits) >= maxKeys {
		return
	}
	c.digits = append(c.digits, key)
	switch key {
	case '1', '2', '9':
		c.queue, c.last = append(make([]int16, frame), c.thank(key)...), true
	case '3':
		if !c.last {
			c.queue = make([]int16, frame)
		}
	}
}

// thank is what is said after a key: a beep when there are no words, or not yet.
func (c *call) thank(key byte) []int16 {
	select {
	case c.thanks = <-c.ready:
		c.ready = nil
	default:
	}
	clip := c.thanks[key]
	if len(clip) == 0 {
		clip = tone(0.3)
	}
	if short := int(correct.Seconds()*rate) - len(clip); short > 0 {
		clip = append(slices.Clone(clip), make([]int16, short)...)
	}
	return clip
}

// next gives the next 20 ms; more is false when all is said.
func (c *call) next() (samples []int16, more bool) {
	if len(c.queue) == 0 {
		if c.last {
			return nil, false
		}
		c.repeat++
		c.queue = append(append(c.queue, c.speech...), make([]int16, int(between.Seconds()*rate))...)
	}
	samples = make([]int16, frame)
	c.queue = c.queue[copy(samples, c.queue):]
	return samples, true
}

// drain throws away what came before the answer: an announcement, and keys that
// no person pressed who heard us.
func drain(conn *net.UDPConn) {
	var buf [2048]byte
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Millisecond)) // a closed socket is noticed by the reader
	for range maxDrained {
		if _, _, err := conn.ReadFromUDPAddrPort(buf[:]); err != nil {
			break
		}
	}
	_ = conn.SetReadDeadline(time.Time{})
}

// listen takes telephone events until its deadline. Only the host that the
// answer names is heard: whoever else finds the port can't press keys.
func (c *call) listen() {
	var (
		buf  [2048]byte
		seen events
	)
	for {
		n, from, err := c.conn.ReadFromUDPAddrPort(buf[:])
		if err != nil {
			if e, ok := err.(net.Error); ok && e.Timeout() { //nolint:errorlint // the net package gives it unwrapped
				return
			}
			select { // "connection refused" by a peer that is not ready yet
			case <-c.d.hungUp:
				return
			default:
				continue
			}
		}
		if p, ok := parseRTP(buf[:n]); ok {
			c.take(p, from, &seen)
		}
	}
}

// take counts a packet of the phone's, and takes the key in it.
func (c *call) take(p packet, from netip.AddrPort, seen *events) {
	m := c.d.target()
	if !sameHost(from, m.addr) {
		c.strange.Add(1)
		return
	}
	c.heard.Add(1)
	if m.event == 0 || p.kind != m.event && p.kind != eventType {
		return
	}
	if key, ok := seen.press(p); ok {
		select {
		case c.keys <- key:
		default: // more than a person presses
		}
	}
}

func sameHost(a, b netip.AddrPort) bool { return a.Addr().Unmap() == b.Addr().Unmap() }
