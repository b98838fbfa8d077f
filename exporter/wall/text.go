package wall

import (
	"fmt"
	"strings"
	"time"
)

// text is every word of the pages in one language.
type text struct {
	Lang                                                     string
	Title, Newest, Never, Ago, Since, OnDuty, Deputy, Nobody string
	Alerts, NoAlerts, AckedBy, NotAcked, Silenced, Runbook   string
	Units, Systems, AllUp, Empty, MoreProblems, MoreAlerts   string
	Lost, LostHint, Stale, UplinkLost, Blind, ConfigBad      string
	NeverLooked, StaleReason, Restored, Pending, Findings    string
	Back, Checks, Address, Verdict, Took, Detail, Phases     string
	Certificates, ValidFrom, ValidTo, Issuer, Names, Key     string
	FindingsHead, Expected, Found, Evidence, Where, Severity string
	Contacts, NoContacts, Role, Phone, Email, WhatToDo       string
	Last24, Availability, NoHistory, Covered, Level, Owner   string
	Every, Interval, Answers, Hops, Reason, Server, Windows  string
	NotFound, NotFoundHint, OtherLang, OtherTheme, Instance  string
	states                                                   map[State]string
	severities                                               map[string]string
	units                                                    [4]string // day, hour, minute, second
	phases                                                   map[string]string
}

// State is the state's word, in capitals as on the tiles.
func (t *text) State(s State) string { return t.states[s] }

