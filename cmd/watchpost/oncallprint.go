package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"
)

// incidentRow is what a person at a terminal wants to know of an incident.
type incidentRow struct {
	Code, Severity, Status string
	Since                  time.Time
	Acks                   []struct{ Who string }
	Groups                 []struct {
		Alerts []struct{ Summary string }
	}
}

// printOncall shows an answer of on-call: incidents as a table, anything else
// as it is.
func printOncall(w io.Writer, url string, answer []byte, asJSON bool) error {
	var one incidentRow
	var all []incidentRow
	switch {
	case asJSON:
	case json.Unmarshal(answer, &all) == nil:
		return printIncidents(w, all)
	case json.Unmarshal(answer, &one) == nil && one.Code != "":
		return printIncidents(w, []incidentRow{one})
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, answer, "", "  "); err != nil {
		return fmt.Errorf("%s answered no JSON: is it a watchpost?", url)
	}
	say(w, "%s\n", pretty.String())
	return nil
}

func printIncidents(w io.Writer, all []incidentRow) error {
	if len(all) == 0 {
		say(w, "no incident is open\n")
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	say(t, "CODE\tSEVERITY\tSTATUS\tSINCE\tTAKEN BY\tWHAT\n")
	for _, in := range all {
		var who, what []string
		for _, a := range in.Acks {
			who = append(who, a.Who)
		}
		for _, g := range in.Groups {
			for _, a := range g.Alerts {
				what = append(what, a.Summary)
			}
		}
		first := cmp.Or(append(what, "-")...)
		if len(what) > 1 {
			first += fmt.Sprintf(" (and %d more)", len(what)-1)
		}
		say(t, "%s\t%s\t%s\t%s\t%s\t%s\n", in.Code, in.Severity, in.Status, in.Since.In(localZone()).Format("2006-01-02 15:04:05"), cmp.Or(strings.Join(who, ", "), "-"), first)
	}
	return t.Flush()
}

// refusal is an answer that is not 2xx, as a sentence with a way on.
func refusal(resp *http.Response, answer []byte) error {
	var said struct{ Error string }
	text := string(bytes.TrimSpace(answer))
	if json.Unmarshal(answer, &said) == nil && said.Error != "" {
		text = said.Error
	}
	if resp.StatusCode == http.StatusUnauthorized {
		text = "the user or the password is wrong; users stand in the file that oncall.users names"
	}
	return fmt.Errorf("refused with %s: %s", resp.Status, text)
}
