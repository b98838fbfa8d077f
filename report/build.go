package report

import (
	"context"
	"fmt"
	"time"

	"watchpost.example/probes"
)

// Source gives what was recorded.
type Source interface {
	// Samples gives each check's confirmed states in [from, to), all series of
	// the system in one answer. A check without figures may be missing.
	Samples(ctx context.Context, s *probes.System, from, to time.Time) ([]Series, error)
}

// Options is what a report needs beside its figures. Organisation names, legal
// bases and objectives are configuration of the place that reports.
type Options struct {
	Parent       string         // the agency above, printed upright, lines as given: "UBND TỈNH A"; "" = left out
	Organisation string         // who reports, lines as given: "TRUNG TÂM B"; "" = a blank to fill in
	Symbol       string         // of the document number, after "BC-": "TTB"; "" = nothing
	Place        string         // "Hà Nội"; "" = a blank to fill in
	Title        string         // under BÁO CÁO; "" = a neutral one
	Signer       string         // the position that signs: "GIÁM ĐỐC"; "" = a blank
	To           []string       // after "Kính gửi:"; none = left out
	Recipients   []string       // under "Nơi nhận"
	Basis        string         // "Thực hiện Công văn số …"; "" = left out
	Objective    float64        // percent, the organisation's own ("mục tiêu nội bộ"); 0 = none, nothing is judged
	Decimals     int            // of percentages; 0 = 2
	Location     *time.Location // nil = the period's
	Vantage      string         // where it was measured from, printed in the annex; "" = left out
	Now          time.Time      // when the report is made; zero = time.Now
	Incidents    *Incidents     // nil = the section is left out
	// Explain gives a reason's words; nil prints the reason itself.
	Explain func(reason, lang string) (title, whatToDo string)
}

// Incidents is what on-call tells of the period.
type Incidents struct {
	Opened       int           `json:"opened"`
	Acknowledged int           `json:"acknowledged"`
	Escalated    int           `json:"escalated"`
	MeanToAck    time.Duration `json:"mean_to_acknowledge"` // 0 = none acknowledged
	MeanToEnd    time.Duration `json:"mean_to_end"`         // 0 = none ended
	Pages        int           `json:"pages"`
	PagesFailed  int           `json:"pages_failed"` // reached nobody over that channel
	Shifts       int           `json:"shifts"`
}

// Report is the figures of one period, ready for any renderer.
type Report struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// Asked is the end that was asked for when it lies in the future and was cut
	// to Made; zero otherwise.
	Asked     time.Time    `json:"asked_to,omitzero"`
	Made      time.Time    `json:"made"`
	Options   Options      `json:"-"`
	Systems   int          `json:"systems"`
	Units     []UnitReport `json:"units"`
	Mean      Ratio        `json:"mean_availability"` // of all systems with figures, each weighing the same
	Total     Tally        `json:"total"`             // system-time: sums over the systems
	Outages   []Outage     `json:"outages"`
	Incidents *Incidents   `json:"incidents,omitempty"`
}

// Length is the time reported on.
func (r *Report) Length() time.Duration { return r.To.Sub(r.From) }

// UnitReport is one unit's part.
type UnitReport struct {
	ID      string         `json:"id"`
	Name    string         `json:"name"`
	Systems []SystemReport `json:"systems"`
	Mean    Ratio          `json:"mean_availability"` // of its systems with figures
	// AnyDown is the time in which at least one of its systems was down (union,
	// not sum).
	AnyDown time.Duration `json:"any_down"`
	Outages int           `json:"outages"`
}

// SystemReport is one system's part.
type SystemReport struct {
	ID           string   `json:"id"`
	Name         string   `json:"name"`
	Unit         string   `json:"unit"`
	URL          string   `json:"url,omitempty"`
	Owner        string   `json:"owner,omitempty"`
	Level        int      `json:"level,omitempty"`
	Tally        Tally    `json:"time"`
	Availability Ratio    `json:"availability"`
	Pessimistic  Ratio    `json:"availability_unknown_as_down"`
	Outages      []Outage `json:"-"`
	NoData       []Span   `json:"-"`
	Maintenance  []Span   `json:"-"`
	Timeline     Timeline `json:"-"`
	// Measured is false when no look of the period is on record.
	Measured bool `json:"measured"`
}

