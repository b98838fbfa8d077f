package gammu

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"watchpost.example/alerting"
)

const (
	// maxPart and maxParts bound an incoming message: a part has at most 160
	// characters, a reply needs far fewer parts than 255.
	maxPart  = 4 << 10
	maxParts = 16
	// delivered and failed end the name of a sent file whose receipt has come.
	delivered, failed = ".delivered", ".failed"
	// sameNumber is how many last digits make two spellings one number
	// (0900…, +84900…).
	sameNumber = 9
	pruneEvery = time.Hour
)

// inboxForm is IN<date>_<time>_<serial>_<sender>_<part>.txt; the sender may be a
// name ("VIETTEL") or, from a hostile network, anything without a slash.
var inboxForm = regexp.MustCompile(`^(IN[0-9]{8}_[0-9]{6}_[0-9]{2,3}_(.*))_([0-9]{2})\.(txt|bin|smsbackup)$`)

// message is one incoming SMS with the files of its parts.
type message struct {
	from  string
	files []string
}

// Run implements alerting.Channel: it reads the inbox until ctx ends. A file is
// removed after its message was handed over; a crash between hands it over
// twice, which acknowledges once.
func (c *channel) Run(ctx context.Context, receipts chan<- alerting.Receipt, replies chan<- alerting.Reply) error {
	if c.credit != nil {
		defer c.credit.wg.Wait()
	}
	tick := time.NewTicker(c.poll)
	defer tick.Stop()
	var (
		pruned time.Time
		said   string
	)
	for {
		if time.Since(pruned) > pruneEvery {
			pruned = time.Now()
			c.prune(pruned)
		}
		err := c.scan(ctx, receipts, replies)
		c.watchCredit(ctx, time.Now())
		if now := text(err); now != said { // once, not every second
			if said = now; err != nil && ctx.Err() == nil {
				c.log.Warn("reading the SMS inbox failed", "channel", c.name, "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// scan hands over every message that is whole. What can't be removed is handed
// over once all the same: an acknowledgement a second would be worse than none.
func (c *channel) scan(ctx context.Context, receipts chan<- alerting.Receipt, replies chan<- alerting.Reply) error {
	names, err := c.list("inbox", "IN")
	c.stuck.Store(err != nil)
	if err != nil {
		return err
	}
	var first error // one bad file must not stop those after it
	handed := map[string]bool{}
	for _, m := range join(names) {
		err := c.hand(ctx, m, receipts, replies)
		if errors.Is(err, errNotRemoved) {
			handed[m.files[0]] = true
			c.stuck.Store(true)
		}
		if first == nil {
			first = err
		}
	}
	c.handed = handed
	return first
}

var errNotRemoved = errors.New("a message that was read can't be removed (watchpost must be able to write into the inbox)")

// hand hands one message over and removes its files.
func (c *channel) hand(ctx context.Context, m message, receipts chan<- alerting.Receipt, replies chan<- alerting.Reply) error {
	if c.handed[m.files[0]] {
		return c.remove(m)
	}
	body, at, ok, err := c.content(m)
	if err != nil || !ok {
		return err
	}
	if r, isReport := c.report(m.from, body, at); isReport {
		if err := c.handReceipt(ctx, receipts, r); err != nil {
			return err
		}
	} else if m.from != "" && !c.creditAnswer(m.from, body) || m.from == "" && !c.creditAnswer("", body) && strings.TrimSpace(body) != "" {
		// Of a person even when it is empty (a full disk, an 8-bit SMS): he is told
		// that he was not understood.
		select {
		case replies <- alerting.Reply{Channel: c.name, From: m.from, Text: body, At: at}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return c.remove(m)
}

// remove takes the files of a message away, the first last: it stands for the
// message until then.
func (c *channel) remove(m message) error {
	for _, f := range slices.Backward(m.files) {
		if err := os.Remove(filepath.Join(c.dir("inbox"), f)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: %w", errNotRemoved, err)
		}
	}
	return nil
}

// join groups the files of one message: the same name but for the part.
func join(names []string) []message {
	var (
		out  []message
		last string
	)
	for _, n := range names { // sorted, so the parts of one message are neighbours
		m := inboxForm.FindStringSubmatch(n)
		if m == nil {
			continue
		}
		if m[1] != last || m[3] == "00" {
			out = append(out, message{from: m[2]})
			last = m[1]
		}
		out[len(out)-1].files = append(out[len(out)-1].files, n)
	}
	return out
}

// content reads a message; ok is false while smsd may still be writing. at is
// when smsd wrote it: the name has the sender's clock and no zone.
func (c *channel) content(m message) (body string, at time.Time, ok bool, err error) {
	var b strings.Builder
	for i, f := range m.files {
		raw, written, err := read(filepath.Join(c.dir("inbox"), f), maxPart)
		if err != nil {
			return "", at, false, err
		}
		// Far in the future it is not young: the clock was set back.
		if age := time.Since(written); age < c.settle && age > -c.settle {
			return "", at, false, nil
		}
		if i == 0 {
			at = written
		}
		if i >= maxParts {
			continue // looked at, so that it is removed with the rest
		}
		switch filepath.Ext(f) {
		case ".txt":
			b.WriteString(decode(raw))
		case ".smsbackup":
			c.log.Warn("an SMS can't be read: set `InboxFormat = unicode` in smsd's configuration", "channel", c.name)
		}
	}
	return b.String(), at, true, nil
}

// report recognises smsd's delivery reports, which look like an SMS of the
// receiver with one of four words. They carry no id: the oldest message to
// that number that waits for one gets it.
func (c *channel) report(from, body string, at time.Time) (alerting.Receipt, bool) {
	r := alerting.Receipt{Detail: "delivery report: " + body, At: at}
	switch body {
	case "Delivered":
		r.Status = alerting.Delivered
	case "Failed":
		r.Status = alerting.Failed
	case "Pending", "Unknown":
	default:
		return r, false
	}
	if !c.set.DeliveryReports {
		return r, false
	}
	names, err := c.list("sent", "OUT")
	if err != nil {
		c.log.Warn("reading the SMS spool failed", "channel", c.name, "err", err)
		return r, false
	}
	best := ""
	for _, n := range names {
		number, note, ok := sentName(n)
		// The letter of urgency stands before the time.
		if ok && strings.HasSuffix(n, ".txtd") && tail(number) == tail(from) && (best == "" || n[4:] < best[4:]) {
			best, r.Page, r.Provider = n, note, n
		}
	}
	return r, best != ""
}

func tail(number string) string { return number[max(0, len(number)-sameNumber):] }

// handReceipt hands a receipt over and marks the sent file, so that the next
// report of the same number is for the next message.
func (c *channel) handReceipt(ctx context.Context, receipts chan<- alerting.Receipt, r alerting.Receipt) error {
	if r.Status == "" {
		return nil // pending: says nothing
	}
	select {
	case receipts <- r:
	case <-ctx.Done():
		return ctx.Err()
	}
	suffix := delivered
	if r.Status == alerting.Failed {
		suffix = failed
	}
	path := filepath.Join(c.dir("sent"), r.Provider)
	return os.Rename(path, path+suffix)
}
