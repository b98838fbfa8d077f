package smpp

import (
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"

	"watchpost.example/alerting"
)

const (
	// maxTracked bounds the ids whose receipts are awaited, trackFor how long.
	maxTracked = 10_000
	trackFor   = 48 * time.Hour
	// earlyFor is how long a receipt waits for the answer to its submission, which
	// some centres send after it.
	earlyFor = time.Minute
)

// tracker knows which page a centre's message id belongs to.
type tracker struct {
	mu    sync.Mutex
	pages map[string]*tracked // by id; it keeps those whose receipt has come
	early map[string]alerting.Receipt
	// exact: receipts have the very ids of submissions. Until that is seen, other
	// spellings count, too.
	exact bool
}

type tracked struct {
	page, provider string
	open           map[string]bool // parts without receipt
	over           bool            // delivered or failed
	until          time.Time
}

func newTracker() *tracker {
	return &tracker{pages: map[string]*tracked{}, early: map[string]alerting.Receipt{}}
}

// add notes a sent page with the ids of its parts. What the centre has told of
// them already comes back; its Status is "" when it is not decided.
func (t *tracker) add(page string, ids []string, now time.Time) alerting.Receipt {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget(now)
	x := &tracked{page: page, provider: strings.Join(ids, ","), open: map[string]bool{}, until: now.Add(trackFor)}
	for _, id := range ids {
		if id != "" {
			x.open[id], t.pages[id] = true, x
		}
	}
	var told alerting.Receipt
	for _, id := range ids {
		for _, s := range t.spellings(id) {
			if r, ok := t.early[s]; ok {
				delete(t.early, s)
				if r, ok := t.take(id, x, r); ok {
					told = r
				}
			}
		}
	}
	return told
}

// forget makes room: what is too old, and in need what is oldest.
func (t *tracker) forget(now time.Time) {
	for id, r := range t.early {
		if now.Sub(r.At) > earlyFor || len(t.early) > maxTracked {
			delete(t.early, id)
		}
	}
	if len(t.pages) <= maxTracked {
		return
	}
	var ends []time.Time
	for _, x := range t.pages {
		ends = append(ends, x.until)
	}
	slices.SortFunc(ends, time.Time.Compare)
	limit := ends[len(ends)/4]
	for id, x := range t.pages {
		if !x.until.After(limit) || now.After(x.until) {
			delete(t.pages, id)
		}
	}
}

// told takes a receipt and gives what is new by it.
func (t *tracker) told(r alerting.Receipt) []alerting.Receipt {
	t.mu.Lock()
	defer t.mu.Unlock()
	id := r.Provider
	all := t.spellings(id)
	for _, s := range all {
		if x, ok := t.pages[s]; ok {
			t.exact = t.exact || s == id
			if r, ok := t.take(s, x, r); ok {
				return []alerting.Receipt{r}
			}
			return nil
		}
	}
	// Of a page before a restart; or its submission has not been answered yet.
	if len(t.early) < maxTracked {
		t.early[id] = r
	}
	slices.Sort(all)
	var out []alerting.Receipt
	for _, s := range slices.Compact(all) {
		r.Provider = s
		out = append(out, r)
	}
	return out
}

// take counts the receipt of one part.
func (t *tracker) take(id string, x *tracked, r alerting.Receipt) (alerting.Receipt, bool) {
	known := x.open[id]
	delete(x.open, id)
	r.Page, r.Provider = x.page, x.provider
	if !known || x.over || r.Status == alerting.Delivered && len(x.open) > 0 {
		return r, false // a second time; decided before; other parts are on the way
	}
	x.over = true
	return r, true
}

// spellings of an id: centres are known to give it in hexadecimal with the
// submission and in decimal with the receipt, or with zeros before.
func (t *tracker) spellings(id string) []string {
	out := []string{id, strings.ToUpper(id), strings.ToLower(id), strings.TrimLeft(id, "0")}
	if t.exact || id == "" {
		return out[:1] // another spelling would be another message
	}
	if n, ok := new(big.Int).SetString(id, 10); ok && len(id) <= 20 {
		out = append(out, n.Text(16), strings.ToUpper(n.Text(16)))
	}
	if n, ok := new(big.Int).SetString(id, 16); ok && len(id) <= 16 {
		out = append(out, n.String())
	}
	return out
}
