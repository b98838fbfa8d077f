package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
)

// systemCode is the state of each system by the same rule as the built-in
// wall: 4 down, 3 degraded, 2 unknown, 1 up, 0 maintenance. A system with one
// check unknown is not up. The numbers rise with what an officer must see, so
// that topk takes the worst.
const systemCode = `((max by (unit, system) (watchpost_check_state >= 2) + 1 or 2 - min by (unit, system) (watchpost_check_state))` +
	` unless on (unit, system) (max by (unit, system) (watchpost_maintenance) == 1)` +
	` or 0 * (max by (unit, system) (watchpost_maintenance) == 1))`

// named adds the name that people know a system by.
const named = ` * on (unit, system) group_left (name) max by (unit, system, name) (watchpost_system_info)`

// share is the part of the known time that was not down, of all checks.
func share(window, step string) string {
	return `100 * (1 - sum(sum_over_time((watchpost_check_state == bool 3)[` + window + `:` + step + `])) / sum(sum_over_time((watchpost_check_state > bool 0)[` + window + `:` + step + `])))`
}

func wall() *builder {
	return base("watchpost-wall", "Màn hình trực: hệ thống công khai",
		"Màn hình treo tường, mở với ?kiosk, trình duyệt chạy --force-device-scale-factor=2 để đọc được từ 5 m. Tối đa 30 hệ thống; nhiều hơn thì dùng màn hình có sẵn của watchpost.", "10s").
		Time("now-1h", "now").
		WithPanel(number(1, at(0, 0, 4, 3), "Mất kết nối", "Số hệ thống đang mất kết nối đã được xác nhận, không kể đang bảo trì.",
			`count(`+systemCode+` == 4) or vector(0)`, "none", steps(grey, 1.0, vermillion))).
		WithPanel(number(2, at(4, 0, 4, 3), "Đơn vị bị ảnh hưởng", "Số đơn vị có ít nhất một hệ thống mất kết nối.",
			`count(count by (unit) (`+systemCode+` == 4)) or vector(0)`, "none", steps(grey, 1.0, vermillion))).
		WithPanel(number(3, at(8, 0, 3, 3), "Suy giảm", "Số hệ thống trả lời không đủ hoặc không đúng hoàn toàn.",
			`count(`+systemCode+` == 3) or vector(0)`, "none", steps(grey, 1.0, yellow))).
		WithPanel(number(4, at(11, 0, 3, 3), "Không rõ", "Số hệ thống mà điểm giám sát hiện không biết trạng thái; không phải lỗi của đơn vị.",
			`count(`+systemCode+` == 2) or vector(0)`, "none", steps(grey, 1.0, slate))).
		WithPanel(number(5, at(14, 0, 4, 3), "Kết quả mới nhất cách đây", "Tuổi của kết quả đo mới nhất. Quá 2 phút là chính hệ thống giám sát có vấn đề; trống là đã ngừng.",
			`time() - max(watchpost_check_last_observation_timestamp_seconds)`, "s", steps(blue, 120.0, vermillion))).
		WithPanel(number(6, at(18, 0, 3, 3), "Khả dụng 1 giờ", "Tỷ lệ thời gian đo được mà các phép đo không gián đoạn trong 1 giờ; số liệu chính thức lấy ở báo cáo.",
			share("1h", "1m"), "percent", steps(vermillion, 99.0, yellow, 99.9, blue))).
		WithPanel(number(7, at(21, 0, 3, 3), "Khả dụng 24 giờ", "Như trên, trong 24 giờ.",
			share("24h", "5m"), "percent", steps(vermillion, 99.0, yellow, 99.9, blue))).
		WithPanel(tiles()).
		WithPanel(problems())
}

