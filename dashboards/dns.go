package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/table"
)

// zones is the selector of the checks of DNS integrity.
const zones = `{kind=~"dns_zone|dns_name"}`

// ofUnit is the selector of the unit that the variable names.
const ofUnit = `{unit="$unit"}`

func dns() *builder {
	const day = 86400.0
	return base("watchpost-dns", "Tên miền: ủy quyền, máy chủ, DNSSEC, hạn đăng ký",
		"Tính toàn vẹn tên miền của mọi đơn vị, và từng máy chủ tên miền của một đơn vị.", "1m").
		Time("now-24h", "now").
		WithVariable(labelValues("unit", "Đơn vị", "label_values(watchpost_zone_servers, unit)")).
		WithPanel(number(1, at(0, 0, 4, 4), "Vùng có phát hiện khẩn", "Số hệ thống có ít nhất một phát hiện mức khẩn về tên miền.",
			`count(count by (unit, system) (watchpost_finding{kind=~"dns_zone|dns_name",severity="page"})) or vector(0)`, "none", steps(grey, 1.0, vermillion))).
		WithPanel(number(2, at(4, 0, 4, 4), "Nguyên nhân chung", "Số nơi (vùng cấp trên, máy chủ, bộ phân giải) mà nhiều đơn vị cùng hỏng vì nó; được gọi một lần cho tất cả.",
			`count(finding:watchpost_units:shared{severity="page"}) or vector(0)`, "none", steps(grey, 1.0, vermillion))).
		WithPanel(number(3, at(8, 0, 4, 4), "Vùng không có DNSSEC hợp lệ", "Số vùng không ký, hoặc có máy chủ mà câu trả lời không xác thực được.",
			`count(min by (unit, system, check) (watchpost_zone_secure) == 0) or vector(0)`, "none", steps(blue, 1.0, yellow))).
		WithPanel(number(4, at(12, 0, 4, 4), "Máy chủ trả lời sai", "Số địa chỉ máy chủ tên miền không trả lời hoặc trả lời không đúng.",
			`sum(max by (unit, system, check) (watchpost_zone_servers - watchpost_zone_servers_ok)) or vector(0)`, "none", steps(blue, 1.0, yellow))).
		WithPanel(number(5, at(16, 0, 4, 4), "Chữ ký hết hạn sớm nhất sau", "Thời gian đến khi chữ ký DNSSEC đầu tiên hết hạn, trong mọi vùng.",
			`min(watchpost_zone_signature_left_seconds)`, "dtdurations", steps(vermillion, 0.5*day, yellow, 3*day, blue))).
		WithPanel(number(6, at(20, 0, 4, 4), "Đăng ký hết hạn sớm nhất sau", "Số ngày đến khi đăng ký tên miền đầu tiên hết hạn; âm là đã hết hạn.",
			`(min(watchpost_registration_expiry_timestamp_seconds) - time()) / 86400`, "suffix: ngày", steps(vermillion, 14.0, yellow, 60.0, blue))).
		WithPanel(zoneFindings()).
		WithPanel(timeline(8, at(0, 13, 12, 7), "DNSSEC của từng máy chủ", "Câu trả lời của từng địa chỉ máy chủ tên miền xác thực được hay không, đo riêng từng máy chủ.",
			`min by (system, server, address) (watchpost_zone_server_secure`+ofUnit+`)`, "{{system}} {{server}} {{address}}").
			Mappings(words([3]string{"0", "✖ Không", vermillion}, [3]string{"1", "✔ Xác thực", blue}))).
		WithPanel(lines(9, at(12, 13, 12, 7), "Số sê-ri chậm hơn máy chủ mới nhất", "Máy chủ phụ chậm lâu là không nhận được bản mới của vùng.", "none",
			`max by (system, server, address) (watchpost_zone_server_serial_lag`+ofUnit+`)`, "{{system}} {{server}} {{address}}")).
		WithPanel(lines(10, at(0, 20, 12, 7), "Chữ ký còn hiệu lực", "Thời gian đến khi chữ ký đầu tiên của vùng hết hạn; đường răng cưa đều là ký lại đúng hạn.", "dtdurations",
			`min by (system, check) (watchpost_zone_signature_left_seconds`+ofUnit+`)`, "{{system}} {{check}}")).
		WithPanel(lines(11, at(12, 20, 12, 7), "Máy chủ trả lời đúng", "Số địa chỉ máy chủ tên miền trả lời đúng.", "none",
			`min by (system, check) (watchpost_zone_servers_ok`+ofUnit+`)`, "{{system}} {{check}}")).
		WithPanel(timeline(12, at(0, 27, 24, 6), "Kết luận về vùng", "Trạng thái đã xác nhận của phép đo tên miền.",
			`max by (system, check) (watchpost_check_state{unit="$unit",kind=~"dns_zone|dns_name"})`, "{{system}} {{check}}").Mappings(checkWords()))
}

func zoneFindings() *table.PanelBuilder {
	return table.NewPanelBuilder().Id(7).GridPos(at(0, 4, 24, 9)).
		Title("Phát hiện về tên miền").Description("Mọi điều sai về tên miền của mọi đơn vị, mức khẩn trước; hướng dẫn xử lý theo nguyên nhân.").Datasource(source()).
		WithTarget(tableQuery("A", `max by (unit, system, reason, severity, where) (watchpost_finding`+zones+`)`)).
		Unit("none").NoValue("Không có phát hiện nào").Footer(noFooter()).
		WithTransformation(dashboard.DataTransformerConfig{Id: "organize", Options: map[string]any{
			"excludeByName": map[string]any{"Time": true, "Value": true},
			"indexByName":   map[string]any{"severity": 0, "unit": 1, "system": 2, "reason": 3, "where": 4},
			"renameByName":  map[string]any{"severity": "Mức độ", "unit": "Đơn vị", "system": "Hệ thống", "reason": "Nguyên nhân", "where": "Tại"},
		}}).
		SortBy([]cog.Builder[common.TableSortByFieldState]{common.NewTableSortByFieldStateBuilder().DisplayName("Mức độ")}).
		OverrideByName("Mức độ", []dashboard.DynamicConfigValue{
			property("mappings", severityWords()),
			property("custom.cellOptions", map[string]any{"type": "color-background", "mode": "basic"}),
		})
}

// severityWords are the values of the label severity of watchpost_finding. Their
// numbers sort them, the gravest first.
func severityWords() []dashboard.ValueMapping {
	return words(
		[3]string{"page", "1 ✖ KHẨN", vermillion}, [3]string{"today", "2 ▲ TRONG CA", yellow},
		[3]string{"ticket", "3 PHIẾU VIỆC", slate}, [3]string{"note", "4 GHI NHẬN", grey},
	)
}
