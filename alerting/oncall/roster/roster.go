// Package roster knows who watches when: people and how to reach them, shifts
// of two officers and a deputy, overrides, the contact of each unit and the
// hotline of the response centre. It reads YAML, spreadsheets and calendars,
// finds what is wrong in them, and answers who is on duty at a moment.
//
// A Roster is a value that is not changed after New, so it may be read by many
// goroutines.
package roster

import (
	"slices"
	"sort"
	"time"

	"watchpost.example/alerting"
)

// DefaultZone is where a roster without a time zone lives.
const DefaultZone = "Asia/Ho_Chi_Minh"

// Roster is who can be woken and who watches when.
type Roster struct {
	Zone      *time.Location
	People    []alerting.Person
	Shifts    []alerting.Shift // by Start, then End
	Overrides []Override       // in the order of the file: later wins
	Hotline   string           // Person ID of the response centre; "" = none
	Units     []UnitContact    // by Unit

	people map[string]int // Person ID to index in People
}

// Override puts one person in another's place for a time.
type Override struct {
	From, To time.Time
	Replace  string // Person ID
	With     string // Person ID
	Reason   string // shown on /duty and kept in the journal; required
}

// UnitContact is whom to call at a unit when its system breaks.
type UnitContact struct {
	Unit  string // unit ID of the inventory
	Name  string
	Role  string
	Phone string
}

// New makes a Roster of parts that were checked by the caller; it sorts the
// shifts. A nil zone means UTC.
func New(r Roster) *Roster {
	if r.Zone == nil {
		r.Zone = time.UTC
	}
	r.Shifts = slices.Clone(r.Shifts)
	sort.SliceStable(r.Shifts, func(i, j int) bool {
		a, b := r.Shifts[i], r.Shifts[j]
		if a.Start.Equal(b.Start) {
			return a.End.Before(b.End)
		}
		return a.Start.Before(b.Start)
	})
	r.people = make(map[string]int, len(r.People))
	for i, p := range r.People {
		r.people[p.ID] = i
	}
	return &r
}

// Person finds somebody by ID.
func (r *Roster) Person(id string) (alerting.Person, bool) {
	i, ok := r.people[id]
	if !ok || id == "" {
		return alerting.Person{}, false
	}
	return r.People[i], true
}

// Name gives the person's name, or the ID when nobody has it.
func (r *Roster) Name(id string) string {
	if p, ok := r.Person(id); ok && p.Name != "" {
		return p.Name
	}
	return id
}

// Unit finds the contact of a unit.
func (r *Roster) Unit(id string) (UnitContact, bool) {
	for _, u := range r.Units {
		if u.Unit == id {
			return u, true
		}
	}
	return UnitContact{}, false
}

// Duty is who watches during [From, To), overrides applied. Officers is empty
// when nobody does.
type Duty struct {
	From, To time.Time
	Officers []string   // Person IDs, first is called first
	Deputy   string     // Person ID; "" = none
	Hotline  string     // Person ID; "" = none
	Applied  []Override // the overrides that made it so
}

// At answers who watches at t. Where shifts overlap, the one that began last
// counts: the incoming pair is on duty once its time has come. From and To are
// those of the shift, not of the overrides.
func (r *Roster) At(t time.Time) Duty {
	d := Duty{Hotline: r.Hotline}
	s, ok := r.shiftAt(t)
	if !ok {
		return d
	}
	d.From, d.To = s.Start, s.End
	seen := map[int]bool{}
	for _, id := range s.Officers {
		id, used := r.replaced(id, t)
		if id != "" && !slices.Contains(d.Officers, id) {
			d.Officers = append(d.Officers, id)
		}
		d.Applied = r.apply(d.Applied, seen, used)
	}
	deputy, used := r.replaced(s.Deputy, t)
	d.Deputy = deputy
	d.Applied = r.apply(d.Applied, seen, used)
	return d
}

func (r *Roster) apply(list []Override, seen map[int]bool, used int) []Override {
	if used < 0 || seen[used] {
		return list
	}
	seen[used] = true
	return append(list, r.Overrides[used])
}

func (r *Roster) shiftAt(t time.Time) (alerting.Shift, bool) {
	// The last shift that began at or before t; an older, longer one may still run.
	i := sort.Search(len(r.Shifts), func(i int) bool { return r.Shifts[i].Start.After(t) })
	for i--; i >= 0; i-- {
		if t.Before(r.Shifts[i].End) {
			return r.Shifts[i], true
		}
	}
	return alerting.Shift{}, false
}

// replaced follows the overrides for one place in a shift. An override names
// either the person of the plan or the one an earlier override put there, so
// of two for the same person the later in the file wins.
func (r *Roster) replaced(id string, t time.Time) (now string, used int) {
	now, used = id, -1
	if id == "" {
		return now, used
	}
	for i, o := range r.Overrides {
		if (o.Replace == id || o.Replace == now) && !t.Before(o.From) && t.Before(o.To) {
			now, used = o.With, i
		}
	}
	return now, used
}

// OnDuty gives the officers and then the deputy; nil means nobody. It makes
// Roster an alerting.OnDuty.
func (r *Roster) OnDuty(at time.Time) []alerting.Person {
	d := r.At(at)
	ids := slices.Clone(d.Officers)
	if d.Deputy != "" && !slices.Contains(ids, d.Deputy) {
		ids = append(ids, d.Deputy)
	}
	var out []alerting.Person
	for _, id := range ids {
		if p, ok := r.Person(id); ok {
			out = append(out, p)
		}
	}
	return out
}

// Segments cuts [from, to) into stretches in which the people on duty do not
// change. A stretch without anybody is in the list too, with empty Officers.
func (r *Roster) Segments(from, to time.Time) []Duty {
	cuts := []time.Time{from, to}
	add := func(t time.Time) {
		if t.After(from) && t.Before(to) {
			cuts = append(cuts, t)
		}
	}
	for _, s := range r.Shifts {
		add(s.Start)
		add(s.End)
	}
	for _, o := range r.Overrides {
		add(o.From)
		add(o.To)
	}
	slices.SortFunc(cuts, time.Time.Compare)
	cuts = slices.CompactFunc(cuts, time.Time.Equal)
	var out []Duty
	for i := range len(cuts) - 1 {
		d := r.At(cuts[i])
		d.From, d.To = cuts[i], cuts[i+1]
		if n := len(out); n > 0 && same(out[n-1], d) {
			out[n-1].To = d.To
			continue
		}
		out = append(out, d)
	}
	return out
}

func same(a, b Duty) bool {
	return slices.Equal(a.Officers, b.Officers) && a.Deputy == b.Deputy && len(a.Applied) == len(b.Applied)
}

// NextGap finds the first moment in [from, from+ahead) at which nobody watches.
func (r *Roster) NextGap(from time.Time, ahead time.Duration) (time.Time, bool) {
	for _, d := range r.Segments(from, from.Add(ahead)) {
		if len(d.Officers) == 0 {
			return d.From, true
		}
	}
	return time.Time{}, false
}

// Uncovered is how much of [from, to) nobody watches.
func (r *Roster) Uncovered(from, to time.Time) time.Duration {
	var sum time.Duration
	for _, d := range r.Segments(from, to) {
		if len(d.Officers) == 0 {
			sum += d.To.Sub(d.From)
		}
	}
	return sum
}
