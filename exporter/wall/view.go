package wall

import (
	"cmp"
	"slices"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/probes"
)

// Bounds of what stands large; the rest is counted and one click away. Many
// units need the room for their tiles, so less stands above them.
const (
	tileSystems = 12 // up to so many systems each has a tile; beyond, each unit
	denseUnits  = 8  // beyond so many units their tiles are small
	tinyUnits   = 24
)

type room struct{ big, small, alerts int }

// room is how many problems stand large and compact, and how many alerts:
// fewer where many tiles or compact rows need the height.
func (v *view) room() room {
	switch {
	case !v.TilesBySystem && len(v.Units) > denseUnits:
		return room{big: 3, small: 4, alerts: 2}
	case len(v.Small) > 0:
		return room{big: 4, small: 6, alerts: 2}
	}
	return room{big: 4, small: 6, alerts: 3}
}

// view is everything that the pages and /api/status show, made at one moment.
type view struct {
	T             *text         `json:"-"`
	Theme         string        `json:"-"`
	Now           time.Time     `json:"now"`
	Title         string        `json:"title"`
	Newest        time.Time     `json:"newest_result,omitzero"`
	Stale         bool          `json:"stale"` // no check has a fresh result
	UplinkLost    bool          `json:"uplink_lost"`
	ConfigError   string        `json:"config_error,omitempty"`
	Counts        map[State]int `json:"counts"`
	Total         int           `json:"systems_total"`
	OnDuty        []string      `json:"on_duty"`
	Deputy        string        `json:"deputy,omitempty"`
	HasDuty       bool          `json:"-"`
	Units         []unitView    `json:"units"`
	Problems      []systemView  `json:"-"`
	Small         []systemView  `json:"-"`
	More          int           `json:"-"`
	Alerts        []alertView   `json:"alerts"`
	HasAlerts     bool          `json:"-"`
	MoreAlerts    int           `json:"-"`
	ShownAlerts   []alertView   `json:"-"`
	TilesBySystem bool          `json:"-"`
}

type unitView struct {
	ID      string        `json:"id"`
	Name    string        `json:"name"`
	State   State         `json:"state"`
	Counts  map[State]int `json:"counts"`
	Systems []systemView  `json:"systems"`
}

type systemView struct {
	Unit     string    `json:"unit"`
	UnitName string    `json:"-"`
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	State    State     `json:"state"`
	Measured State     `json:"measured_state"` // beneath a maintenance
	Since    time.Time `json:"since,omitzero"`
	Reason   string    `json:"reason,omitempty"`
	Why      string    `json:"why,omitempty"` // in words
	Check    string    `json:"check,omitempty"`
	Newest   time.Time `json:"newest_result,omitzero"`
	Pending  bool      `json:"pending"`
	Findings int       `json:"findings"`
}

type alertView struct {
	Name     string    `json:"name"`
	Severity string    `json:"severity"`
	Where    string    `json:"where,omitempty"`
	Link     string    `json:"-"`
	Title    string    `json:"title"`
	Place    string    `json:"-"`
	Summary  string    `json:"summary"`
	Runbook  string    `json:"runbook_url,omitempty"`
	Since    time.Time `json:"since"`
	AckedBy  string    `json:"acknowledged_by,omitempty"`
	Silenced bool      `json:"silenced"`
}

// view gathers the page at now.
func (w *Wall) view(lang string, now time.Time) *view {
	t := speech(lang)
	v := &view{T: t, Now: now, Title: w.opt.Title, Counts: map[State]int{}, OnDuty: []string{}, Units: []unitView{}, Alerts: []alertView{}, Theme: "dark"}
	if v.Title == "" {
		v.Title = t.Title
	}
	bySystem, fresh := w.entries(v)
	var problems []systemView
	for _, u := range w.opt.Board.Units() {
		uv := w.unitView(t, u, bySystem, now)
		for _, s := range uv.Systems {
			v.Counts[s.State]++
			v.Total++
			if s.State == Down || s.State == Degraded || s.State == Unknown {
				problems = append(problems, s)
			}
		}
		v.Units = append(v.Units, uv)
	}
	v.Stale = v.Total > 0 && !fresh
	v.TilesBySystem = v.Total <= tileSystems
	sortProblems(problems)
	v.Problems, v.Small, v.More = split(problems, v.room())
	w.ours(v)
	w.people(v, now)
	w.alerts(v)
	return v
}

