package smpp

import (
	"encoding/binary"
	"math/big"
	"regexp"
	"strings"
	"sync"
	"time"

	"watchpost.example/alerting"
)

const (
	// maxTracked bounds the messages whose receipts are awaited, trackFor how long.
	maxTracked = 10_000
	trackFor   = 48 * time.Hour
	// maxOpen bounds messages of which parts are missing, joinFor how long they
	// are waited for.
	maxOpen = 64
	joinFor = time.Minute
)

// tracker knows which page a centre's message id belongs to.
type tracker struct {
	mu    sync.Mutex
	pages map[string]*tracked // by every spelling of the id
}

type tracked struct {
	page, provider string
	open           int // parts without receipt
	until          time.Time
}

func newTracker() *tracker { return &tracker{pages: map[string]*tracked{}} }

// add notes a sent page with the ids of its parts.
func (t *tracker) add(page string, ids []string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.pages) > maxTracked {
		for k, v := range t.pages {
			if now.After(v.until) || len(t.pages) > 2*maxTracked {
				delete(t.pages, k)
			}
		}
	}
	x := &tracked{page: page, provider: ids[0], open: len(ids), until: now.Add(trackFor)}
	for _, id := range ids {
		t.pages[id] = x
	}
}

// take finds the page of a receipt's id. Centres are known to give the id in
// hexadecimal with the submission and in decimal with the receipt.
func (t *tracker) take(id string) (*tracked, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range spellings(id) {
		if x, ok := t.pages[s]; ok {
			delete(t.pages, s)
			x.open--
			return &tracked{page: x.page, provider: x.provider, open: x.open}, true
		}
	}
	return nil, false
}

func spellings(id string) []string {
	out := []string{id, strings.ToUpper(id), strings.ToLower(id), strings.TrimLeft(id, "0")}
	if n, ok := new(big.Int).SetString(id, 10); ok && len(id) <= 20 {
		out = append(out, n.Text(16), strings.ToUpper(n.Text(16)))
	}
	if n, ok := new(big.Int).SetString(id, 16); ok && len(id) <= 16 {
		out = append(out, n.String())
	}
	return out
}

var (
	receiptID   = regexp.MustCompile(`(?i)\bid:\s*([A-Za-z0-9_-]{1,64})`)
	receiptStat = regexp.MustCompile(`(?i)\bstat:\s*([A-Za-z]{5,7})`)
	receiptErr  = regexp.MustCompile(`(?i)\berr:\s*([A-Za-z0-9]{1,4})`)
)

// states are message_state (section 5.2.28) and the words of appendix B.
var states = map[byte]string{1: "ENROUTE", 2: "DELIVRD", 3: "EXPIRED", 4: "DELETED", 5: "UNDELIV", 6: "ACCEPTD", 7: "UNKNOWN", 8: "REJECTD"}

// receipt reads a delivery receipt; ok is false for a state on the way and for
// what is no receipt.
func (t *tracker) receipt(d delivered, now time.Time) (alerting.Receipt, bool) {
	text := decode(d.coding, d.body)
	id := strings.TrimRight(string(d.options[tagReceiptedID]), "\x00")
	if m := receiptID.FindStringSubmatch(text); id == "" && m != nil {
		id = m[1]
	}
	stat := ""
	if s := d.options[tagMessageState]; len(s) == 1 {
		stat = states[s[0]]
	}
	if m := receiptStat.FindStringSubmatch(text); stat == "" && m != nil {
		stat = strings.ToUpper(m[1])
	}
	r := alerting.Receipt{Provider: id, At: now, Detail: "delivery receipt: " + stat}
	if m := receiptErr.FindStringSubmatch(text); m != nil {
		r.Detail += " err " + m[1]
	}
	switch stat {
	case "DELIVRD":
		r.Status = alerting.Delivered
	case "EXPIRED", "DELETED", "UNDELIV", "REJECTD":
		r.Status = alerting.Failed
	}
	if id == "" || r.Status == "" {
		return r, false
	}
	if x, known := t.take(id); known {
		r.Page, r.Provider = x.page, x.provider
		if r.Status == alerting.Delivered && x.open > 0 {
			return r, false // other parts are still on the way
		}
	}
	return r, true
}

// joiner puts the parts of an incoming message together.
type joiner struct{ open map[joinKey]*joining }

type joinKey struct {
	from  string
	ref   uint16
	total byte
}

type joining struct {
	parts map[byte]string
	since time.Time
}

func newJoiner() *joiner { return &joiner{map[joinKey]*joining{}} }

// place reads where a part belongs: the header in the text, or optional
// parameters. total is 1 for a whole message.
func place(d *delivered) (ref uint16, total, n byte) {
	if d.esm&0x40 != 0 && len(d.body) > 0 && int(d.body[0]) < len(d.body) {
		head := d.body[1 : 1+d.body[0]]
		d.body = d.body[1+d.body[0]:]
		for len(head) >= 2 && len(head) >= 2+int(head[1]) {
			e := head[2 : 2+head[1]]
			switch {
			case head[0] == 0 && len(e) == 3:
				return uint16(e[0]), e[1], e[2]
			case head[0] == 8 && len(e) == 4:
				return binary.BigEndian.Uint16(e), e[2], e[3]
			}
			head = head[2+head[1]:]
		}
	}
	r, t, s := d.options[tagSarRef], d.options[tagSarTotal], d.options[tagSarPart]
	if len(r) == 2 && len(t) == 1 && len(s) == 1 {
		return binary.BigEndian.Uint16(r), t[0], s[0]
	}
	return 0, 1, 1
}

// add gives the text when it is whole.
func (j *joiner) add(d delivered, now time.Time) (string, bool) {
	ref, total, n := place(&d)
	text := decode(d.coding, d.body)
	if total <= 1 || n == 0 || n > total {
		return text, true
	}
	for k, o := range j.open {
		if now.Sub(o.since) > joinFor {
			delete(j.open, k)
		}
	}
	key := joinKey{d.from, ref, total}
	o := j.open[key]
	if o == nil {
		if len(j.open) >= maxOpen {
			return text, true // a flood: rather parts than nothing
		}
		o = &joining{map[byte]string{}, now}
		j.open[key] = o
	}
	o.parts[n] = text
	if len(o.parts) < int(total) {
		return "", false
	}
	delete(j.open, key)
	var all strings.Builder
	for i := range total {
		all.WriteString(o.parts[i+1])
	}
	return all.String(), true
}
