package words

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"watchpost.example/alerting"
	"watchpost.example/alerting/oncall/incident"
)

var (
	now  = time.Date(2026, 12, 29, 16, 58, 0, 0, time.UTC)
	zone = time.FixedZone("ICT", 7*3600)
)

func names(long bool) Names {
	unit, system := "Sở Tài chính", "Cổng dịch vụ công"
	person := "Nguyễn Văn A"
	if long {
		unit = "Sở Nông nghiệp và Môi trường (Trung tâm Chuyển đổi số và Thông tin tài nguyên môi trường) " + strings.Repeat("Ỹ", 60)
		system = "Hệ thống thông tin giải quyết thủ tục hành chính tập trung cấp tỉnh {phiên bản 2}"
		person = strings.Repeat("Nguyễn Thị ", 12)
	}
	return Names{
		Person: func(string) string { return person }, Unit: func(string) string { return unit }, System: func(string, string) string { return system },
		Contact: func(string) string { return "Trần B, 0900 000 002" },
	}
}

func sample(long bool) incident.Incident {
	a := incident.Alert{Severity: "critical", Unit: "stc", System: "cong", Since: now.Add(-7 * time.Minute), Summary: "khong truy cap duoc", Description: "Cổng không truy cập được. Chi tiết thêm.", RunbookURL: "https://watch.example/r"}
	if long {
		a.Summary = strings.Repeat("Máy chủ ‘không’ trả lời [€|~] ", 30)
		a.Description = a.Summary
	}
	in := incident.Incident{
		ID: "20261229-7421", Code: "7421", Kind: incident.KindAlert, Severity: "critical", Status: incident.Open, Since: a.Since, Opened: now, Round: 1,
		Groups: []incident.Group{{Key: "g", Alerts: []incident.Alert{a}}}, Acks: []incident.Ack{{Who: "an", How: "voice", At: now}},
		Contacts: []incident.Contact{{Person: "binh", Round: 1}},
	}
	if long {
		in.Code = "98765"
	}
	return in
}

// views is one of every kind of page, in the worst and in a plain case.
func views() map[string]View {
	out := map[string]View{}
	for _, long := range []bool{false, true} {
		for _, lang := range []string{"vi", "en"} {
			for kind, change := range map[string]func(*View){
				"alert":   func(*View) {},
				"warning": func(v *View) { v.Incident.Severity = "warning" },
				"drill":   func(v *View) { v.Kind, v.Incident.Drill = "drill", true },
				"repeat":  func(v *View) { v.Repeat, v.Incident.Drill = true, long },
				"recovery": func(v *View) {
					v.Kind, v.About, v.Incident.Ended = "recovery", incident.Recovered, now.Add(51*time.Hour)
				},
				"taken": func(v *View) { v.Kind, v.About = "notice", incident.Acked },
				"grown": func(v *View) { v.Kind, v.About = "notice", incident.Grown },
				"test": func(v *View) {
					v.Kind, v.Incident.Kind, v.Incident.Title = "test", incident.KindTest, "nhận ca 17:00 29/08"
				},
				"bundle": func(v *View) { v.Others = slices.Repeat([]incident.Incident{sample(long)}, 99) },
				"handover": func(v *View) {
					v.Kind, v.Incident, v.Others, v.Start = "handover", incident.Incident{}, slices.Repeat([]incident.Incident{sample(long)}, 40), now
				},
				"handover0": func(v *View) { v.Kind, v.Incident, v.Start = "handover", incident.Incident{}, now },
				"notice": func(v *View) {
					v.Kind, v.Incident, v.Text = "notice", incident.Incident{}, strings.Repeat("Đã ghi nhận. ", map[bool]int{false: 1, true: 50}[long])
				},
				"storm": func(v *View) {
					for i := range 30 {
						v.Incident.Groups = append(v.Incident.Groups, incident.Group{Alerts: []incident.Alert{{Unit: fmt.Sprint("u", i), System: "s", Severity: "critical", Since: now}}})
					}
				},
				"nothing": func(v *View) { v.Incident.Groups = nil },
			} {
				v := View{
					Kind: "alert", About: incident.Opened, Person: alerting.Person{ID: "an", Language: lang}, Incident: sample(long), Now: now, Zone: zone, Seq: 7,
					AckURL: "https://watch.example/ack/x", WebURL: "https://watch.example/i", Names: names(long),
				}
				if long {
					v.Seq = 99999
				}
				change(&v)
				out[fmt.Sprintf("%s/%s/long=%v", kind, lang, long)] = v
			}
		}
	}
	return out
}

