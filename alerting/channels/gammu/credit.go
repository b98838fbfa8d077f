package gammu

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"watchpost.example/alerting"
)

const (
	// creditRetry is the pause after a question that brought nothing; it doubles
	// with each, up to a day: a question may cost an SMS.
	creditRetry = time.Hour
	// creditAgain is how young an answer must be for the shift's test page not to
	// ask once more.
	creditAgain = time.Hour
	// creditFile keeps what was learnt over restarts, hidden from smsd.
	creditFile = tmpPrefix + "credit.json"
	// quotedCredit bounds what of an answer is shown to people, in characters.
	quotedCredit = 80
	// maxCreditOutput bounds what a command may say, in bytes.
	maxCreditOutput = 16 << 10
	// commandGrace is what a command has to tidy up after its time.
	commandGrace = 5 * time.Second
)

// creditState is what is kept in the spool.
type creditState struct {
	Asked   time.Time `json:"asked"`
	At      time.Time `json:"at,omitzero"` // of Amount; zero = not known
	Amount  float64   `json:"amount"`
	Failed  int       `json:"failed,omitempty"` // questions in a row that brought nothing
	Problem string    `json:"problem,omitempty"`
}

// credit asks the carrier what is left on the SIM. Run alone asks; Health and
// Send look at it from other goroutines.
type credit struct {
	set   Credit
	form  *form
	zone  *time.Location
	asker func(ctx context.Context) (string, error) // of a command; nil = by the modem

	mu     sync.Mutex
	loaded bool
	state  creditState
	file   string    // of the open question in the spool; "" = none
	until  time.Time // of the open question; zero = none is open
	unread string    // why an answer to the open question could not be read
	soon   bool      // the shift's test page went out
	wg     sync.WaitGroup
}

func newCredit(set Credit) (*credit, error) {
	if !set.watched() {
		return nil, nil // no credit is watched
	}
	f, err := set.form()
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(set.Zone)
	if err != nil {
		return nil, err
	}
	k := &credit{set: set, form: f, zone: zone}
	if len(set.Command) > 0 {
		k.asker = k.command
	}
	return k, nil
}

// show is the credit for Health.
func (k *credit) show() *alerting.Credit {
	k.mu.Lock()
	defer k.mu.Unlock()
	return &alerting.Credit{Amount: k.state.Amount, Minimum: k.set.Minimum, Currency: k.set.Currency, At: k.state.At, Problem: k.state.Problem}
}

// tested notes that a shift's test page went out: the new shift should know the
// credit, too.
func (k *credit) tested() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.soon = true
}

// nextAsk is when the carrier is asked again.
func (k *credit) nextAsk(now time.Time) time.Time {
	s := k.state
	switch {
	case s.Asked.IsZero() || s.Asked.After(now): // never, or the clock was set back
		return now
	case k.soon && now.Sub(s.Asked) >= creditAgain:
		return now
	case s.Failed > 0:
		return s.Asked.Add(min(creditRetry<<min(s.Failed-1, 5), 24*time.Hour))
	}
	return k.set.next(s.Asked.In(k.zone))
}

// watchCredit is one look at the credit: load what is known, end a question
// that is too old, ask when it is time.
func (c *channel) watchCredit(ctx context.Context, now time.Time) {
	k := c.credit
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.loaded {
		k.loaded = true
		c.loadCredit()
	}
	switch {
	case !k.until.IsZero():
		c.endQuestion(now)
	case !now.Before(k.nextAsk(now)):
		c.ask(ctx, now)
	}
}

// ask puts the question; k.mu is held. It counts as failed until the answer
// comes, so that a crash in between does not ask at every start.
func (c *channel) ask(ctx context.Context, now time.Time) {
	k := c.credit
	k.soon, k.unread = false, ""
	k.state.Asked, k.until = now, now.Add(k.set.Timeout)
	k.state.Failed++
	c.saveCredit()
	if k.asker != nil {
		k.until = k.until.Add(time.Minute) // the command has Timeout for itself
		k.wg.Go(func() { c.askCommand(ctx) })
		return
	}
	name, body := k.set.question(now)
	k.file = name
	if err := c.putRaw(name, body); err != nil {
		c.failCredit(err.Error())
	}
}

// endQuestion gives up a question that failed or that is too old.
func (c *channel) endQuestion(now time.Time) {
	k := c.credit
	switch {
	case k.file != "" && c.has("error", k.file):
		c.failCredit("the modem could not send the question")
	case now.Before(k.until):
	// The answer would come too late, and with the price of another SMS.
	case k.file != "" && os.Remove(filepath.Join(c.dir("outbox"), k.file)) == nil:
		c.failCredit(fmt.Sprintf("smsd did not send the question within %s", k.set.Timeout))
	case k.unread != "":
		c.failCredit(k.unread)
	default:
		c.failCredit(fmt.Sprintf("no answer within %s", k.set.Timeout))
	}
}

