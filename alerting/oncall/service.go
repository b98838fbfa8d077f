package oncall

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/oncall/auth"
	"watchpost.example/alerting/oncall/incident"
	"watchpost.example/alerting/oncall/journal"
	"watchpost.example/alerting/oncall/ladder"
	"watchpost.example/alerting/oncall/roster"
	"watchpost.example/alerting/oncall/store"
	"watchpost.example/alerting/oncall/ticket"
	"watchpost.example/alerting/oncall/tongue"
	"watchpost.example/alerting/oncall/words"
)

// ErrNotFound is what an action gives for an incident or person that is not
// there, wrapped.
var ErrNotFound = errors.New("not found")

// ErrUnsaved is what an action gives, wrapped, when it was done but could not be
// written to disk.
var ErrUnsaved = errors.New("done, but not saved to disk")

// errStopped is what an action gives after Run has ended.
var errStopped = errors.New("on-call has stopped")

// Service is on-call. Its methods are safe for concurrent use once Run runs;
// before, they wait for it.
type Service struct {
	opt     Options
	log     *slog.Logger
	store   store.Store
	journal *journal.Writer
	tickets *ticket.Maker
	guard   *auth.Guard
	token   string // of the webhook
	lock    *os.File
	desk    *desk // of loop alone
	calls   chan call
	stopped chan struct{}
	view    atomic.Pointer[View]
	health  sync.Map // channel name to alerting.Health
	metrics *metrics
	flying  int // sends that loop waits for; of loop alone
	saver   saver
}

type call struct {
	do   func(d *desk, now time.Time)
	done chan error // nil = nobody waits
}

// New opens the state in Options.Dir and takes up what a former run left. It
// sends nothing before Run. A second Service on the same Dir is refused.
func New(opt Options) (*Service, error) {
	if err := opt.complete(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(opt.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOptions, err)
	}
	s := &Service{opt: opt, log: opt.Logger, calls: make(chan call, 64), stopped: make(chan struct{})}
	if err := s.openFiles(); err != nil {
		return nil, errors.Join(err, s.closeFiles())
	}
	if err := s.resume(); err != nil {
		return nil, errors.Join(err, s.closeFiles())
	}
	return s, nil
}

func (s *Service) openFiles() error {
	var err error
	if s.lock, err = lockDir(s.opt.Dir); err != nil {
		return err
	}
	key, err := secret(s.opt.Dir)
	if err != nil {
		return err
	}
	if s.tickets, err = ticket.New(derive(key, "ticket")); err != nil {
		return err
	}
	s.guard = auth.New(derive(key, "session"), s.opt.Users)
	s.token = s.opt.WebhookToken
	if s.token == "" {
		s.token = deriveText(key, "webhook")
		// For an Alertmanager outside: its credentials_file.
		if err := os.WriteFile(filepath.Join(s.opt.Dir, "webhook-token"), []byte(s.token), 0o600); err != nil {
			return fmt.Errorf("%w: keeping the webhook's token: %w", ErrOptions, err)
		}
	}
	s.store = s.opt.Store
	if s.store == nil {
		if s.store, err = store.OpenSQLite(context.Background(), filepath.Join(s.opt.Dir, "oncall.db")); err != nil {
			return err
		}
	}
	w, rep, err := journal.Open(filepath.Join(s.opt.Dir, "journal"), 0)
	if err != nil {
		return err
	}
	s.journal = w
	if rep.Bytes > 0 {
		s.log.Warn("journal: cut off a line that was not written to its end", "file", rep.File, "bytes", rep.Bytes, "kept", rep.Saved)
	}
	if rep.Bad != nil {
		s.log.Error("journal: the last line does not hold; a new file was begun, see watchpost journal verify", "file", rep.File, "error", rep.Bad)
	}
	return nil
}

// lockDir makes sure that one process only pages from this state.
func lockDir(dir string) (*os.File, error) {
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOptions, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: another watchpost pages from %s already: %w", ErrOptions, dir, err), f.Close())
	}
	return f, nil
}

func (s *Service) resume() error {
	now := time.Now()
	st, err := s.store.Load(context.Background(), now.Add(-remember), now)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrOptions, err)
	}
	s.desk = newDesk(&s.opt)
	s.desk.load(st, s.journal.Seq(), now)
	s.desk.rosterLoaded(now)
	s.saver = newSaver(s.store, s.journal)
	s.metrics = newMetrics(s)
	s.publish(now)
	if s.opt.Registerer != nil {
		if err := s.opt.Registerer.Register(s.metrics); err != nil {
			return fmt.Errorf("%w: registering metrics: %w", ErrOptions, err)
		}
	}
	return nil
}

