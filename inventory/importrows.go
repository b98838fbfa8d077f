package inventory

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"watchpost.example/inventory/source"
	"watchpost.example/probes"
)

// sheetUnit and sheetSystem are what rows become.
type sheetUnit struct {
	id, name string
	first    int // row
	contacts []probes.Contact
	systems  []sheetSystem
}

type sheetSystem struct {
	id, name, url, owner string
	level                int
}

// converter goes through the rows.
type converter struct {
	*table
	units  []*sheetUnit
	byID   map[string]*sheetUnit
	byName map[string]*sheetUnit
}

func (t *table) convert() ([]byte, source.Problems) {
	c := converter{table: t, byID: map[string]*sheetUnit{}, byName: map[string]*sheetUnit{}}
	var unit *sheetUnit
	for _, r := range t.rows {
		if strings.Join(r.cells, "") == "" {
			continue
		}
		before := len(t.problems)
		unit = c.unitOf(r, unit)
		contact, person := c.contactOf(r)
		system, any := c.systemOf(r)
		if !any && !person && c.cell(r, colUnit) == "" && c.cell(r, colUnitID) == "" {
			continue // numbering, notes, totals
		}
		if unit == nil || len(t.problems) > before {
			continue
		}
		if person && !slices.Contains(unit.contacts, contact) {
			unit.contacts = append(unit.contacts, contact)
		}
		if any {
			c.add(r, unit, system)
		}
	}
	return c.finish()
}

// finish drops the units without a system and writes the rest.
func (c *converter) finish() ([]byte, source.Problems) {
	clean := len(c.problems) == 0
	c.units = slices.DeleteFunc(c.units, func(u *sheetUnit) bool {
		if len(u.systems) == 0 && clean {
			c.report(u.first, colURL, "the unit "+quoted(u.name)+" has no system in any row")
		}
		return len(u.systems) == 0
	})
	if len(c.units) > 0 {
		return c.yaml(), c.problems
	}
	if len(c.problems) == 0 {
		c.problems = append(c.problems, source.Problem{Position: source.Position{File: c.name}, Text: "has headers, but no row with a system"})
	}
	return nil, c.problems
}

// unitOf finds or makes the row's unit; an empty cell is the unit above.
func (c *converter) unitOf(r row, above *sheetUnit) *sheetUnit {
	id, name := c.cell(r, colUnitID), c.cell(r, colUnit)
	if id == "" && name == "" {
		if above == nil && strings.TrimSpace(c.cell(r, colURL)) != "" {
			c.report(r.number, colUnit, "is empty, and no unit stands above")
		}
		return above
	}
	if id != "" && !probes.ValidName(id) {
		slug := Slug(id)
		if strings.ToLower(id) != slug {
			c.report(r.number, colUnitID, quoted(id)+` is not a short name: use a-z, 0-9, "-", "_" and "."`+hint(slug))
			return nil
		}
		id = slug // capitals only
	}
	key := strings.ToLower(name)
	u := c.byID[id]
	if id == "" {
		u = c.byName[key]
	}
	if u != nil {
		if name != "" && !strings.EqualFold(u.name, name) {
			c.report(r.number, colUnit, quoted(name)+" has the id "+u.id+", which is "+quoted(u.name)+" in row "+strconv.Itoa(u.first))
			return nil
		}
		return u
	}
	if id == "" {
		id = c.freeUnit(Slug(name))
	}
	if id == "" {
		c.report(r.number, colUnit, quoted(name)+" gives no id; add a column \"Mã đơn vị\"")
		return nil
	}
	if name == "" {
		name = id
	}
	u = &sheetUnit{id: id, name: name, first: r.number}
	c.units = append(c.units, u)
	c.byID[id], c.byName[strings.ToLower(name)] = u, u
	return u
}

func hint(slug string) string {
	if slug == "" {
		return ""
	}
	return "; did you mean " + quoted(slug) + "?"
}

func (c *converter) freeUnit(slug string) string {
	return free(slug, func(s string) bool { return c.byID[s] != nil })
}

// free appends -2, -3 … until nobody has the id.
func free(slug string, taken func(string) bool) string {
	if slug == "" || !taken(slug) {
		return slug
	}
	for n := 2; ; n++ {
		suffix := "-" + strconv.Itoa(n)
		if s := slug[:min(len(slug), 63-len(suffix))] + suffix; !taken(s) {
			return s
		}
	}
}

