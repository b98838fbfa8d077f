package main

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
)

func TestIncidentsAsATable(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		json   bool
		want   []string
	}{
		"none": {`[]`, false, []string{"no incident is open"}},
		"two": {
			`[{"code":"4711","severity":"critical","status":"acknowledged","since":"2026-09-02T01:02:03Z","acks":[{"who":"an"},{"who":"binh"}],"groups":[{"alerts":[{"summary":"Mat ket noi"},{"summary":"x"}]}]},{"code":"1234","severity":"warning","status":"open"}]`, false,
			[]string{"CODE", "4711  critical  acknowledged  2026-09-02 08:02:03  an, binh  Mat ket noi (and 1 more)", "1234  warning   open"},
		},
		"one, acknowledged": {`{"code":"4711","severity":"critical","status":"acknowledged"}`, false, []string{"4711  critical  acknowledged"}},
		"a test's answer":   {`{"page":"p1"}`, false, []string{`"page": "p1"`}},
		"asked for JSON":    {`[{"code":"4711"}]`, true, []string{`"code": "4711"`}},
	} {
		var b bytes.Buffer
		if err := printOncall(&b, "http://w.example", []byte(c.answer), c.json); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, w := range c.want {
			if !strings.Contains(b.String(), w) {
				t.Errorf("%s: no %q in\n%s", name, w, b.String())
			}
		}
	}
	if err := printOncall(new(bytes.Buffer), "http://w.example", []byte("<html>"), false); err == nil || !strings.Contains(err.Error(), "http://w.example answered no JSON") {
		t.Error(err)
	}
}

func TestRefusalIsASentence(t *testing.T) {
	for status, want := range map[int]string{
		http.StatusUnauthorized: "the user or the password is wrong",
		http.StatusNotFound:     `refused with 404 Not Found: not found: incident "9"`,
	} {
		err := refusal(&http.Response{StatusCode: status, Status: "404 Not Found"}, []byte(`{"error": "not found: incident \"9\""}`))
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%d: %v", status, err)
		}
	}
}
