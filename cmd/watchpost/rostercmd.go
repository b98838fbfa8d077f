package main

import (
	"context"
	"fmt"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"watchpost.example/alerting"
	"watchpost.example/alerting/oncall"
	"watchpost.example/alerting/oncall/roster"
)

// rosterGroup is the command that the roster's commands stand under.
func rosterGroup(app *kingpin.Application) *kingpin.CmdClause {
	if c := app.GetCommand("roster"); c != nil {
		return c
	}
	return app.Command("roster", "Who watches when: check a roster, import one, ask it.")
}

func loadRoster(path string) (*roster.Roster, error) {
	r, _, problems := oncall.Load(path, nil)
	if len(problems) > 0 {
		return nil, badConfig(problems)
	}
	return r, nil
}

func rosterCheckCommand(app *kingpin.Application) (*kingpin.CmdClause, func(context.Context, *env) error) {
	cmd := rosterGroup(app).Command("check", "Find gaps, overlaps, one officer alone, over 24 h, bad numbers, a single channel, no hotline. Exit status 1 when something is found.")
	file := cmd.Arg("file", "roster.yaml").Required().String()
	days := cmd.Flag("days", "How far ahead of now to look; 0 = the whole roster.").Default("0").Int()
	return cmd, func(_ context.Context, e *env) error {
		r, err := loadRoster(*file)
		if err != nil {
			return err
		}
		from, to := span(r, *days)
		list := roster.Check(r, from, to)
		for _, p := range list {
			say(e.out, "%s\n", p)
		}
		if len(list) > 0 {
			return &exitError{code: 1}
		}
		say(e.out, "%d people, %d shifts, nobody is missing from %s to %s\n", len(r.People), len(r.Shifts), from.Format(time.RFC3339), to.Format(time.RFC3339))
		return nil
	}
}

// span is the days ahead of now, or all that the roster covers.
func span(r *roster.Roster, days int) (from, to time.Time) {
	if days > 0 || len(r.Shifts) == 0 {
		return time.Now(), time.Now().AddDate(0, 0, max(days, 1))
	}
	from, to = r.Shifts[0].Start, r.Shifts[0].End
	for _, s := range r.Shifts {
		if s.End.After(to) {
			to = s.End
		}
	}
	return from, to
}

func rosterImportCommand(app *kingpin.Application) (*kingpin.CmdClause, func(context.Context, *env) error) {
	cmd := rosterGroup(app).Command("import", "Turn a roster in .xlsx, .csv or .ics into YAML, to be read over and put in place by a person. Exit status 1 when rows were left out.")
	file := cmd.Arg("file", "spreadsheet or calendar").Required().String()
	known := cmd.Flag("people", "A roster.yaml whose people the names are looked up in.").String()
	return cmd, func(_ context.Context, e *env) error {
		var people []alerting.Person
		if *known != "" {
			r, err := loadRoster(*known)
			if err != nil {
				return err
			}
			people = r.People
		}
		im, err := roster.Import(*file, people, localZone(), time.Now().AddDate(1, 0, 0))
		if err != nil {
			return &exitError{2, err}
		}
		if err := roster.WriteYAML(e.out, im, localZone()); err != nil {
			return err
		}
		for _, p := range im.Problems {
			say(e.err, "%s: %s\n", *file, p)
		}
		if n := len(im.Problems); n > 0 {
			return &exitError{1, fmt.Errorf("%d rows were left out, see above; the rest was written", n)}
		}
		return nil
	}
}

func rosterWhoCommand(app *kingpin.Application) (*kingpin.CmdClause, func(context.Context, *env) error) {
	cmd := rosterGroup(app).Command("who", "Who is on duty now, or at a moment. Exit status 1 when nobody is.")
	file := cmd.Arg("file", "roster.yaml").Required().String()
	at := cmd.Flag("at", "Moment: 2026-09-02 03:00 in the roster's zone; default now.").String()
	return cmd, func(_ context.Context, e *env) error {
		r, err := loadRoster(*file)
		if err != nil {
			return err
		}
		when := time.Now()
		if *at != "" {
			if when, err = roster.Moment(*at, r.Zone); err != nil {
				return &exitError{2, err}
			}
		}
		d := r.At(when)
		if len(d.Officers) == 0 {
			say(e.out, "nobody is on duty at %s\n", when.In(r.Zone).Format("2006-01-02 15:04"))
			return &exitError{code: 1}
		}
		for _, id := range d.Officers {
			say(e.out, "%s\n", r.Name(id))
		}
		if d.Deputy != "" {
			say(e.out, "%s (trưởng ca)\n", r.Name(d.Deputy))
		}
		say(e.out, "until %s\n", d.To.In(r.Zone).Format("2006-01-02 15:04"))
		return nil
	}
}
