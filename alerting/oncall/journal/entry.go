// Package journal is the append-only record of on-call: one JSON object a line,
// each with the hash of the one before, so that a line changed, removed or
// inserted afterwards is found by Verify. It proves that the record was not
// altered since somebody noted a later hash; it is no signature, because who
// can write the whole file can also write a new chain.
package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Entry is one line. Seq rises by one from line to line over all files; Kind is
// from the closed list below. Addresses are masked before they come here.
type Entry struct {
	Seq      int64     `json:"seq"`
	At       time.Time `json:"at"`
	Kind     string    `json:"kind"`
	Incident string    `json:"incident,omitempty"`
	Page     string    `json:"page,omitempty"`
	What     string    `json:"what,omitempty"` // an incident.Line's What, an outbox.Event's What
	Who      string    `json:"who,omitempty"`
	How      string    `json:"how,omitempty"`
	Status   string    `json:"status,omitempty"`
	Severity string    `json:"severity,omitempty"`
	Drill    bool      `json:"drill,omitempty"`
	Test     bool      `json:"test,omitempty"`
	Repeat   bool      `json:"possible_repeat,omitempty"`
	Digits   string    `json:"digits,omitempty"`
	Detail   string    `json:"detail,omitempty"`
}

// Kinds of entries.
const (
	Alert     = "alert"     // Alertmanager told the state of a group
	Incident  = "incident"  // a line of an incident's timeline
	Queued    = "page"      // a page was put into the outbox
	Attempt   = "attempt"   // a page was handed to a channel, with what it said
	Starting  = "starting"  // a page is about to be handed over
	Receipt   = "receipt"   // a channel told more about a page
	Outbox    = "outbox"    // retry, fallback, held, dropped, failed
	Reply     = "reply"     // a message from a person
	Shift     = "shift"     // a shift began, a notice went out
	Roster    = "roster"    // a roster or ladder was loaded
	Silence   = "silence"   // a silence was set in Alertmanager
	Watch     = "watch"     // a heartbeat was missed or came back
	Login     = "login"     // somebody signed in or failed to
	Service   = "service"   // start, stop, repair
	Heartbeat = "heartbeat" // first heartbeat after a start
)

// Genesis is what stands as the hash before the first line.
const Genesis = "0000000000000000000000000000000000000000000000000000000000000000"

// MaxLine bounds a line that is read, in bytes.
const MaxLine = 1 << 20

// seal makes the line of an entry body (a JSON object): the hash of the line
// before and its own are added at its end.
func seal(body []byte, prev string) (line []byte, hash string) {
	body = bytes.TrimSuffix(bytes.TrimSpace(body), []byte("}"))
	body = fmt.Appendf(bytes.Clone(body), `,"prev":%q`, prev)
	sum := sha256.Sum256(body)
	hash = hex.EncodeToString(sum[:])
	return fmt.Appendf(body, `,"hash":%q}`, hash), hash
}

// ErrLine is what a line gives that does not hold, wrapped.
var ErrLine = errors.New("the line was changed or is damaged")

// unseal checks a line against the hash of the one before ("" = any) and gives
// its own.
func unseal(line []byte, prev string) (hash string, err error) {
	const tail = len(`,"hash":""}`) + 2*sha256.Size
	if len(line) < tail {
		return "", fmt.Errorf("%w: too short", ErrLine)
	}
	body, end := line[:len(line)-tail], line[len(line)-tail:]
	sum := sha256.Sum256(body)
	hash = hex.EncodeToString(sum[:])
	if string(end) != fmt.Sprintf(`,"hash":%q}`, hash) {
		return "", fmt.Errorf("%w: its hash does not fit its text", ErrLine)
	}
	const prevTail = len(`,"prev":""`) + 2*sha256.Size
	if len(body) < prevTail {
		return "", fmt.Errorf("%w: too short", ErrLine)
	}
	if prev != "" && string(body[len(body)-prevTail:]) != fmt.Sprintf(`,"prev":%q`, prev) {
		return "", fmt.Errorf("%w: it does not follow the line before; lines are missing, added or in another order", ErrLine)
	}
	return hash, nil
}

func parse(line []byte) (Entry, error) {
	var e Entry
	if err := json.Unmarshal(line, &e); err != nil {
		return e, fmt.Errorf("%w: %w", ErrLine, err)
	}
	return e, nil
}