// texts are the languages; nobody writes them after start.
var texts = map[string]*text{
	"vi": {
		Lang: "vi", Title: "Giám sát hệ thống công khai", Newest: "Kết quả mới nhất", Never: "chưa có", Ago: "trước", Since: "từ",
		OnDuty: "Cán bộ trực", Deputy: "Trưởng ca", Nobody: "CHƯA CÓ NGƯỜI TRỰC",
		Alerts: "Cảnh báo", NoAlerts: "Không có cảnh báo", AckedBy: "đã tiếp nhận:", NotAcked: "chưa tiếp nhận", Silenced: "tạm dừng cảnh báo", Runbook: "hướng dẫn",
		Units: "Đơn vị", Systems: "hệ thống", AllUp: "Tất cả hệ thống đang hoạt động", Empty: "Chưa khai báo hệ thống nào", MoreProblems: "hệ thống khác có vấn đề", MoreAlerts: "cảnh báo khác",
		Lost: "MẤT KẾT NỐI VỚI MÁY CHỦ GIÁM SÁT", LostHint: "Số liệu trên màn hình đã cũ, dừng lúc", Stale: "KHÔNG CÓ KẾT QUẢ ĐO MỚI", UplinkLost: "MẤT ĐƯỜNG TRUYỀN CỦA ĐIỂM GIÁM SÁT", Blind: "Trạng thái các hệ thống hiện không xác định được; không phải lỗi của đơn vị", ConfigBad: "Cấu hình mới có lỗi, đang dùng cấu hình cũ",
		NeverLooked: "chưa đo lần nào", StaleReason: "quá lâu không có kết quả", Restored: "trước khi khởi động lại, chưa đo lại", Pending: "đang xác nhận", Findings: "phát hiện",
		Back: "Về màn hình chính", Checks: "Phép kiểm tra", Address: "Địa chỉ", Verdict: "Kết quả", Took: "Thời gian", Detail: "Chi tiết", Phases: "Các bước",
		Certificates: "Chứng thư số", ValidFrom: "Hiệu lực từ", ValidTo: "đến", Issuer: "Nơi cấp", Names: "Tên", Key: "Khóa",
		FindingsHead: "Phát hiện", Expected: "Mong đợi", Found: "Thực tế", Evidence: "Bằng chứng", Where: "Tại", Severity: "Mức độ",
		Contacts: "Đầu mối liên hệ của đơn vị", NoContacts: "Chưa khai báo đầu mối liên hệ", Role: "Vai trò", Phone: "Điện thoại", Email: "Thư điện tử", WhatToDo: "Việc cần làm",
		Last24: "24 giờ qua", Availability: "độ khả dụng", NoHistory: "không có số liệu", Covered: "có số liệu trong", Level: "Cấp độ", Owner: "Đơn vị vận hành",
		Every: "chu kỳ", Interval: "Chu kỳ", Answers: "Bản ghi trả lời", Hops: "Chuyển hướng", Reason: "Nguyên nhân", Server: "Máy chủ", Windows: "Bảo trì theo kế hoạch",
		NotFound: "Không có trang này", NotFoundHint: "Hệ thống có thể đã được đổi tên hoặc gỡ khỏi danh mục.", OtherLang: "English", OtherTheme: "Nền sáng/tối", Instance: "Đích",
		states:     map[State]string{Up: "HOẠT ĐỘNG", Degraded: "SUY GIẢM", Down: "MẤT KẾT NỐI", Unknown: "KHÔNG RÕ", Maintenance: "BẢO TRÌ"},
		severities: map[string]string{"critical": "KHẨN CẤP", "warning": "CẢNH BÁO", "info": "THÔNG TIN", "page": "gọi ngay", "today": "trong ca trực", "ticket": "ngày làm việc tới", "note": "ghi nhận"},
		units:      [4]string{"ngày", "giờ", "phút", "giây"},
		phases:     map[string]string{"resolve": "phân giải tên", "connect": "kết nối", "tls": "bắt tay TLS", "processing": "xử lý", "transfer": "truyền"},
	},
	"en": {
		Lang: "en", Title: "Public systems watch", Newest: "Newest result", Never: "none yet", Ago: "ago", Since: "since",
		OnDuty: "On duty", Deputy: "Shift leader", Nobody: "NOBODY ON DUTY",
		Alerts: "Alerts", NoAlerts: "No alerts", AckedBy: "taken by", NotAcked: "not acknowledged", Silenced: "silenced", Runbook: "runbook",
		Units: "Units", Systems: "systems", AllUp: "All systems are up", Empty: "No system is declared yet", MoreProblems: "more systems with problems", MoreAlerts: "more alerts",
		Lost: "LOST THE MONITORING SERVER", LostHint: "What you see is old; it stopped at", Stale: "NO NEW RESULTS", UplinkLost: "THE UPLINK OF THIS VANTAGE IS LOST", Blind: "The state of the systems can't be told now; it is not the units' fault", ConfigBad: "The new configuration has mistakes, the old one is in use",
		NeverLooked: "not looked at yet", StaleReason: "no result for too long", Restored: "from before the restart, not seen again yet", Pending: "being confirmed", Findings: "findings",
		Back: "Back to the wall", Checks: "Checks", Address: "Address", Verdict: "Result", Took: "Took", Detail: "Detail", Phases: "Phases",
		Certificates: "Certificates", ValidFrom: "Valid from", ValidTo: "to", Issuer: "Issuer", Names: "Names", Key: "Key",
		FindingsHead: "Findings", Expected: "Expected", Found: "Found", Evidence: "Evidence", Where: "Where", Severity: "Severity",
		Contacts: "Contacts of the unit", NoContacts: "No contacts are declared", Role: "Role", Phone: "Phone", Email: "E-mail", WhatToDo: "What to do",
		Last24: "Last 24 hours", Availability: "availability", NoHistory: "no figures", Covered: "figures of", Level: "Level", Owner: "Run by",
		Every: "every", Interval: "Interval", Answers: "Records answered", Hops: "Redirects", Reason: "Reason", Server: "Server", Windows: "Planned maintenance",
		NotFound: "There is no such page", NotFoundHint: "The system may have been renamed or taken off the inventory.", OtherLang: "Tiếng Việt", OtherTheme: "Light/dark", Instance: "Target",
		states:     map[State]string{Up: "UP", Degraded: "DEGRADED", Down: "DOWN", Unknown: "UNKNOWN", Maintenance: "MAINTENANCE"},
		severities: map[string]string{"critical": "CRITICAL", "warning": "WARNING", "info": "INFO", "page": "page now", "today": "this shift", "ticket": "next working day", "note": "note"},
		units:      [4]string{"d", "h", "min", "s"},
		phases:     map[string]string{"resolve": "resolve", "connect": "connect", "tls": "TLS handshake", "processing": "processing", "transfer": "transfer"},
	},
}

