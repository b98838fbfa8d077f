package words

import (
	"fmt"
	"strings"

	"watchpost.example/alerting/oncall/incident"
)

// maxListed alerts stand in a whole text; a phone's screen shows no more.
const maxListed = 12

// text is the whole for push and e-mail.
func (v View) text() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	in := v.Incident
	if m := strings.TrimSpace(v.marks()); m != "" {
		line("%s", m)
	}
	switch {
	case v.Kind == "handover":
		v.handover(line)
		return b.String()
	case in.ID == "":
		line("%s", v.Text)
		return b.String()
	case v.Kind == "test":
		line(v.t("Kiểm tra: %s.", "Test: %s."), v.title(in))
		line(v.t("Xác nhận để chứng tỏ máy này nhận được: trả lời A %s, hoặc bấm nút.", "Show that this phone works: reply A %s, or press the button."), in.Code)
		v.links(line)
		return b.String()
	}
	v.headline(line)
	for _, a := range in.Alerts()[:min(maxListed, len(in.Alerts()))] {
		mark := "●"
		if !a.Firing() {
			mark = "○"
		}
		line("%s %s/%s: %s (%s %s)", mark, v.unit(a.Unit), v.Names.system(a.Unit, a.System), Summary(a, v.lang()), v.t("từ", "since"), v.clock(a.Since))
	}
	if n := len(in.Alerts()) - maxListed; n > 0 {
		line(v.t("… và %d cảnh báo nữa", "… and %d more alerts"), n)
	}
	for _, o := range v.Others {
		line("%s %s", o.Code, v.placeLine(o, 80))
	}
	v.toDo(line)
	v.links(line)
	return b.String()
}

func (v View) headline(line func(string, ...any)) {
	in := v.Incident
	unit, system := v.place(in)
	if system != "" {
		unit += " / " + system
	}
	switch v.About {
	case incident.Recovered:
		line(v.t("Đã khôi phục %s: %s", "Recovered %s: %s"), in.Code, unit)
		line(v.t("Gián đoạn %s, từ %s đến %s.", "Down for %s, from %s to %s."), Duration(in.Ended.Sub(in.Since), v.lang()), v.clock(in.Since), v.clock(in.Ended))
	case incident.Acked:
		line(v.t("%s đã tiếp nhận %s: %s", "%s has taken %s: %s"), v.acker(), in.Code, unit)
	case incident.Grown:
		line(v.t("Sự cố %s lan rộng: %s", "Incident %s grows: %s"), in.Code, unit)
	default:
		line("%s %s: %s", v.severity(), in.Code, unit)
		line(v.t("Bắt đầu %s.", "Since %s."), v.clock(in.Since))
	}
}

// toDo is what helps the person who takes it.
func (v View) toDo(line func(string, ...any)) {
	in := v.Incident
	if v.About == incident.Recovered {
		return
	}
	for _, a := range in.Alerts() {
		if a.RunbookURL != "" && a.Firing() {
			line(v.t("Hướng dẫn: %s", "Runbook: %s"), a.RunbookURL)
			break
		}
	}
	if units := in.Units(); len(units) == 1 && v.Names.Contact != nil {
		if c := v.Names.Contact(units[0]); c != "" {
			line(v.t("Đầu mối đơn vị: %s", "Unit contact: %s"), c)
		}
	}
	if s := v.silent(); s != "" && v.About != incident.Acked {
		line(v.t("Chưa trả lời: %s", "Not answered: %s"), s)
	}
	if in.Code != "" && v.About != incident.Acked && v.About != incident.Grown {
		line(v.t("Tiếp nhận: trả lời A %s (chuyển cấp trên: E %s; không xử lý được: K %s)", "Take it: reply A %s (send up: E %s; cannot: K %s)"), in.Code, in.Code, in.Code)
	}
}

func (v View) links(line func(string, ...any)) {
	if v.AckURL != "" {
		line(v.t("Trang tiếp nhận: %s", "Acknowledge: %s"), v.AckURL)
	}
	if v.WebURL != "" {
		line(v.t("Chi tiết: %s", "Details: %s"), v.WebURL)
	}
}

func (v View) handover(line func(string, ...any)) {
	line(v.t("Ca trực của anh/chị bắt đầu lúc %s.", "Your shift begins at %s."), v.clock(v.Start))
	if len(v.Others) == 0 {
		line("%s", v.t("Không có sự cố đang mở.", "No open incident."))
	}
	for _, o := range v.Others {
		state := v.t("chưa tiếp nhận", "not taken")
		if o.Status == incident.Acknowledged {
			state = v.t("đã tiếp nhận", "taken")
		}
		line("%s %s: %s, %s %s (%s)", o.Code, v.placeLine(o, 80), v.happened(o), v.t("từ", "since"), v.clock(o.Since), state)
	}
	if v.WebURL != "" {
		line("%s", v.WebURL)
	}
}
