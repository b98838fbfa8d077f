package oncall

import (
	"context"
	"strconv"
	"time"

	"watchpost.example/alerting/oncall/journal"
)

const (
	pruneEvery = 6 * time.Hour
	pruneBatch = 200         // incidents in one transaction: a page must not wait long behind it
	prunePause = time.Second // between two of them
)

// prune forgets incidents that were over longer than Retention ago. The journal
// has them all the same; its files are the operator's to move away.
func (s *Service) prune(ctx context.Context) {
	t := time.NewTimer(time.Minute) // a start has better things to do
	defer t.Stop()
	total := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		n, err := s.store.Prune(ctx, time.Now().Add(-s.opt.Retention), pruneBatch)
		total += n
		if err != nil && ctx.Err() == nil {
			s.log.Error("on-call can't forget old incidents; it tries again", "error", err, "in", pruneEvery)
		}
		if err == nil && n == pruneBatch {
			t.Reset(prunePause)
			continue
		}
		if gone := total; gone > 0 {
			s.post(ctx, func(d *desk, now time.Time) {
				d.journal(journal.Entry{At: now, Kind: journal.Service, What: "pruned", Detail: strconv.Itoa(gone) + " incidents that were over for longer than " + s.opt.Retention.String()})
			})
		}
		total = 0
		t.Reset(pruneEvery)
	}
}
