package inventory

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"watchpost.example/inventory/source"
	"watchpost.example/probes"
)

// Inventory is what is watched.
type Inventory struct {
	Units  []*probes.Unit
	Checks []*probes.Check // of all systems, sorted by ID
	Files  []string        // that it was read from
}

// Check finds a check by its ID, nil if there is none.
func (inv *Inventory) Check(id probes.ID) *probes.Check {
	i, ok := slices.BinarySearchFunc(inv.Checks, id, func(c *probes.Check, id probes.ID) int { return compareID(c.ID, id) })
	if !ok {
		return nil
	}
	return inv.Checks[i]
}

// System finds a system by "unit/system", nil if there is none.
func (inv *Inventory) System(key string) *probes.System {
	for _, u := range inv.Units {
		for _, s := range u.Systems {
			if s.Key() == key {
				return s
			}
		}
	}
	return nil
}

func compareID(a, b probes.ID) int {
	return cmp.Or(cmp.Compare(a.Unit, b.Unit), cmp.Compare(a.System, b.System), cmp.Compare(a.Check, b.Check))
}

// builder turns files into an Inventory and collects every problem on the way.
type builder struct {
	kinds     map[string]probes.Kind
	kindNames []string
	profiles  map[string][]profileCheck
	inv       *Inventory
	problems  source.Problems
	units     map[string]source.Position // first place of each unit id
	systems   map[string]*systemEntry    // by unit/system
	order     []*systemEntry             // of the files
	// holes is true when some file or entry could not be understood, so that a
	// name that is not found may stand there.
	holes bool
	// trees is who stands where, to name decoding problems; innermost last.
	trees []entry
}

type entry struct {
	at  source.Value
	who string
}

type systemEntry struct {
	*probes.System
	file *systemFile
}

func newBuilder(kinds []probes.Kind) *builder {
	b := &builder{
		kinds: map[string]probes.Kind{}, profiles: profiles(), inv: &Inventory{},
		units: map[string]source.Position{}, systems: map[string]*systemEntry{},
	}
	for _, k := range kinds {
		b.kinds[k.Name] = k
	}
	b.kindNames = slices.Sorted(maps.Keys(b.kinds))
	return b
}

func (b *builder) report(at source.Position, who, text string) {
	b.problems = append(b.problems, source.Problem{Position: at, Who: who, Text: text})
}

// file adds one inventory file. above is what the server's file says.
func (b *builder) file(doc *source.Document, above []*Defaults) {
	b.inv.Files = append(b.inv.Files, doc.Name)
	var f inventoryFile
	decoded := doc.Decode(&f)
	b.defaults(&f.Defaults, "defaults")
	above = append([]*Defaults{&f.Defaults}, above...)
	b.trees = b.trees[:0]
	for i := range f.Units {
		b.unit(&f.Units[i], i, above)
	}
	if doc.Tainted() || doc.Mistyped() {
		b.holes = true
	}
	for _, p := range decoded {
		for _, e := range b.trees {
			if e.at.Holds(p.Position) {
				p.Who = e.who
			}
		}
		b.problems = append(b.problems, p)
	}
}

// defaults checks one level's defaults by themselves, once.
func (b *builder) defaults(d *Defaults, who string) {
	d.who = who
	t := timing{d.Self, who, d.Interval, d.Timeout, &d.Confirm}
	b.sane(&t)
	d.Interval, d.Timeout = t.interval, t.timeout
	if d.TimeZone != "" {
		if _, err := zone(d.TimeZone); err != nil {
			b.report(d.Self.At("time_zone"), who, "time_zone "+quoted(d.TimeZone)+" "+err.Error())
			d.TimeZone = ""
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Kinds)) {
		k := d.Kinds[name]
		kind, ok := b.kinds[name]
		if !ok {
			b.report(d.Self.KeyAt("kinds", name), who, "unknown kind "+quoted(name)+source.OneOf(name, b.kindNames))
			delete(d.Kinds, name)
			continue
		}
		t := timing{k.Self, who, k.Interval, k.Timeout, &k.Confirm}
		b.sane(&t)
		k.Interval, k.Timeout = t.interval, t.timeout
		d.Kinds[name] = k
		b.problems = append(b.problems, k.Settings.Decode(kind.New()).For(who)...)
	}
}