func TestEveryPageFitsOneSMS(t *testing.T) {
	for name, v := range views() {
		p := Render(v)
		if n := utf8.RuneCountInString(p.Short); n > ShortMost || n == 0 {
			t.Errorf("%s: %d characters: %q", name, n, p.Short)
		}
		if !GSM(p.Short) || !GSM(p.Subject) {
			t.Errorf("%s: not GSM: %q / %q", name, p.Short, p.Subject)
		}
		if n := len(p.Subject); n > 120 || n == 0 {
			t.Errorf("%s: subject of %d: %q", name, n, p.Subject)
		}
		if p.Text == "" || p.Speech == "" || strings.Contains(p.Text, "%!") || strings.Contains(p.Speech+p.Short, "%!") {
			t.Errorf("%s: text %q speech %q", name, p.Text, p.Speech)
		}
		if !strings.HasSuffix(p.Short, fmt.Sprintf("#%d", v.Seq)) {
			t.Errorf("%s: the sequence number is missing, so carriers may drop it as a duplicate: %q", name, p.Short)
		}
		if strings.HasPrefix(name, "alert") || strings.HasPrefix(name, "storm") || strings.HasPrefix(name, "repeat") {
			if !strings.Contains(p.Short, "A "+v.Incident.Code) {
				t.Errorf("%s: the code to reply is cut off: %q", name, p.Short)
			}
		}
	}
}

func TestShortTexts(t *testing.T) {
	all := views()
	for name, want := range map[string]string{
		"alert/vi/long=false":     "KHAN: So Tai chinh/Cong dich vu cong: khong truy cap duoc tu 23:51 29/12. Tra loi A 7421 #7",
		"alert/en/long=false":     "CRITICAL: So Tai chinh/Cong dich vu cong: khong truy cap duoc since 23:51 29/12. Reply A 7421 #7",
		"drill/vi/long=false":     "DIEN TAP. KHAN: So Tai chinh/Cong dich vu cong: khong truy cap duoc tu 23:51 29/12. Tra loi A 7421 #7",
		"repeat/vi/long=false":    "(Co the lap) KHAN: So Tai chinh/Cong dich vu cong: khong truy cap duoc tu 23:51 29/12. Tra loi A 7421 #7",
		"taken/vi/long=false":     "Nguyen Van A da tiep nhan 7421 So Tai chinh/Cong dich vu cong 23:58 29/12 #7",
		"handover0/vi/long=false": "CA TRUC tu 23:58 29/12. Khong co su co dang mo. #7",
		"test/vi/long=false":      "KIEM TRA. nhan ca 17:00 29/08 Tra loi A 7421 de xac nhan may nhan duoc. #7",
	} {
		if got := Render(all[name]).Short; got != want {
			t.Errorf("%s:\n got %q\nwant %q", name, got, want)
		}
	}
}