// entries groups what the board knows by system, notes the newest result and
// tells whether any is fresh.
func (w *Wall) entries(v *view) (bySystem map[*probes.System][]probes.Entry, fresh bool) {
	bySystem = map[*probes.System][]probes.Entry{}
	for _, e := range w.opt.Board.Entries() {
		if e.Check == nil || e.Check.System == nil {
			continue
		}
		bySystem[e.Check.System] = append(bySystem[e.Check.System], e)
		if e.Observation.At.After(v.Newest) {
			v.Newest = e.Observation.At
		}
		fresh = fresh || !e.Stale(v.Now)
	}
	return bySystem, fresh
}

// ours notes what is wrong with the watch itself.
func (w *Wall) ours(v *view) {
	if w.opt.Uplink != nil {
		up, known := w.opt.Uplink()
		v.UplinkLost = known && !up
	}
	if w.opt.ConfigError != nil {
		v.ConfigError = w.opt.ConfigError()
	}
}

// Density is how small the units' tiles must be to stay on one screen.
func (v *view) Density() string {
	switch n := len(v.Units); {
	case n > tinyUnits:
		return "tiny"
	case n > denseUnits:
		return "dense"
	}
	return ""
}

// split cuts the problems into those shown large, those shown compact and the
// number of the rest. Where there are compact rows one large row less makes
// room for them.
func split(l []systemView, r room) (big, small []systemView, more int) {
	if len(l) > r.big {
		r.big = min(r.big, 3)
	}
	big = l[:min(len(l), r.big)]
	rest := l[len(big):]
	small = rest[:min(len(rest), r.small)]
	return big, small, len(rest) - len(small)
}

// sortProblems puts Down first and, within a state, the newest trouble first:
// what just broke is what the officer must see. Then by name, so that rows
// keep their place.
func sortProblems(l []systemView) {
	slices.SortStableFunc(l, func(a, b systemView) int {
		return cmp.Or(cmp.Compare(b.State.rank(), a.State.rank()), b.Since.Compare(a.Since), cmp.Compare(a.Unit, b.Unit), cmp.Compare(a.ID, b.ID))
	})
}

func (w *Wall) unitView(t *text, u *probes.Unit, bySystem map[*probes.System][]probes.Entry, now time.Time) unitView {
	uv := unitView{ID: u.ID, Name: cmp.Or(u.Name, u.ID), Counts: map[State]int{}, State: Maintenance, Systems: []systemView{}}
	for _, s := range u.Systems {
		sv := w.systemView(t, s, bySystem[s], now)
		uv.Systems = append(uv.Systems, sv)
		uv.Counts[sv.State]++
		if sv.State.rank() > uv.State.rank() {
			uv.State = sv.State
		}
	}
	if len(u.Systems) == 0 {
		uv.State = Unknown
	}
	return uv
}

// systemView is the worst of the system's checks; under maintenance it is grey
// whatever is measured.
func (w *Wall) systemView(t *text, s *probes.System, entries []probes.Entry, now time.Time) systemView {
	sv := systemView{Unit: s.Unit.ID, UnitName: cmp.Or(s.Unit.Name, s.Unit.ID), ID: s.ID, Name: cmp.Or(s.Name, s.ID)}
	if len(entries) == 0 {
		sv.Why = t.NeverLooked
	}
	for i, e := range entries {
		st, since, because := judge(e, now)
		sv.Pending = sv.Pending || e.State.Pending && because == measured
		sv.Findings += openFindings(e)
		if e.Observation.At.After(sv.Newest) {
			sv.Newest = e.Observation.At
		}
		worse := i == 0 || st.rank() > sv.Measured.rank()
		earlier := st == sv.Measured && !since.IsZero() && since.Before(sv.Since)
		if !worse && !earlier {
			continue
		}
		sv.Measured, sv.Since, sv.Check = st, since, e.Check.ID.Check
		sv.Reason, sv.Why = w.reason(t, e, st, because)
	}
	sv.State = sv.Measured
	if s.InMaintenance(now) || slices.ContainsFunc(entries, func(e probes.Entry) bool { return e.State.Maintenance && !e.Stale(now) }) {
		sv.State = Maintenance
	}
	return sv
}

