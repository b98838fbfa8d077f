package words

import (
	"strings"
	"time"

	"watchpost.example/alerting/oncall/incident"
	"watchpost.example/alerting/oncall/ladder"
)

// sentences of a timeline, Vietnamese then English; %[1]s who, %[2]s how, %[3]s text.
func sentence(what string) (vi, en string) {
	switch what {
	case incident.Opened:
		return "Mở sự cố %[3]s", "Opened %[3]s"
	case incident.Grown:
		return "Thêm cảnh báo: %[3]s", "More alerts: %[3]s"
	case incident.Shrunk:
		return "Bớt cảnh báo: %[3]s", "Fewer alerts: %[3]s"
	case incident.Raised:
		return "Mức độ nghiêm trọng tăng: %[3]s", "Severity rose: %[3]s"
	case incident.Recovered:
		return "Đã khôi phục", "Recovered"
	case incident.Reopened:
		return "Lại xảy ra, mở lại sự cố", "Fires again, reopened"
	case incident.Waiting:
		return "Ngoài giờ thông báo, chờ đến %[3]s", "Outside of waking hours, waits until %[3]s"
	case incident.Stepped:
		return "Bước %[3]s", "Step %[3]s"
	case incident.Paged:
		return "Báo %[1]s qua %[2]s", "Paged %[1]s by %[2]s"
	case incident.Nobody:
		return "Không có ai để báo ở bước này (%[3]s)", "Nobody to page at this step (%[3]s)"
	case incident.NextRound:
		return "Chưa ai tiếp nhận, báo lại từ đầu, lượt %[3]s", "Nobody took it, round %[3]s begins"
	case incident.GaveUp:
		return "Đã báo hết %[3]s lượt, không ai tiếp nhận", "All %[3]s rounds are used up, nobody took it"
	}
	return sentenceOfPeople(what)
}

func sentenceOfPeople(what string) (vi, en string) {
	switch what {
	case incident.Acked:
		return "%[1]s tiếp nhận qua %[2]s", "%[1]s took it by %[2]s"
	case incident.HalfAcked:
		return "%[1]s xác nhận qua %[2]s, còn chờ người thứ hai", "%[1]s acknowledged by %[2]s, the other officer is still missing"
	case incident.AckExpired:
		return "Hết hạn tiếp nhận, sự cố vẫn còn", "The acknowledgement expired, it still fires"
	case incident.Escalated:
		return "%[1]s chuyển cấp trên qua %[2]s", "%[1]s sent it up by %[2]s"
	case incident.Unable:
		return "%[1]s không xử lý được, báo qua %[2]s", "%[1]s cannot take it, by %[2]s"
	case incident.StepFailed:
		return "Không gửi được tin nào của bước này: %[3]s", "No page of this step could be sent: %[3]s"
	case incident.Repeated:
		return "%[1]s yêu cầu báo lại qua %[2]s", "%[1]s asked to hear it again by %[2]s"
	case incident.Noted:
		return "%[1]s ghi chú: %[3]s", "%[1]s noted: %[3]s"
	case incident.Silenced:
		return "%[1]s tạm dừng cảnh báo đến %[3]s", "%[1]s silenced it until %[3]s"
	case incident.SilenceOver:
		return "Hết thời gian tạm dừng, sự cố vẫn còn", "The silence is over, it still fires"
	case incident.ClosedBy:
		return "%[1]s kết thúc: %[3]s", "%[1]s closed it: %[3]s"
	case incident.MergedInto:
		return "Gộp vào sự cố diện rộng %[3]s", "Folded into the storm %[3]s"
	case incident.HandedOver:
		return "Bàn giao ca: %[3]s", "Handover: %[3]s"
	}
	return "%[3]s", "%[3]s"
}

// Line writes a line of a timeline. person gives a name for an ID; zone is where
// moments inside the text are shown.
func Line(l incident.Line, lang string, person func(string) string, zone *time.Location) string {
	vi, en := sentence(l.What)
	format := vi
	if lang == "en" {
		format = en
	}
	text := l.Text
	if first, rest, _ := strings.Cut(text, " "); first != "" {
		if t, err := time.Parse(time.RFC3339, first); err == nil {
			text = strings.TrimSpace(Clock(t.In(zone)) + " " + rest)
		}
	}
	switch l.What {
	case incident.Stepped, incident.Nobody:
		text = roles(text, lang, person)
	case incident.HandedOver:
		text = people(text, lang, person)
	}
	return strings.TrimSpace(strings.NewReplacer("%[1]s", named(person, l.Who), "%[2]s", Way(l.How, lang), "%[3]s", text).Replace(format))
}

// roles names the roles of a step, "1.2 first,person:an".
func roles(text, lang string, person func(string) string) string {
	number, list, both := strings.Cut(text, " ")
	if !both {
		number, list = "", text
	}
	var out []string
	for r := range strings.SplitSeq(list, ",") {
		switch r {
		case ladder.Officers:
			r = choose(lang, "cán bộ trực", "the officers")
		case ladder.First:
			r = choose(lang, "cán bộ trực thứ nhất", "the first officer")
		case ladder.Second:
			r = choose(lang, "cán bộ trực thứ hai", "the second officer")
		case ladder.Deputy:
			r = choose(lang, "trưởng ca", "the shift leader")
		case ladder.Hotline:
			r = choose(lang, "đường dây nóng", "the hotline")
		default:
			r = named(person, strings.TrimPrefix(r, "person:"))
		}
		out = append(out, r)
	}
	if both {
		number += ": "
	}
	return number + strings.Join(out, ", ")
}

// people names those of a handover, "an,binh → chi".
func people(text, lang string, person func(string) string) string {
	from, to, ok := strings.Cut(text, " → ")
	if !ok {
		return text
	}
	names := func(ids string) string {
		if ids == "" {
			return choose(lang, "không có ai", "nobody")
		}
		var out []string
		for id := range strings.SplitSeq(ids, ",") {
			out = append(out, named(person, id))
		}
		return strings.Join(out, ", ")
	}
	return names(from) + " → " + names(to)
}

// Way names a channel or a way of acknowledging.
func Way(how, lang string) string {
	if lang == "en" {
		return how
	}
	switch how {
	case "sms", "smpp":
		return "tin nhắn"
	case "voice", "sip":
		return "cuộc gọi"
	case "link":
		return "liên kết"
	case "push", "ntfy", "telegram":
		return "thông báo trên điện thoại"
	case "web":
		return "trang web"
	case "api":
		return "giao diện lập trình"
	case "command":
		return "dòng lệnh"
	case "email":
		return "thư điện tử"
	}
	return how
}
