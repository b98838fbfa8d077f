package smpp

import (
	"encoding/binary"
	"regexp"
	"strings"
	"sync"
	"time"

	"watchpost.example/alerting"
)

const (
	// maxOpen bounds messages of which parts are missing, joinFor how long they
	// are waited for, maxTotal their parts, and maxText what is taken of one.
	maxOpen  = 64
	joinFor  = time.Minute
	maxTotal = 16
	maxText  = 2 << 10
)

var (
	receiptID   = regexp.MustCompile(`(?i)\bid:\s*([A-Za-z0-9_-]{1,64})`)
	receiptStat = regexp.MustCompile(`(?i)\bstat:\s*([A-Za-z]{5,7})`)
	receiptErr  = regexp.MustCompile(`(?i)\berr:\s*([A-Za-z0-9]{1,4})`)
)

// states are message_state (section 5.2.28) and the words of appendix B.
var states = map[byte]string{1: "ENROUTE", 2: "DELIVRD", 3: "EXPIRED", 4: "DELETED", 5: "UNDELIV", 6: "ACCEPTD", 7: "UNKNOWN", 8: "REJECTD"}

// receipt reads a delivery receipt: none for a state on the way and for what is
// no receipt, several when it is of a page before a restart, which the outbox
// knows by the id of its submission.
func (t *tracker) receipt(d delivered, now time.Time) []alerting.Receipt {
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
		return nil
	}
	return t.told(r)
}

// joiner puts the parts of an incoming message together.
type joiner struct {
	wait time.Duration // joinFor
	mu   sync.Mutex
	open map[joinKey]*joining
}

type joinKey struct {
	from  string
	ref   uint16
	total byte
}

type joining struct {
	parts   map[byte]string
	since   time.Time
	fromTON byte
}

func (o *joining) text(total byte) string {
	var all strings.Builder
	for i := range total {
		all.WriteString(o.parts[i+1])
	}
	return all.String()
}

func newJoiner() *joiner { return &joiner{wait: joinFor, open: map[joinKey]*joining{}} }

// overdue gives the messages whose missing parts are no longer waited for, as
// far as they came: the code may stand in what is there.
func (j *joiner) overdue(now time.Time) []delivered {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []delivered
	for k, o := range j.open {
		if now.Sub(o.since) > j.wait {
			delete(j.open, k)
			out = append(out, delivered{from: k.from, fromTON: o.fromTON, coding: 8, body: toUCS2(o.text(k.total))})
		}
	}
	return out
}

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
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "")
	}
	if total <= 1 || total > maxTotal || n == 0 || n > total {
		return text, true
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	key := joinKey{d.from, ref, total}
	o := j.open[key]
	if o == nil {
		if len(j.open) >= maxOpen {
			return text, true // a flood: rather parts than nothing
		}
		o = &joining{map[byte]string{}, now, d.fromTON}
		j.open[key] = o
	}
	o.parts[n] = text
	if len(o.parts) < int(total) {
		return "", false
	}
	delete(j.open, key)
	return o.text(total), true
}
