package smpp

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/channels/secret"
)

// backoffMost bounds the pause between two binds that failed.
const backoffMost = time.Minute

type channel struct {
	name  string
	set   Settings
	pool  *x509.CertPool // nil = the system's
	log   *slog.Logger
	sent  *tracker
	parts *joiner
	pace  pacer

	mu      sync.Mutex
	running bool
	cur     *session      // bound; nil = not
	last    error         // why not
	changed chan struct{} // closed and replaced when cur or last change
}

// Name implements alerting.Channel.
func (c *channel) Name() string { return c.name }

func (c *channel) state(s *session, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cur, c.last = s, err
	close(c.changed)
	c.changed = make(chan struct{})
}

// Run implements alerting.Channel: it stays bound until ctx ends, and hands
// over receipts and replies.
func (c *channel) Run(ctx context.Context, receipts chan<- alerting.Receipt, replies chan<- alerting.Reply) error {
	c.mu.Lock()
	c.running = true
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.running = false
		c.mu.Unlock()
	}()
	var wg sync.WaitGroup
	wg.Go(func() { c.late(ctx, replies) })
	defer wg.Wait()
	pause := time.Second
	for ctx.Err() == nil {
		begun := time.Now()
		err := c.bound(ctx, receipts, replies)
		if ctx.Err() != nil {
			break
		}
		c.state(nil, err)
		if time.Since(begun) > backoffMost {
			pause = time.Second
		}
		c.log.Warn("the SMPP session ended", "channel", c.name, "err", err, "again_in", pause)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, backoffMost)
	}
	c.state(nil, ctx.Err())
	return nil
}

// bound is one session from bind to end.
func (c *channel) bound(ctx context.Context, receipts chan<- alerting.Receipt, replies chan<- alerting.Reply) error {
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	c.state(s, nil)
	left := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { defer close(left); s.leave() })
	err = s.run(c.set.Enquire, func(d delivered) error { return c.hand(ctx, d, receipts, replies) })
	if !stop() {
		<-left
	}
	return err
}

func (c *channel) open(ctx context.Context) (*session, error) {
	password, err := secret.Read(c.set.PasswordFile)
	if err != nil {
		return nil, err
	}
	return c.dial(ctx, password)
}

