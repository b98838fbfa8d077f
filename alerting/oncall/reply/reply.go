// Package reply reads what a tired person types back: "A 7421", "a7421.",
// "7421 ok", "tiếp nhận 7421", "AA".
package reply

import (
	"strings"

	"watchpost.example/alerting/oncall/words"
)

// Action is what the person wants.
type Action int

// The actions. None means that the text could not be understood.
const (
	None Action = iota
	Take
	Escalate
	Repeat
	Decline
)

// String names the action for the journal.
func (a Action) String() string {
	switch a {
	case Take:
		return "take"
	case Escalate:
		return "escalate"
	case Repeat:
		return "repeat"
	case Decline:
		return "decline"
	case None:
	}
	return "none"
}

// Command is a reply that was understood.
type Command struct {
	Action Action
	Code   string // "" = none was given
	All    bool   // every incident that the person was paged for
}

// MaxText bounds what is looked at, in bytes; a reply is a few letters.
const MaxText = 200

// Parse understands a reply. A bare code takes the incident: who sends it has
// read the page. Quoted text (after a line break) is ignored, so that a whole
// page sent back does not count as a command of its own.
func Parse(text string) Command {
	if len(text) > MaxText {
		text = text[:MaxText]
	}
	text = strings.TrimLeft(text, " \t\r\n")
	text, _, _ = strings.Cut(text, "\n")
	tokens := split(strings.ToLower(words.Fold(text)))
	var c Command
	var said []string
	for _, t := range tokens {
		switch {
		case t[0] >= '0' && t[0] <= '9':
			if len(t) < 4 {
				said = append(said, t) // a key, as in a call: 1, 2, 3, 9
				continue
			}
			if c.Code != "" && c.Code != t {
				return Command{} // two codes: do not guess
			}
			c.Code = t
		default:
			said = append(said, t)
		}
	}
	if len(said) > 6 {
		return Command{} // a sentence, not a command
	}
	c.Action, c.All = action(strings.Join(said, " "))
	if len(said) == 0 && c.Code != "" {
		c.Action = Take
	}
	if c.Action == None || c.All && c.Code != "" {
		return Command{}
	}
	return c
}

// split cuts at everything that is no letter or digit, and between letters and
// digits: "a7421" is "a", "7421".
func split(s string) []string {
	var out []string
	kind := func(c byte) int {
		switch {
		case c >= 'a' && c <= 'z':
			return 1
		case c >= '0' && c <= '9':
			return 2
		}
		return 0
	}
	start, last := 0, 0
	for i := range len(s) + 1 {
		k := 0
		if i < len(s) {
			k = kind(s[i])
		}
		if k != last {
			if last != 0 {
				out = append(out, s[start:i])
			}
			start, last = i, k
		}
	}
	return out
}

func action(said string) (a Action, all bool) {
	switch said {
	case "a", "ack", "ok", "oke", "okay", "x", "1", "a 1", "tn", "nhan", "da nhan", "tiep nhan", "da tiep nhan", "xac nhan", "toi nhan",
		"take", "accept", "a ok", "ok a", "acked", "acknowledge", "nhan su co":
		return Take, false
	case "aa", "a a", "a all", "ack all", "all", "a tat ca", "tat ca", "nhan tat ca", "nhan ca", "tiep nhan tat ca", "aall":
		return Take, true
	case "e", "2", "esc", "escalate", "chuyen", "chuyen cap tren", "cap tren", "bao cap tren", "len cap tren":
		return Escalate, false
	case "r", "3", "repeat", "again", "lap", "lap lai", "nhac lai", "gui lai":
		return Repeat, false
	case "k", "9", "khong", "no", "cannot", "can t", "ban", "khong nhan", "khong xu ly duoc", "khong duoc", "khong nhan duoc":
		return Decline, false
	}
	return None, false
}

// Digits reads the keys pressed in a call: the last of 1, 2 and 9 counts, since
// a person corrects himself; 3 counts when none of those was pressed.
func Digits(keys string) Action {
	a := None
	for _, k := range keys {
		switch k {
		case '1':
			a = Take
		case '2':
			a = Escalate
		case '9':
			a = Decline
		case '3':
			if a == None {
				a = Repeat
			}
		}
	}
	return a
}
