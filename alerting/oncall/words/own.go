package words

import (
	"strings"
	"time"

	"watchpost.example/alerting/oncall/incident"
)

// OwnUnit is the unit of the alarms that the pager raises by itself, DrillUnit
// that of a drill; both have names here and not in the inventory.
const (
	OwnUnit   = "watchpost"
	DrillUnit = "dien-tap"
	OwnAlert  = "PagerWatch" // the name of the pager's own alerts
	DrillName = "Drill"
)

// What stands in the Check of an own alert.
const (
	Silent = "silent" // nothing is heard of it
	Ill    = "ill"    // it answers, and says that it is not well
)

// choose gives the wording of a language; Vietnamese unless it is "en".
func choose(lang, vi, en string) string {
	if lang == "en" {
		return en
	}
	return vi
}

// InLanguage names a unit in a language.
func (n Names) InLanguage(id, lang string) string {
	switch id {
	case OwnUnit:
		return choose(lang, "Hệ thống giám sát", "Monitoring service")
	case DrillUnit:
		return choose(lang, "Diễn tập", "Drill")
	}
	return n.unit(id)
}

// Title says what an incident without alerts is about: whose phone is tested, or
// which shift began.
func Title(in incident.Incident, lang string, person func(string) string, zone *time.Location) string {
	if in.Kind != incident.KindTest {
		return in.Title
	}
	if len(in.Targets) > 0 {
		return choose(lang, "kiểm tra máy của ", "phone test of ") + named(person, in.Targets[0])
	}
	if t, err := time.Parse(time.RFC3339, in.Title); err == nil {
		return choose(lang, "nhận ca ", "start of the shift ") + t.In(zone).Format("15:04 02/01")
	}
	return in.Title
}

// Summary is the one line of what is wrong; the pager's own alarms say what to
// do, because nobody wrote a runbook for the night that they come.
func Summary(a incident.Alert, lang string) string {
	switch {
	case a.Name == DrillName && a.Unit == DrillUnit:
		return choose(lang, "cổng thông tin không truy cập được (giả định)", "the portal can not be reached (assumed)")
	case a.Name != OwnAlert || a.Unit != OwnUnit:
		if a.Summary == "" {
			return a.Name
		}
		return a.Summary
	case a.System == "watchdog":
		return choose(lang, "bộ máy cảnh báo ngừng gửi nhịp sống: kiểm tra luật cảnh báo và Alertmanager", "the alerting engine sends no heartbeat: check its rules and Alertmanager")
	}
	if name, ok := strings.CutPrefix(a.System, "heartbeat-"); ok {
		return choose(lang, "không còn nhịp sống của "+name+": kiểm tra "+name, "no heartbeat of "+name+": check "+name)
	}
	name := strings.TrimPrefix(a.System, "peer-")
	if a.Check == Ill {
		return choose(lang, "trạm giám sát "+name+" tự báo lỗi: mở trang của trạm "+name, "watchpost "+name+" says that it is ill: open its pages")
	}
	return choose(lang, "trạm giám sát "+name+" không trả lời: kiểm tra máy và mạng của "+name, "watchpost "+name+" does not answer: check its machine and network")
}
