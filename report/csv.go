package report

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// bom makes spreadsheets read the file as UTF-8.
const bom = "\ufeff"

// CSV writes one row per system. Numbers have a decimal point and times are
// RFC 3339, for programs; a share that is not known is an empty cell.
func CSV(w io.Writer, r *Report) error {
	rows := [][]string{{
		"unit", "unit_name", "system", "system_name", "url", "level", "from", "to",
		"availability_percent", "availability_percent_unknown_as_down",
		"up_seconds", "degraded_seconds", "down_seconds", "unknown_seconds", "maintenance_seconds", "outages", "measured",
	}}
	for _, u := range r.Units {
		for _, s := range u.Systems {
			row := []string{
				u.ID, u.Name, s.ID, s.Name, s.URL, strconv.Itoa(s.Level),
				r.From.Format(time.RFC3339), r.To.Format(time.RFC3339),
				s.Availability.Percent(3), s.Pessimistic.Percent(3),
			}
			for _, c := range Classes() {
				row = append(row, seconds(s.Tally[c]))
			}
			rows = append(rows, append(row, strconv.Itoa(len(s.Outages)), strconv.FormatBool(s.Measured)))
		}
	}
	return writeCSV(w, rows)
}

// OutagesCSV writes one row per outage.
func OutagesCSV(w io.Writer, r *Report) error {
	rows := [][]string{{
		"unit", "unit_name", "system", "system_name", "first_failure", "start_in_period", "end_in_period",
		"seconds_in_period", "ongoing", "end_unseen", "reason", "reason_vi", "checks",
	}}
	moment := func(t time.Time) string { return t.In(r.From.Location()).Format(time.RFC3339) }
	for _, o := range r.Outages {
		rows = append(rows, []string{
			o.Unit, o.UnitName, o.System, o.SystemName, moment(o.Began), moment(o.Start), moment(o.End), seconds(o.Duration()),
			strconv.FormatBool(o.Ongoing), strconv.FormatBool(o.EndUnseen), string(o.Reason), r.reason(o.Reason),
			strings.Join(o.Checks, " "),
		})
	}
	return writeCSV(w, rows)
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }

func writeCSV(w io.Writer, rows [][]string) error {
	if _, err := io.WriteString(w, bom); err != nil {
		return fmt.Errorf("writing CSV: %w", err)
	}
	c := csv.NewWriter(w)
	c.UseCRLF = true // RFC 4180 section 2
	for _, row := range rows {
		for i, cell := range row {
			row[i] = inert(cell)
		}
		if err := c.Write(row); err != nil {
			return fmt.Errorf("writing CSV: %w", err)
		}
	}
	c.Flush()
	if err := c.Error(); err != nil {
		return fmt.Errorf("writing CSV: %w", err)
	}
	return nil
}

// inert makes a cell harmless to spreadsheets, which run what begins with
// = + - @, a tab or a return (also their full-width forms), as a formula. A
// plain number may begin with a minus.
func inert(cell string) string {
	cell = strings.ReplaceAll(cell, "\x00", "")
	if _, err := strconv.ParseFloat(cell, 64); err == nil {
		return cell
	}
	if trimmed := strings.TrimLeft(cell, " \u00a0\ufeff"); trimmed != "" && strings.ContainsRune("=+-@\t\r\n|＝＋－＠", []rune(trimmed)[0]) {
		return "'" + cell
	}
	return cell
}

// JSON writes the whole report for programs.
func JSON(w io.Writer, r *Report) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(r); err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	return nil
}