func number(id uint32, pos dashboard.GridPos, title, description, expr, unit string, thresholds *dashboard.ThresholdsConfigBuilder) *stat.PanelBuilder {
	p := stat.NewPanelBuilder().Id(id).GridPos(pos).Title(title).Description(description).Datasource(source()).
		WithTarget(instant("A", expr, title)).
		Unit(unit).NoValue(noData).
		Thresholds(thresholds).ColorScheme(byThresholds()).
		ColorMode(common.BigValueColorModeBackgroundSolid).GraphMode(common.BigValueGraphModeNone).
		Text(common.NewVizTextDisplayOptionsBuilder().TitleSize(18).ValueSize(46))
	if unit == "percent" {
		return p.Decimals(2)
	}
	return p.Decimals(0)
}

func tiles() *stat.PanelBuilder {
	return stat.NewPanelBuilder().Id(8).GridPos(at(0, 3, 24, 6)).
		Title("Hệ thống").
		Description("Mỗi ô một hệ thống, tối đa 30 ô, hệ thống có vấn đề được giữ lại trước. Bấm để xem chi tiết.").
		Datasource(source()).
		WithTarget(instant("A", `(`+systemCode+` and topk(30, `+systemCode+`))`+named, "{{name}}")).
		Unit("none").NoValue(noData).
		Mappings(systemWords()).Thresholds(steps(grey)).ColorScheme(byThresholds()).
		ColorMode(common.BigValueColorModeBackgroundSolid).GraphMode(common.BigValueGraphModeNone).
		TextMode(common.BigValueTextModeValueAndName).
		Text(common.NewVizTextDisplayOptionsBuilder().TitleSize(24).ValueSize(16)).
		DataLinks([]cog.Builder[dashboard.DashboardLink]{toSystem("${__field.labels.unit}", "${__field.labels.system}")})
}

// toSystem links to the system's dashboard.
func toSystem(unit, system string) *dashboard.DashboardLinkBuilder {
	return dashboard.NewDashboardLinkBuilder("Chi tiết hệ thống").
		Type(dashboard.DashboardLinkTypeLink).
		Url("/d/watchpost-system?var-unit=" + unit + "&var-system=" + system)
}

// problems lists what is not up, check by check: state, how long, why.
func problems() *table.PanelBuilder {
	const bad = `(max by (unit, system, check) (watchpost_check_state) != 1)`
	const why = ` * on (unit, system, check) group_left (reason) max by (unit, system, check, reason) (watchpost_check_reason_info)`
	state := tableQuery("A", bad+why)
	long := tableQuery("B", `((time() - max by (unit, system, check) (watchpost_check_state_since_timestamp_seconds)) and `+bad+`)`+why)
	return table.NewPanelBuilder().Id(9).GridPos(at(0, 9, 24, 5)).
		Title("Đang có vấn đề").
		Description("Các phép đo không ở trạng thái hoạt động: trạng thái, nguyên nhân, kéo dài bao lâu kể từ lần đo hỏng đầu tiên.").
		Datasource(source()).
		WithTarget(state).
		WithTarget(long).
		Unit("none").NoValue("Không có vấn đề nào").Footer(noFooter()).
		WithTransformation(dashboard.DataTransformerConfig{Id: "merge", Options: map[string]any{}}).
		WithTransformation(dashboard.DataTransformerConfig{Id: "organize", Options: map[string]any{
			"excludeByName": map[string]any{"Time": true},
			"indexByName":   map[string]any{"Value #A": 0, "unit": 1, "system": 2, "check": 3, "reason": 4, "Value #B": 5},
			"renameByName":  map[string]any{"Value #A": "Trạng thái", "unit": "Đơn vị", "system": "Hệ thống", "check": "Phép đo", "reason": "Nguyên nhân", "Value #B": "Kéo dài"},
		}}).
		SortBy([]cog.Builder[common.TableSortByFieldState]{common.NewTableSortByFieldStateBuilder().DisplayName("Trạng thái").Desc(true)}).
		// Mappings stand on the state's column only: at the panel they hit every text column too.
		OverrideByName("Trạng thái", []dashboard.DynamicConfigValue{
			property("mappings", checkWords()),
			property("custom.cellOptions", map[string]any{"type": "color-background", "mode": "basic"}),
		}).
		OverrideByName("Kéo dài", []dashboard.DynamicConfigValue{property("unit", "dtdurations")})
}
