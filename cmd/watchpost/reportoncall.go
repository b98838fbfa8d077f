package main

import (
	"fmt"

	"watchpost.example/alerting/oncall/incident"
	oncalljournal "watchpost.example/alerting/oncall/journal"
	"watchpost.example/alerting/oncall/roster"
	"watchpost.example/alerting/oncall/summary"
	"watchpost.example/report"
)

// oncallFigures reads on-call's journal for the report's section about the
// duty; nil without a journal. A journal whose chain is broken is an error: a
// report must not count what may have been changed.
func oncallFigures(dir, rosterFile string, p report.Period) (*report.Incidents, error) {
	if dir == "" {
		return nil, nil // nil leaves the section out
	}
	if _, _, _, err := oncalljournal.VerifyDir(dir); err != nil {
		return nil, fmt.Errorf("the journal in %s: %w", dir, err)
	}
	var r *roster.Roster
	if rosterFile != "" {
		var err error
		if r, err = loadRoster(rosterFile); err != nil {
			return nil, err
		}
	}
	s := summary.Make(oncalljournal.Read(dir), r, p.From, p.To)
	out := &report.Incidents{
		Opened: s.Incidents, Acknowledged: s.Acknowledged, MeanToAck: s.MTTA, MeanToEnd: s.MTTR,
		Pages: s.Pages, PagesFailed: s.Missed,
	}
	if r != nil {
		out.Shifts = len(r.Segments(p.From, p.To))
	}
	up := map[string]bool{}
	for e, err := range oncalljournal.Read(dir) {
		if err == nil && e.Kind == oncalljournal.Incident && e.What == incident.Escalated && !e.Drill && !e.Test &&
			!e.At.Before(p.From) && e.At.Before(p.To) {
			up[e.Incident] = true
		}
	}
	out.Escalated = len(up)
	return out, nil
}