func (b *builder) unit(f *unitFile, n int, above []*Defaults) {
	who := cmp.Or(f.ID, "unit #"+strconv.Itoa(n+1))
	b.trees = append(b.trees, entry{f.Self, who})
	if f.Self.IsZero() || f.Self.Tainted() && len(f.Systems) == 0 && f.ID == "" {
		b.holes = true
		if f.Self.IsZero() {
			return
		}
	}
	u := &probes.Unit{ID: f.ID, Name: cmp.Or(f.Name, f.ID)}
	b.name(f.Self, who, "unit", f.ID, f.Name)
	if at, twice := b.units[f.ID]; twice && f.ID != "" {
		b.report(f.Self.At("id"), who, "the unit id "+quoted(f.ID)+" is already used at "+at.String()+"; ids are unique in all files")
	} else {
		b.units[f.ID] = f.Self.At("id")
	}
	u.Contacts = b.contacts(f.Contacts, who)
	b.defaults(&f.Defaults, who)
	if len(f.Systems) == 0 && !f.Self.Mistyped() && !f.Self.Bad("systems") {
		b.report(f.Self.At("systems"), who, "has no systems; give at least one, such as - url: https://portal.example/")
	}
	above = append([]*Defaults{&f.Defaults}, above...)
	seen := map[string]source.Position{}
	for i := range f.Systems {
		s := b.system(u, &f.Systems[i], i, above)
		if s == nil {
			continue
		}
		if at, twice := seen[s.ID]; twice && s.ID != "" {
			b.report(f.Systems[i].Self.At("id"), s.Key(), "the system id "+quoted(s.ID)+" is already used at "+at.String()+"; give this one an id of its own")
			continue
		}
		seen[s.ID] = f.Systems[i].Self.At("id")
		u.Systems = append(u.Systems, s)
	}
	b.inv.Units = append(b.inv.Units, u)
}

// name checks an id. hint is a name to make a better one from.
func (b *builder) name(self source.Value, who, what, id, hint string) bool {
	switch {
	case probes.ValidName(id):
		return true
	case id != "":
		text := what + " id " + quoted(id) + " is not a short name: use a-z, 0-9, \"-\", \"_\" and \".\", at most 63"
		if s := Slug(id); s != "" {
			text += "; did you mean " + strconv.Quote(s) + "?"
		}
		b.report(self.At("id"), who, text)
	case !self.Mistyped() && !self.Bad("id"):
		text := "the " + what + " has no id"
		if s := Slug(hint); s != "" {
			text += "; write id: " + s
		}
		b.report(self.At(), who, text)
	}
	b.holes = true
	return false
}

func (b *builder) contacts(files []contactFile, who string) []probes.Contact {
	var out []probes.Contact
	for i := range files {
		f := &files[i]
		if f.Self.IsZero() {
			continue
		}
		c := probes.Contact{Name: f.Name, Role: f.Role, Email: f.Email}
		if f.Name == "" && !f.Self.Mistyped() && !f.Self.Bad("name") {
			b.report(f.Self.At(), who, "the contact has no name")
		}
		if f.Phone == "" && f.Email == "" && !f.Self.Mistyped() && !f.Self.Tainted() {
			b.report(f.Self.At(), who, "the contact has neither phone nor email")
		}
		if f.Phone != "" {
			n, err := phoneNumber(f.Phone)
			if err != nil {
				b.report(f.Self.At("phone"), who, "phone "+quoted(f.Phone)+" "+err.Error())
			}
			c.Phone = n
		}
		if f.Email != "" {
			if err := emailAddress(f.Email); err != nil {
				b.report(f.Self.At("email"), who, "email "+quoted(f.Email)+" "+err.Error())
			}
		}
		out = append(out, c)
	}
	return out
}

// location is the time zone of the most specific level that names one.
func location(own string, levels []*Defaults) *time.Location {
	names := []string{own}
	for _, d := range levels {
		names = append(names, d.TimeZone)
	}
	for _, n := range append(names, DefaultTimeZone) {
		if loc, err := zone(n); err == nil {
			return loc
		}
	}
	return time.UTC // without a time zone database; time/tzdata is linked in by cmd
}

// quoted shows found text on one line, at most 60 characters of it.
func quoted(s string) string {
	if r := []rune(s); len(r) > 60 {
		return strconv.Quote(string(r[:60])) + "…"
	}
	return fmt.Sprintf("%q", s)
}

// finish checks what only the whole can show and sorts.
func (b *builder) finish() *Inventory {
	b.dependencies()
	slices.SortFunc(b.inv.Units, func(x, y *probes.Unit) int { return cmp.Compare(x.ID, y.ID) })
	slices.SortFunc(b.inv.Checks, func(x, y *probes.Check) int { return compareID(x.ID, y.ID) })
	return b.inv
}
