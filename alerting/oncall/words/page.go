package words

import (
	"fmt"
	"strings"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/oncall/incident"
)

// Names finds what things are called; all functions may be nil or give "",
// then the ID is shown.
type Names struct {
	Person func(id string) string
	Unit   func(unit string) string
	System func(unit, system string) string
	// Contact is one line about whom to call at the unit; "" = none known.
	Contact func(unit string) string
}

func (n Names) person(id string) string { return named(n.Person, id) }
func (n Names) unit(id string) string   { return named(n.Unit, id) }

func (n Names) system(unit, id string) string {
	if n.System != nil && id != "" {
		if s := n.System(unit, id); s != "" {
			return s
		}
	}
	return id
}

func named(f func(string) string, id string) string {
	if f != nil {
		if s := f(id); s != "" {
			return s
		}
	}
	return id
}

// View is what one page is about.
type View struct {
	Kind     string // as alerting.Page.Kind
	About    string // an incident.What; "" for notices without incident
	Person   alerting.Person
	Incident incident.Incident
	// Others are further incidents of a bundle, or the open ones at handover.
	Others []incident.Incident
	Text   string // of a notice without incident
	Start  time.Time
	Now    time.Time
	Zone   *time.Location
	Seq    int    // number of this page to this person, so that no two texts are equal
	Repeat bool   // perhaps sent before
	AckURL string // "" = none
	WebURL string // of the incident's page; "" = none
	Names  Names
}

func (v View) lang() string {
	if v.Person.Language == "en" {
		return "en"
	}
	return "vi"
}

// t chooses the wording.
func (v View) t(vi, en string) string {
	if v.lang() == "en" {
		return en
	}
	return vi
}

func (v View) unit(id string) string { return v.Names.InLanguage(id, v.lang()) }

func (v View) title(in incident.Incident) string { return Title(in, v.lang(), v.Names.Person, v.Zone) }

func (v View) clock(t time.Time) string { return Clock(t.In(v.Zone)) }

// Render writes the texts of a page. ID, Incident, Code and Created are the
// caller's.
func Render(v View) alerting.Page {
	if v.Zone == nil {
		v.Zone = time.UTC
	}
	p := alerting.Page{Kind: v.Kind, Severity: v.Incident.Severity, Language: v.lang(), AckURL: v.AckURL}
	if p.Severity == "" {
		p.Severity = alerting.Info
	}
	p.Short = v.short()
	p.Subject = Cut(Fold(v.subject()), 120)
	p.Text = v.text()
	p.Speech = v.speech()
	return p
}

// severity is the first word of a page.
func (v View) severity() string {
	switch incident.Rank(v.Incident.Severity) {
	case 0:
		return v.t("Thông tin", "Info")
	case 1:
		return v.t("Cảnh báo", "Warning")
	}
	return v.t("KHẨN", "CRITICAL")
}

// place is "unit/system" in names; of many units, how many.
func (v View) place(in incident.Incident) (unit, system string) {
	units := in.Units()
	switch {
	case in.Kind == incident.KindTest || len(units) == 0:
		return v.title(in), ""
	case len(units) > 1:
		list := make([]string, len(units))
		for i, u := range units {
			list[i] = v.unit(u)
		}
		return fmt.Sprintf("%d %s: %s", len(units), v.t("đơn vị", "units"), strings.Join(list, ", ")), ""
	}
	systems := map[string]bool{}
	for _, a := range in.Alerts() {
		if a.System != "" && (a.Firing() || in.Firing() == 0) {
			systems[a.System] = true
			system = v.Names.system(a.Unit, a.System)
		}
	}
	if len(systems) > 1 {
		system = fmt.Sprintf("%d %s", len(systems), v.t("hệ thống", "systems"))
	}
	return v.unit(units[0]), system
}

func (v View) placeLine(in incident.Incident, most int) string {
	unit, system := v.place(in)
	if system == "" {
		return Cut(Fold(unit), most)
	}
	unit, system = Fold(unit), Fold(system)
	if len(unit)+1+len(system) > most {
		// The unit matters more: who must be called hangs on it.
		unit = Cut(unit, max(most-1-len(system), most*3/5))
		system = Cut(system, most-1-len(unit))
	}
	return unit + "/" + system
}

// happened is one line of what is wrong.
func (v View) happened(in incident.Incident) string {
	alerts := in.Alerts()
	if len(alerts) == 0 {
		return v.title(in)
	}
	s := Summary(alerts[0], v.lang())
	if n := in.Firing(); n > 1 {
		s = fmt.Sprintf("%s (+%d)", s, n-1)
	}
	return s
}

func (v View) marks() string {
	var m string
	if v.Incident.Drill {
		m += v.t("DIỄN TẬP. ", "DRILL. ")
	}
	if v.Repeat {
		m += v.t("(Có thể lặp) ", "(Maybe repeated) ")
	}
	return m
}

