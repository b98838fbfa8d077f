package gammu

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"watchpost.example/alerting"
)

const (
	// look is how often Send looks whether smsd has taken its file.
	look = 200 * time.Millisecond
	// margin is what is left of Send's time to take an unsent file back.
	margin = 500 * time.Millisecond
	// patience is how long Send waits for smsd without a deadline.
	patience = 2 * time.Minute
)

type channel struct {
	name string
	set  Settings
	log  *slog.Logger
	// poll is the pause between two looks into the inbox; settle is the age at
	// which a file there is taken to be whole: smsd does not rename.
	poll, settle time.Duration
	credit       *credit // nil = not watched
	// handed are messages that were handed over and can't be removed; of Run.
	handed map[string]bool
	stuck  atomic.Bool // the inbox can't be read or emptied
}

// Name implements alerting.Channel.
func (c *channel) Name() string { return c.name }

// Send implements alerting.Channel. It waits until the modem has sent the
// message, and takes it back when smsd does not: an SMS that goes out hours
// later, when the modem works again, would wake somebody for nothing.
func (c *channel) Send(ctx context.Context, address string, p alerting.Page) (alerting.Receipt, error) {
	number := cleanNumber(address)
	if number == "" {
		return alerting.Receipt{}, alerting.Permanent(fmt.Errorf("gammu %s: the address is not a phone number", c.name))
	}
	name := fileName(p, number, c.set.DeliveryReports)
	if r, ok := c.sent(p, name); ok {
		r.Detail = "was sent before, not sent again"
		return r, nil
	}
	if !c.has("outbox", name) {
		// What failed before stands in the way of seeing this attempt fail.
		if err := os.Remove(filepath.Join(c.dir("error"), name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return alerting.Receipt{}, fmt.Errorf("gammu %s: clearing the spool: %w", c.name, err)
		}
		if err := c.put(name, p.Short); err != nil {
			return alerting.Receipt{}, fmt.Errorf("gammu %s: %w", c.name, err)
		}
	}
	if p.Kind == "test" && c.credit != nil {
		c.credit.tested()
	}
	return c.wait(ctx, name, p)
}

// sent tells whether the modem has sent the file.
func (c *channel) sent(p alerting.Page, name string) (alerting.Receipt, bool) {
	r := alerting.Receipt{Page: p.ID, Provider: name, Status: alerting.Accepted, At: time.Now()}
	switch {
	case c.has("sent", name):
		return r, true
	case c.has("sent", name+delivered):
		r.Status = alerting.Delivered
		return r, true
	}
	return r, false
}

func (c *channel) wait(ctx context.Context, name string, p alerting.Page) (alerting.Receipt, error) {
	until := time.Now().Add(patience)
	if d, ok := ctx.Deadline(); ok {
		until = d.Add(-min(margin, time.Until(d)/4))
	}
	begun := time.Now()
	end := time.NewTimer(time.Until(until))
	defer end.Stop()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for waiting := true; waiting; {
		if r, ok := c.sent(p, name); ok {
			return r, nil
		}
		if c.has("error", name) {
			return alerting.Receipt{}, fmt.Errorf("gammu %s: the modem could not send it; smsd's log says why", c.name)
		}
		select {
		case <-tick.C:
		case <-end.C:
			waiting = false
		case <-ctx.Done():
			waiting = false
		}
	}
	return c.takeBack(name, p, time.Since(begun).Round(time.Second))
}

// takeBack removes what smsd has not sent. Who removes first wins; smsd may
// just be sending it, which nobody can see from outside.
func (c *channel) takeBack(name string, p alerting.Page, waited time.Duration) (alerting.Receipt, error) {
	err := os.Remove(filepath.Join(c.dir("outbox"), name))
	if r, ok := c.sent(p, name); ok {
		return r, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return alerting.Receipt{}, fmt.Errorf("gammu %s: smsd took it %s ago at most, but it is neither in sent nor in error: it may have been sent", c.name, waited)
	}
	if err != nil {
		return alerting.Receipt{}, fmt.Errorf("gammu %s: not sent after %s, and taking it back failed: %w", c.name, waited, err)
	}
	return alerting.Receipt{}, fmt.Errorf("gammu %s: smsd did not send it within %s; taken back (is gammu-smsd running, has the modem a network?)", c.name, waited)
}
