package ticket

import (
	"errors"
	"testing"
	"time"
)

var now = time.Unix(1788000000, 0)

func maker(t *testing.T, secret string) *Maker {
	t.Helper()
	m, err := New([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTicket(t *testing.T) {
	m := maker(t, "0123456789abcdef")
	in := Ticket{Incident: "INC-000001", Person: "an", Page: "p1", Expires: now.Add(time.Hour)}
	token := m.Sign(in)
	got, err := m.Open(token, now)
	if err != nil || got != in {
		t.Errorf("Open = %+v, %v", got, err)
	}
	if _, err := m.Open(token, now.Add(time.Hour)); !errors.Is(err, ErrExpired) {
		t.Errorf("after its time: %v", err)
	}
	if _, err := maker(t, "0123456789abcdeX").Open(token, now); !errors.Is(err, ErrForged) {
		t.Errorf("with another secret: %v", err)
	}
	for i := range len(token) {
		b := []byte(token)
		b[i] ^= 1
		if _, err := m.Open(string(b), now); !errors.Is(err, ErrForged) {
			t.Errorf("with byte %d changed: %v", i, err)
		}
	}
	for _, s := range []string{"", "x", token[:20], token + "A"} {
		if _, err := m.Open(s, now); !errors.Is(err, ErrForged) {
			t.Errorf("Open(%q): %v", s, err)
		}
	}
	other := in
	other.Page = "p2"
	if in.Key() == other.Key() {
		t.Error("two pages share the key of use")
	}
}

func TestShortSecretIsRefused(t *testing.T) {
	if _, err := New([]byte("short")); err == nil {
		t.Error("a short secret was taken")
	}
}

func FuzzOpen(f *testing.F) {
	m, err := New([]byte("0123456789abcdef"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(m.Sign(Ticket{Incident: "i", Person: "an", Page: "p", Expires: now})[1:])
	f.Fuzz(func(t *testing.T, s string) {
		if tk, err := m.Open(s, now); err == nil {
			t.Errorf("%q was opened: %+v", s, tk)
		}
	})
}