func TestSpeechIsWholeSentences(t *testing.T) {
	got := Render(views()["alert/vi/long=false"]).Speech
	want := "Hệ thống giám sát báo sự cố khẩn cấp. Đơn vị: Sở Tài chính. Hệ thống: Cổng dịch vụ công. Tình trạng: Cổng không truy cập được. " +
		"Bắt đầu lúc hai mươi ba giờ năm mươi mốt phút, ngày hai mươi chín tháng mười hai. Chưa trả lời: Nguyễn Văn A. " +
		"Bấm phím một để tiếp nhận. Bấm phím hai để chuyển cấp trên. Bấm phím ba để nghe lại. Bấm phím chín nếu không thể xử lý."
	if got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestNumbersAreSpoken(t *testing.T) {
	for n, want := range map[int][2]string{
		0: {"không", "zero"}, 1: {"một", "one"}, 5: {"năm", "five"}, 10: {"mười", "ten"}, 11: {"mười một", "eleven"}, 15: {"mười lăm", "fifteen"},
		20: {"hai mươi", "twenty"}, 21: {"hai mươi mốt", "twenty one"}, 24: {"hai mươi bốn", "twenty four"}, 55: {"năm mươi lăm", "fifty five"},
		100: {"một trăm", "one hundred"}, 105: {"một trăm linh năm", "one hundred and five"}, 115: {"một trăm mười lăm", "one hundred and fifteen"},
		1000: {"một nghìn", "one thousand"}, 2005: {"hai nghìn không trăm linh năm", "two thousand and five"}, 2026: {"hai nghìn không trăm hai mươi sáu", "two thousand and twenty six"},
		7421: {"bảy nghìn bốn trăm hai mươi mốt", "seven thousand four hundred and twenty one"}, 100000: {"một trăm nghìn", "one hundred thousand"},
	} {
		if vi, en := Number(n, "vi"), Number(n, "en"); vi != want[0] || en != want[1] {
			t.Errorf("%d: %q, %q; want %q", n, vi, en, want)
		}
	}
	if got := Digits("7421", "vi"); got != "bảy, bốn, hai, một" {
		t.Error(got)
	}
}

func TestFold(t *testing.T) {
	for in, want := range map[string]string{
		"Đường dây nóng": "Duong day nong", "tiê\u0301ng Viê\u0323t": "tieng Viet", "a\n\tb": "a b", "[x] {y} | ~": "(x) (y) / -", "giá 5€ …": "gia 5? .", "“ngoặc”": `"ngoac"`,
	} {
		if got := Fold(in); got != want || !GSM(got) {
			t.Errorf("Fold(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestClockAndDuration(t *testing.T) {
	if got := Clock(time.Date(2027, 2, 5, 7, 3, 0, 0, zone)); got != "07:03 05/02" {
		t.Error(got)
	}
	for d, want := range map[time.Duration]string{0: "0 giây", 45 * time.Second: "45 giây", 112 * time.Minute: "1 giờ 52 phút", 24 * time.Hour: "1 ngày", 49*time.Hour + time.Second: "2 ngày 1 giờ"} {
		if got := Duration(d, "vi"); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

// Every What of an incident has a sentence in both languages.
func TestEveryLineHasASentence(t *testing.T) {
	for _, what := range []string{
		incident.Opened, incident.Grown, incident.Shrunk, incident.Raised, incident.Recovered, incident.Reopened, incident.Waiting, incident.Stepped,
		incident.Paged, incident.Nobody, incident.NextRound, incident.GaveUp, incident.Acked, incident.HalfAcked, incident.AckExpired, incident.Escalated,
		incident.Unable, incident.StepFailed, incident.Repeated, incident.Noted, incident.Silenced, incident.SilenceOver, incident.ClosedBy,
		incident.MergedInto, incident.HandedOver,
	} {
		l := incident.Line{What: what, Who: "an", How: "voice", Text: now.Format(time.RFC3339)}
		vi, en := Line(l, "vi", nil, zone), Line(l, "en", nil, zone)
		if vi == "" || en == "" || vi == en || strings.Contains(vi+en, "%") {
			t.Errorf("%s: %q, %q", what, vi, en)
		}
	}
	l := incident.Line{What: incident.Acked, Who: "an", How: "voice"}
	if got := Line(l, "vi", names(false).Person, zone); got != "Nguyễn Văn A tiếp nhận qua cuộc gọi" {
		t.Error(got)
	}
}

func FuzzFold(f *testing.F) {
	f.Add("Đường \x00\xff [~]")
	f.Fuzz(func(t *testing.T, s string) {
		if got := Fold(s); !GSM(got) {
			t.Errorf("Fold(%q) = %q", s, got)
		}
	})
}
