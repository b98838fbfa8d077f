package voice

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"watchpost.example/alerting"
	"watchpost.example/alerting/channels/secret"
)

const (
	// margin is what is left of Send's time for CANCEL or BYE.
	margin = 2 * time.Second
	// patience is how long speech may take after the phone was answered.
	patience = 3 * time.Second
)

type channel struct {
	name  string
	set   Settings
	host  string
	port  int
	log   *slog.Logger
	speak speaker
	lines chan struct{} // one token a running call
	reg   registration
	// thanked has what is said after a key, made once.
	thanked sync.Map // text to []int16
}

func newChannel(name string, s Settings, log *slog.Logger) (*channel, error) {
	host, port, err := hostPort(s.Server)
	if err != nil {
		return nil, err
	}
	return &channel{
		name: name, set: s, host: host, port: port, log: log, lines: make(chan struct{}, s.Lines),
		speak: speaker{voice: s.Voice, speed: s.Speed, phrases: s.Phrases, program: "espeak-ng"},
	}, nil
}

// Name implements alerting.Channel.
func (c *channel) Name() string { return c.name }

func (c *channel) caller() string {
	if c.set.CallerID != "" {
		return c.set.CallerID
	}
	return c.set.Username
}

var numberForm = regexp.MustCompile(`^\+?[0-9]{2,15}$`)

// number makes what is dialled; "" = not a number. Codes such as *21# are none:
// they would set up a forwarding at the exchange.
func (c *channel) number(address string) string {
	n := strings.NewReplacer(" ", "", ".", "", "-", "", "(", "", ")", "").Replace(address)
	if !numberForm.MatchString(n) {
		return ""
	}
	if c.set.Plus != "" && n[0] == '+' {
		n = c.set.Plus + n[1:]
	}
	return c.set.Prefix + n
}

// refusal is a final answer other than 200.
type refusal struct {
	code   int
	reason string
	after  time.Duration // how long the exchange wants to be left alone; 0 = it did not say
}

// retryAfter reads the header of that name (RFC 3261 section 20.33).
func retryAfter(res *sip.Response) time.Duration {
	h := res.GetHeader("Retry-After")
	if h == nil {
		return 0
	}
	digits := h.Value()
	if i := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		digits = digits[:i] // "120 (maintenance);duration=60"
	}
	n, err := strconv.ParseUint(digits, 10, 17)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}

// Error implements error with what a person would say first.
func (r *refusal) Error() string {
	words := map[int]string{
		401: "the exchange refuses the password", 407: "the exchange refuses the password", 402: "no credit", 403: "the exchange forbids the call",
		404: "no such number", 410: "no such number any more", 416: "no such number", 484: "the number is incomplete", 485: "the number is ambiguous", 604: "no such number",
		408: "no answer", 480: "the phone is off or out of reach", 486: "busy", 487: "no answer", 488: "no common audio codec", 606: "no common audio codec",
		500: "the exchange has a fault", 502: "the exchange has a fault", 503: "no free line at the exchange", 504: "the exchange has a fault",
		600: "busy", 603: "the person declined",
	}
	text := words[r.code]
	if text == "" {
		text = "the exchange refuses the call"
	}
	return fmt.Sprintf("%s (SIP %d %.80q)", text, r.code, r.reason)
}

// permanent tells whether dialling again can't help: of the answers below 500
// those that speak of the moment are few.
func (r *refusal) permanent() bool {
	switch r.code {
	case 408, 423, 429, 480, 482, 486, 487, 491:
		return false
	case 604, 606:
		return true
	}
	return r.code < 500
}

// Send implements alerting.Channel: one call, from dialling to hanging up.
func (c *channel) Send(ctx context.Context, address string, p alerting.Page) (alerting.Receipt, error) {
	number := c.number(address)
	if number == "" {
		return alerting.Receipt{}, alerting.Permanent(fmt.Errorf("voice %s: the address is not a phone number", c.name))
	}
	ctx, grace, cancel := early(ctx)
	defer cancel()
	select {
	case c.lines <- struct{}{}:
		defer func() { <-c.lines }()
	case <-ctx.Done():
		return alerting.Receipt{}, fmt.Errorf("voice %s: all %d lines were busy with other calls", c.name, c.set.Lines)
	}
	password, err := c.password()
	if err != nil {
		return alerting.Receipt{}, fmt.Errorf("voice %s: %w", c.name, err)
	}
	r, err := c.ring(ctx, order{number, password, grace}, p)
	if err == nil {
		return r, nil
	}
	text := secret.Hide(err.Error(), password)
	wrapped := fmt.Errorf("voice %s: %s", c.name, text)
	no, ok := errors.AsType[*refusal](err)
	switch {
	case !ok:
		return alerting.Receipt{}, wrapped
	case no.permanent():
		return alerting.Receipt{}, alerting.Permanent(wrapped)
	}
	return alerting.Receipt{}, alerting.Later(wrapped, no.after)
}

