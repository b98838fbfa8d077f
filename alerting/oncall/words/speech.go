package words

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"watchpost.example/alerting/oncall/incident"
)

// speech is full sentences for the ear: first that it is serious, then whose it
// is, then what, since when, and last the keys.
func (v View) speech() string {
	var s []string
	say := func(vi, en string, args ...any) { s = append(s, fmt.Sprintf(v.t(vi, en), args...)) }
	in := v.Incident
	if in.Drill {
		say("Đây là diễn tập, không phải sự cố thật.", "This is a drill, not a real incident.")
	}
	switch {
	case v.Kind == "test":
		say("Đây là cuộc gọi kiểm tra của hệ thống giám sát.", "This is a test call of the monitoring service.")
		say("Bấm phím một để xác nhận đã nghe.", "Press one to confirm that you hear it.")
		return strings.Join(s, " ")
	case v.Kind == "handover":
		say("Ca trực của anh chị bắt đầu lúc %s.", "Your shift begins at %s.", SpokenTime(v.Start.In(v.Zone), v.lang()))
		say("Số sự cố đang mở: %s.", "Open incidents: %s.", Number(len(v.Others), v.lang()))
		return strings.Join(s, " ")
	case in.ID == "":
		return strings.Join(append(s, v.Text), " ")
	case v.About == incident.Recovered:
		s = append(s, v.placeSpoken(in)...)
		say("Sự cố đã được khôi phục lúc %s.", "It recovered at %s.", SpokenTime(in.Ended.In(v.Zone), v.lang()))
		return strings.Join(s, " ")
	}
	if len(v.Others) > 0 {
		say("Có %s sự cố chưa được tiếp nhận. Sự cố nặng nhất như sau.", "There are %s incidents that nobody has taken. The first one follows.", Number(len(v.Others)+1, v.lang()))
	} else if incident.Rank(in.Severity) >= 2 {
		say("Hệ thống giám sát báo sự cố khẩn cấp.", "Critical incident, from the monitoring service.")
	} else {
		say("Hệ thống giám sát báo cảnh báo.", "Warning, from the monitoring service.")
	}
	if v.Repeat { // after what it is: the first three seconds are for that
		say("Có thể anh chị đã nghe thông báo này.", "You may have heard this message before.")
	}
	s = append(s, v.placeSpoken(in)...)
	s = append(s, v.whatSpoken(in)...)
	say("Bắt đầu lúc %s.", "It began at %s.", SpokenTime(in.Since.In(v.Zone), v.lang()))
	if silent := v.silent(); silent != "" {
		say("Chưa trả lời: %s.", "These people did not answer: %s.", silent)
	}
	if len(v.Others) > 0 {
		say("Bấm phím một để tiếp nhận tất cả.", "Press one to take all of them.")
	} else {
		say("Bấm phím một để tiếp nhận.", "Press one to take it.")
	}
	say("Bấm phím hai để chuyển cấp trên. Bấm phím ba để nghe lại. Bấm phím chín nếu không thể xử lý.",
		"Press two to send it up. Press three to hear it again. Press nine if you can not take it.")
	return strings.Join(s, " ")
}

func (v View) placeSpoken(in incident.Incident) []string {
	units := in.Units()
	switch {
	case len(units) == 0:
		return []string{v.title(in) + "."}
	case len(units) > 1:
		return []string{fmt.Sprintf(v.t("%s đơn vị bị ảnh hưởng, trong đó có %s.", "%s units are affected, among them %s."),
			Number(len(units), v.lang()), v.unit(units[0]))}
	}
	unit, system := v.place(in)
	out := []string{fmt.Sprintf(v.t("Đơn vị: %s.", "Unit: %s."), unit)}
	if system != "" {
		out = append(out, fmt.Sprintf(v.t("Hệ thống: %s.", "System: %s."), system))
	}
	return out
}

// whatSpoken takes the first sentence of the description, which has its accents.
func (v View) whatSpoken(in incident.Incident) []string {
	alerts := in.Alerts()
	if len(alerts) == 0 {
		return nil
	}
	text := alerts[0].Description
	if text == "" || alerts[0].Name == OwnAlert {
		text = Summary(alerts[0], v.lang())
	}
	text, _, _ = strings.Cut(text, "\n")
	if i := strings.Index(text, ". "); i > 0 {
		text = text[:i]
	}
	text = strings.TrimRight(Cut(strings.TrimSpace(text), 200), ".")
	if text == "" {
		return nil
	}
	return []string{fmt.Sprintf(v.t("Tình trạng: %s.", "What is wrong: %s."), text)}
}

// fairTime is how long a person has to answer before others are told that he
// did not.
const fairTime = time.Minute

// silent names those who were paged a while before this person and did not answer.
func (v View) silent() string {
	var out []string
	for _, id := range v.Incident.Silent() {
		late := slices.ContainsFunc(v.Incident.Contacts, func(c incident.Contact) bool {
			return c.Person == id && c.Round == v.Incident.Round && v.Now.Sub(c.At) >= fairTime
		})
		if id != v.Person.ID && late {
			out = append(out, v.Names.person(id))
		}
	}
	return strings.Join(out, ", ")
}
