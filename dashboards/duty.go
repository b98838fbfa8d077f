package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
)

// duty watches the pager: who is on duty, what waits, and whether the channels
// reach anybody.
func duty() *builder {
	yes := func(no, ok string) []dashboard.ValueMapping {
		return words([3]string{"0", "✖ " + no, vermillion}, [3]string{"1", "✔ " + ok, blue})
	}
	return base("watchpost-oncall", "Trực: người, kênh gọi, sự cố",
		"Bộ phận gọi người trực: ai trực, sự cố nào chưa ai nhận, kênh nào gọi được.", "30s").
		Time("now-24h", "now").
		WithPanel(number(1, at(0, 0, 4, 4), "Cán bộ đang trực", "Số cán bộ trực theo bảng phân công, không kể trưởng ca.",
			`max(watchpost_oncall_officers_on_duty)`, "none", steps(vermillion, 1.0, yellow, 2.0, blue))).
		WithPanel(number(2, at(4, 0, 4, 4), "Chưa ai tiếp nhận", "Số sự cố đang mở mà chưa có người tiếp nhận.",
			`sum(watchpost_oncall_incidents{status="open"}) or vector(0)`, "none", steps(grey, 1.0, vermillion))).
		WithPanel(number(3, at(8, 0, 4, 4), "Đang xử lý", "Số sự cố đã có người tiếp nhận và chưa hết.",
			`sum(watchpost_oncall_incidents{status="acknowledged"}) or vector(0)`, "none", steps(grey, 1.0, yellow))).
		WithPanel(number(4, at(12, 0, 4, 4), "Tin gọi đang chờ", "Số tin gọi chưa gửi được, mọi kênh.",
			`sum(watchpost_oncall_queue_pages) or vector(0)`, "none", steps(grey, 20.0, yellow))).
		WithPanel(number(5, at(16, 0, 4, 4), "Bàn trực làm việc cách đây", "Bình thường dưới 10 giây; quá 1 phút là bộ phận gọi trực bị treo.",
			`time() - max(watchpost_oncall_desk_timestamp_seconds)`, "s", steps(blue, 60.0, vermillion))).
		WithPanel(number(6, at(20, 0, 4, 4), "Khoảng trống lịch trực sau", "Còn bao lâu đến lúc không ai trực; không có số liệu là không có khoảng trống.",
			`min(watchpost_oncall_roster_gap_timestamp_seconds) - time()`, "dtdurations", steps(vermillion, 86400.0, yellow)).NoValue("Không có khoảng trống")).
		WithPanel(timeline(7, at(0, 4, 12, 7), "Kênh gọi", "Mỗi kênh tự báo có hoạt động hay không.",
			`min by (channel) (watchpost_oncall_channel_up)`, "{{channel}}").Mappings(yes("HỎNG", "Hoạt động"))).
		WithPanel(timeline(8, at(12, 4, 12, 7), "Nhịp báo sống", "Nguồn đã im lặng quá lâu: máy giám sát ở nơi đó có thể đã ngừng.",
			`1 - max by (source) (watchpost_oncall_heartbeat_lost)`, "{{source}}").Mappings(yes("MẤT", "Có"))).
		WithPanel(lines(9, at(0, 11, 12, 7), "Lần gửi theo kênh và kết quả", "Số lần giao tin cho kênh trong 15 phút.", "none",
			`sum by (channel, result) (increase(watchpost_oncall_attempts_total[15m]))`, "{{channel}} {{result}}")).
		WithPanel(lines(10, at(12, 11, 12, 7), "Tuổi của tin chờ lâu nhất", "Quá 3 phút là có tin gọi chưa tới ai.", "s",
			`time() - min by (channel) (watchpost_oncall_queue_oldest_timestamp_seconds)`, "{{channel}}").NoValue("Không có tin nào chờ")).
		WithPanel(lines(11, at(0, 18, 8, 7), "Tiền của kênh", "Số dư của SIM hoặc tài khoản theo nhà mạng.", "none",
			`max by (channel, currency) (watchpost_oncall_channel_credit)`, "{{channel}} {{currency}}")).
		WithPanel(lines(12, at(8, 18, 8, 7), "Sóng của modem", "Cường độ sóng, từ 0 đến 1.", "percentunit",
			`min by (channel) (watchpost_oncall_channel_value{name="signal_ratio"})`, "{{channel}}")).
		WithPanel(lines(13, at(16, 18, 8, 7), "Trả lời qua tin nhắn", "Số tin trả lời trong 1 giờ, theo cách hiểu.", "none",
			`sum by (result) (increase(watchpost_oncall_replies_total[1h]))`, "{{result}}")).
		WithPanel(whoIsOnDuty()).
		WithPanel(saved())
}

func whoIsOnDuty() *table.PanelBuilder {
	return table.NewPanelBuilder().Id(14).GridPos(at(0, 25, 16, 6)).
		Title("Ai đang trực").Description("Theo bảng phân công lúc này; mã người, không có số điện thoại.").Datasource(source()).
		WithTarget(tableQuery("A", `max by (person, role) (watchpost_oncall_officer_info)`)).
		Unit("none").NoValue("KHÔNG CÓ AI TRỰC").Footer(noFooter()).
		WithTransformation(dashboard.DataTransformerConfig{Id: "organize", Options: map[string]any{
			"excludeByName": map[string]any{"Time": true, "Value": true},
			"indexByName":   map[string]any{"role": 0, "person": 1},
			"renameByName":  map[string]any{"role": "Vai trò", "person": "Người trực"},
		}}).
		OverrideByName("Vai trò", []dashboard.DynamicConfigValue{property("mappings", words(
			[3]string{"officer", "Cán bộ trực", blue}, [3]string{"deputy", "Trưởng ca", slate}, [3]string{"hotline", "Đường dây nóng", grey},
		))})
}

func saved() *stat.PanelBuilder {
	return number(15, at(16, 25, 8, 6), "Sổ sự cố và nhật ký", "Ghi được xuống đĩa hay không; không ghi được thì vẫn gọi, nhưng khởi động lại có thể gọi lặp.",
		`min(watchpost_oncall_saved)`, "none", steps(grey)).
		Mappings(words([3]string{"0", "✖ KHÔNG GHI ĐƯỢC", vermillion}, [3]string{"1", "✔ Ghi được", blue}))
}