// early ends a little before ctx, so that the other side hears that it is over;
// grace is the time for that.
func early(ctx context.Context) (_ context.Context, grace time.Duration, _ context.CancelFunc) {
	d, ok := ctx.Deadline()
	if !ok {
		ctx, cancel := context.WithCancel(ctx)
		return ctx, margin * 3 / 4, cancel
	}
	left := max(0, min(margin, time.Until(d)/4))
	ctx, cancel := context.WithDeadline(ctx, d.Add(-left))
	return ctx, left * 3 / 4, cancel
}

func (c *channel) password() (string, error) {
	if c.set.PasswordFile == "" {
		return "", nil
	}
	return secret.Read(c.set.PasswordFile)
}

// spoken is the audio of a page. What is said after a key comes later: it must
// not keep a person waiting who has picked up.
type spoken struct {
	speech []int16
	thanks <-chan map[byte][]int16
	err    error
}

// order is what is needed to dial.
type order struct {
	number, password string
	grace            time.Duration
}

// ring dials, and talks when somebody answers.
func (c *channel) ring(ctx context.Context, o order, p alerting.Page) (alerting.Receipt, error) {
	s, err := c.newStack(ctx)
	if err != nil {
		return alerting.Receipt{}, err
	}
	defer s.close()
	conn, err := c.rtpSocket(s.local.Addr())
	if err != nil {
		return alerting.Receipt{}, fmt.Errorf("opening a port for audio: %w", err)
	}
	defer func() { _ = conn.Close() }() // nothing is buffered
	rtp, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil {
		return alerting.Receipt{}, fmt.Errorf("opening a port for audio: %w", err)
	}
	sctx, stop := context.WithCancel(ctx)
	audio := make(chan spoken, 1) // made while it rings
	var speaking sync.WaitGroup
	speaking.Go(func() { c.prepare(sctx, p, audio) })
	defer speaking.Wait()
	defer stop()

	begun := time.Now()
	d := newDialog(c, s, rtp, o.grace)
	rctx, end := context.WithTimeout(ctx, c.set.Ring)
	err = d.dial(rctx, o.number, o.password)
	end()
	if err != nil {
		if d.answer != nil {
			d.hangUp(ctx)
		}
		if errors.Is(err, context.DeadlineExceeded) && !d.rang.IsZero() {
			return alerting.Receipt{}, fmt.Errorf("it rang for %s and nobody answered", time.Since(d.rang).Round(time.Second))
		}
		return alerting.Receipt{}, fmt.Errorf("after %s: %w", time.Since(begun).Round(100*time.Millisecond), err)
	}
	answered := time.Now()
	drain(conn)
	words := c.wait(ctx, audio)
	defer d.hangUp(ctx)
	k := &call{conn: conn, d: d, lang: p.Language, speech: words.speech, ready: words.thanks}
	tctx, end := context.WithTimeout(ctx, c.set.MaxCall)
	defer end()
	how := k.talk(tctx)
	stop() // what is still being made ends while the call does
	detail := fmt.Sprintf("answered after %s, talked %s, said %d times", answered.Sub(begun).Round(100*time.Millisecond), time.Since(answered).Round(100*time.Millisecond), k.repeat)
	if how != endKey {
		detail += "; " + how
	}
	detail += k.notes()
	if words.err != nil {
		detail += "; beeps instead of speech: " + words.err.Error()
	}
	return receipt(p, string(k.digits), detail), nil
}

// receipt: who pressed 1 last has taken it; everything else was only answered,
// as a mailbox does.
func receipt(p alerting.Page, digits, detail string) alerting.Receipt {
	r := alerting.Receipt{Page: p.ID, Status: alerting.Answered, Digits: digits, Detail: detail, At: time.Now()}
	if i := strings.LastIndexAny(digits, "129"); i >= 0 && digits[i] == '1' {
		r.Status = alerting.Acknowledged
	}
	return r
}

// prepare makes all audio of a call; the sentence first.
func (c *channel) prepare(ctx context.Context, p alerting.Page, audio chan<- spoken) {
	speech, err := c.speak.say(ctx, p.Speech, p.Language)
	if err != nil {
		audio <- beeps(err)
		return
	}
	ready := make(chan map[byte][]int16, 1)
	audio <- spoken{speech: speech, thanks: ready}
	clips := map[byte][]int16{}
	for _, key := range []byte("129") {
		if ctx.Err() != nil {
			break
		}
		text := thanks(key, p.Language)
		if clip, ok := c.thanked.Load(text); ok {
			clips[key], _ = clip.([]int16) // only such are stored
			continue
		}
		if clip, err := c.speak.say(ctx, text, p.Language); err == nil {
			c.thanked.Store(text, clip)
			clips[key] = clip
		}
	}
	ready <- clips
}

// beeps stand in for speech: a phone that rings and beeps, and takes the keys,
// is better than none.
func beeps(err error) spoken {
	out := spoken{err: err}
	for range 3 {
		out.speech = append(append(out.speech, tone(0.5)...), make([]int16, rate/2)...)
	}
	return out
}

// wait gives the audio, or beeps when it takes too long.
func (c *channel) wait(ctx context.Context, audio chan spoken) spoken {
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case s := <-audio:
		return s
	case <-t.C:
		return beeps(errors.New("the speech was not ready in time"))
	case <-ctx.Done():
		return beeps(ctx.Err())
	}
}
