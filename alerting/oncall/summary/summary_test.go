package summary

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"watchpost.example/alerting"
	"watchpost.example/alerting/oncall/incident"
	"watchpost.example/alerting/oncall/journal"
	"watchpost.example/alerting/oncall/roster"
)

func TestSummary(t *testing.T) {
	t0 := time.Date(2026, 8, 29, 0, 0, 0, 0, time.UTC)
	at := func(m int) time.Time { return t0.Add(time.Duration(m) * time.Minute) }
	line := func(m int, id, what, who string) journal.Entry {
		return journal.Entry{At: at(m), Kind: journal.Incident, Incident: id, What: what, Who: who}
	}
	drill, test := line(5, "d", incident.Opened, ""), line(6, "t", incident.Opened, "")
	drill.Drill, test.Test = true, true
	entries := []journal.Entry{
		line(-10, "before", incident.Opened, ""), line(1, "before", incident.Acked, "an"),
		line(0, "a", incident.Opened, ""), line(0, "a", incident.Paged, "an"), line(2, "a", incident.Acked, "an"), line(30, "a", incident.Recovered, ""),
		line(10, "b", incident.Opened, ""), line(10, "b", incident.Paged, "an"), line(12, "b", incident.Unable, "an"), line(20, "b", incident.Acked, "binh"),
		line(11, "c", incident.Opened, ""), line(11, "c", incident.Paged, "an"), line(21, "c", incident.Recovered, ""),
		line(12, "info", incident.Opened, ""),
		line(13, "part", incident.Opened, ""), line(13, "part", incident.Paged, "an"), line(14, "part", incident.MergedInto, ""),
		drill, test, line(7, "t", incident.Acked, "an"),
		{At: at(3), Kind: journal.Attempt, Who: "an", Status: "accepted"},
		{At: at(3), Kind: journal.Attempt, Who: "an", Status: "failed", Repeat: true},
		{At: at(4), Kind: journal.Outbox, What: "failed"},
		{At: at(999), Kind: journal.Attempt, Who: "an", Status: "accepted"},
	}
	r := roster.New(roster.Roster{Shifts: []alerting.Shift{{Start: t0, End: at(45), Officers: []string{"an"}}}})
	got := Make(func(yield func(journal.Entry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
		yield(journal.Entry{}, errors.New("torn"))
	}, r, t0, at(60))
	want := Summary{
		From: t0, To: at(60), Incidents: 3, Acknowledged: 2, MTTA: 6 * time.Minute, MedianTTA: 10 * time.Minute, WorstTTA: 10 * time.Minute,
		Recovered: 2, MTTR: 20 * time.Minute, Unanswered: 1, Pages: 2, Failed: 1, Missed: 1, Repeats: 1, Uncovered: 15 * time.Minute,
		Tests: 1, TestsTaken: 1, Drills: 1, Broken: 1,
		People: []Person{{ID: "an", Pages: 1, Acknowledged: 1, Declined: 1}, {ID: "binh", Acknowledged: 1}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