// hand hands one delivered message over.
func (c *channel) hand(ctx context.Context, d delivered, receipts chan<- alerting.Receipt, replies chan<- alerting.Reply) error {
	now := time.Now()
	if d.esm&0x3C == 0x04 { // a delivery receipt (section 5.2.12)
		for _, r := range c.sent.receipt(d, now) {
			select {
			case receipts <- r:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	}
	text, whole := c.parts.add(d, now)
	if !whole {
		return nil
	}
	return c.reply(ctx, d, text, replies)
}

func (c *channel) reply(ctx context.Context, d delivered, text string, replies chan<- alerting.Reply) error {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	from := d.from
	if d.fromTON == 1 && !strings.HasPrefix(from, "+") {
		from = "+" + from
	}
	select {
	case replies <- alerting.Reply{Channel: c.name, From: from, Text: text, At: time.Now()}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// late hands over messages of which a part never came.
func (c *channel) late(ctx context.Context, replies chan<- alerting.Reply) {
	tick := time.NewTicker(c.parts.wait / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, d := range c.parts.overdue(time.Now()) {
			if c.reply(ctx, d, decode(d.coding, d.body), replies) != nil {
				return
			}
		}
	}
}

var numberForm = regexp.MustCompile(`^\+?[0-9]{3,15}$`)

// target writes a number as the centre wants it: international without +.
func (c *channel) target(number string) (address, bool) {
	n := strings.NewReplacer(" ", "", ".", "", "-", "", "(", "", ")", "").Replace(number)
	switch {
	case !numberForm.MatchString(n):
		return address{}, false
	case n[0] == '+':
		return address{1, 1, n[1:]}, true
	case n[0] == '0' && c.set.Country != "":
		return address{1, 1, c.set.Country + n[1:]}, true
	}
	return address{0, 1, n}, true // as it is: a short code or a centre's own form
}

func (c *channel) source() address {
	n := strings.TrimPrefix(c.set.Source, "+")
	switch {
	case strings.Trim(n, "0123456789") != "":
		return address{5, 0, c.set.Source} // a name
	case n != c.set.Source:
		return address{1, 1, n}
	case len(n) <= 8:
		return address{3, 0, n} // a short code
	}
	return address{0, 1, n}
}

// session gives the bound session of Run, waiting for it; without Run, one of
// its own. release ends the latter.
func (c *channel) session(ctx context.Context) (s *session, release func(), err error) {
	for {
		c.mu.Lock()
		running, cur, last, changed := c.running, c.cur, c.last, c.changed
		c.mu.Unlock()
		if cur != nil {
			return cur, func() {}, nil
		}
		if !running {
			return c.own(ctx)
		}
		if refused, ok := errors.AsType[*statusError](last); ok && refused.permanent() {
			return nil, nil, last
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, nil, errors.Join(errors.New("not bound to the centre"), last)
		}
	}
}

// own is a session for one Send.
func (c *channel) own(ctx context.Context) (*session, func(), error) {
	s, err := c.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = s.run(c.set.Enquire, func(delivered) error { return errLater }) // ends with release
	})
	return s, func() { s.leave(); wg.Wait() }, nil
}

// Send implements alerting.Channel.
func (c *channel) Send(ctx context.Context, number string, p alerting.Page) (alerting.Receipt, error) {
	to, ok := c.target(number)
	if !ok {
		return alerting.Receipt{}, alerting.Permanent(fmt.Errorf("smpp %s: the address is not a phone number", c.name))
	}
	s, release, err := c.session(ctx)
	if err != nil {
		return alerting.Receipt{}, c.judge(err)
	}
	defer release()
	h := fnv.New32a()
	_, _ = h.Write([]byte(p.ID)) // never fails
	var ids []string
	for _, m := range split(p.Short, byte(h.Sum32()), c.set.MaxParts) {
		a, err := c.submit(ctx, s, submit(c.source(), to, m, c.set.Receipts))
		if err != nil {
			return alerting.Receipt{}, c.judge(err)
		}
		r := reader{b: a.body}
		ids = append(ids, r.text(65))
	}
	r := alerting.Receipt{Page: p.ID, Provider: strings.Join(ids, ","), Status: alerting.Accepted, At: time.Now()}
	if told := c.sent.add(p.ID, ids, r.At); told.Status != "" { // the receipt was faster than the answer
		r.Status, r.Detail = told.Status, told.Detail
	}
	return r, nil
}

// submit sends one part, at the pace that the centre wants.
func (c *channel) submit(ctx context.Context, s *session, body []byte) (pdu, error) {
	if err := c.pace.wait(ctx); err != nil {
		return pdu{}, fmt.Errorf("the centre is throttling us: %w", err)
	}
	a, err := s.ask(ctx, submitSM, body)
	if err != nil {
		return pdu{}, fmt.Errorf("no answer to the message, it may have been sent: %w", err)
	}
	c.pace.answered(a.status == 0x58 || a.status == 0x14, time.Now())
	if a.status != 0 {
		return pdu{}, &statusError{"the message", a.status}
	}
	return a, nil
}

// paceMost bounds the pause between messages to a centre that throttles.
const paceMost = 30 * time.Second

// pacer keeps all messages back for a while when the centre says that they are
// too many: sending on would be refused, too, and may cost the line.
type pacer struct {
	mu    sync.Mutex
	pause time.Duration
	until time.Time
}

func (p *pacer) answered(throttled bool, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !throttled {
		p.pause = 0
		return
	}
	p.pause = min(max(2*p.pause, time.Second), paceMost)
	p.until = now.Add(p.pause)
}

func (p *pacer) wait(ctx context.Context) error {
	p.mu.Lock()
	left := time.Until(p.until)
	p.mu.Unlock()
	if left <= 0 {
		return nil
	}
	t := time.NewTimer(left)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *channel) judge(err error) error {
	wrapped := fmt.Errorf("smpp %s: %s: %w", c.name, c.set.Server, err)
	if e, ok := errors.AsType[*statusError](err); ok && e.permanent() {
		return alerting.Permanent(wrapped)
	}
	return wrapped
}

// Health implements alerting.Channel.
func (c *channel) Health(ctx context.Context) alerting.Health {
	c.mu.Lock()
	s, last := c.cur, c.last
	c.mu.Unlock()
	h := alerting.Health{Values: map[string]float64{"bound": 0}}
	if s == nil {
		h.Detail = "not bound to the centre"
		if last != nil {
			h.Detail += ": " + last.Error()
		}
		return h
	}
	begun := time.Now()
	if _, err := s.ask(ctx, enquireLink, nil); err != nil {
		h.Detail = "the centre does not answer: " + err.Error()
		return h
	}
	h.OK, h.Detail = true, "bound"
	h.Values["bound"], h.Values["centre_rtt_seconds"] = 1, time.Since(begun).Seconds()
	return h
}
