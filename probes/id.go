package probes

import (
	"fmt"
	"strings"
)

// ID is the one identity of a check: chosen by the operator, never computed
// from settings. It is the metric label, the URL, the report row and the log key.
type ID struct {
	Unit   string // label value: a-z 0-9 - _ ., at most 63 bytes
	System string // the same, unique within the unit
	Check  string // the same, unique within the system
}

// String gives "unit/system/check", the form used everywhere a person reads it.
func (id ID) String() string { return id.Unit + "/" + id.System + "/" + id.Check }

// ParseID reads "unit/system/check". The error says what was got.
func ParseID(s string) (ID, error) {
	parts := strings.Split(s, "/")
	if len(parts) != 3 {
		return ID{}, fmt.Errorf("%q is not of the form unit/system/check", s)
	}
	for _, p := range parts {
		if !ValidName(p) {
			return ID{}, fmt.Errorf("%q in %q is not a name: use a-z, 0-9, '-', '_' or '.', at most 63 bytes", p, s)
		}
	}
	return ID{parts[0], parts[1], parts[2]}, nil
}

// ValidName tells whether s may stand as a part of an ID: 1 to 63 bytes of
// a-z, 0-9, '-', '_' and '.', beginning with a letter or digit. The rule keeps
// an ID safe in a URL path, a label value, a file name and a phone's speech.
func ValidName(s string) bool {
	if s == "" || len(s) > 63 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		alnum := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !alnum && (i == 0 || c != '-' && c != '_' && c != '.') {
			return false
		}
	}
	return true
}