// openFindings counts what somebody must do something about.
func openFindings(e probes.Entry) int {
	n := 0
	for _, f := range e.Observation.Findings {
		if f.Severity > probes.Note {
			n++
		}
	}
	return n
}

// reason gives the word of the closed list and its title in the language.
func (w *Wall) reason(t *text, e probes.Entry, st State, because why) (word, title string) {
	switch because {
	case never:
		return string(probes.OursRestart), t.NeverLooked
	case stale:
		return string(probes.OursOverrun), t.StaleReason
	case measured, restored:
	}
	if st == Up {
		return "", ""
	}
	r := string(cmp.Or(e.State.Reason, e.Observation.Reason))
	title = w.explain(r, t.Lang)
	if because == restored {
		title += " (" + t.Restored + ")"
	}
	return r, title
}

func (w *Wall) explain(reason, lang string) string {
	if w.opt.Explain != nil && reason != "" {
		if title, _ := w.opt.Explain(reason, lang); title != "" {
			return title
		}
	}
	return reason
}

func (w *Wall) people(v *view, now time.Time) {
	if w.opt.OnDuty != nil {
		v.HasDuty = true
		for _, p := range w.opt.OnDuty.OnDuty(now) {
			v.OnDuty = append(v.OnDuty, cmp.Or(p.Name, p.ID))
		}
	}
	if w.opt.Deputy != nil {
		v.Deputy = w.opt.Deputy(now)
		// OnDuty may list the leader too; nobody stands twice.
		v.OnDuty = slices.DeleteFunc(v.OnDuty, func(n string) bool { return n == v.Deputy && len(v.OnDuty) > 1 })
	}
}

// alerts lists what fires, critical first, then the newest. Pending alerts and
// those folded into a larger one are left out.
func (w *Wall) alerts(v *view) {
	if w.opt.Alerts == nil {
		return
	}
	v.HasAlerts = true
	for _, a := range w.opt.Alerts() {
		if a.State != "firing" || a.Inhibited {
			continue
		}
		v.Alerts = append(v.Alerts, w.alertView(v, a))
	}
	rank := map[string]int{alerting.Critical: 3, alerting.Warning: 2, alerting.Info: 1}
	slices.SortStableFunc(v.Alerts, func(a, b alertView) int {
		silenced := func(a alertView) int { return map[bool]int{true: 1}[a.Silenced] }
		return cmp.Or(cmp.Compare(silenced(a), silenced(b)), cmp.Compare(rank[b.Severity], rank[a.Severity]), b.Since.Compare(a.Since), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Where, b.Where))
	})
	v.ShownAlerts = v.Alerts[:min(len(v.Alerts), v.room().alerts)]
	v.MoreAlerts = len(v.Alerts) - len(v.ShownAlerts)
}

func (w *Wall) alertView(v *view, a alerting.Alert) alertView {
	av := alertView{
		Name: a.Name, Severity: a.Severity, Title: w.alertTitle(a, v.T.Lang), Summary: cmp.Or(a.Summary, a.Name), Runbook: safeURL(a.RunbookURL),
		Since: a.Since, Silenced: a.Silenced, Place: a.Labels["channel"],
	}
	if a.Unit != "" {
		av.Where, av.Place = a.Unit, v.place(a.Unit, a.System)
		if a.System != "" {
			av.Where += "/" + a.System
		}
		if probes.ValidName(a.Unit) && probes.ValidName(a.System) {
			av.Link = "/s/" + a.Unit + "/" + a.System
		}
	}
	if w.opt.AckedBy != nil {
		av.AckedBy = w.opt.AckedBy(a)
	}
	return av
}

// alertTitle is what a finding found, else the alert's title, else its summary.
func (w *Wall) alertTitle(a alerting.Alert, lang string) string {
	if r := a.Labels["reason"]; r != "" {
		if title := w.explain(r, lang); title != r {
			return title
		}
	}
	title := ""
	if w.opt.AlertTitle != nil {
		title = w.opt.AlertTitle(a.Name, lang)
	}
	return cmp.Or(title, a.Summary, a.Name)
}

// place names a system and its unit as people call them.
func (v *view) place(unit, system string) string {
	for _, u := range v.Units {
		if u.ID != unit {
			continue
		}
		for _, s := range u.Systems {
			if s.ID == system {
				return s.Name + " · " + u.Name
			}
		}
		return u.Name
	}
	if system == "" {
		return unit
	}
	return system + " · " + unit
}