func (c *converter) contactOf(r row) (probes.Contact, bool) {
	p := probes.Contact{Name: c.cell(r, colContact), Role: c.cell(r, colRole), Email: c.cell(r, colEmail)}
	phone := c.cell(r, colPhone)
	if p.Name == "" && phone == "" && p.Email == "" {
		return p, false
	}
	if phone != "" {
		n, err := phoneNumber(phone)
		if digits := strings.Trim(phone, "0123456789"); err == nil && digits == "" && len(n) == 9 && n[0] != '0' {
			n = "0" + n // spreadsheets drop the zero of a number
		}
		if err != nil {
			c.report(r.number, colPhone, quoted(phone)+" "+err.Error())
		}
		p.Phone = n
	}
	if p.Email != "" {
		if err := emailAddress(p.Email); err != nil {
			c.report(r.number, colEmail, quoted(p.Email)+" "+err.Error())
		}
	}
	if p.Name == "" {
		p.Name = "Đầu mối"
	}
	return p, p.Phone != "" || p.Email != ""
}

func (c *converter) systemOf(r row) (sheetSystem, bool) {
	s := sheetSystem{id: c.cell(r, colSystemID), name: c.cell(r, colSystem), url: c.cell(r, colURL), owner: c.cell(r, colOwner)}
	level := c.cell(r, colLevel)
	if s.url == "" {
		if s.id != "" || s.name != "" {
			c.report(r.number, colURL, "is empty; every system needs an address")
		}
		return s, false
	}
	s.url = strings.TrimRight(s.url, ";, ")
	if many := addresses(s.url); many > 1 {
		c.report(r.number, colURL, quoted(redact(s.url))+" is more than one address; give each a row of its own")
	} else if full, err := sheetURL(s.url); err != nil {
		c.report(r.number, colURL, quoted(redact(s.url))+" "+err.Error())
	} else {
		s.url = full
	}
	if s.id != "" && !probes.ValidName(s.id) {
		c.report(r.number, colSystemID, quoted(s.id)+` is not a short name: use a-z, 0-9, "-", "_" and "."`+hint(Slug(s.id)))
	}
	if level != "" {
		n, err := securityLevel(level)
		if err != nil {
			c.report(r.number, colLevel, quoted(level)+" "+err.Error())
		}
		s.level = n
	}
	return s, true
}

// addresses counts the words of a cell that look like addresses.
func addresses(cell string) int {
	n := 0
	for _, w := range strings.FieldsFunc(cell, func(r rune) bool { return r == ';' || r == ',' || r == ' ' }) {
		if strings.Contains(w, ".") || strings.Contains(w, "://") {
			n++
		}
	}
	return n
}

// securityLevel reads "3", "Cấp độ 3", "cấp 3", "III".
func securityLevel(s string) (int, error) {
	word := strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(foldHeader(s), "cap do"), "cap"))
	for i, roman := range []string{"i", "ii", "iii", "iv", "v"} {
		if word == roman || word == strconv.Itoa(i+1) {
			return i + 1, nil
		}
	}
	return 0, errors.New("is not a security level; levels are 1 to 5")
}

func (c *converter) add(r row, u *sheetUnit, s sheetSystem) {
	taken := func(id string) bool {
		return slices.ContainsFunc(u.systems, func(o sheetSystem) bool { return o.id == id })
	}
	if i := slices.IndexFunc(u.systems, func(o sheetSystem) bool { return o.url == s.url }); i >= 0 {
		c.report(r.number, colURL, quoted(c.cell(r, colURL))+" stands in this unit already, as "+quoted(u.systems[i].id))
		return
	}
	if s.id != "" && taken(s.id) {
		c.report(r.number, colSystemID, quoted(s.id)+" is used already in this unit")
		return
	}
	if s.id == "" {
		s.id = Slug(s.name)
		if t, err := parseURL(s.url); err == nil && s.id == "" {
			s.id = hostID(t.Hostname())
		}
		s.id = free(s.id, taken)
	}
	u.systems = append(u.systems, s)
}

// yaml writes the units as an inventory file.
func (c *converter) yaml() []byte {
	var b strings.Builder
	b.WriteString("# Imported from " + oneLine(c.name) + ". Check it with: watchpost check\nunits:\n")
	for _, u := range c.units {
		fmt.Fprintf(&b, "  - id: %s\n    name: %s\n", text(u.id), text(u.name))
		if len(u.contacts) > 0 {
			b.WriteString("    contacts:\n")
		}
		for _, p := range u.contacts {
			fmt.Fprintf(&b, "      - name: %s\n", text(p.Name))
			optional(&b, "role", p.Role)
			optional(&b, "phone", p.Phone)
			optional(&b, "email", p.Email)
		}
		b.WriteString("    systems:\n")
		for _, s := range u.systems {
			fmt.Fprintf(&b, "      - id: %s\n", text(s.id))
			optional(&b, "name", s.name)
			fmt.Fprintf(&b, "        url: %s\n", text(s.url))
			if s.level > 0 {
				fmt.Fprintf(&b, "        level: %d\n", s.level)
			}
			optional(&b, "owner", s.owner)
		}
	}
	return []byte(b.String())
}

func optional(b *strings.Builder, key, value string) {
	if value != "" {
		b.WriteString("        " + key + ": " + text(value) + "\n")
	}
}