// speech picks the language: what was asked for, else Vietnamese.
func speech(lang string) *text {
	if t, ok := texts[lang]; ok {
		return t
	}
	return texts["vi"]
}

// Word looks a closed word up (severity, phase) and gives it back unchanged
// when it is not known.
func (t *text) Word(w string) string {
	if s, ok := t.severities[w]; ok {
		return s
	}
	if s, ok := t.phases[w]; ok {
		return s
	}
	return w
}

// Duration prints at most two units, as a person says it: "1 giờ 52 phút".
// wall.js prints the same way.
func (t *text) Duration(d time.Duration) string {
	s := max(int64(d/time.Second), 0)
	parts := [4]int64{s / 86400, s / 3600 % 24, s / 60 % 60, s % 60}
	first := 0
	for first < 3 && parts[first] == 0 {
		first++
	}
	out := []string{fmt.Sprintf("%d %s", parts[first], t.units[first])}
	if first < 3 && parts[first+1] > 0 {
		out = append(out, fmt.Sprintf("%d %s", parts[first+1], t.units[first+1]))
	}
	return strings.Join(out, " ")
}

// Lasted prints a measured time: "1,60 ms" in Vietnamese, "1.60 ms" in English.
func (t *text) Lasted(d time.Duration) string {
	var out string
	switch {
	case d >= time.Second:
		out = fmt.Sprintf("%.2f %s", d.Seconds(), t.units[3])
	case d >= 10*time.Millisecond:
		out = fmt.Sprintf("%.0f ms", d.Seconds()*1000)
	default:
		out = fmt.Sprintf("%.2f ms", d.Seconds()*1000)
	}
	if t.Lang == "vi" {
		return strings.Replace(out, ".", ",", 1)
	}
	return out
}

// Units4 is the words of Duration for wall.js, separated by "|".
func (t *text) Units4() string { return strings.Join(t.units[:], "|") }

// Clock prints a moment: the time of day, with the date when it is another day.
func (t *text) Clock(at, now time.Time) string {
	at = at.In(now.Location())
	if at.YearDay() == now.YearDay() && at.Year() == now.Year() {
		return at.Format("15:04:05")
	}
	return at.Format("15:04") + " " + t.Date(at)
}

// Short is Clock without the seconds.
func (t *text) Short(at, now time.Time) string {
	at = at.In(now.Location())
	if at.YearDay() == now.YearDay() && at.Year() == now.Year() {
		return at.Format("15:04")
	}
	return t.Date(at)
}

// Date prints 02/9/2026 in Vietnamese (Nghị định 30/2020), 2026-09-02 in English.
func (t *text) Date(at time.Time) string {
	if t.Lang != "vi" {
		return at.Format("2006-01-02")
	}
	month := fmt.Sprint(int(at.Month()))
	if at.Month() <= 2 {
		month = "0" + month
	}
	return fmt.Sprintf("%02d/%s/%d", at.Day(), month, at.Year())
}

// Day prints the weekday and date at the head.
func (t *text) Day(at time.Time) string {
	if t.Lang != "vi" {
		return at.Format("Monday") + " " + t.Date(at)
	}
	days := [...]string{"Chủ nhật", "Thứ hai", "Thứ ba", "Thứ tư", "Thứ năm", "Thứ sáu", "Thứ bảy"}
	return days[at.Weekday()] + ", " + t.Date(at)
}