// NoDataMin is how long a stretch without figures must be to be listed; the
// sums hold the shorter ones too.
const NoDataMin = time.Minute

// Build reads the history of every system and does the arithmetic. An end in
// the future is cut to now, and the report says so. The first error of the
// source ends it: a report with a hole that nobody knows of is worse than none.
func Build(ctx context.Context, src Source, units []*probes.Unit, p Period, opt Options) (*Report, error) {
	if opt.Now.IsZero() {
		opt.Now = time.Now()
	}
	if opt.Location == nil {
		opt.Location = p.From.Location()
	}
	if opt.Decimals == 0 {
		opt.Decimals = 2
	}
	r := &Report{Made: opt.Now.In(opt.Location), Options: opt, Incidents: opt.Incidents}
	if p.To.After(opt.Now) {
		r.Asked, p.To = p.To.In(opt.Location), opt.Now
	}
	p.From, p.To = p.From.In(opt.Location), p.To.In(opt.Location)
	if err := p.Validate(); err != nil {
		return nil, err
	}
	r.From, r.To = p.From, p.To
	var all []Ratio
	for _, u := range units {
		ur, err := buildUnit(ctx, src, u, p)
		if err != nil {
			return nil, err
		}
		for _, s := range ur.Systems {
			all = append(all, s.Availability)
			r.Systems++
			for c := range s.Tally {
				r.Total[c] += s.Tally[c]
			}
			r.Outages = append(r.Outages, s.Outages...)
		}
		r.Units = append(r.Units, ur)
	}
	r.Mean = Mean(all)
	sortOutages(r.Outages)
	return r, nil
}

func buildUnit(ctx context.Context, src Source, u *probes.Unit, p Period) (UnitReport, error) {
	ur := UnitReport{ID: u.ID, Name: nameOr(u.Name, u.ID)}
	var lines []Timeline
	var ratios []Ratio
	for _, s := range u.Systems {
		// Reading from before the period lets the last look before it hold into it.
		lookback := 2 * time.Minute
		for _, c := range s.Checks {
			lookback = max(lookback, 2*c.Interval+c.Timeout)
		}
		series, err := src.Samples(ctx, s, p.From.Add(-lookback), p.To)
		if err != nil {
			return ur, fmt.Errorf("reading the history of %s: %w", s.Key(), err)
		}
		t, measured := systemTimeline(s, series, p)
		sr := SystemReport{
			ID: s.ID, Name: nameOr(s.Name, s.ID), Unit: u.ID, URL: s.URL, Owner: s.Owner, Level: s.Level,
			Timeline: t, Tally: t.Tally(), Measured: measured,
			Outages: t.Outages(), Maintenance: t.Spans(Maintenance),
		}
		sr.Availability, sr.Pessimistic = sr.Tally.Availability(), sr.Tally.Pessimistic()
		for _, gap := range t.Spans(Unknown) {
			if gap.To.Sub(gap.From) >= NoDataMin {
				sr.NoData = append(sr.NoData, gap)
			}
		}
		for i := range sr.Outages {
			o := &sr.Outages[i]
			o.Unit, o.UnitName, o.System, o.SystemName = u.ID, ur.Name, s.ID, sr.Name
		}
		ur.Outages += len(sr.Outages)
		ur.Systems, lines, ratios = append(ur.Systems, sr), append(lines, t), append(ratios, sr.Availability)
	}
	ur.Mean = Mean(ratios)
	ur.AnyDown = Combine(lines, p, anyDown).Tally()[Down]
	return ur, nil
}

// anyDown is Down while one of the systems is, else Up: only Down is read.
func anyDown(now []Slice) Slice {
	for _, s := range now {
		if s.Class == Down {
			return Slice{Class: Down}
		}
	}
	return Slice{Class: Up}
}

func nameOr(name, id string) string {
	if name == "" {
		return id
	}
	return name
}
