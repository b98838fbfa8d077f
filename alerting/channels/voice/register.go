package voice

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"watchpost.example/alerting"
	"watchpost.example/alerting/channels/secret"
)

const (
	// expiry is what we ask for; the exchange may give less.
	expiry = 300 * time.Second
	// askTime bounds one REGISTER or OPTIONS.
	askTime = 5 * time.Second
	// backoffMost bounds the pause after a failed registration.
	backoffMost = time.Minute
)

// registration is what Health tells of it.
type registration struct {
	mu  sync.Mutex
	ok  bool
	err error
}

func (r *registration) set(ok bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ok, r.err = ok, err
}

func (r *registration) get() (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ok, r.err
}

// Run implements alerting.Channel: keys and receipts come back from Send; only
// the registration, when there is one, is kept here.
func (c *channel) Run(ctx context.Context, _ chan<- alerting.Receipt, _ chan<- alerting.Reply) error {
	if !c.set.Register {
		return nil
	}
	pause := time.Second
	for ctx.Err() == nil {
		begun := time.Now()
		err := c.keepRegistered(ctx)
		c.reg.set(false, err)
		if time.Since(begun) > backoffMost {
			pause = time.Second
		}
		if ctx.Err() != nil {
			break
		}
		c.log.Warn("SIP registration failed", "channel", c.name, "err", err, "again_in", pause)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, backoffMost)
	}
	return nil
}

// keepRegistered registers and refreshes until something fails or ctx ends.
func (c *channel) keepRegistered(ctx context.Context) error {
	s, err := c.newStack(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	s.server.OnOptions(func(r *sip.Request, tx sip.ServerTransaction) {
		_ = tx.Respond(sip.NewResponseFromRequest(r, 200, "OK", nil)) // the asker may be gone
	})
	s.server.OnInvite(func(r *sip.Request, tx sip.ServerTransaction) {
		_ = tx.Respond(sip.NewResponseFromRequest(r, 480, "Temporarily Unavailable", nil)) // this phone only calls
	})
	callID := sip.CallIDHeader(sip.GenerateTagN(24))
	for seq := uint32(1); ; seq += 2 { // an answered challenge takes a number too
		granted, err := c.register(ctx, s, &callID, seq, expiry)
		if err != nil {
			return err
		}
		c.reg.set(true, nil)
		select {
		case <-ctx.Done():
			bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			_, err := c.register(bye, s, &callID, seq+2, 0)
			return err
		case <-time.After(max(granted/2, 5*time.Second)):
		}
	}
}

// register sends one REGISTER (RFC 3261 section 10) and gives the time granted.
func (c *channel) register(ctx context.Context, s *stack, callID *sip.CallIDHeader, seq uint32, want time.Duration) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	password, err := c.password()
	if err != nil {
		return 0, err
	}
	to := c.uri("")
	req := c.request(s, sip.REGISTER, to)
	req.AppendHeader(&sip.ToHeader{Address: sip.Uri{Scheme: "sip", User: c.set.Username, Host: c.host}})
	req.From().Address.User = c.set.Username
	req.AppendHeader(callID)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: seq, MethodName: sip.REGISTER})
	req.AppendHeader(sip.NewHeader("Expires", strconv.Itoa(int(want.Seconds()))))
	res, err := c.exchange(ctx, s, req, password)
	if err != nil {
		return 0, fmt.Errorf("registering: %s", secret.Hide(err.Error(), password))
	}
	if !res.IsSuccess() {
		return 0, fmt.Errorf("registering: %w", &refusal{code: res.StatusCode, reason: res.Reason})
	}
	granted := want
	if h := res.GetHeader("Expires"); h != nil {
		if n, err := strconv.Atoi(h.Value()); err == nil && n > 0 {
			granted = min(want, time.Duration(n)*time.Second)
		}
	}
	if h := res.Contact(); h != nil {
		if v, ok := h.Params.Get("expires"); ok {
			if n, err := strconv.Atoi(v); err == nil && n > 0 {
				granted = min(want, time.Duration(n)*time.Second)
			}
		}
	}
	return granted, nil
}

// Health implements alerting.Channel: the registration, and whether the
// exchange answers OPTIONS, which rings nowhere. Any answer will do.
func (c *channel) Health(ctx context.Context) alerting.Health {
	h := alerting.Health{OK: true, Detail: "the exchange answers", Values: map[string]float64{
		"lines": float64(c.set.Lines), "lines_busy": float64(len(c.lines)),
	}}
	if c.set.Register {
		ok, err := c.reg.get()
		h.Values["registered"] = 0
		switch {
		case ok:
			h.Values["registered"], h.Detail = 1, "registered"
		case err != nil:
			return alerting.Health{Detail: err.Error(), Values: h.Values}
		default:
			return alerting.Health{Detail: "not registered yet", Values: h.Values}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	s, err := c.newStack(ctx)
	if err != nil {
		return alerting.Health{Detail: err.Error(), Values: h.Values}
	}
	defer s.close()
	begun := time.Now()
	if _, err := c.exchange(ctx, s, c.request(s, sip.OPTIONS, c.uri("")), ""); err != nil {
		return alerting.Health{Detail: "the exchange does not answer: " + err.Error(), Values: h.Values}
	}
	h.Values["exchange_rtt_seconds"] = time.Since(begun).Seconds()
	return h
}