// question is the file that makes smsd ask: an SMS, or a USSD code, which smsd
// takes as a backup file of class 127 (as gammu-smsd-inject USSD writes it).
// Z comes after every page.
func (s Credit) question(now time.Time) (name string, body []byte) {
	stamp := "OUTZ" + now.UTC().Format("20060102_150405") + "_00_"
	if s.USSD == "" {
		return stamp + s.To + "_credit.txt", encode(s.Text)
	}
	var ucs2 strings.Builder
	for _, r := range s.USSD { // digits, * and # only
		fmt.Fprintf(&ucs2, "%04X", r)
	}
	return stamp + "0_credit.smsbackup", fmt.Appendf(nil, "[SMSBackup000]\nPDU = Submit\nState = UnSent\nNumber = \"%s\"\nNumberUnicode = %s\nCoding = 8bit\nFolder = 1\nLength = 0\nClass = 127\nText00 = \n", s.USSD, ucs2.String())
}

// creditAnswer takes an incoming message as the answer; ok is false when it is
// none, and the message then goes the way of all others.
func (c *channel) creditAnswer(from, body string) (ok bool) {
	k := c.credit
	if k == nil || k.asker != nil {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.until.IsZero() || !k.set.answers(from) { // nobody asked: an advertisement, or a forgery
		return false
	}
	amount, err := k.form.read(body)
	if err != nil {
		k.unread = err.Error() // the right message may still come
		return false
	}
	c.takeCredit(amount)
	return true
}

// takeCredit and failCredit end a question; k.mu is held.
func (c *channel) takeCredit(amount float64) {
	k := c.credit
	k.state = creditState{Asked: k.state.Asked, At: time.Now(), Amount: amount}
	k.file, k.until = "", time.Time{}
	c.saveCredit()
}

func (c *channel) failCredit(why string) {
	k := c.credit
	k.state.Problem = why
	k.file, k.until = "", time.Time{}
	c.log.Warn("the SIM's credit is not known", "channel", c.name, "err", why)
	c.saveCredit()
}

// askCommand runs the command and takes its answer.
func (c *channel) askCommand(ctx context.Context) {
	k := c.credit
	out, err := k.asker(ctx)
	amount, bad := k.form.read(out)
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.until.IsZero(): // given up meanwhile
	case bad == nil: // also of a command that had to be ended: gammu getussd may wait for ever
		c.takeCredit(amount)
	case err != nil:
		c.failCredit("the command: " + err.Error())
	default:
		c.failCredit("the command: " + bad.Error())
	}
}

// command runs the program with an empty environment and no input.
func (k *credit) command(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, k.set.Timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, k.set.Command[0], k.set.Command[1:]...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"}
	out := &firstBytes{room: maxCreditOutput}
	cmd.Stdout, cmd.WaitDelay = out, commandGrace
	// A script may have children, and must be able to give the modem back.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	err := cmd.Run()
	if ctx.Err() != nil && cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what did not end by itself, if anything
	}
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("did not end within %s", k.set.Timeout)
	}
	return out.String(), err
}

// firstBytes keeps the beginning and swallows the rest.
type firstBytes struct {
	strings.Builder
	room int
}

// Write implements io.Writer.
func (b *firstBytes) Write(p []byte) (int, error) {
	n := min(b.room, len(p))
	b.room -= n
	_, _ = b.Builder.Write(p[:n]) // never fails
	return len(p), nil
}

// loadCredit takes up what a former run learnt. A file that can't be read costs
// one more question.
func (c *channel) loadCredit() {
	b, _, err := read(filepath.Join(c.dir("sent"), creditFile), 4<<10)
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	var s creditState
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	if err != nil {
		c.log.Warn("what was known of the SIM's credit is lost", "channel", c.name, "err", err)
		return
	}
	if s.At.After(time.Now()) { // the clock was set back: of unknown age
		s.At = time.Time{}
	}
	c.credit.state = s
}

func (c *channel) saveCredit() {
	b, err := json.Marshal(c.credit.state)
	if err == nil {
		err = replace(filepath.Join(c.dir("sent"), creditFile), b)
	}
	if err != nil {
		c.log.Warn("the SIM's credit is not kept over a restart", "channel", c.name, "err", err)
	}
}

// replace writes a file so that a crash leaves the old or the new.
func replace(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), tmpPrefix+"new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the first error tells more
	}
	return err
}
