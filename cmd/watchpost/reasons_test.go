package main

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"unicode/utf8"

	"watchpost.example/alerting/oncall/words"
	"watchpost.example/alerting/rules"
	"watchpost.example/probes"
	"watchpost.example/probes/dns/zone"
)

// Every reason that a kind can give has words for the officer's screen and SMS,
// and a runbook; the families of alerts (FindingPage, FindingToday,
// FindingTicket, CommonCause…) take it by its severity, whatever it is.
func TestEveryReasonReachesAPerson(t *testing.T) {
	idle, err := idleKinds()
	if err != nil {
		t.Fatal(err)
	}
	books, err := rules.Runbooks()
	if err != nil {
		t.Fatal(err)
	}
	said := map[probes.Reason]bool{}
	for _, w := range reasonWords(idle) {
		said[w.Reason] = true
		if w.Words == "" || !utf8.ValidString(w.Words) || strings.Contains(w.Words, string(w.Reason)) {
			t.Errorf("%s: in words it is %q", w.Reason, w.Words)
		}
		if w.Short == "" || len(w.Short) > 50 || !words.GSM(w.Short) {
			t.Errorf("%s: for an SMS it is %q (%d characters)", w.Reason, w.Short, len(w.Short))
		}
		if b, ok := rules.Find(books, string(w.Reason)); !ok || !b.Family() {
			t.Errorf("%s has no runbook", w.Reason)
		}
	}
	for _, r := range zone.Reasons() {
		if !said[r] {
			t.Errorf("%s is not told", r)
		}
	}
	if len(said) < len(zone.Reasons())+len(probes.SharedReasons())/2 {
		t.Errorf("only %d reasons", len(said))
	}
	for _, s := range []probes.Severity{probes.Ticket, probes.Today, probes.PageNow} {
		b, err := fs.ReadFile(rules.Files(), "findings.rules.yml")
		if err != nil || !strings.Contains(string(b), fmt.Sprintf("watchpost_finding{severity=%q}", s)) {
			t.Errorf("no alert for findings of severity %s (%v)", s, err)
		}
	}
}