func (s *Service) closeFiles() error {
	var errs []error
	if s.journal != nil {
		errs = append(errs, s.journal.Close())
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

// WebhookToken is what Alertmanager must send as a bearer token.
func (s *Service) WebhookToken() string { return s.token }

// Run pages until ctx ends, then waits up to five seconds for what is being
// sent, closes the state and returns nil. It may be called once.
func (s *Service) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	run := func(f func()) { wg.Go(f) }
	s.desk.startWatch(time.Now())
	for _, ch := range s.opt.Channels {
		run(func() { s.listen(ctx, ch) })
		run(func() { s.checkHealth(ctx, ch) })
	}
	for _, p := range s.opt.Peers {
		run(func() { s.askPeer(ctx, p) })
	}
	if s.opt.Firing != nil {
		run(func() { s.watchFiring(ctx) })
	}
	if s.opt.Retention > 0 {
		run(func() { s.prune(ctx) })
	}
	s.loop(ctx)
	close(s.stopped)
	wg.Wait()
	if s.opt.Registerer != nil {
		s.opt.Registerer.Unregister(s.metrics)
	}
	return s.closeFiles()
}

// Close frees the state of a Service that was never run.
func (s *Service) Close() error { return s.closeFiles() }

// do runs f at the desk and waits until what it changed is on disk.
func (s *Service) do(ctx context.Context, f func(d *desk, now time.Time)) error {
	c := call{do: f, done: make(chan error, 1)}
	select {
	case s.calls <- c:
	case <-s.stopped:
		return errStopped
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-c.done:
		return err
	case <-s.stopped:
		return errStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

// post runs f at the desk without waiting for it.
func (s *Service) post(ctx context.Context, f func(d *desk, now time.Time)) {
	select {
	case s.calls <- call{do: f}:
	case <-s.stopped:
	case <-ctx.Done():
	}
}

// Reload changes roster and ladder while running; a nil one stays. What is
// under way goes on with the new one at its next step.
func (s *Service) Reload(r *roster.Roster, l *ladder.Ladder) error {
	return s.do(context.Background(), func(d *desk, now time.Time) {
		if r != nil {
			d.roster = r
		}
		if l != nil {
			d.ladder = l
		}
		d.rosterLoaded(now)
	})
}

// SetUsers changes who may sign in.
func (s *Service) SetUsers(u *auth.Users) { s.guard.SetUsers(u) }

// View is a consistent picture of on-call at a moment. It is never changed.
type View struct {
	At        time.Time
	Incidents []incident.Incident // live and recent, newest first
	Duty      roster.Duty
	Roster    *roster.Roster
	Ladder    *ladder.Ladder
	GapAt     time.Time // the first moment ahead without anybody; zero = none
	Saved     bool      // the disk takes what is written
	Lost      []string  // heartbeats that are missing
	Heard     map[string]time.Time
	channels  map[string]channelView
	counts    counts
}

// View gives the newest picture.
func (s *Service) View() *View { return s.view.Load() }

// OnDuty makes Service an alerting.OnDuty.
func (s *Service) OnDuty(at time.Time) []alerting.Person { return s.View().Roster.OnDuty(at) }

// stuckAfter: the desk does its round at least every ten seconds, and waits five
// for a hanging disk.
const stuckAfter = time.Minute

// Health tells whether the pager itself is well: that is what a peer asks. That
// others are silent is not the pager's own illness, and is paged about anyway.
func (s *Service) Health() Health {
	ills := s.ills(tongue.English)
	return Health{OK: len(ills) == 0, Problems: ills}
}

// ills is what ails the pager, in words of a language.
func (s *Service) ills(lang string) []string {
	v := s.View()
	var out []string
	add := func(key string, args ...any) { out = append(out, tongue.Say(lang, key, args...)) }
	if !v.Saved {
		add("ill.disk")
	}
	if d := time.Since(v.At); d > stuckAfter {
		add("ill.desk", words.Duration(d, lang))
	}
	if slices.Contains(v.Lost, watchdogName) {
		add("ill.watchdog")
	}
	if key := s.channelsDead(); key != "" {
		add(key)
	}
	select {
	case <-s.stopped:
		add("ill.stopped")
	default:
	}
	return out
}

// channelsDead gives the key of why no channel can be expected to work; "" when
// one can.
func (s *Service) channelsDead() string {
	if len(s.opt.Channels) == 0 {
		return "ill.nochannel"
	}
	for _, ch := range s.opt.Channels {
		h, asked := s.health.Load(ch.Name())
		if state, ok := h.(alerting.Health); !asked || ok && state.OK {
			return ""
		}
	}
	return "ill.channels"
}