// short is one SMS: the fixed parts first, then what room they leave for the
// place and for what happened.
func (v View) short() string {
	seq := fmt.Sprintf(" #%d", v.Seq)
	head, middle, tail := v.parts()
	head, tail = Fold(v.marks()+head), Fold(tail)+seq
	room := ShortMost - len(head) - len(tail) - 2
	if head != "" {
		head += " "
	}
	if tail != "" && tail[0] != ' ' {
		tail = " " + tail
	}
	s := head + middle(max(room, 0)) + tail
	return Cut(s, ShortMost)
}

// parts gives the beginning, a middle that fits into a number of characters,
// and the end of a short text.
func (v View) parts() (head string, middle func(room int) string, tail string) {
	in := v.Incident
	fixed := func(s string) func(int) string { return func(n int) string { return Cut(Fold(s), n) } }
	where := func(more string) func(int) string {
		more = Fold(more)
		return func(n int) string {
			place := v.placeLine(in, max(n*3/5, n-2-len(more)))
			return Cut(place+more, n)
		}
	}
	switch {
	case v.Kind == "test":
		return v.t("KIỂM TRA.", "TEST."), fixed(v.title(in)), v.t("Trả lời A ", "Reply A ") + in.Code + v.t(" để xác nhận máy nhận được.", " to show that this phone works.")
	case v.Kind == "handover":
		return v.t("CA TRỰC từ ", "ON DUTY from ") + v.clock(v.Start) + ".", v.openList, ""
	case v.About == incident.Recovered:
		return v.t("KHÔI PHỤC", "RECOVERED"), where(""), v.clock(in.Ended) + v.t(", gián đoạn ", ", down ") + Duration(in.Ended.Sub(in.Since), v.lang()) + ". " + in.Code
	case v.About == incident.Acked:
		return v.acker() + v.t(" đã tiếp nhận ", " has taken ") + in.Code, where(""), v.clock(v.Now)
	case v.About == incident.Grown:
		return v.t("LAN RỘNG ", "GROWS ") + in.Code, where(": " + v.happened(in)), v.clock(v.Now)
	case in.ID == "":
		return "", fixed(v.Text), v.clock(v.Now)
	case len(v.Others) > 0:
		return fmt.Sprintf("%d %s", len(v.Others)+1, v.t("SỰ CỐ chưa nhận:", "INCIDENTS open:")), v.codeList,
			v.t("Trả lời AA nhận cả, hoặc A <mã>.", "Reply AA for all or A <code>.")
	}
	return v.severity() + ":", where(": " + v.happened(in)), v.t("từ ", "since ") + v.clock(in.Since) + v.t(". Trả lời A ", ". Reply A ") + in.Code
}

func (v View) acker() string {
	if n := len(v.Incident.Acks); n > 0 {
		return Cut(v.Names.person(v.Incident.Acks[n-1].Who), 30)
	}
	return "?"
}

// codeList is as many "7421 unit/system" as fit.
func (v View) codeList(room int) string {
	return v.list(append([]incident.Incident{v.Incident}, v.Others...), room)
}

func (v View) openList(room int) string {
	if len(v.Others) == 0 {
		return Cut(Fold(v.t("Không có sự cố đang mở.", "No open incident.")), room)
	}
	head := Fold(fmt.Sprintf("%d %s ", len(v.Others), v.t("sự cố đang mở:", "open:")))
	return head + v.list(v.Others, room-len(head))
}

func (v View) list(all []incident.Incident, room int) string {
	var out string
	for i, in := range all {
		rest := fmt.Sprintf(" +%d", len(all)-i-1)
		if i == len(all)-1 {
			rest = ""
		}
		item := in.Code + " " + v.placeLine(in, 40)
		if i > 0 {
			item = "; " + item
		}
		if len(out)+len(item)+len(rest) > room {
			if i == 0 {
				return Cut(item, room)
			}
			return Cut(out+fmt.Sprintf(" +%d", len(all)-i), room)
		}
		out += item
	}
	return out
}

func (v View) subject() string {
	switch {
	case v.Incident.ID == "" && v.Kind != "handover":
		return v.marks() + v.Text
	case v.Kind == "handover":
		return v.t("Ca trực từ ", "On duty from ") + v.clock(v.Start)
	}
	place := v.placeLine(v.Incident, 60)
	head := v.severity()
	switch {
	case v.Kind == "test":
		head = v.t("Kiểm tra", "Test")
	case v.About == incident.Recovered:
		head = v.t("Khôi phục", "Recovered")
	case v.About == incident.Acked:
		head = v.acker() + v.t(" tiếp nhận", " has taken")
	}
	if v.Incident.Kind == incident.KindTest {
		return v.marks() + head + " " + v.Incident.Code + " " + place
	}
	return v.marks() + head + " " + v.Incident.Code + " " + place + ": " + v.happened(v.Incident)
}
